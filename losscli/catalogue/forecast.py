"""Proper scores of probabilistic forecasts: distributions, ensembles, intervals.

A forecast takes several inputs, all of the target's shape: ``(n,)`` is one
output per row, for ``(n, k)`` the row loss is the mean over the k outputs.
crps_ensemble alone takes ``(n,)`` targets and ``(n, m)`` members.
"""

from __future__ import annotations

import math
from typing import Annotated, TypeAlias

import numpy as np

from losscli.arrays import all_rows
from losscli.catalogue.special import erf, log1p_square
from losscli.declaration import Example, Require, declare
from losscli.domains import NON_NEGATIVE, POSITIVE, REAL
from losscli.roles import BoolArray, FloatArray, Role, Target

Mean: TypeAlias = Annotated[FloatArray, Role("mean", "the centre of the predicted distribution", "element", REAL)]
Variance: TypeAlias = Annotated[
    FloatArray, Role("variance", "the variance (not the standard deviation) of the prediction", "element", NON_NEGATIVE)
]
Scale: TypeAlias = Annotated[
    FloatArray, Role("scale", "the scale parameter of the predicted distribution", "element", POSITIVE)
]
Deviation: TypeAlias = Annotated[
    FloatArray, Role("standard deviation", "the standard deviation of the prediction", "element", POSITIVE)
]
Bound: TypeAlias = Annotated[FloatArray, Role("bound", "a bound of the predicted interval", "element", REAL)]
Observation: TypeAlias = Annotated[FloatArray, Role("observation", "the true value, one for each row", "row", REAL)]
Members: TypeAlias = Annotated[
    FloatArray, Role("ensemble members", "one column for each member of the forecast ensemble", "vector", REAL)
]

_HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)
_GNEITING_RAFTERY = (
    "Gneiting, T. and Raftery, A. E. (2007). Strictly proper scoring rules, prediction, and estimation. JASA "
    "102:359-378. doi:10.1198/016214506000001437"
)


def _standardised(y_true: FloatArray, centre: FloatArray, scale: FloatArray) -> FloatArray:
    """``(y_true - centre) / scale``, finite also where only the difference overflows."""
    residual = y_true - centre
    ratio: FloatArray = residual / scale
    overflowed = np.isinf(residual)
    if overflowed.any():
        ratio[overflowed] = (y_true / scale - centre / scale)[overflowed]
    return ratio


_JORDAN = (
    "Jordan, A., Krüger, F. and Lerch, S. (2019). Evaluating probabilistic forecasts with scoringRules. J. Stat. Soft. "
    "90(12):1-37. doi:10.18637/jss.v090.i12"
)


@declare(
    formula="(log(v) + (y_true - mean)^2 / v) / 2 (+ log(2 * pi) / 2 if full)        where v = max(variance, epsilon)",
    range="(-inf, inf)",
    aliases=("gaussian_nll_loss",),
    known_as={"torch": "GaussianNLLLoss, gaussian_nll_loss"},
    same_as=(
        "torch.nn.functional.gaussian_nll_loss(mean, y_true, variance, full=full, eps=epsilon, reduction='none')",
    ),
    related=(
        "crps_gaussian: takes the standard deviation, not the variance",
        "CatBoost RMSEWithUncertainty: takes the logarithm of the standard deviation",
    ),
    references=(
        "Nix, D. A. and Weigend, A. S. (1994). Estimating the mean and variance of the target probability "
        "distribution. ICNN 1:55-60. doi:10.1109/ICNN.1994.374138",
    ),
    examples=(
        Example(y_true=3.0, mean=1.0, variance=2.0, loss=1.3465735902799727, why="(log(2) + 4 / 2) / 2"),
        Example(y_true=3.0, mean=1.0, variance=2.0, full=True, loss=2.2655121234846454, why="+ log(2 * pi) / 2"),
    ),
    dialects={"torch": {}},
    across="mean",
)
def gaussian_nll(
    y_true: Target,
    mean: Mean,
    variance: Variance,
    *,
    full: Annotated[bool, "Add the constant log(2 * pi) / 2."] = False,
    epsilon: Annotated[float, "(0, inf)", "Variance that smaller variances are raised to."] = 1e-6,
) -> FloatArray:
    """Negative log-likelihood of a normal distribution.

    Takes the variance, not the standard deviation.  A variance below epsilon
    is silently scored as epsilon.  May be negative.
    """
    clamped = np.maximum(variance, epsilon)
    ratio = _standardised(y_true, mean, np.sqrt(clamped))
    loss = 0.5 * (np.log(clamped) + ratio * ratio)
    return loss + _HALF_LOG_2PI if full else loss


