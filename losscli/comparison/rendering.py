"""A comparison in every text format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from losscli.comparison.difference import Difference
from losscli.comparison.layout import (
    PRIORITY,
    Column,
    blocks,
    columns,
    footnotes,
    headline,
    row_name,
    subtitle,
    worst_rows,
)
from losscli.comparison.result import ComparedCandidate, ComparedLoss, Comparison
from losscli.renderers import RenderOptions
from losscli.renderers.flat import distinct
from losscli.renderers.formats import formats
from losscli.renderers.layout import MISSING, cut_middle, interval_text, printable, significant, text_width
from losscli.renderers.md import escaped
from losscli.renderers.table import GAP, Line, align_decimals, drawn_text, wrapped

IDENTITY = ("candidate", "loss", "title", "reduction", "level", "by", "class")
MEASURES = (
    *("count", "base", "cand", "diff", "relative", "ci_low", "ci_high", "p", "p_adjusted"),
    *("verdict", "improved", "worsened", "status", "signature"),
)
STYLES = {"worse": "red", "better": "green"}
# A name may shrink to this many columns before the least important number gives way.
NARROW_NAME = 16


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
                is_slice = row.level == "slice"
                low, high = row.ci or (None, None)
                yield (
                    candidate.path,
                    result.loss,
                    result.title,
                    result.reduction,
                    row.level,
                    ",".join(row.key) if is_slice else None,
                    row.key.get("class") if row.level == "class" else None,
                    *(row.key.get(name) if is_slice else None for name in self._by),
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
    widths = [max(text_width(line[place]) for line in lines) for place in range(len(header))]
    return "".join(
        GAP.join(_padded(cell, width) for cell, width in zip(line, widths, strict=True)).rstrip() + "\n"
        for line in lines
    )


def _markdown(comparison: Comparison, options: RenderOptions) -> str:
    parts = []
    for candidate, result in _results(comparison):
        shown = columns(comparison, result, options.digits)
        groups = blocks(result, options.top)
        head = groups[0].label if len(groups) == 1 else ""
        lines = [[head, *(column.title for column in shown)]]
        cells = [
            [
                row_name(row) if len(groups) < 2 or row.level == "total" else f"{block}: {row_name(row)}",
                *_cells(row, shown),
            ]
            for block, row in [(one.label, row) for one in groups for row in one.rows] + [("", result.total)]
        ]
        rule = ["---", *("---" if column.words else "---:" for column in shown)]
        table = [_md_line(lines[0]), "| " + " | ".join(rule) + " |", *map(_md_line, cells)]
        notes = [
            f"{one.label}: {one.omitted:,} more, the {len(one.rows)} worst are shown" for one in groups if one.omitted
        ]
        parts.append(f"**{escaped(headline(candidate, result))}**")
        parts += ["\n".join(table)]
        notes += [subtitle(comparison, candidate, result), *footnotes(result)]
        parts.append("\n".join(f"- {escaped(note)}" for note in notes))
        if result.worst:
            names, rows = worst_rows(result, options.digits)
            parts.append("\n".join([_md_line(names), "|" + " ---: |" * len(names), *map(_md_line, rows)]))
    parts += [f"- warning: {escaped(warning)}" for warning in comparison.warnings]
    return "\n\n".join(parts) + "\n"


def _md_line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(escaped, cells)) + " |"


def _cells(row: Difference, shown: Sequence[Column]) -> list[str]:
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
    head = groups[0].label if len(groups) == 1 else ""
    names = [("  " if sections and row.level != "total" else "") + row_name(row) for row in rows]
    drawn = [(column, _drawn(column, rows)) for column in columns(comparison, result, options.digits)]
    natural = max(map(text_width, [head, *names]))
    shown, name_width = _fit(drawn, natural, width)
    kept = [column.key for column, _ in shown]

    def line(name: str, cells: Sequence[str], style: str, marked: str = "") -> Line:
        pieces = [(_padded(cut_middle(name, name_width), name_width), style)]
        for key, cell in zip(kept, cells, strict=True):
            pieces += [(GAP, ""), (cell, marked if key == "verdict" else style)]
        return pieces

    def row_line(place: int) -> Line:
        return line(names[place], [cells[place + 1] for _, cells in shown], "", STYLES.get(rows[place].verdict, ""))

    lines = [line(head, [cells[0] for _, cells in shown], "bold", "bold")]
    place = 0
    for block in groups:
        if sections:
            lines.append([(f"by {block.label}", "dim")])
        for _ in block.rows:
            lines.append(row_line(place))
            place += 1
        if block.omitted:
            lines.append([(f"… {block.omitted:,} more (--top 0 shows all)", "dim")])
    if groups:
        lines.append([("─" * (name_width + sum(len(GAP) + text_width(cells[0]) for _, cells in shown)), "dim")])
    lines.append(row_line(place))
    hidden = [column.title for column, _ in drawn if column.key not in kept]
    if hidden:
        needed = natural + sum(len(GAP) + text_width(cells[0]) for _, cells in drawn)
        lines += wrapped(f"not shown: {', '.join(hidden)} (a terminal of {needed} columns shows all)", "dim", width)
    return lines


def _drawn(column: Column, rows: Sequence[Difference]) -> list[str]:
    """The title and the cells of a column, equally wide."""
    parts = [column.read(row) for row in rows]
    if column.words:
        cells = [texts[0] for texts in parts]
        width = max(map(text_width, [column.title, *cells]))
        return [_padded(cell, width) for cell in [column.title, *cells]]
    sides = [align_decimals(list(side)) for side in zip(*parts, strict=True)]
    cells = [
        (" .. " if texts[0] != MISSING else "    ").join(side[place] for side in sides)
        for place, texts in enumerate(parts)
    ]
    width = max(map(text_width, [column.title, *cells]))
    return [cell.rjust(width) for cell in [column.title, *cells]]


def _fit(
    drawn: Sequence[tuple[Column, list[str]]], natural: int, width: int | None
) -> tuple[list[tuple[Column, list[str]]], int]:
    """The columns that fit beside the names, important ones first, and the width left for the names."""
    if width is None:
        return list(drawn), natural
    room = width - min(natural, NARROW_NAME)
    chosen = set()
    for column, cells in sorted(drawn, key=lambda one: PRIORITY.index(one[0].key)):
        room -= len(GAP) + text_width(cells[0])
        # Without the difference and its verdict a table says nothing; rather too wide than that.
        if room < 0 and column.key not in ("diff", "verdict"):
            break
        chosen.add(column.key)
    shown = [one for one in drawn if one[0].key in chosen]
    used = sum(len(GAP) + text_width(cells[0]) for _, cells in shown)
    return shown, min(natural, max(width - used, min(natural, NARROW_NAME)))


def _worst_lines(result: ComparedLoss, digits: int) -> list[Line]:
    names, rows = worst_rows(result, digits)
    aligned = [
        align_decimals(list(column)) if name not in ("id", "label") else list(column)
        for name, column in zip(names, zip(*rows, strict=True), strict=True)
    ]
    widths = [max(map(text_width, [name, *column])) for name, column in zip(names, aligned, strict=True)]
    drawn = [names, *zip(*aligned, strict=True)]
    joined = (GAP.join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)) for cells in drawn)
    return [[("the largest increases", "dim")], *([(text, "")] for text in joined)]


def _padded(text: str, width: int) -> str:
    return text + " " * (width - text_width(text))


FORMATS = formats(table=_table, plain=_plain, md=_markdown, flat=FlatComparison)
