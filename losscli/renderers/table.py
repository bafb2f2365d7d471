"""The table for people, a block of classes or slices under the other."""

from __future__ import annotations

from losscli.renderers.drawing import NARROW_NAME, Line, NamedRows, drawn, drawn_text, wrapped
from losscli.renderers.layout import (
    PRIORITY,
    blocks,
    columns,
    endnotes,
    footnotes,
    printable,
    row_name,
    subtitle,
    text_width,
)
from losscli.renderers.renderer import Renderer, RenderOptions
from losscli.report import Report, Result

STATUS_STYLE = {"ok": "", "absent": "dim", "too_few": "dim"}


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


def _result_lines(report: Report, result: Result, options: RenderOptions, width: int | None) -> list[Line]:
    groups = blocks(result, options.top)
    summaries = [row for row in (result.macro, result.total) if row]
    rows = [row for block in groups for row in block.rows] + summaries
    indent = "  " if len(groups) > 1 else ""
    names = [(indent if row.level in ("class", "slice") else "") + row_name(result, row) for row in rows]
    table = NamedRows(
        [groups[0].label if len(groups) == 1 else "", *names],
        [drawn(one.key, one.title, [one.read(row) for row in rows]) for one in columns(report, result, options.digits)],
        PRIORITY,
        ("count", "loss"),
        width,
        max(NARROW_NAME, *(text_width(name) for name in names[-len(summaries) :])),
    )

    def line(place: int) -> Line:
        row = rows[place - 1]
        style = "dim" if row.status == "absent" and row.level in ("class", "slice") else ""
        return table.line(place, style, {"status": STATUS_STYLE.get(row.status, "red")})

    lines = wrapped(printable(result.title), "bold", width) + wrapped(subtitle(result), "dim", width)
    lines += table.lines(line, groups)
    for kind, text in footnotes(report, result):
        lines += wrapped(f"{kind}: {text}", "dim", width)
    return lines


RENDERER = Renderer(
    name="table",
    summary="a table for people, fitted to the terminal",
    render=render,
)
