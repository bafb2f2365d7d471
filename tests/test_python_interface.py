"""The Python interface: losses as functions, evaluations as values."""

from __future__ import annotations

import dataclasses
import inspect
import json
import math
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import losscli
from losscli.arguments import argument_names
from losscli.columns import ColumnRequest
from losscli.errors import InputError, NothingToEvaluate, UsageError
from losscli.job import Settings
from losscli.readers.text_options import TextOptions

SCHEMA = json.loads((Path(__file__).parent / "schema" / "losscli-1.schema.json").read_text())
TRUTH = np.array([0.0, 0.0, 2.0, 5.0])
GUESS = np.array([1.0, 3.0, 2.5, 1.0])


# Worked by hand in the reference of Keras's reductions: squared errors 1 and 9, weights 0.5 and 2.
@pytest.mark.parametrize(
    ("reduction", "expected"),
    [("sum", 18.5), ("mean", 9.25), ("sum_over_batch_size", 9.25), ("mean_with_sample_weight", 7.4), ("auto", 7.4)],
)
def test_reductions_are_those_of_keras(reduction: str, expected: float) -> None:
    value = losscli.loss("mse")([0.0, 0.0], [1.0, 3.0], sample_weight=[0.5, 2.0], reduction=reduction)
    np.testing.assert_allclose(value, expected, rtol=1e-15)


def test_rows_carry_their_weights() -> None:
    rows = losscli.loss("mse")([0.0, 0.0], [1.0, 3.0], sample_weight=[0.5, 2.0], reduction="none")
    np.testing.assert_array_equal(rows, [0.5, 18.0])


@pytest.mark.parametrize("weight", [2.0, [2.0, 2.0], [[2.0], [2.0]]], ids=["scalar", "(n,)", "(n, 1)"])
def test_weights_take_every_shape_of_rows(weight: Any) -> None:
    assert losscli.loss("mae")([0.0, 0.0], [1.0, 3.0], sample_weight=weight, reduction="sum") == 8.0


def test_leading_dimensions_are_rows() -> None:
    rng = np.random.default_rng(0)
    truth, guess = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3, 4))
    rows = losscli.loss("mae")(truth, guess, reduction="none")
    np.testing.assert_allclose(rows, np.abs(truth - guess).mean(-1), rtol=1e-15)
    assert rows.shape == (2, 3)


def test_axis_is_the_one_that_is_reduced() -> None:
    rng = np.random.default_rng(0)
    truth, guess = rng.normal(size=(4, 5)), rng.normal(size=(4, 5))
    across = losscli.loss("cosine_similarity")(truth, guess, reduction="none", axis=0)
    np.testing.assert_array_equal(across, losscli.loss("cosine_similarity")(truth.T, guess.T, reduction="none"))


@pytest.mark.parametrize(
    ("truth", "guess"),
    [([0.0, 1.0], [[0.0], [1.0]]), ([[0.0, 1.0]], [[0.0], [1.0]]), ([0.0], [0.0, 1.0])],
    ids=["(2,) and (2, 1)", "(1, 2) and (2, 1)", "(1,) and (2,)"],
)
def test_nothing_is_broadcast(truth: Any, guess: Any) -> None:
    with pytest.raises(InputError, match=r"has shape|rows"):
        losscli.loss("mse")(truth, guess)


@pytest.mark.parametrize(
    ("weights", "problem"),
    [([1.0, -1.0], "negative"), ([1.0, math.nan], "negative or non-finite"), ([0.0, 0.0], "mean does not exist")],
)
def test_weights_that_make_no_mean_are_refused(weights: list[float], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        losscli.loss("mse")([0.0, 0.0], [1.0, 3.0], sample_weight=weights)


def test_inputs_come_by_position_or_by_name() -> None:
    triplet = losscli.loss("triplet", margin=7.0)
    vectors = {"anchor": [[0.0, 0.0]], "positive": [[3.0, 4.0]], "negative": [[6.0, 8.0]]}
    assert triplet(**vectors) == triplet(*vectors.values()) == 2.0
    with pytest.raises(UsageError, match="negative is missing"):
        triplet(anchor=[[0.0]], positive=[[1.0]])
    with pytest.raises(UsageError, match="has no input y_true"):
        triplet(**vectors, y_true=[1.0])


def test_no_rows_is_not_a_number() -> None:
    with pytest.raises(NothingToEvaluate):
        losscli.loss("mse")([], [])


@pytest.mark.parametrize("name", ["MSE", "mean_squared_error", "MeanSquaredError", "loss_mean_squared_error", "l2"])
def test_names_are_found_in_every_spelling(name: str) -> None:
    assert losscli.loss(name) == losscli.loss("mean-squared-error")


def test_smooth_l1_is_not_huber() -> None:
    assert losscli.loss("smooth_l1").name != losscli.loss("huber").name


def test_dialects_name_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="no dialect numpy") as refusal:
        losscli.loss("mape", dialect="numpy")
    assert "sklearn" in str(refusal.value.expected)
    fraction, percent = losscli.loss("mape", dialect="sklearn"), losscli.loss("mape")
    np.testing.assert_allclose(100 * fraction([2.0], [1.0]), percent([2.0], [1.0]))
    # What is given wins over the dialect.
    assert losscli.loss("mape", dialect="sklearn", scale=100)([2.0], [1.0]) == 50.0


