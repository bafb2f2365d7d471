"""The largest values met so far, of every group, with what is to be told of their rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from losscli.arrays import ordered_integers
from losscli.distinct import distinct_values
from losscli.roles import BoolArray, FloatArray, IntArray

# The class of a group, None where rows are not parted by class or have none; and its slice.
GroupKey: TypeAlias = tuple[str | None, tuple[str | None, ...]]

# NaN ranks above every number: it is the worst that a row can do.
_NAN = np.iinfo(np.int64).max
_LOWEST = np.iinfo(np.int64).min


class Leader(NamedTuple):
    """A row: sorts before those with a smaller value, and before later ones with the same."""

    descending: int
    file: int
    number: int
    value: float
    cells: Any


class Leaders:
    """For each group the `count` rows with the largest values, ties by the order of the rows.

    Merges in any order to the same result.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.groups: dict[GroupKey, list[Leader]] = {}
        # The last place of a row that a tie could push out.
        self._last = (-1, -1)

    def __len__(self) -> int:
        """The rows that are kept."""
        return sum(map(len, self.groups.values()))

    def update(
        self,
        values: FloatArray,
        used: BoolArray | None,
        codes: IntArray,
        keys: Sequence[GroupKey],
        place: tuple[int, int],
        cells: Callable[[int], Any],
    ) -> None:
        """Add rows ``(n,)``, `used` being those that count and ``keys[codes[i]]`` the group of row i.

        `place` is the file and the number of the first row; `cells` is asked
        for what is to be kept of the few rows that may stay.
        """
        ranks = _ranks(values)
        bounds = np.array([self._bound(key) for key in keys], np.int64)
        # Rows that come later lose a tie.
        late = place > self._last
        wanted = bounds[0] if len(keys) == 1 else bounds[codes]
        better = ranks > wanted if late else ranks >= wanted
        if used is not None:
            better &= used
        rows = np.flatnonzero(better)
        if not len(rows):
            return
        order = np.lexsort((rows, ~ranks[rows], codes[rows]))
        rows = rows[order]
        first = np.searchsorted(codes[rows], codes[rows], side="left")
        file, number = place
        for row in rows[np.arange(len(rows)) - first < self.count].tolist():
            leader = Leader(-int(ranks[row]), file, number + row, float(values[row]), cells(row))
            self.groups.setdefault(keys[codes[row]], []).append(leader)
        for code in distinct_values(codes[rows]).tolist():
            self._cut(keys[code])

    def merge(self, other: Leaders) -> None:
        """Take over the rows of `other`."""
        for key, leaders in other.groups.items():
            self.groups.setdefault(key, []).extend(leaders)
            self._cut(key)

    def _cut(self, key: GroupKey) -> None:
        ordered = sorted(self.groups[key], key=lambda leader: (leader.descending, leader.file, leader.number))
        self.groups[key] = leaders = ordered[: self.count]
        self._last = max(self._last, max((leader.file, leader.number) for leader in leaders))

    def _bound(self, key: GroupKey) -> int:
        """What a row has to reach to stay in its group."""
        leaders = self.groups.get(key, [])
        return _LOWEST if len(leaders) < self.count else -leaders[-1].descending


def _ranks(values: FloatArray) -> NDArray[np.int64]:
    """Integers in the order of the values, NaN the largest."""
    nan = np.isnan(values)
    if not nan.any():
        return ordered_integers(values)
    return np.where(nan, _NAN, ordered_integers(np.where(nan, 0.0, values)))