@declare(
    formula="log(2) + log(scale) + |y_true - mean| / scale",
    range="(-inf, inf)",
    same_as=(
        "torch.distributions.Laplace(mean, scale).log_prob(y_true).neg()",
        "-scipy.stats.laplace.logpdf(y_true, mean, scale)",
    ),
    related=("scipy.stats.laplace.logpdf: minus it, but -inf for residuals beyond 745 scales",),
    references=(
        "Laplace, P.-S. (1774). Mémoire sur la probabilité des causes par les évènements. Mémoires de "
        "l'Académie royale des sciences présentés par divers savans 6:621-656.",
    ),
    examples=(Example(y_true=3.0, mean=1.0, scale=2.0, loss=2.386294361119891, why="log(2) + log(2) + 2 / 2"),),
    across="mean",
)
def laplace_nll(y_true: Target, mean: Mean, scale: Scale) -> FloatArray:
    """Negative log-likelihood of a Laplace distribution.

    The absolute error with a predicted spread.  The scale is the mean absolute
    deviation; the standard deviation is sqrt(2) times it.  May be negative.
    """
    return math.log(2.0) + np.log(scale) + np.abs(_standardised(y_true, mean, scale))


@declare(
    formula="""
        lgamma(df/2) - lgamma((df+1)/2) + log(df * pi) / 2 + log(scale) + (df+1)/2 * log(1 + z^2 / df)
        where z = (y_true - mean) / scale
    """,
    range="(-inf, inf)",
    same_as=(
        "torch.distributions.StudentT(df, mean, scale).log_prob(y_true).neg()",
        "-scipy.stats.t.logpdf(y_true, df, mean, scale)",
    ),
    related=("gaussian_nll: with full=true, its limit for large df at variance scale^2",),
    references=(
        "Lange, K. L., Little, R. J. A. and Taylor, J. M. G. (1989). Robust statistical modeling using the t "
        "distribution. JASA 84:881-896. doi:10.1080/01621459.1989.10478852",
    ),
    examples=(Example(y_true=3.0, mean=1.0, scale=2.0, loss=2.231835311857196, why="z = 1, df = 4"),),
    across="mean",
)
def student_t_nll(
    y_true: Target,
    mean: Mean,
    scale: Scale,
    *,
    df: Annotated[float, "(0, inf)", "Degrees of freedom; small values have heavy tails."] = 4.0,
) -> FloatArray:
    """Negative log-likelihood of Student's t distribution.

    For residuals with outliers.  The scale is not the standard deviation: the
    variance is scale^2 * df / (df - 2), for df above 2.
    """
    residual = y_true - mean
    tail = log1p_square(residual, scale, df)
    overflowed = np.isinf(residual)
    if overflowed.any():
        ratio = _standardised(y_true, mean, scale)[overflowed]
        tail[overflowed] = log1p_square(ratio, 1.0, df)
    return _student_constant(df) + np.log(scale) + (0.5 * (df + 1.0)) * tail


