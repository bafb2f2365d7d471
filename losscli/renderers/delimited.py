"""Fields with a delimiter between them, quoted as in RFC 4180.

Lines end in ``\\n``, as every Unix tool expects.  A null is an empty field and
an empty text is ``""``, so that the two stay apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from losscli.renderers.flat import Flat, Value


def delimited(table: Flat, delimiter: str) -> str:
    """A flat table with a header line."""
    lines = [delimited_line(table.columns, delimiter)]
    lines += [delimited_line(row, delimiter) for row in table.rows()]
    return "".join(lines)


def delimited_line(values: Iterable[Value | list[Any]], delimiter: str) -> str:
    """One line; floats are the shortest text that reads back as the same float, lists are JSON."""
    return delimiter.join(_field(value, delimiter) for value in values) + "\n"


def _field(value: Value | list[Any], delimiter: str) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        from losscli.renderers.json import json_text

        value = json_text(value)
    if not isinstance(value, str):
        return repr(value)
    if value == "" or any(mark in value for mark in (delimiter, '"', "\n", "\r")):
        return '"' + value.replace('"', '""') + '"'
    return value
