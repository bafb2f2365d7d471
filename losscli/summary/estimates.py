"""From exact sums to mean, standard deviation, standard error and skewness.

All arithmetic is in fractions and every result is rounded once.  The power sums
carry the rounding of their rows, so a spread below that is no spread: it is 0.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from losscli.records import dataclass
from losscli.summary.exact import round_fraction, round_root
from losscli.summary.powers import PowerTotals

if TYPE_CHECKING:
    from losscli.summary.weighted import WeightedTotals

# Relative errors of the power sums, as their modules state them.
_SQUARES_ERROR = Fraction(1, 1 << 56)
_CUBES_ERROR = Fraction(1, 1 << 50)
_WEIGHTED_SQUARES_ERROR = Fraction(1, 1 << 98)
# A skewness is given when rounding can have changed it by at most this.
_SKEWNESS_TOLERANCE = Fraction(1, 100)


@dataclass(frozen=True)
class Estimates:
    """What the sums of a group say; None where it does not exist or leaves the range of float64."""

    mean: float | None
    sum: float | None
    mean_over_count: float | None
    root_mean_square: float | None
    std: float | None
    sem: float | None
    skewness: float | None


def unweighted_estimates(totals: PowerTotals, constant: bool) -> Estimates:
    """Estimates of a group of at least one value; `constant` says that all values are equal."""
    n, first, second = totals.rows, totals.sum, totals.squares
    spread = n * second - first * first
    if constant or spread <= _SQUARES_ERROR * n * second:
        spread = Fraction(0)
    skewness = None
    if n > 1 and spread:
        cube = n * n * totals.cubes - 3 * n * first * second + 2 * first**3
        noise = _CUBES_ERROR * n * n * totals.cubes_absolute + 3 * _SQUARES_ERROR * n * abs(first) * second
        skewness = skewness_of(cube, noise, spread)
    mean = _rounded(first / n)
    return Estimates(
        mean=mean,
        sum=_rounded(first),
        mean_over_count=mean,
        root_mean_square=_root(second / n),
        std=_root(spread / (n * (n - 1))) if n > 1 else None,
        sem=_root(spread / (n * n * (n - 1))) if n > 1 else None,
        skewness=skewness,
    )


def weighted_estimates(totals: WeightedTotals, count: int, support: int, constant: bool) -> Estimates:
    """Estimates of `count` rows, of which `support` have a weight above 0; at least one has."""
    t = totals
    mean = t.wx / t.w
    variance = t.wx2 / t.w - mean * mean
    influence = t.w2x2 - 2 * mean * t.w2x + mean * mean * t.w2
    if constant or variance <= _WEIGHTED_SQUARES_ERROR * t.wx2 / t.w:
        variance = influence = Fraction(0)
    if influence <= _WEIGHTED_SQUARES_ERROR * t.w2x2:
        influence = Fraction(0)
    skewness = None
    if support > 1 and influence:
        terms = (t.w3x3, -3 * mean * t.w3x2, 3 * mean**2 * t.w3x, -(mean**3) * t.w3)
        # Skewness of n values from n times their second and third central moments, on the scale of `spread`.
        noise = 2 * _CUBES_ERROR * sum((abs(term) for term in terms), Fraction(0))
        skewness = skewness_of(support**2 * sum(terms, Fraction(0)), support**2 * noise, support * influence)
    scale = Fraction(support, support - 1) if support > 1 else None
    return Estimates(
        mean=_rounded(mean),
        sum=_rounded(t.wx),
        mean_over_count=_rounded(t.wx / count),
        root_mean_square=_root(t.wx2 / t.w),
        std=None if scale is None else _root(variance * scale),
        sem=None if scale is None else _root(influence * scale / t.w**2),
        skewness=skewness,
    )


def skewness_of(cube: Fraction, noise: Fraction, spread: Fraction) -> float | None:
    """``cube / spread^1.5``, or None where cancellation has left less than two digits of it."""
    scale = spread**3
    if noise * noise > _SKEWNESS_TOLERANCE**2 * scale:
        return None
    size = round_root(cube * cube / scale)
    return -size if cube < 0 else size


def _rounded(value: Fraction) -> float | None:
    try:
        return round_fraction(value)
    except OverflowError:
        return None


def _root(value: Fraction) -> float | None:
    try:
        return round_root(value)
    except OverflowError:
        return None
