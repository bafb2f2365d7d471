"""Losses between a binary label and one score or probability.

Labels are 0/1, or -1/1 for the margin losses, which see s = 1 for the positive
class and s = -1 for the other, and their margin s * y_pred.  Elementwise:
``(n,)`` is one label per row, for ``(n, k)`` the row loss is the mean over the
k labels (zero_one: k classes).  All logarithms are natural.  Probabilities are clipped to
[epsilon, 1 - epsilon], the upper bound as a real number; Keras rounds it to
float64, which shows from the eighth digit of the loss at a probability of 1.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias

import numpy as np

from losscli.arrays import all_rows, any_rows, clip_negative_log, negative_log, sigmoid, softplus
from losscli.declaration import Example, Require, declare
from losscli.domains import REAL, UNIT, Domain, Given
from losscli.roles import AnyTarget, BinaryTarget, BoolArray, FloatArray, MarginTarget, Probability, Score


def _probability_or_logit(from_logits: bool) -> Domain:
    return REAL if from_logits else UNIT


PROBABILITY_OR_LOGIT = Given(_probability_or_logit, "[0, 1]; any real number with from_logits")

FromLogits: TypeAlias = Annotated[bool, "Predictions are logits, not probabilities."]
LabelSmoothing: TypeAlias = Annotated[float, "[0, 1]", "Share of the label that is spread evenly over the classes."]
Epsilon: TypeAlias = Annotated[float, "(0, 0.5)", "Probabilities are clipped to [epsilon, 1 - epsilon]; logits never."]
Gamma: TypeAlias = Annotated[float, "[0, inf)", "Focusing exponent; the larger, the less easy rows count."]
Threshold: TypeAlias = Annotated[float, "(-inf, inf)", "Scores above it are positive."]

KERAS_EPSILON = 1e-7
SKLEARN_EPSILON = 2.220446049250313e-16  # np.finfo(np.float64).eps, to which log_loss clips float64
TORCH_EPSILON = 3.720075976020836e-44  # exp(-100): torch clamps the logarithm at -100, not the probability

GOOD = "Good, I. J. (1952). Rational Decisions. J. R. Stat. Soc. B 14:107-114. doi:10.1111/j.2517-6161.1952.tb00104.x"
LIN = "Lin, T.-Y. et al. (2017). Focal Loss for Dense Object Detection. ICCV. doi:10.1109/ICCV.2017.324"


def smoothed(labels: FloatArray, smoothing: float, classes: int) -> FloatArray:
    """Labels mixed with the uniform distribution over `classes`."""
    return labels * (1.0 - smoothing) + smoothing / classes if smoothing else labels


def _one_encoding(y_true: FloatArray) -> BoolArray:
    """Rows without a -1 in a column that also holds a 0; ``(n,)``."""
    return all_rows((y_true >= 0.0) | ~(y_true == 0.0).any(axis=0))


ONE_ENCODING = Require(
    _one_encoding,
    "y_true",
    "stands in a column that also holds 0",
    "labels 0/1 or labels -1/1, the same in all rows of a column",
)


def several_columns(y_pred: FloatArray) -> BoolArray:
    """Rows that are one number or have two columns or more, so that softmax and argmax have a choice; ``(n,)``."""
    return np.full(y_pred.shape[0], y_pred.ndim == 1 or y_pred.shape[1] > 1)


ONE_OR_SEVERAL = Require(
    several_columns, "y_pred", "is a matrix of one column", "one score a row, shape (n,), or two classes or more"
)


def _hard_label_cost(absent: FloatArray, y_pred: FloatArray) -> FloatArray:
    """-log of the share given to what happened, for 1 - y_true of 0 and 1; the bits of negative_log.

    One logarithm instead of two, and in place, because the temporaries of a
    block of rows would not stay in the cache.
    """
    share = absent - y_pred
    np.abs(share, out=share)
    cost = absent - share
    np.abs(cost, out=cost)
    np.subtract(y_pred, cost, out=cost)
    cost -= np.log(share, out=share)
    return cost


def _clipped_at_epsilon(y_true: FloatArray, share: FloatArray, label_smoothing: float, epsilon: float) -> BoolArray:
    label = smoothed(y_true, label_smoothing, 2)
    return any_rows(((share < epsilon) & (label > 0.0)) | ((1.0 - share < epsilon) & (label < 1.0)))


def _crossentropy_clipped(
    y_true: FloatArray, y_pred: FloatArray, from_logits: bool, label_smoothing: float, epsilon: float
) -> BoolArray:
    if from_logits or (y_pred.min() >= epsilon and 1.0 - y_pred.max() >= epsilon):
        return np.zeros(y_pred.shape[0], dtype=bool)
    return _clipped_at_epsilon(y_true, y_pred, label_smoothing, epsilon)


def _focal_clipped(y_true: FloatArray, y_pred: FloatArray, from_logits: bool, label_smoothing: float) -> BoolArray:
    return _clipped_at_epsilon(y_true, sigmoid(y_pred) if from_logits else y_pred, label_smoothing, KERAS_EPSILON)


@declare(
    formula="""
        -(pos_weight * y * log(c) + (1 - y) * log(1 - c))
            where y = y_true * (1 - label_smoothing) + label_smoothing / 2, c = clip(y_pred, epsilon, 1 - epsilon)
        from_logits: pos_weight * y * softplus(-y_pred) + (1 - y) * softplus(y_pred)
    """,
    aliases=("bce",),
    known_as={
        "keras": "BinaryCrossentropy, binary_crossentropy",
        "r_keras": "loss_binary_crossentropy",
        "torch": "BCEWithLogitsLoss (from_logits=True), BCELoss (epsilon=3.7e-44)",
        "sklearn": "log_loss (epsilon=2.2e-16)",
        "optax": "sigmoid_binary_cross_entropy (from_logits=True)",
        "xgboost": "logloss (epsilon=1e-16, in float32)",
        "lightgbm": "binary_logloss (epsilon=1e-15)",
        "catboost": "Logloss, CrossEntropy (from_logits=True)",
    },
    same_as=(
        "keras.losses.binary_crossentropy(y_true[:, None], y_pred[:, None], label_smoothing=label_smoothing)",
        "torch.nn.functional.binary_cross_entropy(y_pred.clamp(epsilon, 1 - epsilon), y_true, reduction='none')",
    ),
    related=(
        "torch BCELoss: clamps the logarithm at -100, so a missed label costs 100 instead of 16.1",
        "sklearn log_loss: clips at 2.2e-16, so a missed label costs 36.0",
        "logistic: the same from logits, for labels -1/1 as well",
    ),
    references=(
        GOOD,
        "Cox, D. R. (1958). The Regression Analysis of Binary Sequences. J. R. Stat. Soc. B 20:215-242. "
        "doi:10.1111/j.2517-6161.1958.tb00292.x",
    ),
    examples=(
        Example(y_true=1.0, y_pred=0.8, loss=0.2231435513142097, why="-log(0.8)"),
        Example(y_true=1.0, y_pred=0.0, loss=16.11809565095832, why="-log(1e-7): clipped"),
        Example(
            y_true=1.0, y_pred=0.8, label_smoothing=0.1, loss=0.29245826937020425, why="-0.95 log(0.8) - 0.05 log(0.2)"
        ),
        Example(
            y_true=1.0, y_pred=-1.0, from_logits=True, pos_weight=3.0, loss=3.9397850625546686, why="3 log(1 + exp(1))"
        ),
    ),
    dialects={"keras": {}, "torch": {"epsilon": TORCH_EPSILON}, "sklearn": {"epsilon": SKLEARN_EPSILON}},
    across="mean",
    clipped=_crossentropy_clipped,
)
def binary_crossentropy(
    y_true: BinaryTarget,
    y_pred: Annotated[Probability, PROBABILITY_OR_LOGIT],
    *,
    from_logits: FromLogits = False,
    label_smoothing: LabelSmoothing = 0.0,
    epsilon: Epsilon = KERAS_EPSILON,
    pos_weight: Annotated[float, "(0, inf)", "Factor of the positive term, after smoothing."] = 1.0,
) -> FloatArray:
    """Negative log-likelihood of a binary label, or of its probability.

    A strictly proper score: honest probabilities minimise it.  A probability
    of 0 for what happened costs -log(epsilon), 16.1 by default, and a perfect
    one 1e-7 rather than 0.  Logits are never clipped.  `pos_weight` multiplies
    a term and does not enter the denominator of a mean, unlike class weights.
    """
    label = smoothed(y_true, label_smoothing, 2)
    absent = 1.0 - label
    if from_logits:
        tail = np.log1p(np.exp(-np.abs(y_pred)))
        missed: FloatArray = np.maximum(-y_pred, 0.0) + tail
        false_alarm: FloatArray = np.maximum(y_pred, 0.0) + tail
    elif not (label * absent).any():
        cost = clip_negative_log(_hard_label_cost(absent, y_pred), epsilon)
        return cost if pos_weight == 1.0 else (pos_weight * label + absent) * cost
    else:
        complement = 1.0 - y_pred
        missed = clip_negative_log(negative_log(y_pred, complement), epsilon)
        false_alarm = clip_negative_log(negative_log(complement, y_pred), epsilon)
    return pos_weight * label * missed + absent * false_alarm


@declare(
    formula="""
        b * (1 - p_t)^gamma * binary_crossentropy(y, p)    where p_t = y * p + (1 - y) * (1 - p)
        b = 1, with apply_class_balancing y * alpha + (1 - y) * (1 - alpha); from_logits: p = sigmoid(y_pred)
    """,
    known_as={
        "keras": "BinaryFocalCrossentropy, binary_focal_crossentropy",
        "r_keras": "loss_binary_focal_crossentropy",
        "optax": "sigmoid_focal_loss (from_logits=True; with alpha apply_class_balancing=True)",
        "catboost": "Focal (from_logits=True, apply_class_balancing=True)",
    },
    same_as=(
        "keras.losses.binary_focal_crossentropy(y_true[:, None], y_pred[:, None], "
        "apply_class_balancing=apply_class_balancing, alpha=alpha, gamma=gamma, label_smoothing=label_smoothing)",
    ),
    related=(
        "torchvision sigmoid_focal_loss: from logits, alpha = 0.25 always active, not clipped",
        "categorical_focal_crossentropy: its factor uses the clipped probability of every class",
    ),
    references=(LIN,),
    examples=(
        Example(y_true=1.0, y_pred=0.8, loss=0.008925742052568384, why="0.2^2 * -log(0.8)"),
        Example(
            y_true=1.0,
            y_pred=0.8,
            apply_class_balancing=True,
            loss=0.002231435513142096,
            why="0.25 * 0.2^2 * -log(0.8)",
        ),
    ),
    dialects={"keras": {}},
    range="[0, 16.12]",
    across="mean",
    clipped=_focal_clipped,
)
def binary_focal_crossentropy(
    y_true: BinaryTarget,
    y_pred: Annotated[Probability, PROBABILITY_OR_LOGIT],
    *,
    gamma: Gamma = 2.0,
    apply_class_balancing: Annotated[bool, "Multiply by alpha for positive rows and 1 - alpha for others."] = False,
    alpha: Annotated[float, "[0, 1]", "Weight of the positive class, with apply_class_balancing."] = 0.25,
    from_logits: FromLogits = False,
    label_smoothing: LabelSmoothing = 0.0,
) -> FloatArray:
    """Binary cross-entropy that counts well predicted rows less.

    For rare positives, where the many easy negatives would outweigh them.
    `gamma` = 0 is binary_crossentropy.  The cross-entropy is clipped at 1e-7,
    from logits as well, as Keras does; the factor is not.
    """
    label = smoothed(y_true, label_smoothing, 2)
    absent = 1.0 - label
    share, complement = (sigmoid(y_pred), sigmoid(-y_pred)) if from_logits else (y_pred, 1.0 - y_pred)
    missed = clip_negative_log(negative_log(share, complement), KERAS_EPSILON)
    false_alarm = clip_negative_log(negative_log(complement, share), KERAS_EPSILON)
    gap = label * complement + absent * share
    loss = gap**gamma * (label * missed + absent * false_alarm)
    return (label * alpha + absent * (1.0 - alpha)) * loss if apply_class_balancing else loss


def _sign(y_true: FloatArray) -> FloatArray:
    """1 for the positive class, -1 for the other, from either encoding."""
    return np.copysign(1.0, y_true - 0.5)


@declare(
    formula="max(0, 1 - s * y_pred)",
    aliases=("hinge_loss",),
    known_as={
        "keras": "Hinge, hinge",
        "r_keras": "loss_hinge",
        "sklearn": "hinge_loss, SGD hinge",
        "optax": "hinge_loss (labels -1/1)",
        "catboost": "HingeLoss (binary)",
    },
    same_as=(
        "keras.losses.hinge(y_true[:, None], y_pred[:, None])",
        "optax.losses.hinge_loss(y_pred, np.where(y_true > 0, 1.0, -1.0))",
    ),
    related=(
        "keras on a batch with labels -1 and 0: takes 0 for a label and gives 1 whatever the score",
        "optax hinge_loss on labels 0/1: gives 1 for every 0",
        "hinge_embedding: a loss of distances",
    ),
    references=(
        "Cortes, C. and Vapnik, V. (1995). Support-Vector Networks. Mach. Learn. 20:273-297. doi:10.1007/BF00994018",
    ),
    examples=(
        Example(y_true=1.0, y_pred=0.5, loss=0.5, why="right, but inside the margin: 1 - 0.5"),
        Example(y_true=0.0, y_pred=2.0, loss=3.0, why="wrong: 1 + 2"),
    ),
    dialects={"keras": {}, "sklearn": {}},
    across="mean",
    require=(ONE_ENCODING,),
)
def hinge(y_true: MarginTarget, y_pred: Score) -> FloatArray:
    """Shortfall of the margin below 1, the loss of support vector machines.

    Depends on the scale of the scores and gives no probabilities.  Labels are
    0/1 or -1/1, decided for the whole column; a mixture is refused.
    """
    return np.maximum(0.0, 1.0 - _sign(y_true) * y_pred)


@declare(
    formula="max(0, 1 - s * y_pred)^2",
    known_as={
        "keras": "SquaredHinge, squared_hinge",
        "r_keras": "loss_squared_hinge",
        "sklearn": "SGD squared_hinge, LinearSVC loss",
    },
    same_as=(
        "keras.losses.squared_hinge(y_true[:, None], y_pred[:, None])",
        "np.vectorize(sklearn.linear_model._sgd_fast.SquaredHinge().py_loss)(y_pred, np.where(y_true > 0, 1.0, -1.0))",
    ),
    related=("modified_huber: the same up to a margin of -1, linear below",),
    references=(
        "Chang, K.-W., Hsieh, C.-J. and Lin, C.-J. (2008). Coordinate Descent Method for Large-scale L2-loss Linear "
        "Support Vector Machines. J. Mach. Learn. Res. 9:1369-1398.",
    ),
    examples=(
        Example(y_true=1.0, y_pred=0.5, loss=0.25, why="(1 - 0.5)^2"),
        Example(y_true=0.0, y_pred=2.0, loss=9.0, why="(1 + 2)^2"),
    ),
    dialects={"keras": {}, "sklearn": {}},
    across="mean",
    require=(ONE_ENCODING,),
)
def squared_hinge(y_true: MarginTarget, y_pred: Score) -> FloatArray:
    """Squared shortfall of the margin below 1.

    Smooth where hinge has a corner; a few badly wrong rows dominate it.
    """
    shortfall = np.maximum(0.0, 1.0 - _sign(y_true) * y_pred)
    return shortfall * shortfall


@declare(
    formula="""
        max(0, 1 - z)^2 if z >= -1
        -4 * z          if z <  -1        where z = s * y_pred
    """,
    known_as={"sklearn": "SGD modified_huber"},
    same_as=(
        "np.vectorize(sklearn.linear_model._sgd_fast.ModifiedHuber().py_loss)(y_pred, np.where(y_true > 0, 1.0, -1.0))",
    ),
    related=("squared_hinge: quadratic for all wrong scores", "huber: a loss of residuals"),
    references=(
        "Zhang, T. (2004). Solving Large Scale Linear Prediction Problems Using Stochastic Gradient Descent "
        "Algorithms. ICML. doi:10.1145/1015330.1015332",
    ),
    examples=(
        Example(y_true=1.0, y_pred=0.5, loss=0.25, why="(1 - 0.5)^2"),
        Example(y_true=0.0, y_pred=2.0, loss=8.0, why="linear: -4 * -2"),
    ),
    dialects={"sklearn": {}},
    across="mean",
    require=(ONE_ENCODING,),
)
def modified_huber(y_true: MarginTarget, y_pred: Score) -> FloatArray:
    """Squared hinge that turns linear for badly wrong scores.

    Tolerates outliers and mislabelled rows better than squared_hinge.
    """
    shortfall = np.maximum(0.0, 1.0 - _sign(y_true) * y_pred)
    inner = np.minimum(shortfall, 2.0)
    # inner * (2 d - inner) is d^2 below 2 and 4 d - 4 = -4 z above, in one expression.
    return inner * (2.0 * shortfall - inner)


@declare(
    formula="log(1 + exp(-s * y_pred))",
    aliases=("soft_margin_loss", "binary_logistic_loss"),
    known_as={
        "torch": "SoftMarginLoss, soft_margin_loss (labels -1/1)",
        "sklearn": "SGD log_loss, HalfBinomialLoss",
        "optax": "sigmoid_binary_cross_entropy (labels 0/1)",
    },
    same_as=(
        "torch.nn.functional.soft_margin_loss(y_pred, torch.where(y_true > 0, 1.0, -1.0), reduction='none')",
        "optax.losses.sigmoid_binary_cross_entropy(y_pred, np.where(y_true > 0, 1.0, 0.0))",
        "sklearn._loss.loss.HalfBinomialLoss().loss(np.where(y_true > 0, 1.0, 0.0), y_pred)",
    ),
    related=("binary_crossentropy(from_logits=True): the same", "texts that divide by log 2: 1.443 times it"),
    references=(
        "Friedman, J., Hastie, T. and Tibshirani, R. (2000). Additive Logistic Regression. Ann. Statist. 28:337-407. "
        "doi:10.1214/aos/1016218223",
    ),
    examples=(
        Example(y_true=1.0, y_pred=0.5, loss=0.4740769841801067, why="log(1 + exp(-0.5))"),
        Example(y_true=0.0, y_pred=2.0, loss=2.1269280110429727, why="log(1 + exp(2))"),
    ),
    dialects={"torch": {}, "sklearn": {}},
    across="mean",
    require=(ONE_ENCODING,),
)
def logistic(y_true: MarginTarget, y_pred: Score) -> FloatArray:
    """Logistic loss of a margin, the log loss of a score.

    In natural units and without the factor 1/2 that the name of scikit-learn's
    HalfBinomialLoss suggests.
    """
    return softplus(-_sign(y_true) * y_pred)


@declare(
    formula="exp(-s * y_pred)",
    known_as={"sklearn": "GradientBoostingClassifier exponential, ExponentialLoss"},
    same_as=("sklearn._loss.loss.ExponentialLoss().loss(np.where(y_true > 0, 1.0, 0.0), y_pred)",),
    related=("AdaBoost weights: use half the margin",),
    references=(
        "Freund, Y. and Schapire, R. E. (1997). A Decision-Theoretic Generalization of On-Line Learning and an "
        "Application to Boosting. J. Comput. Syst. Sci. 55:119-139. doi:10.1006/jcss.1997.1504",
    ),
    examples=(Example(y_true=1.0, y_pred=0.5, loss=0.6065306597126334, why="exp(-0.5)"),),
    dialects={"sklearn": {}},
    range="[0, inf]",
    across="mean",
    require=(ONE_ENCODING,),
)
def exponential(y_true: MarginTarget, y_pred: Score) -> FloatArray:
    """Exponential loss of a margin, the loss that boosting minimises.

    A single badly wrong row can outweigh all others; beyond a margin of -709
    the loss exceeds float64 and is infinite.
    """
    return np.exp(-_sign(y_true) * y_pred)


@declare(
    formula="max(0, -s * y_pred)",
    aliases=("perceptron_loss",),
    known_as={"sklearn": "SGD perceptron", "optax": "perceptron_loss (labels -1/1)"},
    same_as=(
        "optax.losses.perceptron_loss(y_pred, np.where(y_true > 0, 1.0, -1.0))",
        "np.vectorize(sklearn.linear_model._sgd_fast.Hinge(0.0).py_loss)(y_pred, np.where(y_true > 0, 1.0, -1.0))",
    ),
    related=("hinge: asks for a margin of 1",),
    references=("Rosenblatt, F. (1958). The Perceptron. Psychol. Rev. 65:386-408. doi:10.1037/h0042519",),
    examples=(Example(y_true=0.0, y_pred=2.0, loss=2.0, why="wrong by 2"),),
    dialects={"sklearn": {}},
    across="mean",
    require=(ONE_ENCODING,),
)
def perceptron(y_true: MarginTarget, y_pred: Score) -> FloatArray:
    """Size of a wrong score; any right score costs nothing.

    A score of 0 costs nothing either way.
    """
    # 0 - z has no negative zero, of which maximum might return either.
    return np.maximum(0.0, 0.0 - _sign(y_true) * y_pred)


@declare(
    formula="1 / (1 + exp(s * y_pred))^2",
    related=(
        "brier of sigmoid(y_pred): the same",
        "savage on half the log-odds, 1 / (1 + exp(2 s v))^2: give it twice the score",
    ),
    references=(
        "Masnadi-Shirazi, H. and Vasconcelos, N. (2008). On the Design of Loss Functions for Classification: "
        "Theory, Robustness to Outliers, and SavageBoost. NIPS 21:1049-1056.",
    ),
    examples=(Example(y_true=1.0, y_pred=0.5, loss=0.14253695659655094, why="sigmoid(-0.5)^2"),),
    range="[0, 1]",
    across="mean",
    require=(ONE_ENCODING,),
)
def savage(y_true: MarginTarget, y_pred: Score) -> FloatArray:
    """Squared probability given to the wrong class, from log-odds.

    Bounded by 1, so that mislabelled rows cannot dominate.
    """
    missed = sigmoid(-_sign(y_true) * y_pred)
    return missed * missed


@declare(
    formula="""
        1 if argmax(y_pred) != y_true else 0
        one score a row: 1 if (y_pred > threshold) != (y_true = 1) else 0
    """,
    aliases=("zero_one_loss",),
    known_as={
        "keras": "1 - metrics.BinaryAccuracy, 1 - metrics.SparseCategoricalAccuracy",
        "sklearn": "zero_one_loss (of the predicted labels)",
        "xgboost": "error, merror",
        "lightgbm": "binary_error, multi_error",
        "catboost": "ZeroOneLoss",
    },
    same_as=("(np.where(y_true > 0, 1, 0) != (y_pred > threshold)).astype(float)",),
    related=("lightgbm multi_error: a tie for the first place is an error", "top_k_error: the k best scores"),
    references=(
        "Hastie, T., Tibshirani, R. and Friedman, J. (2009). The Elements of Statistical Learning, 2nd ed. Springer. "
        "doi:10.1007/978-0-387-84858-7",
    ),
    examples=(
        Example(y_true=1, y_pred=0.5, loss=1.0, why="0.5 is not above the threshold"),
        Example(y_true=1, y_pred=[0.2, 0.5, 0.3], loss=0.0, why="the largest score"),
        Example(y_true=1, y_pred=[0.4, 0.4, 0.2], loss=1.0, why="the first of equal scores wins"),
    ),
    dialects={"keras": {}, "sklearn": {}},
    range="[0, 1]",
    require=(ONE_ENCODING, ONE_OR_SEVERAL),
)
def zero_one(y_true: Annotated[AnyTarget, "{-1, 0, 1}"], y_pred: Score, *, threshold: Threshold = 0.5) -> FloatArray:
    """Whether the prediction is wrong; the mean is 1 - accuracy.

    One score a row is compared with `threshold`, 0.5 for probabilities; give 0
    for margins and logits.  Of k scores the largest is the prediction.
    """
    wrong: BoolArray
    if y_pred.ndim == 1:
        wrong = (y_pred > threshold) != (y_true > 0.0)
    else:
        true_class = y_true if y_true.ndim == 1 else y_true.argmax(axis=-1)
        wrong = y_pred.argmax(axis=-1) != true_class
    return wrong.astype(np.float64)
