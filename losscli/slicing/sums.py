"""What is accumulated of the losses of a slice: its size, exact sums and the largest loss.

Sums of the losses and of their squares are exact, squares as a product and what
rounding took from it.  So the rest of the rows is the total less the slice, and
nothing cancels but what is equal.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from losscli.records import dataclass
from losscli.roles import FloatArray, IntArray
from losscli.summary import ExactSums
from losscli.summary.blocks import group_counts, grown, row_blocks, target_groups
from losscli.summary.extremes import Extremes
from losscli.summary.products import Factor

# Between these the square of a loss and what rounding takes from it are normal numbers.
SMALLEST, LARGEST = 2.0**-450, 2.0**450


@dataclass(frozen=True)
class LossTotals:
    """Number of rows, sum of their losses and sum of the squares of these."""

    rows: int
    sum: Fraction
    squares: Fraction

    @property
    def mean(self) -> Fraction:
        return self.sum / self.rows

    @property
    def variance(self) -> Fraction:
        """The sample variance, with n - 1; of at least two rows."""
        return max(self.squares - self.sum * self.sum / self.rows, Fraction(0)) / (self.rows - 1)

    def without(self, part: LossTotals) -> LossTotals:
        """The rows that are not in `part`."""
        return LossTotals(self.rows - part.rows, self.sum - part.sum, self.squares - part.squares)


class SliceSums:
    """The totals of the losses of each group, and the largest loss; mergeable in any order.

    `largest` is the size of the largest loss met, infinite where one is not a
    number.  The sums hold only when it is at most `LARGEST`.
    """

    def __init__(self) -> None:
        self.counts: IntArray = np.zeros(0, np.intp)
        self.largest = 0.0
        self._sums = ExactSums(3)
        self._extremes = Extremes()

    def update(
        self,
        values: FloatArray,
        weights: FloatArray | None,  # noqa: ARG002  # as every summary of a grouping
        codes: IntArray | None,
        groups: int,
    ) -> None:
        """Add losses (n,), the group of each in `codes` (n,), None for group 0; rows have no weights."""
        self.counts = grown(self.counts, groups)
        # Extremes and sums learn of the groups even where no row comes.
        self._sums.update([], codes, groups)
        for rows in row_blocks(values.size):
            part, group = values[rows], None if codes is None else codes[rows]
            ends = float(part.min()), float(part.max())
            size = max(-ends[0], ends[1])
            self.largest = max(self.largest, math.inf if math.isnan(size) else size)
            if self.largest > LARGEST:
                return
            self.counts += group_counts(group, part.size, self.counts.size)
            factor = Factor(part)
            self._sums.update([part, *factor.times(factor)], group, self.counts.size)
            self._extremes.update(part, group, self.counts.size, ends)

    def merge(self, other: SliceSums, codes: IntArray | None) -> None:
        """Add another's groups; its group i is our group ``codes[i]`` (None: i)."""
        self.largest = max(self.largest, other.largest)
        if other.counts.size == 0:
            return
        target = target_groups(codes, other.counts.size)
        self.counts = grown(self.counts, int(target.max()) + 1)
        self.counts[target] += other.counts
        self._sums.merge(other._sums, target)
        self._extremes.merge(other._extremes, target)

    def sum(self, group: int | None) -> Fraction:
        """The exact sum of the losses of a group, or of all rows (None)."""
        return self._sums.total(group, 0)

    def totals(self, group: int | None) -> LossTotals:
        """The totals of a group, or of all rows (None)."""
        rows = int(self.counts.sum()) if group is None else int(self.counts[group])
        return LossTotals(rows, self.sum(group), self._sums.total(group, 1) + self._sums.total(group, 2))

    def extremes(self, group: int | None) -> tuple[float, float] | None:
        """Smallest and largest loss of a group, or of all rows (None); None where there are no rows."""
        return self._extremes.extremes(group)
