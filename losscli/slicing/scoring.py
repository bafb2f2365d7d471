"""How bad a slice is: its score, what its score can be at most, and the test that it is worse than the rest.

The score is that of Sagadeeva, S. and Boehm, M. (2021). SliceLine: Fast,
Linear-Algebra-based Slice Finding for ML Model Debugging. SIGMOD.
doi:10.1145/3448016.3457323.  With the mean loss m of all n rows and m_S of the
n_S rows of a slice S:

    score = weight * (m_S / m - 1) - (1 - weight) * (n / n_S - 1)

So all rows together have the score 0, and a small slice needs a large effect.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from losscli.records import dataclass
from losscli.roles import BoolArray, FloatArray, IntArray
from losscli.slicing.sums import LossTotals
from losscli.summary.exact import round_fraction, round_root
from losscli.summary.student import student_tail

# A bound is computed in floats, so a score is given up only when it is clearly below 0.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Scoring:
    """The score among all rows: `weight` is SliceLine's alpha, `lowest` the smallest loss of all.

    The mean of the losses of `total` must be above 0.
    """

    total: LossTotals
    lowest: float
    weight: float

    def score(self, rows: int, loss: Fraction) -> float:
        """The score of a slice of so many rows with this sum of losses."""
        effect = loss / rows / self.total.mean - 1
        return self.weight * round_fraction(effect) - (1.0 - self.weight) * (self.total.rows / rows - 1.0)

    def promising(self, one: Parents, other: Parents, min_rows: int) -> BoolArray:
        """Which crosses of two columns, (a, b), may have at least `min_rows` rows and a score above 0.

        No parent has fewer rows than that.  A cross has at most the rows of the smaller parent, at most the smaller
        of their sums, counted from the lowest loss, and no loss above the
        smaller of their largest.  Of all sizes within these, the score is
        highest either where the sum is just used up by losses as large as that,
        or at the largest size.
        """
        mean = round_fraction(self.total.mean)
        floor = min(self.lowest, 0.0)
        most = np.minimum.outer(one.rows, other.rows).astype(np.float64)
        sums = np.minimum.outer(one.above(floor), other.above(floor))
        largest = np.minimum.outer(one.largest, other.largest)
        with np.errstate(divide="ignore", invalid="ignore"):
            used_up = np.where(largest > floor, sums / (largest - floor), most)
        best = np.full(most.shape, -np.inf)
        rounding = _ROUNDING * (1.0 + self.total.rows / min_rows)
        for size in (np.clip(used_up, min_rows, most), most):
            ratio = np.minimum(sums / size + floor, largest) / mean
            score = self.weight * (ratio - 1.0) - (1.0 - self.weight) * (self.total.rows / size - 1.0)
            best = np.maximum(best, score + rounding + _ROUNDING * np.abs(ratio))
        promising: BoolArray = best > 0.0
        return promising


@dataclass(frozen=True)
class Parents:
    """The slices of one column, (a,): rows, sum of the losses and the largest loss of each."""

    rows: IntArray
    sums: FloatArray
    largest: FloatArray

    @classmethod
    def of(cls, rows: Sequence[int], sums: Sequence[Fraction], largest: Sequence[float]) -> Parents:
        return cls(np.array(rows, np.intp), np.array([*map(round_fraction, sums)], np.float64), np.array(largest))

    def above(self, floor: float) -> FloatArray:
        """The sums of what the losses are above `floor`."""
        sums: FloatArray = self.sums - floor * self.rows
        return sums


def worse_than(part: LossTotals, rest: LossTotals) -> float:
    """The p value of "the mean loss of `part` is at most that of `rest`", both of at least two rows.

    One-sided test of Welch, B. L. (1947). The generalization of Student's
    problem when several different population variances are involved.
    Biometrika 34:28-35. doi:10.1093/biomet/34.1-2.28.  Without any spread, p is 0 or 1.
    """
    return _welch(part, rest, part.variance)


def cautiously_worse(part: LossTotals, rest: LossTotals) -> float:
    """As `worse_than`, for a part that is taken to vary at least as much as the rest.

    What decides whether a slice is significant.  A few rows that happen to be
    alike, such as 40 misses where 9 rows in 10 are missed, vary less than the
    rows they were drawn from, and Welch's test alone takes that for certainty.
    """
    return max(worse_than(part, rest), _welch(part, rest, max(part.variance, rest.variance)))


def _welch(part: LossTotals, rest: LossTotals, variance: Fraction) -> float:
    """The p value of Welch's test with this variance of the losses of `part`."""
    difference = part.mean - rest.mean
    errors = variance / part.rows, rest.variance / rest.rows
    error = sum(errors)
    if not error:
        return 0.0 if difference > 0 else 1.0
    freedom = error**2 / (errors[0] ** 2 / (part.rows - 1) + errors[1] ** 2 / (rest.rows - 1))
    # The quotient first: neither part need lie within the range of float64.
    size = round_root(difference * difference / error)
    return student_tail(size if difference > 0 else -size, round_fraction(freedom))
