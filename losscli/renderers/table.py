"""The table for people: aligned at the decimal point, as wide as it may be.

Columns that do not fit are left out whole and named; digits are never cut.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from losscli.records import dataclass
from losscli.renderers.layout import (
    MISSING,
    Column,
    blocks,
    columns,
    cut_middle,
    endnotes,
    footnotes,
    printable,
    row_name,
    subtitle,
    text_width,
)
from losscli.renderers.renderer import Renderer, RenderOptions
from losscli.report import Report, Result, Row

GAP = "  "
# A name may shrink to this many columns before the least important number gives way.
NARROW_NAME = 16
STATUS_STYLE = {"ok": "", "absent": "dim", "too_few": "dim"}

Line = list[tuple[str, str]]
"""Pieces of a line as (text, style)."""


def render(report: Report, options: RenderOptions) -> str:
    """One table per loss, its notes under it, the warnings at the end."""
    width = options.width if options.terminal else None
    lines: list[Line] = []
    for result in report.results:
        lines += _result_lines(report, result, options, width)
        lines.append([])
    for kind, text in endnotes(report):
        lines += wrapped(f"{kind}: {text}", "yellow" if kind == "warning" else "dim", width)
    while lines and not lines[-1]:
        lines.pop()
    return drawn_text(lines, options)


@dataclass(frozen=True)
class Drawn:
    """A column with its texts made equally wide."""

    column: Column
    cells: Sequence[str]

    @property
    def width(self) -> int:
        return max(len(self.column.title), len(self.cells[0]))


def _result_lines(report: Report, result: Result, options: RenderOptions, width: int | None) -> list[Line]:
    groups = blocks(result, options.top)
    sections = len(groups) > 1
    summaries = [row for row in (result.macro, result.total) if row]
    rows = [row for block in groups for row in block.rows] + summaries
    indent = "  " if sections else ""
    names = {id(row): (indent if row.level in ("class", "slice") else "") + row_name(result, row) for row in rows}
    head = groups[0].label if len(groups) == 1 else ""

    drawn = [_draw(column, rows) for column in columns(report, result, options.digits)]
    natural = max(text_width(text) for text in (head, *names.values()))
    least = max(min(natural, NARROW_NAME), *(text_width(names[id(row)]) for row in summaries))
    shown, name_width = _fit(drawn, natural, least, width)
    index = {id(row): position for position, row in enumerate(rows)}

    def row_line(row: Row, style: str) -> Line:
        name = cut_middle(names[id(row)], name_width)
        line = [(name + " " * (name_width - text_width(name)), style)]
        for one in shown:
            cell = one.cells[index[id(row)]].rjust(one.width)
            line += [(GAP, ""), (cell, STATUS_STYLE.get(row.status, "red") if one.column.key == "status" else style)]
        return line

    lines = wrapped(printable(result.title), "bold", width) + wrapped(subtitle(result), "dim", width)
    header = cut_middle(head, name_width)
    lines.append(
        [(header + " " * (name_width - text_width(header)), "bold")]
        + [piece for one in shown for piece in ((GAP, ""), (one.column.title.rjust(one.width), "bold"))]
    )
    for block in groups:
        if sections:
            lines.append([(f"by {block.label}", "dim")])
        lines += [row_line(row, "dim" if row.status == "absent" else "") for row in block.rows]
        if block.omitted:
            lines.append([(f"… {block.omitted:,} more (--top 0 shows all)", "dim")])
    if groups:
        lines.append([("─" * (name_width + sum(len(GAP) + one.width for one in shown)), "dim")])
    lines += [row_line(row, "") for row in summaries]
    lines += _hidden_line(drawn, shown, natural, width)
    for kind, text in footnotes(report, result):
        lines += wrapped(f"{kind}: {text}", "dim", width)
    return lines


def _draw(column: Column, rows: Sequence[Row]) -> Drawn:
    parts = [column.read(row) for row in rows]
    aligned = [align_decimals(side) for side in zip(*parts, strict=True)]
    cells = []
    for position, texts in enumerate(parts):
        joint = "    " if all(text == MISSING for text in texts) else " .. "
        cells.append(joint.join(side[position] for side in aligned))
    return Drawn(column, _without_lone_dash(cells, parts))


def _without_lone_dash(cells: Sequence[str], parts: Sequence[Sequence[str]]) -> list[str]:
    """An interval that does not exist is one dash, not two."""
    plain = []
    for cell, texts in zip(cells, parts, strict=True):
        lone = len(texts) > 1 and all(text == MISSING for text in texts)
        plain.append(cell[: cell.rindex(MISSING)].ljust(len(cell)) if lone else cell)
    return plain


def align_decimals(texts: Sequence[str]) -> list[str]:
    """The texts padded to one width, with their decimal points in one column."""
    split = [_at_point(text) for text in texts]
    left = max(len(whole) for whole, _ in split)
    right = max(len(rest) for _, rest in split)
    return [whole.rjust(left) + rest.ljust(right) for whole, rest in split]


def _at_point(text: str) -> tuple[str, str]:
    if not text[-1:].isdigit():
        return text, ""
    whole, point, fraction = text.partition(".")
    if point:
        return whole, point + fraction
    mantissa, mark, exponent = text.partition("e")
    return mantissa, mark + exponent


def _fit(drawn: Sequence[Drawn], natural: int, least: int, width: int | None) -> tuple[list[Drawn], int]:
    """The columns that fit beside a name of `least` columns, important ones first, and the width left for the name."""
    if width is None:
        return list(drawn), natural
    chosen: list[Drawn] = []
    room = width - least
    for one in sorted(drawn, key=lambda one: one.column.priority):
        room -= len(GAP) + one.width
        # Without count and loss a table says nothing; rather too wide than that.
        if room < 0 and one.column.key not in ("count", "loss"):
            break
        chosen.append(one)
    used = sum(len(GAP) + one.width for one in chosen)
    return [one for one in drawn if one in chosen], min(natural, max(width - used, least))


def _hidden_line(drawn: Sequence[Drawn], shown: Sequence[Drawn], natural: int, width: int | None) -> list[Line]:
    hidden = [one.column.title for one in drawn if one not in shown]
    if not hidden:
        return []
    needed = natural + sum(len(GAP) + one.width for one in drawn)
    return wrapped(f"not shown: {', '.join(hidden)} (a terminal of {needed} columns shows all)", "dim", width)


def wrapped(text: str, style: str, width: int | None) -> list[Line]:
    """A line of text, wrapped between words and indented under its first line."""
    if width is None:
        return [[(text, style)]]
    pieces = textwrap.wrap(text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return [[(piece, style)] for piece in pieces]


def drawn_text(lines: Sequence[Line], options: RenderOptions) -> str:
    """The lines as text, with colour only on a terminal that wants it."""
    if options.terminal and options.color:
        return colored(lines)
    return "".join("".join(text for text, _ in stripped(line)) + "\n" for line in lines)


def colored(lines: Sequence[Line]) -> str:
    """The lines as text for a terminal with colours."""
    # Only here: rich takes 60 ms to import, and a table without colour needs nothing of it.
    from rich.color import ColorSystem
    from rich.style import Style

    def painted(text: str, style: str) -> str:
        return Style.parse(style).render(text, color_system=ColorSystem.STANDARD) if style else text

    return "".join("".join(painted(text, style) for text, style in stripped(line)) + "\n" for line in lines)


def stripped(line: Line) -> Line:
    """The line without blanks at its end."""
    kept = list(line)
    while kept and not kept[-1][0].strip():
        kept.pop()
    return [*kept[:-1], (kept[-1][0].rstrip(), kept[-1][1])] if kept else []


RENDERER = Renderer(
    name="table",
    summary="a table for people, fitted to the terminal",
    render=render,
)
