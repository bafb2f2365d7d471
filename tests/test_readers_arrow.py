"""Arrow IPC: files and streams read alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from losscli.errors import InputError
from losscli.readers import ColumnType, open_sources

TABLE = pa.table(
    {
        "unused": pa.array(range(10)),
        "x": pa.array([float(row) for row in range(9)] + [None], pa.float32()),
        "s": pa.array(["a", "b"] * 5).dictionary_encode(),
        "v": [[row, 1] for row in range(10)],
    }
)
TYPES: dict[str, ColumnType] = {"v": "vector", "s": "text", "x": "number"}


def write(path: Path, kind: str) -> str:
    new = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
    with new(str(path), TABLE.schema) as writer:
        writer.write_table(TABLE, max_chunksize=4)
    return str(path)


@pytest.mark.parametrize("chunk_rows", [1, 3, 100])
@pytest.mark.parametrize("kind", ["file", "stream"])
def test_files_and_streams_read_alike(tmp_path: Path, kind: str, chunk_rows: int) -> None:
    source = open_sources([write(tmp_path / "data", kind)])[0]
    assert source.format == "arrow"
    assert [(column.name, column.kind, column.width) for column in source.columns] == [
        ("unused", "integer", None),
        ("x", "number", None),
        ("s", "text", None),
        ("v", "vector", 2),
    ]
    found: dict[str, list[Any]] = {name: [] for name in TYPES}
    (shard,) = source.shards()
    for first_row, batch in shard.batches(TYPES, chunk_rows):
        assert first_row == len(found["x"])
        assert 0 < batch.num_rows <= chunk_rows
        assert batch.schema.names == list(TYPES)
        for name in TYPES:
            found[name].extend(batch.column(name).to_pylist())
    assert found["v"] == [[float(row), 1.0] for row in range(10)]
    assert found["s"] == ["a", "b"] * 5
    assert found["x"][:9] == [float(row) for row in range(9)]
    assert repr(found["x"][9]) == "nan"


@pytest.mark.parametrize("kind", ["file", "stream"])
def test_cut_off_data_is_refused(tmp_path: Path, kind: str) -> None:
    path = Path(write(tmp_path / "preds.arrow", kind))
    path.write_bytes(path.read_bytes()[:-700])
    with pytest.raises(InputError, match=r"preds\.arrow: not readable as Arrow"):
        list(open_sources([str(path)])[0].shards()[0].batches({"x": "number"}, 10))
