"""Counts and power sums of a few groups, on a window of slots without gaps.

A slot is 1/128 of an octave: the values that share sign, exponent and the top
seven bits of the mantissa.  With few groups the slots in use are few enough to
be numbered by their place, so that a row costs no search for its cell.  What is
added for a row is what `PowerSums` adds for it, so the sums of both agree to
the last bit; only the number of cells over which they are spread differs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from losscli.roles import FloatArray, IntArray
from losscli.summary.blocks import group_counts, grown, row_blocks
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


class OctantTable(NamedTuple):
    """What is held of one group and sign by octant: counts (octants, 2^(bits - 3)), sums (3, octants) and their rest.

    A sum is ``high * 2^REST_BITS + low``, in the units of `OctantSums`, offsets
    counted from the lower end of the octant.
    """

    octants: NDArray[np.int64]
    counts: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]


class Window:
    """A table of integers over consecutive slots for each group, (rows, groups, span); its ends are whole octants."""

    def __init__(self, rows: int) -> None:
        self.first = 0
        self.table: NDArray[np.int64] = np.zeros((rows, 1, 0), np.int64)

    def cells(self, low: int, high: int, groups: int) -> int:
        """How many cells a row of the table has when the slots from `low` to `high` exist for so many groups."""
        first, stop = self._range(low, high)
        return (stop - first) * max(groups, len(self.table[0]))

    def reach(self, low: int, high: int, groups: int = 1) -> None:
        """Make the slots from `low` to `high` exist, and so many groups."""
        rows, known, span = self.table.shape
        first, stop = self._range(low, high)
        if stop - first == span and groups <= known:
            return
        table = np.zeros((rows, max(groups, known), stop - first), np.int64)
        if span:
            table[:, :known, self.first - first : self.first - first + span] = self.table
        self.first, self.table = first, table

    def merge(self, other: Window, target: IntArray) -> None:
        """Add another's table, slot by slot; its group i is our group ``target[i]``."""
        groups, span = other.table.shape[1:]
        if span:
            target = target[:groups]
            self.reach(other.first, other.first + span - 1, int(target.max()) + 1)
            start = other.first - self.first
            self.table[:, target, start : start + span] += other.table[:, : target.size]

    def tally(self, cells: NDArray[np.int64]) -> IntArray | None:
        """How many of these cells, numbered through all groups, are each of all cells; None where these are too many.

        np.bincount touches every cell once more; with few of them that is cheaper than a scatter.
        """
        size = self.table[_COUNTS].size
        return np.bincount(cells, minlength=size) if size <= cells.size else None

    def count(self, cells: NDArray[np.int64], found: IntArray | None) -> None:
        """Count rows in their cells, of which the tally is `found`."""
        counts = self.table[_COUNTS].reshape(-1)
        if found is None:
            np.add.at(counts, cells, 1)
        else:
            counts += found

    def _range(self, low: int, high: int) -> tuple[int, int]:
        """The first slot, and the one after the last, of a window that reaches from `low` to `high`."""
        span = self.table.shape[2]
        last = self.first + span - 1
        if span and self.first <= low and high <= last:
            return self.first, self.first + span
        if span == 0:
            first, end = low - _SLACK, high + _SLACK
        else:
            first = self.first if low >= self.first else low - _SLACK
            end = last if high <= last else high + _SLACK
        return first >> _FINE << _FINE, (end >> _FINE) + 1 << _FINE


