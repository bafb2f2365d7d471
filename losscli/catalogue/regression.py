"""Losses between a real target and a real prediction, in units of the target.

Elementwise: ``(n,)`` is one output per row, for ``(n, k)`` the row loss is the
mean over the k outputs.  Residuals may be as large as float64 allows.
"""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np

from losscli.arrays import max_last, norm_last, sum_last
from losscli.declaration import Example, declare
from losscli.roles import FloatArray, Prediction, Target, Vector


@declare(
    formula="(y_true - y_pred)^2",
    aliases=("mse", "l2"),
    known_as={
        "keras": "MeanSquaredError, mean_squared_error",
        "r_keras": "loss_mean_squared_error",
        "torch": "MSELoss, mse_loss",
        "sklearn": "mean_squared_error",
        "optax": "squared_error",
        "lightgbm": "l2, mse",
    },
    same_as=(
        "keras.losses.mean_squared_error(y_true[:, None], y_pred[:, None])",
        "torch.nn.functional.mse_loss(y_pred, y_true, reduction='none')",
        "optax.losses.squared_error(y_pred, y_true)",
        "sklearn.metrics.mean_squared_error(y_true[None], y_pred[None], multioutput='raw_values')",
    ),
    related=(
        "optax.l2_loss, tf.nn.l2_loss, sklearn SGD squared_error: half of it",
        "root_mean_squared_error: the root of its mean",
    ),
    references=(
        "Legendre, A.-M. (1805). Nouvelles méthodes pour la détermination des orbites des comètes. Paris.",
        "Gauss, C. F. (1809). Theoria motus corporum coelestium. Hamburg.",
    ),
    examples=(Example(y_true=3.0, y_pred=1.0, loss=4.0, why="(3 - 1)^2"),),
    dialects={"keras": {}, "torch": {}, "sklearn": {}},
    across="mean",
)
def mean_squared_error(y_true: Target, y_pred: Prediction) -> FloatArray:
    """Squared error.

    In squared units of the target; a few wild rows dominate it.  Without the
    factor 1/2 that some optimisers put before it.
    """
    error = y_true - y_pred
    return error * error


@declare(
    formula="sqrt(mean(w * (y_true - y_pred)^2) / mean(w))",
    aliases=("rmse",),
    known_as={
        "keras": "metrics.RootMeanSquaredError",
        "sklearn": "root_mean_squared_error (one output)",
        "xgboost": "rmse",
        "lightgbm": "rmse, l2_root",
        "catboost": "RMSE",
    },
    same_as=(),
    related=("sklearn.metrics.root_mean_squared_error on (n, k): the mean of one root for each column",),
    references=(
        "Willmott, C. J. and Matsuura, K. (2005). Advantages of the mean absolute error (MAE) over the root mean "
        "square error (RMSE). Climate Research 30:79-82. doi:10.3354/cr030079",
    ),
    examples=(Example(y_true=3.0, y_pred=1.0, loss=2.0, why="one row: the absolute error"),),
    dialects={"keras": {}, "sklearn": {}},
    power=2,
)
def root_mean_squared_error(y_true: Target, y_pred: Prediction) -> FloatArray:
    """Square root of the mean squared error, in units of the target.

    A function of the mean: the rows shown beside it are absolute errors (for
    several outputs, the root of their mean square), and the reduced value is
    their quadratic mean.  The mean of the RMSE of batches is another number.
    """
    error = np.abs(y_true - y_pred)
    if error.ndim == 1:
        return error
    # Divided first: the root is at most the largest error, but the norm may overflow.
    return norm_last(error / np.sqrt(error.shape[-1]))


