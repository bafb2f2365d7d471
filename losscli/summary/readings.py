"""From what is held of a group to its statistics: one way for running and for saved summaries."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import field
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from losscli.records import dataclass
from losscli.roles import FloatArray
from losscli.summary.estimates import Estimates, unweighted_estimates, weighted_estimates
from losscli.summary.exact import round_fraction
from losscli.summary.powers import PowerTotals
from losscli.summary.quantiles import Mass, inverted_cdf
from losscli.summary.sample import exact_quantiles

if TYPE_CHECKING:
    from losscli.summary.weighted import WeightedTotals

Status = Literal["ok", "absent", "too_few", "overflow", "nan", "undefined"]


@dataclass(frozen=True)
class Statistics:
    """What is known of one group of rows; None where a number does not exist.

    `count` and `weight` include every row; `mean` is Σwx / Σw, `mean_over_count`
    Σwx / n, `sum` Σwx.  `std` is the sample standard deviation, `sem` the
    standard error of the mean (linearised with weights), `skewness` that of the
    rows' influence on the mean; their n is the number of rows with a weight
    above 0, and the same rows make up extremes and quantiles.

    `status` says why a number is None: `absent` no rows; `nan` rows that are
    nan; `overflow` infinite rows, or a number beyond float64; `undefined` no
    weight; `too_few` a single row, which has no spread.
    """

    count: int
    weight: float | None
    sum: float | None = None
    mean: float | None = None
    mean_over_count: float | None = None
    root_mean_square: float | None = None
    std: float | None = None
    sem: float | None = None
    skewness: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    quantiles: dict[float, float | None] = field(default_factory=dict)
    nan: int = 0
    infinite: int = 0
    status: Status = "ok"


class Counts(NamedTuple):
    """Rows of a group: all, finite ones with a weight above 0 (`support`), nan, -inf and +inf."""

    rows: int
    support: int
    nan: int
    below: int
    above: int


class Readings(Protocol):
    """What is held of one group, or of all rows, in exact numbers."""

    @property
    def counts(self) -> Counts: ...

    def totals(self) -> PowerTotals | WeightedTotals:
        """The power sums of the finite rows."""
        ...

    def apart(self) -> tuple[Fraction, ...]:
        """The weights of the nan, -inf and +inf rows, which no sum holds; empty without weights."""
        ...

    def extremes(self) -> tuple[float, float] | None:
        """Least and greatest finite value with weight."""
        ...

    def sample(self) -> tuple[FloatArray, FloatArray | None] | None:
        """Every row in ascending order, values (n,) and weights (n,), or None if there are too many to keep."""
        ...

    def masses(self) -> Sequence[tuple[float, Mass]]:
        """Middle and weight of the bins of finite values, ascending."""
        ...


def statistics_of(group: Readings, quantiles: Sequence[float]) -> Statistics:
    """The statistics of a group, with these quantiles."""
    count, support, nan, below, above = group.counts
    infinite = below + above
    if count == 0:
        return Statistics(0, 0.0, status="absent", quantiles=dict.fromkeys(quantiles))
    totals = group.totals()
    weight: float | None = float(count)
    if not isinstance(totals, PowerTotals):
        # The weight of all rows, those without a finite value included.
        weight = _rounded(totals.w + sum(group.apart(), Fraction(0)))
    if nan:
        return Statistics(count, weight, nan=nan, infinite=infinite, status="nan", quantiles=dict.fromkeys(quantiles))
    if support == 0 and not infinite:
        return Statistics(
            count, weight, sum=0.0, mean_over_count=0.0, status="undefined", quantiles=dict.fromkeys(quantiles)
        )
    extremes = group.extremes()
    minimum, maximum = (None, None) if extremes is None else extremes
    found = _quantiles(group, quantiles, extremes)
    if infinite:
        return Statistics(
            count,
            weight,
            minimum=None if below else minimum,
            maximum=None if above else maximum,
            quantiles=found,
            infinite=infinite,
            status="overflow",
        )
    if not isinstance(totals, PowerTotals):
        estimates = weighted_estimates(totals, count, support, minimum == maximum)
    else:
        estimates = unweighted_estimates(totals, minimum == maximum)
    return Statistics(
        count,
        weight,
        sum=estimates.sum,
        mean=estimates.mean,
        mean_over_count=estimates.mean_over_count,
        root_mean_square=estimates.root_mean_square,
        std=estimates.std,
        sem=estimates.sem,
        skewness=estimates.skewness,
        minimum=minimum,
        maximum=maximum,
        quantiles=found,
        status=_status(estimates, weight, support),
    )


def _quantiles(
    group: Readings, shares: Sequence[float], extremes: tuple[float, float] | None
) -> dict[float, float | None]:
    """The inverted CDF at each share; None where it falls on an infinite row or there is no weight."""
    if not shares:
        return {}
    sample = group.sample()
    if sample is not None:
        found = exact_quantiles(*sample, shares)
    else:
        ends: Sequence[Mass] = group.apart()[1:] or group.counts[3:]
        found = inverted_cdf([(-math.inf, ends[0]), *group.masses(), (math.inf, ends[1])], shares)
    return {
        p: None if value is None or math.isinf(value) or extremes is None else min(max(value, extremes[0]), extremes[1])
        for p, value in zip(shares, found, strict=True)
    }


def _status(estimates: Estimates, weight: float | None, support: int) -> Status:
    needed = [weight, estimates.sum, estimates.mean, estimates.root_mean_square]
    if support > 1:
        needed += [estimates.std, estimates.sem]
    if any(number is None for number in needed):
        return "overflow"
    return "ok" if support > 1 else "too_few"


def _rounded(value: Fraction) -> float | None:
    try:
        return round_fraction(value)
    except OverflowError:
        return None
