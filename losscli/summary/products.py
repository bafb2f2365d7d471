"""Products without rounding error.

Dekker, T. J. (1971). A floating-point technique for extending the available
precision. Numerische Mathematik 18. doi:10.1007/BF01397083
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from losscli.roles import BoolArray, FloatArray

# Splits 53 bits in two halves of 26.
SPLITTER = 2.0**27 + 1.0
# Within these every product of at most six factors, and its rounding error, is a normal number.
_SMALLEST, LARGEST = 2.0**-100, 2.0**100


class Factor:
    """Numbers (n,) and their halves, which are split once for all products."""

    def __init__(self, values: FloatArray) -> None:
        self.values = values
        self.high = values * SPLITTER
        self.high -= self.high - values
        self.low = values - self.high

    def times(self, other: Factor) -> tuple[FloatArray, FloatArray]:
        """``product + error == self * other`` exactly, away from under- and overflow; both (n,)."""
        product = self.values * other.values
        error = self.high * other.high
        error -= product
        part = self.high * other.low
        error += part
        np.multiply(self.low, other.high, out=part)
        error += part
        np.multiply(self.low, other.low, out=part)
        error += part
        return product, error


def product_with(factor: Factor, correction: FloatArray, other: Factor) -> tuple[FloatArray, FloatArray]:
    """``(factor + correction) * other`` as a number and its correction, to about 2^-104."""
    product, error = factor.times(other)
    error += correction * other.values
    return product, error


def is_extreme(values: FloatArray) -> BoolArray | None:
    """Which values, other than zero, are too small or too large for products without care; None if none is."""
    if values.min(initial=np.inf) >= _SMALLEST and values.max(initial=0.0) <= LARGEST:
        return None
    size = np.abs(values)
    extreme: BoolArray = ((size < _SMALLEST) & (size > 0.0)) | (size > LARGEST)
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
    product, error = Factor(left).times(Factor(right))
    return product, error, exact
