"""One JSON object per check and line."""

from __future__ import annotations

from losscli.gates.result import GateReport
from losscli.renderers import RenderOptions
from losscli.renderers.json import json_lines
from losscli.reports.flat import FlatChecks
from losscli.reports.kind import ReportKind


def render(report: GateReport, options: RenderOptions) -> str:
    """The rows of the flat table as objects; what does not exist is null."""
    return json_lines(FlatChecks(report))


REPORT = ReportKind(name="ndjson", summary="one JSON object per check", render=render)
