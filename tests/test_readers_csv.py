"""CSV and TSV: what is read, and what is refused in which words."""

from __future__ import annotations

import bz2
import gzip
from pathlib import Path
from typing import Any

import pytest

from losscli.errors import InputError, NothingToEvaluate
from losscli.readers import ColumnType, csv, csv_faults, open_sources

TYPES: dict[str, ColumnType] = {"a": "number", "b": "text"}


def write(folder: Path, data: bytes, name: str = "preds.csv") -> str:
    (folder / name).write_bytes(data)
    return str(folder / name)


def read(path: str, types: dict[str, ColumnType] | None = None, chunk_rows: int = 1000) -> dict[str, list[Any]]:
    """The columns of a file, missing text as None, after checking the row numbers and sizes of its batches."""
    source = open_sources([path])[0]
    wanted = TYPES if types is None else types
    columns: dict[str, list[Any]] = {name: [] for name in wanted}
    rows = 0
    for shard in source.shards():
        for first_row, batch in shard.batches(wanted, chunk_rows):
            assert first_row == rows
            assert 0 < batch.num_rows <= chunk_rows
            assert batch.schema.names == list(wanted)
            rows += batch.num_rows
            for name in wanted:
                columns[name].extend(value if value != "" else None for value in batch.column(name).to_pylist())
    return columns


def refusal(path: str, types: dict[str, ColumnType] | None = None) -> str:
    with pytest.raises(InputError) as caught:
        read(path, types)
    return str(caught.value)


def test_text_is_kept_as_it_stands_and_words_for_missing_numbers_are_missing(tmp_path: Path) -> None:
    data = b"a,b\n1,NA\nNA,007\n,1.0\nNaN,x\nnan,None\nnull,\nNone,y\n-5e-324,z\n"
    columns = read(write(tmp_path, data))
    assert columns["b"] == ["NA", "007", "1.0", "x", "None", None, "y", "z"]
    assert columns["a"] == [1.0, None, None, None, None, None, None, -5e-324]


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbfa,b\n1,x\n2,y\n",
        b" a , b\r\n1,x\r\n\r\n2,y\r\n",
        b"\n\na,b\n1,x\n2,y",
        b"a,b\r1,x\r2,y\r",
        b"a;b\n1;x\n2;y\n",
        b"a\tb\n1\tx\n2\ty\n",
        b'"a","b"\n"1","x"\n"2","y"\n',
    ],
    ids=["bom", "crlf and blanks", "blank lines, no last newline", "cr", "semicolons", "tabs", "quotes"],
)
def test_dialects_of_csv_read_alike(tmp_path: Path, data: bytes) -> None:
    assert read(write(tmp_path, data)) == {"a": [1.0, 2.0], "b": ["x", "y"]}


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress], ids=["gz", "bz2"])
def test_compressed_text_is_recognised_by_its_bytes(tmp_path: Path, pack: Any) -> None:
    packed = pack(b"a,b\n1,x\n") + pack(b"2,y\n")
    assert read(write(tmp_path, packed)) == {"a": [1.0, 2.0], "b": ["x", "y"]}


def test_quoted_newlines_never_break_a_row(tmp_path: Path) -> None:
    path = write(tmp_path, b'a,b\n1,"x\ny"\n2,"say ""hi"""\n3,5" pipe\n')
    assert read(path, chunk_rows=1) == {"a": [1.0, 2.0, 3.0], "b": ["x\ny", 'say "hi"', '5" pipe']}


def test_quoted_newlines_at_block_edges_never_break_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv, "BLOCK_BYTES", 64)
    path = write(tmp_path, b"a,b\n" + b'1,"x\ny\n"\n' * 100)
    assert read(path) == {"a": [1.0] * 100, "b": ["x\ny\n"] * 100}


def test_kinds_are_hints_from_the_first_rows(tmp_path: Path) -> None:
    source = open_sources([write(tmp_path, b"i,n,b,t,e\n1,1.5,true,x,\n2,NA,False,1,\n")])[0]
    assert [column.kind for column in source.columns] == ["integer", "number", "boolean", "text", "text"]


