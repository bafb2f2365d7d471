"""Calls as Keras users write them: shapes, weights, reductions and axis of its loss classes.

We differ on purpose in three things, each with a test of its own.  Keras
averages over the last axis before it looks at the weights, so that ``(n,)`` is
one row of n outputs to it and n rows to us; vectors are therefore compared
with Keras's columns.  Its mean_with_sample_weight takes one weight for all
rows as the sum of their weights.  Its weights never reach the sums of dice.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from libraries import FLOAT64, load

from losscli.declaration import Loss
from losscli.registry import find_loss
from losscli.testing.sampling import Layout, random_inputs

_ELEMENTS = {
    "mean_squared_error": "MeanSquaredError",
    "mean_absolute_error": "MeanAbsoluteError",
    "mean_absolute_percentage_error": "MeanAbsolutePercentageError",
    "mean_squared_logarithmic_error": "MeanSquaredLogarithmicError",
    "huber": "Huber",
    "poisson": "Poisson",
    "binary_crossentropy": "BinaryCrossentropy",
    "binary_focal_crossentropy": "BinaryFocalCrossentropy",
    # Not squared_hinge too: JAX compiles the branch on the labels anew in every call, which takes seconds.
    "hinge": "Hinge",
}
_VECTORS = {
    "categorical_crossentropy": "CategoricalCrossentropy",
    "categorical_focal_crossentropy": "CategoricalFocalCrossentropy",
    "categorical_hinge": "CategoricalHinge",
    "kl_divergence": "KLDivergence",
    "cosine_similarity": "CosineSimilarity",
}
_INDICES = {
    "sparse_categorical_crossentropy": "SparseCategoricalCrossentropy",
    "categorical_generalized_cross_entropy": "CategoricalGeneralizedCrossEntropy",
}
_CLASSES = {**_ELEMENTS, **_VECTORS, **_INDICES}

# The rows of (n,) and (n, k), and the leading dimensions of (a, b, k).
_LEADING = {"(n,)": (6,), "(n, k)": (6,), "(a, b, k)": (2, 3)}
_REDUCTIONS = ("sum", "mean", "sum_over_batch_size", "mean_with_sample_weight", "none")
_WEIGHTS = ("no weights", "one number", "a weight for each row", "a column of weights")
_CALLS = [(name, shape) for name in _CLASSES for shape in _LEADING if name in _ELEMENTS or shape != "(n,)"]


@pytest.mark.parametrize(("name", "shape"), _CALLS)
def test_class_reduces_and_weighs_as_losscli_does(name: str, shape: str) -> None:
    keras = load("keras")
    loss = find_loss(name).bind(dialect="keras")
    y_true, y_pred = _inputs(loss, shape)
    theirs = (y_true[:, None], y_pred[:, None]) if shape == "(n,)" else (y_true, y_pred)
    for form in _WEIGHTS:
        weights = _weights(form, _LEADING[shape])
        for reduction in _REDUCTIONS:
            if (form, reduction) == ("one number", "mean_with_sample_weight"):
                continue
            expected = _keras_class(keras, name, reduction)(*theirs, sample_weight=weights)
            found = loss(y_true, y_pred, sample_weight=weights, reduction=reduction)
            if (form, reduction) == ("a column of weights", "none"):
                # Keras makes its rows (n,) a column too, if the weights are one; ours stay (n,).
                expected = np.reshape(expected, np.shape(found))
            _assert_same(found, expected, f"{name} {shape}, {form}, {reduction}")


@pytest.mark.parametrize("name", sorted(set(_VECTORS) - {"categorical_hinge", "kl_divergence"}))
def test_axis_is_the_one_of_keras(name: str) -> None:
    keras = load("keras")
    loss = find_loss(name).bind(dialect="keras")
    y_true, y_pred = (np.moveaxis(array, -1, 1) for array in _inputs(loss, "(a, b, k)"))
    weights = _weights("a weight for each row", (2, 3))
    for reduction in _REDUCTIONS:
        expected = _keras_class(keras, name, reduction, axis=1)(y_true, y_pred, sample_weight=weights)
        found = loss(y_true, y_pred, sample_weight=weights, reduction=reduction, axis=1)
        _assert_same(found, expected, f"{name}, axis 1, {reduction}")


@pytest.mark.parametrize("name", ["binary_crossentropy", "binary_focal_crossentropy"])
def test_axis_of_elements_is_the_one_of_keras(name: str) -> None:
    keras = load("keras")
    loss = find_loss(name).bind(dialect="keras")
    y_true, y_pred = _inputs(loss, "(a, b, k)")
    for axis in (1, -1, 2):
        expected = _keras_class(keras, name, "none", axis=axis)(y_true, y_pred)
        _assert_same(loss(y_true, y_pred, reduction="none", axis=axis), expected, f"{name}, axis {axis}")


def test_dice_over_all_and_over_each_row_is_the_one_of_keras() -> None:
    keras = load("keras")
    y_true, y_pred = _inputs(find_loss("dice"), "(n, k)")
    whole = keras.losses.Dice(dtype="float64")(y_true, y_pred)
    _assert_same(find_loss("dice")(y_true, y_pred), whole, "all")
    rows = keras.losses.Dice(axis=-1, dtype="float64", reduction="none")(y_true, y_pred)
    _assert_same(find_loss("dice").bind(axis=-1)(y_true, y_pred, reduction="none"), rows, "rows")


def test_weights_leave_the_sums_of_keras_dice_and_enter_ours() -> None:
    keras = load("keras")
    y_true, y_pred = _inputs(find_loss("dice"), "(n, k)")
    weights = np.array([1.0, 0.0, 2.0, 0.0, 1.0, 0.0])
    scaled = keras.losses.Dice(dtype="float64")(y_true, y_pred, sample_weight=weights)
    whole = find_loss("dice")(y_true, y_pred)
    _assert_same(whole * weights.mean(), scaled, "Keras multiplies the value by the mean weight")
    repeated = np.repeat(np.arange(6), weights.astype(int))
    _assert_same(
        find_loss("dice")(y_true, y_pred, sample_weight=weights),
        find_loss("dice")(y_true[repeated], y_pred[repeated]),
        "a weight of 2 is the row twice",
    )


def test_vectors_are_rows_to_us_and_one_row_to_keras() -> None:
    keras = load("keras")
    y_true, y_pred, weights = np.array([0.0, 0.0]), np.array([1.0, 3.0]), np.array([1.0, 0.0])
    loss = find_loss("mean_squared_error")
    ours = loss(y_true, y_pred, sample_weight=weights, reduction="mean")
    columns = keras.losses.MeanSquaredError(dtype="float64")(y_true[:, None], y_pred[:, None], sample_weight=weights)
    vectors = keras.losses.MeanSquaredError(dtype="float64")(y_true, y_pred, sample_weight=weights)
    _assert_same(ours, 0.5, "the first row's squared error of 1 over two rows")
    _assert_same(ours, columns, "Keras's columns")
    _assert_same(vectors, 2.5, "Keras's vectors: the mean of both rows, weighted by half")


def test_one_weight_for_all_is_a_weight_for_each_to_us_and_their_sum_to_keras() -> None:
    keras = load("keras")
    y_true, y_pred = np.zeros((2, 1)), np.array([[1.0], [3.0]])
    ours = find_loss("mean_squared_error")(y_true, y_pred, sample_weight=2.0, reduction="mean_with_sample_weight")
    made = keras.losses.MeanSquaredError(reduction="mean_with_sample_weight", dtype="float64")
    _assert_same(ours, (2.0 * 1.0 + 2.0 * 9.0) / (2.0 + 2.0), "the weights of both rows")
    _assert_same(ours, made(y_true, y_pred, sample_weight=np.full(2, 2.0)), "Keras with a weight for each row")
    _assert_same((2.0 * 1.0 + 2.0 * 9.0) / 2.0, made(y_true, y_pred, sample_weight=2.0), "Keras divides by the number")


def test_ignored_rows_leave_the_denominator_as_in_keras() -> None:
    keras = load("keras")
    loss = find_loss("sparse_categorical_crossentropy").bind(ignore_class=1)
    y_true, y_pred = _inputs(loss, "(n, k)")
    y_true[:] = [0, 1, 2, 1, 1, 0]
    for form in _WEIGHTS[:3]:
        weights = _weights(form, (6,))
        for reduction in _REDUCTIONS:
            if (form, reduction) == ("one number", "mean_with_sample_weight"):
                continue
            made = keras.losses.SparseCategoricalCrossentropy(ignore_class=1, dtype="float64", reduction=reduction)
            found = loss(y_true, y_pred, sample_weight=weights, reduction=reduction)
            _assert_same(found, made(y_true, y_pred, sample_weight=weights), f"{form}, {reduction}")


def _inputs(loss: Loss, shape: str) -> tuple[Any, Any]:
    rows = 6
    drawn = random_inputs(loss, rows, np.random.default_rng(5), Layout(None if shape == "(n,)" else 4))
    leading = _LEADING[shape]
    y_true, y_pred = (np.ascontiguousarray(array) for array in drawn.values())
    return y_true.reshape(*leading, *y_true.shape[1:]), y_pred.reshape(*leading, *y_pred.shape[1:])


def _weights(form: str, leading: tuple[int, ...]) -> Any:
    weights = np.random.default_rng(7).uniform(0.0, 3.0, leading)
    choices = {"no weights": None, "one number": 1.7, "a weight for each row": weights}
    return choices.get(form, weights[..., None])


def _keras_class(keras: Any, name: str, reduction: str, **arguments: Any) -> Any:
    return getattr(keras.losses, _CLASSES[name])(reduction=reduction, dtype="float64", **arguments)


def _assert_same(found: Any, expected: Any, message: str) -> None:
    assert np.shape(found) == np.shape(expected), message
    np.testing.assert_allclose(
        np.asarray(expected), found, rtol=FLOAT64.relative, atol=FLOAT64.absolute, err_msg=message
    )
