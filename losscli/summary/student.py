"""Student's t distribution and the normal distribution, to the precision of float64.

The distribution functions go through the regularised incomplete beta function,
by the continued fraction of Press, W. H. et al. (2007). Numerical Recipes, 3rd
ed., section 6.4, evaluated by the modified Lentz method (Thompson, I. J. &
Barnett, A. R. (1986). doi:10.1016/0021-9991(86)90046-X).  Tails are computed
themselves, never as 1 minus the other tail, so small p values keep their digits.
"""

from __future__ import annotations

import math

# Beyond these degrees of freedom Hill's expansion is right to all digits, and the fraction would take many terms.
_MOST_FREEDOM = 1e4
# Beyond this the asymptotic ratio of two gamma functions is exact, and the difference of their logarithms is not.
_LARGE = 100.0
_TINY = 1e-300


def normal_tail(z: float) -> float:
    """P(Z >= z) for a standard normal Z."""
    return 0.5 * math.erfc(z / math.sqrt(2.0))


def student_tail(t: float, freedom: float) -> float:
    """P(T >= t) for Student's t with `freedom` degrees of freedom, which may be infinite or not whole."""
    if t < 0:
        return 1.0 - student_tail(-t, freedom)
    if math.isinf(t):
        return 0.0
    if freedom > _MOST_FREEDOM:
        return normal_tail(_as_normal(t, freedom))
    ratio = t * t / freedom
    a, x, rest = 0.5 * freedom, 1.0 / (1.0 + ratio), ratio / (1.0 + ratio)
    front = math.exp(-a * math.log1p(ratio)) * math.sqrt(rest / math.pi) * _gamma_ratio(a)
    # The fraction converges fast on one side of the mean of the beta distribution; the other is its mirror image.
    if x < (a + 1.0) / (a + 2.5):
        return 0.5 * front * _continued_fraction(a, 0.5, x) / a
    return 0.5 - front * _continued_fraction(0.5, a, rest)


def student_two_sided(t: float, freedom: float) -> float:
    """P(\\|T\\| >= \\|t\\|)."""
    return min(1.0, 2.0 * student_tail(abs(t), freedom))


def student_quantile(probability: float, freedom: float) -> float:
    """The t with P(T <= t) = `probability`, which lies in (0, 1); raises ValueError outside."""
    if not 0.0 < probability < 1.0:
        raise ValueError(f"a probability in (0, 1), not {probability}")
    if probability == 0.5:
        return 0.0
    if probability < 0.5:
        return -_upper_quantile(probability, freedom)
    return _upper_quantile(1.0 - probability, freedom)


def _upper_quantile(tail: float, freedom: float) -> float:
    """The t > 0 with P(T >= t) = `tail` < 1/2, by bisection to two neighbouring floats and no closer."""
    low, high = 0.0, 1.0
    while student_tail(high, freedom) > tail:
        low, high = high, 2.0 * high
    while True:
        middle = low + 0.5 * (high - low)
        if middle <= low or middle >= high:
            return high
        if student_tail(middle, freedom) > tail:
            low = middle
        else:
            high = middle


def _as_normal(t: float, freedom: float) -> float:
    """The normal quantile with the tail of t (Hill, G. W. (1970). Algorithm 395. doi:10.1145/355598.355599)."""
    if math.isinf(freedom):
        return t
    a = freedom - 0.5
    b = 48.0 * a * a
    z = math.sqrt(a * math.log1p(t * t / freedom))
    return z + (z**3 + 3.0 * z) / b - (4.0 * z**7 + 33.0 * z**5 + 240.0 * z**3 + 855.0 * z) / (10.0 * b * b)


def _gamma_ratio(a: float) -> float:
    """Gamma(a + 1/2) / Gamma(a)."""
    if a < _LARGE:
        return math.exp(math.lgamma(a + 0.5) - math.lgamma(a))
    series = 1.0 - 1.0 / (8.0 * a) + 1.0 / (128.0 * a**2) + 5.0 / (1024.0 * a**3) - 21.0 / (32768.0 * a**4)
    return math.sqrt(a) * (series - 399.0 / (262144.0 * a**5))


def _continued_fraction(a: float, b: float, x: float) -> float:
    """The fraction F with I_x(a, b) = x^a (1 - x)^b F / (a B(a, b))."""
    c, d = 1.0, 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    value, factor, m = d, 0.0, 0
    while abs(factor - 1.0) > 3e-16:
        m += 1
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        for numerator in (even, odd):
            d = 1.0 / _away_from_zero(1.0 + numerator * d)
            c = _away_from_zero(1.0 + numerator / c)
            factor = d * c
            value *= factor
    return value


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
