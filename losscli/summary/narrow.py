"""Power sums of weighted values, quickly, for the rows of a block that lie within a narrow range.

Values and weights are divided by powers of two, so that none is above 1.  The
terms of a row whose product of the two is then at least 2^-20 have a known
range, and are multiples of a known unit.  So all arrays are added up at once
(see `exact` for the grids), none has to be looked at for its largest value, and
what one or two grids leave is summed as floats, exactly.

The terms are those of `weighted`, scaled; so are the sums.
"""

from __future__ import annotations

import math
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from losscli.roles import FloatArray, IntArray
from losscli.summary.octants import bits_of
from losscli.summary.products import LARGEST, SPLITTER

# Sums are taken over parts of a block: the fewer rows, the more bits are left to each.
_PART_BITS = 11
_PART_ROWS = 1 << _PART_BITS
_LEAST_ROWS = 2 * _PART_ROWS
# Of size at most 1 and at least this, the product of value and weight; so each of the two is at least this as well.
_RANGE_BITS = 20
_LEAST = 2.0**-_RANGE_BITS
# Tops below which no row in range is without care in `products`.
_LEAST_TOP = 2.0**-79
# More rows than this share of a block out of range are too many.
_MOST_APART = 8
# On average a part must have this many rows.
_LEAST_PART = 16
# Values of at most 1 are rounded to 2^-51, and 2^11 of them stay below 2^63 units.
_GRID_BITS = 51
# Corrections are of at most this size: they are half a last place of at most 1 each, and there are up to three.
_LOW_BITS = 52
# (w, x)-powers of the products, in the order of `products`: six of degree up to two, four of degree three.
PRODUCTS = ((1, 0), (1, 1), (2, 0), (1, 2), (2, 1), (2, 2), (3, 0), (3, 1), (3, 2), (3, 3))
_SQUARES = 6
# Those of the corrections: two of a product of two factors, exact, and three that have been rounded.
CORRECTIONS = PRODUCTS[1:_SQUARES]
_EXACT = 2
_CORRECTED, _ROUNDED = range(1, _SQUARES), range(1 + _EXACT, _SQUARES)
_SIZE_BITS = (1 << 63) - 1
# Units of what is left.  A product of degree d is at least 2^(-20 d - 1), so it is a multiple of 2^(-20 d - 53).  The
# rest of a part has at most 2^11 * 2^-52, 2^52 units, for d = 2; after two grids 2^11 * 2^-104, for d = 3.
_SQUARES_REST, _CUBES_REST = 2 * _RANGE_BITS + 53, 3 * _RANGE_BITS + 53
# The error of a product of two numbers is a multiple of both their last places, 2^(-2 * 20 - 104).
_EXACT_REST = 2 * _RANGE_BITS + 104

_Number = TypeVar("_Number", np.int64, np.float64)


class NarrowSums(NamedTuple):
    """What most rows of a block add to the sums of their groups.

    Row k of `digits`, (k, parts), is in units of ``2^units[k]``; it belongs to
    product ``terms[k]`` and its columns to the groups `groups`, (parts,).
    `rests` are terms, rows and what else these rows add; the rows `apart` are
    in none of this.
    """

    digits: NDArray[np.int64]
    units: list[int]
    terms: list[int]
    groups: IntArray
    rests: list[tuple[int, IntArray, FloatArray]]
    apart: IntArray


