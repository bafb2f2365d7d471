"""Losses between the true class of a row and one prediction for each of k classes.

The true class is an index from 0 to k - 1, or, where a loss takes soft labels,
one column per class.  All logarithms are natural.  Probabilities are clipped
to [epsilon, 1 - epsilon], the upper bound as a real number; Keras rounds it to
float64, which shows from the eighth digit of the loss at a probability of 1.
"""

from __future__ import annotations

import math
from typing import Annotated, TypeAlias

import numpy as np

from losscli.arrays import (
    any_rows,
    class_columns,
    clip_negative_log,
    divide_by_sum,
    log_softmax_last,
    log_sum_exp_last,
    max_last,
    mean_last,
    pick_last,
    positive_rows,
    sigmoid,
    softplus,
    sum_last,
)
from losscli.catalogue.binary import (
    GOOD,
    KERAS_EPSILON,
    LIN,
    ONE_OR_SEVERAL,
    SKLEARN_EPSILON,
    Epsilon,
    FromLogits,
    Gamma,
    LabelSmoothing,
    several_columns,
    smoothed,
)
from losscli.declaration import Example, Require, declare
from losscli.domains import NON_NEGATIVE, REAL, UNIT, Domain, Given
from losscli.roles import (
    AnyTarget,
    BoolArray,
    ClassProbabilities,
    ClassProbabilityTarget,
    ClassScores,
    ClassTarget,
    FloatArray,
    IntArray,
    Score,
)

Normalize: TypeAlias = Annotated[bool, "Divide the probabilities of each row by their sum."]


def _counts_or_logits(from_logits: bool) -> Domain:
    return REAL if from_logits else NON_NEGATIVE


def _probabilities_or_logits(from_logits: bool, normalize: bool) -> Domain:
    return UNIT if not (from_logits or normalize) else _counts_or_logits(from_logits)


COUNTS_OR_LOGITS = Given(_counts_or_logits, "[0, inf); any real number with from_logits")
PROBABILITIES_OR_LOGITS = Given(
    _probabilities_or_logits, "[0, inf), [0, 1] without normalize; any real number with from_logits"
)


def _divisible(y_pred: FloatArray, from_logits: bool) -> BoolArray:
    return np.ones(y_pred.shape[0], dtype=bool) if from_logits else positive_rows(y_pred)


def _alpha_for_each_class(y_pred: FloatArray, alpha: float | tuple[float, ...]) -> BoolArray:
    return np.full(y_pred.shape[0], not isinstance(alpha, tuple) or len(alpha) == y_pred.shape[1])


SOME_CLASS = Require(
    _divisible, "y_pred", "has no class above 0", "a probability above 0 for some class", "--from-logits, for logits"
)
SEVERAL_CLASSES = Require(
    several_columns, "y_pred", "is a prediction for one class", "two classes or more", "--loss binary_crossentropy"
)


def _shares_clipped(label: FloatArray, shares: FloatArray, epsilon: float) -> BoolArray:
    return any_rows((label > 0.0) & (shares < epsilon))


def _crossentropy_clipped(
    y_true: FloatArray, y_pred: FloatArray, from_logits: bool, label_smoothing: float, epsilon: float, normalize: bool
) -> BoolArray:
    if from_logits:
        return np.zeros(y_pred.shape[0], dtype=bool)
    shares = divide_by_sum(y_pred, y_pred) if normalize else y_pred
    return _shares_clipped(smoothed(y_true, label_smoothing, y_pred.shape[1]), shares, epsilon)


def _sparse_clipped(
    row_loss: FloatArray, y_true: IntArray, y_pred: FloatArray, from_logits: bool, epsilon: float, normalize: bool
) -> BoolArray:
    clipped = np.zeros(y_pred.shape[0], dtype=bool)
    if not from_logits and epsilon > 0.0:
        # A clipped row has the loss of epsilon, to rounding, which most often clears all rows without a second look.
        suspects = np.flatnonzero(row_loss >= -math.log(epsilon) * (1.0 - 2.0**-40))
        clipped[suspects] = _share_of_class(y_true[suspects], y_pred[suspects], normalize) < epsilon
    return clipped


