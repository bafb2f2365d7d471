"""Losses for counts and positive data, from the exponential family.

The prediction is the mean of the target's distribution, unless log_input says
that it is its logarithm.  Elementwise: ``(n,)`` is one output per row, for
``(n, k)`` the row loss is the mean over the k outputs.
"""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np

from losscli.declaration import Example, declare
from losscli.domains import NON_NEGATIVE, POSITIVE, REAL, Given, Interval
from losscli.roles import BoolArray, FloatArray, Prediction, Target

_MCCULLAGH = (
    "McCullagh, P. and Nelder, J. A. (1989). Generalized Linear Models, 2nd ed. Chapman and Hall. "
    "doi:10.1007/978-1-4899-3242-6"
)
# Keras's epsilon, part of the definition.
_POISSON_EPSILON = 1e-7


@declare(
    formula="y_pred - y_true * log(y_pred + 1e-7)",
    range="(-inf, inf)",
    known_as={
        "keras": "Poisson, poisson",
        "r_keras": "loss_poisson",
        "torch": "PoissonNLLLoss(log_input=False, eps=1e-7)",
    },
    same_as=(
        "keras.losses.poisson(y_true[:, None], y_pred[:, None])",
        "torch.nn.functional.poisson_nll_loss(y_pred, y_true, log_input=False, eps=1e-7, reduction='none')",
    ),
    related=(
        "poisson_nll: torch's form, whose prediction is the logarithm of the mean by default",
        "poisson_deviance: twice the excess over the best value; 0 for an exact hit",
        "LightGBM poisson: log(max(y_pred, 1e-10))",
        "XGBoost poisson-nloglik: adds log(y_true!)",
        "CatBoost Poisson, sklearn HalfPoissonLoss: take the logarithm of the mean",
    ),
    references=(_MCCULLAGH,),
    examples=(
        Example(y_true=3.0, y_pred=1.0, loss=0.999999700000015, why="1 - 3 * log(1 + 1e-7)"),
        Example(y_true=0.0, y_pred=2.0, loss=2.0, why="2 - 0 * log(2)"),
    ),
    dialects={"keras": {}},
    across="mean",
)
def poisson(y_true: Annotated[Target, "[0, inf)"], y_pred: Annotated[Prediction, "[0, inf)"]) -> FloatArray:
    """Poisson loss of a predicted mean, as Keras defines it.

    The negative log-likelihood without the part that depends on the target
    alone, so it may be negative and an exact hit is not 0.  The 1e-7 inside
    the logarithm is part of the definition: the best prediction is
    y_true - 1e-7.
    """
    return y_pred - y_true * np.log(y_pred + _POISSON_EPSILON)


def _rate_domain(log_input: bool) -> Interval:
    return REAL if log_input else NON_NEGATIVE


