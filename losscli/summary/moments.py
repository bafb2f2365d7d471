"""First, second and third power sums of unweighted values, for many groups.

A value is the middle of its octant plus an offset.  For each octant of each
group four integers are kept: the count, the sum of the offsets (exact), and the
sums of the squares and cubes of the offsets, rounded once per value to a fixed
grid.  With ``x = middle + d`` the power sums follow in integers:

    sum x   = count * middle + sum d
    sum x^2 = count * middle^2 + 2 * middle * sum d + sum d^2
    sum x^3 = count * middle^3 + 3 * middle^2 * sum d + 3 * middle * sum d^2 + sum d^3

The first is exact, the second and third have relative errors of at most 2^-56
and 2^-50.  Offsets, grids and octants depend on the value alone, so the sums do
not depend on order, chunks, merges or on the resolution of the histogram.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from losscli.roles import FloatArray, IntArray
from losscli.summary.blocks import group_counts, grown, row_blocks
from losscli.summary.octants import LOW_BITS, octant_middle
from losscli.summary.quantiles import QuantileSketch

_LOW_MASK = (1 << LOW_BITS) - 1
# An exponent under which the low bits read as a number in [16, 18): subtracting 17 leaves the offset in [-1, 1).
_OFFSET_BITS = int(np.float64(16.0).view(np.int64))
_OFFSET_MIDDLE = 17.0
_HALF_OCTANT = 1 << (LOW_BITS - 1)
# Adding 48 rounds a number in [-1, 1] to a multiple of 2^-47 and leaves it as an integer in the low bits.
_GRID = 48.0
_GRID_BITS = int(np.float64(_GRID).view(np.int64))
_GRID_SHIFT = 47
# An offset has at most 48 bits, so this many rows and a carried rest of 32 bits fit an int64.
_ROWS_BETWEEN_CARRIES = (1 << 15) - 1
_REST_BITS = 32
_REST_MASK = (1 << _REST_BITS) - 1
# Units of the integer power sums: 2^-1139 lies below the offset unit of every octant.
_UNIT = -1139


class PowerTotals(NamedTuple):
    """Number of rows and power sums of the values of a group; `cubes_absolute` is the sum of |x|^3."""

    rows: int
    sum: Fraction
    squares: Fraction
    cubes: Fraction
    cubes_absolute: Fraction


class PowerSums:
    """Count, exact sum, sums of squares and of cubes for each group; values must be finite.

    `sketch` is the histogram of the same values with `bits` bits, which serves
    as the counts and as the quantile sketch of each group.
    """

    def __init__(self, bits: int) -> None:
        self.sketch = QuantileSketch(bits)
        # Sums of offsets, their squares and their cubes: (cells, 3); `_high` counts units of 2^32 carried out of them.
        self._sums: NDArray[np.int64] = np.zeros((0, 3), np.int64)
        self._high: NDArray[np.int64] | None = None
        self._pending: IntArray = np.zeros(0, np.int64)

    @property
    def groups(self) -> int:
        """How many groups have been seen."""
        return self.sketch.groups

    def update(
        self, values: FloatArray, codes: IntArray | None, groups: int, total: QuantileSketch | None = None
    ) -> None:
        """Add finite values (n,), the group of each in `codes` (n,), None for group 0.

        `total` is a sketch that counts the same values without groups.
        """
        self._grow(groups)
        for rows in row_blocks(values.size):
            self._add(values[rows], None if codes is None else codes[rows], total)

    def merge(self, other: PowerSums, codes: IntArray | None) -> None:
        """Add another's sums; its group i is our group ``codes[i]`` (None: i)."""
        if other.groups == 0:
            return
        cells = self.sketch.merge(other.sketch, codes)
        self._grow(self.sketch.groups)
        self._carry(np.arange(self._sums.shape[0]))
        other._carry(np.arange(other._sums.shape[0]))
        self._reserve()
        used = cells.size
        self._sums[cells] += other._sums[:used]
        if other._high is not None:
            self._carried()[cells] += other._high[:used]
        # Two carried rests are 33 bits at most: less than one row.
        self._pending[:] = 1

    def totals(self, group: int | None) -> PowerTotals:
        """Count and power sums of a group, or of all groups together."""
        index = self.sketch.index
        cells = np.arange(index.keys.size) if group is None else index.cells_of(group)
        keys = index.keys[cells] & 0xFFFF
        counts = self.sketch.octant_counts_by_bin()[cells].sum(axis=1)
        if group is None:
            keys, place = np.unique(keys, return_inverse=True)
            counts = _scatter(counts, place, keys.size)
        else:
            place = np.arange(keys.size)
        sums = self._sums[cells]
        low = _scatter(sums & _REST_MASK, place, keys.size).tolist()
        high = sums >> _REST_BITS
        if self._high is not None:
            high += self._high[cells]
        tops = _scatter(high, place, keys.size).tolist()
        first, second, third, absolute = 0, 0, 0, 0
        for key, count, rests, carried in zip(keys.tolist(), counts.tolist(), low, tops, strict=True):
            offsets, squares, cubes = ((top << _REST_BITS) + rest for top, rest in zip(carried, rests, strict=True))
            # Offsets count units of half an octant / 2^48; squares and cubes come on the grid of 2^-47.
            squares <<= 2 * (LOW_BITS - 1) - _GRID_SHIFT
            cubes <<= 3 * (LOW_BITS - 1) - _GRID_SHIFT
            middle, exponent = octant_middle(key & 0x7FFF)
            shift = exponent - _UNIT
            sign = -1 if key >> 15 else 1
            first += sign * (count * middle + offsets << shift)
            second += middle * (count * middle + 2 * offsets) + squares << 2 * shift
            cube = middle * (middle * (count * middle + 3 * offsets) + 3 * squares) + cubes << 3 * shift
            third += sign * cube
            absolute += cube
        return PowerTotals(
            int(counts.sum()) + self.sketch.zeros(group),
            Fraction(first, 1 << -_UNIT),
            Fraction(second, 1 << -2 * _UNIT),
            Fraction(third, 1 << -3 * _UNIT),
            Fraction(absolute, 1 << -3 * _UNIT),
        )

    def _add(self, values: FloatArray, codes: IntArray | None, total: QuantileSketch | None) -> None:
        cells, octants, codes = self.sketch.place(values, codes)
        if total is not None:
            total.count_ungrouped(octants, values.size - cells.size)
        if cells.size == 0:
            return
        self._reserve()
        self._note(codes, cells.size)
        low = octants.bits & _LOW_MASK
        np.add.at(self._sums[:, 0], cells, low - _HALF_OCTANT)
        low |= _OFFSET_BITS
        offset = low.view(np.float64)
        offset -= _OFFSET_MIDDLE
        square = offset * offset
        rounded = square + _GRID
        whole = rounded.view(np.int64)
        whole -= _GRID_BITS
        np.add.at(self._sums[:, 1], cells, whole)
        np.multiply(square, offset, out=rounded)
        rounded += _GRID
        whole -= _GRID_BITS
        np.add.at(self._sums[:, 2], cells, whole)

    def _note(self, codes: IntArray | None, rows: int) -> None:
        """Count the rows of a block, and carry the groups that are due."""
        if codes is None or self.groups <= rows:
            self._pending += group_counts(codes, rows, self.groups)
            due = np.flatnonzero(self._pending > _ROWS_BETWEEN_CARRIES)
        else:
            np.add.at(self._pending, codes, 1)
            due = np.unique(codes[self._pending.take(codes) > _ROWS_BETWEEN_CARRIES])
        for group in due.tolist():
            self._carry(self.sketch.index.cells_of(group))
            self._pending[group] = rows

    def _carry(self, cells: NDArray[np.int64]) -> None:
        """Move all but the low 32 bits of the sums of these cells to the carried counts."""
        sums = self._sums[cells]
        self._carried()[cells] += sums >> _REST_BITS
        self._sums[cells] = sums & _REST_MASK

    def _carried(self) -> NDArray[np.int64]:
        if self._high is None:
            self._high = np.zeros_like(self._sums)
        return self._high

    def _grow(self, groups: int) -> None:
        self.sketch.grow(groups)
        self._pending = grown(self._pending, groups)

    def _reserve(self) -> None:
        cells = self.sketch.index.keys.size
        room = cells + cells // 2 - self._sums.shape[0]
        if cells > self._sums.shape[0]:
            more = np.zeros((room, 3), np.int64)
            self._sums = np.concatenate([self._sums, more])
            if self._high is not None:
                self._high = np.concatenate([self._high, more])


def _scatter(values: NDArray[np.int64], place: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Sum of the rows of `values` that share a place, (size, ...)."""
    total = np.zeros((size, *values.shape[1:]), np.int64)
    np.add.at(total, place, values)
    return total
