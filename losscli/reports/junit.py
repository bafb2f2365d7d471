"""JUnit XML, which every CI server can show: a test case for each check.

A warning is a passed case with the reason in its output, what is inconclusive
is skipped.  The format is that of Jenkins (junit-10.xsd of its xunit plugin),
which is also what GitLab, Azure and GitHub actions read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from losscli.gates.checks import Check, place_of
from losscli.gates.result import GateReport, RuleResult
from losscli.gates.verdicts import Verdict
from losscli.renderers import RenderOptions
from losscli.reports.kind import ReportKind

# What XML 1.0 cannot hold, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: GateReport, options: RenderOptions) -> str:
    """A suite for each rule; the number of rows, not the time, is what a check costs, so times are 0."""
    suites = [_suite(result) for result in report.rules]
    counts = Counter(check.verdict for _, check in report.checks())
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append(
        f"<testsuites name={_quoted('losscli gate')} tests={_quoted(sum(counts.values()))} "
        f'failures={_quoted(counts[Verdict.FAIL])} errors="0" time="0">'
    )
    return "\n".join([*lines, *(line for suite in suites for line in suite), "</testsuites>"]) + "\n"


def _suite(result: RuleResult) -> list[str]:
    counts = Counter(check.verdict for check in result.checks)
    name = _quoted(result.rule.name)
    head = (
        f"  <testsuite name={name} tests={_quoted(len(result.checks))} failures={_quoted(counts[Verdict.FAIL])} "
        f'errors="0" skipped={_quoted(counts[Verdict.INCONCLUSIVE])} time="0">'
    )
    return [head, *(line for check in result.checks for line in _case(result, check)), "  </testsuite>"]


def _case(result: RuleResult, check: Check) -> Sequence[str]:
    several = len(result.rule.bounds) + len(result.rule.changes) > 1
    name = f"{result.metric} of {place_of(check.level, check.key)}" + (f" ({check.kind})" if several else "")
    head = f'    <testcase name={_quoted(name)} classname={_quoted(result.rule.name)} time="0"'
    told = _quoted(check.reason)
    inside = {
        Verdict.FAIL: f'<failure type="{check.kind}" message={told}>{_text(check.reason)}</failure>',
        Verdict.INCONCLUSIVE: f"<skipped message={told}/>",
        Verdict.WARN: f"<system-out>{_text(f'WARN: {check.reason}')}</system-out>",
        Verdict.PASS: "",
    }[check.verdict]
    return [f"{head}>", f"      {inside}", "    </testcase>"] if inside else [f"{head}/>"]


def _quoted(value: object) -> str:
    # It brings HTTP and OpenSSL along, so it is loaded only where such a report is written.
    from xml.sax.saxutils import quoteattr

    return quoteattr(_FORBIDDEN.sub("�", str(value)), {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def _text(value: str) -> str:
    from xml.sax.saxutils import escape

    return escape(_FORBIDDEN.sub("�", value))


REPORT = ReportKind(name="junit", summary="JUnit XML, a test case for each check", render=render)
