"""NDJSON: what is read, at Arrow's speed or row by row, and what is refused in which words."""

from __future__ import annotations

import gzip
import json
import math
import pickle
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import losscli
from losscli.errors import InputError, NothingToEvaluate
from losscli.readers import ColumnType, RowCounts, ndjson, open_sources
from losscli.readers.ndjson_rows import BlockReader

TYPES: dict[str, ColumnType] = {"x": "number", "s": "text", "v": "vector", "m": "matrix"}
SLOW = dict.fromkeys(TYPES, "mixed")

NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**60), 2**60)
ROWS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "x": NUMBERS,
            "s": st.none() | st.text(st.characters(codec="utf-8"), max_size=6),
            "v": st.none() | st.lists(NUMBERS, max_size=3),
            "m": st.none() | st.lists(st.lists(NUMBERS, max_size=2), max_size=2),
            "unread": st.recursive(st.none() | st.text(max_size=3), lambda inner: st.lists(inner, max_size=2)),
        },
    ),
    min_size=1,
    max_size=12,
)


def write(folder: Path, text: str | bytes, name: str = "preds.ndjson") -> str:
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(folder / name)


def read(path: str, types: dict[str, ColumnType], chunk_rows: int = 1000) -> list[dict[str, Any]]:
    """The rows of a file, after a check of their numbers."""
    rows: list[dict[str, Any]] = []
    counts, numbers = RowCounts(), []
    for shard in open_sources([path])[0].shards():
        for number, batch in pickle.loads(pickle.dumps(shard)).batches(types, chunk_rows):
            assert 0 < batch.num_rows <= chunk_rows
            assert batch.schema.names == list(types)
            counts.add(0, shard.first_row, batch.num_rows)
            numbers += range(number, number + batch.num_rows)
            rows += batch.to_pylist()
    assert [counts.row_of(0, number) for number in numbers] == list(range(len(rows)))
    return rows


def refusal(path: str, types: dict[str, ColumnType]) -> str:
    with pytest.raises(InputError) as caught:
        read(path, types)
    return str(caught.value)


def as_floats(value: Any) -> Any:
    if isinstance(value, list):
        return [as_floats(one) for one in value]
    return None if value is None else float(value)


