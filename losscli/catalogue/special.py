"""Special functions that NumPy lacks, accurate over the whole range of float64.

Elementwise, so a value has the same bits wherever it stands in an array.
"""

from __future__ import annotations

import math

import numpy as np

from losscli.roles import FloatArray

# Cody's rational approximations, highest power first; the names are his (R for |x| <= 0.5 and so on).
_NUMERATOR_CENTRE = (
    1.85777706184603153e-1,
    3.16112374387056560e00,
    1.13864154151050156e02,
    3.77485237685302021e02,
    3.20937758913846947e03,
)
_DENOMINATOR_CENTRE = (
    1.0,
    2.36012909523441209e01,
    2.44024637934444173e02,
    1.28261652607737228e03,
    2.84423683343917062e03,
)
_NUMERATOR_MIDDLE = (
    2.15311535474403846e-8,
    5.64188496988670089e-1,
    8.88314979438837594e00,
    6.61191906371416295e01,
    2.98635138197400131e02,
    8.81952221241769090e02,
    1.71204761263407058e03,
    2.05107837782607147e03,
    1.23033935479799725e03,
)
_DENOMINATOR_MIDDLE = (
    1.0,
    1.57449261107098347e01,
    1.17693950891312499e02,
    5.37181101862009858e02,
    1.62138957456669019e03,
    3.29079923573345963e03,
    4.36261909014324716e03,
    3.43936767414372164e03,
    1.23033935480374942e03,
)
_CENTRE_END = 0.5
# erfc(5.9) < 2^-54, so erf rounds to 1 from there on and Cody's third range is not needed.
_TAIL_START = 5.9


def erf(x: FloatArray) -> FloatArray:
    """The error function, to a few units in the last place.

    Cody, W. J. (1969). Rational Chebyshev approximations for the error
    function. Math. Comp. 23:631-637. doi:10.1090/S0025-5718-1969-0247736-4.
    """
    size = np.abs(x)
    square = np.square(np.minimum(size, _CENTRE_END))
    centre = x * (_polynomial(square, _NUMERATOR_CENTRE) / _polynomial(square, _DENOMINATOR_CENTRE))
    inner = np.clip(size, _CENTRE_END, _TAIL_START)
    complement = np.exp(-inner * inner) * (
        _polynomial(inner, _NUMERATOR_MIDDLE) / _polynomial(inner, _DENOMINATOR_MIDDLE)
    )
    outer = np.copysign(1.0 - complement, x)
    return np.where(size <= _CENTRE_END, centre, outer)


def log1p_square(x: FloatArray, scale: float | FloatArray, divisor: float) -> FloatArray:
    """``log(1 + (x / scale)^2 / divisor)``; finite for every finite x, exact for tiny x."""
    ratio = x / scale
    product = (ratio / divisor) * ratio
    result: FloatArray = np.log1p(product)
    overflowed = np.isinf(product)
    if overflowed.any():
        spread = scale if isinstance(scale, float) else scale[overflowed]
        result[overflowed] = 2.0 * (np.log(np.abs(x[overflowed])) - np.log(spread)) - math.log(divisor)
    return result


def _polynomial(x: FloatArray, coefficients: tuple[float, ...]) -> FloatArray:
    """Horner's rule, highest power first."""
    total = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        total *= x
        total += coefficient
    return total
