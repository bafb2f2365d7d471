"""Slices by bins: every row is in the bin that holds its value, however the rows are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import losscli
from losscli.errors import Exit, InputError, UsageError
from losscli.readers.memory import open_table

ROWS = 5_000


@pytest.fixture(scope="module")
def columns() -> dict[str, Any]:
    rng = np.random.default_rng(5)
    truth = rng.normal(size=ROWS)
    size = rng.lognormal(size=ROWS)
    size[::97] = np.nan
    return {
        "y_true": truth,
        "y_pred": truth + rng.normal(size=ROWS) * rng.integers(1, 4, ROWS),
        "x": rng.normal(size=ROWS),
        "size": size,
        "region": rng.choice(["north", "south"], ROWS),
    }


def slices(data: Any, by: Any, **settings: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = losscli.evaluate(data, "mae", by=by, **settings).to_dict()["results"][0]["slices"]
    return found


def test_a_bin_has_the_rows_whose_values_are_in_it(columns: dict[str, Any]) -> None:
    errors, x = np.abs(columns["y_pred"] - columns["y_true"]), columns["x"]
    expected = [errors[x < -1], errors[(x >= -1) & (x < 0)], errors[(x >= 0) & (x < 0.5)], errors[x >= 0.5]]
    found = slices(pa.table(columns), "x:-1,0,0.5")
    assert [one["by"] for one in found] == [{"x": label} for label in ("< -1", "[-1, 0)", "[0, 0.5)", ">= 0.5")]
    assert [one["count"] for one in found] == [len(part) for part in expected]
    np.testing.assert_allclose([one["loss"] for one in found], [part.mean() for part in expected], rtol=1e-14)


def test_quantile_bins_hold_equally_many_rows_and_null_is_a_slice_of_its_own(columns: dict[str, Any]) -> None:
    missing = int(np.isnan(columns["size"]).sum())
    found = slices(pa.table(columns), "size:q4")
    assert [one["by"]["size"] is None for one in found] == [False] * 4 + [True]
    assert found[-1]["count"] == missing
    np.testing.assert_allclose([one["count"] for one in found[:-1]], (ROWS - missing) / 4, atol=1)


def test_crosses_mix_bins_and_values_in_the_order_of_the_numbers(columns: dict[str, Any]) -> None:
    found = slices(pa.table(columns), "region,x:-10,2,10")
    keys = [(one["by"]["region"], one["by"]["x"]) for one in found]
    # As texts, "[2, 10)" would come before "[-10, 2)".
    assert keys == [(region, label) for region in ("north", "south") for label in ("[-10, 2)", "[2, 10)")]
    assert sum(one["count"] for one in found) == ROWS


def test_a_sequence_is_several_groupings_and_a_sequence_in_it_a_cross(columns: dict[str, Any]) -> None:
    table = pa.table(columns)
    one, two = slices(table, ["x:0"]), slices(table, [["region", "x:0"]])
    assert two == slices(table, "region,x:0")
    assert slices(table, ["x:0", ["region", "x:0"]]) == one + two


@pytest.mark.parametrize("by", ["x:-1,0,0.5", ["size:q5", "region,size:q3"], "y_true:q4"])
def test_the_way_of_reading_changes_nothing(columns: dict[str, Any], by: Any, tmp_path: Path) -> None:
    table = pa.table(columns)
    expected = json.dumps(slices(table, by, engine="serial"))
    for chunk_rows in (7, 1000):
        assert json.dumps(slices(table, by, chunk_rows=chunk_rows)) == expected
    order = np.random.default_rng(1).permutation(ROWS)
    assert json.dumps(slices(table.take(pa.array(order)), by)) == expected
    for part in range(4):
        pq.write_table(table.slice(part * ROWS // 4, ROWS // 4), tmp_path / f"{part}.parquet")
    for engine in ("serial", "threads", "processes"):
        assert json.dumps(slices(tmp_path, by, engine=engine, threads=3)) == expected
    names = list(columns)
    lines = [",".join(names)] + [
        ",".join("" if value != value else str(value) for value in row)
        for row in zip(*(columns[name].tolist() for name in names), strict=True)
    ]
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
    assert json.dumps(slices(tmp_path / "rows.csv", by)) == expected


def test_the_engine_of_dask_lays_the_same_bins(columns: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    table = pa.table(columns)
    for part in range(2):
        pq.write_table(table.slice(part * ROWS // 2, ROWS // 2), tmp_path / f"{part}.parquet")
    assert slices(tmp_path, "x:q5", engine="dask", threads=1) == slices(table, "x:q5")


def test_edges_are_laid_by_the_rows_that_pass_the_filter(columns: dict[str, Any]) -> None:
    table = pa.table(columns)
    found = slices(table, "x:q3", where="x >= 1")
    chosen = pa.table({name: values[columns["x"] >= 1] for name, values in columns.items()})
    assert found == slices(chosen, "x:q3")


def test_fewer_bins_than_asked_for_are_noted() -> None:
    table = pa.table({"y_true": [1.0] * 4, "y_pred": [1.0, 2.0, 3.0, 4.0], "x": [0, 0, 0, 1]})
    result = losscli.evaluate(table, "mae", by="x:q4").to_dict()["results"][0]
    assert [note["code"] for note in result["notes"]] == ["bins"]
    assert "2 of 4 quantile bins" in result["notes"][0]["message"]


@pytest.mark.parametrize(
    ("column", "row", "value"),
    [([1.0, 2.0] * 100 + ["old"], "row 201 .line 202.", '"old"'), (["old"] + [1] * 9, "row 1 .line 2.", '"old"')],
    ids=["late", "at once"],
)
@pytest.mark.parametrize("bins", ["0,18", "q2"])
def test_a_value_that_is_no_number_is_named(column: list[Any], row: str, value: str, bins: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("y_true,y_pred,age\n" + "".join(f"1,2,{age}\n" for age in column))
    with pytest.raises(InputError, match=f'column "age", {row}: {value} is not a number') as refused:
        losscli.evaluate(path, "mae", by=f"age:{bins}")
    assert refused.value.exit_code == Exit.INPUT


def test_bins_of_texts_that_are_numbers_are_bins_of_numbers() -> None:
    table = pa.table({"y_true": [1.0] * 3, "y_pred": [1.0] * 3, "age": ["7", "18.0", None]})
    assert [one["by"]["age"] for one in slices(table, "age:18")] == ["< 18", ">= 18", None]


def test_bins_of_a_column_that_is_not_there_name_the_nearest() -> None:
    table = pa.table({"y_true": [1.0], "y_pred": [1.0], "age": [7]})
    with pytest.raises(InputError, match='no column "agee"; closest: "age"'):
        slices(table, "agee:q2")
    with pytest.raises(InputError, match='column "l" holds no single numbers'):
        slices(table.append_column("l", pa.array([[1.0]])), "l:1")


def test_an_iterator_has_fixed_bins_and_no_quantile_bins(columns: dict[str, Any]) -> None:
    table = pa.table(columns)
    assert open_table(iter(table.to_batches())).read_once and not open_table(table).read_once
    assert slices(iter(table.to_batches(max_chunksize=999)), "x:0") == slices(table, "x:0")
    with pytest.raises(UsageError, match="quantile bins of x need two passes"):
        slices(iter(table.to_batches()), "x:q2")