@declare(
    formula="""
        exp(y_pred) - y_true * y_pred                if log_input
        y_pred - y_true * log(y_pred + epsilon)      otherwise
        + y_true * log(y_true) - y_true + log(2 * pi * y_true) / 2   if full and y_true > 1
    """,
    range="(-inf, inf)",
    aliases=("poisson_nll_loss",),
    known_as={"torch": "PoissonNLLLoss, poisson_nll_loss", "catboost": "Poisson"},
    same_as=(
        "torch.nn.functional.poisson_nll_loss("
        "y_pred, y_true, log_input=log_input, full=full, eps=epsilon, reduction='none')",
    ),
    related=(
        "poisson: Keras's form, at log_input=false and epsilon 1e-7",
        "XGBoost poisson-nloglik: adds log(y_true!) exactly instead of Stirling's approximation",
    ),
    references=(
        _MCCULLAGH,
        "PyTorch documentation, torch.nn.PoissonNLLLoss, for Stirling's term and where it is dropped.",
    ),
    examples=(
        Example(y_true=3.0, y_pred=1.0, loss=-0.28171817154095474, why="exp(1) - 3 * 1"),
        Example(y_true=3.0, y_pred=1.0, full=True, loss=1.4823633720021019, why="with Stirling's term for 3"),
        Example(y_true=3.0, y_pred=2.0, log_input=False, loss=-0.07944155667983589, why="2 - 3 * log(2 + 1e-8)"),
    ),
    dialects={"torch": {}},
    across="mean",
)
def poisson_nll(
    y_true: Annotated[Target, "[0, inf)"],
    y_pred: Annotated[Prediction, Given(_rate_domain, "any real number; [0, inf) without log_input")],
    *,
    log_input: Annotated[bool, "Whether the prediction is the logarithm of the mean."] = True,
    full: Annotated[bool, "Add Stirling's approximation of log(y_true!) where y_true > 1."] = False,
    epsilon: Annotated[float, "(0, inf)", "Added to the mean inside the logarithm, without log_input."] = 1e-8,
) -> FloatArray:
    """Poisson negative log-likelihood, as PyTorch defines it.

    By default the prediction is the logarithm of the mean.  Stirling's term is
    an approximation and is dropped for targets up to 1 (for 2 it is 0.652,
    where log(2!) is 0.693), so even the full form is no exact log-likelihood.
    """
    if log_input:
        mean, log_mean, added = np.exp(y_pred), y_pred, 0.0
        # An infinite mean outweighs any target, though the product may overflow as well.
        loss = np.where(np.isinf(mean), np.inf, mean - y_true * log_mean)
    else:
        mean, added = y_pred + epsilon, epsilon
        log_mean = np.log(mean)
        loss = y_pred - y_true * log_mean
    if not full:
        return loss
    counted = np.maximum(y_true, 1.0)
    # y log(y) and y log(mean) cancel for large counts; the deviance is their difference without that.
    excess = np.where(
        mean > np.finfo(np.float64).tiny,
        _half_deviance(counted, mean, 1.0),
        mean + counted * (np.log(counted) - log_mean - 1.0),
    )
    return np.where(y_true > 1.0, excess - added + 0.5 * np.log(2.0 * math.pi * counted), loss)


@declare(
    formula="2 * (y_true * log(y_true / y_pred) - y_true + y_pred), 2 * y_pred for y_true = 0",
    aliases=("mean_poisson_deviance",),
    known_as={"sklearn": "mean_poisson_deviance"},
    same_as=("2 * scipy.special.kl_div(y_true, y_pred)",),
    related=(
        "tweedie_deviance: at power 1",
        "poisson, poisson_nll: half of it but for terms in the target alone",
    ),
    references=(_MCCULLAGH,),
    examples=(
        Example(y_true=3.0, y_pred=1.0, loss=2.5916737320086582, why="2 * (3 * log(3) - 3 + 1)"),
        Example(y_true=0.0, y_pred=2.0, loss=4.0, why="2 * 2"),
    ),
    dialects={"sklearn": {}},
    across="mean",
)
def poisson_deviance(y_true: Annotated[Target, "[0, inf)"], y_pred: Annotated[Prediction, "(0, inf)"]) -> FloatArray:
    """Deviance of a Poisson mean; 0 for an exact hit.

    Twice the log-likelihood that is lost against a perfect prediction.  For
    counts, whose variance grows with their mean.
    """
    return 2.0 * _half_deviance(y_true, y_pred, 1.0)


@declare(
    formula="2 * (y_true / y_pred - 1 - log(y_true / y_pred))",
    aliases=("mean_gamma_deviance",),
    known_as={"sklearn": "mean_gamma_deviance", "xgboost": "gamma-deviance"},
    same_as=("2 * (y_true / y_pred - 1 - np.log(y_true / y_pred))",),
    related=(
        "tweedie_deviance: at power 2",
        "LightGBM gamma_deviance: the sum over rows, not the mean",
        "LightGBM gamma, XGBoost gamma-nloglik: y_true / y_pred + log(y_pred)",
    ),
    references=(_MCCULLAGH,),
    examples=(Example(y_true=3.0, y_pred=1.0, loss=1.8027754226637807, why="2 * (3 - 1 - log(3))"),),
    dialects={"sklearn": {}},
    across="mean",
)
def gamma_deviance(y_true: Annotated[Target, "(0, inf)"], y_pred: Annotated[Prediction, "(0, inf)"]) -> FloatArray:
    """Deviance of a gamma mean; 0 for an exact hit.

    Depends on the ratio of target and prediction only, so it weighs relative
    errors: for positive amounts whose spread grows in proportion to their mean.
    """
    return 2.0 * _half_deviance(y_true, y_pred, 2.0)


