"""Power sums of values that are held by octant: what is added for a row, and the totals.

A value is the middle of its octant plus an offset.  For each octant four
integers are kept: the count, the sum of the offsets (exact), and the sums of
the squares and cubes of the offsets, rounded once per value to a fixed grid.
With ``x = middle + d`` the power sums follow in integers:

    sum x   = count * middle + sum d
    sum x^2 = count * middle^2 + 2 * middle * sum d + sum d^2
    sum x^3 = count * middle^3 + 3 * middle^2 * sum d + 3 * middle * sum d^2 + sum d^3

The first is exact, the second and third have relative errors of at most 2^-56
and 2^-50.  Offsets, grids and octants depend on the value alone, so the sums do
not depend on order, chunks, merges or on how finely the cells are cut.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from losscli.summary.octants import LOW_BITS, octant_middle

LOW_MASK = (1 << LOW_BITS) - 1
# An exponent under which the low bits read as a number in [16, 18): subtracting 17 leaves the offset in [-1, 1).
OFFSET_BITS = int(np.float64(16.0).view(np.int64))
OFFSET_MIDDLE = 17.0
HALF_OCTANT = 1 << (LOW_BITS - 1)
# Adding 48 rounds a number in [-1, 1] to a multiple of 2^-47 and leaves it as an integer in the low bits.
GRID = 48.0
GRID_BITS = int(np.float64(GRID).view(np.int64))
_GRID_SHIFT = 47
# An offset from the lower end of its octant has 49 bits, so this many rows and a carried rest of 32 bits fit a uint64.
ROWS_BETWEEN_CARRIES = (1 << 15) - 1
REST_BITS = 32
REST_MASK = (1 << REST_BITS) - 1


class PowerTotals(NamedTuple):
    """Number of rows and power sums of the values of a group; `cubes_absolute` is the sum of |x|^3."""

    rows: int
    sum: Fraction
    squares: Fraction
    cubes: Fraction
    cubes_absolute: Fraction


class OctantSums(NamedTuple):
    """What is held for the values of one sign in one octant; offsets in units of half an octant / 2^48."""

    sign: int
    octant: int
    rows: int
    offsets: int
    squares: int
    cubes: int


def power_totals(octants: Iterable[OctantSums], zeros: int) -> PowerTotals:
    """The power sums of all values of these octants and of `zeros` zeros."""
    rows, first, second, third, absolute = zeros, 0, 0, 0, 0
    held = list(octants)
    middles = [octant_middle(one.octant) for one in held]
    # Units of the least of these octants, for numbers as short as can be.
    unit = min((exponent for _, exponent in middles), default=0)
    for (sign, _, count, offsets, squares, cubes), (middle, exponent) in zip(held, middles, strict=True):
        # Squares and cubes come on the grid of 2^-47.
        squares <<= 2 * (LOW_BITS - 1) - _GRID_SHIFT
        cubes <<= 3 * (LOW_BITS - 1) - _GRID_SHIFT
        shift = exponent - unit
        rows += count
        first += sign * (count * middle + offsets << shift)
        second += middle * (count * middle + 2 * offsets) + squares << 2 * shift
        cube = middle * (middle * (count * middle + 3 * offsets) + 3 * squares) + cubes << 3 * shift
        third += sign * cube
        absolute += cube
    return PowerTotals(
        rows, _scaled(first, unit), _scaled(second, 2 * unit), _scaled(third, 3 * unit), _scaled(absolute, 3 * unit)
    )


def _scaled(number: int, exponent: int) -> Fraction:
    return Fraction(number << exponent) if exponent >= 0 else Fraction(number, 1 << -exponent)
