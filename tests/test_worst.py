"""The worst rows are those with the largest loss, ties in the order of the rows, however the data is read."""

from __future__ import annotations

import csv
import io
import json
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
from losscli.ranking.leaders import Leaders
from losscli.ranking.rendering import FORMATS
from losscli.renderers import RenderOptions

ROWS = 20_000


@pytest.fixture(scope="module")
def columns() -> dict[str, Any]:
    """Errors with many ties, an identity, a text to keep."""
    rng = np.random.default_rng(11)
    truth = rng.integers(0, 50, ROWS).astype(float)
    return {
        "id": [f"img_{row:05d}" for row in rng.permutation(ROWS)],
        "y_true": truth,
        "y_pred": truth + rng.integers(-30, 30, ROWS),
        "x": rng.normal(size=ROWS),
        "region": rng.choice(["north", "south", "é, x"], ROWS).tolist(),
    }


def expected_rows(losses: np.ndarray, count: int) -> list[int]:
    """The rows, from 1, with the largest losses; a stable sort keeps the order of ties."""
    return (np.argsort(-losses, kind="stable")[:count] + 1).tolist()


def test_the_rows_are_those_of_a_full_sort(columns: dict[str, Any]) -> None:
    losses = np.abs(columns["y_pred"] - columns["y_true"])
    found = losscli.worst(pa.table(columns), "mae", n=37, id="id", keep="region,x").rows
    assert [row.row for row in found] == expected_rows(losses, 37)
    for row in found:
        place = row.row - 1
        assert (row.identity, row.label, row.prediction) == tuple(
            columns[name][place] for name in ("id", "y_true", "y_pred")
        )
        assert row.loss == losses[place] and row.file == "data"
        assert row.kept["region"] == columns["region"][place] and float(row.kept["x"]) == columns["x"][place]


def test_several_losses_are_ranked_in_one_pass_each_by_itself(columns: dict[str, Any]) -> None:
    table = pa.table(columns)
    both = losscli.worst(iter(table.to_batches()), ["mae", "upper=pinball:quantile=0.9"], n=5).to_dict()["results"]
    assert [one["title"] for one in both] == ["mae", "upper"]
    alone = losscli.worst(table, "upper=pinball:quantile=0.9", n=5).to_dict()["results"]
    assert both[1] == alone[0]


@pytest.mark.parametrize("request_", [{"n": 10}, {"n": 3, "by": "region"}, {"n": 4, "by": "region,x:q3"}])
def test_the_way_of_reading_changes_nothing(columns: dict[str, Any], request_: dict[str, Any], tmp_path: Path) -> None:
    def rows(data: Any, **settings: Any) -> str:
        found = losscli.worst(data, "mae", **request_, **settings).to_dict()["results"][0]["rows"]
        return json.dumps([{**row, "file": None} for row in found], allow_nan=False)

    table = pa.table(columns)
    expected = rows(table, engine="serial")
    assert rows(table, chunk_rows=7) == rows(table, chunk_rows=999) == expected
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=1700)
    with (tmp_path / "rows.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    for path in ("rows.parquet", "rows.csv"):
        for engine in ("serial", "threads", "processes"):
            assert rows(tmp_path / path, engine=engine, threads=3) == expected


def test_rows_of_several_files_are_named_by_file_and_row(columns: dict[str, Any], tmp_path: Path) -> None:
    table = pa.table(columns)
    losses = np.abs(columns["y_pred"] - columns["y_true"])
    cut = 7_000
    pq.write_table(table.slice(0, cut), tmp_path / "a.parquet")
    pq.write_table(table.slice(cut), tmp_path / "b.parquet")
    found = losscli.worst(tmp_path, "mae", n=12, threads=2).rows
    rows = [row.row + (cut if row.file.endswith("b.parquet") else 0) for row in found]
    assert rows == expected_rows(losses, 12)


def test_rows_of_a_csv_file_that_is_read_in_parts_have_their_numbers(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    errors = rng.random(400_000)
    path = tmp_path / "rows.csv"
    path.write_text("y_true,y_pred\n" + "".join(f"0,{error!r}\n" for error in errors.tolist()))
    for engine in ("threads", "processes"):
        found = losscli.worst(path, "mae", n=5, engine=engine, threads=2).rows
        assert [row.row for row in found] == expected_rows(errors, 5)


def probabilities() -> pa.Table:
    scores = {"prob_a": [0.7, 0.2, 0.1, 0.6], "prob_b": [0.2, 0.5, 0.8, 0.3], "prob_c": [0.1, 0.3, 0.1, 0.1]}
    return pa.table({"label": ["a", "a", "b", "c"], **scores})


def test_per_class_and_the_predicted_class_with_its_score() -> None:
    found = losscli.worst(probabilities(), "scce", n=1, per_class=True).rows
    assert [(row.row_class, row.row, row.label, row.prediction, row.score) for row in found] == [
        ("a", 2, "a", "b", 0.5),
        ("b", 3, "b", "b", 0.8),
        ("c", 4, "c", "a", 0.6),
    ]
    np.testing.assert_allclose([row.loss for row in found], -np.log([0.2, 0.8, 0.1]), rtol=1e-12)


def test_rows_that_a_loss_leaves_out_are_not_ranked() -> None:
    scores = {"prob_0": [0.7, 0.2, 0.1], "prob_1": [0.3, 0.8, 0.9]}
    table = pa.table({"label": [0, 7, 1], **scores})
    found = losscli.worst(table, "scce:ignore_class=7", n=9).rows
    assert [row.row for row in found] == [1, 3]


def test_bins_stand_in_the_order_of_their_numbers(columns: dict[str, Any]) -> None:
    found = losscli.worst(pa.table(columns), "mae", n=1, by="x:-10,2,10").rows
    assert [row.by for row in found] == [{"x": "[-10, 2)"}, {"x": "[2, 10)"}]


@pytest.mark.parametrize(("nan", "rows"), [("skip", [4, 1]), ("propagate", [2, 4])])
def test_missing_values_follow_the_policy(nan: Any, rows: list[int]) -> None:
    table = pa.table({"y_true": [1.0, None, 1.0, 1.0], "y_pred": [3.0, 1.0, 1.0, 9.0]})
    found = losscli.worst(table, "mae", n=2, nan=nan).rows
    assert [row.row for row in found] == rows
    assert [row.loss is None for row in found] == [row == 2 for row in rows]
    with pytest.raises(InputError, match=r'column "y_true", row 2: the value is missing'):
        losscli.worst(table, "mae")


def test_only_rows_that_pass_the_filter_are_ranked(columns: dict[str, Any]) -> None:
    losses = np.abs(columns["y_pred"] - columns["y_true"])
    north = np.array(columns["region"]) == "north"
    found = losscli.worst(pa.table(columns), "mae", n=9, where="region == 'north'").rows
    assert [row.row for row in found] == expected_rows(np.where(north, losses, -1.0), 9)


@given(
    values=st.lists(st.sampled_from([0.0, -0.0, 1.0, 2.0, np.inf, -np.inf, np.nan, 5e-324]), max_size=40),
    groups=st.integers(1, 3),
    count=st.integers(1, 5),
    data=st.data(),
)
def test_leaders_are_the_same_in_any_order_of_pieces(
    values: list[float], groups: int, count: int, data: st.DataObject
) -> None:
    column = np.array(values, float)
    codes = np.arange(len(column)) % groups
    keys = [(str(code), ()) for code in range(groups)]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(column)), max_size=4)))
    pieces = list(zip([0, *cuts], [*cuts, len(column)], strict=True))
    parts = [Leaders(count) for _ in range(data.draw(st.integers(1, 3)))]
    for start, stop in data.draw(st.permutations(pieces)):
        part = data.draw(st.sampled_from(parts))
        part.update(column[start:stop], None, codes[start:stop], keys, (0, start), lambda _: None)
    merged = Leaders(count)
    for part in data.draw(st.permutations(parts)):
        merged.merge(part)
    for code in range(groups):
        rows = [row for row in range(len(column)) if codes[row] == code]
        rows.sort(
            key=lambda row: (not np.isnan(column[row]), -np.nan_to_num(column[row], posinf=np.inf, neginf=-np.inf), row)
        )
        assert [leader.number for leader in merged.groups.get((str(code), ()), [])] == rows[:count]


