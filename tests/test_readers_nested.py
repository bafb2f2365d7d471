"""Fields of structs, Spark's vectors, and scores that name their classes, in every format that has them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import feather, parquet

import losscli
from losscli.errors import InputError
from losscli.readers import Source, open_sources
from losscli.readers.memory import open_table
from losscli.readers.nested import converted
from losscli.readers.source import ColumnType

FLOAT, TEXT = pa.float64(), pa.string()
VECTOR = pa.struct(
    [("type", pa.int8()), ("size", pa.int32()), ("indices", pa.list_(pa.int32())), ("values", pa.list_(FLOAT))]
)
PAIRS = pa.list_(pa.struct([("label", TEXT), ("prob", FLOAT)]))
LISTS = pa.struct([("classes", pa.list_(TEXT)), ("scores", pa.list_(FLOAT))])


def sources_of(table: pa.Table, folder: Path) -> list[Source]:
    """The same table as Parquet, Arrow file, and data in memory."""
    parquet.write_table(table, folder / "t.parquet")
    feather.write_feather(table, folder / "t.feather")
    files = open_sources([str(folder / "t.parquet"), str(folder / "t.feather")])
    return [*files, open_table(table)]


def read(source: Source, types: dict[str, ColumnType], chunk_rows: int = 2) -> list[dict[str, Any]]:
    """All rows of a source."""
    batches = [batch for shard in source.shards() for _, batch in shard.batches(types, chunk_rows)]
    return [row for batch in batches for row in batch.to_pylist()]


def test_fields_of_structs_are_columns(tmp_path: Path) -> None:
    struct = pa.struct([("value", FLOAT), ("bounds", pa.struct([("low", pa.int64()), ("name", TEXT)]))])
    rows = [{"value": 1.5, "bounds": {"low": 1, "name": "a"}}, None, {"value": 2.5, "bounds": None}]
    table = pa.table({"p": pa.array(rows, struct), "q.r": [1, 2, 3]})
    types: dict[str, ColumnType] = {"p.bounds.low": "number", "p.value": "number", "p.bounds.name": "text"}
    for source in sources_of(table, tmp_path):
        kinds = [(one.name, one.kind) for one in source.columns]
        assert kinds == [
            ("p.value", "number"),
            ("p.bounds.low", "integer"),
            ("p.bounds.name", "text"),
            ("q.r", "integer"),
        ]
        found = read(source, {**types, "q.r": "number"})
        # NaN and null are both missing.
        assert [{name: None if value != value else value for name, value in row.items()} for row in found] == [
            {"p.bounds.low": 1.0, "p.value": 1.5, "p.bounds.name": "a", "q.r": 1.0},
            {"p.bounds.low": None, "p.value": None, "p.bounds.name": None, "q.r": 2.0},
            {"p.bounds.low": None, "p.value": 2.5, "p.bounds.name": None, "q.r": 3.0},
        ]


def test_stored_column_wins_over_a_field_of_the_same_path(tmp_path: Path) -> None:
    table = pa.table({"a.b": [1.0], "a": pa.array([{"b": 2.0, "c": 3.0}])})
    for source in sources_of(table, tmp_path)[1:]:
        assert [one.name for one in source.columns] == ["a.b", "a.c"]
        assert read(source, {"a.b": "number", "a.c": "number"}) == [{"a.b": 1.0, "a.c": 3.0}]


@given(st.lists(st.one_of(st.none(), st.lists(st.floats(-1e9, 1e9), min_size=4, max_size=4)), max_size=12), st.data())
def test_dense_and_sparse_vectors_are_the_same_numbers(rows: list[list[float] | None], data: st.DataObject) -> None:
    stored = []
    for row in rows:
        if row is None:
            stored.append(None)
        elif data.draw(st.booleans()):
            stored.append({"type": 1, "size": None, "indices": None, "values": row})
        else:
            kept = [place for place, value in enumerate(row) if value != 0 or data.draw(st.booleans())]
            stored.append({"type": 0, "size": 4, "indices": kept, "values": [row[place] for place in kept]})
    start = data.draw(st.integers(0, len(rows)))
    found = converted(pa.array(stored, VECTOR).slice(start), "vector")
    found.validate(full=True)
    assert found.to_pylist() == [row if row is None else [abs(x) if x == 0 else x for x in row] for row in rows[start:]]


def test_damaged_sparse_vectors_are_refused(tmp_path: Path) -> None:
    for indices in ([5], [0, 1]):
        rows = [{"type": 0, "size": 2, "indices": indices, "values": [0.5]}]
        table = pa.table({"label": [1], "probability": pa.array(rows, VECTOR)})
        parquet.write_table(table, tmp_path / "t.parquet")
        with pytest.raises(InputError, match="a sparse vector has"):
            losscli.evaluate(tmp_path / "t.parquet", "sparse_categorical_crossentropy", classes=["0", "1"])


ROWS = [[("b", 0.25), ("a", 0.75)], None, [("a", 0.5), ("b", 0.5)]]
FORMS = {
    "list of structs": (PAIRS, lambda row: row and [{"label": label, "prob": score} for label, score in row]),
    "struct of lists": (LISTS, lambda row: row and {"classes": [a for a, _ in row], "scores": [b for _, b in row]}),
    "map": (pa.map_(TEXT, FLOAT), lambda row: row),
    "large list": (
        pa.large_list(pa.struct([("score", pa.float32()), ("class", TEXT)])),
        lambda row: row and [{"class": label, "score": score} for label, score in row],
    ),
    "fixed list": (
        pa.list_(pa.struct([("name", TEXT), ("probability", FLOAT)]), 2),
        lambda row: row and [{"name": label, "probability": score} for label, score in row],
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_scores_with_classes_are_one_column_in_every_form(form: str, tmp_path: Path) -> None:
    stored, written = FORMS[form]
    table = pa.table({"p": pa.array([written(row) for row in ROWS], stored)})
    wanted = [{"p": row and [{"label": label, "score": score} for label, score in row]} for row in ROWS]
    for source in sources_of(table, tmp_path):
        (column,) = source.columns
        assert (column.kind, column.width, column.names, column.named_by) == ("labelled", 2, ("a", "b"), "rows")
        assert read(source, {"p": "labelled"}) == wanted
        assert read(source, {"p": "labelled"}, chunk_rows=1) == wanted


def test_classes_that_are_numbers_stand_in_their_order(tmp_path: Path) -> None:
    rows = [[{"label": label, "prob": 0.1} for label in (10, 9, 2)]]
    table = pa.table({"p": pa.array(rows, pa.list_(pa.struct([("label", pa.int64()), ("prob", FLOAT)])))})
    for source in sources_of(table, tmp_path):
        assert source.columns[0].names == ("2", "9", "10")


def test_other_structs_are_not_scores(tmp_path: Path) -> None:
    table = pa.table({
        "three": pa.array([[{"label": "a", "prob": 0.5, "rank": 1}]]),
        "words": pa.array([[{"label": "a", "prob": "x"}]]),
        "numbers": pa.array([[{"low": 1.0, "high": 2.0}]]),
    })  # fmt: skip
    for source in sources_of(table, tmp_path):
        assert [one.kind for one in source.columns] == ["other", "other", "other"]


def test_json_holds_the_same_as_parquet(tmp_path: Path) -> None:
    rows = [
        {"truth": {"label": "a"}, "p": [{"label": "b", "prob": 0.25}, {"label": "a", "prob": 0.75}]},
        {"truth": {"label": "b"}, "p": [{"label": "a", "prob": 0.5}, {"label": "b", "prob": 0.5}]},
    ]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "t.jsonl").write_text(text, encoding="utf-8")
    (tmp_path / "t.json").write_text(json.dumps(rows), encoding="utf-8")
    struct = pa.struct([("label", TEXT)])
    table = pa.table({"truth": pa.array([row["truth"] for row in rows], struct)})
    table = table.append_column("p", pa.array([row["p"] for row in rows], PAIRS))
    parquet.write_table(table, tmp_path / "t.parquet")
    found = []
    for name in ("t.jsonl", "t.json", "t.parquet"):
        path = tmp_path / name
        result = losscli.evaluate(path, "sparse_categorical_crossentropy", label="truth.label", pred="p")
        found.append((result.to_dict()["results"], result.to_dict()["columns"]))
    assert found[0] == found[1] == found[2]
    np.testing.assert_allclose(found[0][0][0]["total"]["loss"], -np.log([0.75, 0.5]).mean(), rtol=1e-12)


def test_scores_in_json_that_lack_their_class_are_named(tmp_path: Path) -> None:
    good = '{"y": "a", "p": [{"label": "b", "prob": 0.25}, {"label": "a", "prob": 0.75}]}\n'
    path = tmp_path / "t.jsonl"
    path.write_text(good * 3 + '{"y": "a", "p": [0.5, 0.5]}\n', encoding="utf-8")
    for late in (True, False):
        if not late:
            path.write_text(good * 2000 + '{"y": "a", "p": [0.5, 0.5]}\n', encoding="utf-8")
        with pytest.raises(InputError):
            losscli.evaluate(path, "sparse_categorical_crossentropy", label="y", pred="p")


def test_metadata_of_others_does_no_harm(tmp_path: Path) -> None:
    for text in (b"", b"[]", b'{"info": 3}', b'{"info": {"features": [1]}}', b'{"columns": [{}]}', b"\xff"):
        table = pa.table({"label": [0, 1], "prob": [0.25, 0.5]}).replace_schema_metadata(
            {b"huggingface": text, b"pandas": text}
        )
        parquet.write_table(table, tmp_path / "t.parquet")
        (source,) = open_sources([str(tmp_path / "t.parquet")])
        assert [one.names for one in source.columns] == [None, None]
