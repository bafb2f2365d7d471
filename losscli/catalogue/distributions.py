"""Losses between two distributions over k classes, the true one first.

The true distribution is one-hot, soft or, for the scoring rules, the index of
the class that happened.  Nothing is normalised or clipped unless the loss says
so.  All logarithms are natural.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np

from losscli.arrays import any_rows, class_columns, divide_by_sum, max_last, pick_last, positive_rows, sum_last
from losscli.catalogue.binary import KERAS_EPSILON, ONE_OR_SEVERAL
from losscli.declaration import Example, Require, declare
from losscli.roles import (
    AnyTarget,
    BoolArray,
    ClassProbabilities,
    ClassProbabilityTarget,
    ClassTarget,
    FloatArray,
    Probability,
)

# Room for the rounding of float32 probabilities; a mistake in the columns is much larger.
_SUM_TOLERANCE = 1e-6
_LABEL_FLOOR = 1e-4  # of symmetric_cross_entropy, from the authors' code

_GNEITING = (
    "Gneiting, T. and Raftery, A. E. (2007). Strictly Proper Scoring Rules, Prediction, and Estimation. "
    "J. Am. Stat. Assoc. 102:359-378. doi:10.1198/016214506000001437"
)


def _true_positive_rows(y_true: FloatArray) -> BoolArray:
    return positive_rows(y_true)


def _predicted_positive_rows(y_pred: FloatArray) -> BoolArray:
    return positive_rows(y_pred)


def _true_sums_to_one(y_true: FloatArray) -> BoolArray:
    return np.abs(sum_last(y_true) - 1.0) <= _SUM_TOLERANCE


def _predicted_sums_to_one(y_pred: FloatArray) -> BoolArray:
    return np.abs(sum_last(y_pred) - 1.0) <= _SUM_TOLERANCE


_SOME_CLASS = ("has no class above 0", "a value above 0 for some class")
_SUM_OF_ONE = ("does not sum to 1", f"probabilities that sum to 1 within {_SUM_TOLERANCE:g}", "divide by the sum")
TRUE_POSITIVE = Require(_true_positive_rows, "y_true", *_SOME_CLASS)
PREDICTED_POSITIVE = Require(_predicted_positive_rows, "y_pred", *_SOME_CLASS)
TRUE_SUM = Require(_true_sums_to_one, "y_true", *_SUM_OF_ONE)
PREDICTED_SUM = Require(_predicted_sums_to_one, "y_pred", *_SUM_OF_ONE)


def _kl_clipped(y_true: FloatArray, y_pred: FloatArray, epsilon: float) -> BoolArray:
    return any_rows((y_true > 0.0) & (y_pred < epsilon))


def _symmetric_clipped(y_true: FloatArray, y_pred: FloatArray) -> BoolArray:
    return _kl_clipped(y_true, y_pred, KERAS_EPSILON)


@declare(
    formula="sum(a * log(a / b))    where a = clip(y_true, epsilon, 1), b = clip(y_pred, epsilon, 1)",
    aliases=("kld", "kullback_leibler_divergence"),
    known_as={
        "keras": "KLDivergence, kl_divergence",
        "r_keras": "loss_kl_divergence, loss_kullback_leibler_divergence",
        "torch": "KLDivLoss, kl_div (of log(y_pred), epsilon=0; NaN where both are 0)",
        "optax": "kl_divergence (of log(y_pred), epsilon=0; NaN where both are 0)",
    },
    same_as=("keras.losses.kl_divergence(y_true, y_pred)",),
    related=(
        "torch kl_div: takes the logarithm of the prediction first; reduction 'mean' divides by n * k",
        "scipy.stats.entropy: divides both by their sum and does not clip",
        "scipy.special.kl_div: adds y_pred - y_true",
        "categorical_crossentropy: larger by the entropy of y_true",
    ),
    references=(
        "Kullback, S. and Leibler, R. A. (1951). On Information and Sufficiency. Ann. Math. Stat. 22:79-86. "
        "doi:10.1214/aoms/1177729694",
    ),
    examples=(
        Example(y_true=[0.5, 0.5], y_pred=[0.9, 0.1], loss=0.5108256237659906, why="0.5 log(5 / 9) + 0.5 log(5)"),
        Example(y_true=[1.0, 0.0], y_pred=[0.9, 0.1], loss=0.10535913410677047, why="log(10 / 9) + 1e-7 log(1e-6)"),
        Example(y_true=[1.0, 0.0], y_pred=[0.9, 0.1], epsilon=0.0, loss=0.10536051565782628, why="log(10 / 9)"),
    ),
    dialects={"keras": {}, "torch": {"epsilon": 0.0}},
    range="(-inf, inf]",
    clipped=_kl_clipped,
)
def kl_divergence(
    y_true: ClassProbabilityTarget,
    y_pred: ClassProbabilities,
    *,
    epsilon: Annotated[float, "[0, 0.5)", "Probabilities are clipped to [epsilon, 1]; 0: none."] = KERAS_EPSILON,
) -> FloatArray:
    """Kullback-Leibler divergence of the prediction from the truth.

    The extra nats that coding by the prediction costs.  As in Keras both are
    clipped, so a zero of y_true still counts a little and the value may be as
    low as -k * 1e-7.  With epsilon = 0 it is the textbook form, in which
    0 log 0 = 0, and infinite where a true class is given no probability.
    """
    true, predicted = np.maximum(y_true, epsilon), np.maximum(y_pred, epsilon)
    return sum_last(np.where(true > 0.0, true * np.log(true / predicted), 0.0))


@declare(
    formula="(KL(a, m) + KL(b, m)) / 2    where a = y_true / sum(y_true), b = y_pred / sum(y_pred), m = (a + b) / 2",
    aliases=("jensen_shannon_divergence",),
    same_as=("scipy.spatial.distance.jensenshannon(y_true, y_pred, axis=-1) ** 2",),
    related=("scipy jensenshannon: its square root, the distance",),
    references=(
        "Lin, J. (1991). Divergence Measures Based on the Shannon Entropy. IEEE Trans. Inf. Theory 37:145-151. "
        "doi:10.1109/18.61115",
    ),
    examples=(
        Example(
            y_true=[0.5, 0.5],
            y_pred=[0.9, 0.1],
            loss=0.10174922507919669,
            why="the mean of KL([0.5, 0.5], [0.7, 0.3]) and KL([0.9, 0.1], [0.7, 0.3])",
        ),
        Example(y_true=[1.0, 0.0], y_pred=[0.0, 1.0], loss=0.6931471805599453, why="nothing in common: log(2)"),
    ),
    range="[0, 0.6931471806]",
    require=(TRUE_POSITIVE, PREDICTED_POSITIVE),
)
def js_divergence(
    y_true: Annotated[ClassProbabilityTarget, "[0, inf)"], y_pred: Annotated[ClassProbabilities, "[0, inf)"]
) -> FloatArray:
    """Jensen-Shannon divergence, symmetric and never infinite.

    In nats, at most log 2.  Both rows are divided by their sums, so counts may
    be given.  The divergence, not its square root.
    """
    true, predicted = divide_by_sum(y_true, y_true), divide_by_sum(y_pred, y_pred)
    total = true + predicted
    # With a = m (1 + d) and b = m (1 - d) every class adds a term that is not negative,
    # m / 2 * [(1 + d) log(1 + d) + (1 - d) log(1 - d)]: nothing cancels between classes.
    contrast = np.abs(true - predicted) / np.maximum(total, np.finfo(np.float64).tiny)
    below_one = np.minimum(contrast, np.nextafter(1.0, 0.0))
    far = (1.0 + contrast) * np.log1p(contrast) + (1.0 - contrast) * np.log1p(-below_one)
    # The same as 2 d atanh(d) + log(1 - d^2), which keeps its digits for small d.
    small = np.minimum(contrast, 0.5)
    near = 2.0 * small * np.arctanh(small) + np.log1p(-small * small)
    return sum_last(0.25 * total * np.where(contrast > 0.5, far, near))


@declare(
    formula="sqrt(sum((sqrt(y_true) - sqrt(y_pred))^2) / 2)",
    related=("the squared Hellinger distance: its square", "texts without the factor 1/2: sqrt(2) times it"),
    references=(
        "Hellinger, E. (1909). Neue Begründung der Theorie quadratischer Formen von unendlichvielen Veränderlichen. "
        "J. reine angew. Math. 136:210-271. doi:10.1515/crll.1909.136.210",
    ),
    examples=(
        Example(
            y_true=[0.5, 0.5],
            y_pred=[0.9, 0.1],
            loss=0.32491969623290634,
            why="sqrt(1 - sqrt(0.45) - sqrt(0.05))",
        ),
        Example(y_true=[1.0, 0.0], y_pred=[0.0, 1.0], loss=1.0, why="nothing in common"),
    ),
    range="[0, 1.000001]",
    require=(TRUE_SUM, PREDICTED_SUM),
)
def hellinger(
    y_true: Annotated[ClassProbabilityTarget, "[0, inf)"], y_pred: Annotated[ClassProbabilities, "[0, inf)"]
) -> FloatArray:
    """Hellinger distance of two distributions, from 0 to 1.

    Symmetric, a metric, and never infinite.  Rows must sum to 1.
    """
    # (a - b) / (sqrt a + sqrt b) does not cancel where a and b are near.
    roots = np.maximum(np.sqrt(y_true) + np.sqrt(y_pred), np.finfo(np.float64).tiny)
    difference = (y_true - y_pred) / roots
    distance: FloatArray = np.sqrt(0.5 * sum_last(difference * difference))
    return distance


@declare(
    formula="sum(|y_true - y_pred|) / 2",
    same_as=("np.abs(y_true - y_pred).sum(axis=-1) / 2",),
    related=("hellinger: never above the root of twice it", "the L1 distance: twice it"),
    references=(
        "Levin, D. A. and Peres, Y. (2017). Markov Chains and Mixing Times, 2nd ed., chapter 4. American Mathematical "
        "Society. doi:10.1090/mbk/107",
    ),
    examples=(
        Example(y_true=[0.5, 0.5], y_pred=[0.75, 0.25], loss=0.25, why="(1/4 + 1/4) / 2"),
        Example(y_true=[1.0, 0.0], y_pred=[0.0, 1.0], loss=1.0, why="nothing in common"),
    ),
    range="[0, 1.000001]",
    require=(TRUE_SUM, PREDICTED_SUM),
)
def total_variation(
    y_true: Annotated[ClassProbabilityTarget, "[0, inf)"], y_pred: Annotated[ClassProbabilities, "[0, inf)"]
) -> FloatArray:
    """Total variation distance of two distributions, from 0 to 1.

    The largest difference of the probabilities that the two give to any event.
    Rows must sum to 1.
    """
    return 0.5 * sum_last(np.abs(y_true - y_pred))


@declare(
    formula="""
        sum((y_true - y_pred)^2), half of it for two classes
        one probability a row: (y_true - y_pred)^2
    """,
    aliases=("brier_score_loss",),
    known_as={"sklearn": "brier_score_loss"},
    same_as=("np.square(y_true - y_pred)",),
    related=(
        "Brier (1950) and sklearn scale_by_half=False: not halved for two classes",
        "CatBoost BrierScore: takes logits",
        "mean_squared_error on (n, k): the sum divided by k",
        "savage: from log-odds",
    ),
    references=(
        "Brier, G. W. (1950). Verification of Forecasts Expressed in Terms of Probability. Mon. Weather Rev. 78:1-3. "
        "doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2",
        _GNEITING,
    ),
    examples=(
        Example(y_true=1, y_pred=0.8, loss=0.04, why="0.2^2"),
        Example(y_true=0, y_pred=[0.7, 0.2, 0.1], loss=0.14, why="0.3^2 + 0.2^2 + 0.1^2"),
        Example(y_true=0, y_pred=[0.7, 0.3], loss=0.09, why="(0.3^2 + 0.3^2) / 2, as for one probability"),
    ),
    dialects={"sklearn": {}},
    require=(ONE_OR_SEVERAL,),
)
def brier(y_true: Annotated[AnyTarget, "[0, 1]"], y_pred: Probability) -> FloatArray:
    """Squared error of probabilities, a strictly proper score.

    From 0 to 1 for one probability a row or two classes, to 2 for more.  Never
    infinite, and so lenient on confident mistakes.  Rows are used as they are,
    whatever their sum.
    """
    if y_pred.ndim == 1:
        error = y_true - y_pred
        return error * error
    classes = y_pred.shape[1]
    error = class_columns(y_true, classes) - y_pred
    total = sum_last(error * error)
    return 0.5 * total if classes == 2 else total


@declare(
    formula="1 - y_pred[y_true] / sqrt(sum(y_pred^2))",
    related=("the spherical score: 1 minus it", "brier: strictly proper too, and not scale-free"),
    references=(
        _GNEITING,
        "Merkle, E. C. and Steyvers, M. (2013). Choosing a Strictly Proper Scoring Rule. Decision Analysis 10:292-304.",
    ),
    examples=(Example(y_true=0, y_pred=[0.7, 0.2, 0.1], loss=0.04742065558431964, why="1 - 0.7 / sqrt(0.54)"),),
    range="[0, 1]",
    require=(PREDICTED_POSITIVE,),
)
def spherical(y_true: ClassTarget, y_pred: Annotated[ClassProbabilities, "[0, inf)"]) -> FloatArray:
    """One minus the spherical score, a strictly proper score.

    0 is a certain right answer.  Only the ratios of a row count, so that it
    need not sum to 1.
    """
    scaled = y_pred / max_last(y_pred)[:, None]
    own = pick_last(scaled, y_true)
    scaled[np.arange(scaled.shape[0]), y_true] = 0.0
    rest = sum_last(scaled * scaled)
    norm = np.sqrt(rest + own * own)
    # (norm - own) / norm without the cancellation; rounding may leave it a unit above 1.
    return np.minimum(1.0, rest / norm / (norm + own))


@declare(
    formula="sum((F - O)^2)    where F and O are the cumulative sums of y_pred and of the one-hot y_true",
    aliases=("rps",),
    same_as=("scoringrules.rps_score(np.eye(y_pred.shape[1])[y_true], y_pred, onehot=True)",),
    related=(
        "scoringrules rps_score with categories: counts them from 1",
        "packages that divide by k - 1: a value from 0 to 1",
        "brier: takes no notice of the order of the classes",
    ),
    references=(
        "Epstein, E. S. (1969). A Scoring System for Probability Forecasts of Ranked Categories. J. Appl. Meteor. "
        "8:985-987. doi:10.1175/1520-0450(1969)008<0985:ASSFPF>2.0.CO;2",
    ),
    examples=(Example(y_true=2, y_pred=[0.1, 0.2, 0.3, 0.4], loss=0.26, why="0.1^2 + 0.3^2 + 0.4^2 + 0^2"),),
    require=(PREDICTED_SUM,),
)
def ranked_probability_score(y_true: Annotated[AnyTarget, "[0, 1]"], y_pred: ClassProbabilities) -> FloatArray:
    """Squared distance of cumulative distributions, for ordered classes.

    A near miss costs less than a far one.  From 0 to k - 1: not divided by
    k - 1.  Classes are in the order of their indices.
    """
    beyond = np.add.accumulate(y_pred - class_columns(y_true, y_pred.shape[1]), axis=-1)
    return sum_last(beyond * beyond)


@declare(
    formula="""
        -alpha * sum(y_true * log(clip(y_pred, 1e-7, 1))) - beta * sum(y_pred * log(clip(y_true, 1e-4, 1)))
    """,
    related=("the paper and some ports: -4 in place of log(1e-4) = -9.21",),
    references=(
        "Wang, Y. et al. (2019). Symmetric Cross Entropy for Robust Learning with Noisy Labels. ICCV. arXiv:1908.06112",
    ),
    examples=(
        Example(
            y_true=[1.0, 0.0, 0.0],
            y_pred=[0.7, 0.2, 0.1],
            loss=2.7987696059867284,
            why="-0.1 log(0.7) - 0.3 log(1e-4)",
        ),
    ),
    clipped=_symmetric_clipped,
)
def symmetric_cross_entropy(
    y_true: ClassProbabilityTarget,
    y_pred: ClassProbabilities,
    *,
    alpha: Annotated[float, "[0, inf)", "Weight of the cross-entropy."] = 0.1,
    beta: Annotated[float, "[0, inf)", "Weight of the reverse cross-entropy."] = 1.0,
) -> FloatArray:
    """Cross-entropy plus cross-entropy with the roles exchanged.

    The reverse term tolerates noisy labels: for a hard label it is 9.21 times
    the probability given to other classes.  As in the authors' code, log 0 of
    a label is log(1e-4), and nothing is normalised.
    """
    forward = sum_last(y_true * -np.log(np.maximum(y_pred, KERAS_EPSILON)))
    reverse = sum_last(y_pred * -np.log(np.maximum(y_true, 1e-4)))
    return alpha * forward + beta * reverse
