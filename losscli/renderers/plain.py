"""Aligned text for grep and awk: the same fields in every line, whatever the data.

One line per class, slice, macro average and total of every loss, all of them
always.  Fields are separated by blanks and never hold one, except for the name
of the row, which is the last; ``-`` is a value that does not exist.
"""

from __future__ import annotations

from losscli.renderers.drawing import spaced
from losscli.renderers.layout import MISSING, printable, significant
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
    numbers = [place for place, name in enumerate(header) if name not in TEXT_FIELDS]
    return "".join(line + "\n" for line in spaced(lines, right=numbers))


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
