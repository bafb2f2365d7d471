"""Two losses of a plugin file."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from losscli import Example, declare
from losscli.roles import FloatArray, Prediction, Target

_REFERENCE = ("Huber, P. J. and Ronchetti, E. M. (2009). Robust Statistics, 2nd ed. doi:10.1002/9780470434697",)


@declare(
    formula="min(|y_true - y_pred|, cap)",
    aliases=("talwar_absolute",),
    references=_REFERENCE,
    examples=(Example(y_true=3.0, y_pred=1.0, loss=1.0, why="2, capped at 1"),),
    across="mean",
)
def capped_error(
    y_true: Target,
    y_pred: Prediction,
    *,
    cap: Annotated[float, "(0, inf)", "Error from which on every error costs the same."] = 1.0,
) -> FloatArray:
    """Absolute error up to a cap.

    No row costs more than the cap.
    """
    return np.minimum(np.abs(y_true - y_pred), cap)


@declare(
    formula="1 if |y_true - y_pred| > slack else 0",
    range="[0, 1]",
    references=_REFERENCE,
    examples=(Example(y_true=3.0, y_pred=1.0, loss=1.0, why="2 is more than 1"),),
    across="mean",
)
def miss(
    y_true: Target,
    y_pred: Prediction,
    *,
    slack: Annotated[float, "[0, inf)", "Largest error that is no miss."] = 1.0,
) -> FloatArray:
    """Whether the error is larger than a slack.

    Its mean is the share of misses.
    """
    return (np.abs(y_true - y_pred) > slack).astype(np.float64)
