"""Columns of dates and times, and columns whose type has no values, are used like any other column of single values."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import losscli
from losscli.errors import InputError

DAY = [dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 2, 6, 30), None, dt.datetime(2024, 1, 1)]
NUMBERS = {"y_true": [1.0, 3.0, 5.0, 7.0], "y_pred": [2.0, 3.0, 7.0, 9.0]}

MOMENTS = [
    pytest.param(pa.array(DAY, pa.timestamp("ns")), "2024-01-01 00:00:00", id="nanoseconds"),
    pytest.param(pa.array(DAY, pa.timestamp("s")), "2024-01-01 00:00:00", id="seconds"),
    pytest.param(pa.array(DAY, pa.timestamp("us")).dictionary_encode(), "2024-01-01 00:00:00", id="dictionary"),
    pytest.param(pa.array([one and one.date() for one in DAY], pa.date32()), "2024-01-01", id="dates"),
    pytest.param(pa.array([one and one.time() for one in DAY], pa.time64("us")), "00:00:00.000000", id="times"),
]


def parquet(path: Path, **columns: Any) -> str:
    pq.write_table(pa.table(columns), path)
    return str(path)


@pytest.mark.parametrize(("moments", "first"), MOMENTS)
def test_moments_are_slices_and_filters(moments: pa.Array, first: str, tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", **NUMBERS, when=moments)
    slices = losscli.evaluate(path, "mse", by="when").to_dict()["results"][0]["slices"]
    assert [(one["by"]["when"], one["loss"]) for one in slices if one["by"]["when"] == first] == [(first, 2.5)]
    assert [one["loss"] for one in slices if one["by"]["when"] is None] == [4.0]
    assert len(slices) == 3
    assert losscli.evaluate(path, "mse", where=f"when == '{first}'").loss == 2.5
    assert losscli.evaluate(path, "mse", where="when is null").loss == 4.0


def test_moments_of_parquet_are_the_texts_of_csv(tmp_path: Path) -> None:
    stored = parquet(tmp_path / "a.parquet", **NUMBERS, when=pa.array(DAY, pa.timestamp("ns")))
    written = tmp_path / "a.csv"
    lines = ["y_true,y_pred,when"] + [
        f"{truth},{guess},{'' if when is None else when}"
        for truth, guess, when in zip(*NUMBERS.values(), DAY, strict=True)
    ]
    written.write_text("\n".join(lines) + "\n")
    found = [losscli.evaluate(str(path), "mse", by="when").to_dict()["results"] for path in (stored, written)]
    assert found[0] == found[1]


def test_moments_identify_rows_and_join_files(tmp_path: Path) -> None:
    days = pa.array([dt.date(2024, 1, 1), dt.date(2024, 1, 2)])
    predictions = parquet(tmp_path / "a.parquet", day=days, y_pred=[2.0, 5.0])
    labels = tmp_path / "labels.csv"
    labels.write_text("day,y_true\n2024-01-02,5\n2024-01-01,1\n")
    assert losscli.evaluate(predictions, "mse", labels=str(labels), on="day").loss == 0.5
    whole = parquet(tmp_path / "b.parquet", day=days, y_pred=[2.0, 5.0], y_true=[1.0, 5.0])
    assert losscli.evaluate(whole, "mse", id="day").to_dict()["columns"]["id"] == "day"


def test_moments_are_never_taken_for_labels_or_predictions(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", y_true=[1.0, 2.0], y_pred=pa.array(DAY[:2]), forecast=[1.0, 3.0])
    assert losscli.evaluate(path, "mse").loss == 0.5


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_column_that_is_all_null_in_one_part_is_a_slice(order: tuple[str, str], tmp_path: Path) -> None:
    parquet(tmp_path / f"{order[0]}.parquet", **NUMBERS, group=pa.nulls(4))
    parquet(tmp_path / f"{order[1]}.parquet", **NUMBERS, group=["x", "x", "y", "y"])
    slices = losscli.evaluate(str(tmp_path), "mse", by="group").to_dict()["results"][0]["slices"]
    assert {one["by"]["group"]: one["loss"] for one in slices} == {"x": 0.5, "y": 4.0, None: 2.25}
    assert losscli.evaluate(str(tmp_path), "mse", where="group == 'y'").loss == 4.0
    assert losscli.evaluate(str(tmp_path), "mse", where="group is null").loss == 2.25


def test_number_that_is_all_null_in_one_part_is_filtered_and_binned(tmp_path: Path) -> None:
    parquet(tmp_path / "a.parquet", **NUMBERS, age=pa.nulls(4))
    parquet(tmp_path / "b.parquet", **NUMBERS, age=[10, 20, 30, 40])
    assert losscli.evaluate(str(tmp_path), "mse", where="age > 25").loss == 4.0
    slices = losscli.evaluate(str(tmp_path), "mse", by="age:25").to_dict()["results"][0]["slices"]
    assert {one["by"]["age"]: one["count"] for one in slices} == {"< 25": 2, ">= 25": 2, None: 4}


def test_prediction_that_is_all_null_is_missing(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", y_true=[1.0, 2.0], y_pred=pa.nulls(2))
    with pytest.raises(InputError, match='column "y_pred", row 1: the value is missing or NaN; 2 of 2 rows'):
        losscli.evaluate(path, "mse")


def test_class_whose_scores_are_all_null_is_no_missing_class(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", label=["a", "b"], prob_a=[0.5, 0.5], prob_b=[0.5, 0.5], prob_c=pa.nulls(2))
    with pytest.raises(InputError, match='column "prob_c", row 1: the value is missing or NaN'):
        losscli.evaluate(path, "sparse_categorical_crossentropy")


def test_type_that_has_no_text_is_refused(tmp_path: Path) -> None:
    table = pa.table({**NUMBERS, "span": pa.array([(1, 2, 3)] * 4, pa.month_day_nano_interval())})
    with pa.ipc.new_file(str(tmp_path / "a.arrow"), table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(InputError, match='column "span" cannot be read'):
        losscli.evaluate(str(tmp_path / "a.arrow"), "mse", where="span is null")
