"""The JSON document of a gate, schema losscli/1."""

from __future__ import annotations

from losscli.gates.result import GateReport
from losscli.renderers import RenderOptions
from losscli.renderers.json import json_text
from losscli.reports.kind import ReportKind


def render(report: GateReport, options: RenderOptions) -> str:
    """The whole report as one indented document."""
    return json_text(report.to_dict(), indent=2) + "\n"


REPORT = ReportKind(name="json", summary="everything with its provenance, schema losscli/1", render=render)
