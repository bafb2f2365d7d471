"""Losses on sequences whose alignment with the target is unknown."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from losscli.arrays import class_major, log_softmax_last
from losscli.declaration import Example, Require, declare
from losscli.domains import REAL, Integers
from losscli.roles import BoolArray, FloatArray, Role


def _has_frames(y_true: FloatArray, y_pred: FloatArray) -> BoolArray:
    return np.full(y_true.shape[0], y_pred.shape[1] >= 1 and y_pred.shape[2] >= 2)


def _labels_are_classes(y_true: FloatArray, y_pred: FloatArray) -> BoolArray:
    known: BoolArray = (y_true < y_pred.shape[2]).all(axis=1)
    return known


def _padding_is_last(y_true: FloatArray) -> BoolArray:
    resumed = (y_true[:, :-1] == 0) & (y_true[:, 1:] > 0)
    last: BoolArray = ~resumed.any(axis=1)
    return last


@declare(
    formula="""
        -log(sum over the paths of length T that collapse to the label of prod over t of softmax(y_pred[t])[path[t]])
        a path collapses by merging repeats, then dropping blanks (class 0)
    """,
    range="[0, inf]",
    known_as={"keras": "CTC, ctc", "r_keras": "loss_ctc", "torch": "ctc_loss (of log_softmax, reduction='none')"},
    same_as=(
        "keras.losses.ctc(y_true, y_pred)",
        "torch.nn.functional.ctc_loss(torch.log_softmax(y_pred, -1).transpose(0, 1), y_true.long(),"
        " torch.full((len(y_true),), y_pred.shape[1]), (y_true > 0).sum(1), reduction='none')",
    ),
    related=(
        "torch CTCLoss, reduction mean: divides the loss of each row by the length of its label",
        "torch zero_infinity=True: 0 where the frames are too few",
        "keras on NumPy and JAX, optax.losses.ctc_loss: about 1e5 where the frames are too few",
    ),
    references=(
        "Graves, A., Fernández, S., Gomez, F. and Schmidhuber, J. (2006). Connectionist temporal classification: "
        "labelling unsegmented sequence data with recurrent neural networks. "
        "ICML 2006:369-376. doi:10.1145/1143844.1143891",
    ),
    examples=(
        Example(
            y_true=[1, 2],
            y_pred=[[0.0, 0.0, 0.0]] * 4,
            loss=1.6863989535702286,
            why="15 of the 3^4 equally likely paths collapse to 1, 2",
        ),
    ),
    dialects={"keras": {}, "torch": {}},
    require=(
        Require(
            holds=_has_frames,
            column="y_pred",
            problem="has too few frames or classes",
            expected="logits of shape (n, T, C) with T >= 1 and C >= 2, the blank among the classes",
        ),
        Require(
            holds=_labels_are_classes,
            column="y_true",
            problem="holds a label for which there is no logit",
            expected="labels from 1 to C - 1, padded with 0",
        ),
        Require(
            holds=_padding_is_last,
            column="y_true",
            problem="goes on after a 0, which is padding",
            expected="labels first, then zeros",
        ),
    ),
)
def ctc(
    y_true: Annotated[
        FloatArray, Role("label sequence", "the labels, 1 to C - 1, padded with 0", "vector", Integers(0))
    ],
    y_pred: Annotated[FloatArray, Role("frame logits", "a logit for each class in each frame", "vectors", REAL)],
) -> FloatArray:
    """Connectionist temporal classification: a label without its timing.

    Takes logits ``(n, T, C)``; class 0 is the blank and the padding of the
    labels ``(n, L)``, which may be empty.  All T frames count.  Infinite where
    they are too few: fewer than the labels plus the repeats among neighbours.
    """
    labels = y_true.T.astype(np.intp)
    length, count = labels.shape
    rows = np.arange(count)
    # States of a row: blank, label 1, blank, label 2, ..., blank.  A label may be
    # entered past the blank before it unless the label before that is the same.
    may_skip = np.full((length, count), -np.inf)
    may_skip[1:][labels[1:] != labels[:-1]] = 0.0
    entered = np.full((2 * length + 1, count), -np.inf)
    entered[:2] = 0.0
    state = np.empty_like(entered)
    for frame in range(y_pred.shape[1]):
        log_probability = log_softmax_last(class_major(y_pred[:, frame]))
        if frame:
            entered[0] = state[0]
            entered[1:] = np.logaddexp(state[1:], state[:-1])
            entered[3::2] = np.logaddexp(entered[3::2], state[1:-2:2] + may_skip[1:])
        state[0::2] = entered[0::2] + log_probability[:, 0]
        state[1::2] = entered[1::2] + log_probability[rows, labels]
    filled = (labels > 0).sum(axis=0)
    ended = np.where(filled > 0, state[2 * filled - 1, rows], -np.inf)
    # Rounding may leave the sum of all paths an ulp above 1.
    loss: FloatArray = np.maximum(0.0 - np.logaddexp(state[2 * filled, rows], ended), 0.0)
    return loss
