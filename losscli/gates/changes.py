"""Checks against a baseline: tests of paired differences, corrected for their number.

A model that is no worse looks worse on half of its slices, by chance.  So an
alarm needs evidence that the change is larger than the rule allows, and what
looks too large without such evidence is inconclusive.  Alarms are corrected
together, over all rules of a run; so are the all-clears of non-inferiority.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from losscli.errors import InputError
from losscli.gates.checks import DIGITS, Check, place_of, renamed
from losscli.gates.limits import Change
from losscli.gates.rules import Rule
from losscli.gates.verdicts import Correction, Verdict
from losscli.records import dataclass
from losscli.renderers.layout import significant

if TYPE_CHECKING:
    from losscli.comparison.difference import Difference

# Which rows a rule needs so that a true effect is found four times out of five.
_POWER = 0.8


@dataclass(frozen=True)
class Statistics:
    """How sure an alarm must be: the confidence `level`, the correction, and the fewest rows of a slice.

    `cluster` is the column whose equal values mark rows that depend on each other.
    """

    level: float = 0.95
    correction: Correction = "holm"
    min_slice: int = 30
    cluster: str | None = None

    @property
    def alpha(self) -> float:
        """The chance of a false alarm that is accepted, in the whole run with Holm's correction."""
        return 1.0 - self.level


@dataclass(frozen=True)
class Claim:
    """A change of one row of the table, beside the limit of a rule; not yet decided."""

    rule: Rule
    change: Change
    difference: Difference
    title: str

    def __post_init__(self) -> None:
        where = place_of(self.difference.level, self.difference.key)
        base, cand = self.difference.base, self.difference.cand
        if base is None or cand is None or self.difference.diff is None:
            raise InputError(
                f'rule "{self.rule.name}": the {self.title} of {where} does not exist ({self.difference.status})',
                "a finite loss of the baseline and of the candidate",
            )
        if self.difference.base_is_near_zero and self.change.absolute is None:
            kind, share = self.change.kind, self.change.share
            raise InputError(
                f'rule "{self.rule.name}": the baseline {self.title} of {where} is {base:.6g}, '
                f"so a change of {share} of it means nothing",
                "a baseline loss that is not near zero",
                f'{kind} = ["{share}", LIMIT] with a limit in units of the loss, which then decides',
            )

    @property
    def movement(self) -> float:
        """How far the loss moved in the direction that the rule limits."""
        return self.change.sign * (self.difference.diff or 0.0)

    @property
    def limit(self) -> float:
        return self.change.limit(self.difference.base or 0.0)

    @property
    def margin(self) -> tuple[float, float]:
        """The one margin of those of the rule that decides: the larger, for both must be exceeded."""
        base = abs(self.difference.base or 0.0)
        return max(self.change.margins, key=lambda margin: abs(margin[0]) + abs(margin[1]) * base)

    def harm(self) -> float | None:
        """The p value of "the change does not exceed every limit": small when there is evidence that it does."""
        tail = self.difference.harm if self.change.sign > 0 else self.difference.safety
        p_values = [tail(*margin) for margin in self.change.margins]
        return max((p for p in p_values if p is not None), default=None)

    def safety(self) -> float | None:
        """The p value of "the change reaches the limit": small when there is evidence that it stays below."""
        tail = self.difference.safety if self.change.sign > 0 else self.difference.harm
        return tail(*self.margin)

    def rows_needed(self, level: float) -> int | None:
        return self.difference.rows_needed(*self.margin, level=level, power=_POWER)

    @property
    def shown(self) -> str:
        """The change and its limit in words."""
        one = self.difference
        share = "" if one.relative is None else f" ({100 * one.relative:+.3g}%)"
        limit = significant(self.limit, DIGITS) + (f" ({self.change.share})" if self.change.share else "")
        if one.diff == 0:
            return f"{self.title} did not change; the limit is {limit}"
        word = "rose" if (one.diff or 0.0) > 0 else "fell"
        by = significant(abs(one.diff or 0.0), DIGITS)
        allowed = "an increase" if self.change.sign > 0 else "a decrease"
        return f"{self.title} {word} by {by}{share}; the limit is {allowed} of {limit}"


def is_small(difference: Difference, statistics: Statistics) -> bool:
    """Whether a slice or class has too few rows for a check against the baseline."""
    return difference.level != "total" and difference.count < statistics.min_slice


def small(change: Change, difference: Difference, statistics: Statistics) -> Check:
    """The check of a slice with too few rows: inconclusive, and it decides nothing."""
    reason = f"not tested: {difference.count:,} rows, and min_slice is {statistics.min_slice:,}"
    limit = None if difference.base is None else change.limit(difference.base)
    check = replace(started(change, difference, limit), reason=reason, tested=False)
    return replace(check, rows_needed=statistics.min_slice)


def absent(change: Change, difference: Difference) -> Check:
    """The check of a slice that the baseline does not have: inconclusive."""
    return replace(started(change, difference, None), reason="the baseline has no such rows")