def _student_constant(df: float) -> float:
    """``lgamma(df/2) - lgamma((df+1)/2) + log(df pi)/2``."""
    half = 0.5 * df
    if df < 200.0:
        return math.lgamma(half) - math.lgamma(half + 0.5) + 0.5 * math.log(df * math.pi)
    # The difference of two large lgammas cancels; Stirling's series does not, and is exact to 1e-16 here.
    inverse = 1.0 / half
    return _HALF_LOG_2PI + inverse / 8.0 - inverse**3 / 192.0 + inverse**5 / 640.0


@declare(
    formula="std * (z * erf(z / sqrt(2)) + 2 * phi(z) - 1 / sqrt(pi))        where z = (y_true - mean) / std",
    aliases=("crps_normal",),
    same_as=("scoringrules.crps_normal(y_true, mean, std)",),
    related=(
        "properscoring.crps_gaussian: the same",
        "mean_absolute_error: its limit for std 0",
        "gaussian_nll: takes the variance, not the standard deviation",
    ),
    references=(
        "Gneiting, T., Raftery, A. E., Westveld, A. H. and Goldman, T. (2005). Calibrated probabilistic forecasting "
        "using ensemble model output statistics and minimum CRPS estimation. Mon. Wea. Rev. 133:1098-1118. "
        "doi:10.1175/MWR2904.1",
    ),
    examples=(Example(y_true=3.0, mean=1.0, std=2.0, loss=1.2048827152552326, why="z = 1"),),
    across="mean",
)
def crps_gaussian(y_true: Target, mean: Mean, std: Deviation) -> FloatArray:
    """Continuous ranked probability score of a normal forecast.

    In units of the target; generalises the absolute error to distributions.
    Takes the standard deviation, not the variance.
    """
    error = np.abs(y_true - mean)
    # Beyond 40 the score is the line error - std / sqrt(pi) to the last bit, whatever std is.
    ratio = np.minimum(error / std, 40.0)
    density = np.exp(-0.5 * ratio * ratio) * math.sqrt(2.0 / math.pi)
    centre = std * (ratio * erf(ratio * math.sqrt(0.5)) + density - 1.0 / math.sqrt(math.pi))
    return np.where(ratio < 40.0, centre, error - std * (1.0 / math.sqrt(math.pi)))


@declare(
    formula="scale * (|z| + exp(-|z|) - 3/4)        where z = (y_true - mean) / scale",
    same_as=("scoringrules.crps_laplace(y_true, mean, scale)",),
    related=("laplace_nll: the logarithmic score of the same forecast", "crps_gaussian: of a normal forecast"),
    references=(_JORDAN, _GNEITING_RAFTERY),
    examples=(
        Example(y_true=3.0, mean=1.0, scale=2.0, loss=2.0 * (0.25 + math.exp(-1.0)), why="2 * (1 + exp(-1) - 3/4)"),
    ),
    across="mean",
)
def crps_laplace(y_true: Target, mean: Mean, scale: Scale) -> FloatArray:
    """Continuous ranked probability score of a Laplace forecast.

    In units of the target; generalises the absolute error to distributions.
    The scale is the mean absolute deviation.
    """
    error = np.abs(y_true - mean)
    return error + scale * (np.exp(-error / scale) - 0.75)


@declare(
    formula="scale * (|z| + 2 * log(1 + exp(-|z|)) - 1)        where z = (y_true - mean) / scale",
    same_as=("scoringrules.crps_logistic(y_true, mean, scale)",),
    related=("crps_gaussian: of a normal forecast, whose tails are lighter",),
    references=(_JORDAN, _GNEITING_RAFTERY),
    examples=(
        Example(
            y_true=3.0,
            mean=1.0,
            scale=2.0,
            loss=4.0 * math.log1p(math.exp(-1.0)),
            why="2 * (1 + 2 * log(1 + exp(-1)) - 1)",
        ),
    ),
    across="mean",
)
def crps_logistic(y_true: Target, mean: Mean, scale: Scale) -> FloatArray:
    """Continuous ranked probability score of a logistic forecast.

    In units of the target; generalises the absolute error to distributions.
    The standard deviation is pi / sqrt(3) times the scale.
    """
    error = np.abs(y_true - mean)
    return error + scale * (2.0 * np.log1p(np.exp(-error / scale)) - 1.0)


