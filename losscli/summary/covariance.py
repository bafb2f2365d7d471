"""Second moments of what each row contributes to several sums, for estimates that are functions of these sums.

An estimate ``g(S_1, …, S_m)`` of sums over rows has, to first order, the
variance of its rows' influences ``z = Σ_j g_j v_j``, where ``g_j`` are the
partial derivatives of g and ``v_j`` what the row contributes: the delta
method, or infinitesimal jackknife (Jaeckel, L. A. (1972). The infinitesimal
jackknife. Bell Laboratories; Efron, B. (1982). The Jackknife, the Bootstrap and
Other Resampling Plans. doi:10.1137/1.9781611970319).  All products of two
contributions are summed exactly, each rounded once per row, so the variance of
every such estimate, and the covariance of two, is found from mergeable sums.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

from losscli.records import dataclass
from losscli.roles import FloatArray, IntArray
from losscli.summary.blocks import row_blocks
from losscli.summary.exact import ExactSums

# A step that balances the errors of a central difference, on the scale of the sum that is moved.
_STEP = 2.0**-17
# Products are rounded once a row, so a variance below this part of the second moments is rounding, not spread.
NOISE = Fraction(1, 1 << 49)
# Products of three values of at most this size are numbers.
LARGEST = 2.0**300


@dataclass(frozen=True)
class Moments:
    """Exact sums over rows of the contributions v_j and of their products.

    ``firsts[j]`` is the sum of v_j and ``seconds[j][k]`` that of v_j v_k.  The
    last contribution is the weight of a row, 1 without weights; `thirds` are the
    sums of w^3, w^2 d, w d^2 and d^3 with d the contribution before it, where
    those were asked for.
    """

    count: int
    firsts: tuple[Fraction, ...]
    seconds: tuple[tuple[Fraction, ...], ...]
    thirds: tuple[Fraction, Fraction, Fraction, Fraction] | None = None

    def product(self, one: Sequence[Fraction], other: Sequence[Fraction]) -> Fraction:
        """Sum over rows of ``(Σ_j one_j v_j) (Σ_k other_k v_k)``."""
        return sum(
            (a * b * self.seconds[j][k] for j, a in enumerate(one) if a for k, b in enumerate(other) if b),
            Fraction(0),
        )

    def variance(self, gradient: Sequence[Fraction]) -> Fraction | None:
        """The variance of an estimate with this gradient, for rows drawn independently; None with fewer than two.

        A variance that rounding can explain is 0.
        """
        if self.count < 2:
            return None
        total = sum((part * first for part, first in zip(gradient, self.firsts, strict=True)), Fraction(0))
        square = self.product(gradient, gradient) - total * total / self.count
        if square <= NOISE * self.size(gradient):
            return Fraction(0)
        return square * Fraction(self.count, self.count - 1)

    def size(self, gradient: Sequence[Fraction]) -> Fraction:
        """An upper bound of what may have cancelled in ``product(gradient, gradient)``."""
        terms = sum(1 for part in gradient if part)
        return terms * sum((part * part * self.seconds[j][j] for j, part in enumerate(gradient) if part), Fraction(0))


class ProductSums:
    """Exact sums of the products of contributions, for each group.

    `columns` contributions a row, and its weight if `weighted`; with `cubes`
    also third powers of the last contribution.  Values must be finite and at
    most `LARGEST` in size.
    """

    def __init__(self, columns: int, *, weighted: bool, cubes: bool) -> None:
        self.columns = columns
        self.weighted = weighted
        self.cubes = cubes
        self._pairs = _pairs(columns, weighted=weighted)
        self._columns = product_count(columns, weighted=weighted, cubes=cubes)
        self._sums = ExactSums(self._columns)

    def update(
        self, contributions: Sequence[FloatArray], weights: FloatArray | None, codes: IntArray | None, groups: int
    ) -> None:
        """Add rows: weighted contributions (n,) each, weights (n,) iff weighted, the group of each row in `codes`."""
        self._sums.update([], codes, groups)
        for rows in row_blocks(contributions[0].size):
            values = [one[rows] for one in contributions]
            if weights is not None:
                values.append(weights[rows])
            terms = [values[j] * values[k] for j, k in self._pairs]
            if self.cubes:
                last = values[self.columns - 1]
                square = terms[self._pairs.index((self.columns - 1, self.columns - 1))]
                terms.append(square * last)
                if weights is not None:
                    weight = values[-1]
                    terms += [square * weight, last * weight * weight, weight * weight * weight]
            self._sums.update(terms, None if codes is None else codes[rows], groups)

    def merge(self, other: ProductSums, codes: IntArray | None) -> None:
        """Add another's sums; its group i is our group ``codes[i]`` (None: i)."""
        self._sums.merge(other._sums, codes)

    def totals(self, group: int | None) -> tuple[Fraction, ...]:
        """The exact sums of a group, or of all, in the order that `moments_of` reads."""
        return tuple(self._sums.total(group, column) for column in range(self._columns))

    def moments(self, group: int | None, firsts: Sequence[Fraction], count: int) -> Moments:
        """The moments of a group, or of all, given the exact sums of the contributions and, last, of the weights."""
        return moments_of(self.totals(group), firsts, count, weighted=self.weighted, cubes=self.cubes)


