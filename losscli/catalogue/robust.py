"""Losses that grow about linearly for large residuals, so that outliers pull less.

Elementwise in the residual ``r = y_true - y_pred``: ``(n,)`` is one output per
row, for ``(n, k)`` the row loss is the mean over the k outputs.  All are 0 for
an exact hit, except charbonnier, and close to ``r^2 / 2`` for small residuals,
except smooth_l1 and charbonnier.
"""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np

from losscli.declaration import Example, declare
from losscli.roles import FloatArray, Prediction, Target

_Delta = Annotated[float, "(0, inf)", "Error where quadratic turns linear, in target units."]


@declare(
    formula="""
        0.5 * e^2               if e <= delta
        delta * (e - delta / 2) if e >  delta        where e = |y_true - y_pred|
    """,
    aliases=("huber_loss",),
    known_as={
        "keras": "Huber, huber",
        "r_keras": "loss_huber",
        "torch": "HuberLoss, huber_loss",
        "sklearn": "SGDRegressor(loss='huber') (epsilon = delta, default 0.1)",
        "optax": "huber_loss",
        "lightgbm": "huber (alpha = delta, default 0.9)",
        "catboost": "Huber:delta",
    },
    same_as=(
        "keras.losses.huber(y_true[:, None], y_pred[:, None], delta=delta)",
        "torch.nn.functional.huber_loss(y_pred, y_true, reduction='none', delta=delta)",
        "optax.losses.huber_loss(y_pred, y_true, delta=delta)",
        "scipy.special.huber(delta, y_true - y_pred)",
    ),
    related=(
        "smooth_l1: huber divided by delta; equal only at 1",
        "sklearn HuberRegressor: twice it",
    ),
    references=(
        "Huber, P. J. (1964). Robust estimation of a location parameter. Ann. Math. Statist. 35:73-101. "
        "doi:10.1214/aoms/1177703732",
    ),
    examples=(
        Example(y_true=0.0, y_pred=0.5, delta=1.0, loss=0.125, why="inside: 0.5 * 0.5^2"),
        Example(y_true=0.0, y_pred=3.0, delta=1.0, loss=2.5, why="outside: 1 * (3 - 0.5)"),
    ),
    dialects={"keras": {}, "torch": {}},
    across="mean",
)
def huber(y_true: Target, y_pred: Prediction, *, delta: _Delta = 1.0) -> FloatArray:
    """Quadratic for small errors, linear for large ones.

    A few wild rows move the mean of this loss far less than they move the mean
    squared error.  Carries the factor 1/2, so it is half of the squared error
    for errors within delta.
    """
    error = np.abs(y_true - y_pred)
    inner = np.minimum(error, delta)
    # (error - inner) + inner/2 keeps the branches in one expression and squares nothing large.
    return inner * (error - 0.5 * inner)


@declare(
    formula="""
        0.5 * e^2 / beta   if e < beta
        e - beta / 2       if e >= beta        where e = |y_true - y_pred|
    """,
    known_as={"torch": "SmoothL1Loss, smooth_l1_loss"},
    same_as=("torch.nn.functional.smooth_l1_loss(y_pred, y_true, reduction='none', beta=beta)",),
    related=(
        "huber: beta times it, with delta = beta; equal only at 1",
        "Detectron's sigma: beta = 1 / sigma^2",
    ),
    references=("Girshick, R. (2015). Fast R-CNN. ICCV 1440-1448. doi:10.1109/ICCV.2015.169",),
    examples=(
        Example(y_true=3.0, y_pred=1.0, loss=1.5, why="outside: 2 - 1/2"),
        Example(y_true=0.0, y_pred=0.5, beta=2.0, loss=0.0625, why="inside: 0.5 * 0.5^2 / 2"),
    ),
    dialects={"torch": {}},
    across="mean",
)
def smooth_l1(
    y_true: Target,
    y_pred: Prediction,
    *,
    beta: Annotated[float, "[0, inf)", "Error where quadratic turns linear, in target units; 0: never."] = 1.0,
) -> FloatArray:
    """Absolute error, rounded off near zero.

    Unlike huber its slope for large errors is 1 whatever beta is.  With beta 0
    it is the absolute error.
    """
    error = np.abs(y_true - y_pred)
    if beta == 0:
        return error
    inner = np.minimum(error, beta)
    return (inner / beta) * (error - 0.5 * inner)


