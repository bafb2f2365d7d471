"""The kind of predictions is decided once for the whole input, and every kind gives the same number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import losscli
from losscli.columns.kinds import DECIDING_ROWS, HARD_ROWS, kind_by_name, look_of
from losscli.errors import InputError, UsageError

RNG = np.random.default_rng(20_260_301)
ROWS = 400

SCORES = RNG.normal(0.0, 3.0, ROWS)
LABELS = (RNG.random(ROWS) < 0.4).astype(np.float64)
LOGITS = RNG.normal(0.0, 3.0, (ROWS, 4))
CLASSES = RNG.integers(0, 4, ROWS)


def sigmoid(values: Any) -> Any:
    """In extended precision, each tail from the exponential that does not overflow."""
    exact = np.asarray(values, np.longdouble)
    tail = np.exp(-np.abs(exact))
    return np.where(exact >= 0, 1 / (1 + tail), tail / (1 + tail))


def softmax(values: Any) -> Any:
    """In extended precision."""
    exact = np.asarray(values, np.longdouble)
    powers = np.exp(exact - exact.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def value_of(label: Any, predictions: Any, loss: str, names: str = "s", **settings: Any) -> float:
    """The loss of a table with one column, or one for each class."""
    if np.ndim(predictions) == 1:
        columns = {names: predictions}
    else:
        columns = {f"{names}_{place}": column for place, column in enumerate(np.transpose(predictions))}
    table = pa.table({"y_true": label, **columns})
    pred = list(columns)
    value = losscli.evaluate(table, loss, label="y_true", pred=pred, engine="serial", **settings).loss
    assert value is not None
    return value


# One score.

PROBABILITIES = sigmoid(SCORES)
ONE_SCORE = {
    "binary_crossentropy": -np.log(np.where(LABELS == 1, PROBABILITIES, sigmoid(-SCORES))),
    "brier": np.square(LABELS - PROBABILITIES),
    "zero_one": ((SCORES > 0) != (LABELS == 1)).astype(np.longdouble),
    "binary_focal_crossentropy:gamma=1": -np.log(np.where(LABELS == 1, PROBABILITIES, sigmoid(-SCORES)))
    * np.where(LABELS == 1, sigmoid(-SCORES), PROBABILITIES),
}


@pytest.mark.parametrize("loss", ONE_SCORE)
@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("prob", PROBABILITIES),
        ("logit", SCORES),
        ("percent", 100 * PROBABILITIES),
        ("log-prob", np.log(PROBABILITIES)),
    ],
)
def test_one_score_of_any_kind_gives_the_number_of_its_probability(loss: str, kind: str, written: Any) -> None:
    expected = float(np.mean(ONE_SCORE[loss]))
    found = value_of(LABELS, written.astype(np.float64), loss, pred_kind=kind)
    np.testing.assert_allclose(found, expected, rtol=1e-13)


# A score for each class.

SHARES = softmax(LOGITS)
HOT = np.eye(4)[CLASSES]
TRUE_SHARE = SHARES[np.arange(ROWS), CLASSES]
CLASS_SCORES = {
    "sparse_categorical_crossentropy:epsilon=1e-15": -np.log(TRUE_SHARE),
    "categorical_crossentropy:epsilon=1e-15": -np.log(TRUE_SHARE),
    "brier": np.square(HOT - SHARES).sum(axis=1),
    "zero_one": (LOGITS.argmax(axis=1) != CLASSES).astype(np.longdouble),
    "nll": -np.log(TRUE_SHARE),
    "spherical": 1 - TRUE_SHARE / np.sqrt(np.square(SHARES).sum(axis=1)),
    "total_variation": np.abs(HOT - SHARES).sum(axis=1) / 2,
}


@pytest.mark.parametrize("loss", CLASS_SCORES)
@pytest.mark.parametrize(
    ("kind", "written"),
    [("prob", SHARES), ("logit", LOGITS), ("percent", 100 * SHARES), ("log-prob", np.log(SHARES))],
)
def test_class_scores_of_any_kind_give_the_number_of_their_probabilities(loss: str, kind: str, written: Any) -> None:
    expected = float(np.mean(CLASS_SCORES[loss]))
    found = value_of(CLASSES, written.astype(np.float64), loss, pred_kind=kind)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_hard_labels_are_zero_and_one_in_either_spelling() -> None:
    hard = (SCORES > 0).astype(np.float64)
    expected = float(np.mean(np.square(LABELS - hard)))
    for written in (hard, 2 * hard - 1):
        assert value_of(LABELS, written, "brier") == expected
        assert value_of(LABELS, written, "brier", pred_kind="label") == expected
        assert value_of(LABELS, written, "zero_one", pred_kind="label") == expected


def test_logits_stay_accurate_where_probabilities_round() -> None:
    far = np.array([-800.0, -40.0, 40.0, 800.0])
    found = [value_of([1.0], far[[place]], "brier", pred_kind="logit") for place in range(4)]
    expected = np.square(1 - sigmoid(far)).astype(np.float64)
    np.testing.assert_allclose(found, expected, rtol=1e-15, atol=1e-33)
    steep = np.array([[1e308, -1e308, 0.0]])
    assert value_of([0], steep, "brier", pred_kind="logit") == 0.0


def test_probabilities_give_the_bits_of_the_arrays() -> None:
    single, several = PROBABILITIES.astype(np.float64), SHARES.astype(np.float64)
    for loss in ("binary_crossentropy", "brier", "zero_one"):
        assert value_of(LABELS, single, loss) == losscli.loss(loss)(LABELS, single)
    for loss in ("sparse_categorical_crossentropy", "spherical"):
        assert value_of(CLASSES, several, loss) == losscli.loss(loss)(CLASSES, several)


# Names.


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        (["logit"], "logit"),
        (["y_logits"], "logit"),
        (["RawFormulaVal"], "logit"),
        (["RawFormulaVal:Class=0", "RawFormulaVal:Class=1"], "logit"),
        (["Probability:Class=a", "Probability:Class=b"], "prob"),
        (["rawPrediction"], "logit"),
        (["raw_score"], "logit"),
        (["margin"], "logit"),
        (["decision_function"], "logit"),
        (["logit_0", "logit_1"], "logit"),
        (["cat logit", "dog logit"], "logit"),
        (["logprob_a", "logprob_b"], "log-prob"),
        (["log_prob"], "log-prob"),
        (["y_pred_proba"], "prob"),
        (["prob_raw", "prob_cooked"], "prob"),
        (["p_raw", "p_cooked"], None),
        (["score"], None),
        (["y_pred"], None),
        (["strawberry"], None),
        (["problem"], None),
    ],
)
def test_names_state_a_kind(columns: list[str], kind: str | None) -> None:
    assert kind_by_name(columns) == kind


# Values.


@pytest.mark.parametrize(
    ("values", "form", "look"),
    [
        ([0.2, 0.9, 0.0, 1.0], "single", "prob"),
        ([0.2, -0.7, 3.1], "single", "logit"),
        ([-0.2, -0.7, -3.1], "single", "logit"),
        ([1.5] + 199 * [0.5], "single", "prob"),
        ([0.5, 1.0 + 1e-7, -1e-9], "single", "prob"),
        ([95.0, 20.0, 0.4], "single", "percent"),
        ([150.0, 20.0, 0.4], "single", "logit"),
        ([0.5, 1.2], "single", "prob"),
        (HARD_ROWS * [0.0, 1.0], "single", "label"),
        (HARD_ROWS * [-1.0, 1.0], "single", "label"),
        ([0.0, 1.0], "single", "prob"),
        (HARD_ROWS * [1.0], "single", "prob"),
        ([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]], "classes", "prob"),
        ([[0.2, 0.9, 0.5], [0.8, 0.7, 0.0]], "classes", "unclear"),
        ([[0.2, 0.9, 0.5], [0.8, 0.7, 0.0]], "independent", "prob"),
        ([[0.2, 0.9], [0.8, 0.7]], "classes", "prob"),
        ([[0.33, 0.33, 0.33], [0.67, 0.17, 0.17]], "classes", "prob"),
        ([[0.3333, 0.3333, 0.3233], [0.67, 0.17, 0.17]], "classes", "unclear"),
        ([[-1.0, 2.0, 0.5], [0.8, 0.7, 0.0]], "classes", "logit"),
        ([[2.0, 1.0, 0.1], [0.8, 0.7, 0.0]], "classes", "weight"),
        (np.log([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]]), "classes", "log-prob"),
        ([[-2.0, -3.0, -0.5], [-0.6, -3.0, -1.0]], "classes", "logit"),
        ([[20.0, 30.0, 50.0], [99.95, 0.0, 0.0]], "classes", "percent"),
        ([[20.0, 30.0, 50.0], [0.8, 0.7, 0.0]], "independent", "percent"),
        (HARD_ROWS * [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], "classes", "label"),
    ],
)
def test_values_look_like_a_kind(values: Any, form: Any, look: str) -> None:
    assert look_of(np.asarray(values, np.float64), form) == look


def evaluated(columns: dict[str, Any], loss: Any, **settings: Any) -> dict[str, Any]:
    """The JSON of an evaluation."""
    return losscli.evaluate(pa.table(columns), loss, engine="serial", **settings).to_dict()


def kind_of(document: dict[str, Any]) -> tuple[Any, Any]:
    return document["columns"]["pred_kind"], document["columns"]["pred_kind_from"]


def test_the_decision_is_in_the_json_with_what_settled_it() -> None:
    table = {"target": LABELS, "score": SCORES}
    assert kind_of(evaluated(table, "bce")) == ("logit", "values")
    assert kind_of(evaluated({"target": LABELS, "logit": SCORES}, "bce")) == ("logit", "name")
    assert kind_of(evaluated(table, "bce", pred_kind="logit")) == ("logit", "flag")
    assert kind_of(evaluated(table, "bce:from_logits=true")) == ("logit", "flag")
    assert kind_of(evaluated({"target": LABELS, "score": PROBABILITIES.astype(float)}, "bce")) == ("prob", "values")
    assert kind_of(evaluated(table, "mse")) == ("auto", None)
    assert kind_of(evaluated(table, "hinge")) == ("auto", None)


def test_logits_found_by_value_are_told_with_number_place_and_flag() -> None:
    scores = np.linspace(0.0, 1.0, 100)
    scores[11], scores[12], scores[50] = -0.7, 2.5, -3.0
    document = evaluated({"target": LABELS[:100], "score": scores}, "bce")
    assert document["warnings"] == [
        '3.0 % of values lie outside [0, 1] (first: data, row 12, column "score", -0.7): reading as logits; '
        "--pred-kind logit settles this, --pred-kind prob makes it an error"
    ]
    assert document["results"][0]["params"]["from_logits"] is True
    with pytest.raises(InputError, match=r"3\.0 % of values lie outside") as refusal:
        evaluated({"target": LABELS[:100], "score": scores}, "bce", strict=True)
    assert "--pred-kind logit" in str(refusal.value.fix)
    assert evaluated({"target": LABELS[:100], "score": scores}, "bce", strict=True, pred_kind="logit")["warnings"] == []
    with pytest.raises(InputError, match=r"row 12: -0\.7 is not a probability; 3 of 100 rows"):
        evaluated({"target": LABELS[:100], "score": scores}, "bce", pred_kind="prob")


def test_all_losses_of_a_run_read_the_same_kind() -> None:
    document = evaluated({"target": LABELS, "score": SCORES}, ["bce", "brier", "zero_one", "mix=bce+2*brier"])
    values = {result["title"]: result["total"]["loss"] for result in document["results"]}
    for title, loss in (("bce", "binary_crossentropy"), ("brier", "brier"), ("zero_one", "zero_one")):
        np.testing.assert_allclose(values[title], float(np.mean(ONE_SCORE[loss])), rtol=1e-13)
    np.testing.assert_allclose(values["mix"], values["bce"] + 2 * values["brier"], rtol=1e-13)


def test_percents_are_asked_about() -> None:
    for columns, loss in (
        ({"target": LABELS, "score": 100 * PROBABILITIES.astype(float)}, "bce"),
        ({"target": CLASSES, "scores": list(100 * SHARES.astype(float))}, "scce"),
    ):
        with pytest.raises(InputError, match="look like percents") as refusal:
            evaluated(columns, loss)
        assert "--pred-kind percent" in str(refusal.value.fix)
        assert kind_of(evaluated(columns, loss, pred_kind="percent")) == ("percent", "flag")


def test_class_scores_that_do_not_sum_to_one_are_asked_about() -> None:
    sigmoids = sigmoid(LOGITS).astype(np.float64)
    columns = {"target": CLASSES, "scores": list(sigmoids)}
    with pytest.raises(InputError, match="do not sum to 1 in a row") as refusal:
        evaluated(columns, "scce")
    assert "--pred-kind prob" in str(refusal.value.fix)
    assert "binary_crossentropy" in str(refusal.value.fix)
    normalised = sigmoids / sigmoids.sum(axis=1, keepdims=True)
    expected = float(np.mean(-np.log(normalised[np.arange(ROWS), CLASSES])))
    found = evaluated(columns, "scce", pred_kind="prob")["results"][0]["total"]["loss"]
    np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_scores_of_independent_labels_need_not_sum_to_one() -> None:
    labels = (RNG.random((ROWS, 4)) < 0.3).astype(np.float64)
    columns = {f"true_{place}": column for place, column in enumerate(labels.T)}
    for written in (sigmoid(LOGITS).astype(np.float64), LOGITS):
        scores = {f"score_{place}": column for place, column in enumerate(written.T)}
        found = evaluated({**columns, **scores}, "bce", label=list(columns), pred=list(scores))
        shares = sigmoid(LOGITS)
        expected = -np.mean(labels * np.log(shares) + (1 - labels) * np.log(sigmoid(-LOGITS)))
        np.testing.assert_allclose(found["results"][0]["total"]["loss"], float(expected), rtol=1e-13)


def test_hard_labels_are_refused_by_losses_that_take_logarithms() -> None:
    hard = {"target": LABELS, "score": (SCORES > 0).astype(np.float64)}
    for settings in ({}, {"pred_kind": "label"}):
        with pytest.raises(InputError, match="hard labels, and binary_crossentropy takes the logarithm") as refusal:
            evaluated(hard, "bce", **settings)
        assert "zero_one" in str(refusal.value.fix)
    assert evaluated(hard, "bce", pred_kind="prob")["results"][0]["notes"][0]["code"] == "clipped"
    assert kind_of(evaluated(hard, "brier")) == ("label", "values")


def test_weights_of_classes_are_normalised_and_told() -> None:
    votes = {"target": CLASSES, "scores": list(RNG.integers(0, 5, (ROWS, 4)) + 0.5)}
    document = evaluated(votes, "scce")
    assert "none is negative: normalising each row" in document["warnings"][0]
    assert document["results"] == evaluated(votes, "scce", pred_kind="prob")["results"]
    with pytest.raises(InputError, match="none is negative"):
        evaluated(votes, "scce", strict=True)


def test_a_flag_and_a_parameter_must_not_contradict() -> None:
    with pytest.raises(UsageError, match="from_logits contradicts --pred-kind prob"):
        evaluated({"target": LABELS, "score": SCORES}, "bce:from_logits=true", pred_kind="prob")
    probabilities = {"target": CLASSES, "scores": list(SHARES.astype(np.float64))}
    by_flag = evaluated(probabilities, "scce", dialect="torch", pred_kind="prob")
    assert by_flag["results"][0]["params"]["from_logits"] is False


# The first rows decide, and the others are held to it.

MANY = DECIDING_ROWS + 50


def many(first: Any, last: float) -> dict[str, Any]:
    """Rows that repeat `first`, and in the very last one `last`."""
    scores = np.resize(np.asarray(first, np.float64), MANY)
    scores[-1] = last
    return {"target": np.resize([0.0, 1.0], MANY), "score": scores}


@pytest.mark.parametrize(
    ("first", "last", "loss", "problem"),
    [
        ([0.2, 0.9], 1.5, "bce", "row 100,050: 1.5 is not a probability; 1 of 100,050 rows"),
        ([0.2, 0.9], -0.5, "brier", "row 100,050: -0.5 is not a probability"),
        ([0.0, 1.0], 0.5, "brier", "row 100,050: 0.5 is not a hard label"),
    ],
)
def test_a_later_contradiction_is_an_error_and_no_change_of_mind(
    first: list[float], last: float, loss: str, problem: str
) -> None:
    with pytest.raises(InputError, match=problem) as refusal:
        evaluated(many(first, last), loss)
    assert "--pred-kind" in str(refusal.value.fix)


def test_a_later_contradiction_of_class_probabilities_is_an_error() -> None:
    columns = {f"score_{place}": np.full(MANY, 0.25) for place in range(4)}
    for name, value in zip(columns, (3.0, 1.0, 0.5, 0.5), strict=True):
        columns[name][-1] = value
    table = {"target": np.zeros(MANY, int), **columns}
    with pytest.raises(InputError, match='column "score_0", row 100,050: 3 is not a probability; 1 of'):
        evaluated(table, "scce")
    assert kind_of(evaluated(table, "scce", pred_kind="prob")) == ("prob", "flag")
    logs = {name: np.log(column) for name, column in columns.items()}
    with pytest.raises(InputError, match=r"row 100,050: 1\.09\d+ is not a log-probability"):
        evaluated({"target": np.zeros(MANY, int), **logs}, "scce")


def test_logits_are_not_refuted_by_later_probabilities() -> None:
    document = evaluated(many([-2.0, 3.0, 0.4], 0.5), "bce")
    assert kind_of(document) == ("logit", "values")
    assert "66.7 % of the values of the first 100,000 rows lie outside" in document["warnings"][0]


def batches(table: pa.Table, size: int) -> Any:
    return iter(table.to_batches(max_chunksize=size))


def test_the_decision_does_not_depend_on_the_way_of_reading(tmp_path: Path) -> None:
    columns = {"target": LABELS, "score": SCORES, "split": np.resize(["a", "b"], ROWS)}
    table = pa.table(columns)
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=37)
    (tmp_path / "parts").mkdir()
    for part in range(4):
        pq.write_table(table.slice(part * 100, 100), tmp_path / "parts" / f"{part}.parquet")
    expected = losscli.evaluate(table, ["bce", "brier"], engine="serial").to_dict()["results"]
    for data in (tmp_path / "a.parquet", tmp_path / "parts", batches(table, 7), batches(table, 1_000)):
        ways: list[dict[str, Any]] = [{"chunk_rows": 5}, {"threads": 3}]
        # An iterator can be read once.
        for settings in ways if isinstance(data, Path) else ways[:1]:
            assert losscli.evaluate(data, ["bce", "brier"], **settings).to_dict()["results"] == expected


def test_a_stream_is_read_whole_after_the_look_at_its_start() -> None:
    table = pa.table(many([-2.0, 3.0, 0.4], 0.5))
    for size in (999, MANY):
        document = losscli.evaluate(batches(table, size), "bce").to_dict()
        assert document["rows"]["used"] == MANY
        assert document["warnings"] == evaluated(many([-2.0, 3.0, 0.4], 0.5), "bce")["warnings"]


def test_rows_that_are_missing_or_left_out_do_not_decide() -> None:
    table = {"target": [1.0, 0.0, 1.0], "score": [0.5, 7.0, None], "split": ["test", "train", "test"]}
    document = evaluated(table, "bce", where="split == 'test'", nan="skip")
    assert kind_of(document) == ("prob", "values")
    assert document["rows"]["used"] == 1


def test_rows_that_a_loss_omits_do_not_decide() -> None:
    padded = {
        "target": [0, 1, 2, -100, -100],
        "scores": [[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.1, 0.1, 0.8], *[[7.0] * 3] * 2],
    }
    document = evaluated(padded, "scce:ignore_class=-100")
    assert kind_of(document) == ("prob", "values")
    expected = float(-np.log([0.6, 0.7, 0.8]).mean())
    np.testing.assert_allclose(document["results"][0]["total"]["loss"], expected, rtol=1e-14)


def test_a_column_called_a_probability_is_held_to_its_name() -> None:
    with pytest.raises(InputError, match=r'column "prob", row 2: -1\.5 is not a probability; 2 of 3 rows'):
        evaluated({"target": [1, 0, 1], "prob": [0.5, -1.5, 2.0]}, "bce")
