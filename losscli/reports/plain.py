"""Aligned text for grep and awk: the same fields in every line, whatever the rules.

One line per check.  Fields are separated by blanks and never hold one, except
for the last, the place; ``-`` is a value that does not exist.
"""

from __future__ import annotations

from losscli.gates.checks import Check, place_of
from losscli.gates.result import GateReport, RuleResult
from losscli.renderers import RenderOptions
from losscli.renderers.drawing import spaced
from losscli.renderers.layout import MISSING, printable, significant
from losscli.reports.kind import ReportKind

HEADER = ("verdict", "rule", "metric", "kind", "count", "base", "cand", "diff", "limit", "p_adjusted", "place")


def render(report: GateReport, options: RenderOptions) -> str:
    """A header and one line per check."""
    lines = [HEADER, *(_fields(result, check, options.digits) for result, check in report.checks())]
    return "".join(line + "\n" for line in spaced(lines))


def _fields(result: RuleResult, check: Check, digits: int) -> tuple[str, ...]:
    numbers = (check.base, check.cand, check.diff, check.limit, check.p_adjusted)
    return (
        check.verdict.value,
        _word(result.rule.name),
        _word(result.metric),
        check.kind,
        str(check.count),
        *(significant(number, digits) for number in numbers),
        printable(place_of(check.level, check.key)),
    )


def _word(text: str) -> str:
    return printable(text).replace(" ", "_") or MISSING


REPORT = ReportKind(name="plain", summary="aligned text with the same fields in every line", render=render)