def test_value_that_is_no_number_is_named_with_row_line_and_count(tmp_path: Path) -> None:
    rows = [b'0.5,"two\nlines"' if row == 4 else b"0.5,x" for row in range(20_000)]
    for row in (105, 700, 19_999):
        rows[row] = b"abc,x"
    path = write(tmp_path, b"a,b\n" + b"\n".join(rows) + b"\n")
    message = refusal(path)
    assert f'{path}: column "a", row 106 (line 108): "abc" is not a number; 3 of 20,000 rows are affected' in message
    assert "expected: a number" in message


def test_rows_of_later_blocks_are_counted_from_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_faults, "SCAN_BYTES", 64)
    path = write(tmp_path, b"a,b\n" + b"1,x\n" * 99 + b"q,x\n" + b"1,x\n" * 100)
    assert 'row 100 (line 101): "q" is not a number; 1 of 200 rows is affected' in refusal(path)


def test_decimal_commas_are_explained(tmp_path: Path) -> None:
    assert 'try: write decimals with "."' in refusal(write(tmp_path, b'a,b\n"0,5",x\n'))


def test_ragged_row_is_named_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path, b'a,b\n1,"x\n\ny"\n\n2\n3,z\n')
    assert "row 2 (line 6) has 1 value, but the header has 2" in refusal(path)


def test_quote_that_is_never_closed_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, b'a,b\n0,y\n1,"x\n' + b"2,y\n" * 100)
    assert "the row of line 3 opens a quote that is never closed" in refusal(path)
    assert "never closed" in refusal(path, {"a": "number"})


@pytest.mark.parametrize("blocks", [1, 2], ids=["first block", "later block"])
def test_text_that_is_not_utf8_is_named_with_line_and_offset(tmp_path: Path, blocks: int) -> None:
    rows = 1 if blocks == 1 else 1_100_000
    path = write(tmp_path, b"a,b\n" + b"1,xy\n" * rows + b"2,\xff\n")
    assert f"line {rows + 2:,} is not UTF-8: byte 0xff at offset {4 + 5 * rows + 2:,}" in refusal(path)


def test_binary_text_is_refused(tmp_path: Path) -> None:
    assert "NUL bytes" in refusal(write(tmp_path, b"a,b\n1,\0\n"))


def test_header_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    assert "line 1 is not UTF-8: byte 0xff at offset 2" in refusal(write(tmp_path, b"a,\xffb\n1,x\n"))


def test_duplicate_names_are_refused(tmp_path: Path) -> None:
    assert 'two columns are named "a"' in refusal(write(tmp_path, b"a, a\n1,2\n"))


def test_cut_off_compressed_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, gzip.compress(b"".join(b"%d,x\n" % row for row in range(90_000)))[:-50], "preds.csv.gz")
    assert "cannot be read: " in refusal(path, {"0": "number"})


@pytest.mark.parametrize("data", [b"a,b", b"a,b\n", b"\xef\xbb\xbfa,b\r\n"])
def test_header_alone_has_no_batches(tmp_path: Path, data: bytes) -> None:
    assert read(write(tmp_path, data)) == {"a": [], "b": []}


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf", b" \r\n"])
def test_empty_file_is_nothing_to_evaluate(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(NothingToEvaluate, match="empty"):
        open_sources([write(tmp_path, data)])


def test_list_columns_are_refused_in_words(tmp_path: Path) -> None:
    assert "expected: a list of numbers in each row" in refusal(write(tmp_path, b"a\n1\n"), {"a": "vector"})


def test_line_of_counts_as_the_reader_does(tmp_path: Path) -> None:
    path = write(tmp_path, b'\xef\xbb\xbf\n"a\nx",b\n1,"q"\n\n2,"r\n\ns"\n3,5" t\r\n4,u\n')
    source = open_sources([path])[0]
    assert [source.line_of(row) for row in range(5)] == [4, 6, 9, 10, None]
