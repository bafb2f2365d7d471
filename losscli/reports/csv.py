"""Comma-separated values, a row per check."""

from __future__ import annotations

from losscli.gates.result import GateReport
from losscli.renderers import RenderOptions
from losscli.reports.flat import delimited
from losscli.reports.kind import ReportKind


def render(report: GateReport, options: RenderOptions) -> str:
    """The flat table with commas."""
    return delimited(report, ",")


REPORT = ReportKind(name="csv", summary="comma-separated values, one row per check", render=render)