def started(change: Change, difference: Difference, limit: float | None) -> Check:
    """A check with its numbers, before any decision."""
    return Check(
        kind=change.kind,
        level=difference.level,
        key=difference.key,
        count=difference.count,
        limit=limit,
        finding=Verdict.INCONCLUSIVE,
        verdict=Verdict.INCONCLUSIVE,
        reason="",
        base=difference.base,
        cand=difference.cand,
        diff=difference.diff,
        relative=difference.relative,
        ci=difference.ci,
    )


def decided(claims: Sequence[Claim], statistics: Statistics) -> list[Check]:
    """The checks of all claims of a run, in their order."""
    if not claims:
        return []
    # Only here: rules without a baseline should not wait for what compares.
    from losscli.gates.corrections import CORRECTIONS

    correct = CORRECTIONS[statistics.correction]
    harm = [None if claim.rule.test == "point" else claim.harm() for claim in claims]
    safety = [claim.safety() if claim.rule.test == "non-inferior" else None for claim in claims]
    standard = Standard(statistics.alpha, statistics.correction, sum(p is not None for p in harm))
    rows = zip(claims, harm, correct(harm), safety, correct(safety), strict=True)
    decide = {"point": _decided_by_point, "regression": _decided_by_harm, "non-inferior": _decided_by_safety}
    return [
        decide[claim.rule.test](claim, (p_harm, harm_adjusted), (p_safety, safety_adjusted), standard)
        for claim, p_harm, harm_adjusted, p_safety, safety_adjusted in rows
    ]


Tested = tuple[float | None, float | None]
"""A p value and the same after correction."""


@dataclass(frozen=True)
class Standard:
    """What the evidence of a check is held to: the chance of a false alarm in a run of so many `tests`."""

    alpha: float
    correction: Correction
    tests: int

    @property
    def level(self) -> float:
        """The confidence that a check needs when none of the others has any evidence, by Holm and by BH alike."""
        return 1.0 - self.alpha / (1 if self.correction == "none" else max(self.tests, 1))

    def among(self, p: float) -> str:
        """What keeps evidence that would do for one check from being enough, in words."""
        return f" among {self.tests:,} tests" if p <= self.alpha else ""


def _decided_by_point(claim: Claim, harm: Tested, safety: Tested, standard: Standard) -> Check:
    finding = Verdict.FAIL if claim.movement > claim.limit else Verdict.PASS
    return renamed(started(claim.change, claim.difference, claim.limit), finding, claim.rule, claim.shown)


def _decided_by_harm(claim: Claim, harm: Tested, safety: Tested, standard: Standard) -> Check:
    """Fail on evidence that the change exceeds the limit."""
    p, adjusted = harm
    check = started(claim.change, claim.difference, claim.limit)
    if p is None or adjusted is None:
        return _untestable(claim, check)
    if adjusted <= standard.alpha:
        finding, reason, needed = Verdict.FAIL, claim.shown, None
    elif claim.movement <= claim.limit:
        finding, reason, needed = Verdict.PASS, claim.shown, None
    else:
        needed = claim.rows_needed(standard.level)
        finding, reason = Verdict.INCONCLUSIVE, f"{claim.shown}; that may be chance{standard.among(p)}{_hint(needed)}"
    return renamed(check, finding, claim.rule, reason, p=p, p_adjusted=adjusted, rows_needed=needed)


def _decided_by_safety(claim: Claim, harm: Tested, safety: Tested, standard: Standard) -> Check:
    """Pass on evidence that the change stays below the limit, fail on evidence that it exceeds it.

    The p value is that of the evidence for the verdict.
    """
    p, adjusted = safety
    check = started(claim.change, claim.difference, claim.limit)
    if p is None or adjusted is None:
        return _untestable(claim, check)
    needed = None
    if adjusted <= standard.alpha:
        finding, reason = Verdict.PASS, claim.shown
    elif harm[1] is not None and harm[1] <= standard.alpha:
        (p, adjusted), finding, reason = harm, Verdict.FAIL, claim.shown
    else:
        needed = claim.rows_needed(standard.level)
        beyond = claim.movement > claim.limit
        doubt = "that may be chance" if beyond else "not enough evidence that it stays below"
        among = standard.among(min(p, 1.0 if harm[0] is None else harm[0]))
        finding, reason = Verdict.INCONCLUSIVE, f"{claim.shown}; {doubt}{among}{_hint(needed)}"
    return renamed(check, finding, claim.rule, reason, p=p, p_adjusted=adjusted, rows_needed=needed)


def _untestable(claim: Claim, check: Check) -> Check:
    few = claim.difference.status == "too_few"
    why = "too few rows or clusters for a test" if few else "there is no test of it"
    reason = f'{claim.shown}; {why}, but test = "point" compares the numbers'
    return renamed(check, Verdict.INCONCLUSIVE, claim.rule, reason)


def _hint(needed: int | None) -> str:
    return "" if needed is None else f", about {needed:,} rows would decide"