@declare(
    formula="(y_true - y_pred)^2 / (y_true * y_pred^2)",
    same_as=("(y_true - y_pred) ** 2 / (y_true * y_pred ** 2)",),
    related=("tweedie_deviance: at power 3",),
    references=(_MCCULLAGH,),
    examples=(Example(y_true=3.0, y_pred=1.0, loss=4.0 / 3.0, why="(3 - 1)^2 / (3 * 1^2)"),),
    across="mean",
)
def inverse_gaussian_deviance(
    y_true: Annotated[Target, "(0, inf)"], y_pred: Annotated[Prediction, "(0, inf)"]
) -> FloatArray:
    """Deviance of an inverse Gaussian mean; 0 for an exact hit.

    For positive amounts with a very heavy tail: an error counts less, the
    larger the mean is, even when it is the same part of it.
    """
    relative = (y_true - y_pred) / y_pred
    return relative * (relative / y_true)


def _tweedie_target(power: float) -> Interval:
    if power < 1:
        return REAL
    return NON_NEGATIVE if power < 2 else POSITIVE


def _tweedie_mean(power: float) -> Interval:
    return REAL if power == 0 else POSITIVE


@declare(
    formula="""
        2 * (max(y, 0)^(2-p) / ((1-p) (2-p)) - y * m^(1-p) / (1-p) + m^(2-p) / (2-p))
        where y = y_true, m = y_pred, p = power; the limits poisson_deviance at p = 1, gamma_deviance at p = 2
    """,
    known_as={"sklearn": "mean_tweedie_deviance (default power=0)"},
    same_as=(
        "np.array([sklearn.metrics.mean_tweedie_deviance([a], [b], power=power) for a, b in zip(y_true, y_pred)])",
    ),
    related=(
        "mean_squared_error, poisson_deviance, gamma_deviance: power 0, 1 and 2",
        "LightGBM, XGBoost and CatBoost tweedie: half of it without the term in y_true alone, not 0 for an exact hit",
    ),
    references=(
        "Jørgensen, B. (1987). Exponential dispersion models. J. R. Statist. Soc. B 49:127-162. "
        "doi:10.1111/j.2517-6161.1987.tb01685.x",
        "Dunn, P. K. and Smyth, G. K. (2005). Series evaluation of Tweedie exponential dispersion model densities. "
        "Statistics and Computing 15:267-280. doi:10.1007/s11222-005-4070-y",
    ),
    examples=(
        Example(y_true=3.0, y_pred=1.0, loss=2.1435935394489816, why="2 * (-4 * sqrt(3) + 2 * 3 + 2)"),
        Example(y_true=3.0, y_pred=1.0, power=0.0, loss=4.0, why="power 0: (3 - 1)^2"),
    ),
    dialects={"sklearn": {"power": 0.0}},
    across="mean",
)
def tweedie_deviance(
    y_true: Annotated[Target, Given(_tweedie_target, "(0, inf); [0, inf) for power < 2; any number for power <= 0")],
    y_pred: Annotated[Prediction, Given(_tweedie_mean, "(0, inf); any number for power 0")],
    *,
    power: Annotated[float, "(-inf, 0] | [1, inf)", "Power of the mean that the variance is."] = 1.5,
) -> FloatArray:
    """Deviance of a Tweedie mean; 0 for an exact hit.

    Between 1 and 2 for amounts that are often exactly 0, such as insurance
    claims; 1 is Poisson, 2 gamma, 3 inverse Gaussian and 0 the squared error.
    """
    return 2.0 * _half_deviance(y_true, y_pred, power)


