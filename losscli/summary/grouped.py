"""Power sums and bins of several groups, held in the way that is fastest for how many there are.

A few groups have a window of slots each.  More of them, or values spread over
so many octaves that the windows would be large, are held by the cells in use.
Both add the same numbers for a row, so which of them it was cannot be seen.
"""

from __future__ import annotations

from losscli.roles import FloatArray, IntArray
from losscli.summary.dense import DenseCounts, DenseSums
from losscli.summary.moments import PowerSums
from losscli.summary.powers import PowerTotals
from losscli.summary.quantiles import Mass

# Beyond these, what a row adds to leaves the cache, and the windows take more than 8 MB.
FEW_GROUPS = 16
_MOST_CELLS = 1 << 17


class GroupedSums:
    """Count, exact sum, sums of squares and of cubes of each group; values must be finite.

    Bins of a group have `bits` bits; those of all groups together are as fine
    as the slots of `DenseCounts`.
    """

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._few: DenseSums | None = DenseSums()
        self._many = PowerSums(bits)
        self._total = DenseCounts()

    def add(self, values: FloatArray, codes: IntArray | None, counts: IntArray, ends: tuple[float, float]) -> None:
        """Add one block: `counts` are its rows by group, (groups,), and `ends` its minimum and maximum."""
        if self._few is not None:
            if counts.size <= FEW_GROUPS and self._few.cells_with(values, *ends, counts.size) <= _MOST_CELLS:
                self._few.add(values, *ends, codes, counts)
                return
            self._spread()
        self._many.add(values, codes, counts, ends)
        self._total.add(values, *ends)

    def merge(self, other: GroupedSums, target: IntArray) -> None:
        """Add another's sums; its group i is our group ``target[i]``."""
        if self._few is not None and other._few is not None and int(target.max()) < FEW_GROUPS:
            self._few.merge(other._few, target)
            if self._few.size <= _MOST_CELLS:
                return
            other = GroupedSums(self._bits)
        self._spread()
        other._spread()
        self._many.merge(other._many, target)
        self._total.merge(other._total)

    def totals(self, group: int | None) -> PowerTotals:
        """Count and power sums of a group, or of all groups together."""
        return self._many.totals(group) if self._few is None else self._few.totals(group)

    def masses(self, group: int | None) -> list[tuple[float, Mass]]:
        """Middle and count of each bin in use of a group, or of all groups together, in ascending order."""
        if self._few is not None:
            return self._few.masses(group) if group is None else self._few.masses(group, self._bits)
        return self._total.masses() if group is None else self._many.sketch.masses(group)

    def _spread(self) -> None:
        """Go over to cells, for good."""
        if self._few is not None:
            self._many.absorb(self._few)
            self._total.count_all(self._few)
            self._few = None
