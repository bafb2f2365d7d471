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

from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from losscli.distinct import run_starts
from losscli.summary.blocks import cell_blocks
from losscli.summary.octants import LOW_BITS, OCTANT_BITS

LOW_MASK = (1 << LOW_BITS) - 1
# An exponent under which the low bits read as a number in [16, 18): subtracting 17 leaves the offset in [-1, 1).
OFFSET_BITS = int(np.float64(16.0).view(np.int64))
OFFSET_MIDDLE = 17.0
_HALF_BITS = LOW_BITS - 1
# Adding 48 rounds a number in [-1, 1] to a multiple of 2^-47 and leaves it as an integer in the low bits.
GRID = 48.0
GRID_BITS = int(np.float64(GRID).view(np.int64))
_GRID_SHIFT = 47
# Squares and cubes come on the grid of 2^-47 half octants.
_SQUARES_SHIFT, _CUBES_SHIFT = 2 * _HALF_BITS - _GRID_SHIFT, 3 * _HALF_BITS - _GRID_SHIFT
# The unit of an octave is that of the last bit of its values: 2^(exponent field - 1075).
_UNIT_BELOW_OCTAVE = 1075
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
    """What is held for the values of one sign in one octant, of which there are n.

    negative, octant, rows: int64 ``(n,)``.  low and high: int64 ``(3, n)``, the
    sums ``high * 2^REST_BITS + low`` of the offsets from the lower end of the
    octant, in units of 2^-49 octants, and of squares and cubes of the offsets
    from its middle, in units of the grid.
    """

    negative: NDArray[np.int64]
    octant: NDArray[np.int64]
    rows: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]


def power_totals(held: OctantSums, zeros: int) -> PowerTotals:
    """The power sums of all values of these octants, in any order, and of `zeros` zeros.

    The middle of an octant is ``m * 2^48`` in units that are those of its
    octave, with m = 17, 19, .. 31.  What the power sums need of the octants of
    an octave is therefore a few sums with weights m^k, taken at once for all.
    """
    rows = int(held.rows.sum())
    if rows == 0:
        return PowerTotals(zeros, Fraction(0), Fraction(0), Fraction(0), Fraction(0))
    # Beyond 2^32 rows the weighted sums of an octave may not fit 64 bits.
    octaves = _octave_sums(held, fits=rows < 1 << 32)
    # Units of the least of these octaves, for numbers as short as can be.
    unit = min(octave for _, octave in octaves) - _UNIT_BELOW_OCTAVE
    first = second = third = absolute = 0
    for (negative, octave), found in octaves.items():
        linear, square, cubic = found[:3]
        offsets, offsets_m, offsets_m2, squares, squares_m, cubes = (
            (top << REST_BITS) + rest for rest, top in zip(found[3::2], found[4::2], strict=True)
        )
        # With the offsets from the middle these are the formulas above: each is the one from the lower end, less half
        # an octant.
        squares, squares_m = squares << _SQUARES_SHIFT, squares_m << _SQUARES_SHIFT
        shift = octave - _UNIT_BELOW_OCTAVE - unit
        power = (linear << _HALF_BITS) + offsets << shift
        first += -power if negative else power
        second += (square << 2 * _HALF_BITS) + (offsets_m << _HALF_BITS + 1) + squares << 2 * shift
        cube = (
            (cubic << 3 * _HALF_BITS)
            + (3 * offsets_m2 << 2 * _HALF_BITS)
            + (3 * squares_m << _HALF_BITS)
            + (cubes << _CUBES_SHIFT)
        ) << 3 * shift
        third += -cube if negative else cube
        absolute += cube
    return PowerTotals(
        rows + zeros,
        _scaled(first, unit),
        _scaled(second, 2 * unit),
        _scaled(third, 3 * unit),
        _scaled(absolute, 3 * unit),
    )


def _octave_sums(held: OctantSums, *, fits: bool) -> dict[tuple[int, int], list[int]]:
    """By sign bit and octave what `power_totals` needs; `fits` says that the weighted sums of a block fit 64 bits."""
    found: dict[tuple[int, int], list[int]] = {}
    for cells in cell_blocks(held.rows.size):
        negative, octant, count, low, high = (part[..., cells] for part in held)
        if not fits:
            count, low, high = count.astype(object), low.astype(object), high.astype(object)
        m = 2 * (octant & ((1 << OCTANT_BITS) - 1)) + (1 << OCTANT_BITS + 1) + 1
        columns = [count * (m - 1), count * m * (m - 2), count * m * m * (m - 3)]
        columns += [part * weight for weight in (1, m, m * m) for part in (low[0], high[0])]
        columns += [part * weight for weight in (1, m) for part in (low[1], high[1])]
        columns += [low[2], high[2]]
        keys = octant >> OCTANT_BITS << 1 | negative
        order = np.argsort(keys, kind="stable")
        starts = run_starts(keys[order])
        sums = np.add.reduceat(np.stack(columns)[:, order], starts, axis=1).T.tolist()
        for key, ours in zip(keys[order[starts]].tolist(), sums, strict=True):
            place = key & 1, key >> 1
            known = found.get(place)
            found[place] = ours if known is None else [one + another for one, another in zip(known, ours, strict=True)]
    return found


def _scaled(number: int, exponent: int) -> Fraction:
    return Fraction(number << exponent) if exponent >= 0 else Fraction(number, 1 << -exponent)
