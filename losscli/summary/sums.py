"""Sums of several columns of contributions, for losses of a whole set of rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from losscli.roles import FloatArray, IntArray
from losscli.summary.blocks import group_counts, grown, row_blocks, target_groups
from losscli.summary.covariance import LARGEST, Moments, ProductSums, largest, moments_of, product_count
from losscli.summary.exact import ExactSums, round_fraction
from losscli.summary.products import exact_products


class SetSums(ABC):
    """How weighted sums of `columns` contributions a row are read out, of running and of saved sums alike.

    With `spread` the sums of their products are there too, for the variance of
    what is computed from the sums.
    """

    columns: int
    weighted: bool
    spread: bool

    @abstractmethod
    def count(self, group: int | None) -> int:
        """Rows of a group, or of all groups."""

    @abstractmethod
    def exact(self, group: int | None) -> tuple[Fraction, ...]:
        """The exact sum of each column in a group, or in all, and then that of the weights, 0 without any.

        With `spread`, the sums of the products follow.
        """

    @property
    def width(self) -> int:
        """How many exact sums there are for a group."""
        return self.columns + 1 + (product_count(self.columns, weighted=True, cubes=False) if self.spread else 0)

    def moments(self, group: int | None) -> Moments | None:
        """The moments of the contributions in a group, or in all; None without `spread`."""
        if not self.spread:
            return None
        exact, count = self.exact(group), self.count(group)
        weight = exact[self.columns] if self.weighted else Fraction(count)
        firsts = (*exact[: self.columns], weight)
        return moments_of(exact[self.columns + 1 :], firsts, count, weighted=True, cubes=False)

    def weight(self, group: int | None) -> float:
        """Sum of the weights, correctly rounded; the number of rows where there are none."""
        return round_fraction(self.exact(group)[self.columns]) if self.weighted else float(self.count(group))

    def totals(self, group: int | None) -> tuple[float, ...]:
        """Each weighted sum, correctly rounded; raises OverflowError beyond the range of float64."""
        return tuple(round_fraction(total) for total in self.exact(group)[: self.columns])


class ContributionSums(SetSums):
    """Exact weighted sums of `columns` contributions a row, for each group.

    Serves losses that are a formula of sums, such as Dice of true positives,
    false positives and false negatives.  Contributions and weights must be
    finite; the product of both is summed without rounding.
    """

    def __init__(self, columns: int, *, spread: bool = False) -> None:
        self.columns = columns
        self.spread = spread
        self._products = ProductSums(columns, weighted=True, cubes=False) if spread else None
        # One column for each contribution, and one for the weights.
        self._sums = ExactSums(columns + 1)
        self._counts: IntArray = np.zeros(0, np.int64)
        self.weighted = False
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
            if self._products is not None:
                self._add_products(self._products, columns, None if weights is None else weights[block], part)
            if weights is None:
                self._sums.update(columns, part, self.groups)
                continue
            self.weighted = True
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
        self.weighted |= other.weighted
        self._sums.merge(other._sums, target)
        for (group, column), exact in other._rare.items():
            key = (int(target[group]), column)
            self._rare[key] = self._rare.get(key, Fraction(0)) + exact
        if self._products is not None and other._products is not None:
            self._products.merge(other._products, target)

    def count(self, group: int | None) -> int:
        if group is None:
            return int(self._counts.sum())
        return int(self._counts[group]) if group < self.groups else 0

    def exact(self, group: int | None) -> tuple[Fraction, ...]:
        sums = [self._sums.total(group, column) + self._rare_total(group, column) for column in range(self.columns + 1)]
        return (*sums, *(() if self._products is None else self._products.totals(group)))

    def _add_products(
        self, products: ProductSums, columns: Sequence[FloatArray], weights: FloatArray | None, codes: IntArray | None
    ) -> None:
        if weights is None:
            weights = np.ones(columns[0].size)
        else:
            columns = [array * weights for array in columns]
        # A larger contribution has no square; the variance is beyond float64 with or without the rest of it.
        bounded = [one if largest(one) <= LARGEST else np.clip(one, -LARGEST, LARGEST) for one in (*columns, weights)]
        products.update(bounded[:-1], bounded[-1], codes, self.groups)

    def _rare_total(self, group: int | None, column: int) -> Fraction:
        return sum(
            (exact for (owner, place), exact in self._rare.items() if place == column and group in (None, owner)),
            Fraction(0),
        )
