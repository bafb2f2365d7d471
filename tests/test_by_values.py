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
