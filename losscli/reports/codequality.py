"""GitLab's code quality report: what does not pass, at the line of its rule.

The format is the part of Code Climate's that GitLab reads: description,
check_name, fingerprint, severity and location.
"""

from __future__ import annotations

import hashlib

from losscli.gates.checks import Check, place_of
from losscli.gates.configuration import FILE_NAME
from losscli.gates.result import GateReport, RuleResult
from losscli.gates.verdicts import Verdict
from losscli.renderers import RenderOptions
from losscli.renderers.json import json_text
from losscli.reports.kind import ReportKind
from losscli.reports.layout import config_path

SEVERITIES = {Verdict.FAIL: "major", Verdict.INCONCLUSIVE: "info", Verdict.WARN: "minor"}


def render(report: GateReport, options: RenderOptions) -> str:
    """A list of findings; empty when everything passes."""
    found = [_finding(report, result, check) for result, check in report.checks() if check.verdict in SEVERITIES]
    return json_text(found, indent=2) + "\n"


def _finding(report: GateReport, result: RuleResult, check: Check) -> dict[str, object]:
    place = place_of(check.level, check.key)
    # The same check of the next run has the same fingerprint, so that GitLab can tell new findings from known ones.
    rule = result.rule
    identity = json_text([rule.name, rule.where, rule.limits, result.metric, check.kind, check.level, dict(check.key)])
    return {
        "description": f"{check.verdict} {result.rule.name}: {place}: {check.reason}",
        "check_name": f"losscli/{check.kind}",
        "fingerprint": hashlib.sha256(identity.encode("utf-8", "surrogateescape")).hexdigest(),
        "severity": SEVERITIES[check.verdict],
        "location": {"path": config_path(report) or FILE_NAME, "lines": {"begin": result.rule.line or 1}},
    }


REPORT = ReportKind(name="codequality", summary="GitLab's code quality JSON", render=render)
