"""Laws of the readers: the same rows for every chunk size and in both formats."""

from __future__ import annotations

import csv
import io
import re
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import csv as arrow_csv

from losscli.readers import ColumnType, open_sources
from losscli.readers.number_text import ACCEPTED, MISSING

TYPES: dict[str, ColumnType] = {"number": "number", "text": "text", "whole": "text"}

NUMBERS = (
    st.none()
    | st.floats(allow_nan=False)
    | st.sampled_from([5e-324, -0.0, 1.7976931348623157e308, 2.2250738585072e-308])
)
# A carriage return or a NUL is no text that CSV keeps; surrogates are no UTF-8.
TEXTS = (
    st.none()
    | st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), min_size=1, max_size=8)
    | st.sampled_from(["NA", "007", '"', '""', "a\nb", ",", " x ", "nan", "naïve"])
)
ROWS = st.lists(st.tuples(NUMBERS, TEXTS, st.integers(-(2**63), 2**63 - 1)), min_size=1, max_size=30)


def read(path: Path, chunk_rows: int) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for shard in open_sources([str(path)])[0].shards():
        for first_row, batch in shard.batches(TYPES, chunk_rows):
            assert first_row == len(rows)
            assert batch.schema.names == list(TYPES)
            assert batch.num_rows <= chunk_rows
            columns = [batch.column(name).to_pylist() for name in TYPES]
            rows.extend((repr(number), text or None, whole) for number, text, whole in zip(*columns, strict=True))
    return rows


@given(ROWS, st.integers(1, 40))
@settings(max_examples=60)
def test_csv_and_parquet_give_the_same_rows_for_every_chunk_size(rows: list[tuple[Any, ...]], chunk_rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(TYPES)
        writer.writerows(("" if x is None else repr(x), "" if s is None else s, i) for x, s, i in rows)
        (Path(folder) / "t.csv").write_text(text.getvalue(), encoding="utf-8", newline="")
        numbers, texts, wholes = (list(column) for column in zip(*rows, strict=True))
        table = pa.table(
            {"number": pa.array(numbers, pa.float64()), "text": pa.array(texts, pa.string()), "whole": wholes}
        )
        pq.write_table(table, Path(folder) / "t.parquet", row_group_size=7)
        wanted = [(repr(x), s, str(i)) for x, s, i in rows]
        assert read(Path(folder) / "t.csv", chunk_rows) == wanted
        assert read(Path(folder) / "t.parquet", chunk_rows) == wanted


@given(st.text(st.sampled_from("0123456789.eE+-infaINFATYtyul_()x \t"), min_size=1, max_size=8))
@settings(max_examples=300)
def test_search_for_faults_knows_a_number_as_the_reader_does(text: str) -> None:
    options = arrow_csv.ConvertOptions(column_types={"a": pa.float64()}, null_values=MISSING)
    try:
        arrow_csv.read_csv(io.BytesIO(f'a,b\n"{text}",1\n'.encode()), convert_options=options)
        accepted = True
    except pa.ArrowInvalid:
        accepted = False
    assert accepted == bool(re.fullmatch(ACCEPTED, text))


@pytest.mark.parametrize("lines", ["\n", "\r\n"])
@given(st.lists(TEXTS.filter(bool), min_size=1, max_size=12))
@settings(max_examples=60)
def test_line_of_a_row_is_where_the_reader_finds_it(lines: str, texts: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        text, starts = "b,a" + lines, []
        for value in texts:
            starts.append(text.count("\n") + 1)
            quoted = value.replace('"', '""')
            text += f'"{quoted}",1{lines}' + lines * (len(value) % 2)
        path.write_text(text, encoding="utf-8", newline="")
        source = open_sources([str(path)])[0]
        assert [source.line_of(row) for row in range(len(texts))] == starts
        assert sum(batch.num_rows for _, batch in source.shards()[0].batches({"a": "number"}, 5)) == len(texts)