@declare(
    formula="delta^2 * (sqrt(1 + (r / delta)^2) - 1)        where r = y_true - y_pred",
    known_as={"xgboost": "mphe, reg:pseudohubererror (huber_slope = delta)"},
    same_as=("scipy.special.pseudo_huber(delta, y_true - y_pred)",),
    related=(
        "barron: at alpha 1 and scale delta, times delta^2",
        "kornia charbonnier_loss: it at delta 1",
        "charbonnier: sqrt(r^2 + epsilon^2), not 0 for an exact hit",
    ),
    references=(
        "Charbonnier, P., Blanc-Feraud, L., Aubert, G. and Barlaud, M. (1994). Two deterministic half-quadratic "
        "regularization algorithms for computed imaging. ICIP 2:168-172. doi:10.1109/ICIP.1994.413553",
        "Hartley, R. and Zisserman, A. (2003). Multiple View Geometry in Computer Vision, 2nd ed., appendix A6.8. "
        "doi:10.1017/CBO9780511811685",
    ),
    examples=(Example(y_true=3.0, y_pred=1.0, loss=1.2360679774997898, why="sqrt(1 + 4) - 1"),),
    across="mean",
)
def pseudo_huber(y_true: Target, y_pred: Prediction, *, delta: _Delta = 1.0) -> FloatArray:
    """Smooth form of huber, with derivatives of every order.

    Half of the squared error for small errors, delta times the absolute error
    less delta squared for large ones.
    """
    error = np.abs(y_true - y_pred)
    small, large = np.minimum(error, delta), np.maximum(error, delta)
    slope = small / large
    # error * delta * error / (hypot(error, delta) + delta) with numerator and denominator divided by the
    # larger of the two: nothing is squared, and an infinite residual stays infinite.
    return small * (error / (np.sqrt(1.0 + slope * slope) + delta / large))


@declare(
    formula="log(cosh(y_true - y_pred))",
    range="[-2e-9, inf)",
    known_as={
        "keras": "LogCosh, log_cosh (float32_log2=true)",
        "r_keras": "loss_log_cosh, loss_logcosh (float32_log2=true)",
        "optax": "log_cosh",
        "catboost": "LogCosh (approximate)",
    },
    same_as=("optax.losses.log_cosh(y_pred, y_true)",),
    related=(
        "keras.losses.log_cosh: 1.9e-9 lower in every row, because its log 2 is a float32",
        "torchmetrics LogCoshError: overflows for residuals above 710",
    ),
    references=(
        "Green, P. J. (1990). Bayesian reconstructions from emission tomography data using a modified EM algorithm. "
        "IEEE Trans. Med. Imaging 9:84-93. doi:10.1109/42.52985",
    ),
    examples=(
        Example(y_true=3.0, y_pred=1.0, loss=1.3250027473578645, why="log(cosh(2))"),
        Example(y_true=0.0, y_pred=0.0, loss=0.0, why="an exact hit"),
    ),
    dialects={"keras": {"float32_log2": True}},
    across="mean",
)
def log_cosh(
    y_true: Target,
    y_pred: Prediction,
    *,
    float32_log2: Annotated[bool, "Round log 2 to float32 as Keras does, so that rows are 1.9e-9 lower."] = False,
) -> FloatArray:
    """Logarithm of the hyperbolic cosine of the error.

    Half of the squared error for small errors, the absolute error less log 2
    for large ones, and smooth between.  Exact for errors of any size, unless
    Keras's rounding of log 2 is asked for.
    """
    error = np.abs(y_true - y_pred)
    # Beyond 20 the function is the line error - log 2 to the last bit, and sinh must not overflow.
    inner = np.minimum(error, 20.0)
    half = np.sinh(0.5 * inner)
    result: FloatArray = np.log1p(2.0 * half * half) + (error - inner)
    return result - (float(np.float32(math.log(2.0))) - math.log(2.0)) if float32_log2 else result


