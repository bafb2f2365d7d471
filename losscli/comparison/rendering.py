"""A comparison in every text format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from losscli.comparison.difference import Difference
from losscli.comparison.layout import PRIORITY, blocks, columns, footnotes, headline, row_name, subtitle, worst_rows
from losscli.comparison.result import ComparedCandidate, ComparedLoss, Comparison
from losscli.renderers import RenderOptions
from losscli.renderers.drawing import Line, NamedRows, align_decimals, drawn, drawn_text, spaced, wrapped
from losscli.renderers.flat import distinct, key_cells
from losscli.renderers.formats import formats
from losscli.renderers.layout import MISSING, Column, interval_text, printable, significant
from losscli.renderers.md import escaped, grid

IDENTITY = ("candidate", "loss", "title", "reduction", "level", "by", "class")
MEASURES = (
    *("count", "base", "cand", "diff", "relative", "ci_low", "ci_high", "p", "p_adjusted"),
    *("verdict", "improved", "worsened", "status", "signature"),
)
STYLES = {"worse": "red", "better": "green"}


class FlatComparison:
    """One row per class, slice and total of every loss and candidate; slice columns have a column of their own."""

    def __init__(self, comparison: Comparison) -> None:
        self._comparison = comparison
        slices = [row for _, result in _results(comparison) for row in result.slices]
        self._by = list(dict.fromkeys(name for row in slices for name in row.key))
        self.columns = [*IDENTITY, *distinct(self._by, {*IDENTITY, *MEASURES}), *MEASURES]

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows as tuples in the order of the columns; a value that does not exist is None."""
        for candidate, result in _results(self._comparison):
            for row in result.rows:
                low, high = row.ci or (None, None)
                yield (
                    candidate.path,
                    result.loss,
                    result.title,
                    result.reduction,
                    *key_cells(row.level, row.key, self._by),
                    *(row.count, row.base, row.cand, row.diff, row.relative, low, high, row.p, row.p_adjusted),
                    *(row.verdict, row.improved, row.worsened, row.status, result.signature),
                )


def _results(comparison: Comparison) -> Iterator[tuple[ComparedCandidate, ComparedLoss]]:
    for candidate in comparison.candidates:
        for result in candidate.results:
            yield candidate, result


def _plain(comparison: Comparison, options: RenderOptions) -> str:
    """The same fields in every line, without blanks in any but the last, which is the name of the row."""
    header = ["candidate", "loss", "level", *MEASURES[:-1], "name"]
    lines = [header]
    for candidate, result in _results(comparison):
        for row in result.rows:
            numbers = (row.base, row.cand, row.diff, row.relative, *(row.ci or (None, None)), row.p, row.p_adjusted)
            lines.append(
                [
                    *(printable(one).replace(" ", "_") for one in (candidate.path, result.title, row.level)),
                    str(row.count),
                    *(significant(one, options.digits) for one in numbers),
                    row.verdict.replace(" ", "_"),
                    *(MISSING if one is None else str(one) for one in (row.improved, row.worsened)),
                    row.status,
                    MISSING if row.level == "total" else row_name(row),
                ]
            )
    return "".join(line + "\n" for line in spaced(lines))


def _markdown(comparison: Comparison, options: RenderOptions) -> str:
    parts = []
    for candidate, result in _results(comparison):
        shown = columns(comparison, result, options.digits)
        groups = blocks(result, options.top)
        head = groups[0].label if len(groups) == 1 else ""
        cells = [
            [
                row_name(row) if len(groups) < 2 or row.level == "total" else f"{block}: {row_name(row)}",
                *_cells(row, shown),
            ]
            for block, row in [(one.label, row) for one in groups for row in one.rows] + [("", result.total)]
        ]
        notes = [
            f"{one.label}: {one.omitted:,} more, the {len(one.rows)} worst are shown" for one in groups if one.omitted
        ]
        parts.append(f"**{escaped(headline(candidate, result))}**")
        right = [False, *(not column.words for column in shown)]
        parts.append(grid([head, *(column.title for column in shown)], cells, right))
        notes += [subtitle(comparison, candidate, result), *footnotes(result)]
        parts.append("\n".join(f"- {escaped(note)}" for note in notes))
        if result.worst:
            names, rows = worst_rows(result, options.digits)
            parts.append(grid(names, rows, [True] * len(names)))
    parts += [f"- warning: {escaped(warning)}" for warning in comparison.warnings]
    return "\n\n".join(parts) + "\n"


def _cells(row: Difference, shown: Sequence[Column[Difference]]) -> list[str]:
    return [interval_text(column.read(row)) for column in shown]


def _table(comparison: Comparison, options: RenderOptions) -> str:
    """A headline and a table for each candidate and loss; columns that do not fit are left out whole and named."""
    width = options.width if options.terminal else None
    lines: list[Line] = []
    for candidate, result in _results(comparison):
        style = STYLES.get(result.total.verdict, "")
        lines += wrapped(printable(headline(candidate, result)), f"bold {style}".strip(), width)
        lines += wrapped(subtitle(comparison, candidate, result), "dim", width)
        lines += _table_lines(comparison, result, options, width)
        for note in footnotes(result):
            lines += wrapped(f"note: {note}", "dim", width)
        if result.worst:
            lines += _worst_lines(result, options.digits)
        lines.append([])
    for warning in comparison.warnings:
        lines += wrapped(f"warning: {printable(warning)}", "yellow", width)
    while lines and not lines[-1]:
        lines.pop()
    return drawn_text(lines, options)


def _table_lines(comparison: Comparison, result: ComparedLoss, options: RenderOptions, width: int | None) -> list[Line]:
    groups = blocks(result, options.top)
    sections = len(groups) > 1
    rows = [*(row for block in groups for row in block.rows), result.total]
    names = [("  " if sections and row.level != "total" else "") + row_name(row) for row in rows]
    table = NamedRows(
        [groups[0].label if len(groups) == 1 else "", *names],
        [
            drawn(one.key, one.title, [one.read(row) for row in rows], words=one.words, one_dash=False)
            for one in columns(comparison, result, options.digits)
        ],
        PRIORITY,
        ("diff", "verdict"),
        width,
    )

    def line(place: int) -> Line:
        return table.line(place, marked={"verdict": STYLES.get(rows[place - 1].verdict, "")})

    return table.lines(line, groups)


def _worst_lines(result: ComparedLoss, digits: int) -> list[Line]:
    names, rows = worst_rows(result, digits)
    aligned = [
        align_decimals(list(column)) if name not in ("id", "label") else list(column)
        for name, column in zip(names, zip(*rows, strict=True), strict=True)
    ]
    texts = spaced([names, *zip(*aligned, strict=True)], right=range(len(names)))
    return [[("the largest increases", "dim")], *([(text, "")] for text in texts)]


FORMATS = formats(table=_table, plain=_plain, md=_markdown, flat=FlatComparison)
