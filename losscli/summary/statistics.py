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
from losscli.summary.dense import SLOT_BITS, DenseCounts, DenseSums
from losscli.summary.estimates import Estimates, unweighted_estimates, weighted_estimates
from losscli.summary.exact import ExactSums, round_fraction
from losscli.summary.extremes import Extremes
from losscli.summary.moments import PowerSums
from losscli.summary.powers import PowerTotals
from losscli.summary.quantiles import Mass, QuantileSketch, inverted_cdf
from losscli.summary.sample import SmallSample
from losscli.summary.weighted import WeightedPowerSums, WeightedTotals

GROUP_BITS = 5
TOTAL_BITS = SLOT_BITS
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
        # Without weights the power sums count into a sketch of their own.
        self._dense = None if weighted or grouped else DenseSums()
        self._power = PowerSums(GROUP_BITS) if grouped and not weighted else None
        self._weighted_power = WeightedPowerSums() if weighted else None
        self._sketch = QuantileSketch(GROUP_BITS if grouped else TOTAL_BITS, weighted=True) if weighted else None
        self._total_counts = DenseCounts() if grouped and not weighted else None
        self._total_sketch = QuantileSketch(TOTAL_BITS, weighted=True) if grouped and weighted else None
        self._sample = SmallSample(weighted=weighted)
        self._extremes = Extremes()
        # Rows, rows with a weight above 0, nan, -inf and +inf rows: (5, groups).
        self._counts: IntArray = np.zeros((5, 0), np.int64)
        # Weight of the rows that have no part in the sums: nan, -inf and +inf.
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
        if self._dense is not None and other._dense is not None:
            self._dense.merge(other._dense)
        if self._power is not None and other._power is not None:
            self._power.merge(other._power, target)
        if self._weighted_power is not None and other._weighted_power is not None:
            self._weighted_power.merge(other._weighted_power, target)
        if self._sketch is not None and other._sketch is not None:
            self._sketch.merge(other._sketch, target)
        if self._total_counts is not None and other._total_counts is not None:
            self._total_counts.merge(other._total_counts)
        if self._total_sketch is not None and other._total_sketch is not None:
            self._total_sketch.merge(other._total_sketch, None)

    def statistics(self, group: int | None, quantiles: Sequence[float] = (0.5, 0.9, 0.99)) -> Statistics:
        """The statistics of one group, or of all rows (None), with these quantiles."""
        count, support, nan, below, above = self._count(group)
        infinite = below + above
        if count == 0:
            return Statistics(0, 0.0, status="absent", quantiles=dict.fromkeys(quantiles))
        totals = self._totals(group)
        weight = _rounded(self._total_weight(totals, group)) if isinstance(totals, WeightedTotals) else float(count)
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
        found = self._quantiles(group, quantiles, extremes, below, above)
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
        if isinstance(totals, WeightedTotals):
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

    def _add(self, values: FloatArray, weights: FloatArray | None, codes: IntArray | None) -> None:
        counts = group_counts(codes, values.size, self.groups)
        self._counts[0] += counts
        self._sample.update(values, weights, codes, counts)
        ends = float(values.min()), float(values.max())
        if not math.isfinite(ends[0] + ends[1] * 0.0):
            values, weights, codes = self._set_apart(values, weights, codes)
            if values.size == 0:
                return
            counts = group_counts(codes, values.size, self.groups)
            ends = float(values.min()), float(values.max())
        if self._weighted_power is not None and self._sketch is not None and weights is not None:
            self._weighted_power.update(values, weights, codes, self.groups)
            if not weights.all():
                rows = np.flatnonzero(weights != 0.0)
                if rows.size == 0:
                    return
                values, weights = values.take(rows), weights.take(rows)
                codes = None if codes is None else codes.take(rows)
                counts = group_counts(codes, values.size, self.groups)
                ends = float(values.min()), float(values.max())
            self._sketch.update(values, weights, codes, self.groups)
            if self._total_sketch is not None:
                self._total_sketch.update(values, weights, None, 1)
        self._counts[1] += counts
        self._extremes.update(values, codes, self.groups, ends)
        if self._dense is not None:
            self._dense.add(values, *ends)
        if self._power is not None and self._total_counts is not None:
            self._power.add(values, codes, counts, ends)
            self._total_counts.add(values, *ends)

    def _set_apart(
        self, values: FloatArray, weights: FloatArray | None, codes: IntArray | None
    ) -> tuple[FloatArray, FloatArray | None, IntArray | None]:
        """Count the rows that are nan or infinite; returns the others."""
        for place, found in ((2, np.isnan(values)), (3, values == -np.inf), (4, values == np.inf)):
            rows = np.flatnonzero(found)
            if rows.size:
                part = None if codes is None else codes[rows]
                self._counts[place] += group_counts(part, rows.size, self.groups)
                if weights is not None:
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

    def _quantiles(
        self, group: int | None, shares: Sequence[float], extremes: tuple[float, float] | None, below: int, above: int
    ) -> dict[float, float | None]:
        """The inverted CDF at each share; None where it falls on an infinite row or there is no weight."""
        if not shares:
            return {}
        if self._sample.holds(group):
            found = self._sample.quantiles(group, shares)
        else:
            low: Mass = self._weights.total(group, 1) if self._weighted else below
            high: Mass = self._weights.total(group, 2) if self._weighted else above
            found = inverted_cdf([(-math.inf, low), *self._masses(group), (math.inf, high)], shares)
        return {
            p: None
            if value is None or math.isinf(value) or extremes is None
            else min(max(value, extremes[0]), extremes[1])
            for p, value in zip(shares, found, strict=True)
        }

    def _masses(self, group: int | None) -> list[tuple[float, Mass]]:
        if self._dense is not None:
            return self._dense.masses()
        if group is None and self._total_counts is not None:
            return self._total_counts.masses()
        if group is None and self._total_sketch is not None:
            return self._total_sketch.masses(None)
        sketch = self._sketch if self._power is None else self._power.sketch
        assert sketch is not None
        return sketch.masses(group)

    def _totals(self, group: int | None) -> PowerTotals | WeightedTotals:
        if self._dense is not None:
            return self._dense.totals()
        if self._power is not None:
            return self._power.totals(group)
        assert self._weighted_power is not None
        return self._weighted_power.totals(group)

    def _total_weight(self, totals: WeightedTotals, group: int | None) -> Fraction:
        """The weight of all rows, those without a finite value included."""
        return totals.w + sum((self._weights.total(group, column) for column in range(3)), Fraction(0))


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
