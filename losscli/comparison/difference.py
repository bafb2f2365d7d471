"""One line of a comparison: how a candidate's loss differs from the baseline's on the same rows.

The test is the paired t test, which for a mean without weights or clusters is
`scipy.stats.ttest_rel`.  Everything else is the same test of another estimate:
a weighted mean by its linearised standard error, a root mean square or a
set-level loss by the delta method, clusters by CR1 standard errors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from fractions import Fraction
from typing import Any

from losscli.records import dataclass
from losscli.summary.covariance import NOISE
from losscli.summary.exact import round_fraction, round_root
from losscli.summary.intervals import IntervalMethod, confidence_interval
from losscli.summary.student import student_quantile, student_tail, student_two_sided

BETTER, WORSE, SAME, UNTESTED = "better", "worse", "no difference", "untested"

# With fewer rows than this an estimate of the skewness is mostly noise, and intervals and tests are rough.
FEW_ROWS = 30

# A ratio to less than this, or to a billionth of the candidate's loss, says nothing.
_NEAR_ZERO = 1e-12
_NEAR_ZERO_SHARE = 1e-9


@dataclass(frozen=True)
class JointEstimate:
    """A baseline loss and the difference to it, with the covariance matrix of the two estimates.

    `second_base` and `second_diff` are the second moments about zero on the
    scale of the variances: what cancelled in these.  `freedom` are the degrees
    of freedom; `skewness` that of the difference's n `count` influences, None
    where it is not known.
    """

    base: Fraction
    diff: Fraction
    var_base: Fraction
    var_diff: Fraction
    covariance: Fraction
    second_base: Fraction
    second_diff: Fraction
    freedom: int
    count: int
    skewness: float | None = None

    def beyond(self, absolute: float = 0.0, relative: float = 0.0) -> tuple[float, float]:
        """``diff - absolute - relative * |base|`` and its standard error."""
        slope = Fraction(relative) * (-1 if self.base < 0 else 1)
        effect = self.diff - Fraction(absolute) - slope * self.base
        variance = self.var_diff - 2 * slope * self.covariance + slope * slope * self.var_base
        if variance <= NOISE * (self.second_diff + slope * slope * self.second_base):
            variance = Fraction(0)
        return round_fraction(effect), round_root(variance)

    def statistic(self, absolute: float = 0.0, relative: float = 0.0) -> float:
        """How many standard errors the increase lies above the margin; infinite where nothing varies, 0 on it."""
        effect, error = self.beyond(absolute, relative)
        if error:
            return effect / error
        return math.copysign(math.inf, effect) if effect else 0.0


@dataclass(frozen=True)
class Difference:
    """The baseline's loss, the candidate's, and what the rows that both have say of the difference.

    `level` is "total", "class" or "slice", `key` names it; `count` are the rows
    that are paired.  `diff` is ``cand - base``, `relative` its part of
    ``|base|``; `ci` and `p` (two-sided) belong to `diff`, and `p_adjusted` is p
    after Holm's correction over the rows of the table.  `verdict` is "better",
    "worse", "no difference", or "untested" where there is no p.  `improved` and
    `worsened` are the rows with a smaller and with a larger loss.  Numbers that
    do not exist are None and `status` says why, as in a `Row`.
    """

    level: str
    key: Mapping[str, Any]
    count: int
    base: float | None
    cand: float | None
    diff: float | None
    relative: float | None
    ci: tuple[float, float] | None = None
    p: float | None = None
    p_adjusted: float | None = None
    verdict: str = UNTESTED
    improved: int | None = 0
    worsened: int | None = 0
    status: str = "ok"
    estimate: JointEstimate | None = field(default=None, repr=False, compare=False)

    @property
    def base_is_near_zero(self) -> bool:
        """Whether the baseline's loss is so small that a share of it says nothing."""
        base, cand = self.base or 0.0, self.cand or 0.0
        return abs(base) <= max(_NEAR_ZERO, _NEAR_ZERO_SHARE * abs(cand))

    def harm(self, absolute: float = 0.0, relative: float = 0.0) -> float | None:
        """The p value of "the increase is at most ``absolute + relative * |base|``", one-sided.

        Small when there is evidence that the loss has grown by more.  The
        baseline in a relative margin is the one of the same rows, and its
        uncertainty is part of the test.
        """
        if self.estimate is None:
            return None
        statistic = self.estimate.statistic(absolute, relative)
        # On the margin itself, without any spread, nothing speaks against the hypothesis.
        return 1.0 if statistic == 0 and not self._spread(absolute, relative) else self._tail(statistic)

    def safety(self, absolute: float = 0.0, relative: float = 0.0) -> float | None:
        """The p value of "the increase is at least ``absolute + relative * |base|``", one-sided.

        Small when there is evidence that the loss has grown by less, or fallen.
        """
        if self.estimate is None:
            return None
        statistic = self.estimate.statistic(absolute, relative)
        return 1.0 if statistic == 0 and not self._spread(absolute, relative) else self._tail(-statistic)

    def rows_needed(
        self, absolute: float = 0.0, relative: float = 0.0, level: float = 0.95, power: float = 0.8
    ) -> int | None:
        """About how many rows like these a one-sided test at `level` needs to tell the increase from the margin.

        It is found with probability `power` if the increase is what it looks
        like.  None when the increase lies on the margin, or nothing is known.
        """
        if self.estimate is None:
            return None
        effect, error = self.estimate.beyond(absolute, relative)
        if effect == 0:
            return None
        wanted = student_quantile(level, math.inf) + student_quantile(power, math.inf)
        needed = self.count * (wanted * error / effect) ** 2
        return max(2, math.ceil(needed)) if needed < 1e18 else None

    def to_dict(self) -> dict[str, Any]:
        """The DIFF object of the JSON schema, without its key."""
        return {
            "count": self.count,
            "base": self.base,
            "cand": self.cand,
            "diff": self.diff,
            "relative": self.relative,
            "ci": list(self.ci) if self.ci else None,
            "p": self.p,
            "p_adjusted": self.p_adjusted,
            "verdict": self.verdict,
            "improved": self.improved,
            "worsened": self.worsened,
            "status": self.status,
        }

    def _tail(self, statistic: float) -> float:
        assert self.estimate is not None
        return student_tail(statistic, self.estimate.freedom)

    def _spread(self, absolute: float, relative: float) -> bool:
        return self.estimate is not None and self.estimate.beyond(absolute, relative)[1] > 0