@declare(
    formula="mean_i |x_i - y_true| - sum_ij |x_i - x_j| / (2 * m^2)        where x_1 … x_m are the members",
    same_as=("scoringrules.crps_ensemble(y_true, members)",),
    related=(
        "properscoring.crps_ensemble: the same",
        "scoringrules.crps_ensemble(estimator='fair' or 'pwm'): divides by 2 * m * (m - 1), and may be negative",
    ),
    references=(
        "Matheson, J. E. and Winkler, R. L. (1976). Scoring rules for continuous probability distributions. "
        "Management Science 22:1087-1096. doi:10.1287/mnsc.22.10.1087",
        _GNEITING_RAFTERY,
    ),
    examples=(
        Example(y_true=2.0, members=[0.0, 1.0, 4.0], loss=7.0 / 9.0, why="5/3 - (2 * (1 + 4 + 3)) / 18"),
        Example(y_true=2.0, members=[5.0], loss=3.0, why="one member: the absolute error"),
    ),
)
def crps_ensemble(y_true: Observation, members: Members) -> FloatArray:
    """Continuous ranked probability score of an ensemble forecast.

    The score of the empirical distribution of the members, in units of the
    target; the order of the members does not matter.  With one member it is
    the absolute error.
    """
    count = members.shape[-1]
    ordered = np.sort(members, axis=-1)
    lowest, highest = ordered[:, 0], ordered[:, -1]
    # The integral of (F(x) - 1{x >= y})^2, gap by gap: no term cancels, however far from 0 the members are.
    total = np.maximum(lowest - y_true, 0.0) + np.maximum(y_true - highest, 0.0)
    for rank in range(1, count):
        left, right = ordered[:, rank - 1], ordered[:, rank]
        split = np.clip(y_true, left, right)
        total += (split - left) * (rank / count) ** 2 + (right - split) * (1.0 - rank / count) ** 2
    return total


def _is_interval(lower: FloatArray, upper: FloatArray) -> BoolArray:
    return all_rows(lower <= upper)


@declare(
    formula="(upper - lower) + 2 / alpha * (max(lower - y_true, 0) + max(y_true - upper, 0))",
    aliases=("winkler_score",),
    same_as=("scoringrules.interval_score(y_true, lower, upper, alpha)",),
    related=(
        "quantile: alpha/2 times the score is the pinball loss of both bounds, at alpha/2 and 1 - alpha/2",
        "weighted interval score: the mean over several alpha, weighted by alpha/2",
    ),
    references=(
        "Winkler, R. L. (1972). A decision-theoretic approach to interval estimation. JASA 67:187-191. "
        "doi:10.1080/01621459.1972.10481224",
        _GNEITING_RAFTERY,
    ),
    examples=(
        Example(y_true=3.0, lower=0.0, upper=2.0, loss=22.0, why="width 2, and 2 / 0.1 * 1 for the miss"),
        Example(y_true=1.0, lower=0.0, upper=2.0, loss=2.0, why="inside: the width"),
    ),
    require=(
        Require(
            _is_interval,
            "lower",
            "is above its upper bound",
            "lower <= upper in every row",
            "exchanging the columns of lower and upper",
        ),
    ),
    across="mean",
)
def interval_score(
    y_true: Target,
    lower: Bound,
    upper: Bound,
    *,
    alpha: Annotated[float, "(0, 1)", "Miss rate of the interval: 0.1 for a 90 % interval."] = 0.1,
) -> FloatArray:
    """Width of a predicted interval, plus a penalty where it misses.

    In units of the target.  alpha is the miss rate, not the coverage: 0.1, not
    0.9, for the interval between the 5 % and 95 % quantiles.
    """
    miss = np.maximum(lower - y_true, 0.0) + np.maximum(y_true - upper, 0.0)
    return (upper - lower) + (2.0 / alpha) * miss
