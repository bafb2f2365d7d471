"""How a CSV file is written: told by the user, or seen in its first lines."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field

from losscli.readers.csv_cuts import Quotes
from losscli.readers.number_text import MISSING, NUMBER
from losscli.readers.text_options import TextOptions
from losscli.records import dataclass

DELIMITERS = ",;\t|"
SNIFFED_LINES = 100

_COMMA_NUMBER = r"[+-]?(?:[0-9]+,[0-9]*|,[0-9]+)(?:[eE][+-]?[0-9]+)?"
_POINT_NUMBER = r"[+-]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_WHOLE_NUMBER = r"[+-]?[0-9]+"


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written.

    `headers` are the names of the columns, in order, as they stand in the
    file, blanks and all.  `data_start` is the byte behind the header; 0 where
    the header is left to Arrow to find.  `quote` is "" where values are not
    quoted.  `numbers` are the columns that look like numbers, of which text
    has a decimal point, whatever stands in the file.
    """

    delimiter: str
    headers: Mapping[str, str]
    data_start: int
    quote: str = '"'
    decimal: str = "."
    header: bool = True
    numbers: frozenset[str] = field(default=frozenset())

    @property
    def number(self) -> str:
        """The regular expression of a number, in the syntax of both re and RE2."""
        return NUMBER if self.decimal == "." else NUMBER.replace(r"\.", self.decimal)

    def said(self, encoding: str | None) -> dict[str, object]:
        """What is not as in most CSV files, for people and JSON."""
        found: dict[str, object] = {}
        if self.delimiter != ",":
            found["delimiter"] = self.delimiter
        if self.quote != '"':
            found["quote"] = self.quote
        if self.decimal != ".":
            found["decimal"] = self.decimal
        if encoding is not None:
            found["encoding"] = encoding
        if not self.header:
            found["header"] = False
        return found


def delimiter_of(head: str, options: TextOptions) -> str:
    """The character between values: the one that parts every one of the first lines into as many values.

    Of several it is the one that makes the most values; where none does, and of
    equals, the comma comes first.
    """
    if options.delimiter is not None:
        return options.delimiter
    header = head.split("\n", 1)[0]
    present = [one for one in DELIMITERS if one in header and one != options.decimal]
    if len(present) <= 1:
        return present[0] if present else ","
    quote = '"' if options.quote is None else options.quote
    lines = head.splitlines()[:SNIFFED_LINES]
    even = [one for one in present if len({_values(line, one, quote) for line in lines if line}) == 1]
    if not even and "," in present:
        return ","
    return max(even or present, key=lambda one: _values(header, one, quote))


def decimal_of(delimiter: str, sample: Sequence[Sequence[str]], options: TextOptions) -> str:
    """The decimal point: a comma if it stands in all numbers of some column and a point in those of none."""
    if options.decimal is not None:
        return options.decimal
    if delimiter == ",":
        return "."
    columns = [[value.strip() for value in values if value.strip() not in MISSING] for values in sample]
    with_comma = any(
        any(re.fullmatch(_COMMA_NUMBER, value) for value in values)
        and all(re.fullmatch(_COMMA_NUMBER, value) or re.fullmatch(_WHOLE_NUMBER, value) for value in values)
        for values in columns
    )
    with_point = any(values and all(re.fullmatch(_POINT_NUMBER, value) for value in values) for values in columns)
    return "," if with_comma and not with_point else "."


def _values(line: str, delimiter: str, quote: str) -> int:
    """How many values a line has."""
    if not quote or quote not in line:
        return line.count(delimiter) + 1
    data = line.encode()
    turns = Quotes(delimiter, quote).turns(data, len(data)).tolist()
    outside, start, inside = 0, 0, False
    for turn in [*turns, len(data)]:
        if not inside:
            outside += data.count(delimiter.encode(), start, turn)
        start, inside = turn, not inside
    return outside + 1
