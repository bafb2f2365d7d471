"""Exact sums of float64 values, for many groups and columns at once.

A sum is held as a long fixed-point number, in limbs of 42 bits that cover the
whole range of float64 (Kulisch, U. (2008). Computer Arithmetic and Validity.
doi:10.1515/9783110203196).  A block is added limb by limb, from the top: adding
``1.5 * 2^(52 + u)`` to a value leaves the value rounded to a multiple of
``2^u`` in the low bits of the result, as an integer, and what rounding took
away is exact and goes to the next limb.  The total is exact, so neither order
nor grouping nor the choice of limbs can be seen in it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from losscli.distinct import distinct_values
from losscli.roles import FloatArray, IntArray
from losscli.summary.blocks import grown, row_blocks, target_groups
from losscli.summary.octants import bits_of
from losscli.summary.segments import Segments

_LIMB_BITS = 42
_LIMB_MASK = (1 << _LIMB_BITS) - 1
# The unit of limb 0: the smallest subnormal number.
_UNIT = -1074
# One row adds at most 2^47 units to a limb, so 2^15 rows between carries leave an int64 a spare bit.
_ROW_BITS = 47
_ROWS_BETWEEN_CARRIES = 1 << 15
# Up to so many limbs, for each row of a block, they are looked at instead of counting what was added to them.
_LIMBS_PER_ROW = 4
# Above it the rounding constant would overflow; such values go in divided by 2^420, ten limbs higher.
_HUGE = 2.0**900
_HUGE_LIMBS = 10
# From this many columns on it pays to sort a block by group first.
_SORTED_COLUMNS = 3
# One row adds less than 2^48 units to a sum of a whole block, and 2^14 of them less than 2^62.
_BLOCK_BITS = 48
_WORD = (1 << 64) - 1


class ExactSums:
    """Exact sums of `columns` columns for each group.

    Values must be finite (the caller counts nan and infinities apart); their
    whole range is exact, subnormal numbers and mixed signs included.
    """

    def __init__(self, columns: int) -> None:
        # (columns, limbs, groups); there may be room for more groups than have been seen.
        self._limbs: IntArray = np.zeros((columns, 0, 0), np.int64)
        self._groups = 0
        self._lowest = 0
        # Rows added to each group since it was carried, unless the limbs themselves were looked at instead.
        self._pending: IntArray = np.zeros(0, np.int64)
        self._looked = False
        # Sums of rows that came without codes, in units of 2^-1074, for each column of each such group.
        self._whole: dict[int, list[int]] = {}

    @property
    def groups(self) -> int:
        """How many groups have been seen."""
        return self._groups

    def update(
        self,
        values: Sequence[FloatArray],
        codes: IntArray | None,
        groups: int,
        columns: Sequence[int] | None = None,
    ) -> None:
        """Add rows: one array (n,) per column, the group of each row in `codes` (n,).

        Without `codes` all rows are of group 0.  `columns` says to which column
        each array is added, where that is not one array each; a column may be
        named twice.
        """
        if columns is None:
            columns = range(len(values))
        most = max((list(columns).count(column) for column in set(columns)), default=0)
        self._grow(groups)
        for block in row_blocks(len(values[0]) if values else 0):
            arrays: Sequence[FloatArray] = [array[block] for array in values]
            if codes is None:
                sums = self._whole.setdefault(0, [0] * self._limbs.shape[0])
                for column, array in zip(columns, arrays, strict=True):
                    sums[column] += _units(array)
                continue
            if len(arrays) < _SORTED_COLUMNS:
                segments = Segments(codes[block], None)
            else:
                segments, order = Segments.sorted(codes[block])
                arrays = arrays if order is None else [array.take(order) for array in arrays]
            self._note(segments, most, arrays[0].size)
            for column, array in zip(columns, arrays, strict=True):
                self._add(column, array, segments)

    def add_digits(
        self, digits: NDArray[np.int64], units: Sequence[int], columns: Sequence[int], codes: IntArray, groups: int
    ) -> None:
        """Add integers (k, n): row k, in units of ``2^units[k]``, to ``columns[k]`` of the groups `codes` (n,).

        Their sizes are below 2^62, the units 2^-1074 or more, and at most eight rows are of one column.
        """
        self._grow(groups)
        # Less is added to a limb than by a row of its own.
        self._note(Segments(codes, None), 1, codes.size)
        limb, shift = np.divmod(np.array(units)[:, None] - _UNIT, _LIMB_BITS)
        self._reach(int(limb.min()), int(limb.max()) + 2)
        above = digits >> (_LIMB_BITS - shift)
        parts = (digits - (above << (_LIMB_BITS - shift)) << shift, above & _LIMB_MASK, above >> _LIMB_BITS)
        _, height, room = self._limbs.shape
        places = (np.array(columns)[:, None] * height + limb - self._lowest) * room + codes
        limbs = self._limbs.reshape(-1)
        for place, part in enumerate(parts):
            np.add.at(limbs, (places + place * room).ravel(), part.ravel())

    def merge(self, other: ExactSums, codes: IntArray | None) -> None:
        """Add another's sums; its group i is our group ``codes[i]`` (None: i)."""
        if other.groups == 0:
            return
        target = target_groups(codes, other.groups)
        self._grow(int(target.max()) + 1)
        self._carry(np.arange(self._limbs.shape[2]))
        other._carry(np.arange(other._limbs.shape[2]))
        height = other._limbs.shape[1]
        if height:
            self._reach(other._lowest, other._lowest + height - 1)
            start = other._lowest - self._lowest
            self._limbs[:, start : start + height, target] += other._limbs[:, :, : other.groups]
        self._pending += 1
        for group, theirs in other._whole.items():
            ours = self._whole.get(int(target[group]), [0] * len(theirs))
            self._whole[int(target[group])] = [one + another for one, another in zip(ours, theirs, strict=True)]

    def occupied(self) -> IntArray:
        """The groups in which some column has been added to, except for those whose limbs have come to 0 again."""
        found: IntArray = np.flatnonzero(np.logical_or.reduce(self._limbs[:, :, : self.groups] != 0, axis=(0, 1)))
        return found

    def total(self, group: int | None, column: int) -> Fraction:
        """The exact sum of a column in a group, or in all groups together."""
        limbs = self._limbs[column]
        if group is None:
            low = np.add.reduce(limbs & _LIMB_MASK, axis=1).tolist()
            high = np.add.reduce(limbs >> _LIMB_BITS, axis=1).tolist()
            digits = [(top << _LIMB_BITS) + bottom for top, bottom in zip(high, low, strict=True)]
        else:
            digits = limbs[:, group].tolist() if group < self.groups else []
        units = sum(digit << (_LIMB_BITS * (self._lowest + place)) for place, digit in enumerate(digits))
        units += sum(sums[column] for owner, sums in self._whole.items() if group in (None, owner))
        return Fraction(units, 1 << -_UNIT)

    def nonzero(self, groups: IntArray, column: int) -> tuple[IntArray, list[Fraction]]:
        """Where in `groups` a column is not 0, and its sums there; quick for many groups, whose rows had codes."""
        assert not self._whole
        limbs = self._limbs[column].take(groups, axis=1)
        places = np.flatnonzero(limbs.any(axis=0))
        units = [0] * places.size
        for digits in limbs[::-1, places].tolist():
            units = [(above << _LIMB_BITS) + digit for above, digit in zip(units, digits, strict=True)]
        # In units of the lowest limb, for numbers as short as can be.
        unit = Fraction(1 << (_LIMB_BITS * self._lowest), 1 << -_UNIT)
        used = np.array([number != 0 for number in units], bool)
        return places[used], [Fraction(number * unit.numerator, unit.denominator) for number in units if number]

    def _note(self, segments: Segments, most: int, rows: int) -> None:
        """Count the rows of a block, each added `most` times, and carry the groups that are due."""
        if segments.starts is None and self._limbs.size <= _LIMBS_PER_ROW * rows:
            # A look at all limbs costs less than counting the rows.
            bound = (1 << 63) - (most * rows << _ROW_BITS)
            if max(int(self._limbs.max(initial=0)), -int(self._limbs.min(initial=0))) >= bound:
                self._carry(np.arange(self._limbs.shape[2]))
            self._looked = True
            return
        if self._looked:
            self._carry(np.arange(self._limbs.shape[2]))
            self._looked = False
        present = segments.count(self._pending, most)
        pending = self._pending.take(present)
        if int(pending.max()) > _ROWS_BETWEEN_CARRIES:
            due = distinct_values(present[pending > _ROWS_BETWEEN_CARRIES])
            self._carry(due)
            self._pending[due] = most * rows

    def _add(self, column: int, values: FloatArray, segments: Segments) -> None:
        top = _largest(values)
        if top >= _HUGE:
            huge = np.where(np.abs(values) >= _HUGE, values, 0.0)
            scale = 2.0 ** -(_LIMB_BITS * _HUGE_LIMBS)
            self._fold(column, huge * scale, top * scale, segments, _HUGE_LIMBS)
            values = values - huge
            top = _largest(values)
        self._fold(column, values, top, segments, 0)

    def _fold(self, column: int, values: FloatArray, top: float, segments: Segments, raised: int) -> None:
        """Add values of at most `top` in size, limb by limb from above."""
        if top == 0.0:
            return
        limb = _limb(top)
        rest = values
        rounded = np.empty_like(values)
        for fold in itertools.count():
            grid = math.ldexp(1.5, 52 + _UNIT + _LIMB_BITS * limb)
            bits = bits_of(grid)
            self._reach(limb + raised, limb + raised)
            limbs = self._limbs[column, limb + raised - self._lowest]
            np.add(rest, grid, out=rounded)
            whole = rounded.view(np.int64)
            segments.add(limbs, whole, bits)
            rounded -= grid
            if rest is values:
                rest = values - rounded
            else:
                rest -= rounded
            # All zeros, but for their signs; the first row mostly tells that they are not.
            if rest[0] == 0.0 and not int(np.bitwise_or.reduce(rest.view(np.int64))) & (_WORD >> 1):
                return
            # What is left is less than a unit of this limb, so the next one holds it.
            limb -= 1
            if fold:
                # Few rows reach further down, but these may reach far.
                rows = np.flatnonzero(rest != 0.0)
                rest, segments = rest.take(rows), segments.take(rows)
                rounded = rounded[: rest.size]
                limb = _limb(_largest(rest))

    def _carry(self, groups: IntArray) -> None:
        """Bring every limb of these groups but the top one into [0, 2^42)."""
        limbs = self._limbs[:, :, groups]
        height = limbs.shape[1]
        for place in range(height - 1):
            high = limbs[:, place] >> _LIMB_BITS
            limbs[:, place] &= _LIMB_MASK
            limbs[:, place + 1] += high
        self._limbs[:, :, groups] = limbs
        self._pending[groups] = 0
        # The top limb keeps its sign; it is carried only once it is large, or a negative sum would grow for ever.
        if height and int(np.abs(limbs[:, -1]).max(initial=0)) > _LIMB_MASK:
            self._reach(self._lowest, self._lowest + height)
            high = self._limbs[:, height - 1] >> _LIMB_BITS
            self._limbs[:, height - 1] &= _LIMB_MASK
            self._limbs[:, height] += high

    def _grow(self, groups: int) -> None:
        self._groups = max(self._groups, groups)
        room = self._limbs.shape[2]
        if self._groups > room:
            room = max(self._groups, room + room // 2)
            self._limbs = grown(self._limbs, room)
            self._pending = grown(self._pending, room)

    def _reach(self, lowest: int, highest: int) -> None:
        """Make the limbs from `lowest` to `highest` exist."""
        columns, height, groups = self._limbs.shape
        if height == 0:
            self._lowest = lowest
        first, last = min(lowest, self._lowest), max(highest, self._lowest + height - 1)
        if last - first + 1 > height:
            limbs = np.zeros((columns, last - first + 1, groups), np.int64)
            limbs[:, self._lowest - first : self._lowest - first + height] = self._limbs
            self._limbs, self._lowest = limbs, first


def _units(values: FloatArray) -> int:
    """The exact sum of one block of values (n,), in units of 2^-1074.

    Where all rows go to one sum, that is a Python integer, and the units of a
    block are chosen for it: two foldings are enough for most.
    """
    top = _largest(values)
    if top >= _HUGE:
        huge = np.where(np.abs(values) >= _HUGE, values, 0.0)
        shift = _LIMB_BITS * _HUGE_LIMBS
        return (_units(huge * 2.0**-shift) << shift) + _units(values - huge)
    total = 0
    if top == 0.0:
        return total
    rest = values
    rounded = np.empty_like(values)
    unit = max(math.frexp(top)[1] - _BLOCK_BITS, _UNIT)
    while True:
        grid = math.ldexp(1.5, 52 + unit)
        np.add(rest, grid, out=rounded)
        whole = rounded.view(np.int64)
        wrapped = (int(np.add.reduce(whole)) - bits_of(grid) * whole.size) & _WORD
        total += wrapped - (wrapped >> 63 << 64) << (unit - _UNIT)
        if unit == _UNIT:
            return total
        rounded -= grid
        if rest is values:
            rest = values - rounded
        else:
            rest -= rounded
        # All zeros, but for their signs; the first row mostly tells that they are not.
        if rest[0] == 0.0 and not int(np.bitwise_or.reduce(rest.view(np.int64))) & (_WORD >> 1):
            return total
        if unit < math.frexp(top)[1] - _BLOCK_BITS:
            # Few rows reach further down, but these may reach far.
            rest = rest.take(np.flatnonzero(rest != 0.0))
            if not rest.size:
                return total
            rounded = rounded[: rest.size]
            top = _largest(rest)
            unit = max(math.frexp(top)[1] - _BLOCK_BITS, _UNIT)
        else:
            # What is left is at most half a unit.
            unit = max(unit - 1 - _BLOCK_BITS, _UNIT)


def exact_sum(values: FloatArray) -> Fraction:
    """The exact sum of finite float64 values of shape (n,)."""
    sums = ExactSums(1)
    sums.update([values], None, 1)
    return sums.total(0, 0)


def round_fraction(value: Fraction) -> float:
    """The nearest float64; raises OverflowError beyond its range."""
    return value.numerator / value.denominator


def round_root(value: Fraction) -> float:
    """The float64 nearest to the square root of a non-negative number.

    Raises OverflowError when the root is beyond the range of float64.
    """
    numerator, denominator = value.numerator, value.denominator
    # 2 * 64 bits of quotient give 64 bits of root; a sticky bit below them decides ties as the exact root would.
    shift = 128 - numerator.bit_length() + denominator.bit_length()
    shift += shift % 2
    if shift >= 0:
        square, rest = divmod(numerator << shift, denominator)
    else:
        square, rest = divmod(numerator, denominator << -shift)
    root = math.isqrt(square)
    root = 2 * root + (1 if rest or root * root != square else 0)
    half = shift // 2 + 1
    return root / (1 << half) if half >= 0 else float(root << -half)


def _largest(values: FloatArray) -> float:
    return max(float(values.max(initial=0.0)), -float(values.min(initial=0.0)))


def _limb(top: float) -> int:
    """The limb from which values of at most `top` in size are added."""
    return max(0, -((_ROW_BITS + _UNIT - math.frexp(top)[1]) // _LIMB_BITS))
