"""Power sums of weighted values, for many groups.

Products of weight and value are carried as a number and its correction (see
`products`), each of them summed exactly: ``w`` and ``w x`` are exact, the other
second-order sums are right to about 2^-104 and the third-order ones to 2^-50 a
row.  Every term depends on its row alone, so order cannot be seen.

Rows whose weight or value is outside 2^-100 .. 2^100 in size go through
fractions instead, exactly but slowly.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from losscli.roles import FloatArray, IntArray
from losscli.summary.blocks import ROWS_PER_BLOCK, row_blocks
from losscli.summary.exact import ExactSums
from losscli.summary.narrow import PRODUCTS, narrow_sums
from losscli.summary.products import Factor, extreme_rows, product_with
from losscli.summary.segments import Segments


class WeightedTotals(NamedTuple):
    """Sums over the rows of ``w^i x^j``; the field ``w2x`` is the sum of ``w^2 x``."""

    w: Fraction
    wx: Fraction
    wx2: Fraction
    w2: Fraction
    w2x: Fraction
    w2x2: Fraction
    w3: Fraction
    w3x: Fraction
    w3x2: Fraction
    w3x3: Fraction


_POWERS = ((1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2), (3, 0), (3, 1), (3, 2), (3, 3))
# The column of each array that a block yields: a number and its correction go to the same one.
_COLUMNS = (0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9)

# The column of each product of `narrow_sums`.
_NARROW = [_POWERS.index(power) for power in PRODUCTS]


class WeightedPowerSums:
    """Sums of ``w^i x^j`` for each group; values finite, weights finite and not negative."""

    def __init__(self) -> None:
        self._sums = ExactSums(len(_POWERS))
        self._rare: dict[int, list[Fraction]] = {}
        # Rows that were left out of blocks, until there are enough for one: values, weights and groups (n,).
        self._apart: list[tuple[FloatArray, FloatArray, IntArray | None]] = []

    def __getstate__(self) -> dict[str, Any]:
        self._settle()
        return self.__dict__

    def update(
        self,
        values: FloatArray,
        weights: FloatArray,
        codes: IntArray | None,
        groups: int,
        ends: tuple[float, float] | None = None,
    ) -> None:
        """Add rows: values and weights (n,), the group of each in `codes` (n,), None for group 0.

        `ends` are the minimum and the maximum of the values, if known.
        """
        self._sums.update([], codes, groups)
        for block in row_blocks(values.size):
            self._add(values[block], weights[block], None if codes is None else codes[block], groups, ends)

    def merge(self, other: WeightedPowerSums, codes: IntArray | None) -> None:
        """Add another's sums; its group i is our group ``codes[i]`` (None: i)."""
        other._settle()
        self._sums.merge(other._sums, codes)
        for group, sums in other._rare.items():
            self._add_rare(group if codes is None else int(codes[group]), sums)

    def totals(self, group: int | None) -> WeightedTotals:
        """The sums of a group, or of all groups together."""
        self._settle()
        totals = [self._sums.total(group, column) for column in range(len(_POWERS))]
        for owner, sums in self._rare.items():
            if group is None or owner == group:
                totals = [total + extra for total, extra in zip(totals, sums, strict=True)]
        return WeightedTotals(*totals)

    def _add(
        self,
        values: FloatArray,
        weights: FloatArray,
        codes: IntArray | None,
        groups: int,
        ends: tuple[float, float] | None,
    ) -> None:
        """Add a block the quick way, if most of its rows lie within a narrow range."""
        if codes is not None:
            # Sorted by group once, and not again for the columns.
            _, order = Segments.sorted(codes)
            if order is not None:
                values, weights, codes = values.take(order), weights.take(order), codes.take(order)
        found = narrow_sums(values, weights, codes, ends)
        if found is None:
            self._add_wide(values, weights, codes, groups)
            return
        self._sums.add_digits(found.digits, found.units, [_NARROW[term] for term in found.terms], found.groups, groups)
        for term, rows, rests in found.rests:
            self._sums.update([rests], None if codes is None else codes.take(rows), groups, [_NARROW[term]])
        if found.apart.size:
            apart = values.take(found.apart), weights.take(found.apart)
            self._apart.append((*apart, None if codes is None else codes.take(found.apart)))
            if sum(rows.size for rows, _, _ in self._apart) >= ROWS_PER_BLOCK:
                self._settle()

    def _settle(self) -> None:
        """Add the rows that were left out."""
        apart, self._apart = self._apart, []
        if not apart:
            return
        values, weights = np.concatenate([rows for rows, _, _ in apart]), np.concatenate([rows for _, rows, _ in apart])
        codes = None
        if any(part is not None for _, _, part in apart):
            codes = np.concatenate([np.zeros(rows.size, np.intp) if part is None else part for rows, _, part in apart])
        for block in row_blocks(values.size):
            self._add_wide(values[block], weights[block], None if codes is None else codes[block], self._sums.groups)

    def _add_wide(self, values: FloatArray, weights: FloatArray, codes: IntArray | None, groups: int) -> None:
        """Add a block of any range, sorted by group or not."""
        rows = extreme_rows(values, weights)
        if rows:
            for row in rows:
                value, weight = Fraction(float(values[row])), Fraction(float(weights[row]))
                group = 0 if codes is None else int(codes[row])
                self._add_rare(group, [weight**power * value**degree for power, degree in _POWERS])
            values, weights = values.copy(), weights.copy()
            values[rows], weights[rows] = 0.0, 0.0
        x, w = Factor(values), Factor(weights)
        wx, wx_low = w.times(x)
        w2, w2_low = w.times(w)
        wx_factor = Factor(wx)
        wx2, wx2_low = product_with(wx_factor, wx_low, x)
        w2x, w2x_low = product_with(wx_factor, wx_low, w)
        w2x2, w2x2_low = product_with(Factor(w2x), w2x_low, x)
        terms = [weights, wx, wx_low, wx2, wx2_low, w2, w2_low, w2x, w2x_low, w2x2, w2x2_low]
        terms += [w2 * weights, w2 * wx, w2x * wx, w2x2 * wx]
        self._sums.update(terms, codes, groups, _COLUMNS)

    def _add_rare(self, group: int, sums: list[Fraction]) -> None:
        known = self._rare.get(group)
        self._rare[group] = sums if known is None else [a + b for a, b in zip(known, sums, strict=True)]
