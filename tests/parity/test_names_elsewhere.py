"""What `known_as` says a loss is called elsewhere, at the parameters it says, is that loss.

Names that `same_as` or a dialect speak of already are compared there.
"""

from __future__ import annotations

from typing import Any

import pytest
from cases import ordinary_inputs, settings, with_hard_labels
from comparison import compare
from expressions import Expression

from losscli.registry import find_loss
from losscli.testing.sampling import Layout

_CLAIMS: list[tuple[str, dict[str, Any], str]] = [
    (
        "binary_crossentropy",
        {"from_logits": True},
        "torch.nn.BCEWithLogitsLoss(pos_weight=y_pred.new_tensor(pos_weight), reduction='none')(y_pred, y_true)",
    ),
    ("binary_crossentropy", {"from_logits": True}, "optax.losses.sigmoid_binary_cross_entropy(y_pred, y_true)"),
    ("binary_crossentropy", {}, "sklearn.metrics.log_loss(y_true, y_pred)"),
    (
        "binary_crossentropy",
        {"from_logits": True},
        "keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=label_smoothing, dtype='float64',"
        " reduction='none')(y_true[:, None], y_pred[:, None])",
    ),
    (
        "binary_focal_crossentropy",
        {"from_logits": True},
        "optax.losses.sigmoid_focal_loss(y_pred, y_true, gamma=gamma)",
    ),
    (
        "binary_focal_crossentropy",
        {"from_logits": True, "apply_class_balancing": True},
        "optax.losses.sigmoid_focal_loss(y_pred, y_true, alpha=alpha, gamma=gamma)",
    ),
    (
        "binary_focal_crossentropy",
        {"from_logits": True},
        "keras.losses.BinaryFocalCrossentropy(from_logits=True, gamma=gamma, dtype='float64', reduction='none')"
        "(y_true[:, None], y_pred[:, None])",
    ),
    ("poisson_deviance", {}, "sklearn.metrics.mean_poisson_deviance(y_true, y_pred)"),
    ("gamma_deviance", {}, "sklearn.metrics.mean_gamma_deviance(y_true, y_pred)"),
    ("tweedie_deviance", {}, "sklearn.metrics.mean_tweedie_deviance(y_true, y_pred, power=power)"),
    ("kl_divergence", {"epsilon": 0.0}, "optax.losses.kl_divergence(np.log(y_pred), y_true)"),
    ("poly1", {}, "optax.losses.poly_loss_cross_entropy(y_pred, y_true, epsilon=poly_epsilon)"),
    (
        "triplet",
        {},
        "torch.nn.TripletMarginWithDistanceLoss(distance_function=torch.nn.PairwiseDistance(eps=0.0), margin=margin,"
        " swap=swap, reduction='none')(anchor, positive, negative)",
    ),
    (
        "triplet",
        {"distance": "squared_euclidean"},
        "torch.nn.TripletMarginWithDistanceLoss(distance_function=lambda a, b: ((a - b) ** 2).sum(-1), margin=margin,"
        " swap=swap, reduction='none')(anchor, positive, negative)",
    ),
    (
        "triplet",
        {"distance": "cosine"},
        "torch.nn.TripletMarginWithDistanceLoss(distance_function=lambda a, b: 1 - torch.nn.CosineSimilarity()(a, b),"
        " margin=margin, swap=swap, reduction='none')(anchor, positive, negative)",
    ),
    ("crps_ensemble", {}, "scoringrules.crps_ensemble(y_true, members, estimator='nrg')"),
    (
        "sparse_categorical_crossentropy",
        {"from_logits": True, "ignore_class": 2},
        "torch.nn.CrossEntropyLoss(ignore_index=ignore_class)(y_pred, y_true)",
    ),
    (
        "sparse_categorical_crossentropy",
        {"ignore_class": 2},
        "keras.losses.SparseCategoricalCrossentropy(ignore_class=ignore_class, dtype='float64')(y_true, y_pred)",
    ),
    (
        "sparse_categorical_crossentropy",
        {"normalize": False},
        "sklearn.metrics.log_loss(y_true, y_pred, labels=range(y_pred.shape[1]))",
    ),
    ("top_k_error", {"k": 2}, "1 - sklearn.metrics.top_k_accuracy_score(y_true, y_pred, labels=range(8))"),
    ("root_mean_squared_error", {}, "sklearn.metrics.root_mean_squared_error(y_true, y_pred)"),
    ("root_mean_squared_logarithmic_error", {}, "sklearn.metrics.root_mean_squared_log_error(y_true, y_pred)"),
    ("cosine_similarity", {"sign": 1}, "optax.losses.cosine_similarity(y_pred, y_true)"),
    ("cosine_similarity", {"sign": 1}, "torch.nn.CosineSimilarity(eps=floor)(y_pred, y_true)"),
    (
        "log_cosh",
        {},
        "keras.losses.LogCosh(dtype='float64', reduction='none')(y_true[:, None], y_pred[:, None])",
    ),
    ("fbeta", {"beta": 1.0}, "keras.losses.Dice(dtype='float64')(y_true, y_pred)"),
    # What Keras up to 3.15.1 documents as alpha, the weight of false positives, weighs false negatives.
    (
        "tversky",
        {},
        "keras.losses.Tversky(alpha=beta, beta=alpha, axis=axis, dtype='float64', reduction='none')(y_true, y_pred)",
    ),
]


@pytest.mark.parametrize(("name", "parameters", "text"), _CLAIMS, ids=[f"{name}-{text}" for name, _, text in _CLAIMS])
def test_name_elsewhere_is_this_loss(name: str, parameters: dict[str, Any], text: str, triples: set[str]) -> None:
    expression = Expression(text)
    for bound in settings(find_loss(name).bind(**parameters), expression.names - set(parameters), text):
        inputs = ordinary_inputs(bound, f"{text} {dict(bound.values)}")
        compare(bound, expression, with_hard_labels(inputs) if "log_loss" in text else inputs, triples)


_MULTICLASS = [
    ("brier", "sklearn.metrics.brier_score_loss(y_true, y_pred)", "one-hot or soft"),
    ("zero_one", "1 - keras.metrics.SparseCategoricalAccuracy(dtype='float64')(y_true, y_pred)", "index"),
    ("zero_one", "sklearn.metrics.zero_one_loss(y_true, y_pred.argmax(axis=1))", "index"),
]


@pytest.mark.parametrize(("name", "text", "label"), _MULTICLASS, ids=lambda part: part)
def test_multiclass_form_is_the_one_elsewhere(name: str, text: str, label: str, triples: set[str]) -> None:
    loss = find_loss(name)
    inputs = ordinary_inputs(loss, text, Layout(8, index=label == "index"))
    if name == "brier":
        inputs["y_pred"] = inputs["y_pred"] / inputs["y_pred"].sum(axis=1, keepdims=True)
    compare(loss, Expression(text), inputs, triples)
