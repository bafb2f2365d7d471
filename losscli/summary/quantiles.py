"""Quantiles of a stream: a histogram on the leading bits of the values.

A bin holds the values that share sign, exponent and the top `bits` bits of the
mantissa, so its middle is within 2^-(bits + 1) of each of them, relative to the
value: 1.6 % at 5 bits, 0.4 % at 7.  Bins hold exact counts or exact sums of
weights; order, chunks and merges cannot be seen in them.

A quantile is the inverted CDF: the smallest value whose cumulative weight
reaches p of the total (Hyndman, R. J. and Fan, Y. (1996). Sample Quantiles in
Statistical Packages, definition 1. doi:10.2307/2684934).  p is taken at its
shortest decimal, so 0.9 of 10 rows is 9 rows exactly.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from losscli.distinct import distinct_with_places
from losscli.roles import FloatArray, IntArray
from losscli.summary.blocks import cell_blocks, group_counts, grown, row_blocks, target_groups
from losscli.summary.exact import ExactSums
from losscli.summary.octants import LOW_BITS, LOWEST, OCTANT_BITS, CellIndex, Octants, octants_of

Mass = int | Fraction


def share(p: float) -> Fraction:
    """p as the decimal number that is written for it; raises ValueError outside (0, 1]."""
    if not 0.0 < p <= 1.0:
        raise ValueError(f"{p} is not in (0, 1]")
    return Fraction(repr(float(p)))


def inverted_cdf(masses: Sequence[tuple[float, Mass]], shares: Sequence[float]) -> list[float | None]:
    """For each share p the smallest value, of ascending (value, mass), whose cumulative mass reaches p of all."""
    values, parts = zip(*masses, strict=True) if masses else ((), ())
    # As integers in a common unit: that of the weights is a power of two.
    unit = math.lcm(*{part.denominator for part in parts})
    reached = list(itertools.accumulate(part.numerator * (unit // part.denominator) for part in parts))
    if not reached or reached[-1] == 0:
        return [None for _ in shares]
    # A target is above 0, so that the first mass to reach it is not an empty one.
    return [values[bisect.bisect_left(reached, share(p) * reached[-1])] for p in shares]


class QuantileSketch:
    """Weight of each bin, for each group; values must be finite.

    `bits` (at least 3) is the resolution.  Rows of weight 0 have no part in a
    quantile.  `weighted` sketches need weights, finite and not negative.
    """

    def __init__(self, bits: int, *, weighted: bool = False) -> None:
        self._fine = bits - OCTANT_BITS
        self._index = CellIndex()
        # A cell of the index is an octant; bin number = cell number << fine | the next `fine` bits of the mantissa.
        self._counts: NDArray[np.int64] = np.zeros(0, np.int64)
        self._weights = ExactSums(1) if weighted else None
        self._zeros: IntArray = np.zeros(0, np.int64)
        self._zero_weights = ExactSums(1) if weighted else None

    @property
    def groups(self) -> int:
        """How many groups have been seen."""
        return self._zeros.size

    @property
    def bits(self) -> int:
        """The resolution: bits of the mantissa that tell bins apart."""
        return self._fine + OCTANT_BITS

    @property
    def index(self) -> CellIndex:
        """The octant cells in use."""
        return self._index

    def update(
        self,
        values: FloatArray,
        weights: FloatArray | None,
        codes: IntArray | None,
        groups: int,
        ends: tuple[float, float] | None = None,
    ) -> None:
        """Add rows: values and weights (n,), the group of each in `codes` (n,), None for group 0.

        `ends` are the minimum and the maximum of the values, if known.
        """
        self.grow(groups)
        for rows in row_blocks(values.size):
            part = None if codes is None else codes[rows]
            if weights is None:
                self.place(values[rows], part, ends or _ends(values[rows]))
            else:
                self._weigh(values[rows], weights[rows], part, ends or _ends(values[rows]))

    def grow(self, groups: int) -> None:
        """Make room for at least this many groups."""
        self._zeros = grown(self._zeros, groups)

    def place(
        self, values: FloatArray, codes: IntArray | None, ends: tuple[float, float]
    ) -> tuple[NDArray[np.int64], Octants, IntArray | None]:
        """Count the rows of one block; returns cell, octants and group of those that are not zero.

        `ends` are the minimum and the maximum of the values.
        """
        if ends[0] > 0.0:
            octants = octants_of(values, ends)
            return self._count(octants, codes), octants, codes
        nonzero = int(np.count_nonzero(values))
        if nonzero < values.size:
            self._zeros += group_counts(
                None if codes is None else codes[np.flatnonzero(values == 0.0)], values.size - nonzero, self.groups
            )
            rows = np.flatnonzero(values != 0.0)
            values = values.take(rows)
            codes = None if codes is None else codes.take(rows)
        octants = octants_of(values)
        return self._count(octants, codes), octants, codes

    def merge(self, other: QuantileSketch, codes: IntArray | None) -> NDArray[np.int64]:
        """Add another's bins; its group i is our group ``codes[i]`` (None: i).  Returns our cell of each of its."""
        if other.groups == 0:
            return np.zeros(0, np.int64)
        target = target_groups(codes, other.groups)
        self.grow(int(target.max()) + 1)
        self._zeros[target] += other._zeros
        keys = other._index.keys
        cells = np.empty(keys.size, np.int64)
        for block in cell_blocks(keys.size):
            part = keys[block]
            cells[block] = self._index.locate_keys((target[part >> 16] << 16) | (part & 0xFFFF))
        self._reserve()
        width = 1 << self._fine
        if self._weights is not None and other._weights is not None:
            bins = ((cells << self._fine)[:, None] + np.arange(width)).ravel()
            self._weights.merge(other._weights, bins)
            assert self._zero_weights is not None and other._zero_weights is not None
            self._zero_weights.merge(other._zero_weights, codes)
        else:
            counts, others = self._counts.reshape(-1, width), other.octant_counts_by_bin()
            for block in cell_blocks(keys.size):
                counts[cells[block]] += others[block]
        return cells

    def add_zeros(self, zeros: IntArray) -> None:
        """Add zeros to each group, (groups,)."""
        self.grow(zeros.size)
        self._zeros[: zeros.size] += zeros

    def absorb(self, keys: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Add counts of each bin of distinct octant cells, (cells, 2^(bits - 3)); returns the cells."""
        cells = self._index.locate_keys(keys)
        self._reserve()
        self._counts.reshape(-1, 1 << self._fine)[cells] += counts
        return cells

    def octant_counts_by_bin(self) -> NDArray[np.int64]:
        """Rows in each bin of each cell, (cells, 2^(bits - 3)); unweighted sketches only."""
        used = self._index.keys.size << self._fine
        return self._counts[:used].reshape(-1, 1 << self._fine)

    def zeros(self, group: int | None) -> int:
        """How many values of a group, or of all, are zero."""
        if group is None:
            return int(self._zeros.sum())
        return int(self._zeros[group]) if group < self.groups else 0

    def masses(self, group: int | None) -> list[tuple[float, Mass]]:
        """Middle and weight of each bin in use, in ascending order; None: all groups together."""
        cells = np.arange(self._index.keys.size) if group is None else self._index.cells_of(group)
        width = 1 << self._fine
        keys = self._index.keys[cells] & 0xFFFF
        bins = ((cells << self._fine)[:, None] + np.arange(width)).ravel()
        labels = ((keys << self._fine)[:, None] + np.arange(width)).ravel()
        if self._weights is None:
            counts = self._counts[bins]
            used = np.flatnonzero(counts)
            labels, places = distinct_with_places(labels[used])
            sums = np.zeros(labels.size, np.int64)
            np.add.at(sums, places, counts[used])
            found: list[tuple[float, Mass]] = list(zip(self._middles(labels), sums.tolist(), strict=True))
            zero: Mass = self.zeros(group)
        else:
            assert self._zero_weights is not None
            used, weights = self._weights.nonzero(bins, 0)
            total: dict[int, Fraction] = {}
            for label, weight in zip(labels[used].tolist(), weights, strict=True):
                total[label] = total[label] + weight if label in total else weight
            found = list(zip(self._middles(np.array(list(total), np.int64)), total.values(), strict=True))
            zero = self._zero_weights.total(group, 0)
        if zero:
            found.append((0.0, zero))
        return sorted(found)

    def quantile(self, group: int | None, p: float) -> float | None:
        """The middle of the bin in which the inverted CDF reaches p, or None without weight."""
        return inverted_cdf(self.masses(group), [p])[0]

    def _count(self, octants: Octants, codes: IntArray | None) -> NDArray[np.int64]:
        cells = self._index.locate(octants, codes, self.groups)
        bins = self._bins(cells, octants)
        self._reserve()
        # Counting by np.bincount touches every bin once more; with few bins that is cheaper than a scatter.
        used = self._index.keys.size << self._fine
        if used <= bins.size:
            self._counts[:used] += np.bincount(bins, minlength=used)
        else:
            np.add.at(self._counts, bins, 1)
        return cells

    def _bins(self, cells: NDArray[np.int64], octants: Octants) -> NDArray[np.int64]:
        fine = octants.bits >> (LOW_BITS - self._fine)
        fine &= (1 << self._fine) - 1
        return (cells << self._fine) | fine

    def _weigh(
        self, values: FloatArray, weights: FloatArray, codes: IntArray | None, ends: tuple[float, float] | None
    ) -> None:
        assert self._weights is not None and self._zero_weights is not None
        if ends is None or ends[0] <= 0.0 or weights.min() == 0.0:
            zero = (values == 0.0) | (weights == 0.0)
            none = np.flatnonzero(zero)
            self._zero_weights.update(
                [np.where(values[none] == 0.0, weights[none], 0.0)], None if codes is None else codes[none], self.groups
            )
            rows = np.flatnonzero(~zero)
            values, weights = values.take(rows), weights.take(rows)
            codes = None if codes is None else codes.take(rows)
            ends = None
        octants = octants_of(values, ends)
        cells = self._index.locate(octants, codes, self.groups)
        if cells.size:
            self._weights.update([weights], self._bins(cells, octants), self._index.keys.size << self._fine)

    def _reserve(self) -> None:
        cells = self._index.keys.size
        if cells << self._fine > self._counts.size:
            room = (cells + cells // 4 << self._fine) - self._counts.size
            self._counts = np.concatenate([self._counts, np.zeros(room, np.int64)])

    def _middles(self, labels: NDArray[np.int64]) -> list[float]:
        sign, octant = labels >> self._fine >> 15 & 1, labels >> self._fine & 0x7FFF
        slots = octant + LOWEST << self._fine | labels & ((1 << self._fine) - 1)
        middles: list[float] = (slot_middles(slots, self._fine + OCTANT_BITS) * (1.0 - 2.0 * sign)).tolist()
        return middles


def slot_middles(slots: NDArray[np.int64], bits: int) -> FloatArray:
    """The middles of slots (n,), which are exponent field and top `bits` bits of the mantissa."""
    part = slots & ((1 << bits) - 1)
    whole = (1 << 52) + (2 * part + 1 << (51 - bits))
    middles: FloatArray = np.ldexp(whole.astype(np.float64), (slots >> bits) - 1075)
    return middles


def _ends(values: FloatArray) -> tuple[float, float]:
    return float(values.min()), float(values.max())
