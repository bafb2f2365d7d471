"""Paths, globs, directories and pipes; formats by bytes and suffix; no accidental imports."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from losscli.errors import InputError, NothingToEvaluate, UsageError
from losscli.readers import open_sources


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    for name in ("b.csv", "a.csv", "sub/c.csv"):
        (tmp_path / name).write_text("x\n1\n")
    (tmp_path / "_SUCCESS").write_text("")
    (tmp_path / ".b.csv.crc").write_bytes(b"\0")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "readme.txt").write_text("not data")
    return tmp_path


def test_directory_is_its_parts_in_order(folder: Path) -> None:
    sources = open_sources([str(folder)])
    assert [(source.index, source.path) for source in sources] == [
        (place, str(folder / name)) for place, name in enumerate(("a.csv", "b.csv", "sub/c.csv"))
    ]


def test_glob_is_its_matches_in_order(folder: Path) -> None:
    assert [Path(source.path).name for source in open_sources([str(folder / "*.csv")])] == ["a.csv", "b.csv"]
    assert len(open_sources([str(folder / "**" / "*.csv")])) == 3


def test_nothing_found_is_nothing_to_evaluate(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(NothingToEvaluate, match="the directory holds no data"):
        open_sources([str(tmp_path)])
    with pytest.raises(NothingToEvaluate, match="no file matches"):
        open_sources([str(tmp_path / "*.csv")])


def test_unknown_path_names_the_nearest(folder: Path) -> None:
    (folder / "preds.csv").write_text("x\n1\n")
    with pytest.raises(InputError, match=r"no such file: .*pred\.csv\nexpected: .*\ntry: .*preds\.csv"):
        open_sources([str(folder / "pred.csv")])


def test_unknown_format_names_the_nearest(folder: Path) -> None:
    with pytest.raises(UsageError, match="try: --format parquet"):
        open_sources([str(folder / "a.csv")], "parquit")


def test_binary_magic_wins_over_the_suffix(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1]}), tmp_path / "preds.csv")
    assert open_sources([str(tmp_path / "preds.csv")])[0].format == "parquet"


def test_explicit_format_wins(tmp_path: Path) -> None:
    (tmp_path / "preds.dat").write_text("x\ty,z\n1\t2\n")
    assert [column.name for column in open_sources([str(tmp_path / "preds.dat")], "tsv")[0].columns] == ["x", "y,z"]
    with pytest.raises(InputError, match="not a readable Parquet file"):
        open_sources([str(tmp_path / "preds.dat")], "parquet")


@pytest.mark.parametrize(("text", "format"), [("x,y\n1,2\n", "csv"), ("x\ty\n1\t2\n", "tsv")])
def test_standard_input_is_sniffed_and_errors_keep_their_line(
    monkeypatch: pytest.MonkeyPatch, text: str, format: str
) -> None:
    piped = text + text.splitlines()[1].replace("1", "q") + "\n"
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(piped.encode())))
    source = open_sources(["-"])[0]
    assert (source.path, source.format, source.bytes) == ("-", format, len(piped))
    with pytest.raises(InputError, match=r'losscli: -: column "x", row 2 \(line 3\): "q" is not a number; 1 of 2 rows'):
        list(source.shards()[0].batches({"x": "number"}, 10))


def test_parquet_comes_through_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq.write_table(pa.table({"x": [1.5]}), tmp_path / "p.parquet")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO((tmp_path / "p.parquet").read_bytes())))
    source = open_sources(["-"])[0]
    assert (source.format, source.rows) == ("parquet", 1)


def test_named_pipe_is_read_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text("x\n1\n2\n"))
    writer.start()
    source = open_sources([str(pipe)])[0]
    writer.join()
    assert [batch.num_rows for _, batch in source.shards()[0].batches({"x": "number"}, 10)] == [2]


def test_compressed_parquet_is_explained(tmp_path: Path) -> None:
    import gzip

    pq.write_table(pa.table({"x": [1.5]}), tmp_path / "p.parquet")
    (tmp_path / "p.parquet.gz").write_bytes(gzip.compress((tmp_path / "p.parquet").read_bytes()))
    with pytest.raises(InputError, match="try: decompress it first"):
        open_sources([str(tmp_path / "p.parquet.gz")])


READ_ALL = """
import sys
from losscli.columns import ColumnRequest, Decoder, Need, plan_columns
from losscli.readers import open_sources
needs = [Need("y_true", "class", "row", "scce"), Need("y_pred", "number", "vector", "scce")]
for path in sys.argv[1:]:
    source = open_sources([path])[0]
    plan = plan_columns(source.columns, ColumnRequest(by=(("g",),), weight="w"), needs, path)
    for shard in source.shards():
        for first_row, batch in shard.batches(plan.types, 10):
            Decoder(plan, needs, 0).tile(batch, first_row)
heavy = {"pandas", "pyarrow.dataset", "dask", "matplotlib"} & set(sys.modules)
assert not heavy, heavy
"""


def test_reading_and_decoding_imports_neither_pandas_nor_datasets(tmp_path: Path) -> None:
    table = pa.table(
        {"y_true": [0, 1], "p_0": pa.array([0.5, 1.0], pa.float32()), "p_1": [0.5, 0.0], "g": ["x", None], "w": [1, 2]}
    )
    pq.write_table(table, tmp_path / "p.parquet")
    (tmp_path / "p.csv").write_text("y_true,p_0,p_1,g,w\n0,0.5,0.5,x,1\n1,1,0,,2\n")
    paths = [str(tmp_path / "p.parquet"), str(tmp_path / "p.csv")]
    subprocess.run([sys.executable, "-c", READ_ALL, *paths], check=True, cwd=Path(__file__).parents[1])


def test_standard_input_is_there_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"x,y\n1,2\n")))
    with pytest.raises(UsageError, match="standard input is asked for twice"):
        open_sources(["-", "-"])


def test_empty_name_is_no_folder() -> None:
    with pytest.raises(UsageError, match="the name of a file is empty"):
        open_sources([""])


def test_missing_file_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such file: .*\nexpected: a file, a folder or a pattern$"):
        open_sources([str(tmp_path / "nothing" / "like.csv")])
