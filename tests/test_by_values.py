"""Slices are by value: a value is one slice however the parts of a file write it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import losscli

NUMBERS = {"y_true": [1.0, 3.0], "y_pred": [2.0, 3.0]}


def slices(path: Path, by: str = "g") -> dict[Any, int]:
    found = losscli.evaluate(str(path), "mse", by=by).to_dict()["results"][0]["slices"]
    return {tuple(one["by"].values()): one["count"] for one in found}


def test_integer_that_a_null_made_a_float_is_the_same_slice(tmp_path: Path) -> None:
    pq.write_table(pa.table({**NUMBERS, "g": [1, 2]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({**NUMBERS, "g": [1.0, None]}), tmp_path / "b.parquet")
    (tmp_path / "c.csv").write_text("y_true,y_pred,g\n1,2,1\n3,3,2.0\n")
    assert slices(tmp_path) == {("1",): 3, ("2",): 2, (None,): 1}


def test_cross_of_two_spellings_is_one_slice(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("y_true,y_pred,g,done\n1,2,1,True\n3,3,1.0,true\n3,3, 1,TRUE\n3,3,01,true\n")
    assert slices(path, "g,done") == {("1", "true"): 3, ("01", "true"): 1}


@pytest.mark.parametrize("word", ["NA", "007", "1.50", "1e3", "Yes"])
def test_other_words_stay_as_they_are_written(word: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"y_true,y_pred,g\n1,2,{word}\n")
    assert slices(path) == {(word,): 1}


def classes(*paths: Path, **settings: Any) -> dict[str, int]:
    found = losscli.evaluate([str(path) for path in paths], "bce", **settings).to_dict()
    return {one["class"]: one["count"] for one in found["results"][0]["classes"]}


def test_labels_of_two_classes_are_by_value(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("label,prob\n1,0.8\n1.0,0.8\nTrue,0.8\n0,0.2\nfalse,0.2\n")
    assert classes(path) == {"0": 2, "1": 3}
    columns = losscli.evaluate(str(path), "bce", strict=True).to_dict()["columns"]
    assert columns["pos_label"] == "1"
    assert columns["notes"] == ['labels are matched by value: "1.0" in "label" is the class 1']


def test_classes_of_two_parts_are_by_value(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("label,prob\n1,0.5\n0,0.5\n")
    (tmp_path / "b.csv").write_text("label,prob\nTrue,0.5\nFalse,0.5\n")
    assert classes(tmp_path) == {"0": 2, "1": 2}


def test_truth_values_alone_keep_their_names(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("label,prob\nTrue,0.8\nFalse,0.2\n")
    assert classes(path) == {"false": 1, "true": 1}
    assert "notes" not in losscli.evaluate(str(path), "bce", strict=True).to_dict()["columns"]