@declare(
    formula="|y_true - y_pred|",
    aliases=("mae", "l1"),
    known_as={
        "keras": "MeanAbsoluteError, mean_absolute_error",
        "r_keras": "loss_mean_absolute_error",
        "torch": "L1Loss, l1_loss",
        "sklearn": "mean_absolute_error",
        "xgboost": "mae",
        "lightgbm": "l1, mae",
        "catboost": "MAE",
    },
    same_as=(
        "keras.losses.mean_absolute_error(y_true[:, None], y_pred[:, None])",
        "torch.nn.functional.l1_loss(y_pred, y_true, reduction='none')",
        "sklearn.metrics.mean_absolute_error(y_true[None], y_pred[None], multioutput='raw_values')",
    ),
    related=(
        "quantile: at 0.5 half of it",
        "CatBoost MAE: subtracts 1e-6 from every residual",
    ),
    references=(
        "Boscovich, R. J. (1757). De litteraria expeditione per pontificiam ditionem. "
        "Bononiensi Scientiarum et Artum Instituto atque Academia Commentarii 4:353-396.",
        "Koenker, R. and Bassett, G. (1978). Regression quantiles. Econometrica 46:33-50. doi:10.2307/1913643",
    ),
    examples=(Example(y_true=3.0, y_pred=1.0, loss=2.0, why="|3 - 1|"),),
    dialects={"keras": {}, "torch": {}, "sklearn": {}},
    across="mean",
)
def mean_absolute_error(y_true: Target, y_pred: Prediction) -> FloatArray:
    """Absolute error, in units of the target.

    The constant prediction that minimises it is the median, so single wild
    rows move it little.  Twice the quantile loss at 0.5.
    """
    return np.abs(y_true - y_pred)


@declare(
    formula="max(q * r, (q - 1) * r)        where r = y_true - y_pred, q = quantile",
    aliases=("pinball", "pinball_loss", "mean_pinball_loss"),
    known_as={
        "sklearn": "mean_pinball_loss (alpha = quantile)",
        "xgboost": "quantile (quantile_alpha = quantile)",
        "lightgbm": "quantile (alpha = quantile, default 0.9)",
        "catboost": "Quantile:alpha",
    },
    same_as=(
        "sklearn.metrics.mean_pinball_loss(y_true[None], y_pred[None], alpha=quantile, multioutput='raw_values')",
        "scoringrules.quantile_score(y_true, y_pred, quantile)",
    ),
    related=(
        "mean_absolute_error: twice it at quantile 0.5",
        "CatBoost Quantile: subtracts 1e-6 from every residual",
        "weighted interval score: its literature uses twice this loss",
    ),
    references=(
        "Koenker, R. and Bassett, G. (1978). Regression quantiles. Econometrica 46:33-50. doi:10.2307/1913643",
    ),
    examples=(
        Example(y_true=3.0, y_pred=1.0, loss=1.0, why="0.5 * 2: half of the absolute error"),
        Example(y_true=3.0, y_pred=1.0, quantile=0.9, loss=1.8, why="too low: 0.9 * 2"),
        Example(y_true=1.0, y_pred=3.0, quantile=0.75, loss=0.5, why="too high: 0.25 * 2"),
    ),
    dialects={"sklearn": {}},
    across="mean",
)
def quantile(
    y_true: Target,
    y_pred: Prediction,
    *,
    quantile: Annotated[float, "(0, 1)", "Quantile that the prediction stands for."] = 0.5,
) -> FloatArray:
    """Pinball loss of a predicted quantile, in units of the target.

    At 0.9 a prediction that is too low costs nine times one that is too high.
    The constant prediction that minimises it is the empirical quantile.
    """
    residual = y_true - y_pred
    # Adding 0 turns the -0.0 that the maximum of 0.0 and -0.0 may be into 0.0.
    return np.maximum(quantile * residual, (quantile - 1.0) * residual) + 0.0


@declare(
    formula="""
        tau * r^2         if r > 0
        (1 - tau) * r^2   if r <= 0        where r = y_true - y_pred, tau = expectile
    """,
    known_as={"catboost": "Expectile:alpha"},
    same_as=("np.where(y_true > y_pred, expectile, 1 - expectile) * (y_true - y_pred) ** 2",),
    related=(
        "mean_squared_error: twice it at expectile 0.5",
        "texts on expectile regression: some multiply by 2",
    ),
    references=(
        "Newey, W. K. and Powell, J. L. (1987). Asymmetric least squares estimation and testing. "
        "Econometrica 55:819-847. doi:10.2307/1911031",
    ),
    examples=(
        Example(y_true=3.0, y_pred=1.0, loss=2.0, why="0.5 * 2^2: half of the squared error"),
        Example(y_true=3.0, y_pred=1.0, expectile=0.9, loss=3.6, why="too low: 0.9 * 2^2"),
    ),
    across="mean",
)
def expectile(
    y_true: Target,
    y_pred: Prediction,
    *,
    expectile: Annotated[float, "(0, 1)", "Weight of the squared error where the prediction is too low."] = 0.5,
) -> FloatArray:
    """Asymmetric squared error, in squared units of the target.

    What the quantile loss is to the absolute error, this is to the squared
    error: the constant prediction that minimises it is the expectile.
    """
    residual = y_true - y_pred
    low = np.maximum(residual, 0.0)
    high = np.minimum(residual, 0.0)
    return expectile * low * low + (1.0 - expectile) * high * high


