"""How a table for people is drawn: aligned at the decimal point, as wide as it may be.

Columns that do not fit are left out whole and named; digits are never cut.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from losscli.records import dataclass
from losscli.renderers.layout import MISSING, Block, cut_middle, text_width
from losscli.renderers.renderer import RenderOptions

GAP = "  "
# A name may shrink to this many columns before the least important number gives way.
NARROW_NAME = 16

Line = list[tuple[str, str]]
"""Pieces of a line as (text, style)."""


@dataclass(frozen=True)
class Drawn:
    """A column with its title, the first of the cells, and all of them equally wide."""

    key: str
    title: str
    cells: Sequence[str]

    @property
    def width(self) -> int:
        return text_width(self.cells[0])


def drawn(key: str, title: str, texts: Sequence[Sequence[str]], *, words: bool = False, one_dash: bool = True) -> Drawn:
    """A column of `texts`, two in a row for an interval: words at the left, numbers at the right with aligned points.

    An interval that does not exist is `one_dash`, or two.
    """
    cells = [title, *([text for (text,) in texts] if words else _aligned(texts, one_dash))]
    width = max(map(text_width, cells))
    return Drawn(key, title, [padded(cell, width, right=not words) for cell in cells])


def _aligned(texts: Sequence[Sequence[str]], one_dash: bool) -> list[str]:
    sides = [align_decimals(side) for side in zip(*texts, strict=True)]
    cells = []
    for parts, row in zip(texts, zip(*sides, strict=True), strict=True):
        missing = all(part == MISSING for part in parts)
        cell = ("    " if missing else " .. ").join(row)
        lone = missing and one_dash and len(parts) > 1
        cells.append(cell[: cell.rindex(MISSING)].ljust(len(cell)) if lone else cell)
    return cells


def padded(text: str, width: int, *, right: bool = False) -> str:
    """`text` with blanks up to `width` columns, at the `right` or at the left."""
    blanks = " " * (width - text_width(text))
    return blanks + text if right else text + blanks


def spaced(rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> list[str]:
    """Rows of cells as lines with their columns under each other, those in `right` at the right."""
    widths = [max(map(text_width, column)) for column in zip(*rows, strict=True)]
    return [
        GAP.join(padded(cell, widths[place], right=place in right) for place, cell in enumerate(row)).rstrip()
        for row in rows
    ]


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


def fitting(
    columns: Sequence[Drawn], room: int | None, priority: Sequence[str], always: Collection[str]
) -> list[Drawn]:
    """The columns that fit in `room` with a gap for each, important ones first, and those that are there `always`."""
    if room is None:
        return list(columns)
    ranks = {key: rank for rank, key in enumerate(priority)}
    chosen = set()
    for one in sorted(columns, key=lambda one: (ranks.get(one.key, len(ranks)), one.key)):
        room -= len(GAP) + one.width
        # Without some a table says nothing; rather too wide than that.
        if room < 0 and one.key not in always:
            break
        chosen.add(one.key)
    return [one for one in columns if one.key in chosen]


class NamedRows:
    """A table whose rows have names, which stand at the left and shrink before a column is left out.

    `names` start with that of the header; `least` columns are left to them.
    """

    def __init__(
        self,
        names: Sequence[str],
        columns: Sequence[Drawn],
        priority: Sequence[str],
        always: Collection[str],
        width: int | None,
        least: int = NARROW_NAME,
    ) -> None:
        self._names = names
        self._columns = columns
        self._width = width
        self._natural = self._name_width = max(map(text_width, names))
        least = min(self._natural, least)
        self._shown = fitting(columns, None if width is None else width - least, priority, always)
        self._used = sum(len(GAP) + one.width for one in self._shown)
        if width is not None:
            self._name_width = min(self._natural, max(width - self._used, least))

    def line(self, place: int, style: str = "", marked: Mapping[str, str] | None = None) -> Line:
        """A row, 0 is the header; cells in columns that are `marked` have a style of their own."""
        name = cut_middle(self._names[place], self._name_width)
        line = [(padded(name, self._name_width), style)]
        for one in self._shown:
            line += [(GAP, ""), (one.cells[place], (marked or {}).get(one.key, style))]
        return line

    def lines(self, line: Callable[[int], Line], blocks: Sequence[Block[Any]] = ()) -> list[Line]:
        """The header, every row as `line` draws it, under the label of its block, and the columns left out.

        Rows that are in none of the blocks sum them up, and stand under a rule.
        """
        lines = [self.line(0, "bold")]
        place = 1
        for block in blocks:
            if len(blocks) > 1:
                lines.append([(f"by {block.label}", "dim")])
            lines += [line(place + offset) for offset in range(len(block.rows))]
            place += len(block.rows)
            if block.omitted:
                lines.append([(f"… {block.omitted:,} more (--top 0 shows all)", "dim")])
        if blocks:
            lines.append([("─" * (self._name_width + self._used), "dim")])
        lines += [line(rest) for rest in range(place, len(self._names))]
        hidden = [one.title for one in self._columns if one not in self._shown]
        if hidden:
            needed = self._natural + sum(len(GAP) + one.width for one in self._columns)
            text = f"not shown: {', '.join(hidden)} (a terminal of {needed} columns shows all)"
            lines += wrapped(text, "dim", self._width)
        return lines


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
