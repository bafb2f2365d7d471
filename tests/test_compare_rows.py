"""How rows find their partners, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import losscli
from losscli.comparison import Comparison
from losscli.errors import InputError, LosscliError, NothingToEvaluate, UsageError

ROWS = 5_000


@pytest.fixture(scope="module")
def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two models with ids, classes and groups; losses over many octaves."""
    rng = np.random.default_rng(7)
    y = rng.normal(size=ROWS)
    shared = {
        "id": [f"r{number}" for number in range(ROWS)],
        "y_true": y,
        "w": rng.exponential(size=ROWS),
        "g": rng.choice(list("abc"), ROWS),
        "user": rng.integers(0, 90, ROWS),
    }
    error = rng.standard_cauchy(ROWS)
    return (
        pd.DataFrame({**shared, "y_pred": y + error}),
        pd.DataFrame({**shared, "y_pred": y + 1.01 * error + 0.1 * rng.normal(size=ROWS)}),
    )


def compared(base: Any, cand: Any, **options: Any) -> Comparison:
    return losscli.compare(base, cand, **{"loss": "huber", **options})


def numbers(comparison: Comparison) -> list[dict[str, Any]]:
    """Everything that was computed."""
    results = comparison.to_dict()["candidates"][0]["results"]
    return [{name: result[name] for name in ("total", "classes", "slices", "worst")} for result in results]


OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {"loss": ["huber", "rmse", "weighted_absolute_percentage_error"], "by": "g"},
    "weighted": {"weight": "w", "by": "g", "worst": 5, "id": "id"},
    "clustered": {"cluster": "user", "by": "g", "weight": "w"},
    "bins": {"by": ["y_true:q4", "g"]},
    "filtered": {"where": "y_true > 0 and g != 'a'", "by": "g"},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_order_chunks_threads_and_engines_are_not_seen(
    tables: tuple[pd.DataFrame, pd.DataFrame], options: dict[str, Any], tmp_path: Path
) -> None:
    base, cand = tables
    options = {"on": "id", **options}
    expected = numbers(compared(base, cand, **options))
    assert numbers(compared(base, cand.sample(frac=1, random_state=1), **options)) == expected
    assert numbers(compared(base, cand, **options, chunk_rows=17, threads=3)) == expected
    base.to_csv(tmp_path / "base.csv", index=False)
    cand.to_parquet(tmp_path / "cand.parquet", row_group_size=700)
    files = str(tmp_path / "base.csv"), str(tmp_path / "cand.parquet")
    assert numbers(compared(*files, **options)) == expected
    assert numbers(compared(*files, **options, engine="serial")) == expected
    if "worst" not in options:
        # The rows of the baseline are numbered otherwise, and nothing else changes.
        assert numbers(compared(base.sample(frac=1, random_state=2), cand, **options)) == expected


