"""Arrow IPC: files and streams read alike."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import losscli
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


def test_stream_comes_through_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = Path(write(tmp_path / "data", "stream")).read_bytes()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    (source,) = open_sources(["-"])
    assert (source.path, source.format, source.bytes) == ("-", "arrow", len(data))
    assert sum(batch.num_rows for _, batch in source.shards()[0].batches({"x": "number"}, 3)) == 10


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
@pytest.mark.parametrize("kind", ["file", "stream"])
def test_compressed_buffers_are_read(tmp_path: Path, kind: str, compression: str) -> None:
    new = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with new(str(tmp_path / "data"), TABLE.schema, options=options) as writer:
        writer.write_table(TABLE)
    (shard,) = open_sources([str(tmp_path / "data")])[0].shards()
    assert [batch.column("s").to_pylist() for _, batch in shard.batches({"s": "text"}, 6)] == [
        ["a", "b"] * 3,
        ["a", "b"] * 2,
    ]


@pytest.mark.parametrize(
    ("values", "wanted", "sound", "damaged"),
    [
        (pa.array([[1.0], [2.0]]), "vector", [0, 1, 2], [0, 1, 2**30]),
        (pa.array(["a", "b", "b"]).dictionary_encode(), "text", [0, 1, 1], [0, 1, 2**30]),
        (pa.array(["word", "words"]), "text", [0, 4, 9], [0, 2**30, 9]),
        (pa.array(["\ufdfd\x01"]), "text", [0x01BDB7EF], [0x01BDB7FF]),
    ],
    ids=["offset of a list", "index of a word", "offset of a word", "UTF-8"],
)
def test_damage_that_arrow_does_not_see_is_refused(
    tmp_path: Path, values: pa.Array, wanted: ColumnType, sound: list[int], damaged: list[int]
) -> None:
    table = pa.table({"c": values})
    stream = io.BytesIO()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
        # The first rows are looked at when the file is opened; these are not among them.
        writer.write_table(table)
    before, after = (np.array(numbers, np.int32).tobytes() for numbers in (sound, damaged))
    start, _, end = stream.getvalue().rpartition(before)
    assert start
    (tmp_path / "data").write_bytes(start + after + end)
    with pytest.raises(InputError, match="not readable as Arrow"):
        [list(shard.batches({"c": wanted}, 10)) for shard in open_sources([str(tmp_path / "data")])[0].shards()]


PEAK = """
import sys
from pathlib import Path
from losscli.readers import open_sources
from losscli.readers.arrays import floats

def peak():
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])

before = peak()
(shard,) = open_sources(sys.argv[1:])[0].shards()
total = 0.0
for _, batch in shard.batches({"x": "number", "y": "number"}, 50_000):
    total += sum(floats(column).sum() for column in batch.columns)
assert total == 3_999_999 * 4_000_000
print(peak() - before)
"""


@pytest.mark.skipif("sys.platform != 'linux'", reason="elsewhere memory is given back by other rules")
def test_memory_does_not_grow_with_the_size_of_a_batch(tmp_path: Path) -> None:
    values = pa.array(np.arange(4_000_000.0))
    batch = pa.record_batch([values, values], ["x", "y"])
    with pa.ipc.new_file(str(tmp_path / "data"), batch.schema) as writer:
        writer.write_batch(batch)
    command = [sys.executable, "-c", PEAK, str(tmp_path / "data")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
    # The batch has 61 MiB; what reading Arrow takes for itself is about 12.
    assert int(done.stdout) < 30 * 1024


@pytest.mark.parametrize("place", [2, -1])
def test_a_place_outside_of_the_dictionary_is_refused(tmp_path: Path, place: int) -> None:
    words = pa.array(["a", "b"])
    places = pa.array([0, 1, place], pa.int32())
    slices = pa.DictionaryArray.from_arrays(places, words, safe=False)
    table = pa.table({"y_true": [0.0, 1.0, 2.0], "y_pred": [0.5, 1.0, 1.5], "slice": slices})
    path = tmp_path / "damaged.arrow"
    with pa.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table)
    for source in (str(path), table):
        with pytest.raises(InputError, match="out of bounds"):
            losscli.evaluate(source, loss="mae", by="slice")
