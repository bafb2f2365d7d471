"""Robust losses that grow more slowly than linearly, and Barron's family of them.

Elementwise in the residual ``r = y_true - y_pred``: ``(n,)`` is one output per
row, for ``(n, k)`` the row loss is the mean over the k outputs.  The pull of an
outlier fades as it moves away, because the derivative falls back towards 0.

Two normalisations are in use.  cauchy, welsch and geman_mcclure have Barron's,
in which the loss is ``(r / scale)^2 / 2`` for small residuals; M-estimator
tables (and tukey_biweight here) have ``r^2 / 2`` there.
"""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np

from losscli.catalogue.special import log1p_square
from losscli.declaration import Example, declare
from losscli.roles import FloatArray, Prediction, Target

_Scale = Annotated[float, "(0, inf)", "Error that counts as large, in target units."]
_BARRON = (
    "Barron, J. T. (2019). A general and adaptive robust loss function. CVPR 4331-4339. doi:10.1109/CVPR.2019.00446"
)


@declare(
    formula="log(1 + (r / scale)^2 / 2)        where r = y_true - y_pred",
    same_as=("np.log1p(((y_true - y_pred) / scale) ** 2 / 2)",),
    related=(
        "scipy least_squares cauchy and M-estimator tables: c^2/2 * log(1 + (r/c)^2), "
        "which is c^2/2 times it at scale c / sqrt(2)",
        "kornia cauchy_loss: it at scale 1",
        "barron: it is alpha 0",
    ),
    references=(
        "Black, M. J. and Anandan, P. (1996). The robust estimation of multiple motions. Computer Vision and Image "
        "Understanding 63:75-104. doi:10.1006/cviu.1996.0006",
        _BARRON,
    ),
    examples=(Example(y_true=3.0, y_pred=1.0, loss=1.0986122886681098, why="log(1 + 4 / 2)"),),
    across="mean",
)
def cauchy(y_true: Target, y_pred: Prediction, *, scale: _Scale = 1.0) -> FloatArray:
    """Logarithm of a quadratic: outliers cost, but ever less more.

    Up to constants the negative log-likelihood of a Cauchy distribution.
    Barron's normalisation, without units.
    """
    return log1p_square(y_true - y_pred, scale, 2.0)


@declare(
    formula="1 - exp(-(r / scale)^2 / 2)        where r = y_true - y_pred",
    range="[0, 1]",
    same_as=("-np.expm1(-(((y_true - y_pred) / scale) ** 2) / 2)",),
    related=(
        "M-estimator tables: c^2/2 * (1 - exp(-(r/c)^2)), which is c^2/2 times it at scale c / sqrt(2)",
        "kornia welsch_loss: it at scale 1",
        "barron: it is alpha -inf",
    ),
    references=(
        "Dennis, J. E. and Welsch, R. E. (1978). Techniques for nonlinear least squares and robust regression. "
        "Comm. Statist. Simul. B7:345-359. doi:10.1080/03610917808812083",
        _BARRON,
    ),
    examples=(Example(y_true=3.0, y_pred=1.0, loss=0.8646647167633873, why="1 - exp(-4 / 2)"),),
    across="mean",
)
def welsch(y_true: Target, y_pred: Prediction, *, scale: _Scale = 1.0) -> FloatArray:
    """One minus a Gaussian: an outlier costs 1, however far away.

    Barron's normalisation, without units, from 0 to 1.
    """
    return _welsch((y_true - y_pred) / scale)


def _welsch(ratio: FloatArray) -> FloatArray:
    # 0 - x, because the negative of expm1(-0) is -0.
    return 0.0 - np.expm1(-0.5 * ratio * ratio)


@declare(
    formula="2 * x^2 / (x^2 + 4)        where x = (y_true - y_pred) / scale",
    range="[0, 2]",
    same_as=("2 * ((y_true - y_pred) / scale) ** 2 / (((y_true - y_pred) / scale) ** 2 + 4)",),
    related=(
        "M-estimator tables: x^2/2 / (1 + x^2), from 0 to 1/2; 4 times that at x/2 is this loss",
        "kornia geman_mcclure_loss: it at scale 1",
        "barron: it is alpha -2",
    ),
    references=(
        "Geman, S. and McClure, D. E. (1987). Statistical methods for tomographic image reconstruction. "
        "Bull. Int. Statist. Inst. 52(4):5-21.",
        _BARRON,
    ),
    examples=(Example(y_true=3.0, y_pred=1.0, loss=1.0, why="2 * 4 / (4 + 4)"),),
    across="mean",
)
def geman_mcclure(y_true: Target, y_pred: Prediction, *, scale: _Scale = 1.0) -> FloatArray:
    """A rational function that levels off: an outlier costs at most 2.

    Barron's normalisation, without units, from 0 to 2.
    """
    # From 1e9 on the value is 2 to the last bit, and squares do not overflow below.
    ratio = np.minimum(np.abs(y_true - y_pred) / scale, 1e9)
    square = ratio * ratio
    return 2.0 * square / (square + 4.0)