def test_position_and_key_give_the_same_numbers(tables: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    by_position, by_key = compared(*tables), compared(*tables, on="id")
    assert numbers(by_position) == numbers(by_key)
    assert by_position.candidates[0].pairing == "rows paired by position; labels and id agree row by row"
    assert by_key.candidates[0].pairing == "rows joined on id; rows are in the same order"


def test_the_losses_are_those_of_eval(tables: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    loss = ["huber", "rmse", "weighted_absolute_percentage_error"]
    options: dict[str, Any] = {"loss": loss, "weight": "w", "by": "g"}
    results = compared(*tables, **options).candidates[0].results
    for name, table in (("base", tables[0]), ("cand", tables[1])):
        for result, alone in zip(results, losscli.evaluate(table, **options).results, strict=True):
            assert getattr(result.total, name) == alone.total.loss
            assert [getattr(row, name) for row in result.slices] == [row.loss for row in alone.slices]
            assert result.signature == alone.signature


def test_a_baseline_in_several_files_is_one(tables: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path) -> None:
    base, cand = tables
    (tmp_path / "parts").mkdir()
    for place, start in enumerate(range(0, ROWS, 1_300)):
        base.iloc[start : start + 1_300].to_parquet(tmp_path / "parts" / f"{place}.parquet")
    cand.to_csv(tmp_path / "cand.csv", index=False)
    files = str(tmp_path / "parts"), str(tmp_path / "cand.csv")
    assert numbers(compared(*files, worst=4)) == numbers(compared(base, cand, worst=4))
    found = compared(*files)
    assert sum(one.rows for one in found.base_inputs) == ROWS
    assert [one.rows for one in found.candidates[0].inputs] == [ROWS]


def test_several_candidates_are_compared_one_by_one(tables: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    base, cand = tables
    other = cand.assign(y_pred=cand.y_pred + 0.01)
    both = losscli.compare(base, cand, other, loss="mae")
    alone = [losscli.compare(base, one, loss="mae") for one in (cand, other)]
    assert [one.results for one in both.candidates] == [one.candidates[0].results for one in alone]


def test_missing_partners_are_refused_or_counted(tables: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    base, cand = tables[0].iloc[10:], tables[1].iloc[:-3]
    with pytest.raises(InputError, match="rows with a key"):
        compared(base, cand, on="id")
    found = compared(base, cand, on="id", allow_missing=True).candidates[0]
    assert (found.rows.paired, found.rows.base_only, found.rows.cand_only) == (ROWS - 13, 3, 10)
    assert found.pairing.endswith("3 only in the baseline; 10 only in the candidate")
    expected = compared(tables[0].iloc[10:-3], tables[1].iloc[10:-3], on="id").candidates[0]
    assert found.results == expected.results


def test_rows_of_another_order_are_never_paired_by_position(tables: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    base, cand = tables
    swapped = cand.copy()
    swapped.loc[[3, 4], "id"] = ["r4", "r3"]
    with pytest.raises(InputError, match='row 4: "id" is "r4", but "r3" in the baseline; 2 rows disagree'):
        compared(base, swapped)
    numbered = [table.assign(id=range(ROWS)) for table in tables]
    numbered[1].loc[9, "id"] = 17
    with pytest.raises(InputError, match='row 10: "id" is 17, but 9 in the baseline; 1 row disagrees'):
        compared(*numbered)


@pytest.mark.parametrize("on", [None, "id"])
def test_different_labels_are_refused(tables: tuple[pd.DataFrame, pd.DataFrame], on: str | None) -> None:
    base, cand = tables
    other = cand.copy()
    other.loc[[5, 8], "y_true"] = [0.5, 0.25]
    with pytest.raises(InputError, match=r"row 6.*: the label is 0\.5, but .* in the baseline; 2 rows disagree"):
        compared(base, other.sample(frac=1, random_state=1) if on else other, on=on)


def test_different_classes_are_refused_by_name() -> None:
    base = pd.DataFrame({"label": ["cat", "dog"], "prob_cat": [0.9, 0.2], "prob_dog": [0.1, 0.8]})
    cand = pd.DataFrame({"label": ["cat", "cat"], "prob_dog": [0.3, 0.6], "prob_cat": [0.7, 0.4]})
    with pytest.raises(InputError, match="row 2: the label is cat, but dog in the baseline; 1 row disagrees"):
        compared(base, cand, loss="sparse_categorical_crossentropy")
    same = cand.assign(label=base.label)
    found = compared(base, same, loss="sparse_categorical_crossentropy").candidates[0].results[0]
    # Both probabilities are read by the name of the class, whatever the order of the columns.
    np.testing.assert_allclose(found.total.cand, -(np.log(0.7) + np.log(0.6)) / 2, rtol=1e-12)


def test_different_weights_are_refused(tables: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    base, cand = tables
    other = cand.assign(w=cand.w.where(cand.index != 2, 9.0))
    with pytest.raises(InputError, match=r"row 3: the weight is 9\.0"):
        compared(base, other, weight="w")
    # A candidate without weights takes those of the baseline.
    assert numbers(compared(base, cand.drop(columns="w"), weight="w")) == numbers(compared(base, cand, weight="w"))


def test_a_duplicate_key_is_refused(tables: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    base, cand = tables
    twice = cand.copy()
    twice.loc[7, "id"] = "r3"
    with pytest.raises(InputError, match=r"r3 \(rows 4 and 8\)"):
        compared(base, twice, on="id")


def test_the_baseline_itself_is_refused(tables: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path) -> None:
    base, _ = tables
    path, copy = tmp_path / "base.csv", tmp_path / "copy.csv"
    base.to_csv(path, index=False)
    shutil.copy(path, copy)
    with pytest.raises(InputError, match="the candidate is the baseline itself"):
        compared(str(path), str(path))
    with pytest.raises(InputError, match=r"copy\.csv: the candidate has the same content as the baseline"):
        compared(str(path), str(copy))
    with pytest.raises(InputError, match="the candidate is the baseline itself"):
        compared(base, base.copy())


@pytest.mark.parametrize("options", [{}, {"on": "id"}, {"loss": ["mae", "mse"], "chunk_rows": 700, "threads": 2}])
def test_the_baseline_written_anew_is_refused(
    tables: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path, options: dict[str, Any]
) -> None:
    base, cand = tables
    path = str(tmp_path / "base.csv")
    base.to_csv(path, index=False)
    again = base.sample(frac=1.0, random_state=0) if "on" in options else base.assign(more=1)
    with pytest.raises(InputError, match=r"all 5,000 predictions are those of .*base\.csv"):
        compared(path, again, **options)
    one = again.y_pred.where(again.index != 4_999, cand.y_pred)
    assert not compared(path, again.assign(y_pred=one), **options).warnings


def test_equal_predictions_of_a_filter_or_of_labels_are_told(tables: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    base, cand = tables
    changed = cand.assign(y_pred=base.y_pred.where(base.g != "b", cand.y_pred))
    (warning,) = compared(base, changed, where="g == 'a'").warnings
    assert "predictions are those of the baseline" in warning
    labels = pd.DataFrame({"y_true": [0, 1, 1], "y_pred": [0, 0, 1]})
    (warning,) = compared(labels, labels.assign(more=1), loss="zero_one").warnings
    assert "all 3 predictions are those of the baseline" in warning


def test_files_of_different_lengths_are_not_paired_by_position(tables: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    with pytest.raises(InputError, match=r"5,000 rows, but .* has 4,999"):
        compared(tables[0], tables[1].iloc[:-1])


def test_a_bad_value_is_named_with_its_file_and_line(tables: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path) -> None:
    base, cand = tmp_path / "base.csv", tmp_path / "cand.csv"
    tables[0].to_csv(base, index=False)
    tables[1].assign(y_pred=tables[1].y_pred.where(tables[1].index != 4)).to_csv(cand, index=False)
    with pytest.raises(InputError, match=r'cand\.csv: column "y_pred", row 5 \(line 6\)'):
        compared(str(base), str(cand))


def test_missing_values_follow_the_policy(tables: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    base, cand = (table.copy() for table in tables)
    base.loc[1, "y_pred"] = np.nan
    cand.loc[[1, 2], "y_pred"] = np.nan
    found = compared(base, cand, nan="skip").candidates[0]
    assert (found.rows.used, found.rows.skipped) == (ROWS - 2, 2)
    whole = [table.drop(index=[1, 2]) for table in tables]
    assert found.results[0].total == compared(*whole).candidates[0].results[0].total
    spread = compared(base, cand, nan="propagate", by="g").candidates[0].results[0]
    assert (spread.total.status, spread.total.diff) == ("nan", None)
    hit = set(base.g[[1, 2]])
    assert {row.key["g"] for row in spread.slices if row.status == "nan"} == hit


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"loss": "circle"}, UsageError, "they cannot be taken one by one"),
        ({"reduction": "none"}, UsageError, "a comparison reduces the rows"),
        ({"on": "nothing"}, InputError, 'no column "nothing"'),
        ({"cluster": "nothing"}, InputError, "nothing"),
        ({"where": "g == 'z'"}, NothingToEvaluate, "z"),
        ({"level": 1.5}, UsageError, "level"),
    ],
    ids=str,
)
def test_refusals(
    tables: tuple[pd.DataFrame, pd.DataFrame], options: dict[str, Any], kind: type[LosscliError], message: str
) -> None:
    with pytest.raises(kind, match=message):
        compared(*tables, **options)


def test_an_iterator_is_refused(tables: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    import pyarrow as pa

    batches = pa.Table.from_pandas(tables[0]).to_batches()
    with pytest.raises(UsageError, match="more than one pass"):
        compared(iter(batches), tables[1])


def test_the_worst_rows_are_the_largest_increases(tables: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    base, cand = tables
    loss = losscli.loss("huber")
    increase = loss(cand.y_true, cand.y_pred, reduction="none") - loss(base.y_true, base.y_pred, reduction="none")
    found = compared(base, cand, worst=6, id="id").candidates[0].results[0].worst
    order = np.lexsort((np.arange(ROWS), -increase))[:6]
    assert [row.row for row in found] == [int(place) + 1 for place in order]
    assert [row.id for row in found] == [f"r{place}" for place in order]
    np.testing.assert_allclose([row.diff for row in found], increase[order], rtol=0)


def test_of_equal_increases_the_earlier_rows_are_shown(tmp_path: Path) -> None:
    base = pd.DataFrame({"y_true": np.zeros(900), "y_pred": np.ones(900)})
    cand = base.assign(y_pred=np.where(base.index % 100 == 7, 2.0, 1.0))
    base.to_parquet(tmp_path / "base.parquet", row_group_size=90)
    cand.to_parquet(tmp_path / "cand.parquet", row_group_size=90)
    files = str(tmp_path / "base.parquet"), str(tmp_path / "cand.parquet")
    for source in (files, (base, cand)):
        found = compared(*source, loss="mae", worst=3, chunk_rows=50, threads=3).candidates[0].results[0].worst
        assert [row.row for row in found] == [8, 108, 208]


def test_too_many_clusters_and_groups_are_refused(
    tables: tuple[pd.DataFrame, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("losscli.comparison.work.MOST_CLUSTERS", 50)
    with pytest.raises(InputError, match="--cluster user: more than 50 clusters"):
        compared(*tables, cluster="user")
    monkeypatch.setattr("losscli.comparison.work.MOST_CLUSTERS", 500)
    monkeypatch.setattr("losscli.work.MOST_GROUPS", 50)
    assert compared(*tables, cluster="user", by="g").cluster == "user"
    with pytest.raises(InputError, match="--by user: 90 different values"):
        compared(*tables, cluster="g", by="user")
