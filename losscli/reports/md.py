"""GitHub tables, for a pull request or the summary of a workflow."""

from __future__ import annotations

from losscli.gates.result import GateReport
from losscli.gates.verdicts import Verdict
from losscli.renderers import RenderOptions
from losscli.renderers.md import escaped, grid
from losscli.reports.kind import ReportKind
from losscli.reports.layout import Block, blocks, endnotes

# A sign for each, so that the verdict is seen in a long page; the word is always beside it.
SIGNS = {Verdict.PASS: "✅", Verdict.WARN: "⚠️", Verdict.INCONCLUSIVE: "❔", Verdict.FAIL: "❌"}

# GitHub refuses a step summary of more than 1 MiB (1,048,576 bytes) and cuts nothing itself.
SUMMARY_BYTES = 900_000


def render(report: GateReport, options: RenderOptions) -> str:
    """The headline, a table per rule, and the notes."""
    return "\n\n".join(_parts(report, options.top)) + "\n"


def summary(report: GateReport, most_bytes: int = SUMMARY_BYTES) -> str:
    """The same in at most so many bytes: whole lines, and a note where it was cut."""
    text = render(report, RenderOptions(top=20))
    if len(text.encode()) <= most_bytes:
        return text
    note = "\n\n*This summary was cut: it is too long for GitHub. The other reports have all of it.*\n"
    room = most_bytes - len(note.encode())
    kept = text.encode()[:room].decode(errors="ignore")
    return kept[: kept.rfind("\n")] + note


def _parts(report: GateReport, top: int) -> list[str]:
    parts = [f"## {SIGNS[report.verdict]} losscli gate: {escaped(report.headline)}"]
    for block in blocks(report, top):
        sign = SIGNS[block.result.verdict] + " " if block.checks else ""
        parts.append(f"**{sign}{escaped(block.title)}** ({escaped(block.subtitle)})")
        if block.checks:
            parts.append(_table(block))
        if block.omitted:
            parts.append(f"*{block.omitted:,} more that pass*")
    notes = [f"- {kind}: {escaped(text)}" for kind, text in endnotes(report)]
    return [*parts, *(["\n".join(notes)] if notes else [])]


def _table(block: Block) -> str:
    rows = zip(*(column.texts for column in block.columns), strict=True)
    return grid([column.title for column in block.columns], rows, [column.number for column in block.columns])


REPORT = ReportKind(name="md", summary="GitHub tables for pull requests and step summaries", render=render)
