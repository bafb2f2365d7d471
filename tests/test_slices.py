"""The slices found are those of an exhaustive search with the textbook tests, however the data is read."""

from __future__ import annotations

import csv
import io
import itertools
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

import losscli
from losscli.__main__ import run
from losscli.errors import Exit, InputError, NothingToEvaluate, UsageError
from losscli.renderers import RenderOptions
from losscli.renderers.formats import find_format
from losscli.slicing import crossing
from losscli.slicing.rendering import FORMATS, slice_name
from losscli.slicing.scoring import Parents, Scoring, cautiously_worse, worse_than
from losscli.slicing.sums import LossTotals, SliceSums

ROWS = 4_000
WEIGHT = 0.95


def planted(seed: int = 7) -> pd.DataFrame:
    """Errors twice as large in the north, and five times as large on phones of people from 60 on."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "y_true": rng.normal(size=ROWS),
            "region": rng.choice(["north", "south", "east", "west"], ROWS),
            "device": rng.choice(np.array(["phone", "desk", None], dtype=object), ROWS),
            "age": rng.integers(18, 90, ROWS).astype(float),
            "grade": rng.integers(1, 5, ROWS),
            "new": rng.random(ROWS) < 0.3,
            "x": rng.normal(size=ROWS),
        }
    )
    frame.loc[rng.random(ROWS) < 0.05, "age"] = np.nan
    scale = np.where(frame["region"] == "north", 2.0, 1.0)
    scale = np.where((frame["device"] == "phone") & (frame["age"] >= 60), 5.0, scale)
    frame["y_pred"] = frame["y_true"] + scale * rng.normal(size=ROWS)
    return frame


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return planted()


def found(data: Any, loss: str = "mae", **settings: Any) -> dict[str, Any]:
    """The result for one loss."""
    result: dict[str, Any] = losscli.slices(data, loss, **settings).to_dict()["results"][0]
    return result


def exhaustive(frame: pd.DataFrame, columns: dict[str, Any], min_slice: int = 30) -> Any:
    """Every slice by pandas and SciPy: (by, rows, loss, rest, score, p, cautious p).

    The last takes the slice to vary at least as the rest, and is 1 where the score is not above 0.

    `columns` are the labels of every row by column.
    """
    losses = (frame["y_pred"] - frame["y_true"]).abs()
    labels = pd.DataFrame(columns, index=frame.index)
    rows = []
    for order in (1, 2):
        for names in itertools.combinations(labels, order):
            for key, part in labels.groupby(list(names), dropna=False):
                inside, rest = losses[part.index], losses.drop(part.index)
                if min(len(inside), len(rest)) < min_slice:
                    continue
                by = {name: None if pd.isna(value) else value for name, value in zip(names, key, strict=True)}
                score = WEIGHT * (inside.mean() / losses.mean() - 1) - (1 - WEIGHT) * (len(losses) / len(inside) - 1)
                p = stats.ttest_ind(inside, rest, equal_var=False, alternative="greater").pvalue
                cautious = stats.ttest_ind_from_stats(
                    *(inside.mean(), max(inside.std(), rest.std()), len(inside)),
                    *(rest.mean(), rest.std(), len(rest)),
                    equal_var=False,
                    alternative="greater",
                ).pvalue
                rows.append((by, len(inside), inside.mean(), rest.mean(), score, p, cautious if score > 0 else 1.0))
    return rows


def row_labels(frame: pd.DataFrame, bins: dict[str, str]) -> dict[str, Any]:
    """The slice of every row by column, bins as `evaluate` lays them."""
    columns: dict[str, Any] = {}
    for name in ("region", "device", "age", "grade", "new", "x"):
        if name in bins:
            by = f"{name}:{bins[name]}"
            names = [one.key[name] for one in losscli.evaluate(frame, "mae", by=by).slices]
            lows = [
                float(label.removeprefix(">= ").strip("[").split(",")[0].removeprefix("< "))
                for label in names
                if label is not None
            ]
            place = np.searchsorted(lows[1:], frame[name], side="right")
            columns[name] = [None if np.isnan(v) else names[p] for v, p in zip(frame[name], place, strict=True)]
        else:
            columns[name] = [None if pd.isna(v) else str(v).lower() if name == "new" else str(v) for v in frame[name]]
    return columns


def test_planted_slices_are_ranked_first(frame: pd.DataFrame) -> None:
    slices = found(frame)["slices"]
    assert slices[0]["by"].keys() == {"device", "age"} and slices[0]["by"]["device"] == "phone"
    assert {"region": "north"} in [one["by"] for one in slices]
    first = found(frame, max_order=1)["slices"]
    assert first[0]["by"] == {"device": "phone"} and all(len(one["by"]) == 1 for one in first)


def test_every_number_is_that_of_pandas_scipy_and_statsmodels(frame: pd.DataFrame) -> None:
    result = found(frame, top=0)
    rows = exhaustive(frame, row_labels(frame, {"age": "q5", "x": "q5"}))
    assert result["tested"] == len(rows)
    adjusted = multipletests([row[-1] for row in rows], method="holm")[1]
    expected = sorted(((*row, p) for row, p in zip(rows, adjusted, strict=True) if p <= 0.05), key=lambda row: -row[4])
    assert [one["by"] for one in result["slices"]] == [row[0] for row in expected]
    assert result["significant"] == len(expected) > 5
    for one, (_, count, loss, rest, score, p, _, p_adjusted) in zip(result["slices"], expected, strict=True):
        assert one["count"] == count and one["share"] == count / ROWS
        names = ("loss", "rest", "diff", "ratio", "score", "p", "p_adjusted")
        np.testing.assert_allclose(
            [one[name] for name in names], [loss, rest, loss - rest, loss / rest, score, p, p_adjusted], rtol=1e-10
        )


def test_the_score_is_that_of_the_paper() -> None:
    # Half of the mean loss more on a fifth of the rows: 0.95 * 0.5 - 0.05 * (5 - 1).
    scoring = Scoring(LossTotals(100, Fraction(200), Fraction(0)), 0.0, WEIGHT)
    np.testing.assert_allclose(scoring.score(20, Fraction(60)), 0.95 * 0.5 - 0.05 * 4, rtol=1e-14)
    np.testing.assert_allclose(scoring.score(100, Fraction(200)), 0.0, atol=1e-15)


def totals(values: Any) -> LossTotals:
    sums = SliceSums()
    sums.update(np.asarray(values, np.float64), None, None, 1)
    return sums.totals(None)


def test_a_large_mean_takes_no_digit_of_the_test() -> None:
    rng = np.random.default_rng(1)
    part, rest = rng.integers(0, 9, 50), rng.integers(0, 8, 900)
    expected = stats.ttest_ind(part, rest, equal_var=False, alternative="greater").pvalue
    for offset in (0, 2**40):
        every = totals(np.concatenate([part, rest]) + offset)
        inside = totals(part + offset)
        np.testing.assert_allclose(worse_than(inside, every.without(inside)), expected, rtol=1e-12)


def test_a_slice_counts_as_varying_at_least_as_the_rest() -> None:
    # 30 rows all wrong where 9 in 10 are: that happens to 4 % of such slices, but they show no spread of their own.
    part, rest = totals([1.0] * 30), totals([1.0] * 900 + [0.0] * 100)
    assert worse_than(part, rest) < 1e-20
    assert 0.02 < cautiously_worse(part, rest) < 0.06
    wide = totals([0.0, 4.0] * 15)
    assert cautiously_worse(wide, rest) == worse_than(wide, rest)


def test_without_any_spread_there_is_nothing_to_doubt() -> None:
    for test in (worse_than, cautiously_worse):
        assert test(totals([1.0] * 3), totals([0.0] * 9)) == 0.0
        assert test(totals([1.0] * 3), totals([1.0] * 9)) == 1.0


def noise(seed: int) -> pd.DataFrame:
    """Losses that no column has to do with, of five kinds by turns; losses are the predictions, for labels are 0."""
    rng = np.random.default_rng(seed)
    draw = (
        lambda size: rng.normal(size=size),
        lambda size: rng.exponential(size=size),
        lambda size: rng.lognormal(0, 1.5, size=size),
        lambda size: (rng.random(size) < 0.1).astype(float),
        lambda size: (rng.random(size) < 0.9).astype(float),
    )[seed % 5]
    return pd.DataFrame(
        {
            "y_true": 0.0,
            "y_pred": draw(600),
            "a": rng.choice(["x", "y", "z"], 600),
            "b": rng.integers(0, 4, 600),
            "c": rng.normal(size=600),
        }
    )


def test_noise_has_no_slices() -> None:
    alarms = [seed for seed in range(200) if found(noise(seed), score_alpha=1.0, engine="serial")["significant"]]
    # At the level of 5 %; with the full weight on the effect, so that no score hides an alarm.
    assert len(alarms) <= 10


@pytest.mark.parametrize("loss", ["mae", "mse"])
@given(seed=st.integers(0, 10_000), heavy=st.sampled_from([0.2, 1.0, 2.0]), weight=st.sampled_from([0.6, 0.95, 1.0]))
def test_pruning_loses_nothing(loss: str, seed: int, heavy: float, weight: float) -> None:
    rng = np.random.default_rng(seed)
    rows = 200
    table = {
        "a": rng.choice(["x", "y", "z"], rows, p=[0.7, 0.2, 0.1]).tolist(),
        "b": rng.integers(0, 5, rows),
        "c": rng.normal(size=rows),
    }
    losses = rng.lognormal(0, heavy, rows) * np.where(table["b"] == seed % 5, 3, 1)
    data = pa.table({"y_true": np.zeros(rows), "y_pred": losses, **table})
    settings = {"min_slice": 8, "score_alpha": weight, "top": 0, "level": 0.5, "engine": "serial"}
    pruned = found(data, loss, **settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Scoring, "promising", lambda _, one, other, __: np.ones((one.rows.size, other.rows.size), bool))
        assert found(data, loss, **settings) == pruned


@given(seed=st.integers(0, 10_000), shift=st.sampled_from([0.0, -1.0, -5.0, 3.0]), weight=st.sampled_from([0.5, 0.99]))
def test_no_cross_with_a_score_above_0_is_given_up(seed: int, shift: float, weight: float) -> None:
    rng = np.random.default_rng(seed)
    rows, min_rows = 120, 6
    codes = [rng.integers(0, 4, rows), rng.integers(0, 3, rows)]
    losses = rng.exponential(1 + rng.integers(0, 3, 4)[codes[0]]) + shift
    if losses.sum() <= 0:
        losses -= 2 * losses.mean() - 0.1
    parents = []
    for column in codes:
        values = [value for value in range(4) if np.count_nonzero(column == value) >= min_rows]
        parts = [losses[column == value] for value in values]
        exact = [sum(map(Fraction, part.tolist()), Fraction(0)) for part in parts]
        parents.append((values, Parents.of([len(part) for part in parts], exact, [part.max() for part in parts])))
    scoring = Scoring(totals(losses), float(losses.min()), weight)
    promising = scoring.promising(parents[0][1], parents[1][1], min_rows)
    for (i, a), (j, b) in itertools.product(enumerate(parents[0][0]), enumerate(parents[1][0])):
        part = losses[(codes[0] == a) & (codes[1] == b)]
        if len(part) >= min_rows and scoring.score(len(part), totals(part).sum) > 0:
            assert promising[i, j]


def test_some_crosses_are_given_up() -> None:
    one = Parents.of([100, 50], [Fraction(50), Fraction(100)], [0.6, 2.5])
    scoring = Scoring(LossTotals(150, Fraction(150), Fraction(0)), 0.4, WEIGHT)
    # No loss of the first slice reaches the mean, so none of its crosses does.
    np.testing.assert_array_equal(scoring.promising(one, one, 10), [[False, False], [False, True]])


def test_the_way_of_reading_changes_nothing(
    frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def document(data: Any, **settings: Any) -> str:
        report = losscli.slices(data, ["mae", "mse"], where="x > -2", **settings).to_dict()
        return json.dumps([report["results"], report["search"], report["rows"]])

    expected = document(frame, engine="serial")
    assert document(frame, chunk_rows=61) == document(frame, chunk_rows=999, threads=3) == expected
    assert document(frame.sample(frac=1, random_state=1, ignore_index=True)) == expected
    for part in range(4):
        piece = frame.iloc[part * 1000 : (part + 1) * 1000]
        pq.write_table(pa.Table.from_pandas(piece, preserve_index=False), tmp_path / f"{part}.parquet")
    for engine in ("serial", "threads", "processes"):
        assert document(tmp_path, engine=engine, threads=3) == expected
    monkeypatch.setattr(crossing, "_CELLS_PER_PASS", 1)
    assert document(frame) == expected
    csv_frame = frame.assign(new=frame["new"].map({True: "true", False: "false"}))
    csv_frame.to_csv(tmp_path / "rows.csv", index=False)
    assert document(tmp_path / "rows.csv") == expected


def test_columns_with_many_values_are_left_out_and_named(frame: pd.DataFrame) -> None:
    cities = frame.assign(id=np.arange(ROWS), city=[f"c{row % 60}" for row in range(ROWS)])
    report = losscli.slices(cities, "mae").report
    assert report.search["left_out"] == [
        {"column": "id", "reason": "names rows"},
        {"column": "city", "reason": "more than 50 values"},
    ]
    assert "not searched: id (names rows); city (more than 50 values); --columns" in report.notes[0]
    assert report.results[0].slices == losscli.slices(frame, "mae").slices
    asked = losscli.slices(cities, "mae", among="city").report
    # Every city has 66 or 67 rows.
    assert (asked.results[0].tested, asked.notes) == (60, [])
    many = cities.assign(city=[f"c{row % 1001}" for row in range(ROWS)])
    with pytest.raises(InputError, match='column "city" has more than 1,000 different values'):
        losscli.slices(many, "mae", among=["city"])


def test_whole_numbers_are_taken_by_value_while_they_are_few() -> None:
    rng = np.random.default_rng(0)
    table = pa.table(
        {"y_true": np.zeros(900), "y_pred": rng.random(900), "few": np.arange(900) % 20, "many": np.arange(900) % 21}
    )
    few, many = losscli.slices(table, "mae").report.search["columns"]
    assert few == {"column": "few", "bins": None}
    assert many["bins"][0].startswith("< ") and len(many["bins"]) == 5
    binned = losscli.slices(table, "mae", bins=3).report.search["columns"]
    assert len(binned[1]["bins"]) == 3


def test_other_numbers_are_binned_however_few_there_are() -> None:
    rng = np.random.default_rng(0)
    table = pa.table({"y_true": np.zeros(900), "y_pred": rng.random(900), "half": np.arange(900) % 8 / 2})
    (half,) = losscli.slices(table, "mae").report.search["columns"]
    assert half["bins"] is not None and len(half["bins"]) == 5


def test_the_rows_of_the_filter_are_all_there_is(frame: pd.DataFrame) -> None:
    cities = frame.assign(
        city=[f"c{row % 60}" if region == "south" else "c" for row, region in enumerate(frame.region)]
    )
    filtered = losscli.slices(cities, "mae", where="region != 'south' and x > 0").report
    chosen = losscli.slices(cities[(frame["region"] != "south") & (frame["x"] > 0)], "mae").report
    assert (filtered.results, filtered.search["columns"]) == (chosen.results, chosen.search["columns"])
    assert "city" in [one["column"] for one in filtered.search["columns"]]


def test_only_rows_with_a_loss_count(frame: pd.DataFrame) -> None:
    gaps = frame.copy()
    gaps.loc[::10, "y_pred"] = np.nan
    report = losscli.slices(gaps, "mae", nan="skip", among="region,device").report
    assert report.results[0].count == ROWS - ROWS // 10
    assert report.notes == ["400 of 4,000 rows skipped: a value is missing"]
    whole = losscli.slices(gaps.dropna(subset=["y_pred"]), "mae", among="region,device")
    assert report.results[0].slices == whole.slices


def test_labels_and_slices_may_stand_in_another_file(frame: pd.DataFrame, tmp_path: Path) -> None:
    keyed = frame.assign(id=[f"r{row}" for row in range(ROWS)])
    keyed[["id", "y_pred", "x"]].to_parquet(tmp_path / "preds.parquet")
    keyed.drop(columns=["y_pred", "x"]).sample(frac=1, random_state=2).to_parquet(tmp_path / "labels.parquet")
    joined = losscli.slices(tmp_path / "preds.parquet", "mae", labels=tmp_path / "labels.parquet", on="id", top=0)
    by_name = {slice_name(one.by): one.loss for one in losscli.slices(frame, "mae", top=0).slices if len(one.by) == 1}
    assert by_name == {slice_name(one.by): one.loss for one in joined.slices if len(one.by) == 1}


def test_a_column_of_the_losses_can_be_asked_for(frame: pd.DataFrame) -> None:
    report = losscli.slices(frame, "mae", among="y_true,y_pred", where="y_true > -1").report
    assert [one["column"] for one in report.search["columns"]] == ["y_true", "y_pred"]
    assert any("y_pred" in one.by for one in report.results[0].slices)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_order": 3}, "--max-order 3"),
        ({"bins": 1}, "--bins 1"),
        ({"min_slice": 1}, "--min-slice 1"),
        ({"level": 1.5}, "--level 1.5"),
        ({"score_alpha": 0.0}, "--score-alpha 0.0"),
        ({"top": -1}, "--top takes"),
        ({"among": []}, "--columns names no column"),
        ({"weight": "age"}, "--weight is given, but slices are tested by counting every row once"),
        ({"nan": "propagate"}, "--nan propagate"),
        ({"loss": "rmse"}, "rmse is a root of a mean"),
        ({"loss": "weighted_absolute_percentage_error"}, "has no value for a single row"),
    ],
)
def test_what_makes_no_sense_is_refused(frame: pd.DataFrame, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        losscli.slices(frame, **{"loss": "mae", **settings})


def test_data_that_does_not_fit_is_refused(frame: pd.DataFrame) -> None:
    table = pa.Table.from_pandas(frame)
    with pytest.raises(UsageError, match="slices take two passes"):
        losscli.slices(iter(table.to_batches()), "mae")
    with pytest.raises(InputError, match='no column "regio"; closest: "region"'):
        losscli.slices(frame, "mae", among="regio")
    with pytest.raises(InputError, match='column "l" holds list'):
        losscli.slices(table.append_column("l", pa.array([[1.0]] * ROWS)), "mae", among="l")
    with pytest.raises(NothingToEvaluate):
        losscli.slices(frame, "mae", where="x > 100")
    with pytest.raises(InputError, match="not finite, or too large to be squared"):
        losscli.slices(frame.assign(y_pred=1e200), "mae")


def test_files_without_a_column_of_the_first_are_named(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame.to_parquet(tmp_path / "a.parquet")
    frame.drop(columns="grade").to_parquet(tmp_path / "b.parquet")
    with pytest.raises(InputError, match=r'b.parquet: no column "grade", which .*a.parquet has'):
        losscli.slices(tmp_path, "mae")
    assert losscli.slices(tmp_path, "mae", among="region").report.rows["read"] == 2 * ROWS


def test_losses_below_0_are_ranked_while_their_mean_is_above(frame: pd.DataFrame) -> None:
    columns = {"mean": "y_pred"}
    slices = found(frame.assign(variance=0.5), "gaussian_nll", columns=columns, max_order=1)["slices"]
    assert {"device": "phone"} in [one["by"] for one in slices]
    with pytest.raises(InputError, match=r"gaussian_nll: the mean loss is -.*ranked by how much higher"):
        found(frame.assign(y_pred=frame["y_true"], variance=0.01), "gaussian_nll", columns=columns)


def test_perfect_predictions_have_no_slices(frame: pd.DataFrame) -> None:
    result = found(frame.assign(y_pred=frame["y_true"]))
    assert (result["significant"], result["slices"], result["total"]["loss"]) == (0, [], 0.0)
    assert result["tested"] > 100


def test_the_table_says_how_much_was_tested(
    frame: pd.DataFrame, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rows.parquet"
    frame.assign(id=range(ROWS)).to_parquet(path)
    report = tmp_path / "report.json"
    code = run(["slices", str(path), "-l", "mae", "--top", "2", "--columns", "region,device", "-o", f"json={report}"])
    printed = capsys.readouterr()
    result = json.loads(report.read_text())["results"][0]
    lines = printed.out.splitlines()
    assert code == Exit.DONE and result["significant"] > 2
    assert lines[0].startswith(f"mae: {result['significant']} slices are significantly worse than the rest (")
    assert lines[0].endswith(f"({result['tested']} slices of 4,000 rows tested)")
    assert lines[3].startswith(slice_name(result["slices"][0]["by"]))
    assert lines[-1] == f"… {result['significant'] - 2} more (--top 0 shows all)"
    assert printed.err == "losscli: label=y_true pred=y_pred (label, pred found by name)\n"


def test_nothing_found_is_a_result_and_no_rows_are_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rows.csv"
    noise(0).to_csv(path, index=False)
    assert run(["slices", str(path), "-l", "mae"]) == Exit.DONE
    assert "mae: no slice is significantly worse than the rest (" in capsys.readouterr().out
    path.write_text("y_true,y_pred,a\n")
    assert run(["slices", str(path), "-l", "mae"]) == Exit.EMPTY
    path.write_text("y_true,y_pred,a\n" + "1,2,3\n" * 200_000 + "1,2,old\n")
    assert run(["slices", str(path), "-l", "mae"]) == Exit.INPUT
    told = capsys.readouterr().err
    assert 'column "a", row 200,001' in told and told.endswith("try: --columns A,B,... searches the columns it names\n")


def test_every_format_says_the_same(frame: pd.DataFrame) -> None:
    report = losscli.slices(frame, "mae", top=4).report
    texts = {name: render(report, RenderOptions()) for name, render in FORMATS.items()}
    slices = report.results[0].slices
    lines = list(csv.DictReader(io.StringIO(texts["csv"])))
    assert [float(line["value"]) for line in lines] == [one.loss for one in slices]
    assert [json.loads(line)["p_adjusted"] for line in texts["ndjson"].splitlines()] == [
        one.p_adjusted for one in slices
    ]
    assert json.loads(texts["json"])["results"][0]["slices"][0]["score"] == slices[0].score
    for name in ("table", "plain"):
        assert all(slice_name(one.by) in texts[name] for one in slices)
    narrow = FORMATS["table"](report, RenderOptions(terminal=True, width=60))
    assert max(map(len, narrow.splitlines())) <= 60 and "not shown: " in narrow
    with pytest.raises(UsageError, match="no output format jsn"):
        find_format("jsn", FORMATS)
    assert list(losscli.slices(frame, "mae", top=4).table()["score"]) == [one.score for one in slices]


def test_slices_are_named_as_conditions() -> None:
    by = {"region": "north", "age": "[18, 65)", "x": ">= 2", "device": None}
    assert slice_name(by) == "region=north & age=[18, 65) & x >= 2 & device=(null)"
