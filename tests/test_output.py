"""Laws of the outputs: whole or not at all, and rows that read back as they were."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from losscli.cli.delivery import parse_outputs
from losscli.errors import Exit, InputError, UsageError
from losscli.output import OutputSet, atomic_write
from losscli.rows import RowFormat, float_text, open_rows, row_format

TEXT = st.text(st.characters(codec="utf-8"))
FORMATS: tuple[RowFormat, ...] = ("csv", "tsv", "ndjson", "parquet")


class MidwayError(Exception):
    """What goes wrong while an output is being written."""


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@contextmanager
def small_files() -> Iterator[None]:
    """A process that may write no file of more than 4 KiB, as on a full disk.

    No longer than the writing lasts: the output of the test run may be a file as well.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    with atomic_write(str(path)) as stream:
        stream.write(b"{}\n")
        stream.flush()
        assert not path.exists()
    assert path.read_bytes() == b"{}\n"
    assert names(tmp_path) == ["out.json"]


def test_who_reads_the_earlier_file_reads_on_undisturbed(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    path.write_bytes(b"earlier\n")
    with path.open("rb") as reader:
        with atomic_write(str(path)) as stream:
            stream.write(b"later\n")
        assert reader.read() == b"earlier\n"
    assert path.read_bytes() == b"later\n"


@pytest.mark.parametrize("failure", [MidwayError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("before", [None, b"earlier\n"])
def test_an_error_in_the_middle_leaves_everything_as_it_was(
    tmp_path: Path, failure: type[BaseException], before: bytes | None
) -> None:
    path = tmp_path / "out.csv"
    if before is not None:
        path.write_bytes(before)
    with pytest.raises(failure), atomic_write(str(path)) as stream:  # noqa: PT012  # the error is in the middle
        stream.write(b"x" * 1_000_000)
        raise failure
    assert names(tmp_path) == ([] if before is None else ["out.csv"])
    if before is not None:
        assert path.read_bytes() == before


def test_several_outputs_appear_together_or_not_at_all(tmp_path: Path) -> None:
    first, second = tmp_path / "a.json", tmp_path / "b.csv"
    with pytest.raises(MidwayError), OutputSet() as outputs:  # noqa: PT012  # the error is in the middle
        outputs.write(str(first), "{}\n")
        outputs.open(str(second))
        raise MidwayError
    assert names(tmp_path) == []
    with OutputSet() as outputs:
        outputs.write(str(first), "é\n")
        outputs.write(str(second), b"\x00")
        assert not first.exists()
    assert (first.read_text(encoding="utf-8"), second.read_bytes()) == ("é\n", b"\x00")
    assert names(tmp_path) == ["a.json", "b.csv"]


def test_a_full_disk_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    said = r"big\.csv: cannot be written: file too large"
    with small_files(), pytest.raises(InputError, match=said) as refusal, OutputSet() as outputs:  # noqa: PT012  # two
        outputs.write(str(tmp_path / "small.json"), "{}\n")
        outputs.write(str(tmp_path / "big.csv"), "x" * 2_000_000)
    assert refusal.value.exit_code is Exit.INPUT
    assert names(tmp_path) == []


def test_a_disk_that_fills_at_the_last_flush_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "big.csv"
    path.write_bytes(b"earlier\n")
    said = r"big\.csv: cannot be written"
    with small_files(), pytest.raises(InputError, match=said), atomic_write(str(path)) as stream:
        stream.write(b"x" * 10_000)
    assert path.read_bytes() == b"earlier\n"
    assert names(tmp_path) == ["big.csv"]


def test_a_full_disk_under_parquet_is_named_too(tmp_path: Path) -> None:
    path = str(tmp_path / "rows.parquet")
    said = r"rows\.parquet: cannot be written"
    with small_files(), pytest.raises(InputError, match=said), atomic_write(path) as stream:  # noqa: PT012
        writer = open_rows(stream, "parquet", ["loss"])
        writer.write(np.arange(400_000), [np.random.default_rng(0).random(400_000)])
        writer.close()
    assert names(tmp_path) == []


def test_a_missing_directory_is_named_before_anything_is_computed(tmp_path: Path) -> None:
    path = tmp_path / "no" / "such" / "out.csv"
    said = r"out\.csv: cannot be written: the directory .*such does not exist"
    with pytest.raises(InputError, match=said) as refusal:
        OutputSet().open(str(path))
    assert refusal.value.exit_code is Exit.INPUT
    assert refusal.value.fix == f"mkdir -p {path.parent}"


def test_a_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    with pytest.raises(InputError, match="cannot be written: not a directory"):
        OutputSet().open(str(tmp_path / "plain" / "out.csv"))


@pytest.mark.parametrize("name", ["", "new/"])
def test_a_directory_is_no_output(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="it is a directory"):
        OutputSet().open(f"{tmp_path}/{name}")
    assert names(tmp_path) == []


def test_a_refused_permission_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.csv"
    path.write_text("earlier\n")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(InputError, match=r"out\.csv: cannot be written: permission denied"):
        OutputSet().open(str(path))
    assert names(tmp_path) == ["out.csv"]


def test_an_output_that_is_an_input_is_refused_under_any_name(tmp_path: Path) -> None:
    source = tmp_path / "preds.csv"
    source.write_text("y_true,y_pred\n")
    (tmp_path / "link.csv").symlink_to(source)
    os.link(source, tmp_path / "hard.csv")
    for name in ("preds.csv", "link.csv", "hard.csv", f"../{tmp_path.name}/preds.csv"):
        with pytest.raises(UsageError, match="the output is also an input") as refusal:
            OutputSet(["-", str(source)]).open(str(tmp_path / name))
        assert refusal.value.exit_code is Exit.USAGE
    assert source.read_text() == "y_true,y_pred\n"


def test_two_outputs_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two outputs go to this file"), OutputSet() as outputs:  # noqa: PT012
        outputs.open(str(tmp_path / "a"))
        outputs.open(str(tmp_path / "." / "a"))
    assert names(tmp_path) == []


def test_permissions_and_links_stay_as_they_were(tmp_path: Path) -> None:
    real = tmp_path / "real.json"
    real.write_text("earlier\n")
    real.chmod(0o640)
    link = tmp_path / "link.json"
    link.symlink_to(real)
    with atomic_write(str(link)) as stream:
        stream.write(b"later\n")
    assert link.is_symlink()
    assert real.read_text() == "later\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_a_new_file_has_the_permissions_of_any_other_new_file(tmp_path: Path) -> None:
    (tmp_path / "usual").write_text("")
    with atomic_write(str(tmp_path / "ours")):
        pass
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_pipe_is_written_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with atomic_write(str(pipe)) as stream:
            stream.write(b"through\n")
        assert os.read(reader, 100) == b"through\n"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert names(tmp_path) == ["pipe"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [("rows.csv", "csv"), ("rows", "csv"), ("a.b/rows.TSV", "tsv"), ("x.ndjson", "ndjson"), ("x.jsonl", "ndjson"),
     ("x.parquet", "parquet"), ("x.pq", "parquet")],
)  # fmt: skip
def test_the_suffix_decides_the_format(path: str, expected: str) -> None:
    assert row_format(path) == expected


def test_compressed_rows_are_refused() -> None:
    with pytest.raises(UsageError, match="rows are not written compressed"):
        row_format("rows.csv.gz")


def text_array(values: Sequence[str | None]) -> pa.Array:
    return pa.array(values, pa.string())


def written(
    format: RowFormat,
    losses: Sequence[np.ndarray],
    kept: Sequence[pa.Array],
    split: int,
    titles: Sequence[str] | None = None,
) -> bytes:
    """The rows numbered from 0, given to the writer `split` at a time."""
    sink = io.BytesIO()
    titles = titles or [f"loss{place}" for place in range(len(losses))]
    writer = open_rows(sink, format, titles, [f"kept{place}" for place in range(len(kept))])
    rows = np.arange(len(losses[0]))
    for start in range(0, len(rows), split):
        part = slice(start, start + split)
        writer.write(rows[part], [one[part] for one in losses], [one[part] for one in kept])
    writer.close()
    return sink.getvalue()


def read_back(format: RowFormat, content: bytes) -> list[list[Any]]:
    """Rows as [row, losses…, kept…]: numbers as floats, missing ones None, text as it is."""
    if format == "parquet":
        table = pq.ParquetFile(io.BytesIO(content), pre_buffer=False).read(use_threads=False)
        return [list(one.values()) for one in table.to_pylist()]
    if format == "ndjson":
        return [list(json.loads(line).values()) for line in content.decode().split("\n")[:-1]]
    delimiter = "," if format == "csv" else "\t"
    _, *lines = csv.reader(io.StringIO(content.decode(), newline=""), delimiter=delimiter, strict=True)
    return [[int(row), float(loss) if loss else None, *rest] for row, loss, *rest in lines]


@pytest.mark.parametrize("format", FORMATS)
@given(
    st.lists(st.tuples(st.floats(allow_infinity=False), TEXT), min_size=1, max_size=20),
    st.integers(1, 20),
)
@example([(0.5, ""), (math.nan, '"'), (-0.0, "a,b\tc\r\nd"), (1e22, "\\u0000\x00\x1f")], 1)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_rows_read_back_as_they_were_in_any_portions(
    format: RowFormat, rows: list[tuple[float, str]], split: int
) -> None:
    losses = np.array([loss for loss, _ in rows])
    kept = text_array([name for _, name in rows])
    content = written(format, [losses], [kept], split)
    assert content == written(format, [losses], [kept], 1000)
    expected = [[place + 1, None if math.isnan(loss) else loss, name] for place, (loss, name) in enumerate(rows)]
    assert repr(read_back(format, content)) == repr(expected)


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=50))
@example([1.0, -0.0, 1e10, 1e15, 1e16, 9999999999999998.0, 123456789012345.6, math.inf])
@example([1e-4, 9.999e-5, 1e-5, 1.5e-7, 1e-9, 9.99e-10, 5e-324])
@settings(max_examples=200, deadline=None, derandomize=True)
def test_floats_are_written_exactly_as_python_writes_them(values: list[float]) -> None:
    assert float_text(np.array(values)).to_pylist() == [repr(value) for value in values]


def test_floats_of_every_size_are_written_exactly_as_python_writes_them() -> None:
    rng = np.random.default_rng(20)
    values = np.concatenate(
        [
            rng.integers(0, 2**64, 20_000, dtype=np.uint64).view(np.float64),
            10.0 ** rng.uniform(-12, 20, 20_000),
            np.round(10.0 ** rng.uniform(-6, 18, 20_000), 3),
        ]
    )
    values = values[~np.isnan(values)]
    assert float_text(values).to_pylist() == list(map(repr, values.tolist()))


def test_a_missing_loss_is_empty_or_null_and_infinity_is_no_json() -> None:
    losses = [np.array([math.nan, math.inf, -math.inf, 0.5])]
    assert written("csv", losses, [], 10) == b"row,loss0\n1,\n2,inf\n3,-inf\n4,0.5\n"
    lines = written("ndjson", losses, [], 10).decode().splitlines()
    assert [json.loads(line, parse_constant=pytest.fail)["loss0"] for line in lines] == [None, None, None, 0.5]


def test_several_losses_have_a_column_each_and_names_are_quoted() -> None:
    losses = [np.array([0.5, 2.0]), np.array([0.25, 4.0])]
    content = written("csv", losses, [], 1, titles=["mae", "a, b"])
    assert content == b'row,mae,"a, b"\n1,0.5,0.25\n2,2.0,4.0\n'
    assert json.loads(written("ndjson", losses, [], 1, titles=["mae", 'say "x"']).split(b"\n")[1]) == {
        "row": 2,
        "mae": 2.0,
        'say "x"': 4.0,
    }


def test_rows_keep_their_numbers_when_some_are_left_out() -> None:
    sink = io.BytesIO()
    open_rows(sink, "csv", ["loss"]).write(np.array([3, 41]), [np.array([0.5, 1.5])])
    assert sink.getvalue() == b"row,loss\n4,0.5\n42,1.5\n"


KEPT = [
    pa.array(["a", None, "b", "a"]).dictionary_encode(),
    pa.array([1, None, 3, 2**60]),
    pa.array([1e-5, None, 1.0, 0.1]),
    pa.array([0.1, None, 1.5, 2.0], pa.float32()),
    pa.array([True, None, False, True]),
    pa.array([[0.5, 1.0], None, [], [2.0]]),
]


@pytest.mark.parametrize("split", [1, 4])
def test_kept_columns_of_any_type_are_carried_along(split: int) -> None:
    losses = [np.array([1.0, 2.0, 3.0, 4.0])]
    assert written("csv", losses, KEPT, split).decode().splitlines()[1:] == [
        '1,1.0,a,1,1e-05,0.1,true,"[0.5, 1.0]"',
        "2,2.0,,,,,,",
        "3,3.0,b,3,1.0,1.5,false,[]",
        f"4,4.0,a,{2**60},0.1,2,true,[2.0]",
    ]
    parsed = [json.loads(line) for line in written("ndjson", losses, KEPT, split).decode().splitlines()]
    read = read_back("parquet", written("parquet", losses, KEPT, split))
    assert [list(one.values())[2:5] for one in parsed] == [one[2:5] for one in read]
    assert [list(one.values())[6:] for one in parsed] == [one[6:] for one in read]
    assert [list(one.values())[5] for one in parsed] == [0.1, None, 1.5, 2]


@pytest.mark.parametrize("format", FORMATS)
def test_no_rows_still_make_a_valid_file(format: RowFormat) -> None:
    assert read_back(format, written(format, [np.empty(0)], [text_array([])], 1)) == []


def test_many_rows_make_few_row_groups() -> None:
    content = written("parquet", [np.zeros(300_000)], [], 8_192)
    file = pq.ParquetFile(io.BytesIO(content), pre_buffer=False)
    assert (file.metadata.num_rows, file.metadata.num_row_groups) == (300_000, 3)


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(UsageError, match='two columns of the row output are called "row"'):
        open_rows(io.BytesIO(), "csv", ["loss"], ["row"])


@pytest.mark.parametrize("format", FORMATS)
def test_writing_rows_does_not_import_pandas(format: RowFormat) -> None:
    program = (
        "import io, sys\nimport numpy as np\nimport pyarrow as pa\n"
        "from losscli.rows import open_rows\n"
        "offsets = pa.py_buffer(np.array([0, 1, 3], np.int32))\n"
        "text = pa.Array.from_buffers(pa.string(), 2, [None, offsets, pa.py_buffer(b'a\"b')])\n"
        f"writer = open_rows(io.BytesIO(), {format!r}, ['loss'], ['id'])\n"
        "writer.write(np.arange(2), [np.array([1.0, 1e-9])], [text])\nwriter.close()\n"
        "print('pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_report_of_verdicts_is_left_to_the_gate() -> None:
    with pytest.raises(UsageError, match="no output kind junit") as raised:
        parse_outputs(["junit=report.xml"])
    assert raised.value.fix == "losscli gate --rule max=LIMIT -o junit=report.xml, for that is a report of verdicts"
