"""Classification losses where frameworks and rounding differ: clipping, encodings, dialects, digits."""

from __future__ import annotations

import math

import numpy as np
import pytest

from losscli.arguments import call_with
from losscli.arrays import class_major
from losscli.catalogue.binary import (
    binary_crossentropy,
    binary_focal_crossentropy,
    exponential,
    hinge,
    logistic,
    zero_one,
)
from losscli.catalogue.distributions import brier, hellinger, js_divergence, kl_divergence, spherical
from losscli.catalogue.multiclass import (
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
    categorical_hinge,
    multi_margin,
    poly1,
    sparse_categorical_crossentropy,
    top_k_error,
)
from losscli.catalogue.multilabel import multilabel_margin, multilabel_soft_margin
from losscli.declaration import Loss
from losscli.errors import InputError

FLOAT64_EPSILON = float(np.finfo(np.float64).eps)


def rows(loss: Loss, y_true: object, y_pred: object) -> np.ndarray:
    return np.asarray(loss(np.asarray(y_true), np.asarray(y_pred), reduction="none"))


def clipped(loss: Loss, y_true: object, y_pred: object) -> list[bool]:
    assert loss.clipped is not None
    inputs = {"y_true": class_major(np.asarray(y_true)), "y_pred": class_major(np.asarray(y_pred, dtype=float))}
    with np.errstate(all="ignore"):
        row_loss = loss.rows(inputs)
    return list(call_with(loss.clipped, {**inputs, **loss.values, "row_loss": row_loss}))


@pytest.mark.parametrize(
    ("dialect", "cost"),
    [("keras", -math.log(1e-7)), ("torch", 100.0), ("sklearn", -math.log(FLOAT64_EPSILON))],
)
def test_a_probability_of_0_for_what_happened_costs_what_the_framework_says(dialect: str, cost: float) -> None:
    loss = binary_crossentropy.bind(dialect=dialect)
    np.testing.assert_allclose(rows(loss, [1, 0], [0.0, 1.0]), [cost, cost], rtol=1e-15)


def test_sklearn_dialect_of_crossentropy_uses_rows_as_they_are() -> None:
    loss = sparse_categorical_crossentropy.bind(dialect="sklearn")
    np.testing.assert_allclose(
        rows(loss, [0, 1], [[0.4, 0.4], [1.0, 0.0]]), [-math.log(0.4), -math.log(FLOAT64_EPSILON)]
    )
    np.testing.assert_allclose(rows(sparse_categorical_crossentropy, [0], [[0.4, 0.4]]), math.log(2))
    with pytest.raises(InputError, match=r"row 1: 1\.5 is not"):
        loss([0], [[1.5, 0.5]])


def test_torch_dialect_of_crossentropy_ignores_the_class_minus_100() -> None:
    loss = sparse_categorical_crossentropy.bind(dialect="torch")
    np.testing.assert_allclose(rows(loss, [0, -100], [[0.0, 0.0], [5.0, 1.0]]), [math.log(2), 0.0])
    np.testing.assert_allclose(loss([0, -100], [[0.0, 0.0], [5.0, 1.0]]), math.log(2))


def test_torch_dialect_of_kl_is_the_textbook_divergence() -> None:
    loss = kl_divergence.bind(dialect="torch")
    np.testing.assert_allclose(
        rows(loss, [[1.0, 0.0], [1.0, 0.0]], [[0.9, 0.1], [0.0, 1.0]]), [math.log(10 / 9), np.inf]
    )


def test_perfect_probability_costs_the_unrounded_upper_clip() -> None:
    for epsilon in (1e-7, 1e-12, 1e-300):
        expected = -math.log1p(-epsilon)
        loss = binary_crossentropy.bind(epsilon=epsilon)
        np.testing.assert_allclose(rows(loss, [1, 0], [1.0, 0.0]), expected, rtol=1e-15)
        loss = categorical_crossentropy.bind(epsilon=epsilon)
        np.testing.assert_allclose(rows(loss, [[0, 1]], [[0.0, 3.0]]), expected, rtol=1e-15)


def test_small_probabilities_of_the_other_label_keep_their_digits() -> None:
    small = np.array([1e-6, 3e-5, 0.01, 0.3, 0.7])
    np.testing.assert_allclose(rows(binary_crossentropy, np.zeros(5), small), -np.log1p(-small), rtol=1e-15)


