"""Aligned text for grep and awk: the same fields in every line, whatever the data.

One line per class, slice, macro average and total of every loss, all of them
always.  Fields are separated by blanks and never hold one, except for the name
of the row, which is the last; ``-`` is a value that does not exist.
"""

from __future__ import annotations

from collections.abc import Sequence

from losscli.renderers.layout import MISSING, printable, significant, text_width
from losscli.renderers.renderer import Renderer, RenderOptions
from losscli.report import Report, Result, Row

HEADER = ("loss", "level", "count", "weight", "value", "ci_low", "ci_high", "share", "std", "sem", "min")
ENDING = ("max", "sum", "status", "name")
TEXT_FIELDS = frozenset({"loss", "level", "status", "name"})


def render(report: Report, options: RenderOptions) -> str:
    """A header and one line per row, numbers right-aligned."""
    quantiles = list(dict.fromkeys(name for result in report.results for row in result.rows for name in row.quantiles))
    header = (*HEADER, *quantiles, *ENDING)
    lines = [header]
    lines += [_fields(result, row, quantiles, options.digits) for result in report.results for row in result.rows]
    widths = [max(text_width(line[position]) for line in lines) for position in range(len(header))]
    return "".join(_line(line, widths, header) + "\n" for line in lines)


def _line(fields: Sequence[str], widths: Sequence[int], header: Sequence[str]) -> str:
    cells = []
    for field, width, name in zip(fields, widths, header, strict=True):
        blanks = " " * (width - text_width(field))
        cells.append(field + blanks if name in TEXT_FIELDS else blanks + field)
    return "  ".join(cells).rstrip()


def _fields(result: Result, row: Row, quantiles: list[str], digits: int) -> tuple[str, ...]:
    low, high = row.ci if row.ci else (None, None)
    before = (row.weight, row.loss, low, high, row.share, row.std, row.sem, row.minimum)
    after = (row.maximum, row.sum)
    numbers = [*before, *(row.quantiles.get(name) for name in quantiles), *after]
    return (
        printable(result.title).replace(" ", "_"),
        row.level,
        str(row.count),
        *(significant(number, digits) for number in numbers),
        row.status,
        _name(row),
    )


def _name(row: Row) -> str:
    if row.level == "class":
        return printable(row.key["class"] or "") or '""'
    if row.level == "slice":
        return " ".join(f"{printable(name)}={printable(value or '') or MISSING}" for name, value in row.key.items())
    return MISSING


RENDERER = Renderer(
    name="plain",
    summary="aligned text with the same fields in every line, for grep and awk",
    render=render,
)