_Tube = Annotated[float, "[0, inf)", "Largest error that costs nothing, in target units."]


@declare(
    formula="max(|y_true - y_pred| - epsilon, 0)",
    known_as={"sklearn": "SGDRegressor(loss='epsilon_insensitive')"},
    same_as=("np.maximum(np.abs(y_true - y_pred) - epsilon, 0)",),
    related=("sklearn LinearSVR: the same with epsilon 0 as its default",),
    references=(
        "Vapnik, V. N. (1995). The Nature of Statistical Learning Theory. Springer. doi:10.1007/978-1-4757-2440-0",
        "Smola, A. J. and Schölkopf, B. (2004). A tutorial on support vector regression. Statistics and Computing "
        "14:199-222. doi:10.1023/B:STCO.0000035301.49549.88",
    ),
    examples=(Example(y_true=3.0, y_pred=1.0, loss=1.9, why="2 - 0.1"),),
    dialects={"sklearn": {}},
    across="mean",
)
def epsilon_insensitive(y_true: Target, y_pred: Prediction, *, epsilon: _Tube = 0.1) -> FloatArray:
    """Absolute error beyond a tube in which errors cost nothing.

    The loss of support vector regression, in units of the target.  With
    epsilon 0 it is the absolute error.
    """
    return np.maximum(np.abs(y_true - y_pred) - epsilon, 0.0)


@declare(
    formula="max(|y_true - y_pred| - epsilon, 0)^2",
    known_as={"sklearn": "SGDRegressor(loss='squared_epsilon_insensitive')"},
    same_as=("np.maximum(np.abs(y_true - y_pred) - epsilon, 0) ** 2",),
    related=("mean_squared_error: the same at epsilon 0",),
    references=(
        "Vapnik, V. N. (1995). The Nature of Statistical Learning Theory. Springer. doi:10.1007/978-1-4757-2440-0",
        "Smola, A. J. and Schölkopf, B. (2004). A tutorial on support vector regression. Statistics and Computing "
        "14:199-222. doi:10.1023/B:STCO.0000035301.49549.88",
    ),
    examples=(Example(y_true=3.0, y_pred=1.0, loss=3.61, why="(2 - 0.1)^2"),),
    dialects={"sklearn": {}},
    across="mean",
)
def squared_epsilon_insensitive(y_true: Target, y_pred: Prediction, *, epsilon: _Tube = 0.1) -> FloatArray:
    """Squared error beyond a tube in which errors cost nothing.

    In squared units of the target, without the factor 1/2.  With epsilon 0 it
    is the squared error.
    """
    excess = np.maximum(np.abs(y_true - y_pred) - epsilon, 0.0)
    return excess * excess