def _focal_clipped(y_true: FloatArray, y_pred: FloatArray, from_logits: bool, label_smoothing: float) -> BoolArray:
    shares = np.exp(log_softmax_last(y_pred)) if from_logits else divide_by_sum(y_pred, y_pred)
    return _shares_clipped(smoothed(y_true, label_smoothing, y_pred.shape[1]), shares, KERAS_EPSILON)


@declare(
    formula="""
        -sum(y * log(clip(y_pred / sum(y_pred), epsilon, 1 - epsilon)))
            where y = y_true * (1 - label_smoothing) + label_smoothing / k
        from_logits: -sum(y * log_softmax(y_pred))
    """,
    aliases=("cce",),
    known_as={
        "keras": "CategoricalCrossentropy, categorical_crossentropy",
        "r_keras": "loss_categorical_crossentropy",
        "torch": "CrossEntropyLoss, cross_entropy (from_logits=True)",
        "sklearn": "log_loss (normalize=False, epsilon=2.2e-16)",
        "optax": "softmax_cross_entropy (from_logits=True)",
    },
    same_as=(
        "keras.losses.categorical_crossentropy(y_true, y_pred, from_logits=from_logits, "
        "label_smoothing=label_smoothing)",
        "torch.nn.functional.cross_entropy(y_pred if from_logits else torch.log(y_pred), y_true, "
        "label_smoothing=label_smoothing, reduction='none')",
        "optax.losses.softmax_cross_entropy(y_pred if from_logits else np.log(y_pred), "
        "y_true * (1 - label_smoothing) + label_smoothing / y_true.shape[-1])",
    ),
    related=("sparse_categorical_crossentropy: the same for one class, without smoothing",),
    references=(
        GOOD,
        "Szegedy, C. et al. (2016). Rethinking the Inception Architecture for Computer Vision. CVPR. "
        "doi:10.1109/CVPR.2016.308",
    ),
    examples=(
        Example(y_true=[1.0, 0.0, 0.0], y_pred=[0.7, 0.2, 0.1], loss=0.3566749439387324, why="-log(0.7)"),
        Example(y_true=[1.0, 0.0, 0.0], y_pred=[2.0, 1.0, 1.0], loss=0.6931471805599453, why="-log(2 / 4)"),
        Example(
            y_true=[1.0, 0.0, 0.0],
            y_pred=[0.7, 0.2, 0.1],
            label_smoothing=0.1,
            loss=0.4632973811904218,
            why="-0.9 log(0.7) - 0.1 / 3 * log(0.7 * 0.2 * 0.1)",
        ),
    ),
    dialects={
        "keras": {},
        "torch": {"from_logits": True},
        "sklearn": {"normalize": False, "epsilon": SKLEARN_EPSILON},
    },
    clipped=_crossentropy_clipped,
    require=(SEVERAL_CLASSES, SOME_CLASS),
)
def categorical_crossentropy(
    y_true: ClassProbabilityTarget,
    y_pred: Annotated[ClassProbabilities, PROBABILITIES_OR_LOGITS],
    *,
    from_logits: FromLogits = False,
    label_smoothing: LabelSmoothing = 0.0,
    epsilon: Epsilon = KERAS_EPSILON,
    normalize: Normalize = True,
) -> FloatArray:
    """Negative log-likelihood of a class, one-hot or soft.

    A strictly proper score.  Rows of y_pred are divided by their sum, so counts
    may be given; rows of y_true are used as they are.  A probability of 0 for
    the true class costs -log(epsilon), 16.1 by default, and a certain right
    answer 1e-7 rather than 0.  Logits are never clipped.
    """
    if from_logits:
        costs = -log_softmax_last(y_pred)
    else:
        costs = clip_negative_log(-np.log(divide_by_sum(y_pred, y_pred) if normalize else y_pred), epsilon)
    return sum_last(smoothed(y_true, label_smoothing, y_pred.shape[1]) * costs)


