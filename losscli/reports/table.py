"""The table for people: the verdict first, what fails before what passes.

Columns that do not fit are left out whole and named; digits are never cut.
"""

from __future__ import annotations

from losscli.gates.result import GateReport
from losscli.gates.verdicts import Verdict
from losscli.renderers import RenderOptions
from losscli.renderers.drawing import GAP, Line, drawn, drawn_text, fitting, wrapped
from losscli.reports.kind import ReportKind
from losscli.reports.layout import PRIORITY, Block, blocks, endnotes

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
    columns = [
        drawn(one.key, one.title, [(text,) for text in one.texts], words=not one.number) for one in block.columns
    ]
    # The verdict and the place always fit.
    room = None if width is None else width + len(GAP)
    shown = fitting(columns, room, PRIORITY, ("verdict", "place"))
    lines.append([piece for one in shown for piece in ((one.cells[0], "bold"), (GAP, ""))])
    for place, check in enumerate(block.checks, 1):
        line: Line = []
        for one in shown:
            style = STYLES[check.verdict] if one.key == "verdict" else "" if check.tested else "dim"
            line += [(one.cells[place], style), (GAP, "")]
        lines.append(line)
    if block.omitted:
        lines.append([(f"… {block.omitted:,} more that pass (--top 0 shows all)", "dim")])
    hidden = [one.title for one in columns if one not in shown]
    if hidden:
        lines += wrapped(f"not shown: {', '.join(hidden)}", "dim", width)
    return lines


REPORT = ReportKind(name="table", summary="a table for people, the verdict first", render=render)
