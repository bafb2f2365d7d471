"""First, second and third power sums of unweighted values, for many groups; `powers` says how they are held."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from losscli.roles import FloatArray, IntArray
from losscli.summary.blocks import cell_blocks, group_counts, grown, row_blocks
from losscli.summary.dense import DenseSums
from losscli.summary.octants import LOWEST, octant_of_key
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
from losscli.summary.quantiles import QuantileSketch


class PowerSums:
    """Count, exact sum, sums of squares and of cubes for each group; values must be finite.

    `sketch` is the histogram of the same values with `bits` bits, which serves
    as the counts and as the quantile sketch of each group.
    """

    def __init__(self, bits: int) -> None:
        self.sketch = QuantileSketch(bits)
        # Sums of offsets, their squares and their cubes: (3, cells); `_high` counts units of 2^32 carried out of them.
        self._sums: NDArray[np.int64] = np.zeros((3, 0), np.int64)
        self._high: NDArray[np.int64] | None = None
        # Rows of each group since its cells were last carried.
        self._pending: IntArray = np.zeros(0, np.int64)

    @property
    def groups(self) -> int:
        """How many groups have been seen."""
        return self.sketch.groups

    def update(self, values: FloatArray, codes: IntArray | None, groups: int) -> None:
        """Add finite values (n,), the group of each in `codes` (n,), None for group 0."""
        for rows in row_blocks(values.size):
            part, group = values[rows], None if codes is None else codes[rows]
            if part.size:
                counts = group_counts(group, part.size, max(groups, self.groups))
                self.add(part, group, counts, (float(part.min()), float(part.max())))
        self._grow(groups)

    def add(self, values: FloatArray, codes: IntArray | None, counts: IntArray, ends: tuple[float, float]) -> None:
        """Add one block: `counts` are its rows by group, (groups,), and `ends` its minimum and maximum."""
        self._grow(counts.size)
        cells, octants, codes = self.sketch.place(values, codes, ends)
        if cells.size == 0:
            return
        self._reserve()
        self._note(counts)
        low = octants.bits & LOW_MASK
        # Offsets are added from the lower end of the octant; half an octant for each is taken off at the end.
        np.add.at(self._sums[0], cells, low)
        low |= OFFSET_BITS
        offset = low.view(np.float64)
        offset -= OFFSET_MIDDLE
        power = offset * offset
        rounded = power + GRID
        whole = rounded.view(np.int64)
        whole -= GRID_BITS
        np.add.at(self._sums[1], cells, whole)
        power *= offset
        np.add(power, GRID, out=rounded)
        whole -= GRID_BITS
        np.add.at(self._sums[2], cells, whole)

    def merge(self, other: PowerSums, codes: IntArray | None) -> None:
        """Add another's sums; its group i is our group ``codes[i]`` (None: i)."""
        if other.groups == 0:
            return
        cells = self.sketch.merge(other.sketch, codes)
        self._grow(self.sketch.groups)
        self._reserve()
        rows = int(self._pending.max(initial=0)) + int(other._pending.max())
        if rows > ROWS_BETWEEN_CARRIES:
            for sums in (self, other):
                for block in cell_blocks(sums._sums.shape[1]):
                    sums._carry(block)
            # Two carried rests are 33 bits at most: less than one row.
            rows = 1
        for block in cell_blocks(cells.size):
            self._sums[:, cells[block]] += other._sums[:, block]
            if other._high is not None:
                self._carried()[:, cells[block]] += other._high[:, block]
        self._pending[:] = rows

    def absorb(self, other: DenseSums) -> None:
        """Add the sums of another kind, group by group."""
        zeros = other.zeros_by_group()
        self._grow(zeros.size)
        self.sketch.add_zeros(zeros)
        for group, negative, table in other.octant_tables(self.sketch.bits):
            self._grow(group + 1)
            keys = (group << 16) | (negative << 15) | (table.octants - LOWEST)
            cells = self.sketch.absorb(keys, table.counts)
            self._reserve()
            self._sums[:, cells] += table.low
            self._carried()[:, cells] += table.high
            # A carried rest is less than one row.
            self._pending[group] += 1

    def totals(self, group: int | None) -> PowerTotals:
        """Count and power sums of a group, or of all groups together."""
        index = self.sketch.index
        cells = np.arange(index.keys.size) if group is None else index.cells_of(group)
        keys = index.keys[cells] & 0xFFFF
        counts = self.sketch.octant_counts_by_bin()[cells].sum(axis=1)
        sums = self._sums[:, cells]
        low, high = sums & REST_MASK, _upper(sums)
        if self._high is not None:
            high += self._high[:, cells]
        return power_totals(OctantSums(keys >> 15, octant_of_key(keys), counts, low, high), self.sketch.zeros(group))

    def _note(self, counts: IntArray) -> None:
        """Count the rows of a block, and carry the groups that are due."""
        self._pending += counts
        if int(self._pending.max()) > ROWS_BETWEEN_CARRIES:
            for group in np.flatnonzero(self._pending > ROWS_BETWEEN_CARRIES).tolist():
                self._carry(self.sketch.index.cells_of(group))
                # What is left of a carried sum is less than one row.
                self._pending[group] = counts[group] + 1

    def _carry(self, cells: NDArray[np.int64] | slice) -> None:
        """Move all but the low 32 bits of the sums of these cells to the carried counts."""
        sums = self._sums[:, cells]
        self._carried()[:, cells] += _upper(sums)
        self._sums[:, cells] = sums & REST_MASK

    def _carried(self) -> NDArray[np.int64]:
        if self._high is None:
            self._high = np.zeros_like(self._sums)
        return self._high

    def _grow(self, groups: int) -> None:
        self.sketch.grow(groups)
        self._pending = grown(self._pending, groups)

    def _reserve(self) -> None:
        cells = self.sketch.index.keys.size
        if cells > self._sums.shape[1]:
            self._sums = grown(self._sums, cells + cells // 4)
            if self._high is not None:
                self._high = grown(self._high, cells + cells // 4)


def _upper(sums: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sums (3, cells) without their low 32 bits; those of offsets are unsigned."""
    upper: NDArray[np.int64] = sums >> REST_BITS
    upper[0] &= REST_MASK
    return upper