def _ignored(y_true: IntArray, ignore_class: int | None) -> BoolArray:
    return np.zeros(y_true.shape, dtype=bool) if ignore_class is None else y_true == ignore_class


def _share_of_class(index: IntArray, y_pred: FloatArray, normalize: bool) -> FloatArray:
    picked = pick_last(y_pred, index)
    return divide_by_sum(picked, y_pred) if normalize else picked


@declare(
    formula="""
        -log(clip(y_pred[y_true] / sum(y_pred), epsilon, 1 - epsilon))
        from_logits: -log_softmax(y_pred)[y_true]
    """,
    aliases=("scce",),
    known_as={
        "keras": "SparseCategoricalCrossentropy, sparse_categorical_crossentropy",
        "r_keras": "loss_sparse_categorical_crossentropy",
        "torch": "CrossEntropyLoss, cross_entropy (from_logits=True, ignore_class=-100)",
        "sklearn": "log_loss (normalize=False, epsilon=2.2e-16)",
        "optax": "softmax_cross_entropy_with_integer_labels (from_logits=True)",
        "xgboost": "mlogloss (normalize=False, epsilon=1e-16, in float32)",
        "lightgbm": "multi_logloss (normalize=False, epsilon=1e-15)",
        "catboost": "MultiClass (from_logits=True)",
    },
    same_as=(
        "keras.losses.sparse_categorical_crossentropy(y_true, y_pred, from_logits=from_logits)",
        "torch.nn.functional.cross_entropy(y_pred if from_logits else torch.log(y_pred), y_true, reduction='none')",
        "optax.losses.softmax_cross_entropy_with_integer_labels(y_pred if from_logits else np.log(y_pred), y_true)",
    ),
    related=(
        "Keras on TensorFlow, from probabilities: clips before it normalises, 6.90875 for 6.90776 at epsilon 0.001",
        "torch cross_entropy: ignores the class -100 unless told otherwise",
        "nll: from log-probabilities",
    ),
    references=(GOOD,),
    examples=(
        Example(y_true=0, y_pred=[0.7, 0.2, 0.1], loss=0.3566749439387324, why="-log(0.7)"),
        Example(y_true=0, y_pred=[0.0, 1.0, 0.0], loss=16.11809565095832, why="-log(1e-7): clipped"),
        Example(y_true=1, y_pred=[1000.0, -1000.0, 0.0], from_logits=True, loss=2000.0, why="logits are not clipped"),
    ),
    dialects={
        "keras": {},
        "torch": {"from_logits": True, "ignore_class": -100},
        "sklearn": {"normalize": False, "epsilon": SKLEARN_EPSILON},
    },
    omit=_ignored,
    clipped=_sparse_clipped,
    require=(SEVERAL_CLASSES, SOME_CLASS),
)
def sparse_categorical_crossentropy(
    y_true: ClassTarget,
    y_pred: Annotated[ClassProbabilities, PROBABILITIES_OR_LOGITS],
    *,
    from_logits: FromLogits = False,
    ignore_class: Annotated[int | None, "Rows of this class do not count, such as -1 or 255."] = None,
    epsilon: Epsilon = KERAS_EPSILON,
    normalize: Normalize = True,
) -> FloatArray:
    """Negative log-likelihood of a class given by its index.

    The values of categorical_crossentropy.  A row of `ignore_class` has the
    loss 0, leaves every denominator, and its prediction is not looked at.
    """
    if from_logits:
        peak, excess = log_sum_exp_last(y_pred)
        return (peak - pick_last(y_pred, y_true)) + excess
    return clip_negative_log(-np.log(_share_of_class(y_true, y_pred, normalize)), epsilon)