@pytest.mark.parametrize("make", [pd.DataFrame, pa.table], ids=["pandas", "arrow"])
def test_tables_are_evaluated(make: Any) -> None:
    result = losscli.evaluate(make({"y_true": TRUTH, "y_pred": GUESS}), loss="huber", delta=1.0)
    assert result.loss == losscli.loss("huber", delta=1.0)(TRUTH, GUESS)
    assert result.losses == {"huber": result.loss}


def test_every_option_has_its_keyword() -> None:
    table = pd.DataFrame({"a": TRUTH, "b": GUESS, "g": ["x", "y", "x", "y"], "w": [1.0, 2.0, 3.0, 0.0]})
    result = losscli.evaluate(
        table, loss=["mae", "mse"], label="a", pred="b", by="g", weight="w", level=0.9, ci="normal"
    )
    assert list(result.losses) == ["mae", "mse"]
    assert [row.key for row in result.slices] == [{"g": "x"}, {"g": "y"}]
    np.testing.assert_allclose(result.loss, (1 + 2 * 3 + 3 * 0.5) / 6)
    document = result.to_dict()
    jsonschema.validate(document, SCHEMA)
    assert document["interval"] == {"method": "normal", "level": 0.9}


def test_the_table_has_a_row_for_each_class_slice_and_total() -> None:
    result = losscli.evaluate("sample_data/wine.csv", loss="sparse_categorical_crossentropy", by="fold")
    table = result.table()
    assert isinstance(table, pd.DataFrame)
    assert table["level"].value_counts().to_dict() == {"slice": 10, "class": 3, "macro": 1, "total": 1}
    assert table.loc[table["level"] == "total", "value"].item() == result.loss
    assert table.loc[table["class"] == "class_1", "value"].item() == result.classes["class_1"]


@pytest.mark.parametrize(
    ("function", "own"),
    [
        (losscli.evaluate, ()),
        (losscli.compare, ("on", "allow_missing", "cluster", "worst")),
        (losscli.worst, ("n", "per_class")),
        (losscli.slices, ("among", "max_order", "bins", "min_slice", "score_alpha", "top")),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_every_keyword_is_read_and_has_the_default_of_the_settings(function: Any, own: tuple[str, ...]) -> None:
    settings = {one.name: one.default for one in dataclasses.fields(Settings)}
    elsewhere = {
        "loss",
        "dialect",
        "plugin",
        "format",
        *argument_names(ColumnRequest.of),
        *argument_names(TextOptions.of),
    }
    keywords = {
        name: one.default
        for name, one in inspect.signature(function).parameters.items()
        if one.kind is one.KEYWORD_ONLY and name not in own
    }
    assert set(keywords) - elsewhere - set(settings) == set()
    shared = settings.keys() & keywords.keys()
    assert {name: keywords[name] for name in shared} == {name: settings[name] for name in shared}


def test_misspelt_keywords_are_never_swallowed() -> None:
    with pytest.raises(UsageError, match="delat"):
        losscli.evaluate("sample_data/diabetes.parquet", loss="huber", delat=1.0)


def test_errors_say_what_where_and_what_to_try() -> None:
    table = pa.table({"y_true": [0.0, 1.0], "y_pred": [0.5, 1.2]})
    with pytest.raises(InputError) as refusal:
        losscli.evaluate(table, loss="binary_crossentropy")
    assert 'column "y_pred", row 2: 1.2 is not a probability; 1 of 2 rows' in refusal.value.problem
    assert refusal.value.expected == "a number in [0, 1]"
    assert "--pred-kind logit" in str(refusal.value.fix)


def test_losses_and_evaluate_stay_functions() -> None:
    import losscli.catalogue
    import losscli.evaluation

    assert callable(losscli.losses)
    assert callable(losscli.evaluate)
    assert len(losscli.losses()) >= 85


def test_unsuitable_data_is_refused() -> None:
    with pytest.raises(UsageError, match="not data to evaluate"):
        losscli.evaluate(3.5, loss="mae")


def test_a_file_that_is_given_twice_is_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "part.csv"
    path.write_text("y_true,y_pred\n1,2\n3,3\n")
    for again in (str(path), str(tmp_path / "*.csv"), str(tmp_path / ".." / tmp_path.name / "part.csv")):
        found = losscli.evaluate([str(path), again], "mae").to_dict()
        assert (found["rows"]["used"], len(found["warnings"])) == (4, 1)
        assert found["warnings"][0].endswith("part.csv is given 2 times, and its rows count 2 times")
    (tmp_path / "other.csv").write_text(path.read_text())
    assert losscli.evaluate(str(tmp_path / "*.csv"), "mae").to_dict()["warnings"] == []