def _half_deviance(y_true: FloatArray, mean: FloatArray, power: float) -> FloatArray:
    """Half of the Tweedie unit deviance, y * G(1 - p) - G(2 - p) with G(a) = (y^a - mean^a) / a.

    Without the cancellation of the textbook form near y = mean and near p = 1
    or 2, and without overflow of y / mean.
    """
    if power == 0.0:
        return 0.5 * np.square(y_true - mean)
    positive = np.maximum(y_true, 0.0)
    relative = (y_true - mean) / mean
    ratio = positive / mean
    logarithm = np.where(np.abs(relative) < 0.5, np.log1p(relative), np.log(ratio))
    extreme = (positive > 0) & ~((ratio > 1e-300) & (ratio < np.inf))
    if extreme.any():
        logarithm[extreme] = np.log(positive[extreme]) - np.log(mean[extreme])
    first = _first_term(y_true, positive, mean, logarithm, 1.0 - power)
    deviance = first - _second_term(positive, mean, logarithm, 2.0 - power)
    close = np.abs(relative) < _SERIES_END / max(1.0, abs(power) / 3.0)
    if close.any():
        deviance[close] = _deviance_series(mean[close], relative[close], power)
    # Where the mean's power overflows, both terms may: the deviance does then too.
    return np.where(np.isnan(deviance), np.inf, deviance)


# The difference of the two terms keeps about 14 digits beyond it; 14 terms of the series keep 16 within.
# Coefficients grow with the power, so the series is used over a shorter range for large ones.
_SERIES_END = 0.05
_SERIES_TERMS = 14


def _first_term(
    y_true: FloatArray, positive: FloatArray, mean: FloatArray, logarithm: FloatArray, exponent: float
) -> FloatArray:
    """``y * (y^a - mean^a) / a`` for a = 1 - p; ``y * log(y / mean)`` for a = 0."""
    if exponent == 0.0:
        return np.where(positive > 0, y_true * logarithm, 0.0)
    # In two halves, because mean^a alone may overflow where the product does not.
    half = np.power(mean, 0.5 * exponent)
    weighted = (y_true * half) * half
    direct = (np.power(positive, exponent + 1.0) - weighted) / exponent
    return np.where(_is_small(exponent * logarithm), weighted * np.expm1(exponent * logarithm) / exponent, direct)


def _second_term(positive: FloatArray, mean: FloatArray, logarithm: FloatArray, exponent: float) -> FloatArray:
    """``(y^a - mean^a) / a`` for a = 2 - p; ``log(y / mean)`` for a = 0."""
    if exponent == 0.0:
        return logarithm
    scale = np.power(mean, exponent)
    if exponent == 1.0:
        return positive - mean
    direct = (np.power(positive, exponent) - scale) / exponent
    return np.where(_is_small(exponent * logarithm), scale * np.expm1(exponent * logarithm) / exponent, direct)


def _is_small(x: FloatArray) -> BoolArray:
    """Where powers are so near each other that their difference loses digits and expm1 does not."""
    small: BoolArray = np.abs(x) < 1.0
    return small


def _deviance_series(mean: FloatArray, relative: FloatArray, power: float) -> FloatArray:
    """``mean^(2-p) * s^2 * (c0 + c1 s + …)``, s = (y - mean) / mean; c0 = 1/2, c(j+1) = -c(j) (p+j) / (j+3)."""
    total = np.zeros_like(relative)
    coefficient = 0.5
    coefficients = [coefficient]
    for order in range(_SERIES_TERMS - 1):
        coefficient *= -(power + order) / (order + 3)
        coefficients.append(coefficient)
    for coefficient in reversed(coefficients):
        total = total * relative + coefficient
    # In two halves, and 0 for an exact hit, because the power alone may overflow.
    root = np.where(relative == 0, 0.0, np.power(mean, 1.0 - 0.5 * power) * relative)
    return root * root * total
