"""What stands for a number in text, and what for a missing one."""

from __future__ import annotations

MISSING = ["", "NaN", "nan", "null", "None", "NA"]

# What Arrow's reader takes for a number, in a syntax that both re and RE2 read.
NUMBER = (
    r"[ \t]*[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
    r"|[iI][nN][fF]([iI][nN][iI][tT][yY])?|[nN][aA][nN](\([0-9a-zA-Z_]*\))?)[ \t]*"
)

# All that may stand in a column of numbers.
ACCEPTED = f"({NUMBER}|{'|'.join(MISSING)})"
