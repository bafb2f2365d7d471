"""Laws of single losses that the laws over the whole catalogue do not cover.

Overlap, embedding, adversarial, sequence and penalty losses: identities
between them, brute force, and what they refuse.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from losscli.catalogue.adversarial import gan_discriminator, gan_generator, gan_generator_nonsaturating
from losscli.catalogue.embedding import contrastive, cosine_embedding, info_nce, quadruplet, triplet
from losscli.catalogue.pairwise import circle
from losscli.catalogue.penalty import l2_penalty
from losscli.catalogue.segmentation import dice, fbeta, focal_tversky, jaccard, tversky
from losscli.catalogue.sequence import ctc
from losscli.errors import InputError, UsageError
from losscli.roles import FloatArray
from losscli.validation import find_faults

OVERLAP = [dice, tversky, focal_tversky, jaccard, fbeta]


def _labels_and_probabilities(*shape: int) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(3)
    return (rng.uniform(size=shape) < 0.4).astype(float), rng.uniform(size=shape)


def _unit_rows(count: int, size: int) -> FloatArray:
    vectors = np.random.default_rng(5).normal(size=(count, size))
    unit: FloatArray = vectors / np.sqrt((vectors * vectors).sum(axis=1))[:, None]
    return unit


@pytest.mark.parametrize("loss", OVERLAP, ids=lambda loss: loss.name)
def test_an_integer_weight_is_the_row_so_many_times(loss: Any) -> None:
    y_true, y_pred = _labels_and_probabilities(6, 3)
    weights = np.array([0, 1, 2, 3, 1, 2])
    repeated = np.repeat(y_true, weights, axis=0), np.repeat(y_pred, weights, axis=0)
    np.testing.assert_allclose(loss(y_true, y_pred, sample_weight=weights), loss(*repeated), rtol=1e-14)


@pytest.mark.parametrize("loss", OVERLAP, ids=lambda loss: loss.name)
def test_a_row_with_axis_is_a_data_set_of_its_own(loss: Any) -> None:
    y_true, y_pred = _labels_and_probabilities(6, 3)
    alone = [loss(y_true[row : row + 1], y_pred[row : row + 1]) for row in range(6)]
    np.testing.assert_allclose(loss.bind(axis=-1)(y_true, y_pred, reduction="none"), alone, rtol=1e-14)


@pytest.mark.parametrize("loss", OVERLAP, ids=lambda loss: loss.name)
def test_axis_needs_columns(loss: Any) -> None:
    with pytest.raises(InputError, match="no loss of its own"):
        loss.bind(axis=-1)([1.0, 0.0], [0.5, 0.5])


@pytest.mark.parametrize("loss", OVERLAP, ids=lambda loss: loss.name)
def test_an_empty_row_needs_an_epsilon(loss: Any) -> None:
    rows = [[1.0, 0.0], [0.0, 0.0]]
    np.testing.assert_array_equal(loss.bind(axis=-1)(rows, rows, reduction="none")[1], 1.0)
    with pytest.raises(InputError, match=r"row 2: .* epsilon is 0"):
        loss.bind(axis=-1, epsilon=0.0)(rows, rows)


@pytest.mark.parametrize(("alpha", "beta", "y_true", "y_pred"), [(0.0, 1.0, 0.0, 0.5), (1.0, 0.0, 0.5, 0.0)])
def test_a_row_without_a_denominator_is_refused(alpha: float, beta: float, y_true: float, y_pred: float) -> None:
    loss = tversky.bind(alpha=alpha, beta=beta, epsilon=0.0, axis=-1)
    with pytest.raises(InputError, match="epsilon is 0"):
        loss([[y_true]], [[y_pred]])
    np.testing.assert_array_equal(loss([[0.5]], [[0.5]]), 0.25 / (0.25 + 0.25))


def test_tversky_needs_a_weight_for_some_error() -> None:
    with pytest.raises(UsageError, match="no error that counts"):
        tversky.bind(alpha=0.0, beta=0.0)([1.0], [0.5])


def test_overlap_losses_are_special_cases_of_each_other() -> None:
    data = _labels_and_probabilities(40)
    np.testing.assert_array_equal(fbeta(*data), dice(*data))
    np.testing.assert_array_equal(jaccard(*data), tversky.bind(alpha=1.0, beta=1.0)(*data))
    np.testing.assert_array_equal(focal_tversky.bind(gamma=1.0)(*data), tversky(*data))
    np.testing.assert_allclose(focal_tversky.bind(gamma=2.0)(*data), np.sqrt(tversky(*data)), rtol=1e-14)
    for beta, recall_share in ((0.5, 0.2), (3.0, 0.9)):
        as_tversky = tversky.bind(alpha=1 - recall_share, beta=recall_share, epsilon=1e-3 * (1 - recall_share))
        np.testing.assert_allclose(fbeta.bind(beta=beta, epsilon=1e-3)(*data), as_tversky(*data), rtol=1e-14)


def test_an_extreme_beta_is_precision_or_recall() -> None:
    y_true, y_pred = _labels_and_probabilities(40)
    overlap = (y_true * y_pred).sum()
    np.testing.assert_allclose(fbeta.bind(beta=1e-200)(y_true, y_pred), 1 - overlap / y_pred.sum(), rtol=1e-6)
    np.testing.assert_allclose(fbeta.bind(beta=1e200)(y_true, y_pred), 1 - overlap / y_true.sum(), rtol=1e-6)


def test_alpha_weighs_false_positives() -> None:
    only_false_positives = [0.0, 1.0], [0.5, 1.0]
    np.testing.assert_allclose(tversky.bind(alpha=0.0, beta=1.0, epsilon=0.0)(*only_false_positives), 0.0)
    np.testing.assert_allclose(tversky.bind(alpha=1.0, beta=0.0, epsilon=0.0)(*only_false_positives), 0.5 / 1.5)


def test_triplet_survives_distances_beyond_float64() -> None:
    far, origin = [[1e308, 1e308]], [[-1e308, -1e308]]
    for distance in ("euclidean", "squared_euclidean"):
        loss = triplet.bind(distance=distance)
        np.testing.assert_array_equal(loss(origin, far, far), 1.0)
        np.testing.assert_array_equal(loss(origin, origin, far), 0.0)
    np.testing.assert_array_equal(quadruplet(origin, far, far, origin), 1.0 + 0.5)


def test_contrastive_squares_neither_too_much_nor_too_little() -> None:
    np.testing.assert_array_equal(contrastive([[1e308]], [[-1e308]], [0.0]), 0.0)
    np.testing.assert_allclose(contrastive([[3e-160, 4e-160]], [[0.0, 0.0]], [1.0]), 25e-320, rtol=1e-3)


def test_cosine_of_nearly_parallel_vectors_keeps_its_digits() -> None:
    angle = 1e-9
    loss = cosine_embedding([[1.0, 0.0]], [[1.0, angle]], [1.0])
    np.testing.assert_allclose(loss, angle * angle / 2, rtol=1e-6)


def test_cosine_ignores_lengths() -> None:
    for length in (5e-324, 1e-200, 1e200, 1.7e308):
        np.testing.assert_array_equal(cosine_embedding([[length, length]], [[1.0, 1.0]], [1.0]), 0.0)


@pytest.mark.parametrize("label", [0.0, 0.5])
def test_cosine_embedding_refuses_other_labels(label: float) -> None:
    with pytest.raises(InputError, match="label, row 2"):
        cosine_embedding([[1.0]] * 2, [[1.0]] * 2, [1.0, label])


def test_info_nce_with_equal_candidates_cannot_tell() -> None:
    same = np.ones((2, 3))
    np.testing.assert_allclose(info_nce(same, same, np.ones((2, 4, 3)), reduction="none"), np.log(5.0), rtol=1e-15)


def test_info_nce_refuses_negatives_of_another_size() -> None:
    with pytest.raises(InputError, match="vectors of 1 and of 3 components"):
        info_nce(np.ones((2, 3)), np.ones((2, 3)), np.ones((2, 4, 1)))


def test_info_nce_needs_a_negative() -> None:
    inputs = {"anchor": np.ones((2, 3)), "positive": np.ones((2, 3)), "negatives": np.ones((2, 0, 3))}
    assert find_faults(info_nce, inputs, {}).first().problem == "holds no vector to compare with"


def _circle_by_definition(labels: Any, vectors: FloatArray, gamma: float, margin: float) -> FloatArray:
    rows = []
    for row, label in enumerate(labels):
        distance = np.maximum(1.0 - (vectors * vectors[row]).sum(axis=1), 0.0)
        same = (labels == label) & (np.arange(len(labels)) != row)
        other = labels != label
        near = np.exp(-gamma * np.maximum(margin + distance, 0) * (margin - distance))
        far = np.exp(gamma * np.maximum(1 + margin - distance, 0) * (1 - margin - distance))
        rows.append(np.log1p(near[same].sum() * far[other].sum()))
    return np.array(rows)


def test_circle_in_blocks_is_its_definition() -> None:
    # More rows than a block has, and more columns.
    vectors = _unit_rows(1100, 3)
    labels = np.arange(1100) % 7
    loss = circle.bind(gamma=4.0)(labels, vectors, reduction="none")
    np.testing.assert_allclose(loss, _circle_by_definition(labels, vectors, 4.0, 0.4), rtol=1e-12)


def test_circle_does_not_depend_on_the_order_of_rows() -> None:
    vectors, labels = _unit_rows(150, 3), np.arange(150) % 4
    order = np.random.default_rng(1).permutation(150)
    ordered = circle(labels, vectors, reduction="none")
    shuffled = circle(labels[order], vectors[order], reduction="none")
    np.testing.assert_array_equal(shuffled, np.asarray(ordered)[order])


def test_a_row_without_a_partner_takes_part_but_does_not_count() -> None:
    labels, vectors = [0, 0, 1], [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]]
    loss = circle.bind(gamma=8.0)
    rows = np.log1p(np.exp([-1.28, 3.84]))
    np.testing.assert_allclose(loss(labels, vectors, reduction="none"), [*rows, 0.0], rtol=1e-12)
    np.testing.assert_allclose(loss(labels, vectors), rows.mean(), rtol=1e-12)


def test_circle_refuses_embeddings_that_are_not_of_unit_length() -> None:
    with pytest.raises(InputError, match=r"row 2: .* is not of length 1"):
        circle([0, 0, 1, 1], [[1.0, 0.0], [2.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    scaled = _unit_rows(6, 2) * 3.0
    labels = [0, 0, 1, 1, 2, 2]
    np.testing.assert_allclose(circle.bind(normalize=True)(labels, scaled), circle(labels, scaled / 3.0), rtol=1e-12)
    with pytest.raises(InputError, match="is not of length 1"):
        circle.bind(normalize=True)(labels, scaled * [[0.0]] + [[0.0, 0.0]])


def test_circle_refuses_more_rows_than_it_can_compare() -> None:
    with pytest.raises(InputError, match="compares every row with every other"):
        circle.rows({"y_true": np.zeros(20_001, dtype=np.intp), "y_pred": np.ones((20_001, 1))})


def test_gan_probabilities_are_clipped_like_keras() -> None:
    bound = -np.log(1e-7)
    loss = gan_discriminator.bind(from_logits=False)
    np.testing.assert_allclose(loss([0.0], [1.0]), 2 * bound, rtol=1e-15)
    np.testing.assert_allclose(loss([1.0], [0.0]), -2 * np.log1p(-1e-7), rtol=1e-12)
    assert loss.clipped is not None
    clipped = loss.clipped(np.array([0.0, 1.0, 0.5]), np.array([0.5, 0.0, 1.0]), False)
    np.testing.assert_array_equal(clipped, [True, False, True])


def test_gan_logits_and_probabilities_agree() -> None:
    scores = np.linspace(-12.0, 12.0, 49)
    probabilities = 1.0 / (1.0 + np.exp(-scores))
    for loss in (gan_generator, gan_generator_nonsaturating):
        from_probabilities = loss.bind(from_logits=False)(probabilities, reduction="none")
        np.testing.assert_allclose(from_probabilities, loss(scores, reduction="none"), rtol=1e-9)


def _ctc_by_definition(label: list[int], logits: FloatArray) -> float:
    frames, classes = logits.shape
    probability = np.exp(logits) / np.exp(logits).sum(axis=1)[:, None]
    total = 0.0
    for path in itertools.product(range(classes), repeat=frames):
        merged = [symbol for symbol, _ in itertools.groupby(path)]
        if [symbol for symbol in merged if symbol] == label:
            total += float(np.prod(probability[np.arange(frames), path]))
    return float(-np.log(total))


def test_ctc_sums_over_all_paths() -> None:
    labels = [[1, 2, 0], [1, 1, 0], [2, 0, 0], [0, 0, 0], [1, 2, 1], [2, 2, 1]]
    logits = np.random.default_rng(2).normal(0.0, 2.0, size=(len(labels), 5, 3))
    expected = [
        _ctc_by_definition([symbol for symbol in label if symbol], frames)
        for label, frames in zip(labels, logits, strict=True)
    ]
    np.testing.assert_allclose(ctc(labels, logits, reduction="none"), expected, rtol=1e-12)


def test_ctc_of_an_empty_label_is_the_path_of_blanks() -> None:
    logits = np.random.default_rng(4).normal(size=(1, 5, 3))
    np.testing.assert_allclose(ctc([[0]], logits), _ctc_by_definition([], logits[0]), rtol=1e-12)


def test_ctc_is_infinite_where_the_frames_are_too_few() -> None:
    # Two equal labels need a blank between them, so three frames.
    losses = ctc([[1, 1], [1, 2]], np.zeros((2, 2, 3)), reduction="none")
    # Logarithms differ by a unit in the last place from one processor to another.
    np.testing.assert_allclose(losses, [np.inf, np.log(9)], rtol=2.0**-51)


@pytest.mark.parametrize(
    ("label", "problem"),
    [([1, 3], "no logit"), ([0, 1], "goes on after a 0"), ([1, -1], "a valid label"), ([1, 1.5], "a valid label")],
)
def test_ctc_refuses_a_bad_label(label: list[float], problem: str) -> None:
    with pytest.raises(InputError, match=f"row 2: .*{problem}"):
        ctc([[1, 0], label], np.zeros((2, 4, 3)))


def test_ctc_needs_a_class_beside_the_blank() -> None:
    with pytest.raises(InputError, match="too few frames or classes"):
        ctc([[0]], np.zeros((1, 4, 1)))


def test_a_penalty_is_a_sum_over_any_shape() -> None:
    values = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_allclose(l2_penalty.bind(factor=0.5)(values), 0.5 * np.square(values).sum(), rtol=1e-15)
