"""One JSON object per check and line."""

from __future__ import annotations

from losscli.gates.result import GateReport
from losscli.renderers import RenderOptions
from losscli.renderers.json import json_text
from losscli.reports.flat import FlatChecks
from losscli.reports.kind import ReportKind


def render(report: GateReport, options: RenderOptions) -> str:
    """The rows of the flat table as objects; what does not exist is null."""
    table = FlatChecks(report)
    return "".join(json_text(dict(zip(table.columns, row, strict=True))) + "\n" for row in table.rows())


REPORT = ReportKind(name="ndjson", summary="one JSON object per check", render=render)