@given(ROWS, st.integers(1, 5), st.integers(1, 90))
@settings(max_examples=150)
def test_rows_are_the_same_for_every_chunk_and_range(rows: list[dict[str, Any]], chunk_rows: int, size: int) -> None:
    wanted = [{name: as_floats(row.get(name)) if name != "s" else row.get("s") for name in TYPES} for row in rows]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(ndjson, "RANGE_BYTES", size)
        text = "\n".join(json.dumps(row, ensure_ascii=len(rows) % 2 == 0) for row in rows)
        path = write(Path(folder), text)
        assert len(open_sources([path])[0].shards()) == -(-len(text.encode()) // size)
        assert repr(read(path, TYPES, chunk_rows)) == repr(wanted)
        packed = write(Path(folder), gzip.compress(b"\xef\xbb\xbf" + text.encode() + b"\n"), "preds.jsonl.gz")
        assert repr(read(packed, TYPES, chunk_rows)) == repr(wanted)


@given(ROWS)
@settings(max_examples=150)
def test_row_by_row_gives_what_arrow_gives(rows: list[dict[str, Any]]) -> None:
    block = "".join(json.dumps(row) + "\n" for row in rows).encode()
    fast = BlockReader(0, TYPES, {"x": "number", "s": "string", "v": "list", "m": "list"})
    slow = BlockReader(0, TYPES, SLOW)
    assert repr(slow.read(block, 0).to_pydict()) == repr(fast.read(block, 0).to_pydict())
    assert not slow.failed


@pytest.mark.parametrize(
    ("value", "text", "number"),
    [
        ('"007"', "007", 7.0),
        ("7", "7", 7.0),
        ("1.50", "1.50", 1.5),
        ("-0", "0", -0.0),
        ("-0.0", "-0.0", -0.0),
        ("1e400", "1e400", math.inf),
        ("12345678901234567890", "12345678901234567890", 12345678901234567890.0),
        ("true", "true", 1.0),
        ("null", None, None),
        ("NaN", "NaN", math.nan),
        ('"NA"', "NA", None),
        ('" 1e3 "', " 1e3 ", 1000.0),
        (r'"\u00e9\n"', "é\n", None),
        ("5e-324", "5e-324", 5e-324),
    ],
)
@pytest.mark.parametrize("before", ["", '{"a": "s"}\n', '{"a": 1}\n', '{"a": 0.5}\n', '{"a": false}\n', '{"a": [1]}\n'])
def test_values_do_not_depend_on_what_the_column_begins_with(
    tmp_path: Path, before: str, value: str, text: str | None, number: float | None
) -> None:
    path = write(tmp_path, before + f'{{"a": {value}}}\n')
    source = open_sources([path])[0]
    assert isinstance(source, ndjson.NdjsonSource)
    reader = BlockReader(0, {"a": "text"}, source.stored)
    assert reader.read(f'{{"a": {value}}}\n'.encode(), 0).column(0).cast("string").to_pylist() == [text]
    if number is not None or text is None or text == "NA":
        reader = BlockReader(0, {"a": "number"}, source.stored)
        assert repr(reader.read(f'{{"a": {value}}}\n'.encode(), 0).column(0).cast("double").to_pylist()) == repr(
            [number]
        )


def test_columns_and_kinds_are_those_of_the_first_rows(tmp_path: Path) -> None:
    rows = [
        {"i": 1, "n": 1, "b": True, "s": "a", "d": "12", "v": None, "m": [[1, 2, 3]], "o": {"k": 1}, "e": None},
        {"n": 0.5, "v": [1, None], "late": 1, "x": [["a"], 1], "mixed": 1},
        {"mixed": "1"},
    ]
    columns = open_sources([write(tmp_path, "\n".join(map(json.dumps, rows)))])[0].columns
    assert [(one.name, one.kind, one.width, one.inner_width) for one in columns] == [
        ("i", "integer", None, None),
        ("n", "number", None, None),
        ("b", "boolean", None, None),
        ("s", "text", None, None),
        ("d", "integer", None, None),
        ("v", "vector", 2, None),
        ("m", "matrix", 1, 3),
        ("o.k", "integer", None, None),
        ("e", "text", None, None),
        ("late", "integer", None, None),
        ("x", "other", None, None),
        ("mixed", "text", None, None),
    ]


def test_blank_lines_and_carriage_returns_are_no_rows(tmp_path: Path) -> None:
    path = write(tmp_path, '\n{"x": 1}\r\n \t\n{"x": 2}\r\n\n')
    assert read(path, {"x": "number"}) == [{"x": 1.0}, {"x": 2.0}]
    source = open_sources([path])[0]
    assert [source.line_of(row) for row in range(3)] == [2, 4, None]


@pytest.mark.parametrize(
    ("wanted", "value", "shown"),
    [
        ("number", '"abc"', '"abc" is not a number'),
        ("number", '"nan(1)"', '"nan(1)" is not a number'),
        ("number", "[1, [2], {}]", "[1, […], {…}] is not a number"),
        ("number", '{"k": [1]}', '{"k": […]} is not a number'),
        ("text", "[1]", "[1] is not a single value"),
        ("text", r'"\ud800"', r'"\ud800" is not a single value'),
        ("vector", "1", "1 is not a list of numbers"),
        ("vector", '["a"]', '["a"] is not a list of numbers'),
        ("matrix", "[1]", "[1] is not a list of lists of numbers"),
        ("number", '"' + "y" * 99 + '"', '"' + "y" * 60 + '…" is not a number'),
    ],
)
def test_bad_value_is_named_with_row_line_and_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: ColumnType, value: str, shown: str
) -> None:
    monkeypatch.setattr(ndjson, "RANGE_BYTES", 64)
    rows = [f'{{"x": {value if row in (40, 41, 99) else "null"}}}' for row in range(100)]
    message = refusal(write(tmp_path, "\n" + "\n".join(rows)), {"x": wanted})
    assert f'preds.ndjson: column "x", row 41 (line 42): {shown}; 3 of 100 rows are affected' in message


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"x": 1', "expecting ',' delimiter at character 8"),
        ("", "expecting value"),
        ("garbage", "expecting value at character 1"),
        ("[1]", "[1] is not an object"),
        ("3", "3 is not an object"),
        ('{"x": 1}{"x": 2}', "extra data at character 9"),
        ('{"x": 1}{"x": 2}\n', "extra data at character 9"),
        ('{"x": 1, "x": 2}', "a key is there twice"),
        ('{"y": ' + "[" * 100_000, "nested too deeply"),
        ('{"x": "a\x01b"}', "invalid control character"),
    ],
)
@pytest.mark.parametrize("bad", [0, 50])
def test_line_that_is_no_object_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, reason: str, bad: int
) -> None:
    monkeypatch.setattr(ndjson, "HEAD_BYTES", 64)
    rows = ['{"x": 1}' for _ in range(100)]
    rows[bad] = line or '{"x":}'
    message = refusal(write(tmp_path, "\n".join(rows)), {"x": "number"})
    assert f"preds.ndjson: row {bad + 1} (line {bad + 1}): " in message
    assert reason in message


