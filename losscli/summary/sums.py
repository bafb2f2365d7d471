"""Sums of several columns of contributions, for losses of a whole set of rows."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from losscli.roles import FloatArray, IntArray
from losscli.summary.blocks import group_counts, grown, row_blocks, target_groups
from losscli.summary.exact import ExactSums, round_fraction
from losscli.summary.products import exact_products


class ContributionSums:
    """Exact weighted sums of `columns` contributions a row, for each group.

    Serves losses that are a formula of sums, such as Dice of true positives,
    false positives and false negatives.  Contributions and weights must be
    finite; the product of both is summed without rounding.
    """

    def __init__(self, columns: int) -> None:
        self.columns = columns
        # One column for each contribution, and one for the weights.
        self._sums = ExactSums(columns + 1)
        self._counts: IntArray = np.zeros(0, np.int64)
        self._weighted = False
        self._rare: dict[tuple[int, int], Fraction] = {}

    @property
    def groups(self) -> int:
        """How many groups have been seen."""
        return self._counts.size

    def update(
        self, values: Sequence[FloatArray], weights: FloatArray | None, codes: IntArray | None, groups: int
    ) -> None:
        """Add rows: an array (n,) per column, weights (n,), the group of each in `codes` (n,), None for group 0."""
        self._counts = grown(self._counts, groups)
        rows = len(values[0])
        if rows:
            self._counts += group_counts(codes, rows, self.groups)
        for block in row_blocks(rows):
            part = None if codes is None else codes[block]
            columns = [np.ascontiguousarray(array[block], np.float64) for array in values]
            if weights is None:
                self._sums.update(columns, part, self.groups)
                continue
            self._weighted = True
            self._sums.update([weights[block]], part, self.groups, [self.columns])
            for column, array in enumerate(columns):
                product, error, rare = exact_products(array, weights[block])
                self._sums.update([product, error], part, self.groups, [column, column])
                for row, exact in rare:
                    key = (0 if part is None else int(part[row]), column)
                    self._rare[key] = self._rare.get(key, Fraction(0)) + exact

    def merge(self, other: ContributionSums, codes: IntArray | None) -> None:
        """Add another's sums; its group i is our group ``codes[i]`` (None: i)."""
        if other.groups == 0:
            return
        target = target_groups(codes, other.groups)
        self._counts = grown(self._counts, int(target.max()) + 1)
        self._counts[target] += other._counts
        self._weighted |= other._weighted
        self._sums.merge(other._sums, target)
        for (group, column), exact in other._rare.items():
            key = (int(target[group]), column)
            self._rare[key] = self._rare.get(key, Fraction(0)) + exact

    def count(self, group: int | None) -> int:
        """Rows of a group, or of all groups."""
        if group is None:
            return int(self._counts.sum())
        return int(self._counts[group]) if group < self.groups else 0

    def weight(self, group: int | None) -> float:
        """Sum of the weights, correctly rounded; the number of rows where there are none."""
        if not self._weighted:
            return float(self.count(group))
        return round_fraction(self._sums.total(group, self.columns))

    def totals(self, group: int | None) -> tuple[float, ...]:
        """Each weighted sum, correctly rounded; raises OverflowError beyond the range of float64."""
        return tuple(
            round_fraction(self._sums.total(group, column) + self._rare_total(group, column))
            for column in range(self.columns)
        )

    def _rare_total(self, group: int | None, column: int) -> Fraction:
        return sum(
            (exact for (owner, place), exact in self._rare.items() if place == column and group in (None, owner)),
            Fraction(0),
        )
