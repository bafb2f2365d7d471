"""Losses between several labels of a row and a score for each of them.

Labels are multi-hot: a column of 0 and 1 for each label, any number of which
may be 1.  All logarithms are natural.
"""

from __future__ import annotations

import math
from typing import Annotated, TypeAlias

import numpy as np

from losscli.arrays import negative_log, sigmoid, softplus, sum_last
from losscli.catalogue.binary import Threshold
from losscli.declaration import Example, declare
from losscli.domains import NumberSet
from losscli.roles import BinaryTarget, BoolArray, ClassScores, FloatArray, Role, Score

MultiHotTarget: TypeAlias = Annotated[
    FloatArray, Role("multi-hot target", "1 for each label that applies, else 0", "vector", NumberSet((0, 1)), "binary")
]

_ASYMMETRIC_FLOOR = 1e-8  # of probabilities inside the logarithms, from the authors' code


@declare(
    formula="sum(max(0, 1 - y_pred[i] + y_pred[j]) for y_true[i] = 1, y_true[j] = 0) / k",
    aliases=("multilabel_margin_loss",),
    known_as={"torch": "MultiLabelMarginLoss, multilabel_margin_loss (targets as indices, ended by -1)"},
    same_as=(
        "torch.nn.functional.multilabel_margin_loss(y_pred, torch.stack([torch.nn.functional.pad(row.nonzero()[:, 0], "
        "(0, int((row == 0).sum())), value=-1) for row in y_true]), reduction='none')",
    ),
    related=("multi_margin: one true class",),
    references=(
        "Crammer, K. and Singer, Y. (2003). A Family of Additive Online Algorithms for Category Ranking. "
        "J. Mach. Learn. Res. 3:1025-1058.",
    ),
    examples=(
        Example(
            y_true=[1.0, 0.0, 0.0, 1.0],
            y_pred=[0.1, 0.2, 0.4, 0.8],
            loss=0.85,
            why="(1.1 + 1.3 + 0.4 + 0.6) / 4",
        ),
    ),
    dialects={"torch": {}},
)
def multilabel_margin(y_true: MultiHotTarget, y_pred: ClassScores) -> FloatArray:
    """Shortfalls of the lead of each true label over each false one.

    Divided by the number of labels k.  A row whose labels are all true or all
    false has no pair and costs nothing.  torch writes the labels as a list of
    indices; here they are always multi-hot.
    """
    # A score of infinity on the side where a label does not stand takes its pairs out of the sum.
    own = np.where(y_true > 0.0, y_pred, np.inf)
    rivals = np.where(y_true > 0.0, -np.inf, y_pred)
    total = np.zeros(y_pred.shape[0])
    for label in range(y_pred.shape[1]):
        total += sum_last(np.maximum(0.0, (1.0 - own[:, label])[:, None] + rivals))
    mean: FloatArray = total / y_pred.shape[1]
    return mean


@declare(
    formula="mean(y_true * softplus(-y_pred) + (1 - y_true) * softplus(y_pred))",
    aliases=("multilabel_soft_margin_loss",),
    known_as={"torch": "MultiLabelSoftMarginLoss, multilabel_soft_margin_loss"},
    same_as=("torch.nn.functional.multilabel_soft_margin_loss(y_pred, y_true, reduction='none')",),
    related=("binary_crossentropy(from_logits=True): the same",),
    references=(
        "Boutell, M. R. et al. (2004). Learning Multi-label Scene Classification. Pattern Recognit. 37:1757-1771. "
        "doi:10.1016/j.patcog.2004.03.009",
    ),
    examples=(
        Example(y_true=[1.0, 0.0], y_pred=[1.0, -1.0], loss=0.3132616875182228, why="log(1 + exp(-1)), twice right"),
    ),
    dialects={"torch": {}},
    across="mean",
)
def multilabel_soft_margin(y_true: BinaryTarget, y_pred: Score) -> FloatArray:
    """Binary cross-entropy of logits, the mean over the labels of a row.

    Every label is a question of its own; labels may be soft.  Never clipped.
    """
    return y_true * softplus(-y_pred) + (1.0 - y_true) * softplus(y_pred)


@declare(
    formula="mean((y_pred > threshold) != y_true)",
    aliases=("hamming_loss",),
    known_as={"sklearn": "hamming_loss (of the predicted labels)"},
    same_as=("((y_pred > threshold) != (y_true > 0)).astype(float)",),
    related=("zero_one: one label, or the largest of k scores",),
    references=(
        "Schapire, R. E. and Singer, Y. (2000). BoosTexter: A Boosting-based System for Text Categorization. "
        "Mach. Learn. 39:135-168. doi:10.1023/A:1007649029923",
    ),
    examples=(Example(y_true=[0.0, 1.0], y_pred=[0.5, 0.5], loss=0.5, why="0.5 is not above the threshold"),),
    dialects={"sklearn": {}},
    range="[0, 1]",
    across="mean",
)
def hamming(y_true: Annotated[BinaryTarget, "{0, 1}"], y_pred: Score, *, threshold: Threshold = 0.5) -> FloatArray:
    """Share of the labels of a row that are predicted wrongly.

    A score is compared with `threshold`, 0.5 for probabilities; give 0 for logits.
    """
    wrong: BoolArray = (y_pred > threshold) != (y_true > 0.0)
    return wrong.astype(np.float64)


@declare(
    formula="""
        sum(-y_true * log(max(p, 1e-8)) * (1 - p)^gamma_pos - (1 - y_true) * log(max(m, 1e-8)) * (1 - m)^gamma_neg)
            where p = sigmoid(y_pred), m = min(1 - p + clip, 1)
    """,
    related=(
        "the authors' AsymmetricLoss: gamma_pos = 1 unless told otherwise, and the sum over the whole batch",
        "binary_focal_crossentropy: one exponent for both labels",
    ),
    references=("Ridnik, T. et al. (2021). Asymmetric Loss For Multi-Label Classification. ICCV. arXiv:2009.14119",),
    examples=(
        Example(
            y_true=[1.0, 0.0],
            y_pred=[1.0, -1.0],
            loss=0.3138294850361212,
            why="-log(0.731) for the first label, 0.00057 for the second",
        ),
    ),
    across="sum",
)
def asymmetric(
    y_true: Annotated[BinaryTarget, "{0, 1}"],
    y_pred: Score,
    *,
    gamma_pos: Annotated[float, "[0, inf)", "Focusing exponent of labels that apply."] = 0.0,
    gamma_neg: Annotated[float, "[0, inf)", "Focusing exponent of labels that do not apply."] = 4.0,
    clip: Annotated[float, "[0, 1)", "Probability up to which a label that does not apply is free."] = 0.05,
) -> FloatArray:
    """Focal loss that treats labels that do not apply more leniently.

    For many labels of which few apply.  From logits; the sum, not the mean,
    over the labels of a row.
    """
    cap = -math.log(_ASYMMETRIC_FLOOR)
    share, complement = sigmoid(y_pred), sigmoid(-y_pred)
    excess = np.maximum(share - clip, 0.0)
    missed = np.minimum(negative_log(share, complement), cap) * complement**gamma_pos
    false_alarm = np.minimum(negative_log(np.minimum(complement + clip, 1.0), excess), cap) * excess**gamma_neg
    return y_true * missed + (1.0 - y_true) * false_alarm