def tested(
    difference: Difference, estimate: JointEstimate | None, *, level: float, method: IntervalMethod
) -> Difference:
    """`difference` with the p value and the interval of its estimate; unchanged without one.

    The interval is Student's, or Hall's where there are enough rows to tell
    their skewness.
    """
    if estimate is None:
        return difference
    try:
        effect, error = estimate.beyond()
    except OverflowError:
        return replace(difference, status="overflow")
    if method == "hall" and estimate.count < FEW_ROWS:
        method = "normal"
    p = student_two_sided(estimate.statistic(), estimate.freedom)
    interval = confidence_interval(
        effect, error, estimate.skewness, estimate.count, level, method, freedom=estimate.freedom
    )
    if interval is not None and not all(math.isfinite(bound) for bound in interval):
        interval = None
    return replace(difference, p=p, ci=interval, estimate=estimate)


def judged(differences: Sequence[Difference], level: float) -> list[Difference]:
    """The rows of one table with p values corrected for their number, and verdicts at that level.

    Holm, S. (1979). A simple sequentially rejective multiple test procedure.
    Scand. J. Statist. 6:65-70.
    """
    adjusted = holm([one.p for one in differences])
    return [
        replace(one, p_adjusted=p, verdict=_verdict(one.diff, p, 1.0 - level))
        for one, p in zip(differences, adjusted, strict=True)
    ]


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """p values after Holm's correction for all of them that exist; the others stay None."""
    order = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, place) in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p))
        adjusted[place] = largest
    return adjusted


def _verdict(diff: float | None, p: float | None, alpha: float) -> str:
    if p is None or diff is None:
        return UNTESTED
    if p > alpha:
        return SAME
    return WORSE if diff > 0 else BETTER