def test_the_first_fault_is_told_whatever_it_is(tmp_path: Path) -> None:
    good = '{"x": 1}\n' * 20_000
    assert "row 20,001 (line 20,001): {" in refusal(write(tmp_path, good + '{"x"\n{"x": "a"}\n'), {"x": "number"})
    assert '"a" is not a number; 1 of 20,002' in refusal(write(tmp_path, good + '{"x": "a"}\n{"x"\n'), {"x": "number"})


def test_text_that_is_not_utf8_is_named_with_its_line(tmp_path: Path) -> None:
    good = b'{"s": "x"}\n'
    for count in (1, 20_000):
        path = write(tmp_path, good * count + b'{"s": "\xff"}\n')
        assert f"line {count + 1:,} is not UTF-8: byte 0xff" in refusal(path, {"s": "text"})


def test_endless_row_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ndjson, "ROW_BYTES", 1 << 17)
    text = '{"x": 1}\n' * 10_000 + '{"x": "' + "y" * (1 << 19)
    assert "a row is longer than" in refusal(write(tmp_path, text), {"x": "number"})
    assert "a row is longer than" in refusal(write(tmp_path, text[90_000:]), {"x": "number"})
    assert "a row is longer than" in refusal(
        write(tmp_path, gzip.compress(text.encode()), "p.jsonl.gz"), {"x": "number"}
    )


@pytest.mark.parametrize("text", ["\n", " \r\n\n", "\ufeff"])
def test_file_without_objects_is_nothing_to_evaluate(tmp_path: Path, text: str) -> None:
    with pytest.raises(NothingToEvaluate, match="empty"):
        open_sources([write(tmp_path, text)])


def test_format_is_found_by_the_first_bytes(tmp_path: Path) -> None:
    assert open_sources([write(tmp_path, ' {"x": 1}\n', "data")])[0].format == "ndjson"


def test_keys_that_cannot_be_shown_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a key holds '\\ud800'"):
        open_sources([write(tmp_path, r'{"\ud800": 1}')])


def test_labels_of_any_json_type_are_those_of_parquet(tmp_path: Path) -> None:
    labels, scores = [1, 0, 1, 0], [[0.25, 0.75], [0.5, 0.5], [0.125, 0.875], [1.0, 0.0]]
    pq.write_table(pa.table({"label": labels, "probs": scores}), tmp_path / "p.parquet")
    wanted = losscli.evaluate(tmp_path / "p.parquet", "scce").to_dict()["results"]
    for kind in (int, float, str):
        lines = [json.dumps({"label": kind(a), "probs": b}) for a, b in zip(labels, scores, strict=True)]
        assert losscli.evaluate(write(tmp_path, "\n".join(lines)), "scce").to_dict()["results"] == wanted


@pytest.mark.parametrize("orient", ["columns", "index", "split", "table"])
@pytest.mark.parametrize("rows", [1, 2, 12])
def test_a_table_in_one_object_is_no_row(orient: Any, rows: int, tmp_path: Path) -> None:
    import pandas as pd

    path = tmp_path / "a.json"
    pd.DataFrame({"y_true": range(rows), "y_pred": range(rows)}).to_json(path, orient=orient)
    with pytest.raises(InputError, match="one JSON object holds the whole table") as refused:
        open_sources([str(path)])
    assert refused.value.fix is not None
    assert 'orient="records", lines=True' in refused.value.fix


@pytest.mark.parametrize(
    "line", ['{"y": 1, "p": 2}', '{"label": "a", "probs": {"0": 0.5, "1": 0.5}}', '{"0": 0.5, "1": 0.5}', "{}"]
)
def test_a_single_row_is_no_table(line: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(line)
    assert open_sources([str(path)])[0].format == "ndjson"


@pytest.mark.parametrize("suffix", ["ndjson", "parquet"])
def test_one_damaged_list_does_not_decide_how_long_lists_are(suffix: str, tmp_path: Path) -> None:
    rows = [{"label": "a", "probs": [0.5, 0.3, 0.2]}, *({"label": "b", "probs": [0.25, 0.75]} for _ in range(3))]
    path = tmp_path / f"preds.{suffix}"
    if suffix == "ndjson":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    with pytest.raises(InputError, match=r'column "probs", row 1.*is not a list of 2 numbers; 1 of 4 rows'):
        losscli.evaluate(str(path), "sparse_categorical_crossentropy", label="label", pred="probs", classes=["a", "b"])
