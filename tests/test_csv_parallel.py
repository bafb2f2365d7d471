"""Laws of cut CSV files: however a file is cut, it holds the same rows, faults and lines."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import itertools
import pickle
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import losscli
from losscli.__main__ import run
from losscli.errors import InputError, LosscliError
from losscli.readers import ColumnType, RowCounts, Shard, Shards, Source, csv_cuts, csv_shards, open_sources
from losscli.readers.streams import Place

TEXTS: dict[str, ColumnType] = {"a": "text", "b": "text"}

HEADERS = st.sampled_from([b"a,b\n", b"\xef\xbb\xbfa,b\r\n", b'\n\n"a","b"\n', b'\xef\xbb\xbf"a", b \r\n\r\n'])
VALUES = st.sampled_from(
    [b"", b"x", b'5" pipe', b'"x,y"', b'"p\nq"', b'"r\r\n\r\ns"', b'"say ""hi"""', b'""', b'"z"t', b"n\xc3\xaf"]
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\n\n", b"\r\n\n"])
ROWS = st.lists(st.tuples(VALUES, VALUES, ENDS), max_size=12)
# Anything at all, much of it no proper CSV.
MARKS = [b'"', b"\n", b"\r", b"x", b'""', b'"\n', b'\n"']
NOISE = st.lists(st.sampled_from(MARKS), max_size=40).map(b"".join)
PAIRS = st.lists(st.sampled_from([*MARKS, b"x,y\n", b',"', b'",']), max_size=40).map(b"".join)


@contextmanager
def file_of(data: bytes, name: str = "t.csv") -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        yield str(path)


@contextmanager
def cut_every(range_bytes: int, piece_bytes: int = 1 << 18, row_bytes: int = 1 << 22) -> Iterator[None]:
    """Ranges of about so many bytes, found in pieces of so many."""
    with (
        patch.object(csv_shards, "RANGE_BYTES", range_bytes),
        patch.object(csv_cuts, "PIECE_BYTES", piece_bytes),
        patch.object(csv_cuts, "ROW_BYTES", row_bytes),
    ):
        yield


def rows_of(source: Source, types: dict[str, ColumnType], chunk_rows: int = 3) -> list[tuple[Any, ...]] | str:
    """The rows of a file in order, numbered as in the file; the error when there is one."""
    counts = RowCounts()
    found: list[tuple[int, tuple[Any, ...]]] = []
    try:
        for shard in source.shards():
            travelled = pickle.loads(pickle.dumps(shard))
            for first_row, batch in travelled.batches(types, chunk_rows):
                counts.add(shard.file, shard.first_row, batch.num_rows)
                columns = [batch.column(name).to_pylist() for name in types]
                found += zip(itertools.count(first_row), zip(*columns, strict=True), strict=False)
    except LosscliError as error:
        return str(error)
    numbers = [number for number, _ in found]
    assert numbers == sorted(set(numbers))
    assert [counts.row_of(0, number) for number in numbers] == list(range(len(found)))
    assert counts.by_file().get(0, 0) == len(found)
    return [row for _, row in found]


def assert_cutting_changes_nothing(data: bytes, range_bytes: int, piece_bytes: int, row_bytes: int) -> None:
    with file_of(data) as path:
        try:
            source = open_sources([path])[0]
        except LosscliError:
            return
        types = {column.name: TEXTS[column.name] for column in source.columns}
        with patch.object(csv_shards, "row_starts", lambda *_: iter([None])):
            whole = rows_of(source, types)
        with cut_every(range_bytes, piece_bytes, row_bytes):
            assert rows_of(source, types) == whole


@given(HEADERS, ROWS, st.integers(1, 40), st.integers(1, 40), st.booleans())
@settings(max_examples=300)
@example(b"a,b\n", [(b'"p\nq"', b"x", b"\n")] * 5, 1, 1, True)
@example(b"a,b\n", [(b'5" pipe', b'"p\nq"', b"\n"), (b'5" pipe', b"x", b"\n")], 13, 40, False)
@example(b"a,b\n", [(b'5" pipe', b'"p\nq"', b"\n")] * 3, 1, 1, True)
@example(b"a,b\n", [(b'5" pipe', b'"q""\nr"', b"\n")] * 3, 1, 1 << 10, True)
@example(b"a,b\n", [(b"x", b'"p\nq"', b"\n")] * 3, 1 << 10, 1 << 10, False)
def test_a_file_has_the_same_rows_however_it_is_cut(
    header: bytes, rows: list[tuple[bytes, bytes, bytes]], range_bytes: int, piece_bytes: int, ends: bool
) -> None:
    data = header + b"".join(first + b"," + second + end for first, second, end in rows)
    assert_cutting_changes_nothing(data if ends else data.rstrip(b"\r\n"), range_bytes, piece_bytes, 1 << 22)


