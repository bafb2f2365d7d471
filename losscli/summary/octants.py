"""Cells of a logarithmic grid, numbered as they are met.

An octant is an eighth of an octave: the values that share sign, exponent and
the top three bits of the mantissa.  Subnormal numbers are multiplied by 2^200
first, so that every octant has the same relative width, 2^-3 to 2^-4.  A cell
is an octant of one group.  Cells get consecutive numbers when they first hold a
value, so accumulators are dense arrays over the cells in use, whatever the
number of groups and the range of the values.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from losscli.distinct import distinct_values, distinct_with_places
from losscli.roles import FloatArray, IntArray

OCTANT_BITS = 3
LOW_BITS = 52 - OCTANT_BITS

SMALLEST_NORMAL = 2.0**-1022
SUBNORMAL_OCTAVES = 200
# Octants are numbered by exponent field and top bits; scaled subnormal numbers reach down to 51 octaves below 0.
LOWEST = -64 << OCTANT_BITS
_OCTANTS = 1 << 15
# The table of cell numbers holds at most this many entries of 8 bytes; what lies outside it goes through a dict.
_TABLE_ENTRIES = 1 << 21
_LEAST_SPAN = 96
_SLACK = 32


class Octants(NamedTuple):
    """The octant of each value, (n,); the bits of the (scaled) values; which are negative, if any; the end octants."""

    octant: NDArray[np.int64]
    bits: NDArray[np.int64]
    negative: NDArray[np.int64] | None
    low: int
    high: int


def bits_of(value: float) -> int:
    """The bits of a float64 as an integer."""
    bits: int = struct.unpack("<q", struct.pack("<d", value))[0]
    return bits


def scaled_subnormals(magnitudes: FloatArray) -> NDArray[np.int64]:
    """The bits of positive subnormal numbers, raised by `SUBNORMAL_OCTAVES` octaves."""
    return (magnitudes * 2.0**SUBNORMAL_OCTAVES).view(np.int64)


def octants_of(values: FloatArray, ends: tuple[float, float] | None = None) -> Octants:
    """The octants of finite values other than zero, of shape (n,); `ends` are their minimum and maximum, if known."""
    low, high = ends or (float(values.min(initial=np.inf)), float(values.max(initial=-np.inf)))
    bits = values.view(np.int64)
    if low >= SMALLEST_NORMAL:
        if values.size == 0:
            return Octants(bits, bits, None, 0, 0)
        return Octants(bits >> LOW_BITS, bits, None, bits_of(low) >> LOW_BITS, bits_of(high) >> LOW_BITS)
    negative = None
    magnitude = values
    if low < 0.0:
        negative = (bits >> 63) & 1
        magnitude = np.abs(values)
        bits = magnitude.view(np.int64)
    octant = bits >> LOW_BITS
    small = np.flatnonzero(magnitude < SMALLEST_NORMAL)
    if small.size:
        raised = scaled_subnormals(magnitude[small])
        bits = bits.copy()
        bits[small] = raised
        octant[small] = (raised >> LOW_BITS) - (SUBNORMAL_OCTAVES << OCTANT_BITS)
    return Octants(octant, bits, negative, int(octant.min()), int(octant.max()))


def octant_of_key(keys: NDArray[np.int64]) -> NDArray[np.int64]:
    """The octants of cell keys, (cells,)."""
    return (keys & (_OCTANTS - 1)) + LOWEST


class CellIndex:
    """Numbers the cells (group, sign, octant) in the order in which they are met."""

    def __init__(self) -> None:
        self._keys: NDArray[np.int64] = np.zeros(0, np.int64)
        self._size = 0
        self._far: dict[int, int] = {}
        self._table: NDArray[np.int64] = np.full((1, 0, 0), -1, np.int64)
        self._first = 0
        # Groups in ascending order and the cell of each; made when asked for.
        self._by_group: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None

    def __getstate__(self) -> NDArray[np.int64]:
        return self.keys.copy()

    def __setstate__(self, keys: NDArray[np.int64]) -> None:
        self.__init__()  # type: ignore[misc]
        self._keys, self._size = keys, keys.size
        if keys.size:
            octant = octant_of_key(keys)
            groups = int(keys.max() >> 16) + 1
            self._first = _median(octant)
            self._frame(bool((keys & _OCTANTS).any()), groups, int(octant.min()), int(octant.max()))

    @property
    def keys(self) -> NDArray[np.int64]:
        """Group, sign and octant of every cell: ``group << 16 | sign << 15 | octant``, octants counted from 0."""
        return self._keys[: self._size]

    def locate(self, octants: Octants, codes: IntArray | None, groups: int) -> NDArray[np.int64]:
        """The cell number of each row, (n,)."""
        octant, _, negative, low, high = octants
        if octant.size == 0:
            return np.zeros(0, np.int64)
        if self._table.shape[2] == 0:
            self._first = _median(octant)
        self._frame(negative is not None, groups, low, high)
        span = self._table.shape[2]
        if self._first <= low and high < self._first + span:
            return self._find(octant, negative, codes)
        inside = (octant >= self._first) & (octant < self._first + span)
        found = np.empty(octant.size, np.int64)
        for rows, find in ((np.flatnonzero(inside), self._find), (np.flatnonzero(~inside), self._find_far)):
            if rows.size:
                found[rows] = find(
                    octant[rows],
                    None if negative is None else negative[rows],
                    None if codes is None else codes[rows],
                )
        return found

    def locate_keys(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """The cell number of each key, (cells,), adding those that are new."""
        if keys.size == 0:
            return np.zeros(0, np.int64)
        sign = (keys >> 15) & 1
        octant = octant_of_key(keys)
        octants = Octants(octant, keys, sign if sign.any() else None, int(octant.min()), int(octant.max()))
        codes = (keys >> 16).astype(np.intp)
        return self.locate(octants, codes, int(codes.max()) + 1)

    def cells_of(self, group: int) -> NDArray[np.int64]:
        """The numbers of all cells of a group."""
        if self._by_group is None or self._by_group[0].size < self._size:
            groups = self.keys >> 16
            order = np.argsort(groups, kind="stable")
            self._by_group = groups[order], order
        groups, order = self._by_group
        first, end = np.searchsorted(groups, [group, group + 1]).tolist()
        return order[first:end]

    def _find(
        self, octant: NDArray[np.int64], negative: NDArray[np.int64] | None, codes: IntArray | None
    ) -> NDArray[np.int64]:
        _, groups, span = self._table.shape
        place = octant - self._first
        if codes is not None:
            place += codes * span
        if negative is not None:
            place += negative * (groups * span)
        table = self._table.reshape(-1)
        found = table.take(place)
        if int(found.min()) < 0:
            fresh = distinct_values(place[found < 0])
            table[fresh] = np.arange(self._size, self._size + fresh.size)
            group_sign, offset = np.divmod(fresh, span)
            sign, group = np.divmod(group_sign, groups)
            self._append((group << 16) | (sign << 15) | (offset + self._first - LOWEST))
            found = table.take(place)
        return found

    def _find_far(
        self, octant: NDArray[np.int64], negative: NDArray[np.int64] | None, codes: IntArray | None
    ) -> NDArray[np.int64]:
        keys = octant - LOWEST
        if codes is not None:
            keys |= codes << 16
        if negative is not None:
            keys |= negative << 15
        distinct, back = distinct_with_places(keys)
        fresh = [key for key in distinct.tolist() if key not in self._far]
        for number, key in enumerate(fresh, self._size):
            self._far[key] = number
        self._append(np.array(fresh, np.int64))
        return np.array([self._far[key] for key in distinct.tolist()], np.int64)[back]

    def _append(self, keys: NDArray[np.int64]) -> None:
        size = self._size + keys.size
        if size > self._keys.size:
            self._keys = np.concatenate([self.keys, np.zeros(max(size, 64) + size // 2 - self._size, np.int64)])
        self._keys[self._size : size] = keys
        self._size = size

    def _frame(self, negative: bool, groups: int, low: int, high: int) -> None:
        """Widen the table to these groups and octants, as far as its budget allows."""
        signs, known_groups, span = self._table.shape
        first, last = self._first, self._first + span - 1
        wanted_signs = max(signs, 1 + negative)
        wanted_groups = groups if known_groups == 0 else known_groups
        if groups > wanted_groups:
            wanted_groups = max(groups, wanted_groups * 3 // 2)
        budget = max(_LEAST_SPAN, _TABLE_ENTRIES // (wanted_signs * wanted_groups))
        if span > budget:
            first = max(_median(octant_of_key(self.keys)) - budget // 2, LOWEST)
            last = first + budget - 1
            span = budget
        if low < first or high > last:
            wanted_first = first if low >= first else max(low - _SLACK, LOWEST)
            wanted_last = last if high <= last else min(high + _SLACK, _OCTANTS - 1 + LOWEST)
            excess = wanted_last - wanted_first + 1 - max(budget, span)
            if excess > 0:
                # A window that cannot hold everything keeps what it has and grows towards both ends alike.
                spare = max(budget - (last - first + 1), 0)
                below = min(first - wanted_first, max(spare // 2, spare - (wanted_last - last)))
                wanted_first, wanted_last = first - below, min(wanted_last, last + spare - below)
            first, last = wanted_first, wanted_last
        if (wanted_signs, wanted_groups, last - first + 1) != self._table.shape or first != self._first:
            self._table = np.full((wanted_signs, wanted_groups, last - first + 1), -1, np.int64)
            self._first = first
            self._number()

    def _number(self) -> None:
        """Fill the table and the dict from the keys."""
        keys = self.keys
        octant = octant_of_key(keys)
        inside = (octant >= self._first) & (octant < self._first + self._table.shape[2])
        near = np.flatnonzero(inside)
        self._table[(keys[near] >> 15) & 1, keys[near] >> 16, octant[near] - self._first] = near
        far = np.flatnonzero(~inside)
        self._far = dict(zip(keys[far].tolist(), far.tolist(), strict=True))


def _median(octant: NDArray[np.int64]) -> int:
    # np.median imports numpy.ma, which takes longer than all of this module.
    return int(np.sort(octant)[octant.size // 2])