@declare(
    formula="""
        sum(alpha * (1 - c)^gamma * -y * log(c))
            where y = y_true * (1 - label_smoothing) + label_smoothing / k
            and c = clip(y_pred / sum(y_pred), 1e-7, 1 - 1e-7)
        from_logits: c = clip(softmax(y_pred), 1e-7, 1 - 1e-7)
    """,
    known_as={
        "keras": "CategoricalFocalCrossentropy, categorical_focal_crossentropy",
        "r_keras": "loss_categorical_focal_crossentropy",
    },
    same_as=(
        "keras.losses.categorical_focal_crossentropy(y_true, y_pred, alpha=alpha, gamma=gamma, "
        "from_logits=from_logits, label_smoothing=label_smoothing)",
    ),
    related=(
        "kornia focal_loss: weighs the background by 1 - alpha, does not clip",
        "categorical_crossentropy: alpha = 1, gamma = 0, from probabilities",
    ),
    references=(LIN,),
    examples=(
        Example(
            y_true=[1.0, 0.0, 0.0], y_pred=[0.7, 0.2, 0.1], loss=0.00802518623862148, why="0.25 * 0.3^2 * -log(0.7)"
        ),
    ),
    dialects={"keras": {}},
    clipped=_focal_clipped,
    require=(
        SEVERAL_CLASSES,
        SOME_CLASS,
        Require(_alpha_for_each_class, "y_pred", "has not one class for each alpha", "one alpha, or one per class"),
    ),
)
def categorical_focal_crossentropy(
    y_true: ClassProbabilityTarget,
    y_pred: Annotated[ClassProbabilities, COUNTS_OR_LOGITS],
    *,
    alpha: Annotated[float | tuple[float, ...], "[0, inf)", "Weight of the classes; always active."] = 0.25,
    gamma: Gamma = 2.0,
    from_logits: FromLogits = False,
    label_smoothing: LabelSmoothing = 0.0,
) -> FloatArray:
    """Categorical cross-entropy that counts rows less the better they are.

    `alpha` is active even when nothing asks for it: at gamma = 0 the loss is a
    quarter of the cross-entropy.  Clipped at 1e-7, from logits as well.
    """
    if from_logits:
        logs = log_softmax_last(y_pred)
        missing: FloatArray = -np.expm1(logs)
    else:
        shares = divide_by_sum(y_pred, y_pred)
        logs, missing = np.log(shares), 1.0 - shares
    factor = np.asarray(alpha) * np.clip(missing, KERAS_EPSILON, 1.0 - KERAS_EPSILON) ** gamma
    label = smoothed(y_true, label_smoothing, y_pred.shape[1])
    return sum_last(factor * label * clip_negative_log(-logs, KERAS_EPSILON))


@declare(
    formula="(1 - y_pred[y_true]^q) / q",
    aliases=("gce",),
    known_as={"keras": "CategoricalGeneralizedCrossEntropy, categorical_generalized_cross_entropy"},
    same_as=("keras.losses.categorical_generalized_cross_entropy(y_true, y_pred, q)",),
    related=("sparse_categorical_crossentropy: the limit q = 0, not clipped", "1 - y_pred[y_true]: q = 1"),
    references=(
        "Zhang, Z. and Sabuncu, M. R. (2018). Generalized Cross Entropy Loss for Training Deep Neural Networks with "
        "Noisy Labels. NeurIPS 31. arXiv:1805.07836",
    ),
    examples=(
        Example(y_true=0, y_pred=[0.7, 0.2, 0.1], loss=0.32667994693184893, why="(1 - sqrt(0.7)) / 0.5"),
        Example(y_true=0, y_pred=[0.0, 1.0, 0.0], loss=2.0, why="1 / q"),
    ),
    dialects={"keras": {}},
)
def categorical_generalized_cross_entropy(
    y_true: ClassTarget,
    y_pred: ClassProbabilities,
    *,
    q: Annotated[float, "(0, 1]", "Robustness to wrong labels: near 0 cross-entropy, at 1 absolute error."] = 0.5,
) -> FloatArray:
    """Bounded compromise between cross-entropy and absolute error.

    For noisy labels: no row costs more than 1 / q.  Neither clipped nor
    normalised.  The authors recommend q = 0.7.
    """
    # expm1 keeps the digits that 1 - p^q loses as q approaches 0.
    return (0.0 - np.expm1(q * np.log(pick_last(y_pred, y_true)))) / q