def test_hard_labels_cost_the_same_bits_alone_and_beside_soft_ones() -> None:
    rng = np.random.default_rng(1)
    # Squared, because 1 - p is exact for all p of Generator.random.
    label, share = rng.integers(0, 2, 500).astype(float), np.append(rng.random(497) ** 2, [0.0, 1.0, 1e-9])
    for loss in (binary_crossentropy, binary_crossentropy.bind(pos_weight=3.7)):
        alone = rows(loss, label, share)
        beside = rows(loss, np.append(label, 0.5), np.append(share, 0.5))[:-1]
        np.testing.assert_array_equal(alone.view(np.uint64), beside.view(np.uint64))


def test_logits_are_exact_far_beyond_the_clip() -> None:
    extreme = [-1000.0, 1000.0, -1e308]
    binary = rows(binary_crossentropy.bind(from_logits=True), [1, 0, 1], extreme)
    np.testing.assert_array_equal(binary, [1000.0, 1000.0, 1e308])
    np.testing.assert_allclose(rows(logistic, [1], [40.0]), math.exp(-40), rtol=1e-15)
    loss = sparse_categorical_crossentropy.bind(from_logits=True)
    np.testing.assert_allclose(rows(loss, [0, 1], [[40.0, 0.0], [0.0, 700.0]]), [math.exp(-40), math.exp(-700)])
    np.testing.assert_array_equal(rows(loss, [1], [[1e300, -1e300]]), [2e300])


def test_labels_of_0_do_not_turn_overflowing_logits_into_nan() -> None:
    loss = categorical_crossentropy.bind(from_logits=True)
    np.testing.assert_array_equal(rows(loss, [[1, 0]], [[1.7e308, -1.7e308]]), [0.0])
    np.testing.assert_array_equal(rows(poly1, [[1, 0]], [[1.7e308, -1.7e308]]), [0.0])


def test_focal_losses_clip_logits_as_keras_does() -> None:
    cap = -math.log(1e-7)
    np.testing.assert_allclose(rows(binary_focal_crossentropy.bind(from_logits=True), [1], [-1000.0]), cap)
    loss = categorical_focal_crossentropy.bind(from_logits=True, alpha=1.0, gamma=0.0)
    np.testing.assert_allclose(rows(loss, [[0, 1]], [[1000.0, 0.0]]), cap)


def test_counts_whose_sum_overflows_are_still_shares() -> None:
    counts = [[1.2e308, 1.2e308]]
    np.testing.assert_allclose(rows(sparse_categorical_crossentropy, [0], counts), math.log(2))
    np.testing.assert_allclose(rows(categorical_crossentropy, [[1, 0]], counts), math.log(2))


def test_ignored_rows_are_not_looked_at_and_leave_the_mean() -> None:
    loss = sparse_categorical_crossentropy.bind(ignore_class=255)
    predictions = [[0.5, 0.5], [np.nan, -3.0]]
    np.testing.assert_allclose(rows(loss, [0, 255], predictions), [math.log(2), 0.0])
    np.testing.assert_allclose(loss([0, 255], predictions), math.log(2))


def test_clipped_rows_are_those_whose_cost_epsilon_cut() -> None:
    assert clipped(binary_crossentropy, [1.0, 1.0, 0.0, 0.0], [0.0, 1.0, 1.0, 1e-9]) == [True, False, True, False]
    smoothed = binary_crossentropy.bind(label_smoothing=0.1)
    assert clipped(smoothed, [1.0, 1.0], [1.0, 0.9]) == [True, False]
    assert clipped(binary_crossentropy.bind(from_logits=True), [1.0], [-100.0]) == [False]
    assert clipped(sparse_categorical_crossentropy, [0, 1, 0], [[0, 1], [0, 1], [1e-6, 1e3]]) == [True, False, True]
    assert clipped(categorical_crossentropy, [[1.0, 0.0], [0.0, 1.0]], [[0, 1], [0, 1]]) == [True, False]
    assert clipped(binary_focal_crossentropy.bind(from_logits=True), [1.0, 1.0], [-17.0, 17.0]) == [True, False]


def test_margin_labels_are_one_encoding_for_the_whole_column() -> None:
    np.testing.assert_array_equal(rows(hinge, [0, 1], [2.0, 0.5]), rows(hinge, [-1, 1], [2.0, 0.5]))
    for loss in (hinge, zero_one):
        with pytest.raises(InputError, match="row 2: -1 stands in a column that also holds 0"):
            loss([0, -1, 1], [0.5, 0.5, 0.5])
    # Every output of a row has an encoding of its own.
    np.testing.assert_array_equal(rows(hinge, [[0, -1], [1, 1]], [[1.0, 1.0], [1.0, 1.0]]), [2.0, 0.0])


def test_exponential_loss_overflows_to_infinity() -> None:
    np.testing.assert_array_equal(rows(exponential, [0, 1], [1000.0, 1000.0]), [np.inf, 0.0])


