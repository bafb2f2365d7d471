"""Annotations of GitHub Actions: commands to the runner, a line each.

The runner shows at most ten warnings and ten errors of a step, so the gravest
nine checks have one each and the tenth is the verdict of the run.
"""

from __future__ import annotations

from collections.abc import Mapping

from losscli.gates.checks import Check, place_of
from losscli.gates.result import GateReport, RuleResult
from losscli.gates.verdicts import Verdict
from losscli.renderers import RenderOptions
from losscli.renderers.layout import printable
from losscli.reports.kind import ReportKind
from losscli.reports.layout import config_path

MOST_ANNOTATIONS = 9
KINDS = {
    Verdict.FAIL: "error",
    Verdict.INCONCLUSIVE: "warning",
    Verdict.WARN: "warning",
    Verdict.PASS: "notice",
}


def render(report: GateReport, options: RenderOptions) -> str:
    """The commands, the verdict of the run last."""
    return commands(report)


def commands(report: GateReport) -> str:
    """An annotation for each of the gravest checks that do not pass, and one for the run."""
    grave = [(result, check) for result, check in report.checks() if check.verdict is not Verdict.PASS and check.tested]
    grave.sort(key=lambda pair: -pair[1].verdict.gravity)
    lines = [_annotation(report, result, check) for result, check in grave[:MOST_ANNOTATIONS]]
    rest = len(grave) - MOST_ANNOTATIONS
    closing = report.headline + (f"; {rest:,} more are not annotated" if rest > 0 else "")
    lines.append(command(KINDS[report.verdict], closing, title="losscli gate"))
    return "".join(line + "\n" for line in lines)


def _annotation(report: GateReport, result: RuleResult, check: Check) -> str:
    properties = {"title": printable(f"{check.verdict}: {result.rule.name}")}
    path = config_path(report)
    if path is not None and result.rule.line is not None:
        properties = {"file": path, "line": str(result.rule.line), **properties}
    # Names come from the data and go to a log: their escape sequences must not.
    message = printable(f"{place_of(check.level, check.key)}: {check.reason}")
    return command(KINDS[check.verdict], message, **properties)


def command(kind: str, message: str, **properties: str) -> str:
    """``::kind name=value,…::message``, with what would end a line or a value escaped."""
    settings = ",".join(f"{name}={_escaped(value, _IN_PROPERTIES)}" for name, value in properties.items())
    return f"::{kind}{' ' + settings if settings else ''}::{_escaped(message, _IN_MESSAGES)}"


# The escapes of actions/toolkit, packages/core/src/command.ts; the percent sign comes first.
_IN_MESSAGES: Mapping[str, str] = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_IN_PROPERTIES: Mapping[str, str] = {**_IN_MESSAGES, ":": "%3A", ",": "%2C"}


def _escaped(text: str, escapes: Mapping[str, str]) -> str:
    return "".join(escapes.get(mark, mark) for mark in text)


REPORT = ReportKind(name="github", summary="annotations of GitHub Actions, at most nine and the verdict", render=render)
