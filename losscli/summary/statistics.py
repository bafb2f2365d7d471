"""The statistics of one loss: accumulated by group, merged, and read out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from losscli.roles import FloatArray, IntArray
from losscli.summary.blocks import group_counts, grown, row_blocks, target_groups
from losscli.summary.dense import SLOT_BITS, DenseSums
from losscli.summary.exact import ExactSums
from losscli.summary.extremes import Extremes
from losscli.summary.powers import PowerTotals
from losscli.summary.quantiles import Mass, QuantileSketch
from losscli.summary.readings import Counts, Readings, Statistics, statistics_of
from losscli.summary.sample import SmallSample

if TYPE_CHECKING:
    from losscli.summary.grouped import GroupedSums
    from losscli.summary.weighted import WeightedPowerSums, WeightedTotals

GROUP_BITS = 5
TOTAL_BITS = SLOT_BITS
# Guaranteed relative errors of a quantile: half the width of a bin.
GROUP_ERROR = 2.0 ** -(GROUP_BITS + 1)
TOTAL_ERROR = 2.0 ** -(TOTAL_BITS + 1)


class LossSummary:
    """Mergeable statistics of one loss, for the groups of one grouping.

    Results do not depend on the order of rows, on how they are cut into
    updates, or on the order of merges; the total over all groups is what an
    ungrouped summary of the same rows would say.
    """

    def __init__(self, *, weighted: bool, grouped: bool) -> None:
        self._weighted = weighted
        # Without weights the power sums count into bins of their own.
        self._dense = None if weighted or grouped else DenseSums()
        self._grouped = _grouped_sums() if grouped and not weighted else None
        self._weighted_power = _weighted_sums() if weighted else None
        self._sketch = QuantileSketch(GROUP_BITS if grouped else TOTAL_BITS, weighted=True) if weighted else None
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
        # Sums of one group cut their blocks themselves.
        for rows in [slice(None)] if self._dense is not None and values.size else row_blocks(values.size):
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
        if self._grouped is not None and other._grouped is not None:
            self._grouped.merge(other._grouped, target)
        if self._weighted_power is not None and other._weighted_power is not None:
            self._weighted_power.merge(other._weighted_power, target)
        if self._sketch is not None and other._sketch is not None:
            self._sketch.merge(other._sketch, target)
        if self._total_sketch is not None and other._total_sketch is not None:
            self._total_sketch.merge(other._total_sketch, None)

    def statistics(self, group: int | None, quantiles: Sequence[float] = (0.5, 0.9, 0.99)) -> Statistics:
        """The statistics of one group, or of all rows (None), with these quantiles."""
        return statistics_of(self.readings(group), quantiles)

    def readings(self, group: int | None) -> Readings:
        """What is held of one group, or of all rows (None), in exact numbers."""
        return _Group(self, group)

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
            self._weighted_power.update(values, weights, codes, self.groups, ends)
            if weights.min() == 0.0:
                rows = np.flatnonzero(weights != 0.0)
                if rows.size == 0:
                    return
                values, weights = values.take(rows), weights.take(rows)
                codes = None if codes is None else codes.take(rows)
                counts = group_counts(codes, values.size, self.groups)
                ends = float(values.min()), float(values.max())
            self._sketch.update(values, weights, codes, self.groups, ends)
            if self._total_sketch is not None:
                self._total_sketch.update(values, weights, None, 1, ends)
        self._counts[1] += counts
        self._extremes.update(values, codes, self.groups, ends)
        if self._dense is not None:
            self._dense.add(values, *ends)
        if self._grouped is not None:
            self._grouped.add(values, codes, counts, ends)

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

    def _masses(self, group: int | None) -> list[tuple[float, Mass]]:
        if self._dense is not None:
            return self._dense.masses()
        if self._grouped is not None:
            return self._grouped.masses(group)
        sketch = self._sketch if group is not None or self._total_sketch is None else self._total_sketch
        assert sketch is not None
        return sketch.masses(group)

    def _totals(self, group: int | None) -> PowerTotals | WeightedTotals:
        if self._dense is not None:
            return self._dense.totals(group)
        if self._grouped is not None:
            return self._grouped.totals(group)
        assert self._weighted_power is not None
        return self._weighted_power.totals(group)


class _Group:
    """The readings of one group of a summary, or of all its rows."""

    def __init__(self, summary: LossSummary, group: int | None) -> None:
        self._summary = summary
        self._group = group

    @property
    def counts(self) -> Counts:
        return Counts(*self._summary._count(self._group))

    def totals(self) -> PowerTotals | WeightedTotals:
        return self._summary._totals(self._group)

    def apart(self) -> tuple[Fraction, ...]:
        summary = self._summary
        return tuple(summary._weights.total(self._group, column) for column in range(3)) if summary._weighted else ()

    def extremes(self) -> tuple[float, float] | None:
        return self._summary._extremes.extremes(self._group)

    def sample(self) -> tuple[FloatArray, FloatArray | None] | None:
        sample = self._summary._sample
        return sample.ordered(self._group) if sample.holds(self._group) else None

    def masses(self) -> list[tuple[float, Mass]]:
        return self._summary._masses(self._group)


# Each is loaded where it is needed, which in most runs is nowhere.
def _grouped_sums() -> GroupedSums:
    from losscli.summary.grouped import GroupedSums

    return GroupedSums(GROUP_BITS)


def _weighted_sums() -> WeightedPowerSums:
    from losscli.summary.weighted import WeightedPowerSums

    return WeightedPowerSums()
