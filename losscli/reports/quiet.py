"""Only the verdict, for ``-q`` and shell variables."""

from __future__ import annotations

from losscli.gates.result import GateReport
from losscli.renderers import RenderOptions
from losscli.reports.kind import ReportKind


def render(report: GateReport, options: RenderOptions) -> str:
    """PASS, WARN, FAIL or INCONCLUSIVE."""
    return f"{report.verdict}\n"


REPORT = ReportKind(name="quiet", summary="only the verdict", render=render)