@declare(
    formula="scale^2 * (u - log(1 + u))        where u = |y_true - y_pred| / scale",
    known_as={"lightgbm": "fair (fair_c = scale)", "catboost": "FairLoss:smoothness"},
    same_as=("scale ** 2 * (np.abs(y_true - y_pred) / scale - np.log1p(np.abs(y_true - y_pred) / scale))",),
    related=("M-estimator tables: 95 % efficiency for normal errors at scale 1.3998",),
    references=(
        "Fair, R. C. (1974). On the robust estimation of econometric models. Annals of Economic and Social "
        "Measurement 3:667-677.",
    ),
    examples=(Example(y_true=3.0, y_pred=1.0, loss=0.9013877113318903, why="2 - log(3)"),),
    across="mean",
)
def fair(
    y_true: Target,
    y_pred: Prediction,
    *,
    scale: Annotated[float, "(0, inf)", "Error where quadratic bends towards linear, in target units."] = 1.0,
) -> FloatArray:
    """Between quadratic and linear, turning more slowly than huber.

    Half of the squared error for small errors, scale times the absolute error
    for very large ones.
    """
    error = np.abs(y_true - y_pred)
    ratio = error / scale
    logarithm = np.log1p(ratio)
    overflowed = np.isinf(ratio)
    if overflowed.any():
        # Of an infinite residual any finite logarithm will do; infinity less infinity would not.
        logarithm[overflowed] = np.log(np.minimum(error[overflowed], np.finfo(np.float64).max)) - math.log(scale)
    result: FloatArray = scale * (error - scale * logarithm)
    close = ratio < _FAIR_SERIES_END
    if close.any():
        result[close] = np.square(error[close]) * _fair_series(ratio[close])
    return result


# u - log(1 + u) loses the digits of u^2 / 2 below it; the series up to u^13 is exact to 1e-17 there.
_FAIR_SERIES_END = 0.03


def _fair_series(ratio: FloatArray) -> FloatArray:
    """``(u - log(1 + u)) / u^2`` for small u: 1/2 - u/3 + u^2/4 and so on."""
    total = np.zeros_like(ratio)
    for order in range(13, 1, -1):
        total = 1.0 / order - ratio * total
    return total


@declare(
    formula="sqrt((y_true - y_pred)^2 + epsilon^2)",
    same_as=("np.hypot(y_true - y_pred, epsilon)",),
    related=(
        "kornia charbonnier_loss: sqrt(r^2 + 1) - 1, which is pseudo_huber",
        "EDVR and BasicSR: sqrt(r^2 + eps), so epsilon is the root of their eps",
    ),
    references=(
        "Charbonnier, P., Blanc-Feraud, L., Aubert, G. and Barlaud, M. (1994). Two deterministic half-quadratic "
        "regularization algorithms for computed imaging. ICIP 2:168-172. doi:10.1109/ICIP.1994.413553",
        "Lai, W.-S., Huang, J.-B., Ahuja, N. and Yang, M.-H. (2017). Deep Laplacian pyramid networks for fast and "
        "accurate super-resolution. CVPR 624-632. doi:10.1109/CVPR.2017.618",
    ),
    examples=(
        Example(y_true=3.0, y_pred=1.0, loss=2.0000002499999843, why="sqrt(4 + 1e-6)"),
        Example(y_true=1.0, y_pred=1.0, loss=0.001, why="an exact hit costs epsilon"),
    ),
    across="mean",
)
def charbonnier(
    y_true: Target,
    y_pred: Prediction,
    *,
    epsilon: Annotated[float, "[0, inf)", "Loss of an exact hit, in target units."] = 1e-3,
) -> FloatArray:
    """Absolute error, smoothed at zero by a small constant.

    Common in image restoration.  An exact hit costs epsilon, not 0; with
    epsilon 0 it is the absolute error.
    """
    return np.hypot(y_true - y_pred, epsilon)


