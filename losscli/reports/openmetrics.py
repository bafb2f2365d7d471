"""OpenMetrics text of a gate, for GitLab's metrics reports and Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from losscli.gates.checks import Check
from losscli.gates.result import GateReport, RuleResult
from losscli.gates.verdicts import Verdict
from losscli.renderers import RenderOptions
from losscli.renderers.openmetrics import Gauge, Labels, Sample, exposition, label_names
from losscli.reports.kind import ReportKind

_IDENTITY = ("rule", "metric", "kind", "class", "verdict")


def render(report: GateReport, options: RenderOptions) -> str:
    """Whether the gate passes, and of every check the loss, the baseline, the limit and whether it passes."""
    checks = list(report.checks())
    rules = _rule_names(report)
    names = label_names({name for _, check in checks if check.level == "slice" for name in check.key}, _IDENTITY)

    def samples(read: Callable[[Check], float | None]) -> list[Sample]:
        return [(_labels(rules[id(result)], result, check, names), read(check)) for result, check in checks]

    passed = int(report.verdict in (Verdict.PASS, Verdict.WARN))
    return exposition(
        [
            Gauge("losscli_gate_passed", "1 when the gate passes.", [({"verdict": report.verdict.value}, passed)]),
            Gauge("losscli_gate_loss", "The reduced loss that was checked.", samples(lambda check: check.cand)),
            Gauge("losscli_gate_baseline", "That of the baseline.", samples(lambda check: check.base)),
            Gauge("losscli_gate_limit", "The limit of the loss, or of its change.", samples(lambda check: check.limit)),
            Gauge(
                "losscli_gate_check_failed",
                "1 when the check fails.",
                samples(lambda check: int(check.verdict is Verdict.FAIL)),
            ),
        ]
    )


def _rule_names(report: GateReport) -> dict[int, str]:
    """A name for each rule; one that comes twice is counted on, for no two samples may have the same labels."""
    times: Counter[str] = Counter()
    names = {}
    for result in report.rules:
        times[result.rule.name] += 1
        count = times[result.rule.name]
        names[id(result)] = result.rule.name if count == 1 else f"{result.rule.name} #{count}"
    return names


def _labels(rule: str, result: RuleResult, check: Check, names: dict[str, str]) -> Labels:
    slices = {names[name]: value for name, value in check.key.items()} if check.level == "slice" else {}
    classes = {"class": check.key["class"]} if check.level == "class" else {}
    return {"rule": rule, "metric": result.metric, "kind": check.kind, **classes, **slices}


REPORT = ReportKind(
    name="openmetrics", summary="OpenMetrics text for GitLab's metrics reports and Prometheus", render=render
)