@declare(
    formula="-y_pred[y_true]",
    aliases=("nll_loss",),
    known_as={"torch": "NLLLoss, nll_loss"},
    same_as=("torch.nn.functional.nll_loss(y_pred, y_true, reduction='none')",),
    related=(
        "torch nll_loss: skips the class -100, and its mean divides by class weights",
        "sparse_categorical_crossentropy: from probabilities or logits",
    ),
    references=(GOOD,),
    examples=(Example(y_true=1, y_pred=[-2.0, -0.5, -1.5], loss=0.5, why="the log-probability of class 1, negated"),),
    dialects={"torch": {}},
    range="[-1e-06, inf]",
)
def nll(y_true: ClassTarget, y_pred: Annotated[ClassScores, "[-inf, 1e-06]"]) -> FloatArray:
    """Negative log-likelihood of a class, from log-probabilities.

    Values above 0 are refused but for rounding: they are probabilities or
    logits.  Not normalised; a log-probability of -inf costs inf.
    """
    return 0.0 - pick_last(y_pred, y_true)


@declare(
    formula="""
        CE + poly_epsilon * sum(y_true * (1 - p))
            where p = softmax(y_pred), sigmoid for one score a row, and CE = -sum(y_true * log(p))
    """,
    known_as={"optax": "poly_loss_cross_entropy (epsilon=poly_epsilon, default 2)"},
    related=("sparse_categorical_crossentropy(from_logits=True): poly_epsilon = 0",),
    references=(
        "Leng, Z. et al. (2022). PolyLoss: A Polynomial Expansion Perspective of Classification Loss Functions. ICLR. "
        "arXiv:2204.12511",
    ),
    examples=(
        Example(y_true=0, y_pred=[2.0, 1.0, 0.0], loss=0.7423650086695585, why="-log p + 1 - p at p = 0.665"),
        Example(y_true=1, y_pred=1.0, loss=0.5822031088882179, why="-log p + 1 - p at p = 0.731"),
    ),
    require=(ONE_OR_SEVERAL,),
)
def poly1(
    y_true: Annotated[AnyTarget, "[0, 1]"],
    y_pred: Score,
    *,
    poly_epsilon: Annotated[float, "[-1, inf)", "Weight of the linear term, 1 - p."] = 1.0,
) -> FloatArray:
    """Cross-entropy from logits plus a multiple of 1 - p.

    The first term of the series of the cross-entropy gets another weight.  One
    logit a row is binary, k logits are k classes.  Never clipped.
    """
    if y_pred.ndim == 1:
        missed = softplus(-y_pred) + poly_epsilon * sigmoid(-y_pred)
        false_alarm = softplus(y_pred) + poly_epsilon * sigmoid(y_pred)
        return np.maximum(0.0, y_true * missed + (1.0 - y_true) * false_alarm)
    logs = log_softmax_last(y_pred)
    # At poly_epsilon = -1 nothing but rounding is left of a certain right answer, and that may be negative.
    costs = np.maximum(0.0, -logs - poly_epsilon * np.expm1(logs))
    return sum_last(class_columns(y_true, y_pred.shape[1]) * costs)


