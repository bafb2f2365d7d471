"""Losses on the overlap of two sets, soft or hard: the Dice family.

All five are one fraction, ``missed / (overlap + missed)``, of three sums over
the whole data set: true positives ``sum(t * p)``, false positives
``sum((1 - t) * p)`` and false negatives ``sum(t * (1 - p))``, with ``t`` the
true label and ``p`` the predicted probability.  Sample weights enter the sums,
so a weight of 2 is the row twice.  `axis` = -1 takes the sums within each row
of ``(n, k)`` instead and gives a loss per row.

The value of a data set is not the mean of the values of its batches, which is
what a training loop prints.  Where both sets are empty the loss is 1, as in
Keras; segmentation_models_pytorch and scikit-learn's ``zero_division`` say 0.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import numpy as np

from losscli.arrays import any_rows
from losscli.declaration import Example, Require, declare
from losscli.errors import UsageError
from losscli.roles import BinaryTarget, BoolArray, FloatArray, Probability

Epsilon: TypeAlias = Annotated[float, "[0, inf)", "Added to the denominator; decides the loss of empty sets."]
Axis: TypeAlias = Annotated[int | None, "{-1}", "-1: one loss per row of (n, k); none: one for the data set."]
FalsePositiveWeight: TypeAlias = Annotated[float, "[0, inf)", "Weight of false positives."]
FalseNegativeWeight: TypeAlias = Annotated[float, "[0, inf)", "Weight of false negatives."]

_WORKED_TARGET = [1.0, 0.0, 1.0, 0.0]
_WORKED_PREDICTION = [0.9, 0.2, 0.4, 0.6]
_WORKED_SUMS = "TP = 1.3, FP = 0.8, FN = 0.7"


def _overlap(y_true: FloatArray, y_pred: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """True positives, false positives and false negatives of every element."""
    # Each is summed on its own: FP as sum(p) - TP would lose the digits of a good prediction.
    return y_true * y_pred, (1.0 - y_true) * y_pred, y_true * (1.0 - y_pred)


def _missed_share(missed: Any, overlap: Any) -> Any:
    """``missed / (overlap + missed)``, a number or one per row; NaN for 0 / 0."""
    # 1 - overlap / (...) would leave no digits of a near-perfect loss; this form also survives a huge weight.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return 1.0 / (1.0 + np.divide(overlap, missed))


def _has_columns(y_true: FloatArray, axis: int | None) -> BoolArray:
    return np.full(y_true.shape[0], axis is None or y_true.ndim > 1)


def _has_overlap(y_true: FloatArray, y_pred: FloatArray, epsilon: float, axis: int | None) -> BoolArray:
    return _is_defined(y_true, y_pred, 1.0, 1.0, epsilon, axis)


def _has_weighted_overlap(
    y_true: FloatArray, y_pred: FloatArray, alpha: float, beta: float, epsilon: float, axis: int | None
) -> BoolArray:
    if alpha == 0 and beta == 0:
        raise UsageError("alpha=0 and beta=0 leave no error that counts", "alpha + beta > 0")
    return _is_defined(y_true, y_pred, alpha, beta, epsilon, axis)


def _is_defined(
    y_true: FloatArray, y_pred: FloatArray, alpha: float, beta: float, epsilon: float, axis: int | None
) -> BoolArray:
    """Whether the denominator of a row is positive; a whole data set is judged by its sums."""
    if axis is None or epsilon > 0:
        return np.ones(y_true.shape[0], dtype=bool)
    return any_rows(((beta > 0) & (y_true > 0)) | ((alpha > 0) & (y_pred > 0)))


_COLUMNS = Require(
    holds=_has_columns,
    column="y_true",
    problem="is a single number, so it has no loss of its own",
    expected="several columns, shape (n, k), for axis=-1",
    fix="axis=none, for one loss over all rows",
)
_EMPTY = {
    "column": "y_true",
    "problem": "leaves nothing to divide by: the row is empty and epsilon is 0",
    "expected": "a positive label or prediction in every row, or epsilon > 0",
}
_OVERLAP = (_COLUMNS, Require(holds=_has_overlap, **_EMPTY))
_WEIGHTED_OVERLAP = (_COLUMNS, Require(holds=_has_weighted_overlap, **_EMPTY))


def _dice(overlap: Any, false_positive: Any, false_negative: Any, epsilon: float) -> Any:
    return _missed_share(false_positive + false_negative + epsilon, 2.0 * overlap)


@declare(
    formula="""
        (FP + FN + epsilon) / (2 * TP + FP + FN + epsilon)
        = 1 - 2 * sum(t * p) / (sum(t) + sum(p) + epsilon)
    """,
    range="[0, 1]",
    known_as={"keras": "Dice, dice", "r_keras": "loss_dice"},
    same_as=("keras.losses.dice(y_true, y_pred, axis=axis)",),
    related=(
        "tversky(0.5, 0.5): in effect twice the epsilon",
        "sklearn f1_score: 1 minus it on labels 0 and 1, at epsilon=0",
        "keras Dice with sample_weight: the loss times the mean weight; here weights enter the sums",
        "optax.losses.dice_loss: smooth=1 in numerator and denominator, softmax, mean over classes",
        "segmentation_models_pytorch DiceLoss: denominator clamped instead of shifted; 0 for an empty target",
        "kornia dice_loss: softmax inside, mean over images",
        "V-Net: squares in the denominator",
    ),
    references=(
        "Milletari, F., Navab, N. and Ahmadi, S.-A. (2016). V-Net: Fully convolutional neural networks for volumetric "
        "medical image segmentation. 3DV 2016:565-571. doi:10.1109/3DV.2016.79",
        "Dice, L. R. (1945). Measures of the amount of ecologic association between species. Ecology 26:297-302. "
        "doi:10.2307/1932409",
    ),
    examples=(
        Example(
            y_true=_WORKED_TARGET,
            y_pred=_WORKED_PREDICTION,
            epsilon=0.0,
            loss=1.5 / 4.1,
            why=f"{_WORKED_SUMS}: 1.5 / 4.1",
        ),
        Example(y_true=[0.0, 0.0], y_pred=[0.0, 0.0], loss=1.0, why="both empty: epsilon / epsilon"),
    ),
    dialects={"keras": {}},
    finish=_dice,
    require=_OVERLAP,
)
def dice(
    y_true: BinaryTarget, y_pred: Probability, *, epsilon: Epsilon = 1e-7, axis: Axis = None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """One minus the Dice coefficient, the F1 score of soft labels.

    Blind to true negatives, so it suits targets that are mostly 0.  A perfect
    prediction leaves about epsilon / (2 TP), not 0.  Equal to fbeta at beta=1.
    """
    return _overlap(y_true, y_pred)


def _tversky(overlap: Any, false_positive: Any, false_negative: Any, alpha: float, beta: float, epsilon: float) -> Any:
    return _missed_share(alpha * false_positive + beta * false_negative + epsilon, overlap)


@declare(
    formula="(alpha * FP + beta * FN + epsilon) / (TP + alpha * FP + beta * FN + epsilon)",
    range="[0, 1]",
    known_as={
        "keras": "Tversky, tversky (after 3.15.1; until then alpha and beta are swapped)",
        "r_keras": "loss_tversky (with alpha and beta swapped on Keras up to 3.15.1)",
    },
    related=(
        "keras.losses.tversky up to 3.15.1: alpha and beta swapped, against its documentation",
        "dice: tversky(0.5, 0.5) with half the epsilon",
        "jaccard: tversky(1, 1)",
        "optax.losses.dice_loss(alpha, beta): smooth=1 in numerator and denominator",
        "segmentation_models_pytorch TverskyLoss: denominator clamped instead of shifted; 0 for an empty target",
        "kornia tversky_loss: softmax inside, mean over images",
    ),
    references=(
        "Salehi, S. S. M., Erdogmus, D. and Gholipour, A. (2017). Tversky loss function for image segmentation using "
        "3D fully convolutional deep networks. MLMI 2017:379-387. doi:10.1007/978-3-319-67389-9_44",
        "Tversky, A. (1977). Features of similarity. Psychological Review 84:327-352. doi:10.1037/0033-295X.84.4.327",
    ),
    examples=(
        Example(
            y_true=_WORKED_TARGET,
            y_pred=_WORKED_PREDICTION,
            alpha=0.3,
            beta=0.7,
            epsilon=0.0,
            loss=0.73 / 2.03,
            why=f"{_WORKED_SUMS}: 0.3 * 0.8 + 0.7 * 0.7 = 0.73 of 1.3 + 0.73",
        ),
    ),
    dialects={"keras": {}},
    finish=_tversky,
    require=_WEIGHTED_OVERLAP,
)
def tversky(
    y_true: BinaryTarget,
    y_pred: Probability,
    *,
    alpha: FalsePositiveWeight = 0.5,
    beta: FalseNegativeWeight = 0.5,
    epsilon: Epsilon = 1e-7,
    axis: Axis = None,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Dice with its own weights for false positives and negatives.

    alpha weighs false positives, beta false negatives, as in Salehi et al. and
    in the documentation of Keras; Keras up to 3.15.1 computes the opposite.
    beta above alpha favours recall.  alpha and beta must not both be 0.
    """
    return _overlap(y_true, y_pred)