@pytest.mark.parametrize("step", [1, 4, 5, 9, 10, 60])
def test_a_cut_is_the_first_row_start_at_or_after_the_byte_wanted(step: int) -> None:
    data = b"a,b\n" + b'1,x\n2,"y\n"\n' * 5
    starts = [4 + 11 * pair + place for pair in range(5) for place in (0, 4)]
    wanted = [
        min([start for start in starts if start >= one], default=len(data)) for one in range(4 + step, len(data), step)
    ]
    with file_of(data) as path:
        found = list(csv_cuts.row_starts(Place(path, path), ",", 4, len(data), step))
    assert found == [*wanted, len(data)]


@given(
    NOISE.map(b"a\n".__add__) | PAIRS.map(b"a,b\n".__add__), st.integers(1, 12), st.integers(1, 12), st.integers(0, 12)
)
@settings(max_examples=500)
def test_text_that_is_no_proper_csv_is_read_or_refused_alike_however_it_is_cut(
    data: bytes, range_bytes: int, piece_bytes: int, row_bytes: int
) -> None:
    assert_cutting_changes_nothing(data, range_bytes, piece_bytes, row_bytes)


def table(rows: int) -> bytes:
    """A label, a score, a group with line breaks, a weight, and two components of a vector."""
    rng = np.random.default_rng(20_260_104)
    score = rng.random(rows)
    label = (rng.random(rows) < score).astype(int)
    lines = [b"y_true,y_pred,group,weight,e_0,e_1"]
    for row in range(rows):
        group = b'"two\nlines"' if row % 7 == 3 else b"plain"
        vector = rng.normal(size=2).tolist()
        lines.append(
            b",".join(
                [
                    b"%d" % label[row],
                    b"%r" % float(score[row]),
                    group,
                    b"%d" % (row % 3),
                    *(b"%r" % one for one in vector),
                ]
            )
        )
    return b"\n".join(lines) + b"\n"


ROWS_IN_TABLE = 300


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("range_bytes", [1, 100, 5_000])
def test_results_do_not_depend_on_the_cuts(threads: int, range_bytes: int) -> None:
    losses = ["binary_crossentropy", "mean_squared_error"]
    with file_of(table(ROWS_IN_TABLE)) as path:

        def document() -> dict[str, Any]:
            return losscli.evaluate(path, losses, by="group", weight="weight", threads=threads).to_dict()

        whole = document()
        with cut_every(range_bytes):
            assert document() == whole
        assert whole["rows"]["read"] == ROWS_IN_TABLE


def test_loss_of_all_rows_at_once_sees_them_in_order() -> None:
    options: dict[str, Any] = {"label": "y_true", "pred": ["e_0", "e_1"], "threads": 3}
    with file_of(table(40)) as path:
        whole = losscli.evaluate(path, "circle", normalize=True, **options).to_dict()
        with cut_every(50):
            assert losscli.evaluate(path, "circle", normalize=True, **options).to_dict() == whole


def test_rows_are_numbered_as_in_the_file() -> None:
    command = ["-l", "mean_absolute_error", "-p", "y_pred", "--reduction", "none", "--keep", "group", "--threads", "2"]
    with file_of(table(ROWS_IN_TABLE)) as path, file_of(table(10), "u.csv") as other:

        def written() -> str:
            target = Path(other).with_suffix(".rows.csv")
            with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                assert run(["eval", path, other, *command, "-o", f"rows={target}"]) == 0
            return target.read_text(encoding="utf-8")

        whole = written()
        assert [int(row["row"]) for row in csv.DictReader(io.StringIO(whole))] == list(range(1, ROWS_IN_TABLE + 11))
        with cut_every(64):
            assert written() == whole


