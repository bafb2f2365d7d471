"""What a table for people shows of a gate: the gravest rules and checks first, in columns of text."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from losscli.gates.checks import DIGITS, Check, place_of
from losscli.gates.result import GateReport, RuleResult
from losscli.gates.rules import CLASSES
from losscli.gates.verdicts import Verdict
from losscli.records import dataclass
from losscli.renderers.layout import CROSS, MISSING, interval_text, key_name, printable, significant

# The order in which columns are given room; what is shown stands in the order of `columns`.
PRIORITY = ("verdict", "place", "cand", "limit", "change", "p", "relative", "count", "base", "rows", "ci")

# The folder that GitHub Actions and GitLab check a repository out to.
ROOTS = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR")


@dataclass(frozen=True)
class Column:
    """A column of texts, one for each check shown; numbers are aligned at their point."""

    key: str
    title: str
    texts: Sequence[str]
    number: bool = True


@dataclass(frozen=True)
class Block:
    """A rule as it is shown: its checks as columns, and how many of them that pass are left out."""

    result: RuleResult
    title: str
    subtitle: str
    checks: Sequence[Check]
    columns: Sequence[Column]
    omitted: int


def blocks(report: GateReport, top: int) -> list[Block]:
    """The rules, gravest first, each with the gravest of its checks and at most `top` that pass (0: all)."""
    rules = sorted(report.rules, key=lambda one: -one.verdict.gravity)
    return [_block(report, one, top) for one in rules]


def _block(report: GateReport, result: RuleResult, top: int) -> Block:
    grave = [check for check in result.checks if check.verdict is not Verdict.PASS]
    grave.sort(key=lambda check: (not check.tested, -check.verdict.gravity))
    passing = [check for check in result.checks if check.verdict is Verdict.PASS]
    shown = passing[:top] if top else passing
    checks = [*grave, *shown]
    return Block(
        result=result,
        title=f"{result.verdict}  {printable(result.rule.name)}" if result.checks else printable(result.rule.name),
        subtitle=subtitle(report, result),
        checks=checks,
        columns=_columns(report, checks),
        omitted=len(passing) - len(shown),
    )


def subtitle(report: GateReport, result: RuleResult) -> str:
    """What the rule says: its loss, its rows, its limits, its test."""
    rule = result.rule
    parts = [result.metric]
    if rule.by:
        parts[0] += " by " + " and by ".join("class" if one == CLASSES else one for one in rule.by)
    if rule.where:
        parts[0] += f" where {rule.where}"
    parts.append(rule.limits)
    if rule.needs_baseline:
        parts.append(rule.test if rule.test == "point" else f"{rule.test}, {correction_text(report)}")
        if rule.test != "point" and report.statistics.cluster is not None:
            parts[-1] += f", clustered by {report.statistics.cluster}"
    if rule.severity != "fail":
        parts.append(f"severity {rule.severity}")
    return printable("; ".join(parts))


def correction_text(report: GateReport) -> str:
    """How p values are corrected, in words."""
    words = {"holm": "p after Holm", "bh": "p after Benjamini-Hochberg", "none": "p uncorrected"}
    return words[report.statistics.correction]


def place_text(check: Check, *, with_columns: bool) -> str:
    """The name of a check's rows; where a rule has several groupings, with the columns of the slice."""
    if check.level == "total":
        return "total"
    if with_columns:
        return printable(place_of(check.level, check.key))
    return key_name(check.key)


def _columns(report: GateReport, checks: Sequence[Check]) -> list[Column]:
    if not checks:
        return []

    def number(key: str, title: str, read: Callable[[Check], float | None]) -> Column:
        return Column(key, title, [significant(read(check), DIGITS) for check in checks])

    headings = {CROSS.join(check.key) for check in checks}
    places = [place_text(check, with_columns=len(headings) > 1) for check in checks]
    against = any(check.against_baseline for check in checks)
    found = [
        Column("verdict", "verdict", [check.verdict.value for check in checks], number=False),
        Column("place", printable(headings.pop()) if len(headings) == 1 else "", places, number=False),
        Column("count", "count", [f"{check.count:,}" for check in checks]),
    ]
    if against:
        found += [
            number("base", "base", lambda check: check.base),
            number("cand", "cand", lambda check: check.cand),
            Column("change", "change", [_signed(check.diff) for check in checks]),
            Column("relative", "relative", [_percent(check.relative) for check in checks]),
        ]
    else:
        found.append(number("cand", "loss", lambda check: check.cand))
    if any(check.ci for check in checks):
        title = f"{100 * report.statistics.level:g}% ci" + (
            " of change" if all(check.against_baseline for check in checks) else ""
        )
        found.append(Column("ci", title, [_interval(check) for check in checks], number=False))
    found.append(number("limit", "limit", lambda check: check.limit))
    if any(check.p_adjusted is not None for check in checks):
        found.append(Column("p", "p", [_probability(check.p_adjusted) for check in checks]))
    if any(check.rows_needed is not None for check in checks):
        texts = [MISSING if check.rows_needed is None else f"{check.rows_needed:,}" for check in checks]
        found.append(Column("rows", "rows needed", texts))
    return found


def _signed(value: float | None) -> str:
    return MISSING if value is None else f"{value:+.4g}"


def _percent(value: float | None) -> str:
    return MISSING if value is None else f"{100 * value:+.3g}%"


def _probability(p: float | None) -> str:
    if p is None:
        return MISSING
    return "<0.0001" if p < 0.0001 else f"{p:.4f}"


def _interval(check: Check) -> str:
    low, high = check.ci or (None, None)
    return interval_text((significant(low, 4), significant(high, 4)))


def config_path(report: GateReport) -> str | None:
    """Where the rules are, from the root of the repository if the CI server says what that is: it reads paths so."""
    if report.config is None:
        return None
    path = Path(report.config).absolute()
    for root in filter(None, map(os.environ.get, ROOTS)):
        if path.is_relative_to(root):
            return path.relative_to(root).as_posix()
    return report.config


def endnotes(report: GateReport) -> list[tuple[str, str]]:
    """What a reader must know besides the checks, as (kind, text)."""
    notes = [("note", f"{one.rule.name}: {one.note}") for one in report.rules if one.note is not None]
    if report.pairing:
        notes.append(("baseline", f"{report.baseline}: {report.pairing}"))
    if report.tests > 1 and any(check.ci and check.p is not None for _, check in report.checks()):
        corrected = "" if report.statistics.correction == "none" else f" and corrected for all {report.tests:,} tests"
        notes.append(
            ("note", f"verdicts follow p, which is one-sided{corrected}; intervals are two-sided, of each check alone")
        )
    told = {text for _, text in notes}
    notes += [("warning", text) for text in report.warnings if text not in told]
    return [(kind, printable(text)) for kind, text in notes]