@declare(
    formula="""
        e                           if e <= delta
        (e^2 + delta^2) / (2 delta) if e >  delta        where e = |y_true - y_pred|
    """,
    aliases=("reverse_huber",),
    same_as=(
        "np.where(np.abs(y_true - y_pred) <= delta, np.abs(y_true - y_pred), "
        "((y_true - y_pred) ** 2 + delta ** 2) / (2 * delta))",
    ),
    related=(
        "huber: the other way round, quadratic for small errors and linear for large ones",
        "Laina et al. (2016), doi:10.1109/3DV.2016.32: delta is a fifth of the largest error of the batch",
    ),
    references=(
        "Owen, A. B. (2007). A robust hybrid of lasso and ridge regression. Contemporary Mathematics 443:59-72. "
        "doi:10.1090/conm/443/08555",
    ),
    examples=(
        Example(y_true=0.0, y_pred=0.5, loss=0.5, why="inside: the absolute error"),
        Example(y_true=3.0, y_pred=1.0, loss=2.5, why="outside: (2^2 + 1^2) / 2"),
    ),
    across="mean",
)
def berhu(
    y_true: Target,
    y_pred: Prediction,
    *,
    delta: Annotated[float, "(0, inf)", "Error where linear turns quadratic, in target units."] = 1.0,
) -> FloatArray:
    """Linear for small errors, quadratic for large ones.

    Huber's loss the other way round, hence the name.  Small errors keep their
    weight, as in the absolute error, and large ones cost more than in it.
    """
    error = np.abs(y_true - y_pred)
    beyond = np.maximum(error - delta, 0.0)
    # e + (e - delta)^2 / (2 delta) squares nothing but the excess, and is exact at the joint.
    loss: FloatArray = error + 0.5 * beyond * (beyond / delta)
    return loss


@declare(
    formula="""
        width * log(1 + e / curvature)                 if e <  width
        e - width + width * log(1 + width / curvature) if e >= width        where e = |y_true - y_pred|
    """,
    aliases=("wing_loss",),
    same_as=(
        "np.where(np.abs(y_true - y_pred) < width, width * np.log1p(np.abs(y_true - y_pred) / curvature), "
        "np.abs(y_true - y_pred) - width + width * np.log1p(width / curvature))",
    ),
    related=("mean_absolute_error: its slope beyond width", "fair: weighs small errors less, not more"),
    references=(
        "Feng, Z.-H., Kittler, J., Awais, M., Huber, P. and Wu, X.-J. (2018). Wing loss for robust facial landmark "
        "localisation with convolutional neural networks. CVPR 2018:2235-2245. doi:10.1109/CVPR.2018.00238",
    ),
    examples=(
        Example(y_true=3.0, y_pred=1.0, loss=10.0 * math.log(2.0), why="10 * log(1 + 2 / 2)"),
        Example(y_true=20.0, y_pred=0.0, loss=10.0 + 10.0 * math.log(6.0), why="20 - 10 + 10 * log(1 + 10 / 2)"),
    ),
    across="mean",
)
def wing(
    y_true: Target,
    y_pred: Prediction,
    *,
    width: Annotated[float, "(0, inf)", "Error up to which the loss is logarithmic, in target units."] = 10.0,
    curvature: Annotated[float, "(0, inf)", "How early the logarithm bends; smaller is earlier."] = 2.0,
) -> FloatArray:
    """Logarithmic for small errors, linear for large ones.

    Small and medium errors count for more than in the absolute error, which
    suits predictions that are nearly right, such as landmark positions in
    pixels.  Not flat at zero.
    """
    error = np.abs(y_true - y_pred)
    inner = np.minimum(error, width)
    loss: FloatArray = width * np.log1p(inner / curvature) + (error - inner)
    return loss
