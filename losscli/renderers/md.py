"""GitHub tables, for a pull request or an issue."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from losscli.renderers.layout import (
    Column,
    blocks,
    columns,
    endnotes,
    footnotes,
    interval_text,
    printable,
    row_name,
    subtitle,
)
from losscli.renderers.renderer import Renderer, RenderOptions
from losscli.report import Report, Result, Row

# An underscore inside a word is harmless, and escaping it would make most class names ugly.
MARKUP = re.compile(r"[\\`*\[\]<>|~#]|(?<!\w)_|_(?!\w)")


def render(report: Report, options: RenderOptions) -> str:
    """A heading line, a table and its notes for each loss, the warnings at the end."""
    parts = [part for result in report.results for part in _result_parts(report, result, options)]
    closing = [f"- {kind}: {escaped(text)}" for kind, text in endnotes(report)]
    if closing:
        parts.append("\n".join(closing))
    return "\n\n".join(parts) + "\n"


def _result_parts(report: Report, result: Result, options: RenderOptions) -> list[str]:
    groups = blocks(result, options.top)
    shown = columns(report, result, options.digits)
    head = groups[0].label if len(groups) == 1 else ""
    lines = [grid([head, *(column.title for column in shown)], (), [False, *(True for _ in shown)])]
    omitted = []
    for block in groups:
        if len(groups) > 1:
            lines.append(line([f"*by {escaped(block.label)}*"] + [""] * len(shown), ready=True))
        lines += [_row_line(result, row, shown) for row in block.rows]
        if block.omitted:
            omitted.append(f"{block.label}: {block.omitted:,} more, the {len(block.rows)} worst are shown")
    lines += [_row_line(result, row, shown) for row in (result.macro, result.total) if row]
    notes = [f"{kind}: {text}" for kind, text in footnotes(report, result)]
    parts = [f"**{escaped(result.title)}** ({escaped(subtitle(result))})", "\n".join(lines)]
    if omitted or notes:
        parts.append("\n".join(f"- {escaped(text)}" for text in [*omitted, *notes]))
    return parts


def _row_line(result: Result, row: Row, shown: Sequence[Column[Row]]) -> str:
    return line([row_name(result, row), *(interval_text(column.read(row)) for column in shown)])


def grid(header: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[bool]) -> str:
    """A table of texts; columns that are `right` are aligned there."""
    rule = line(["---:" if one else "---" for one in right], ready=True)
    return "\n".join([line(header), rule, *map(line, rows)])


def line(cells: Sequence[str], *, ready: bool = False) -> str:
    """A line of a table; cells that are `ready` hold Markdown."""
    return "| " + " | ".join(cell if ready else escaped(cell) for cell in cells) + " |"


def escaped(text: str) -> str:
    """`text` so that Markdown shows it as it is."""
    return MARKUP.sub(r"\\\g<0>", printable(text).replace("&", "&amp;"))


RENDERER = Renderer(
    name="md",
    summary="GitHub tables for pull requests and issues",
    render=render,
    suffixes=(".md",),
)
