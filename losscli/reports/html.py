"""One page of HTML with the verdict, every rule and every check."""

from __future__ import annotations

from losscli.gates.result import GateReport
from losscli.renderers import RenderOptions
from losscli.renderers.html import notes, page, table, text
from losscli.reports.kind import ReportKind
from losscli.reports.layout import Block, blocks, endnotes


def render(report: GateReport, options: RenderOptions) -> str:
    """The headline, a table for each rule, the notes, and the files that were read."""
    body = ["<h1>losscli gate</h1>", f'<p class="{report.verdict}">{text(report.headline)}</p>']
    shown = blocks(report, options.top)
    body += [_table(block) if block.checks else f"<h2>{text(block.title)}</h2>" for block in shown]
    body += notes(endnotes(report))
    files = ", ".join(f"{text(one.path)} ({one.rows:,} rows)" for one in report.inputs)
    body.append(f"<p><small>{files}; losscli {text(report.version)}</small></p>")
    return page(f"losscli gate: {report.verdict}", body)


def _table(block: Block) -> str:
    rows = []
    for place, check in enumerate(block.checks):
        cells = []
        for column in block.columns:
            words = text(column.texts[place])
            if column.key == "place":
                cells.append(f'<th scope="row">{words}</th>')
            else:
                kind = "number" if column.number else check.verdict if column.key == "verdict" else ""
                cells.append(f'<td class="{kind}">{words}</td>' if kind else f"<td>{words}</td>")
        rows.append(f"<tr>{''.join(cells)}<td>{text(check.reason)}</td></tr>")
    if block.omitted:
        rows.append(f'<tr><td colspan="{len(block.columns) + 1}">{block.omitted:,} more that pass</td></tr>')
    caption = (
        f'<strong class="{block.result.verdict}">{text(block.title)}</strong><small>{text(block.subtitle)}</small>'
    )
    heads = [*(column.title or "rows" for column in block.columns), "reason"]
    return table(caption, heads, [*(column.number for column in block.columns), False], rows)


REPORT = ReportKind(name="html", summary="one page for a browser, with everything in it", render=render)
