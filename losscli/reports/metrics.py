"""A flat JSON object of numbers, as DVC and MLflow read metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from losscli.gates.result import GateReport
from losscli.gates.verdicts import Verdict
from losscli.renderers import RenderOptions
from losscli.renderers.json import json_text
from losscli.renderers.metrics import metric_name, metrics
from losscli.reports.kind import ReportKind


def render(report: GateReport, options: RenderOptions) -> str:
    """The number of checks by verdict, the losses that were checked, and their change against the baseline."""
    return json_text(metrics(_numbers(report)), indent=2) + "\n"


def _numbers(report: GateReport) -> Iterator[tuple[str, float | None]]:
    counts = Counter(check.verdict for _, check in report.checks())
    yield "gate/exit_code", float(report.exit_code)
    for verdict in Verdict:
        yield f"gate/{verdict.lower()}", float(counts[verdict])
    told: set[str] = set()
    for result, check in report.checks():
        name = metric_name(result.metric, check.level, check.key)
        if result.rule.where:
            name = f"{result.rule.name}/{name}"
        for part, value in (("", check.cand), ("/baseline", check.base), ("/change", check.diff)):
            # Several rules may be about one loss, which is one number.
            if value is not None and name + part not in told:
                told.add(name + part)
                yield name + part, value


REPORT = ReportKind(name="metrics", summary="a flat JSON object of numbers for DVC and MLflow", render=render)