def narrow_sums(
    values: FloatArray, weights: FloatArray, codes: IntArray | None, ends: tuple[float, float] | None = None
) -> NarrowSums | None:
    """Sums over finite values (n,) and weights (n,), not negative; None where too few rows are in range.

    `codes` (n,), None for group 0, are in ascending order; None also if they change too often.
    `ends` are the minimum and the maximum of the values, if known.
    """
    rows = values.size
    if rows < _LEAST_ROWS:
        return None
    low, high = ends or (float(values.min()), float(values.max()))
    tops = max(high, -low), float(weights.max())
    if min(tops) < _LEAST_TOP or max(tops) > LARGEST:
        return None
    parts = _Parts.of(rows, codes)
    if parts.starts.size * _LEAST_PART > rows:
        return None
    exponents = [math.frexp(top)[1] for top in tops]
    # Zeros fill the last part.
    arrays = np.empty((1 + len(PRODUCTS), parts.size))
    # Value and weight; the latter is the first product as well.
    factors, products = arrays[:2], arrays[1:]
    factors[:, rows:] = 0.0
    np.multiply(values, 2.0 ** -exponents[0], out=factors[0, :rows])
    np.multiply(weights, 2.0 ** -exponents[1], out=factors[1, :rows])
    np.multiply(factors[0], factors[1], out=products[1])
    wx = products[1, :rows]
    apart = _out_of_range(values, weights, math.ldexp(_LEAST, exponents[1]), wx if low >= 0.0 else np.abs(wx))
    if apart.size * _MOST_APART > rows:
        return None
    if apart.size:
        factors[:, apart] = 0.0
        products[1, apart] = 0.0
    corrections = np.empty((len(CORRECTIONS), parts.size))
    _multiply(factors, products, corrections)
    sums = [*_product_sums(products, parts), *_correction_sums(corrections, parts)]
    x, w = exponents
    scales = [i * w + j * x for i, j in PRODUCTS]
    terms = [term for one in sums for term in one.terms]
    units = [one.unit + scales[term] for one in sums for term in one.terms]
    rests = []
    # What is left of a rounded correction is next to nothing.
    for term, left in zip(_ROUNDED, corrections[_EXACT:], strict=True):
        if int(np.bitwise_or.reduce(left.view(np.int64))) & _SIZE_BITS:
            places = np.flatnonzero(left)
            rests.append((term, places, np.ldexp(left.take(places), scales[term])))
    groups = np.zeros(parts.starts.size, np.intp) if codes is None else codes.take(parts.starts)
    return NarrowSums(np.concatenate([one.digits for one in sums]), units, terms, groups, rests, apart)


def _out_of_range(values: FloatArray, weights: FloatArray, least_weight: float, sizes: FloatArray) -> IntArray:
    """Rows, by the scaled sizes of their products (n,), that are neither in range nor without any terms.

    A value of 0 is in range if the weight is.  Both are looked at unscaled, for scaling may make a 0 of them.
    """
    small: IntArray = np.flatnonzero(sizes < _LEAST)
    if small.size:
        x, w = values.take(small), weights.take(small)
        small = small[(w != 0.0) & ((x != 0.0) | (w < least_weight))]
    return small


def _multiply(factors: FloatArray, products: FloatArray, corrections: FloatArray) -> None:
    """Fill in products (10, n) and corrections (5, n) of the factors value and weight, (2, n)."""
    x, w = factors
    highs, lows = _halves(factors)
    np.multiply(w, w, out=products[2])
    part = np.empty_like(factors)
    _errors(products[1:3], (highs, lows), (highs[1], lows[1]), corrections[:2], part)
    _, wx, w2, _, w2x, w2x2, w3, w3x, w3x2, w3x3 = products
    np.multiply(factors, wx, out=products[3:5])
    _errors(products[3:5], (highs, lows), _halves(wx), corrections[2:4], part)
    np.multiply(factors, corrections[0], out=part)
    corrections[2:4] += part
    np.multiply(w2x, x, out=w2x2)
    _errors(w2x2, (highs[0], lows[0]), _halves(w2x), corrections[4], part[0])
    np.multiply(corrections[3], x, out=part[0])
    corrections[4] += part[0]
    np.multiply(w2, w, out=w3)
    np.multiply(w2, wx, out=w3x)
    np.multiply(w2x, wx, out=w3x2)
    np.multiply(w2x2, wx, out=w3x3)


