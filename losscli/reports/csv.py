"""Comma-separated values, a row per check."""

from __future__ import annotations

from losscli.gates.result import GateReport
from losscli.renderers import RenderOptions
from losscli.renderers.delimited import delimited
from losscli.reports.flat import FlatChecks
from losscli.reports.kind import ReportKind


def render(report: GateReport, options: RenderOptions) -> str:
    """The flat table with commas."""
    return delimited(FlatChecks(report), ",")


REPORT = ReportKind(name="csv", summary="comma-separated values, one row per check", render=render)
