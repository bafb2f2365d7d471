"""Row-wise array operations whose bits do not depend on how rows are split.

Matrices of ``(n, k)`` are class-major: the k columns are contiguous, so that
every operation over the last axis adds whole columns in order.  NumPy's own
``sum(axis=-1)`` does the same for two rows or more, but sums pairwise when
there is one row; the functions here do not change with n.  Kernels use these
and never ``@``: a BLAS product of a row depends on its neighbours.

Below them stand the elementwise functions whose textbook form loses digits or
overflows.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from losscli.roles import BoolArray, FloatArray, IntArray


def class_major(values: FloatArray) -> FloatArray:
    """`values` of shape ``(n, k)`` laid out column by column; other shapes C-contiguous."""
    if values.ndim == 2:
        return np.ascontiguousarray(values.T).T
    return np.ascontiguousarray(values)


def sum_last(values: FloatArray | BoolArray) -> FloatArray:
    """Sum over the last axis, or count of true values, adding columns from first to last."""
    total = values[..., 0].astype(np.float64)
    for column in range(1, values.shape[-1]):
        total += values[..., column]
    return total


def max_last(values: FloatArray) -> FloatArray:
    """Maximum over the last axis."""
    largest: FloatArray = values.max(axis=-1)
    return largest


def mean_last(values: FloatArray) -> FloatArray:
    """Mean over the last axis; finite where the mean is, even where the sum overflows."""
    count = values.shape[-1]
    if count == 1:
        return values[..., 0].astype(np.float64)
    with np.errstate(over="ignore"):
        mean: FloatArray = sum_last(values) / count
    overflowed = np.isinf(mean)
    if overflowed.any():
        mean[overflowed] = sum_last(values[overflowed] / count)
    return mean


def pick_last(values: FloatArray, index: IntArray) -> FloatArray:
    """``values[i, index[i]]`` for every row of an ``(n, k)`` matrix."""
    rows, classes = values.shape
    step, rest = divmod(values.strides[1], values.itemsize)
    if values.strides[0] != values.itemsize or step < rows or rest:
        values, step = class_major(values), rows
    # From the first element to the last one as they lie in memory, for a part of a matrix too.
    flat = np.lib.stride_tricks.as_strided(values, ((classes - 1) * step + rows,), (values.itemsize,), writeable=False)
    picked: FloatArray = flat.take(index * step + np.arange(rows))
    return picked


def norm_last(values: FloatArray) -> FloatArray:
    """Euclidean norm over the last axis, without overflow or underflow of the squares."""
    scale = max_last(np.abs(values))
    safe = np.where((scale > 0) & np.isfinite(scale), scale, 1.0)
    scaled = values / safe[..., None]
    norm: FloatArray = safe * np.sqrt(sum_last(scaled * scaled))
    return norm


def one_hot(index: IntArray, classes: int) -> FloatArray:
    """``(n, classes)`` of 0 and 1, class-major, from class indices ``(n,)``."""
    hot = np.zeros((classes, index.shape[0]))
    hot[index, np.arange(index.shape[0])] = 1.0
    return hot.T


def class_columns(label: FloatArray, classes: int) -> FloatArray:
    """One column per class, from an index ``(n,)`` of any type or from columns, returned as they are."""
    return label if label.ndim == 2 else one_hot(label.astype(np.intp), classes)


def all_rows(condition: BoolArray) -> BoolArray:
    """Whether a condition holds in every element of a row: ``(n, ...)`` to ``(n,)``."""
    if condition.ndim == 1:
        return condition
    whole: BoolArray = np.logical_and.reduce(condition.reshape(condition.shape[0], -1), axis=1)
    return whole


def any_rows(condition: BoolArray) -> BoolArray:
    """Whether a condition holds in some element of a row: ``(n, ...)`` to ``(n,)``."""
    return ~all_rows(~condition)


def positive_rows(values: FloatArray) -> BoolArray:
    """Rows of non-negative values with a value above 0; ``(n,)``."""
    found = values[:, 0] > 0.0
    for column in range(1, values.shape[1]):
        # Most often the first column settles it.
        if found.all():
            break
        found |= values[:, column] > 0.0
    return found


def divide_by_sum(part: FloatArray, values: FloatArray) -> FloatArray:
    """`part`, ``(n,)`` or ``(n, k)``, over the row sums of `values`; right even where a sum overflows."""
    total = sum_last(values)
    overflowed = np.isinf(total)
    if overflowed.any():
        scale = np.where(overflowed, 2.0**-64, 1.0)
        total = sum_last(values * scale[..., None])
        part = part * (scale if part.ndim == 1 else scale[..., None])
    return part / (total if part.ndim == 1 else total[..., None])


def log_sum_exp_last(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The row maximum and log(sum(exp(values - maximum))), each ``(n,)``; their sum is log-sum-exp.

    The two are not added: a loss subtracts a score near the maximum, and the
    second part, as small as exp(-700), would be lost in the first.
    """
    peak = max_last(values)
    ones, rest = np.zeros_like(peak), np.zeros_like(peak)
    for column in range(values.shape[-1]):
        power = np.exp(values[..., column] - peak)
        # 1 at a maximum, else 0: the ones are counted apart, so that log1p sees all digits of the rest.
        one = np.floor(power)
        ones += one
        rest += power - one
    return peak, np.log1p(rest + (ones - 1.0))


def log_softmax_last(values: FloatArray) -> FloatArray:
    """Logarithm of the softmax over the last axis; finite for all finite values."""
    peak, excess = log_sum_exp_last(values)
    # A difference of two finite numbers may overflow, and a label of 0 times infinity is not 0.
    below = np.maximum(values - peak[..., None], -np.finfo(np.float64).max)
    return below - excess[..., None]


def softplus(values: FloatArray) -> FloatArray:
    """log(1 + exp(values)), without overflow and to full relative precision in both tails."""
    return np.maximum(values, 0.0) + np.log1p(np.exp(-np.abs(values)))


def sigmoid(values: FloatArray) -> FloatArray:
    """1 / (1 + exp(-values)); exp may overflow to infinity, whose reciprocal is the limit 0."""
    return 1.0 / (1.0 + np.exp(-values))


def negative_log(share: FloatArray, complement: FloatArray) -> FloatArray:
    """-log(share) to full relative precision, given also complement = 1 - share.

    Near 1 a share has lost the digits that its complement still has; their
    difference is the first-order term that log cannot see.
    """
    return (complement - (1.0 - share)) - np.log(share)


def clip_negative_log(cost: FloatArray, epsilon: float) -> FloatArray:
    """-log of a share clipped to [epsilon, 1 - epsilon], from the unclipped -log.

    Clipped after the logarithm because 1 - epsilon is not a float64: rounding
    it, as Keras does, changes the loss of a perfect prediction in its eighth digit.
    """
    return np.clip(cost, -math.log1p(-epsilon), -math.log(epsilon))


def ordered_integers(values: FloatArray) -> NDArray[np.int64]:
    """Integers ``(n,)`` in the order of the values, none of which is NaN; the leading bits are sign and exponent."""
    bits = (values + 0.0).view(np.int64)
    return bits ^ ((bits >> 63) & np.int64(0x7FFF_FFFF_FFFF_FFFF))


def floats_in_order(integers: NDArray[np.int64]) -> FloatArray:
    """The values behind `ordered_integers`, which is its own inverse."""
    return (integers ^ ((integers >> 63) & np.int64(0x7FFF_FFFF_FFFF_FFFF))).view(np.float64)