class DenseCounts:
    """How many values lie in each slot, for each group; values must be finite."""

    _ROWS = 1

    def __init__(self) -> None:
        self._sides = (Window(self._ROWS), Window(self._ROWS))
        self._zeros: IntArray = np.zeros(1, np.int64)

    def add(
        self, values: FloatArray, low: float, high: float, codes: IntArray | None = None, counts: IntArray | None = None
    ) -> None:
        """Add values that lie between `low` and `high`, both of which occur.

        `codes` are the groups of the rows, None for group 0, and `counts` the
        rows of each group among them; with these it is one block at the most.
        """
        if low >= SMALLEST_NORMAL:
            self._place(self._sides[0], values.view(np.int64), codes, counts, bits_of(low), bits_of(high), 0)
            return
        for side, chosen in ((0, values > 0.0), (1, values < 0.0)):
            part = values[chosen] if side == 0 else -values[chosen]
            for bits, group, octaves in _normal_bits(part, None if codes is None else codes[chosen]):
                ends = int(bits.min()), int(bits.max())
                self._place(self._sides[side], bits, group, counts, *ends, octaves)
        zero = values == 0.0
        if zero.any():
            self._zeros = grown(self._zeros, 1 if counts is None else counts.size)
            zeros = int(np.count_nonzero(zero))
            self._zeros += group_counts(None if codes is None else codes[zero], zeros, self._zeros.size)

    def merge(self, other: DenseCounts, target: IntArray | None = None) -> None:
        """Add another's counts; its group i is our group ``target[i]`` (None: i)."""
        if target is None:
            target = np.arange(max(other._zeros.size, *(window.table.shape[1] for window in other._sides)))
        self._zeros = grown(self._zeros, int(target[: other._zeros.size].max()) + 1)
        self._zeros[target[: other._zeros.size]] += other._zeros[: target.size]
        for mine, theirs in zip(self._sides, other._sides, strict=True):
            mine.merge(theirs, target)

    def count_all(self, other: DenseCounts) -> None:
        """Add the counts of all groups of another to those of group 0."""
        self._zeros[0] += other._zeros.sum()
        for mine, theirs in zip(self._sides, other._sides, strict=True):
            span = theirs.table.shape[2]
            if span:
                mine.reach(theirs.first, theirs.first + span - 1)
                start = theirs.first - mine.first
                mine.table[_COUNTS, 0, start : start + span] += theirs.table[_COUNTS].sum(axis=0)

    def zeros(self, group: int | None) -> int:
        """How many values of a group, or of all, are zero."""
        if group is None:
            return int(self._zeros.sum())
        return int(self._zeros[group]) if group < self._zeros.size else 0

    def masses(self, group: int | None = None, bits: int = SLOT_BITS) -> list[tuple[float, Mass]]:
        """Middle and count of each bin in use, in ascending order; None: all groups together.

        Bins have `bits` bits, at most as many as slots.
        """
        positive, negative = (_used(window, group, bits) for window in self._sides)
        zeros = self.zeros(group)
        zero: list[tuple[float, Mass]] = [(0.0, zeros)] if zeros else []
        return [*((-middle, count) for middle, count in reversed(negative)), *zero, *positive]

    @property
    def size(self) -> int:
        """How many cells the windows have."""
        return sum(window.table[_COUNTS].size for window in self._sides)

    def zeros_by_group(self) -> IntArray:
        """How many values of each group are zero, (groups,)."""
        return self._zeros

    def cells_with(self, values: FloatArray, low: float, high: float, groups: int) -> int:
        """How many cells the windows have once `values`, which lie between `low` and `high`, are added."""
        if low >= SMALLEST_NORMAL:
            return self._sides[0].cells(bits_of(low) >> _SHIFT, bits_of(high) >> _SHIFT, groups)
        sizes = np.abs(values[values != 0.0])
        if not sizes.size:
            return self.size
        least, greatest = float(sizes.min()), bits_of(max(-low, high)) >> _SHIFT
        octaves = SUBNORMAL_OCTAVES if least < SMALLEST_NORMAL else 0
        lowest = (bits_of(least * 2.0**octaves) >> _SHIFT) - (octaves << SLOT_BITS)
        present = (high > 0.0, low < 0.0)
        return sum(
            window.cells(lowest, greatest, groups) if there else window.table[_COUNTS].size
            for window, there in zip(self._sides, present, strict=True)
        )

    def _place(
        self,
        window: Window,
        bits: NDArray[np.int64],
        codes: IntArray | None,
        counts: IntArray | None,
        low: int,
        high: int,
        octaves: int,
    ) -> None:
        """Add rows whose bits lie between `low` and `high`, `octaves` below."""
        below = octaves << SLOT_BITS
        window.reach((low >> _SHIFT) - below, (high >> _SHIFT) - below, 1 if counts is None else counts.size)
        first = window.first + below
        span = window.table.shape[2]
        for rows in row_blocks(bits.size):
            part = bits[rows]
            cells = part >> _SHIFT
            if codes is None:
                cells -= first
            else:
                # The number of the cell of slot 0, which a window seldom has.
                start = codes[rows] * span
                start -= first
                cells += start
            self._sum(window, cells, part, counts)

    def _sum(
        self,
        window: Window,
        cells: NDArray[np.int64],
        bits: NDArray[np.int64],  # noqa: ARG002
        counts: IntArray | None,  # noqa: ARG002
    ) -> None:
        """Add one block of rows, given their cells in the window."""
        window.count(cells, window.tally(cells))


