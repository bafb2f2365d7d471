"""The table for people: the verdict first, what fails before what passes.

Columns that do not fit are left out whole and named; digits are never cut.
"""

from __future__ import annotations

from collections.abc import Sequence

from losscli.gates.result import GateReport
from losscli.gates.verdicts import Verdict
from losscli.renderers import RenderOptions
from losscli.renderers.layout import text_width
from losscli.renderers.table import GAP, Line, align_decimals, drawn_text, wrapped
from losscli.reports.kind import ReportKind
from losscli.reports.layout import PRIORITY, Block, Column, blocks, endnotes

STYLES = {
    Verdict.FAIL: "bold red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.WARN: "yellow",
    Verdict.PASS: "green",
}


def render(report: GateReport, options: RenderOptions) -> str:
    """The headline, a table per rule, and the notes."""
    width = options.width if options.terminal else None
    lines = wrapped(report.headline, STYLES[report.verdict], width)
    for block in blocks(report, options.top):
        lines += [[], *_block_lines(block, width)]
    notes = endnotes(report)
    if notes:
        lines.append([])
    for kind, text in notes:
        lines += wrapped(f"{kind}: {text}", "yellow" if kind == "warning" else "dim", width)
    return drawn_text(lines, options)


def _block_lines(block: Block, width: int | None) -> list[Line]:
    lines = wrapped(block.title, STYLES[block.result.verdict] if block.result.checks else "dim", width)
    lines += wrapped(block.subtitle, "dim", width)
    if not block.checks:
        return lines
    drawn = {column.key: _drawn(column) for column in block.columns}
    shown = _fitting(block.columns, drawn, width)
    lines.append([piece for column in shown for piece in ((drawn[column.key][0], "bold"), (GAP, ""))])
    for position, check in enumerate(block.checks):
        line: Line = []
        for column in shown:
            style = STYLES[check.verdict] if column.key == "verdict" else "" if check.tested else "dim"
            line += [(drawn[column.key][1 + position], style), (GAP, "")]
        lines.append(line)
    if block.omitted:
        lines.append([(f"… {block.omitted:,} more that pass (--top 0 shows all)", "dim")])
    hidden = [column.title for column in block.columns if column not in shown]
    if hidden:
        lines += wrapped(f"not shown: {', '.join(hidden)}", "dim", width)
    return lines


def _drawn(column: Column) -> list[str]:
    """The title and the texts of a column, equally wide."""
    texts = align_decimals(column.texts) if column.number else list(column.texts)
    wide = max(map(text_width, (column.title, *texts)))
    blanks = [" " * (wide - text_width(text)) for text in (column.title, *texts)]
    pairs = zip((column.title, *texts), blanks, strict=True)
    return [blank + text if column.number else text + blank for text, blank in pairs]


def _fitting(columns: Sequence[Column], drawn: dict[str, list[str]], width: int | None) -> list[Column]:
    """The columns that fit, important ones first; the verdict and the place always do."""
    if width is None:
        return list(columns)
    chosen: list[Column] = []
    room = width + len(GAP)
    for column in sorted(columns, key=lambda one: PRIORITY.index(one.key)):
        room -= text_width(drawn[column.key][0]) + len(GAP)
        if room < 0 and column.key not in ("verdict", "place"):
            break
        chosen.append(column)
    return [column for column in columns if column in chosen]


REPORT = ReportKind(name="table", summary="a table for people, the verdict first", render=render)
