"""The slices that were found in every text format."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from losscli.renderers import RenderOptions
from losscli.renderers.drawing import Line, NamedRows, drawn, drawn_text, spaced, wrapped
from losscli.renderers.flat import distinct
from losscli.renderers.formats import formats
from losscli.renderers.layout import printable, significant
from losscli.renderers.md import escaped, grid
from losscli.slicing.report import FoundSlice, SliceReport, SlicesOfLoss

IDENTITY = ("loss", "title", "by")
MEASURES = ("count", "share", "value", "rest", "diff", "ratio", "p", "p_adjusted", "score", "signature")
TITLES = ("rows", "share", "loss", "rest", "ratio", "p (Holm)", "score")
# The order in which columns are given room; the first two are shown however narrow a terminal is.
PRIORITY = ("rows", "loss", "rest", "p (Holm)", "score", "ratio", "share")
# A name may shrink to this many columns before the least important number gives way.
NARROW_NAME = 24
# Of more columns only the number is told.
SHOWN_COLUMNS = 8


def slice_name(by: Mapping[str, str | None]) -> str:
    """A slice as a condition: ``region=north & age=[18, 65)``, ``age >= 65``."""
    return " & ".join(map(_condition, by, by.values()))


def _condition(column: str, value: str | None) -> str:
    if value is None:
        return f"{printable(column)}=(null)"
    # The outer bins are called by their sign.
    return printable(f"{column} {value}" if value.startswith(("< ", ">= ")) else f"{column}={value}")


class FlatSlices:
    """One row for each slice and loss; every column that slices are made of has a column of its own."""

    def __init__(self, report: SliceReport) -> None:
        self._report = report
        self._by = list(dict.fromkeys(name for result in report.results for one in result.slices for name in one.by))
        self.columns = [*IDENTITY, *distinct(self._by, {*IDENTITY, *MEASURES}), *MEASURES]

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows as tuples in the order of the columns; a value that does not exist is None."""
        for result in self._report.results:
            for one in result.slices:
                yield (
                    result.loss,
                    result.title,
                    ",".join(one.by),
                    *(one.by.get(name) for name in self._by),
                    *(one.count, one.share, one.loss, one.rest, one.diff, one.ratio),
                    *(one.p, one.p_adjusted, one.score, result.signature),
                )


def _plain(report: SliceReport, options: RenderOptions) -> str:
    """The same fields in every line, without blanks in any but the last, which is the name of the slice."""
    lines = [["title", *(title.replace(" ", "_") for title in TITLES), "slice"]]
    for result in report.results:
        title = printable(result.title).replace(" ", "_")
        lines += [[title, *_cells(one, options.digits), slice_name(one.by)] for one in result.slices]
    return "".join(line + "\n" for line in spaced(lines))


def _markdown(report: SliceReport, options: RenderOptions) -> str:
    parts = []
    for result in report.results:
        parts.append(f"**{escaped(headline(result))}**")
        if result.slices:
            rows = ([slice_name(one.by), *_cells(one, options.digits)] for one in result.slices)
            parts.append(grid(["slice", *TITLES], rows, [False, *(True for _ in TITLES)]))
        parts.append("\n".join(f"- {escaped(text)}" for text in [*_more(result), subtitle(report, result)]))
    ends = [*report.notes, *(f"warning: {warning}" for warning in report.warnings)]
    parts += ["\n".join(f"- {escaped(text)}" for text in ends)] if ends else []
    return "\n\n".join(parts) + "\n"


def _table(report: SliceReport, options: RenderOptions) -> str:
    """A headline and a table for each loss; columns that do not fit are left out whole and named.

    What else there is to know stands on standard error.
    """
    width = options.width if options.terminal else None
    lines: list[Line] = []
    for result in report.results:
        lines += wrapped(headline(result), "bold", width)
        lines += wrapped(subtitle(report, result), "dim", width)
        if result.slices:
            lines += _table_lines(result, options.digits, width)
        for text in _more(result):
            lines += wrapped(text, "dim", width)
        lines.append([])
    for warning in report.warnings:
        lines += wrapped(f"warning: {printable(warning)}", "yellow", width)
    while lines and not lines[-1]:
        lines.pop()
    return drawn_text(lines, options)


def _table_lines(result: SlicesOfLoss, digits: int, width: int | None) -> list[Line]:
    names = ["slice", *(slice_name(one.by) for one in result.slices)]
    sides = zip(*(_cells(one, digits) for one in result.slices), strict=True)
    columns = [drawn(title, title, [(text,) for text in side]) for title, side in zip(TITLES, sides, strict=True)]
    table = NamedRows(names, columns, PRIORITY, PRIORITY[:2], width, NARROW_NAME)
    return table.lines(table.line)


def headline(result: SlicesOfLoss) -> str:
    """The answer in one line."""
    tested = f"{result.tested:,} {'slice' if result.tested == 1 else 'slices'} of {result.count:,} rows tested"
    if not result.significant:
        return printable(f"{result.title}: no slice is significantly worse than the rest ({tested})")
    found = "slice is" if result.significant == 1 else "slices are"
    return printable(f"{result.title}: {result.significant:,} {found} significantly worse than the rest ({tested})")


def subtitle(report: SliceReport, result: SlicesOfLoss) -> str:
    """How it was found."""
    search = report.search
    searched = [one["column"] for one in search["columns"]]
    named = ", ".join(searched) if len(searched) <= SHOWN_COLUMNS else f"{len(searched)} columns"
    parts = [result.loss] if result.loss != result.title else []
    parts += [
        *(f"{name}={value}" for name, value in result.params.items()),
        f"Welch's test against the rest with Holm's correction at {100 * search['level']:g} %",
        f"at least {search['min_slice']:,} rows",
        f"{'one column' if search['max_order'] == 1 else 'one or two columns'} of {named or 'none'}",
        f"score of SliceLine with alpha {search['score_alpha']:g}",
    ]
    return printable(", ".join(parts))


def _more(result: SlicesOfLoss) -> list[str]:
    omitted = result.significant - len(result.slices)
    return [f"… {omitted:,} more (--top 0 shows all)"] if omitted else []


def _cells(one: FoundSlice, digits: int) -> list[str]:
    return [
        f"{one.count:,}",
        f"{one.share:.1%}",
        significant(one.loss, digits),
        significant(one.rest, digits),
        significant(one.ratio, min(digits, 3)),
        significant(one.p_adjusted, min(digits, 3)),
        significant(one.score, min(digits, 3)),
    ]


FORMATS = formats(table=_table, plain=_plain, md=_markdown, flat=FlatSlices)