def _halves(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What `Factor` splits values into, of the same shape."""
    high = values * SPLITTER
    low = high - values
    high -= low
    np.subtract(values, high, out=low)
    return high, low


def _errors(
    products: FloatArray,
    one: tuple[FloatArray, FloatArray],
    other: tuple[FloatArray, FloatArray],
    errors: FloatArray,
    part: FloatArray,
) -> None:
    """The rounding errors of products of two numbers given by their halves, as in `Factor.times`."""
    np.multiply(one[0], other[0], out=errors)
    errors -= products
    for half, other_half in ((0, 1), (1, 0), (1, 1)):
        np.multiply(one[half], other[other_half], out=part)
        errors += part


class _Parts(NamedTuple):
    """The parts of a block, each of one group: where they start, how many rows each or every one has, and all rows."""

    starts: IntArray
    rows: IntArray
    alike: bool
    size: int

    @staticmethod
    def of(rows: int, codes: IntArray | None) -> _Parts:
        """The parts of so many rows."""
        if codes is None:
            size = -(-rows // _PART_ROWS) * _PART_ROWS
            return _Parts(np.arange(0, size, _PART_ROWS), np.full(1, _PART_ROWS), True, size)
        first = np.empty(rows, np.bool_)
        np.not_equal(codes[1:], codes[:-1], out=first[1:])
        first[::_PART_ROWS] = True
        starts = np.flatnonzero(first)
        return _Parts(starts, np.diff(starts, append=rows), False, rows)

    def sums(self, arrays: NDArray[_Number]) -> NDArray[_Number]:
        """The sums of arrays (k, n) over each part, (k, parts)."""
        if self.alike:
            sums: NDArray[_Number] = np.add.reduce(arrays.reshape(len(arrays), -1, _PART_ROWS), axis=2)
        else:
            sums = np.add.reduceat(arrays, self.starts, axis=1)
        return sums


class _Sums(NamedTuple):
    """Sums ``digits * 2^unit`` of some terms, (terms, parts)."""

    digits: NDArray[np.int64]
    unit: int
    terms: range


def _product_sums(products: FloatArray, parts: _Parts) -> list[_Sums]:
    """The sums of `PRODUCTS`, whose arrays are used up."""
    every = range(len(PRODUCTS))
    squares, cubes = every[:_SQUARES], every[_SQUARES:]
    rounded = np.empty_like(products)
    return [
        _take_off(products, 0, every, parts, rounded),
        _rests(products[:_SQUARES], _SQUARES_REST, squares, parts),
        _take_off(products[_SQUARES:], _GRID_BITS + 1, cubes, parts, rounded[_SQUARES:]),
        _rests(products[_SQUARES:], _CUBES_REST, cubes, parts),
    ]


def _correction_sums(corrections: FloatArray, parts: _Parts) -> list[_Sums]:
    """The sums of `CORRECTIONS`; the arrays of those that have been rounded are left with their rests."""
    rounded = np.empty_like(corrections)
    return [
        _take_off(corrections, _LOW_BITS, _CORRECTED, parts, rounded),
        _rests(corrections[:_EXACT], _EXACT_REST, _CORRECTED[:_EXACT], parts),
        _take_off(corrections[_EXACT:], _LOW_BITS + _GRID_BITS + 1, _ROUNDED, parts, rounded[_EXACT:]),
    ]


def _take_off(arrays: FloatArray, top: int, terms: range, parts: _Parts, rounded: FloatArray) -> _Sums:
    """The sums of arrays (k, n) of size at most 2^-top, rounded to multiples of 2^(-51 - top); leaves their rests."""
    grid = math.ldexp(1.5, 52 - _GRID_BITS - top)
    np.add(arrays, grid, out=rounded)
    digits = parts.sums(rounded.view(np.int64))
    rounded -= grid
    arrays -= rounded
    # What the bits of the grid add up to wraps around, as it did in the sum.
    digits -= parts.rows * bits_of(grid)
    return _Sums(digits, -_GRID_BITS - top, terms)


def _rests(arrays: FloatArray, unit: int, terms: range, parts: _Parts) -> _Sums:
    """The sums of arrays (k, n) that are multiples of 2^-unit, less than 2^53 of them in a part."""
    return _Sums((parts.sums(arrays) * 2.0**unit).astype(np.int64), -unit, terms)
