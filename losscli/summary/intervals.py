"""Confidence intervals for a mean, from its standard error and skewness."""

from __future__ import annotations

import math
from typing import Literal

IntervalMethod = Literal["hall", "normal", "bootstrap", "none"]

# Samples of rows that the bootstrap draws where nobody says how many.
REPLICATES = 1000

# Below this, the cubic is the identity to the last digit and its inverse would divide by nothing.
_NO_SKEWNESS = 1e-100


def confidence_interval(
    mean: float,
    std_error: float,
    skewness: float | None,
    count: int,
    level: float,
    method: IntervalMethod,
    freedom: float = math.inf,
) -> tuple[float, float] | None:
    """Two-sided interval for a mean, or None with fewer than two rows.

    `hall` removes the skewness of the studentised mean by a cubic that is
    monotone and has an explicit inverse: Hall, P. (1992). On the Removal of
    Skewness by Transformation. J. R. Statist. Soc. B 54:221-228.
    doi:10.1111/j.2517-6161.1992.tb01876.x.  `skewness` is that of the rows'
    influence on the mean; without it (None or 0) `hall` is `normal`.
    `level` is the coverage in (0, 1), such as 0.95; `freedom` are the degrees
    of freedom of Student's t, infinite for the normal distribution.  The
    bootstrap has its interval from the rows (see `losscli.resampling`), not here.
    """
    if method in ("none", "bootstrap") or count < 2:
        return None
    if math.isinf(freedom):
        from statistics import NormalDist

        upper = NormalDist().inv_cdf(0.5 + level / 2.0)
    else:
        from losscli.summary.student import student_quantile

        upper = student_quantile(0.5 + level / 2.0, freedom)
    low, high = -upper, upper
    if method == "hall" and skewness is not None:
        low, high = (_inverse_cubic(quantile, skewness / math.sqrt(count)) for quantile in (low, high))
    return mean - std_error * high, mean - std_error * low


def is_heavy_tailed(skewness: float | None, count: int) -> bool:
    """Whether a mean of so many rows is still far from normal: fewer than 25 times the squared skewness.

    Cochran, W. G. (1977). Sampling Techniques, 3rd ed., section 2.15.
    """
    return skewness is not None and count < 25.0 * skewness * skewness


def _inverse_cubic(quantile: float, slope: float) -> float:
    """Solve ``t + slope (t^2 / 3 + 1/6) + slope^2 t^3 / 27 = quantile``, with slope = skewness / sqrt(n)."""
    if abs(slope) < _NO_SKEWNESS:
        return quantile
    change = slope * (quantile - slope / 6.0)
    if change > -1.0:
        return 3.0 / slope * math.expm1(math.log1p(change) / 3.0)
    return 3.0 / slope * (-math.cbrt(-1.0 - change) - 1.0)
