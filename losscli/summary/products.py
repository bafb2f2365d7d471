"""Products without rounding error.

Dekker, T. J. (1971). A floating-point technique for extending the available
precision. Numerische Mathematik 18. doi:10.1007/BF01397083
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from losscli.roles import BoolArray, FloatArray

# Splits 53 bits in two halves of 26.
_SPLITTER = 2.0**27 + 1.0
# Within these every product of at most six factors, and its rounding error, is a normal number.
_SMALLEST, _LARGEST = 2.0**-100, 2.0**100


def two_product(left: FloatArray, right: FloatArray) -> tuple[FloatArray, FloatArray]:
    """``product + error == left * right`` exactly, away from under- and overflow; all (n,)."""
    product = left * right
    left_high = left * _SPLITTER
    left_high -= left_high - left
    left_low = left - left_high
    right_high = right * _SPLITTER
    right_high -= right_high - right
    right_low = right - right_high
    error = left_high * right_high
    error -= product
    error += left_high * right_low
    error += left_low * right_high
    error += left_low * right_low
    return product, error


def product_with(high: FloatArray, low: FloatArray, factor: FloatArray) -> tuple[FloatArray, FloatArray]:
    """``(high + low) * factor`` as a number and its correction, to about 2^-104."""
    product, error = two_product(high, factor)
    error += low * factor
    return product, error


def is_extreme(values: FloatArray) -> BoolArray | None:
    """Which values, other than zero, are too small or too large for products without care; None if none is."""
    size = np.abs(values)
    low, high = size.min(initial=np.inf), size.max(initial=0.0)
    if low >= _SMALLEST and high <= _LARGEST:
        return None
    extreme: BoolArray = ((size < _SMALLEST) & (size > 0.0)) | (size > _LARGEST)
    return extreme if extreme.any() else None


def extreme_rows(left: FloatArray, right: FloatArray) -> list[int]:
    """Rows in which either factor is extreme and neither is zero."""
    masks = [mask for mask in (is_extreme(left), is_extreme(right)) if mask is not None]
    if not masks:
        return []
    either = masks[0] if len(masks) == 1 else masks[0] | masks[1]
    rows: list[int] = np.flatnonzero(either).tolist()
    return rows


def exact_products(left: FloatArray, right: FloatArray) -> tuple[FloatArray, FloatArray, list[tuple[int, Fraction]]]:
    """Products and errors, (n,), and the rows whose product is given as a fraction instead."""
    rows = extreme_rows(left, right)
    exact = [(row, Fraction(float(left[row])) * Fraction(float(right[row]))) for row in rows]
    if rows:
        left = left.copy()
        left[rows] = 0.0
        right = right.copy()
        right[rows] = 0.0
    product, error = two_product(left, right)
    return product, error, exact