@declare(
    formula="""
        scale^2 / 6 * (1 - (1 - (r / scale)^2)^3)   if |r| <= scale
        scale^2 / 6                                 if |r| >  scale        where r = y_true - y_pred
    """,
    same_as=("scale ** 2 / 6 * (1 - (1 - np.minimum(np.abs(y_true - y_pred) / scale, 1) ** 2) ** 3)",),
    related=("statsmodels RLM with TukeyBiweight: rescales residuals by their MAD first; its rho itself is this loss",),
    references=(
        "Beaton, A. E. and Tukey, J. W. (1974). The fitting of power series, meaning polynomials, illustrated on "
        "band-spectroscopic data. Technometrics 16:147-185. doi:10.1080/00401706.1974.10489171",
    ),
    examples=(
        Example(y_true=3.0, y_pred=1.0, loss=1.657663087498876, why="4.685^2 / 6 * (1 - (1 - (2 / 4.685)^2)^3)"),
        Example(y_true=5.0, y_pred=0.0, scale=3.0, loss=1.5, why="beyond the scale: 9 / 6"),
    ),
    across="mean",
)
def tukey_biweight(
    y_true: Target,
    y_pred: Prediction,
    *,
    scale: Annotated[float, "(0, inf)", "Error from which on every error costs the same, in target units."] = 4.685,
) -> FloatArray:
    """Half of the squared error near zero, constant beyond the scale.

    In squared units of the target.  4.685 gives 95 % efficiency for normal
    errors of unit variance; residuals are not rescaled here.
    """
    inner = np.minimum(np.abs(y_true - y_pred), scale)
    square = np.square(inner / scale)
    # The expanded cubic: 1 - (1 - q)^3 would cancel for small q.
    weight: FloatArray = (3.0 - 3.0 * square + square * square) / 6.0
    return inner * (inner * weight)


@declare(
    formula="""
        b / alpha * ((1 + x^2 / b)^(alpha / 2) - 1)   where x = (y_true - y_pred) / scale, b = |alpha - 2|
        x^2 / 2               if alpha = 2
        log(1 + x^2 / 2)      if alpha = 0
        1 - exp(-x^2 / 2)     if alpha = -inf
        exp(x^2 / 2) - 1      if alpha = inf
    """,
    same_as=("abs(alpha - 2) / alpha * ((((y_true - y_pred) / scale) ** 2 / abs(alpha - 2) + 1) ** (alpha / 2) - 1)",),
    related=(
        "mean_squared_error: twice it at alpha 2",
        "pseudo_huber: at alpha 1, scale^2 times it",
        "cauchy, geman_mcclure, welsch: alpha 0, -2 and -inf",
        "robust_loss_pytorch lossfun: the same, with floors of 1.2e-7 on |alpha| and |alpha - 2|",
    ),
    references=(_BARRON,),
    examples=(
        Example(y_true=3.0, y_pred=1.0, loss=1.2360679774997898, why="alpha 1: sqrt(1 + 4) - 1"),
        Example(y_true=3.0, y_pred=1.0, alpha=-2.0, loss=1.0, why="alpha -2: 2 * 4 / (4 + 4)"),
        Example(y_true=3.0, y_pred=1.0, alpha=2.0, loss=2.0, why="alpha 2: 4 / 2"),
    ),
    across="mean",
)
def barron(
    y_true: Target,
    y_pred: Prediction,
    *,
    alpha: Annotated[float, "[-inf, inf]", "Shape: 2 quadratic, 1 linear, 0 logarithmic, below 0 bounded."] = 1.0,
    scale: _Scale = 1.0,
) -> FloatArray:
    """General robust loss with a continuous shape, without units.

    From the squared error through pseudo-Huber, Cauchy and Geman-McClure to
    Welsch as alpha falls.  For alpha below 0 it stays below
    ``|alpha - 2| / |alpha|``.
    """
    residual = y_true - y_pred
    ratio = residual / scale
    square = ratio * ratio
    if alpha == 2.0:
        return 0.5 * square
    if abs(alpha) < _ALPHA_ZERO:
        return log1p_square(residual, scale, 2.0)
    if abs(alpha) > _ALPHA_INFINITE:
        return np.expm1(0.5 * square) if alpha > 0 else _welsch(ratio)
    divisor = abs(alpha - 2.0)
    factor = divisor / alpha
    exponent = (0.5 * alpha) * log1p_square(residual, scale, divisor)
    # Near alpha 2 the factor is tiny and brings back a power that has overflowed, unless it goes into the exponent.
    grown = factor * np.expm1(exponent) if factor < 0 else _scaled_expm1(factor, exponent)
    # All members of the family are the same parabola near 0, where square / divisor may underflow.
    return np.where(square < _PARABOLA_END, 0.5 * square, grown)


# Within these the limits are nearer than a float64 can tell, and the general formula would lose its range.
_ALPHA_ZERO = 1e-30
_ALPHA_INFINITE = 1e30
_PARABOLA_END = 1e-16


def _scaled_expm1(factor: float, exponent: FloatArray) -> FloatArray:
    """``factor * expm1(exponent)``, finite where the product is; from 40 on the 1 in expm1 is lost anyway."""
    return np.where(exponent > 40.0, np.exp(exponent + math.log(factor)), factor * np.expm1(exponent))
