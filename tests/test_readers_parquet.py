"""Parquet: shards, projection, conversion, and damaged files."""

from __future__ import annotations

import decimal
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from losscli.errors import InputError
from losscli.readers import ColumnType, open_sources, parquet


def write(folder: Path, columns: dict[str, Any], name: str = "preds.parquet", **options: Any) -> str:
    pq.write_table(pa.table(columns), folder / name, **options)
    return str(folder / name)


def read(path: str, types: dict[str, ColumnType], chunk_rows: int = 1000) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {name: [] for name in types}
    rows = 0
    for shard in open_sources([path])[0].shards():
        for first_row, batch in pickle.loads(pickle.dumps(shard)).batches(types, chunk_rows):
            assert first_row == rows
            assert 0 < batch.num_rows <= chunk_rows
            assert batch.schema.names == list(types)
            rows += batch.num_rows
            for name in types:
                columns[name].extend(batch.column(name).to_pylist())
    return columns


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (pa.array([1.5, None], pa.float32()), [1.5, None]),
        (pa.array([1, 2**53 + 1]), [1.0, 2.0**53]),
        (pa.array([None, 7], pa.uint8()), [None, 7.0]),
        (pa.array([True, None, False]), [1.0, None, 0.0]),
        (pa.array([decimal.Decimal("1.25"), None]), [1.25, None]),
        (pa.array([1.5], pa.float16()), [1.5]),
        (pa.nulls(2), [None, None]),
        (pa.array([3, 4, 3]).dictionary_encode(), [3.0, 4.0, 3.0]),
    ],
    ids=lambda one: str(getattr(one, "type", "")),
)
def test_every_numeric_type_is_read_as_float64(tmp_path: Path, values: pa.Array, wanted: list[float | None]) -> None:
    found = read(write(tmp_path, {"x": values}), {"x": "number"})["x"]
    assert [None if value is None or np.isnan(value) else value for value in found] == wanted


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (pa.array(["x", None, "007"]), ["x", None, "007"]),
        (pa.array(["x", "y"], pa.large_string()), ["x", "y"]),
        (pa.array(["x", "y", "x"]).dictionary_encode(), ["x", "y", "x"]),
        (pa.array([5, -100, 5]), ["5", "-100", "5"]),
        (pa.array([-128, 127], pa.int8()), ["-128", "127"]),
        (pa.array([2**64 - 1, 2**64 - 2], pa.uint64()), [str(2**64 - 1), str(2**64 - 2)]),
        (pa.array([1, None, 10**12]), ["1", None, "1000000000000"]),
        (pa.array([1.0, 0.1, None, 1e16]), ["1.0", "0.1", None, "10000000000000000.0"]),
        (pa.array([True, False, None]), ["true", "false", None]),
        (pa.array([0, 1], pa.date32()), ["1970-01-01", "1970-01-02"]),
    ],
    ids=lambda one: str(getattr(one, "type", "")),
)
def test_every_single_value_is_read_as_text(tmp_path: Path, values: pa.Array, wanted: list[str | None]) -> None:
    assert read(write(tmp_path, {"x": values}), {"x": "text"})["x"] == wanted


def test_lists_are_float64_at_any_depth(tmp_path: Path) -> None:
    columns = {
        "v": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int32())),
        "f": pa.array([[1, 2], [3, 4], None], pa.list_(pa.float32(), 2)),
        "m": pa.array([[[1, 2]], [[3, 4]], None], pa.list_(pa.list_(pa.float32(), 2))),
    }
    path = write(tmp_path, columns)
    lengths = {
        column.name: (column.kind, column.width, column.inner_width) for column in open_sources([path])[0].columns
    }
    assert lengths == {"v": ("vector", 2, None), "f": ("vector", 2, None), "m": ("matrix", 1, 2)}
    found = read(path, {"v": "vector", "f": "vector", "m": "matrix"}, chunk_rows=2)
    assert found == {
        "v": [[1.0, 2.0], None, [3.0, 4.0]],
        "f": [[1.0, 2.0], [3.0, 4.0], None],
        "m": [[[1.0, 2.0]], [[3.0, 4.0]], None],
    }


def test_shards_are_runs_of_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "SHARD_ROWS", 25)
    path = write(tmp_path, {"x": pa.array(range(95))}, row_group_size=10)
    source = open_sources([path])[0]
    assert source.rows == 95
    assert [(shard.first_row, shard.rows) for shard in source.shards()] == [
        (0, 20),
        (20, 20),
        (40, 20),
        (60, 20),
        (80, 15),
    ]
    assert read(path, {"x": "number"}, chunk_rows=7)["x"] == [float(row) for row in range(95)]


def test_file_without_rows_has_no_shards(tmp_path: Path) -> None:
    assert open_sources([write(tmp_path, {"x": pa.array([], pa.int64())})])[0].shards() == []


@pytest.mark.parametrize("kept", [3, 20, -4, -200])
def test_cut_off_file_is_refused(tmp_path: Path, kept: int) -> None:
    path = Path(write(tmp_path, {"x": pa.array(range(1000))}))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"preds\.parquet: not a readable Parquet file"):
        open_sources([str(path)])


def test_damaged_page_is_refused(tmp_path: Path) -> None:
    values = pa.array(np.arange(10_000.0))
    path = Path(write(tmp_path, {"x": values}, compression="zstd", use_dictionary=False))
    data = bytearray(path.read_bytes())
    data[40:1000] = b"\xff" * 960
    path.write_bytes(bytes(data))
    with pytest.raises(InputError, match="not a readable Parquet file"):
        read(str(path), {"x": "number"})


def test_column_of_another_type_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, {"x": pa.array(["a"]), "v": pa.array([[1.0]])})
    with pytest.raises(InputError, match=r'column "x" holds .*string.*\nexpected: a column of numbers'):
        read(path, {"x": "number"})
    with pytest.raises(InputError, match='column "v" holds list'):
        read(path, {"v": "text"})


def test_duplicate_names_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["x", "x"]), tmp_path / "p.parquet")
    with pytest.raises(InputError, match='two columns are named "x"'):
        open_sources([str(tmp_path / "p.parquet")])


def test_names_with_dots_are_read_apart(tmp_path: Path) -> None:
    path = write(tmp_path, {"a": pa.array([1]), "a.b": pa.array([2])})
    assert read(path, {"a.b": "number", "a": "number"}) == {"a.b": [2.0], "a": [1.0]}


def test_the_documented_reader_serves_where_the_other_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    structs = pa.array([{"a": 1.0, "b": 2.0}, {"a": 3.0, "b": 4.0}])
    path = write(tmp_path, {"x": [0.5, 1.5], "region": ["north", "south"], "both": structs})
    types: dict[str, ColumnType] = {"region": "text", "both.b": "number", "x": "number"}
    expected = read(path, types)
    monkeypatch.setitem(sys.modules, "pyarrow._parquet", None)
    assert read(path, types) == expected == {"region": ["north", "south"], "both.b": [2.0, 4.0], "x": [0.5, 1.5]}
