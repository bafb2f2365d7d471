"""Counts and power sums of one group, on a window of slots without gaps.

A slot is 1/128 of an octave: the values that share sign, exponent and the top
seven bits of the mantissa.  With one group the slots in use are few enough to
be numbered by their place, so that a row costs no search for its cell.  What is
added for a row is what `PowerSums` adds for it, so the sums of both agree to
the last bit; only the number of cells over which they are spread differs.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from losscli.roles import FloatArray
from losscli.summary.blocks import row_blocks
from losscli.summary.octants import (
    OCTANT_BITS,
    SMALLEST_NORMAL,
    SUBNORMAL_OCTAVES,
    bits_of,
    scaled_subnormals,
)
from losscli.summary.powers import (
    GRID,
    GRID_BITS,
    HALF_OCTANT,
    LOW_MASK,
    OFFSET_BITS,
    OFFSET_MIDDLE,
    REST_BITS,
    REST_MASK,
    ROWS_BETWEEN_CARRIES,
    OctantSums,
    PowerTotals,
    power_totals,
)
from losscli.summary.quantiles import Mass, slot_middles

SLOT_BITS = 7
_SHIFT = 52 - SLOT_BITS
_FINE = SLOT_BITS - OCTANT_BITS
# The window grows by two octaves at a time, so that it seldom has to.
_SLACK = 2 << SLOT_BITS

# Rows of a window's table.
_COUNTS, _OFFSETS, _SQUARES, _CUBES, _HIGH, _CARRIED = 0, 1, 2, 3, 4, 7
_POWER_ROWS = 8


class Window:
    """A table of integers over consecutive slots, (rows, span); its ends are whole octants."""

    def __init__(self, rows: int) -> None:
        self.first = 0
        self.table: NDArray[np.int64] = np.zeros((rows, 0), np.int64)

    def reach(self, low: int, high: int) -> None:
        """Make the slots from `low` to `high` exist."""
        rows, span = self.table.shape
        last = self.first + span - 1
        if span and self.first <= low and high <= last:
            return
        if span == 0:
            first, end = low - _SLACK, high + _SLACK
        else:
            first = self.first if low >= self.first else low - _SLACK
            end = last if high <= last else high + _SLACK
        first, stop = first >> _FINE << _FINE, (end >> _FINE) + 1 << _FINE
        table = np.zeros((rows, stop - first), np.int64)
        if span:
            table[:, self.first - first : self.first - first + span] = self.table
        self.first, self.table = first, table

    def merge(self, other: Window) -> None:
        """Add another's table, slot by slot."""
        span = other.table.shape[1]
        if span:
            self.reach(other.first, other.first + span - 1)
            start = other.first - self.first
            self.table[:, start : start + span] += other.table

    def count(self, slots: NDArray[np.int64]) -> None:
        """Count rows in their slots, numbered from the first of the window."""
        counts = self.table[_COUNTS]
        # np.bincount touches every slot once more; with few slots that is cheaper than a scatter.
        if counts.size <= slots.size:
            counts += np.bincount(slots, minlength=counts.size)
        else:
            np.add.at(counts, slots, 1)


class DenseCounts:
    """How many values lie in each slot; values must be finite."""

    _ROWS = 1

    def __init__(self) -> None:
        self._sides = (Window(self._ROWS), Window(self._ROWS))
        self.zeros = 0

    def update(self, values: FloatArray) -> None:
        """Add values (n,)."""
        if values.size:
            self.add(values, float(values.min()), float(values.max()))

    def add(self, values: FloatArray, low: float, high: float) -> None:
        """Add values that lie between `low` and `high`, both of which occur."""
        if low >= SMALLEST_NORMAL:
            self._place(self._sides[0], values.view(np.int64), bits_of(low), bits_of(high), 0)
            return
        for side, part in ((0, values[values > 0.0]), (1, -values[values < 0.0])):
            for bits, octaves in _normal_bits(part):
                ends = int(bits.min()), int(bits.max())
                self._place(self._sides[side], bits, *ends, octaves)
        self.zeros += int(values.size - np.count_nonzero(values))

    def merge(self, other: DenseCounts) -> None:
        """Add another's counts."""
        self.zeros += other.zeros
        for mine, theirs in zip(self._sides, other._sides, strict=True):
            mine.merge(theirs)

    def masses(self) -> list[tuple[float, Mass]]:
        """Middle and count of each slot in use, in ascending order."""
        positive, negative = (_used(window) for window in self._sides)
        zero = [(0.0, self.zeros)] if self.zeros else []
        return [*((-middle, count) for middle, count in reversed(negative)), *zero, *positive]

    def _place(self, window: Window, bits: NDArray[np.int64], low: int, high: int, octaves: int) -> None:
        """Add rows whose bits lie between `low` and `high`, `octaves` below."""
        below = octaves << SLOT_BITS
        window.reach((low >> _SHIFT) - below, (high >> _SHIFT) - below)
        first = window.first + below
        for rows in row_blocks(bits.size):
            part = bits[rows]
            slots = part >> _SHIFT
            slots -= first
            self._sum(window, slots, part)

    def _sum(self, window: Window, slots: NDArray[np.int64], bits: NDArray[np.int64]) -> None:  # noqa: ARG002
        """Add one block of rows, given their slots in the window."""
        window.count(slots)