@declare(
    formula="sign * sum(y_true * y_pred) / (max(|y_true|, floor) * max(|y_pred|, floor)), 0 for a zero vector",
    range="[-1, 1]",
    aliases=("cosine_proximity", "cosine"),
    known_as={
        "keras": "CosineSimilarity, cosine_similarity",
        "r_keras": "loss_cosine_similarity, loss_cosine_proximity",
        "torch": "CosineSimilarity, cosine_similarity (sign=1, floor=1e-8)",
        "optax": "cosine_similarity (sign=1; NaN for a zero vector)",
    },
    same_as=(
        "keras.losses.cosine_similarity(y_true, y_pred)",
        "sign * np.sum(y_true * y_pred, -1) / np.maximum(np.sqrt(np.sum(y_true ** 2, -1)), floor)"
        " / np.maximum(np.sqrt(np.sum(y_pred ** 2, -1)), floor)",
    ),
    related=(
        "optax.cosine_distance: 1 plus it",
        "keras.metrics.CosineSimilarity: the same with a plus sign",
        "cosine_proximity before Keras 2.0.9: divided by k",
    ),
    references=(
        "Salton, G., Wong, A. and Yang, C. S. (1975). A vector space model for automatic indexing. Comm. ACM "
        "18:613-620. doi:10.1145/361219.361220",
    ),
    examples=(
        Example(y_true=[1.0, 2.0], y_pred=[2.0, 1.0], loss=-0.8, why="-(2 + 2) / (sqrt(5) * sqrt(5))"),
        Example(y_true=[0.0, 0.0], y_pred=[2.0, 1.0], loss=0.0, why="a zero vector has no direction"),
        Example(y_true=[1.0, 2.0], y_pred=[2.0, 1.0], sign=1, loss=0.8, why="the plain cosine"),
    ),
    dialects={"keras": {"floor": 1e-7}, "torch": {"sign": 1, "floor": 1e-8}},
)
def cosine_similarity(
    y_true: Vector,
    y_pred: Vector,
    *,
    sign: Annotated[int, "{-1, 1}", "-1: less is better, as in Keras; 1: the plain cosine."] = -1,
    floor: Annotated[float, "[0, inf)", "Smallest length that a vector is divided by."] = 0.0,
) -> FloatArray:
    """Minus the cosine of the angle between two vectors.

    -1 for the same direction, 0 at right angles or for a zero vector, 1 for
    opposite directions; lengths do not matter.  Frameworks disagree about the
    sign, and about the floor that shrinks the value of very short vectors.
    """
    cosine = sum_last(_direction(y_true, floor) * _direction(y_pred, floor))
    # Rounding may leave [-1, 1] by an ulp; adding 0 turns -0.0 into 0.0.
    return sign * np.clip(cosine, -1.0, 1.0) + 0.0


def _direction(vectors: FloatArray, floor: float) -> FloatArray:
    """Vectors divided by their length, or by `floor` where they are shorter; zero stays zero."""
    peak = max_last(np.abs(vectors))
    peak[peak == 0.0] = 1.0
    scaled = vectors / peak[:, None]
    # At least 1 for every vector but zero, whose length must only not be 0.
    length = np.maximum(np.sqrt(sum_last(scaled * scaled)), 1.0)
    return scaled / np.maximum(length, floor / peak)[:, None]


# Terms of exp(x) - 1 - x = x^2 / 2 * (1 + x/3 * (1 + x/4 * (...))) that matter for |x| <= 1/2.
_LINEX_TERMS = 16


@declare(
    formula="exp(a * d) - a * d - 1        where d = y_pred - y_true, a = asymmetry",
    aliases=("linear_exponential",),
    same_as=("np.expm1(asymmetry * (y_pred - y_true)) - asymmetry * (y_pred - y_true)",),
    related=(
        "quantile: asymmetric too, and linear on both sides",
        "expectile: quadratic on both sides",
    ),
    references=(
        "Varian, H. R. (1975). A Bayesian approach to real estate assessment. In: Studies in Bayesian Econometrics "
        "and Statistics in Honor of L. J. Savage, 195-208. North-Holland.",
        "Zellner, A. (1986). Bayesian estimation and prediction using asymmetric loss functions. J. Am. Stat. Assoc. "
        "81:446-451. doi:10.1080/01621459.1986.10478289",
    ),
    examples=(
        Example(y_true=1.0, y_pred=3.0, loss=math.exp(2.0) - 3.0, why="too high: exp(2) - 2 - 1"),
        Example(y_true=3.0, y_pred=1.0, loss=math.exp(-2.0) + 1.0, why="too low: exp(-2) + 2 - 1"),
    ),
    across="mean",
)
def linex(
    y_true: Target,
    y_pred: Prediction,
    *,
    asymmetry: Annotated[
        float, "(-inf, 0) | (0, inf)", "Above 0 punishes too high predictions more, below 0 too low ones."
    ] = 1.0,
) -> FloatArray:
    """Exponential on one side of the target, about linear on the other.

    For decisions where erring on one side is far worse, such as the height of
    a dam.  About half of the squared error, times asymmetry squared, for small
    errors.
    """
    scaled = asymmetry * (y_pred - y_true)
    growth = np.expm1(scaled)
    # Where the exponential overflows, so does the loss, whatever is taken from it.
    loss: FloatArray = np.where(growth < np.inf, growth - scaled, growth)
    small = np.abs(scaled) <= 0.5
    if small.any():
        part = scaled[small]
        series = np.ones_like(part)
        for term in range(_LINEX_TERMS, 2, -1):
            series = 1.0 + part / term * series
        loss[small] = 0.5 * part * part * series
    return loss
