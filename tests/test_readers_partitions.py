"""Hive partitions as columns, and parts of one table that do not fit together."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import losscli
from losscli.errors import InputError
from losscli.readers import ColumnType, open_sources
from losscli.readers.partitions import partitions_of


def part(folder: Path, path: str, **columns: Any) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    if path.endswith(".parquet"):
        pq.write_table(pa.table(columns), folder / path, row_group_size=2)
    else:
        rows = [",".join(map(repr, row)) for row in zip(*columns.values(), strict=True)]
        (folder / path).write_text("\n".join([",".join(columns), *rows]) + "\n")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Two days of a test split as Parquet, one of training as CSV, and one of no split."""
    part(tmp_path, "split=test/day=2/a.parquet", y_true=[0.0, 0.0, 0.0], y_pred=[1.0, 1.0, 1.0])
    part(tmp_path, "split=test/day=3/a.parquet", y_true=[0.0], y_pred=[2.0])
    part(tmp_path, "split=a%20b%2F/day=3/b.csv", y_true=[0.0], y_pred=[4.0])
    part(tmp_path, "split=__HIVE_DEFAULT_PARTITION__/day=3/b.csv", y_true=[0.0, 0.0], y_pred=[8.0, 8.0])
    return tmp_path


def read(path: Path, types: dict[str, ColumnType]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for source in open_sources([str(path)]):
        for shard in source.shards():
            for _, batch in pickle.loads(pickle.dumps(shard)).batches(types, 2):
                assert batch.schema.names == list(types)
                assert 0 < batch.num_rows <= 2
                rows += batch.to_pylist()
    return rows


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("data/split=test/day=3/part.parquet", (("split", "test"), ("day", "3"))),
        ("s3://bucket/split=a%20b%2Fc/x.csv", (("split", "a b/c"),)),
        ("x%3Dy=1=2/__a=__HIVE_DEFAULT_PARTITION__/p", (("x=y", "1=2"), ("__a", None))),
        ("empty=/=none/p", (("empty", ""),)),
        ("plain/day=3.csv", ()),
    ],
)
def test_partitions_are_the_names_of_folders(path: str, found: tuple[tuple[str, str | None], ...]) -> None:
    assert partitions_of(path) == found


def test_partitions_are_columns_of_text_or_numbers(table: Path) -> None:
    rows = read(table, {"day": "text", "y_pred": "number", "split": "text"})
    assert rows == [
        *[{"day": "3", "y_pred": 8.0, "split": None}] * 2,
        {"day": "3", "y_pred": 4.0, "split": "a b/"},
        *[{"day": "2", "y_pred": 1.0, "split": "test"}] * 3,
        {"day": "3", "y_pred": 2.0, "split": "test"},
    ]
    assert [row["day"] for row in read(table, {"day": "number"})] == [3.0, 3.0, 3.0, 2.0, 2.0, 2.0, 3.0]


def test_losses_are_sliced_by_partitions(table: Path) -> None:
    evaluated = losscli.evaluate(table, "mae", by=["split", "split,day"])
    found = {tuple(row.key.items()): (row.count, row.loss) for row in evaluated.slices}
    assert found == {
        (("split", None),): (2, 8.0),
        (("split", "a b/"),): (1, 4.0),
        (("split", "test"),): (4, 1.25),
        (("split", None), ("day", "3")): (2, 8.0),
        (("split", "a b/"), ("day", "3")): (1, 4.0),
        (("split", "test"), ("day", "2")): (3, 1.0),
        (("split", "test"), ("day", "3")): (1, 2.0),
    }


@pytest.mark.parametrize("name", ["split=test/day=3/a.parquet", "split=test/day=3", "split=*/day=3/a.*"])
def test_files_folders_and_patterns_know_their_partitions(name: str, table: Path) -> None:
    assert [row.key for row in losscli.evaluate(table / name, "mae", by="split").slices] == [{"split": "test"}]


def test_partition_takes_the_place_of_a_column_of_its_name(tmp_path: Path) -> None:
    part(tmp_path, "split=folder/a.parquet", split=["file"], x=[1.0])
    assert [column.name for column in open_sources([str(tmp_path)])[0].columns] == ["x", "split"]
    assert read(tmp_path, {"split": "text"}) == [{"split": "folder"}]


def test_partition_that_is_no_number_is_refused_as_one(table: Path) -> None:
    with pytest.raises(InputError, match=r'b\.csv: the partition "split" is "a b/", not a number'):
        read(table / "split=a%20b%2F", {"split": "number"})
    with pytest.raises(InputError, match="holds single values"):
        read(table / "split=test", {"split": "vector"})


def test_two_partitions_of_one_name_are_refused(tmp_path: Path) -> None:
    part(tmp_path, "day=1/day=2/a.parquet", x=[1.0])
    with pytest.raises(InputError, match='two columns are named "day"'):
        open_sources([str(tmp_path)])


def test_errors_of_parts_keep_their_line(tmp_path: Path) -> None:
    part(tmp_path, "day=1/a.csv", y_true=[0.0, 1.0], y_pred=[1.0, -1.5])
    with pytest.raises(InputError, match=r'day=1.a\.csv: column "y_pred", row 2 \(line 3\): -1\.5 is not a prob'):
        losscli.evaluate(tmp_path, "binary_crossentropy", pred_kind="prob")


def test_part_without_a_column_is_named(table: Path) -> None:
    part(table, "split=test/day=4/a.parquet", y_true=[0.0], estimate=[1.0])
    with pytest.raises(InputError, match=r'day=4.a\.parquet: no column "y_pred", which .*b\.csv has'):
        losscli.evaluate(table, "mae")
    part(table, "no-day/a.parquet", y_true=[0.0], y_pred=[1.0])
    with pytest.raises(InputError, match=r'no column "day", which .*a\.parquet has'):
        losscli.evaluate([table / "split=test" / "day=3", table / "no-day"], "mae", by="day")


def test_parts_with_lists_of_other_lengths_are_named(tmp_path: Path) -> None:
    part(tmp_path, "a.parquet", y_true=[[0.0, 1.0]], y_pred=[[1.0, 1.0]])
    part(tmp_path, "b.parquet", y_true=[[0.0, 1.0, 1.0]], y_pred=[[1.0, 1.0, 1.0]])
    with pytest.raises(InputError, match=r'b\.parquet: column "y_true" holds lists of 3, but of 2 in .*a\.parquet'):
        losscli.evaluate(tmp_path, "cosine_similarity")
    part(tmp_path, "b.parquet", y_true=[0.0], y_pred=[1.0])
    with pytest.raises(InputError, match=r'b\.parquet: column "y_true" holds double, but list<.*> in .*a\.parquet'):
        losscli.evaluate(tmp_path, "cosine_similarity")
