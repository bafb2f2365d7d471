"""The statistics of one loss: accumulated by group, merged, and read out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

import numpy as np

from losscli.roles import FloatArray, IntArray
from losscli.summary.blocks import group_counts, grown, row_blocks, target_groups
from losscli.summary.estimates import Estimates, unweighted_estimates, weighted_estimates
from losscli.summary.exact import ExactSums, round_fraction
from losscli.summary.extremes import Extremes
from losscli.summary.moments import PowerSums
from losscli.summary.quantiles import Mass, QuantileSketch, inverted_cdf
from losscli.summary.sample import SmallSample
from losscli.summary.weighted import WeightedPowerSums

GROUP_BITS = 5
TOTAL_BITS = 7
# Guaranteed relative errors of a quantile: half the width of a bin.
GROUP_ERROR = 2.0 ** -(GROUP_BITS + 1)
TOTAL_ERROR = 2.0 ** -(TOTAL_BITS + 1)

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


class LossSummary:
    """Mergeable statistics of one loss, for the groups of one grouping.

    Results do not depend on the order of rows, on how they are cut into
    updates, or on the order of merges; the total over all groups is what an
    ungrouped summary of the same rows would say.
    """

    def __init__(self, *, weighted: bool, grouped: bool) -> None:
        self._weighted = weighted
        bits = GROUP_BITS if grouped else TOTAL_BITS
        self._power = None if weighted else PowerSums(bits)
        self._weighted_power = WeightedPowerSums() if weighted else None
        # Without weights the power sums count into a sketch of their own.
        self._sketch = QuantileSketch(bits, weighted=True) if weighted else None
        self._total_sketch = QuantileSketch(TOTAL_BITS, weighted=weighted) if grouped else None
        self._sample = SmallSample(weighted=weighted)
        self._extremes = Extremes()
        # Rows, rows with a weight above 0, nan, -inf and +inf rows: (5, groups).
        self._counts: IntArray = np.zeros((5, 0), np.int64)
        # Weight of all rows, of -inf and of +inf rows.
        self._weights = ExactSums(3)

    @property
    def groups(self) -> int:
        """How many groups have been seen."""
        return int(self._counts.shape[1])

    def update(self, values: FloatArray, weights: FloatArray | None, codes: IntArray | None, groups: int) -> None:
        """Add rows: values (n,), weights (n,) iff weighted, the group of each in `codes` (n,), None for group 0.

        Values may be nan or infinite; weights are finite and not negative.
        Raises ValueError when weights are missing or not expected.
        """
        if (weights is not None) != self._weighted:
            raise ValueError("a weighted summary takes weights with every update, another takes none")
        self._grow(groups)
        values = np.ascontiguousarray(values, np.float64)
        weights = None if weights is None else np.ascontiguousarray(weights, np.float64)
        codes = None if codes is None else np.ascontiguousarray(codes, np.intp)
        for rows in row_blocks(values.size):
            self._add(values[rows], None if weights is None else weights[rows], None if codes is None else codes[rows])

    def merge(self, other: LossSummary, codes: IntArray | None) -> None:
        """Add another summary of the same kind; its group i is our group ``codes[i]`` (None: i)."""
        if other.groups == 0:
            return
        target = target_groups(codes, other.groups)
        self._grow(int(target.max()) + 1)
        self._counts[:, target] += other._counts
        self._weights.merge(other._weights, target)
        self._sample.merge(other._sample, target)
        self._extremes.merge(other._extremes, target)
        if self._power is not None and other._power is not None:
            self._power.merge(other._power, target)
        if self._weighted_power is not None and other._weighted_power is not None:
            self._weighted_power.merge(other._weighted_power, target)
        if self._sketch is not None and other._sketch is not None:
            self._sketch.merge(other._sketch, target)
        if self._total_sketch is not None and other._total_sketch is not None:
            self._total_sketch.merge(other._total_sketch, None)

    def statistics(self, group: int | None, quantiles: Sequence[float] = (0.5, 0.9, 0.99)) -> Statistics:
        """The statistics of one group, or of all rows (None), with these quantiles."""
        count, support, nan, below, above = self._count(group)
        infinite = below + above
        if count == 0:
            return Statistics(0, 0.0, status="absent", quantiles=dict.fromkeys(quantiles))
        total_weight = self._weights.total(group, 0) if self._weighted else Fraction(count)
        weight = _rounded(total_weight)
        if nan:
            return Statistics(
                count, weight, nan=nan, infinite=infinite, status="nan", quantiles=dict.fromkeys(quantiles)
            )
        if support == 0 and not infinite:
            return Statistics(
                count, weight, sum=0.0, mean_over_count=0.0, status="undefined", quantiles=dict.fromkeys(quantiles)
            )
        extremes = self._extremes.extremes(group)
        minimum, maximum = (None, None) if extremes is None else extremes
        found = {p: self._quantile(group, p, extremes, below, above) for p in quantiles}
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
        estimates = self._estimates(group, count, support, constant=minimum == maximum)
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

    def _add(self, values: FloatArray, weights: FloatArray | None, codes: IntArray | None) -> None:
        counts = group_counts(codes, values.size, self.groups)
        self._counts[0] += counts
        self._sample.update(values, weights, codes, self.groups)
        if weights is not None:
            self._weights.update([weights], codes, self.groups, [0])
        # One reduction over both ends sees every nan and infinity.
        if not math.isfinite(float(values.min()) + float(values.max()) * 0.0):
            values, weights, codes = self._set_apart(values, weights, codes)
            if values.size == 0:
                return
            counts = group_counts(codes, values.size, self.groups)
        if self._weighted_power is not None and weights is not None:
            self._weighted_power.update(values, weights, codes, self.groups)
            if not weights.all():
                rows = np.flatnonzero(weights)
                values, weights = values.take(rows), weights.take(rows)
                codes = None if codes is None else codes.take(rows)
                counts = group_counts(codes, values.size, self.groups)
        self._counts[1] += counts
        self._extremes.update(values, codes, self.groups)
        if self._power is not None:
            self._power.update(values, codes, self.groups, self._total_sketch)
        if self._sketch is not None:
            self._sketch.update(values, weights, codes, self.groups)
        if self._total_sketch is not None and weights is not None:
            self._total_sketch.update(values, weights, None, 1)

    def _set_apart(
        self, values: FloatArray, weights: FloatArray | None, codes: IntArray | None
    ) -> tuple[FloatArray, FloatArray | None, IntArray | None]:
        """Count the rows that are nan or infinite; returns the others."""
        for place, found in ((2, np.isnan(values)), (3, values == -np.inf), (4, values == np.inf)):
            rows = np.flatnonzero(found)
            if rows.size:
                part = None if codes is None else codes[rows]
                self._counts[place] += group_counts(part, rows.size, self.groups)
                if place > 2 and weights is not None:
                    self._weights.update([weights[rows]], part, self.groups, [place - 2])
        rows = np.flatnonzero(np.isfinite(values))
        return (
            values[rows],
            None if weights is None else weights[rows],
            None if codes is None else codes[rows],
        )

    def _grow(self, groups: int) -> None:
        self._counts = grown(self._counts, groups)

    def _count(self, group: int | None) -> list[int]:
        if group is None:
            counts: list[int] = self._counts.sum(axis=1).tolist()
            return counts
        return self._counts[:, group].tolist() if group < self.groups else [0] * 5

    def _quantile(
        self, group: int | None, p: float, extremes: tuple[float, float] | None, below: int, above: int
    ) -> float | None:
        """The inverted CDF at p; None where it falls on an infinite row or there is no weight."""
        if self._sample.holds(group):
            found = self._sample.quantile(group, p)
        else:
            low: Mass = self._weights.total(group, 1) if self._weighted else below
            high: Mass = self._weights.total(group, 2) if self._weighted else above
            found = inverted_cdf([(-math.inf, low), *self._masses(group), (math.inf, high)], p)
        if found is None or math.isinf(found) or extremes is None:
            return None
        return min(max(found, extremes[0]), extremes[1])

    def _masses(self, group: int | None) -> list[tuple[float, Mass]]:
        if group is None and self._total_sketch is not None:
            return self._total_sketch.masses(None)
        if self._power is not None:
            return self._power.sketch.masses(group)
        assert self._sketch is not None
        return self._sketch.masses(group)

    def _estimates(self, group: int | None, count: int, support: int, *, constant: bool) -> Estimates:
        if self._power is not None:
            return unweighted_estimates(self._power.totals(group), constant)
        assert self._weighted_power is not None
        return weighted_estimates(self._weighted_power.totals(group), count, support, constant)


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
