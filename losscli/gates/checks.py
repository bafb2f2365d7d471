"""One check: a limit of a rule held against one number, in all, of a class or of a slice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from losscli.errors import InputError
from losscli.gates.limits import Bound
from losscli.gates.rules import Rule
from losscli.gates.verdicts import Verdict, capped
from losscli.records import dataclass
from losscli.renderers.layout import significant
from losscli.report import Row

DIGITS = 6


@dataclass(frozen=True)
class Check:
    """What was compared with which limit, and what came of it.

    `kind` is the key of the limit; `limit` is in units of the loss, for a
    change the largest one that passes.  `key` has the columns of a slice, or
    "class"; it is empty in all.  `finding` is what the numbers say, `verdict`
    what the severity of the rule makes of it and `reason` why, in words.  A
    check that is not `tested` has too few rows and decides nothing.
    """

    kind: str
    level: str
    key: Mapping[str, str | None]
    count: int
    limit: float | None
    finding: Verdict
    verdict: Verdict
    reason: str
    base: float | None = None
    cand: float | None = None
    diff: float | None = None
    relative: float | None = None
    ci: tuple[float, float] | None = None
    p: float | None = None
    p_adjusted: float | None = None
    rows_needed: int | None = None
    tested: bool = True

    @property
    def against_baseline(self) -> bool:
        return self.kind in ("max_increase", "max_decrease")

    def to_dict(self) -> dict[str, Any]:
        """The check object of ``gate -f json``."""
        return {
            "kind": self.kind,
            "slice": dict(self.key) if self.level == "slice" else None,
            "class": self.key["class"] if self.level == "class" else None,
            "base": self.base,
            "cand": self.cand,
            "diff": self.diff,
            "relative": self.relative,
            "ci": list(self.ci) if self.ci else None,
            "p": self.p,
            "p_adjusted": self.p_adjusted,
            "limit": self.limit,
            "count": self.count,
            "verdict": self.verdict.value,
            "finding": self.finding.value,
            "reason": self.reason,
            "rows_needed": self.rows_needed,
        }


def check_bound(rule: Rule, bound: Bound, row: Row, title: str) -> Check:
    """`row` held against an absolute limit; a loss that does not exist cannot pass and is an InputError."""
    if row.loss is None:
        raise InputError(
            f'rule "{rule.name}": the {title} of {place_of(row.level, row.key)} does not exist ({row.status})',
            "a finite loss",
        )
    limit = bound.value
    shown = f"{title} {significant(row.loss, DIGITS)}"
    beyond = "above" if bound.kind == "max" else "below"
    if bound.broken_by(row.loss):
        finding, reason = Verdict.FAIL, f"{shown} is {beyond} the limit of {limit:g}"
    elif bound.warned_by(row.loss):
        limit = bound.warn if limit is None else limit
        finding, reason = Verdict.WARN, f"{shown} is {beyond} {bound.warn:g}, which warns"
    else:
        limit = bound.warn if limit is None else limit
        finding, reason = Verdict.PASS, f"{shown} is {'at most' if bound.kind == 'max' else 'at least'} {limit:g}"
    return Check(
        kind=bound.kind,
        level=row.level,
        key=row.key,
        count=row.count,
        limit=limit,
        finding=finding,
        verdict=capped(finding, rule.severity),
        reason=reason,
        cand=row.loss,
        ci=row.ci,
    )


def place_of(level: str, key: Mapping[str, str | None]) -> str:
    """Which rows a check is about, in words: ``all rows``, ``class cat`` or ``region=north, sex=1``."""
    if level == "total":
        return "all rows"
    if level == "class":
        return f"class {key['class']}"
    return ", ".join(f"{name}={'null' if value is None else value}" for name, value in key.items())


def renamed(check: Check, finding: Verdict, rule: Rule, reason: str, **changes: Any) -> Check:
    """`check` with what was found."""
    return replace(check, finding=finding, verdict=capped(finding, rule.severity), reason=reason, **changes)
