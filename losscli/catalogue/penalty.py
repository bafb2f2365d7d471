"""Penalties on the size of numbers, such as the weights of a model.

Sums, not means: they grow with the count of values, and there is one number
for the whole data set.  ``factor`` multiplies the sum.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

import numpy as np

from losscli.declaration import Example, declare
from losscli.roles import FloatArray, Values

Factor: TypeAlias = Annotated[float, "[0, inf)", "Multiplies the sum."]


def _times(total: Any, factor: float) -> Any:
    return factor * total


@declare(
    formula="factor * sum(|v|)",
    known_as={"keras": "regularizers.L1", "r_keras": "regularizer_l1"},
    same_as=("keras.regularizers.L1(l1=factor)(values)",),
    related=(
        "keras activity_regularizer: divided by the batch size",
        "xgboost, lightgbm reg_alpha: the factor",
        "sklearn Lasso alpha: the factor, against a squared error of 1 / (2 n)",
        "mean_absolute_error: the mean of an error, not the sum of values",
    ),
    references=(
        "Tibshirani, R. (1996). Regression shrinkage and selection via the lasso. J. R. Statist. Soc. B 58:267-288. "
        "doi:10.1111/j.2517-6161.1996.tb02080.x",
    ),
    examples=(Example(values=[1.0, -2.0, 3.0], loss=0.06, why="0.01 * (1 + 2 + 3)"),),
    dialects={"keras": {}},
    finish=_times,
)
def l1_penalty(values: Values, *, factor: Factor = 0.01) -> tuple[FloatArray]:
    """Sum of absolute values times a factor, the lasso penalty.

    Not divided by the count of values, so batches add up.  Sample weights and
    reductions other than the sum mean nothing here.
    """
    return (np.abs(values),)


@declare(
    formula="factor * sum(v^2)",
    known_as={"keras": "regularizers.L2", "r_keras": "regularizer_l2"},
    same_as=("keras.regularizers.L2(l2=factor)(values)",),
    related=(
        "torch weight_decay, xgboost and lightgbm reg_lambda: twice the factor, for a penalty with 1/2",
        "keras activity_regularizer: divided by the batch size",
        "sklearn Ridge alpha: the factor",
        "optax.losses.l2_loss: half a squared error, not a penalty",
    ),
    references=(
        "Hoerl, A. E. and Kennard, R. W. (1970). Ridge regression: biased estimation for nonorthogonal problems. "
        "Technometrics 12:55-67. doi:10.1080/00401706.1970.10488634",
    ),
    examples=(Example(values=[1.0, -2.0, 3.0], loss=0.14, why="0.01 * (1 + 4 + 9)"),),
    dialects={"keras": {}},
    finish=_times,
)
def l2_penalty(values: Values, *, factor: Factor = 0.01) -> tuple[FloatArray]:
    """Sum of squares times a factor, the ridge penalty.

    Without 1/2, root or mean.  The square of a value beyond 1.3e154 is more
    than float64 holds, and the penalty is then infinite.
    """
    return (values * values,)