def with_fault(data: bytes, row: int, value: bytes) -> bytes:
    """The table with another `y_pred` in one row."""
    source = io.StringIO(data.decode(), newline="")
    rows = list(csv.reader(source))
    rows[1 + row][1] = value.decode()
    target = io.StringIO(newline="")
    csv.writer(target, lineterminator="\n").writerows(rows)
    return target.getvalue().encode()


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (b"x", '"x" is not a number'),
        (b"1.5", "1.5 is not a probability"),
        (b"", "the value is missing or NaN"),
    ],
)
@pytest.mark.parametrize("range_bytes", [1, 512, 1 << 22])
def test_fault_is_named_with_its_row_and_line_and_counted(range_bytes: int, value: bytes, problem: str) -> None:
    data = with_fault(with_fault(table(ROWS_IN_TABLE), 200, value), 290, value)
    # Rows 3, 10, 17, … go over two lines.
    line = 2 + 200 + len(range(3, 200, 7))
    with file_of(data) as path, cut_every(range_bytes), pytest.raises(InputError) as caught:
        losscli.evaluate(path, "binary_crossentropy", threads=3)
    assert f'column "y_pred", row 201 (line {line}): {problem}' in str(caught.value)
    assert "2 of 300 rows are affected" in str(caught.value)


def test_labels_that_do_not_fit_together_are_named_with_their_row() -> None:
    data = b"y_true,y_pred\n" + b"1,0.5\n" * 90 + b"0,0.5\n" + b"1,0.5\n" * 99 + b"-1,0.5\n"
    with (
        file_of(data) as path,
        cut_every(32),
        pytest.raises(InputError, match=r"row 191 \(line 192\): -1 stands beside 0"),
    ):
        losscli.evaluate(path, "binary_crossentropy", threads=3)


@pytest.mark.parametrize("faults", [(b"1,2,3\n", b"x,1\n"), (b"x,1\n", b"1,2,3\n"), (b"1,2,3\n", b"1\n")])
def test_first_fault_of_the_file_is_told_whichever_range_fails_first(faults: tuple[bytes, bytes]) -> None:
    data = b"a,b\n" + b"1,1\n" * 50 + faults[0] + b"1,1\n" * 50 + faults[1] + b"1,1\n" * 50
    messages = []
    with file_of(data) as path, cut_every(16):
        for shard in open_sources([path])[0].shards():
            try:
                list(shard.batches({"a": "number", "b": "number"}, 10))
            except InputError as error:
                messages.append(str(error))
    assert len(messages) == 2
    assert len(set(messages)) == 1
    assert "row 51 (line 52)" in messages[0]


def test_quote_that_is_never_closed_is_refused_however_the_file_is_cut() -> None:
    data = b"a,b\n" + b"1,x\n" * 20 + b'2,5" pipe\n3,"open\n' + b"4,y\n" * 30
    with file_of(data) as path:
        for range_bytes in (1, 40, 1 << 22):
            with cut_every(range_bytes, row_bytes=16):
                message = rows_of(open_sources([path])[0], {"a": "number", "b": "text"})
            assert "the row of line 23 opens a quote that is never closed" in message


@pytest.mark.parametrize("data", [b"a,b\r1,x\r2,y\r", b"a,b\r\n1,x\r2,y\r", b"a,b\r1,x\n2,y"])
def test_lone_carriage_returns_end_rows(data: bytes) -> None:
    with file_of(data) as path, cut_every(2, row_bytes=1):
        assert rows_of(open_sources([path])[0], {"a": "number", "b": "text"}) == [(1.0, "x"), (2.0, "y")]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_compressed_text_is_one_shard_with_the_same_rows(pack: Callable[[bytes], bytes]) -> None:
    types: dict[str, ColumnType] = {"y_pred": "number", "group": "text"}
    with file_of(table(50)) as plain, file_of(pack(table(50)), "t.csv.gz") as packed, cut_every(64):
        source = open_sources([packed])[0]
        assert len(source.shards()) == 1
        assert rows_of(source, types) == rows_of(open_sources([plain])[0], types)


def test_shards_are_those_of_the_file_and_are_found_as_they_are_asked_for() -> None:
    asked: list[int] = []

    def found() -> Iterator[Shard]:
        for shard in every:
            asked.append(shard.first_row)
            yield shard

    with file_of(table(ROWS_IN_TABLE)) as path, cut_every(1_000, piece_bytes=500):
        every = list(open_sources([path])[0].shards())
        assert list(open_sources([path])[0].shards()) == every
    shards = Shards(len(every) + 1, found())
    assert shards[1] == every[1]
    assert shards[0:2] == every[0:2]
    assert asked == [shard.first_row for shard in every[:2]]
    with pytest.raises(IndexError):
        shards[-1]
    assert shards[-2] == every[-1]