@declare(
    formula="max(0, 1 + max((1 - y_true) * y_pred) - sum(y_true * y_pred))",
    known_as={"keras": "CategoricalHinge, categorical_hinge", "r_keras": "loss_categorical_hinge"},
    same_as=("keras.losses.categorical_hinge(y_true, y_pred)",),
    related=(
        "Crammer and Singer, optax multiclass_hinge_loss, sklearn hinge_loss: the best rival may be negative; "
        "4 instead of 6 for [-5, -2, -3] and class 0",
        "multi_margin: sums over all rivals",
    ),
    references=(
        "Crammer, K. and Singer, Y. (2001). On the Algorithmic Implementation of Multiclass Kernel-based Vector "
        "Machines. J. Mach. Learn. Res. 2:265-292.",
    ),
    examples=(
        Example(y_true=[1.0, 0.0, 0.0], y_pred=[2.0, 1.5, 0.0], loss=0.5, why="1 + 1.5 - 2"),
        Example(y_true=[1.0, 0.0, 0.0], y_pred=[-5.0, -2.0, -3.0], loss=6.0, why="1 + 0 + 5: the best rival is 0"),
    ),
    dialects={"keras": {}},
)
def categorical_hinge(y_true: ClassProbabilityTarget, y_pred: ClassScores) -> FloatArray:
    """Shortfall of the true score's lead over the best rival below 1.

    As in Keras, the true class stands among the rivals with a score of 0, so
    that a lead over negative rivals alone is not enough.
    """
    rival = max_last((1.0 - y_true) * y_pred)
    return np.maximum(0.0, (rival - sum_last(y_true * y_pred)) + 1.0)


@declare(
    formula="sum(max(0, margin - y_pred[y_true] + y_pred[j])^p for j != y_true) / k",
    aliases=("multi_margin_loss",),
    known_as={"torch": "MultiMarginLoss, multi_margin_loss"},
    same_as=("torch.nn.functional.multi_margin_loss(y_pred, y_true, p=int(p), margin=margin, reduction='none')",),
    related=("categorical_hinge: the best rival only",),
    references=(
        "Weston, J. and Watkins, C. (1999). Support Vector Machines for Multi-Class Pattern Recognition. ESANN.",
    ),
    examples=(Example(y_true=0, y_pred=[0.1, 0.2, 0.7], loss=0.9, why="(1.1 + 1.6) / 3"),),
    dialects={"torch": {}},
)
def multi_margin(
    y_true: ClassTarget,
    y_pred: ClassScores,
    *,
    p: Annotated[int, "{1, 2}", "Exponent of each shortfall."] = 1,
    margin: Annotated[float, "[0, inf)", "Lead that the true score should have."] = 1.0,
) -> FloatArray:
    """Shortfalls of the true score's lead, summed over the rivals.

    Divided by the number of classes k, not by the k - 1 rivals.
    """
    rivals = y_pred.copy(order="K")
    rivals[np.arange(rivals.shape[0]), y_true] = -np.inf
    shortfall = np.maximum(0.0, (rivals - pick_last(y_pred, y_true)[:, None]) + margin)
    return mean_last(shortfall if p == 1 else shortfall * shortfall)


@declare(
    formula="1 if sum(y_pred > y_pred[y_true]) >= k else 0",
    known_as={
        "keras": "1 - metrics.SparseTopKCategoricalAccuracy",
        "sklearn": "1 - top_k_accuracy_score (k=2, without ties)",
        "lightgbm": "multi_error with multi_error_top_k (k=1, without ties)",
    },
    same_as=("1 - np.asarray(keras.metrics.sparse_top_k_categorical_accuracy(y_true, y_pred, k=k))",),
    related=(
        "sklearn top_k_accuracy_score: breaks ties by position",
        "lightgbm multi_error: counts ties against the model",
    ),
    references=(
        "Russakovsky, O. et al. (2015). ImageNet Large Scale Visual Recognition Challenge. Int. J. Comput. Vis. "
        "115:211-252. doi:10.1007/s11263-015-0816-y",
    ),
    examples=(Example(y_true=2, y_pred=[0.4, 0.35, 0.25], k=2, loss=1.0, why="two scores are larger"),),
    dialects={"keras": {}},
    range="[0, 1]",
)
def top_k_error(
    y_true: ClassTarget,
    y_pred: ClassScores,
    *,
    k: Annotated[int, "[1, inf)", "Number of guesses that are allowed."] = 5,
) -> FloatArray:
    """Whether the true class is missing from the k best scores.

    Ties favour the model; with no more than k classes nothing is ever wrong.
    """
    larger = sum_last(y_pred > pick_last(y_pred, y_true)[:, None])
    return (larger >= k).astype(np.float64)