def product_count(columns: int, *, weighted: bool, cubes: bool) -> int:
    """How many sums `ProductSums` keeps for a group."""
    size = columns + weighted
    return size * (size + 1) // 2 + (4 if weighted else 1) * cubes


def moments_of(
    totals: Sequence[Fraction], firsts: Sequence[Fraction], count: int, *, weighted: bool, cubes: bool
) -> Moments:
    """The moments that `totals` of a `ProductSums` hold; `firsts` are the sums of the contributions and the weights."""
    size = len(firsts)
    seconds = [[Fraction(0)] * size for _ in range(size)]
    pairs = _pairs(size - 1, weighted=weighted)
    for (j, k), total in zip(pairs, totals, strict=False):
        seconds[j][k] = seconds[k][j] = total
    if not weighted:
        for j, first in enumerate(firsts):
            seconds[j][-1] = seconds[-1][j] = first
    thirds = None
    if cubes:
        cube, *rest = totals[len(pairs) :]
        last = size - 2
        wdd, wwd, www = rest if weighted else (seconds[last][last], firsts[last], Fraction(count))
        thirds = (www, wwd, wdd, cube)
    return Moments(count, tuple(firsts), tuple(map(tuple, seconds)), thirds)


def _pairs(columns: int, *, weighted: bool) -> list[tuple[int, int]]:
    size = columns + weighted
    return [(j, k) for j in range(size) for k in range(j, size)]


def gradient(
    function: Callable[[Sequence[float]], float | None], point: Sequence[float], scales: Sequence[float]
) -> list[float] | None:
    """Partial derivatives of `function` at `point` by central differences.

    ``scales[j]`` is the size of what rows contribute to sum j: a sum that is 0
    is moved by a part of that.  A sum to which nothing contributes has the
    derivative 0.  None where the function does not exist around the point.
    """
    partial = []
    for place, (value, scale) in enumerate(zip(point, scales, strict=True)):
        if not scale:
            partial.append(0.0)
            continue
        step = _STEP * max(abs(value), scale)
        below, above = (function([*point[:place], value + side * step, *point[place + 1 :]]) for side in (-1.0, 1.0))
        if below is None or above is None:
            return None
        slope = (above - below) / (2.0 * step)
        if not math.isfinite(slope):
            return None
        partial.append(slope)
    return partial


def largest(values: FloatArray) -> float:
    """The largest size of values (n,), nan if one is nan; 0 without values."""
    return max(float(values.max()), -float(values.min())) if values.size else 0.0