def _focal_tversky(
    overlap: Any, false_positive: Any, false_negative: Any, alpha: float, beta: float, gamma: float, epsilon: float
) -> Any:
    return np.power(_tversky(overlap, false_positive, false_negative, alpha, beta, epsilon), 1.0 / gamma)


@declare(
    formula="tversky(alpha, beta, epsilon) ^ (1 / gamma)",
    range="[0, 1]",
    related=(
        "tversky: gamma=1",
        "segmentation_models_pytorch TverskyLoss(gamma): the exponent is gamma itself, so it is 1 / gamma here",
        "Abraham's code: alpha weighs false negatives and beta false positives, smooth=1",
    ),
    references=(
        "Abraham, N. and Khan, N. M. (2019). A novel focal Tversky loss function with improved attention U-Net for "
        "lesion segmentation. ISBI 2019:683-687. doi:10.1109/ISBI.2019.8759329",
    ),
    examples=(
        Example(
            y_true=_WORKED_TARGET,
            y_pred=_WORKED_PREDICTION,
            alpha=0.3,
            beta=0.7,
            epsilon=0.0,
            loss=(0.73 / 2.03) ** 0.75,
            why=f"{_WORKED_SUMS}: the tversky loss 0.73 / 2.03 to the power 3/4",
        ),
    ),
    finish=_focal_tversky,
    require=_WEIGHTED_OVERLAP,
)
def focal_tversky(
    y_true: BinaryTarget,
    y_pred: Probability,
    *,
    alpha: FalsePositiveWeight = 0.5,
    beta: FalseNegativeWeight = 0.5,
    gamma: Annotated[float, "(0, inf)", "The Tversky loss is raised to 1 / gamma."] = 4 / 3,
    epsilon: Epsilon = 1e-7,
    axis: Axis = None,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Tversky loss to the power 1 / gamma, steeper near a perfect overlap.

    gamma above 1 keeps a gradient for small structures that are nearly right.
    The exponent is 1 / gamma, as in the paper, whose alpha and beta are
    exchanged: its alpha=0.7, beta=0.3 are alpha=0.3, beta=0.7 here.  The power
    is taken last: of the loss of the data set, or of each row for axis=-1.
    """
    return _overlap(y_true, y_pred)


def _jaccard(overlap: Any, false_positive: Any, false_negative: Any, epsilon: float) -> Any:
    return _missed_share(false_positive + false_negative + epsilon, overlap)


@declare(
    formula="(FP + FN + epsilon) / (TP + FP + FN + epsilon)",
    range="[0, 1]",
    aliases=("soft_iou",),
    known_as={"keras": "Tversky, tversky (alpha=1, beta=1)"},
    same_as=("keras.losses.tversky(y_true, y_pred, alpha=1.0, beta=1.0, axis=axis)",),
    related=(
        "dice: jaccard is 2 d / (1 + d) of its value d, at epsilon=0 only",
        "sklearn jaccard_score: 1 minus it on labels 0 and 1, at epsilon=0",
        "segmentation_models_pytorch JaccardLoss: denominator clamped instead of shifted; 0 for an empty target",
        "keras-contrib jaccard_distance: smooth=100, and 100 times as large",
    ),
    references=(
        "Rahman, M. A. and Wang, Y. (2016). Optimizing intersection-over-union in deep neural networks for image "
        "segmentation. ISVC 2016:234-244. doi:10.1007/978-3-319-50835-1_22",
    ),
    examples=(
        Example(
            y_true=_WORKED_TARGET,
            y_pred=_WORKED_PREDICTION,
            epsilon=0.0,
            loss=1.5 / 2.8,
            why=f"{_WORKED_SUMS}: 1.5 / 2.8",
        ),
    ),
    finish=_jaccard,
    require=_OVERLAP,
)
def jaccard(
    y_true: BinaryTarget, y_pred: Probability, *, epsilon: Epsilon = 1e-7, axis: Axis = None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """One minus the intersection over union of soft labels.

    Orders models as dice does, and is the larger of the two.  Exactly tversky
    with alpha=1 and beta=1.
    """
    return _overlap(y_true, y_pred)


def _fbeta(overlap: Any, false_positive: Any, false_negative: Any, beta: float, epsilon: float) -> Any:
    # Numerator and denominator are divided by max(1, beta^2), so that no beta overflows.
    largest = max(1.0, beta)
    precision_weight, recall_weight = (1.0 / largest) ** 2, (beta / largest) ** 2
    missed = recall_weight * false_negative + precision_weight * (false_positive + epsilon)
    return _missed_share(missed, (precision_weight + recall_weight) * overlap)


@declare(
    formula="(b * FN + FP + epsilon) / ((1 + b) * TP + b * FN + FP + epsilon)        where b = beta^2",
    range="[0, 1]",
    known_as={"keras": "Dice, dice (beta=1)", "r_keras": "loss_dice (beta=1)"},
    related=(
        "dice: beta=1",
        "tversky: alpha = 1 / (1 + b), beta = b / (1 + b), epsilon / (1 + b)",
        "sklearn fbeta_score: 1 minus it on labels 0 and 1, at epsilon=0",
        "keras.metrics.FBetaScore, CatBoost F: scores of thresholded predictions",
        "a loss from precision and recall with 1e-7 in each: agrees to about 1e-7",
    ),
    references=(
        "van Rijsbergen, C. J. (1979). Information Retrieval, 2nd edition. Butterworths, London.",
        "Hashemi, S. R. et al. (2019). Asymmetric loss functions and deep densely-connected networks for "
        "highly-imbalanced medical image segmentation. IEEE Access 7:1721-1735. doi:10.1109/ACCESS.2018.2886371",
    ),
    examples=(
        Example(
            y_true=_WORKED_TARGET,
            y_pred=_WORKED_PREDICTION,
            beta=2.0,
            epsilon=0.0,
            loss=3.6 / 10.1,
            why=f"{_WORKED_SUMS}: 4 * 0.7 + 0.8 = 3.6 of 5 * 1.3 + 3.6",
        ),
    ),
    finish=_fbeta,
    require=_OVERLAP,
)
def fbeta(
    y_true: BinaryTarget,
    y_pred: Probability,
    *,
    beta: Annotated[float, "(0, inf)", "How many times as important recall is as precision."] = 1.0,
    epsilon: Epsilon = 1e-7,
    axis: Axis = None,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """One minus the F-beta score of soft labels.

    beta above 1 weighs recall, below 1 precision; it tends to 1 - precision for
    beta near 0 and to 1 - recall for a large beta.  beta=1 is exactly dice.
    Predictions are not thresholded: the F-beta of hard labels needs 0 and 1.
    """
    return _overlap(y_true, y_pred)
