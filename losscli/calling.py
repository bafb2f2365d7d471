"""Calling a loss on arrays: Keras's shapes and reductions, the engine's numbers.

``(n,)`` is n rows.  The last axis of ``(n, k)`` and higher is reduced by the
loss, as in Keras; every leading dimension counts rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from losscli.arguments import call_with
from losscli.arrays import class_major
from losscli.declaration import Input, Loss
from losscli.errors import InputError, NothingToEvaluate, UsageError
from losscli.reduction import Reduction, reduced, resolve_reduction
from losscli.roles import SHAPES, FloatArray, Shape
from losscli.summary import LossSummary
from losscli.validation import check_shapes, find_faults


def call(
    loss: Loss,
    arrays: Sequence[Any],
    named: Mapping[str, Any],
    sample_weight: Any = None,
    reduction: str = "auto",
    axis: int = -1,
) -> float | FloatArray:
    """The reduced loss as a float, or the (weighted) loss of every row for ``reduction="none"``.

    Inputs come in declared order or by name.  `sample_weight` is a scalar or
    has the shape of the rows, ``(n,)`` or ``(n, 1)``.  Raises InputError for
    values outside their domain and UsageError for arguments the loss has not.
    """
    names = [one.name for one in loss.inputs]
    if len(arrays) > len(names):
        raise UsageError(f"{loss.name} takes {len(names)} inputs, not {len(arrays)}", ", ".join(names))
    given = dict(zip(names, arrays, strict=False))
    for name, value in named.items():
        if name not in names:
            raise UsageError(f"{loss.name} has no input {name}", "one of " + ", ".join(names))
        if name in given:
            raise UsageError(f"{loss.name}: the input {name} is given twice")
        given[name] = value
    missing = [name for name in names if name not in given]
    if missing:
        raise UsageError(f"{loss.name}: the input {missing[0]} is missing", "the inputs " + ", ".join(names))
    inputs, leading = _prepare(loss, given, axis)
    rows = check_shapes(loss, inputs)
    if rows == 0:
        raise NothingToEvaluate(f"{loss.name}: there are no rows")
    if sample_weight is not None and loss.is_penalty:
        raise UsageError(f"{loss.name} takes no weights", "the values alone")
    weights = _prepare_weights(sample_weight, leading, rows)
    chosen = resolve_reduction(reduction, weighted=weights is not None)
    check_reduction(loss, chosen)

    kept = np.ones(rows, dtype=bool)
    if loss.omit is not None:
        kept = ~call_with(loss.omit, {**inputs, **loss.values})
    # A loss over all rows needs the omitted ones too, as partners of the others.
    partial = not kept.all() and not loss.whole
    selected = {name: _take(array, kept) for name, array in inputs.items()} if partial else inputs
    kept_weights = weights if weights is None else weights[kept]
    numbers = np.flatnonzero(kept) if partial else np.arange(rows)
    faults = find_faults(loss, selected, {}, row_numbers=lambda index: int(numbers[index]))
    if faults:
        fault = faults.first()
        raise InputError(
            f"{loss.name}: {fault.column}, row {fault.row + 1}: {fault.value} {fault.problem}",
            fault.expected,
            fault.fix,
        )
    with np.errstate(all="ignore"):
        if loss.is_set_level:
            return _set_value(loss, loss.contributions(selected), kept_weights)
        values = loss.rows(selected) if len(numbers) else np.empty(0)
    if loss.whole:
        values = values[kept]
    if chosen is Reduction.NONE:
        spread = np.zeros(rows)
        spread[kept] = values if kept_weights is None else values * kept_weights
        return spread.reshape(leading)
    if not np.isfinite(values).all():
        return float(values.sum() if kept_weights is None else (values * kept_weights).sum())
    summary = LossSummary(weighted=weights is not None, grouped=False)
    summary.update(values, kept_weights, None, 1)
    result = reduced(summary.statistics(None, ()), chosen, loss.power)
    if result is None:
        raise InputError(f"{loss.name}: no row counts, so a mean does not exist", "a row with a weight above 0")
    return result


def _set_value(loss: Loss, parts: Sequence[FloatArray], weights: FloatArray | None) -> float:
    """The value of a set-level loss; inf where a contribution is, InputError where it is undefined."""
    if not all(np.isfinite(part).all() for part in parts):
        return math.inf
    from losscli.summary.sums import ContributionSums

    sums = ContributionSums(columns=len(parts))
    sums.update(parts, weights, None, 1)
    try:
        value = loss.finished(sums.totals(None))
    except OverflowError:
        return math.inf
    if value is None:
        raise InputError(f"{loss.name} is undefined here: its denominator is 0")
    return value


def check_reduction(loss: Loss, reduction: Reduction) -> None:
    """Refuse a reduction that a loss does not have."""
    mean_like = (Reduction.MEAN, Reduction.MEAN_WITH_SAMPLE_WEIGHT, Reduction.SUM_OVER_BATCH_SIZE)
    if loss.is_set_level and reduction is Reduction.NONE:
        raise UsageError(f"{loss.name} has no value for a single row", "reduction auto")
    if loss.power and reduction not in mean_like:
        raise UsageError(f"{loss.name} is a function of the mean", "reduction auto or mean")
    if loss.is_set_level and reduction is Reduction.SUM and not loss.is_penalty:
        raise UsageError(f"{loss.name} is one number for all rows, so there is nothing to add up", "reduction auto")


def _prepare(loss: Loss, given: Mapping[str, Any], axis: int) -> tuple[dict[str, Any], tuple[int, ...]]:
    """Inputs as float64 (or index) arrays of ``(n,)``, ``(n, k)`` or ``(n, m, k)``, and the leading dimensions."""
    prepared: dict[str, Any] = {}
    leading: tuple[int, ...] | None = None
    for one in loss.inputs:
        array = _numbers(loss, one, given[one.name])
        if one.shape == "any":
            array = array.reshape(-1)
        elif one.shape == "embedding" and array.ndim == 1:
            array = array[:, None]
        elif one.shape == "row" and array.ndim > 1 and array.shape[-1] == 1:
            # Keras takes class indices as a column too.
            array = array[..., 0]
        depth = _TRAILING.get(one.shape, 1 if array.ndim > 1 else 0)
        if array.ndim <= depth:
            raise InputError(
                f"{loss.name}: {one.name} has shape {array.shape}", f"shape {SHAPES[one.shape]}, even for a single row"
            )
        if axis != -1 and depth == 1:
            array = np.moveaxis(array, axis, -1)
        split = array.ndim - depth
        if 0 in array.shape[split:]:
            raise InputError(f"{loss.name}: {one.name} has shape {array.shape}", "at least one value in every row")
        leading = leading or array.shape[:split]
        prepared[one.name] = class_major(array.reshape((math.prod(array.shape[:split]), *array.shape[split:])))
    assert leading is not None
    return prepared, leading


# How many dimensions of an input belong to one row; for elements, the outputs are one if there are any.
_TRAILING: dict[Shape, int] = {"row": 0, "any": 0, "vector": 1, "embedding": 1, "vectors": 2}


def _numbers(loss: Loss, one: Input, value: Any) -> Any:
    """One input as float64, or as indices where it holds classes."""
    array = np.atleast_1d(np.asarray(value))
    if array.dtype.kind not in "bifu":
        raise InputError(f"{loss.name}: {one.name} holds {array.dtype}, not numbers", one.role.meaning)
    if one.role.reading != "class" or one.shape != "row":
        return np.asarray(array, dtype=np.float64)
    if array.dtype.kind == "f":
        fraction = ~(np.isfinite(array) & (array == np.floor(array)))
        if fraction.any():
            raise InputError(
                f"{loss.name}: {one.name}: {array[fraction][0]} is not a class index", "whole numbers from 0"
            )
    return array.astype(np.intp)


def _prepare_weights(sample_weight: Any, leading: tuple[int, ...], rows: int) -> FloatArray | None:
    if sample_weight is None:
        return None
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.ndim == len(leading) + 1 and weights.shape[-1] == 1:
        weights = weights[..., 0]
    if weights.ndim and weights.shape != leading:
        raise InputError(f"sample_weight has shape {weights.shape}", f"a scalar, or the shape of the rows {leading}")
    weights = np.ascontiguousarray(np.broadcast_to(weights, leading).reshape(rows))
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise InputError("sample_weight holds a negative or non-finite value", "finite weights >= 0")
    return weights


def _take(array: Any, kept: Any) -> Any:
    return class_major(array[kept])