class DenseSums(DenseCounts):
    """Count, exact sum, sums of squares and of cubes of one group; values must be finite."""

    _ROWS = _POWER_ROWS

    def __init__(self) -> None:
        super().__init__()
        # No slot can have had more rows since it was last carried.
        self._pending = 0

    def merge(self, other: DenseCounts) -> None:
        """Add another's sums."""
        assert isinstance(other, DenseSums)
        for window in (*self._sides, *other._sides):
            _carry(window)
        super().merge(other)
        # Two carried rests are 33 bits at most: less than one row.
        self._pending = 1

    def totals(self) -> PowerTotals:
        """Count and power sums of all values."""
        sums: list[OctantSums] = []
        for sign, window in zip((1, -1), self._sides, strict=True):
            _carry(window)
            table = window.table.reshape(_POWER_ROWS, -1, 1 << _FINE).sum(axis=2)
            for place in np.flatnonzero(table[_COUNTS]).tolist():
                column = table[:, place].tolist()
                count = column[_COUNTS]
                offsets, squares, cubes = (
                    (column[_HIGH + power] << REST_BITS) + column[_OFFSETS + power] for power in range(3)
                )
                octant = (window.first >> _FINE) + place
                sums.append(OctantSums(sign, octant, count, offsets - count * HALF_OCTANT, squares, cubes))
        return power_totals(sums, self.zeros)

    def _sum(self, window: Window, slots: NDArray[np.int64], bits: NDArray[np.int64]) -> None:
        if self._pending + bits.size > ROWS_BETWEEN_CARRIES:
            self._make_room(bits.size)
        window.count(slots)
        self._pending += bits.size
        table = window.table
        rest = bits & LOW_MASK
        # Offsets are added from the lower end of the octant; half an octant for each is taken off at the end.
        np.add.at(table[_OFFSETS], slots, rest)
        rest |= OFFSET_BITS
        offset = rest.view(np.float64)
        offset -= OFFSET_MIDDLE
        power = offset * offset
        rounded = power + GRID
        whole = rounded.view(np.int64)
        # The bits of the grid come along with every row, modulo 2^64; carrying takes them off.
        np.add.at(table[_SQUARES], slots, whole)
        power *= offset
        np.add(power, GRID, out=rounded)
        np.add.at(table[_CUBES], slots, whole)

    def _make_room(self, rows: int) -> None:
        """Carry what is due, so that this many rows more may fall into any slot."""
        self._pending = 0
        for window in self._sides:
            if window.table.shape[1]:
                most = int((window.table[_COUNTS] - window.table[_CARRIED]).max())
                if most + rows > ROWS_BETWEEN_CARRIES:
                    _carry(window)
                    # The carried rest is less than one row.
                    most = 1
                self._pending = max(self._pending, most + 1)


def _carry(window: Window) -> None:
    """Move all but the low 32 bits of the sums to the table's high rows."""
    table = window.table
    rows = table[_COUNTS] - table[_CARRIED]
    table[_CARRIED] = table[_COUNTS]
    offsets = table[_OFFSETS].view(np.uint64)
    table[_HIGH] += (offsets >> np.uint64(REST_BITS)).view(np.int64)
    offsets &= np.uint64(REST_MASK)
    for place in (_SQUARES, _CUBES):
        sums = table[place] - rows * GRID_BITS
        table[_HIGH + place - _OFFSETS] += sums >> REST_BITS
        table[place] = sums & REST_MASK


def _normal_bits(magnitudes: FloatArray) -> Iterator[tuple[NDArray[np.int64], int]]:
    """The bits of positive values, and by how many octaves subnormal ones were raised."""
    normal = magnitudes[magnitudes >= SMALLEST_NORMAL]
    if normal.size:
        yield normal.view(np.int64), 0
    if normal.size < magnitudes.size:
        yield scaled_subnormals(magnitudes[magnitudes < SMALLEST_NORMAL]), SUBNORMAL_OCTAVES


def _used(window: Window) -> list[tuple[float, Mass]]:
    """Middle and count of each slot that holds a value, ascending."""
    counts = window.table[_COUNTS]
    places = np.flatnonzero(counts)
    return list(zip(slot_middles(places + window.first, SLOT_BITS).tolist(), counts[places].tolist(), strict=True))