class DenseSums(DenseCounts):
    """Count, exact sum, sums of squares and of cubes of each group; values must be finite."""

    _ROWS = _POWER_ROWS

    def __init__(self) -> None:
        super().__init__()
        # No slot can have had more rows since it was last carried.
        self._pending = 0

    def merge(self, other: DenseCounts, target: IntArray | None = None) -> None:
        """Add another's sums; its group i is our group ``target[i]`` (None: i)."""
        assert isinstance(other, DenseSums)
        self._carry_all()
        other._carry_all()
        super().merge(other, target)
        self._pending = 1

    def totals(self, group: int | None) -> PowerTotals:
        """Count and power sums of a group, or of all groups together."""
        self._carry_all()
        tables, octants, signs = [], [], []
        for negative, window in enumerate(self._sides):
            table = _of_group(window.table, group).reshape(_POWER_ROWS, -1, 1 << _FINE).sum(axis=2)
            used = np.flatnonzero(table[_COUNTS])
            tables.append(table[:, used])
            octants.append(used + (window.first >> _FINE))
            signs.append(np.full(used.size, negative))
        table = np.concatenate(tables, axis=1)
        held = OctantSums(
            np.concatenate(signs),
            np.concatenate(octants),
            table[_COUNTS],
            table[_OFFSETS:_HIGH],
            table[_HIGH:_CARRIED],
        )
        return power_totals(held, self.zeros(group))

    def octant_tables(self, bits: int) -> Iterator[tuple[int, int, OctantTable]]:
        """Everything but the zeros: group, sign bit and the octants in use, with counts of bins of `bits` bits."""
        self._carry_all()
        for negative, window in enumerate(self._sides):
            for group in range(window.table.shape[1]):
                table = window.table[:, group].reshape(_POWER_ROWS, -1, 1 << _FINE)
                by_octant = table.sum(axis=2)
                used = np.flatnonzero(by_octant[_COUNTS])
                if used.size:
                    counts = table[_COUNTS, used].reshape(used.size, 1 << (bits - OCTANT_BITS), -1).sum(axis=2)
                    sums = by_octant[:, used]
                    octants = used + (window.first >> _FINE)
                    yield group, negative, OctantTable(octants, counts, sums[_OFFSETS:_HIGH], sums[_HIGH:_CARRIED])

    def _make_room(self, most: int) -> None:
        """Carry if it is due, so that up to so many rows more may fall into any slot."""
        if self._pending + most > ROWS_BETWEEN_CARRIES:
            tables = [window.table for window in self._sides if window.table.shape[2]]
            # A carried rest is less than one row.
            self._pending = max((int((table[_COUNTS] - table[_CARRIED]).max()) for table in tables), default=0) + 1
            if self._pending + most > ROWS_BETWEEN_CARRIES:
                self._carry_all()
                self._pending = 1
        self._pending += most

    def _carry_all(self) -> None:
        for window in self._sides:
            for group in range(window.table.shape[1]):
                _carry(window.table[:, group])

    def _sum(self, window: Window, cells: NDArray[np.int64], bits: NDArray[np.int64], counts: IntArray | None) -> None:
        found = window.tally(cells)
        most = cells.size if counts is None else int(counts.max())
        self._make_room(most if found is None else int(found.max()))
        window.count(cells, found)
        table = window.table.reshape(_POWER_ROWS, -1)
        rest = bits & LOW_MASK
        # Offsets are added from the lower end of the octant; half an octant for each is taken off at the end.
        np.add.at(table[_OFFSETS], cells, rest)
        rest |= OFFSET_BITS
        offset = rest.view(np.float64)
        offset -= OFFSET_MIDDLE
        power = offset * offset
        rounded = power + GRID
        whole = rounded.view(np.int64)
        # The bits of the grid come along with every row, modulo 2^64; carrying takes them off.
        np.add.at(table[_SQUARES], cells, whole)
        power *= offset
        np.add(power, GRID, out=rounded)
        np.add.at(table[_CUBES], cells, whole)


def _carry(table: NDArray[np.int64]) -> None:
    """Move all but the low 32 bits of the sums of a group, (rows, span), to the table's high rows."""
    rows = table[_COUNTS] - table[_CARRIED]
    table[_CARRIED] = table[_COUNTS]
    offsets = table[_OFFSETS].view(np.uint64)
    table[_HIGH] += (offsets >> np.uint64(REST_BITS)).view(np.int64)
    offsets &= np.uint64(REST_MASK)
    for place in (_SQUARES, _CUBES):
        sums = table[place] - rows * GRID_BITS
        table[_HIGH + place - _OFFSETS] += sums >> REST_BITS
        table[place] = sums & REST_MASK


def _normal_bits(
    magnitudes: FloatArray, codes: IntArray | None
) -> Iterator[tuple[NDArray[np.int64], IntArray | None, int]]:
    """The bits of positive values, their groups, and by how many octaves subnormal ones were raised."""
    small = magnitudes < SMALLEST_NORMAL
    if not small.any():
        if magnitudes.size:
            yield magnitudes.view(np.int64), codes, 0
        return
    if not small.all():
        yield magnitudes[~small].view(np.int64), None if codes is None else codes[~small], 0
    yield scaled_subnormals(magnitudes[small]), None if codes is None else codes[small], SUBNORMAL_OCTAVES


def _of_group(table: NDArray[np.int64], group: int | None) -> NDArray[np.int64]:
    """The table (rows, span) of a group, or of all groups together."""
    if group is None:
        return table[:, 0] if table.shape[1] == 1 else table.sum(axis=1)
    return table[:, group] if group < table.shape[1] else np.zeros_like(table[:, 0])


def _used(window: Window, group: int | None, bits: int) -> list[tuple[float, Mass]]:
    """Middle and count of each bin that holds a value, ascending."""
    coarse = SLOT_BITS - bits
    counts = _of_group(window.table[: _COUNTS + 1], group)[_COUNTS].reshape(-1, 1 << coarse).sum(axis=1)
    places = np.flatnonzero(counts)
    middles = slot_middles(places + (window.first >> coarse), bits)
    return list(zip(middles.tolist(), counts[places].tolist(), strict=True))
