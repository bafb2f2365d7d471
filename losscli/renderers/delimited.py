"""Fields with a delimiter between them, quoted as in RFC 4180.

Lines end in ``\\n``, as every Unix tool expects.  A null is an empty field and
an empty text is ``""``, so that the two stay apart.
"""

from __future__ import annotations

from collections.abc import Iterable

from losscli.renderers.flat import FlatTable, Value
from losscli.report import Report


def delimited(report: Report, delimiter: str) -> str:
    """The flat table of a report with a header line."""
    table = FlatTable(report)
    lines = [delimited_line(table.columns, delimiter)]
    lines += [delimited_line(row, delimiter) for row in table.rows()]
    return "".join(lines)


def delimited_line(values: Iterable[Value], delimiter: str) -> str:
    """One line; floats are the shortest text that reads back as the same float."""
    return delimiter.join(_field(value, delimiter) for value in values) + "\n"


def _field(value: Value, delimiter: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return repr(value)
    if value == "" or any(mark in value for mark in (delimiter, '"', "\n", "\r")):
        return '"' + value.replace('"', '""') + '"'
    return value