def test_a_tie_goes_to_the_row_that_stands_first_though_it_is_met_later() -> None:
    leaders = Leaders(1)
    for start in (1, 0):
        leaders.update(np.array([2.0]), None, np.array([0]), [(None, ())], (0, start), lambda _: None)
    assert [leader.number for leader in leaders.groups[None, ()]] == [0]


def test_every_format_shows_the_rows(columns: dict[str, Any]) -> None:
    found = losscli.worst(pa.table(columns), "mae", n=3, id="id", keep=["region"])
    texts = {name: render(found.report, RenderOptions()) for name, render in FORMATS.items()}
    for name, text in texts.items():
        assert all(str(row.identity) in text for row in found.rows), name
    lines = list(csv.DictReader(io.StringIO(texts["csv"])))
    assert [int(line["row"]) for line in lines] == [row.row for row in found.rows]
    assert [float(line["loss"]) for line in lines] == [row.loss for row in found.rows]
    objects = [json.loads(line) for line in texts["ndjson"].splitlines()]
    assert [one["region"] for one in objects] == [row.kept["region"] for row in found.rows]
    assert json.loads(texts["json"])["results"][0]["rows"][0]["keep"] == {"region": found.rows[0].kept["region"]}
    assert found.table()["row"].tolist() == [row.row for row in found.rows]


def test_kept_columns_that_bear_the_name_of_another_are_renamed() -> None:
    table = pa.table({"y_true": [1.0], "y_pred": [3.0], "loss": ["old"]})
    found = losscli.worst(table, "mae", keep="loss")
    assert found.table()[["loss", "keep_loss"]].to_numpy().tolist() == [[2.0, "old"]]


def test_what_cannot_be_ranked_is_refused(columns: dict[str, Any]) -> None:
    table = pa.table(columns)
    with pytest.raises(UsageError, match="no value for a single row"):
        losscli.worst(table, "wape")
    with pytest.raises(UsageError, match="--per-class is given, but the rows have no class"):
        losscli.worst(table, "mae", per_class=True)
    with pytest.raises(UsageError, match="the worst rows are those of one grouping"):
        losscli.worst(table, "mae", by=["region", "x:0"])
    with pytest.raises(UsageError, match="-n 0 is not a number of rows"):
        losscli.worst(table, "mae", n=0)
    with pytest.raises(UsageError, match="no policy drop for missing values"):
        losscli.worst(table, "mae", nan="drop")  # type: ignore[arg-type]  # a word that is none
