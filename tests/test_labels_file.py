"""Labels in another file are those of the rows with the same key, in whatever order either file is."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import losscli
from losscli.errors import InputError, UsageError
from losscli.joining import Side, align, alignment, spill
from losscli.joining.keys import fingerprints
from losscli.readers.arrays import convert
from losscli.readers.memory import open_table

ROWS = 4_000


def parts(keys: str = "integers") -> tuple[pa.Table, pa.Table, pa.Table]:
    """A whole table, and the same rows as predictions and as labels."""
    rng = np.random.default_rng(17)
    rows = np.arange(ROWS) * 3
    key = {
        "integers": rows,
        "texts": [f"img_{row:06d}" for row in rows.tolist()],
        "unsorted": [f"{row * 2_654_435_761 % 2**32:08x}-é" for row in rows.tolist()],
    }[keys]
    truth = rng.normal(size=ROWS)
    whole = pa.table(
        {
            "id": key,
            "y_pred": truth + rng.normal(size=ROWS),
            "y_true": truth,
            "region": rng.choice(["north", "süd", "x\ny"], ROWS).tolist(),
        }
    )
    return whole, whole.select(["id", "y_pred"]), whole.select(["id", "y_true", "region"])


def shuffled(table: pa.Table, seed: int = 1) -> pa.Table:
    return table.take(pa.array(np.random.default_rng(seed).permutation(table.num_rows)))


def results(data: Any, **settings: Any) -> str:
    found = losscli.evaluate(data, ["mae", "mse"], by=["region", "y_true:q3"], **settings).to_dict()["results"]
    return json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("keys", ["integers", "texts", "unsorted"])
@pytest.mark.parametrize("order", ["same", "labels", "both"])
def test_joined_labels_give_the_results_of_one_file(keys: str, order: str) -> None:
    whole, predictions, labels = parts(keys)
    expected = results(whole)
    if order != "same":
        labels = shuffled(labels)
    if order == "both":
        predictions = shuffled(predictions, 2)
    for chunk_rows in (17, 65_536):
        assert results(predictions, labels=labels, on="id", chunk_rows=chunk_rows) == expected


@pytest.mark.parametrize("order", ["same", "shuffled"])
def test_formats_files_and_engines_change_nothing(order: str, tmp_path: Path) -> None:
    whole, predictions, labels = parts()
    if order == "shuffled":
        labels = shuffled(labels)
    for part in range(3):
        rows = predictions.slice(part * 1_500, 1_500)
        pq.write_table(rows, tmp_path / f"p{part}.parquet", row_group_size=400)
    lines = ["id,y_true,region"]
    for key, truth, region in zip(*(column.to_pylist() for column in labels.columns), strict=True):
        lines.append(f'{key},{truth!r},"{region}"')
    with gzip.open(tmp_path / "labels.csv.gz", "wt", encoding="utf-8") as stream:
        stream.write("\n".join(lines))
    rows = zip(*(column.to_pylist() for column in labels.columns), strict=True)
    objects = [{"id": str(key), "y_true": truth, "region": region} for key, truth, region in rows]
    (tmp_path / "labels.json").write_text(json.dumps(objects))
    expected = results(whole)
    for labels_file in ("labels.csv.gz", "labels.json"):
        for engine in ("serial", "threads", "processes"):
            found = results(
                str(tmp_path / "p*.parquet"), labels=tmp_path / labels_file, on="id", engine=engine, threads=3
            )
            assert found == expected


def test_rows_keep_their_numbers_and_their_order() -> None:
    _, predictions, labels = parts()
    errors = np.abs(np.subtract(predictions["y_pred"].to_numpy(), labels["y_true"].to_numpy()))
    found = losscli.worst(predictions, "mae", n=5, id="id", labels=shuffled(labels), on="id").rows
    assert [row.row for row in found] == (np.argsort(-errors, kind="stable")[:5] + 1).tolist()
    assert [row.identity for row in found] == [str(predictions["id"][row.row - 1]) for row in found]


def test_the_column_of_the_label_file_is_the_label() -> None:
    predictions = pa.table({"id": [1, 2], "label": ["a", "a"], "prob_a": [0.9, 0.8], "prob_b": [0.1, 0.2]})
    labels = pa.table({"id": [2, 1], "label": ["b", "a"], "prob_a": [0.0, 0.0]})
    found = losscli.evaluate(predictions, "scce", labels=labels, on="id")
    np.testing.assert_allclose(found.loss, -(np.log(0.9) + np.log(0.2)) / 2, rtol=1e-12)


KEYS = {"id": [1, 2, 3, 4], "y_pred": [1.0, 2.0, 3.0, 4.0]}


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ([1, 2, 4], r'data: 1 of 4 rows with a key "id" that data does not have: 3'),
        ([1, 9, 8], r'data: 3 of 4 rows with a key "id" that data does not have: 2, 3, 4'),
        ([1, 2, 3, 4, 2], r'data: 1 key of "id" stands in more than one row: 2 .rows 2 and 5.'),
        ([4, 4, 3, 3, 2, 1], r'2 keys of "id" stand in more than one row: 4 .rows 1 and 2., 3 .rows 3 and 4.'),
        ([1, None, 2, 3, 4], r'column "id", row 2: the key is missing; 1 row is affected'),
    ],
)
def test_keys_that_do_not_fit_are_counted_and_named(keys: list[int | None], problem: str) -> None:
    labels = pa.table({"id": keys, "y_true": [0.0] * len(keys)})
    with pytest.raises(InputError, match=problem):
        losscli.evaluate(pa.table(KEYS), "mae", labels=labels, on="id")


def test_keys_that_repeat_in_both_files_in_one_order_are_refused() -> None:
    predictions = pa.table({"id": ["a", "b", "a"], "y_pred": [1.0, 2.0, 3.0]})
    labels = pa.table({"id": ["a", "b", "a"], "y_true": [1.0, 2.0, 3.0]})
    with pytest.raises(InputError, match=r'1 key of "id" stands in more than one row: a .rows 1 and 3.'):
        losscli.evaluate(predictions, "mae", labels=labels, on="id")


@pytest.mark.parametrize("keys", [[4, 3, 2, 1, 7, 9], [1, 2, 3, 4, 7, 9]])
def test_labels_without_a_prediction_are_noted(keys: list[int]) -> None:
    labels = pa.table({"id": keys, "y_true": [0.0] * 6})
    document = losscli.evaluate(pa.table(KEYS), "mae", labels=labels, on="id").to_dict()
    note = document["results"][0]["notes"][0]
    assert (note["code"], note["rows"]) == ("labels", 2)
    assert note["message"] == "2 rows of data without a prediction (7, 9)"
    assert (document["columns"]["labels"], document["columns"]["on"]) == (["data"], "id")


def test_keys_are_matched_by_value() -> None:
    predictions = pa.table({"id": [7, 10**17, -3, 0], "y_pred": [1.0, 2.0, 3.0, 4.0]})
    labels = pa.table({"id": ["-3", "7.0", "+0", "100000000000000000"], "y_true": [3.0, 1.0, 4.0, 2.0]})
    assert losscli.evaluate(predictions, "mae", labels=labels, on="id").loss == 0
    other = pa.table({"id": ["-3", "007", "0", "100000000000000000"], "y_true": [3.0, 1.0, 4.0, 2.0]})
    with pytest.raises(InputError, match='1 of 4 rows with a key "id" that data does not have: 7'):
        losscli.evaluate(predictions, "mae", labels=other, on="id")


def test_what_cannot_be_joined_is_refused() -> None:
    predictions, labels = pa.table(KEYS), pa.table({"id": [1, 2, 3, 4], "y_true": [0.0] * 4})
    with pytest.raises(UsageError, match="--labels needs the column that both files share") as refused:
        losscli.evaluate(predictions, "mae", labels=labels)
    assert refused.value.fix == "--on id"
    with pytest.raises(InputError, match='data: no column "key" to join on'):
        losscli.evaluate(predictions, "mae", labels=labels, on="key")
    with pytest.raises(UsageError, match="rows are joined in more than one pass"):
        losscli.evaluate(iter(predictions.to_batches()), "mae", labels=labels, on="id")
    both = predictions.append_column("y_true", pa.array([0.0] * 4))
    with pytest.raises(UsageError, match="none of its columns is used"):
        losscli.evaluate(both, "mae", labels=pa.table({"id": [1, 2, 3, 4], "note": ["x"] * 4}), on="id")


words = st.one_of(
    st.text(max_size=20), st.integers(-(10**20), 10**20).map(str), st.sampled_from(["1.0", "True", "007"])
)


@given(keys=st.lists(words, max_size=30))
def test_fingerprints_are_equal_when_keys_are(keys: list[str]) -> None:
    from losscli.columns.labels import canonical

    found = fingerprints(convert(pa.array(keys, pa.string()), "text"))
    alone = [fingerprints(convert(pa.array([key], pa.string()), "text")) for key in keys]
    for place, key in enumerate(keys):
        assert bool(found.missing[place]) == (key == "")
        # A key has its fingerprint whatever stands around it.
        assert (found.high[place], found.low[place]) == (alone[place].high[0], alone[place].low[0])
        for other, text in enumerate(keys):
            same = (found.high[place], found.low[place]) == (found.high[other], found.low[other])
            assert same == (canonical(key) == canonical(text)) or "" in (key, text)


@given(
    left=st.lists(st.integers(0, 30), unique=True, max_size=25),
    right=st.lists(st.integers(0, 30), unique=True, max_size=25),
    chunk=st.integers(1, 9),
    texts=st.booleans(),
)
def test_pairs_are_those_of_a_dictionary(left: list[int], right: list[int], chunk: int, texts: bool) -> None:
    def side(keys: list[int], name: str) -> Side:
        key = pa.array([f"k{one}" for one in keys] if texts else keys, pa.string() if texts else pa.int64())
        table = pa.table({"id": key, name: pa.array([float(one) for one in keys])})
        batches = pa.Table.from_batches(table.to_batches(max_chunksize=4), table.schema)
        return Side([open_table(batches)], {name: "number"}, "id")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(alignment, "RANGE_ROWS", 5)
        patched.setattr(spill, "WRITTEN_BYTES", 100)
        with align(side(left, "l"), side(right, "r"), missing="drop") as aligned:
            pairs = [pair for shard in aligned.shards() for pair in shard.pairs(chunk)]
    ours = [value for pair in pairs for value in pair.left.column("l").to_pylist()]
    theirs = [value for pair in pairs for value in pair.right.column("r").to_pylist()]
    assert ours == theirs == [float(key) for key in left if key in right]
    assert aligned.left_only.count == len(set(left) - set(right))
    assert aligned.right_only.count == len(set(right) - set(left))


# The peak of this program alone: what getrusage says starts at what the parent holds.
MEMORY = """
import re, sys
import losscli
losscli.evaluate(sys.argv[1], "mae", labels=sys.argv[2], on="id", threads=1)
print(int(re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read()).group(1)) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells")
def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    peaks = []
    for rows in (200_000, 1_600_000):
        ids = np.arange(rows)
        order = np.random.default_rng(1).permutation(rows)
        pq.write_table(pa.table({"id": ids, "y_pred": ids * 0.5}), tmp_path / "p.parquet", row_group_size=100_000)
        pq.write_table(
            pa.table({"id": ids[order], "y_true": order * 0.25}), tmp_path / "l.parquet", row_group_size=100_000
        )
        done = subprocess.run(
            [sys.executable, "-c", MEMORY, str(tmp_path / "p.parquet"), str(tmp_path / "l.parquet")],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parent.parent,
        )
        peaks.append(int(done.stdout))
    assert peaks[1] < 400 and peaks[1] - peaks[0] < 150, peaks
