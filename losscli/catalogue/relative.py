"""Losses that measure the error relative to the size of the target.

Elementwise: ``(n,)`` is one output per row, for ``(n, k)`` the row loss is the
mean over the k outputs.  Percent or fraction is said for each.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np

from losscli.arrays import all_rows, norm_last
from losscli.declaration import Example, Require, declare
from losscli.domains import REAL, Given, Interval
from losscli.roles import BoolArray, FloatArray, Prediction, Target


def _has_size(y_true: FloatArray, epsilon: float) -> BoolArray:
    return np.ones(y_true.shape[0], dtype=bool) if epsilon > 0 else all_rows(y_true != 0)


_HYNDMAN = (
    "Hyndman, R. J. and Koehler, A. B. (2006). Another look at measures of forecast accuracy. Int. J. Forecasting "
    "22:679-688. doi:10.1016/j.ijforecast.2006.03.001"
)


@declare(
    formula="scale * |y_true - y_pred| / max(|y_true|, epsilon)",
    aliases=("mape",),
    known_as={
        "keras": "MeanAbsolutePercentageError, mean_absolute_percentage_error",
        "r_keras": "loss_mean_absolute_percentage_error",
        "sklearn": "mean_absolute_percentage_error (scale=1, epsilon=2.220446049250313e-16)",
        "xgboost": "mape (scale=1, epsilon=0)",
        "lightgbm": "mape (scale=1, epsilon=1)",
        "catboost": "MAPE (scale=1, epsilon=1)",
    },
    same_as=(
        "keras.losses.mean_absolute_percentage_error(y_true[:, None], y_pred[:, None])",
        "scale * np.abs(y_true - y_pred) / np.maximum(np.abs(y_true), epsilon)",
    ),
    related=(
        "torchmetrics MeanAbsolutePercentageError: a fraction, with epsilon 1.17e-6",
        "weighted_absolute_percentage_error: sum of errors over sum of targets, a fraction",
    ),
    references=(_HYNDMAN,),
    examples=(
        Example(y_true=3.0, y_pred=1.0, loss=200.0 / 3.0, why="100 * 2 / 3"),
        Example(y_true=0.0, y_pred=1.0, epsilon=1.0, scale=1.0, loss=1.0, why="the floor stands in for the target"),
    ),
    dialects={"keras": {}, "sklearn": {"scale": 1.0, "epsilon": 2.220446049250313e-16}},
    require=(
        Require(
            _has_size,
            "y_true",
            "is a zero target, of which nothing is a percentage",
            "targets other than 0, or epsilon > 0",
            "--epsilon 1e-7, or weighted_absolute_percentage_error",
        ),
    ),
    across="mean",
)
def mean_absolute_percentage_error(
    y_true: Target,
    y_pred: Prediction,
    *,
    epsilon: Annotated[float, "[0, inf)", "Smallest size of a target that an error is divided by."] = 1e-7,
    scale: Annotated[float, "(0, inf)", "Factor: 100 gives percent, 1 a fraction."] = 100.0,
) -> FloatArray:
    """Absolute error in percent of the target.

    Zero targets are divided by epsilon instead, so a single one can dominate
    the mean.  Percent or fraction and the size of epsilon are where frameworks
    disagree; both are parameters.  Negative targets count by their size.
    """
    size = np.maximum(np.abs(y_true), epsilon)
    ratio = np.abs(y_true - y_pred) / size
    overflowed = np.isinf(ratio)
    if overflowed.any():
        # Only the difference may have overflowed; dividing first would lose digits elsewhere.
        ratio[overflowed] = np.abs(y_true / size - y_pred / size)[overflowed]
    return scale * ratio


@declare(
    formula="200 * |y_true - y_pred| / (|y_true| + |y_pred|), 0 where both are 0",
    range="[0, 200]",
    aliases=("smape",),
    known_as={"catboost": "SMAPE"},
    same_as=("200 * np.abs(y_true - y_pred) / (np.abs(y_true) + np.abs(y_pred))",),
    related=(
        "torchmetrics SymmetricMeanAbsolutePercentageError: a fraction from 0 to 2, denominator at least 1.17e-6",
        "packages with a range of 0 to 100: half of it",
    ),
    references=(
        "Makridakis, S. (1993). Accuracy measures: theoretical and practical concerns. Int. J. Forecasting 9:527-529. "
        "doi:10.1016/0169-2070(93)90079-3",
    ),
    examples=(
        Example(y_true=3.0, y_pred=1.0, loss=100.0, why="200 * 2 / 4"),
        Example(y_true=0.0, y_pred=0.0, loss=0.0, why="an exact hit at 0"),
    ),
    across="mean",
)
def symmetric_mean_absolute_percentage_error(y_true: Target, y_pred: Prediction) -> FloatArray:
    """Absolute error in percent of the mean size of target and prediction.

    From 0 to 200; 200 whenever the signs differ or exactly one is 0.  In spite
    of its name a prediction that is too low costs more than one that is as
    much too high.
    """
    error = np.abs(y_true - y_pred)
    size = np.abs(y_true) + np.abs(y_pred)
    # 0 / 0 is an exact hit: the smallest positive number makes it 0 and changes no other size.
    ratio: FloatArray = error / np.maximum(size, np.nextafter(0.0, 1.0))
    overflowed = np.isinf(size)
    if overflowed.any():
        true, predicted = 0.25 * y_true[overflowed], 0.25 * y_pred[overflowed]
        ratio[overflowed] = np.abs(true - predicted) / (np.abs(true) + np.abs(predicted))
    return 200.0 * ratio


def _ratio(error: FloatArray, size: FloatArray) -> FloatArray:
    # Without a target other than 0 the ratio does not exist: x / 0 becomes NaN as 0 / 0 is.
    with np.errstate(all="ignore"):
        ratio: FloatArray = np.divide(error, np.where(np.asarray(size) > 0, size, np.nan))
    return ratio


@declare(
    formula="sum(w * |y_true - y_pred|) / sum(w * |y_true|)",
    aliases=("wape", "wmape"),
    same_as=(),
    related=(
        "torchmetrics WeightedMeanAbsolutePercentageError: the same, denominator at least 1.17e-6",
        "mean_absolute_percentage_error: the mean of the ratios, in percent",
    ),
    references=(
        "Kolassa, S. and Schütz, W. (2007). Advantages of the MAD/Mean ratio over the MAPE. Foresight 6:40-43.",
        _HYNDMAN,
    ),
    examples=(Example(y_true=4.0, y_pred=3.0, loss=0.25, why="1 / 4"),),
    finish=_ratio,
    across="mean",
)
def weighted_absolute_percentage_error(y_true: Target, y_pred: Prediction) -> tuple[FloatArray, FloatArray]:
    """Sum of absolute errors over the sum of absolute targets, a fraction.

    Weighted by the size of the target, not by sample weights (which it takes
    besides).  Single zero targets are fine; all of them are not.
    """
    return np.abs(y_true - y_pred), np.abs(y_true)


def _above_minus_one(floor: float | None) -> Interval:
    return Interval(-1.0) if floor is None else REAL


_LOGARITHMIC = Given(_above_minus_one, "(-1, inf); any real number with floor")
_Floor = Annotated[float | None, "(-1, inf)", "Value that smaller targets and predictions are raised to."]


@declare(
    formula="(log(1 + y_true) - log(1 + y_pred))^2",
    aliases=("msle", "mean_squared_log_error"),
    known_as={
        "keras": "MeanSquaredLogarithmicError, mean_squared_logarithmic_error (floor=1e-7)",
        "r_keras": "loss_mean_squared_logarithmic_error (floor=1e-7)",
        "sklearn": "mean_squared_log_error",
        "catboost": "MSLE",
    },
    same_as=("sklearn.metrics.mean_squared_log_error(y_true[None], y_pred[None], multioutput='raw_values')",),
    related=(
        "keras.losses.mean_squared_logarithmic_error: raises every value below 1e-7 to 1e-7; that is --dialect keras",
        "root_mean_squared_logarithmic_error: the root of its mean",
    ),
    references=(
        "Pedregosa, F. et al. (2011). Scikit-learn: machine learning in Python. JMLR 12:2825-2830 "
        "(mean_squared_log_error; no paper introduces the loss).",
    ),
    examples=(
        Example(y_true=3.0, y_pred=1.0, loss=0.48045301391820144, why="log(4 / 2)^2"),
        Example(y_true=-0.5, y_pred=0.0, floor=0.0, loss=0.0, why="raised to the floor, so no error"),
    ),
    dialects={"keras": {"floor": 1e-7}, "sklearn": {}},
    across="mean",
)
def mean_squared_logarithmic_error(
    y_true: Annotated[Target, _LOGARITHMIC],
    y_pred: Annotated[Prediction, _LOGARITHMIC],
    *,
    floor: _Floor = None,
) -> FloatArray:
    """Squared difference of log(1 + y): relative errors, tamed near zero.

    For counts and amounts over several orders of magnitude; a prediction that
    is too low costs more than one that is as much too high.  Values of -1 and
    below are refused, unless a floor raises them as Keras does silently.
    """
    error = _log_ratio(y_true, y_pred, floor)
    return error * error


def _log_ratio(y_true: FloatArray, y_pred: FloatArray, floor: float | None) -> FloatArray:
    """``|log((1 + y_true) / (1 + y_pred))|``, to full precision for nearly equal values."""
    if floor is not None:
        y_true, y_pred = np.maximum(y_true, floor), np.maximum(y_pred, floor)
    low, high = np.minimum(y_true, y_pred), np.maximum(y_true, y_pred)
    # Larger over smaller, so that log1p never sees the neighbourhood of -1, where it is ill-conditioned.
    excess = (high - low) / (1.0 + low)
    ratio: FloatArray = np.log1p(excess)
    overflowed = np.isinf(excess)
    if overflowed.any():
        ratio[overflowed] = np.log1p(high[overflowed]) - np.log1p(low[overflowed])
    return ratio


@declare(
    formula="sqrt(mean(w * (log(1 + y_true) - log(1 + y_pred))^2) / mean(w))",
    aliases=("rmsle",),
    known_as={"sklearn": "root_mean_squared_log_error (one output)", "xgboost": "rmsle"},
    same_as=(),
    related=("sklearn.metrics.root_mean_squared_log_error on (n, k): the mean of one root for each column",),
    references=(
        "Pedregosa, F. et al. (2011). Scikit-learn: machine learning in Python. JMLR 12:2825-2830 "
        "(root_mean_squared_log_error; no paper introduces the loss).",
    ),
    examples=(Example(y_true=3.0, y_pred=1.0, loss=0.6931471805599453, why="one row: log(4 / 2)"),),
    dialects={"sklearn": {}},
    power=2,
)
def root_mean_squared_logarithmic_error(
    y_true: Annotated[Target, _LOGARITHMIC],
    y_pred: Annotated[Prediction, _LOGARITHMIC],
    *,
    floor: _Floor = None,
) -> FloatArray:
    """Square root of the mean squared logarithmic error.

    About the relative error, for errors that are small.  A function of the
    mean: the rows shown beside it are absolute differences of log(1 + y), and
    the reduced value is their quadratic mean.
    """
    error = _log_ratio(y_true, y_pred, floor)
    if error.ndim == 1:
        return error
    return norm_last(error / np.sqrt(error.shape[-1]))