def test_categorical_hinge_lets_the_true_class_compete_with_0() -> None:
    np.testing.assert_array_equal(rows(categorical_hinge, [[1, 0, 0]], [[-5.0, -2.0, -3.0]]), [6.0])


def test_index_one_hot_and_binary_forms_agree() -> None:
    shares = np.array([[0.7, 0.3], [0.2, 0.8], [0.5, 0.5]])
    index, hot = np.array([0, 0, 1]), np.array([[1, 0], [1, 0], [0, 1]])
    logits = np.log(shares)
    for loss, matrix, column in (
        (brier, shares, shares[:, 1]),
        (poly1, logits, logits[:, 1] - logits[:, 0]),
        (zero_one, shares, shares[:, 1]),
    ):
        np.testing.assert_allclose(rows(loss, index, matrix), rows(loss, hot, matrix), rtol=1e-15)
        np.testing.assert_allclose(rows(loss, index, matrix), rows(loss, index, column), rtol=1e-14)


@pytest.mark.parametrize("loss", [brier, poly1, zero_one, categorical_crossentropy], ids=lambda loss: loss.name)
def test_a_single_column_is_not_a_choice_between_classes(loss: Loss) -> None:
    with pytest.raises(InputError, match=r"\[0\.5\] is a"):
        loss([[1.0], [0.0]], [[0.5], [0.5]])


def test_alphas_are_one_for_all_classes_or_one_for_each() -> None:
    loss = categorical_focal_crossentropy.bind(alpha=(0.2, 0.5, 0.3), gamma=0.0)
    third = np.full((3, 3), 1 / 3)
    np.testing.assert_allclose(rows(loss, np.eye(3), third), np.array([0.2, 0.5, 0.3]) * math.log(3))
    with pytest.raises(InputError, match="has not one class for each alpha"):
        loss([[1.0, 0.0]], [[0.5, 0.5]])


def test_a_row_of_zeros_has_no_shares() -> None:
    for loss, label in ((sparse_categorical_crossentropy, [0]), (spherical, [0]), (js_divergence, [[1.0, 0.0]])):
        with pytest.raises(InputError, match=r"row 1: \[0, 0\] has no class above 0"):
            loss(label, [[0.0, 0.0]])


def test_distributions_must_sum_to_1_where_the_distance_needs_it() -> None:
    with pytest.raises(InputError, match=r"row 1: \[0\.5, 0\.6\] does not sum to 1"):
        hellinger([[0.5, 0.5]], [[0.5, 0.6]])


def test_distances_of_near_distributions_keep_their_digits() -> None:
    share = np.array([0.3000001, 0.3000002, 0.3000003])
    true, near = np.full((3, 2), [0.3, 0.7]), np.stack([share, 1.0 - share], axis=-1)
    np.testing.assert_array_equal([true.sum(axis=-1), near.sum(axis=-1)], 1.0)
    # The leading terms of the series; the next ones are smaller by the square of the step.
    leading = ((near - true) ** 2 / (true + near)).sum(axis=-1) / 4
    np.testing.assert_allclose(rows(js_divergence, true, near), leading, rtol=1e-11)
    np.testing.assert_allclose(rows(hellinger, true, near), np.sqrt(leading), rtol=1e-11)
    np.testing.assert_allclose(rows(spherical, [0], [[1.0, 1e-9]]), 0.5e-18, rtol=1e-15)


def test_generalized_cross_entropy_tends_to_cross_entropy() -> None:
    loss = categorical_generalized_cross_entropy.bind(q=1e-12)
    np.testing.assert_allclose(rows(loss, [0], [[0.7, 0.3]]), -math.log(0.7), rtol=1e-11)


def test_margins_do_not_overflow_before_their_mean() -> None:
    np.testing.assert_allclose(rows(multi_margin, [0], [[-8e307, 8e307, 8e307]]), 2 / 3 * 1.6e308)
    np.testing.assert_array_equal(
        rows(multilabel_margin, [[1, 1], [0, 0]], [[1e308, -1e308], [1e308, -1e308]]), [0.0, 0.0]
    )


def test_ties_favour_the_model_among_the_best_k() -> None:
    np.testing.assert_array_equal(rows(top_k_error.bind(k=2), [2, 2], [[0.5, 0.25, 0.25], [0.5, 0.3, 0.2]]), [0.0, 1.0])


def test_multilabel_soft_margin_is_binary_crossentropy_of_logits() -> None:
    rng = np.random.default_rng(2)
    label, logit = rng.random((20, 3)), rng.normal(0, 5, (20, 3))
    expected = rows(binary_crossentropy.bind(from_logits=True), label, logit)
    np.testing.assert_allclose(rows(multilabel_soft_margin, label, logit), expected, rtol=1e-15)
