"""The bootstrap: the same draws for every way of reading the rows, and intervals that are those of others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import stats

import losscli
from losscli.errors import InputError, LosscliError, UsageError
from losscli.summary.bootstrap import BUCKETS, _draws, acceleration, bca_interval, buckets_of

ROWS = 2_500
LOSSES = ["mae", "rmse", "weighted_absolute_percentage_error", "risk=0.7*mae+0.3*mse"]


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(9)
    y = rng.normal(size=ROWS)
    return pd.DataFrame(
        {
            "id": [f"k{number}" for number in range(ROWS)],
            "y_true": y,
            "y_pred": y + rng.lognormal(0, 1.2, ROWS),
            "w": rng.exponential(size=ROWS),
            "g": rng.choice(["a", "b", "c"], ROWS),
        }
    )


def intervals(data: Any, **options: Any) -> list[Any]:
    """The intervals of all rows of all losses."""
    results = losscli.evaluate(data, **{"loss": LOSSES, "ci": "bootstrap", "by": "g", **options}).results
    return [row.ci for result in results for row in result.rows]


@pytest.mark.parametrize("options", [{}, {"weight": "w"}, {"where": "y_true > 0"}], ids=["plain", "weighted", "where"])
def test_draws_do_not_depend_on_how_the_rows_are_read(
    frame: pd.DataFrame, options: dict[str, Any], tmp_path: Path
) -> None:
    expected = intervals(frame, **options)
    assert None not in expected
    assert intervals(frame, **options, chunk_rows=13, threads=3) == expected
    frame.to_csv(tmp_path / "all.csv", index=False)
    assert intervals(str(tmp_path / "all.csv"), **options) == expected
    parts = []
    for place, start in enumerate(range(0, ROWS, 900)):
        parts.append(str(tmp_path / f"{place}.parquet"))
        frame.iloc[start : start + 900].to_parquet(parts[-1], row_group_size=350)
    assert intervals(parts, **options) == expected
    assert intervals(parts, **options, engine="serial") == expected


def test_with_ids_draws_do_not_depend_on_the_order_of_rows(frame: pd.DataFrame) -> None:
    expected = intervals(frame, id="id")
    assert intervals(frame.sample(frac=1, random_state=4), id="id") == expected
    assert intervals(frame) != expected


def test_a_slice_alone_has_its_own_interval(frame: pd.DataFrame) -> None:
    result = losscli.evaluate(frame, loss="mae", ci="bootstrap", by="g", id="id").results[0]
    for row in result.slices:
        mine = frame[frame.g == row.key["g"]]
        assert row.ci == losscli.evaluate(mine, loss="mae", ci="bootstrap", id="id").results[0].total.ci


def test_seeds_differ_and_replicates_converge(frame: pd.DataFrame) -> None:
    once, again = (intervals(frame, seed=seed) for seed in (0, 1))
    assert once != again
    many = intervals(frame, loss="mae", replicates=8_000)
    np.testing.assert_allclose(many, intervals(frame, loss="mae", replicates=8_000, seed=5), rtol=0.03)


def test_the_interval_of_a_mean_is_near_that_of_scipy(frame: pd.DataFrame) -> None:
    values = np.abs(frame.y_true - frame.y_pred).to_numpy()
    expected = stats.bootstrap((values,), np.mean, n_resamples=8_000, method="BCa", rng=np.random.default_rng(1))
    found = losscli.evaluate(frame, loss="mae", ci="bootstrap", replicates=8_000).results[0].total.ci
    np.testing.assert_allclose(found, expected.confidence_interval, rtol=0.01)


def test_the_interval_of_a_ratio_is_near_that_of_scipy(frame: pd.DataFrame) -> None:
    error, size = np.abs(frame.y_true - frame.y_pred).to_numpy(), np.abs(frame.y_true).to_numpy()

    def ratio(rows: np.ndarray, axis: int = -1) -> np.ndarray:
        return error[rows].sum(axis=axis) / size[rows].sum(axis=axis)

    expected = stats.bootstrap(
        (np.arange(ROWS),), ratio, n_resamples=4_000, method="BCa", vectorized=True, rng=np.random.default_rng(2)
    )
    options: dict[str, Any] = {"ci": "bootstrap", "replicates": 4_000}
    found = losscli.evaluate(frame, loss="weighted_absolute_percentage_error", **options).results[0].total.ci
    np.testing.assert_allclose(found, expected.confidence_interval, rtol=0.015)


def test_differences_are_resampled_in_pairs(frame: pd.DataFrame) -> None:
    rng = np.random.default_rng(12)
    cand = frame.assign(y_pred=frame.y_true + 1.01 * (frame.y_pred - frame.y_true) + 0.1 * rng.normal(size=ROWS))
    rows = [np.abs(one.y_true - one.y_pred).to_numpy() for one in (frame, cand)]
    expected = stats.bootstrap(
        (rows[1] - rows[0],), np.mean, n_resamples=8_000, method="BCa", rng=np.random.default_rng(1)
    )
    options: dict[str, Any] = {"loss": "mae", "ci": "bootstrap", "replicates": 8_000}
    found = losscli.compare(frame, cand, **options).candidates[0].results[0].total
    np.testing.assert_allclose(found.ci, expected.confidence_interval, rtol=0.05)
    shuffled = losscli.compare(frame, cand.sample(frac=1, random_state=3), on="id", **options)
    assert (
        shuffled.candidates[0].results[0].total.ci
        == losscli.compare(frame, cand, on="id", **options).candidates[0].results[0].total.ci
    )


def test_rows_of_a_cluster_are_drawn_together(frame: pd.DataFrame) -> None:
    # Each row four times: clusters of equal rows, whose mean varies as that of a fourth of the rows.
    rng = np.random.default_rng(13)
    some = frame.iloc[:200].assign(user=range(200))
    base = pd.concat([some] * 4, ignore_index=True).drop(columns="id")
    moved = some.assign(y_pred=some.y_pred + rng.normal(size=200))
    cand = pd.concat([moved] * 4, ignore_index=True).drop(columns="id")
    options: dict[str, Any] = {"loss": "mae", "ci": "bootstrap", "replicates": 4_000}
    clustered, naive = (
        np.ptp(losscli.compare(base, cand, cluster=cluster, **options).candidates[0].results[0].total.ci)
        for cluster in ("user", None)
    )
    np.testing.assert_allclose(clustered / naive, 2.0, rtol=0.15)


def test_rows_without_spread_have_an_interval_of_one_point() -> None:
    same = pd.DataFrame({"y_true": [0.0] * 50, "y_pred": [2.0] * 50})
    assert intervals(same, loss="mae", by=None) == [(2.0, 2.0)]


def test_what_cannot_be_resampled_has_no_interval(frame: pd.DataFrame) -> None:
    assert intervals(frame.iloc[:1], loss="mae", by=None) == [None]
    holes = frame.assign(y_pred=frame.y_pred.where(frame.index != 3))
    assert intervals(holes, loss="mae", by=None, nan="propagate") == [None]
    skipped = intervals(holes, loss="mae", by=None, nan="skip", id="id")
    assert skipped == intervals(frame.drop(index=3), loss="mae", by=None, id="id")


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"seed": -1}, UsageError, "--seed one that is not negative"),
        ({"replicates": 1}, UsageError, "--replicates takes a whole number above 1"),
        ({"weight": "w", "loss": "mae+l1_penalty", "columns": {"penalty": "w"}}, UsageError, "takes no weights"),
        ({"by": "id"}, InputError, "2,500 groups, each of which is resampled"),
    ],
    ids=str,
)
def test_refusals(frame: pd.DataFrame, options: dict[str, Any], kind: type[LosscliError], message: str) -> None:
    with pytest.raises(kind, match=message):
        intervals(frame, **{"loss": "mae", **options})


def test_an_iterator_is_refused(frame: pd.DataFrame) -> None:
    batches = pa.Table.from_pandas(frame).to_batches()
    with pytest.raises(UsageError, match="a bootstrap takes two passes"):
        intervals(iter(batches))


def test_draws_are_poisson_with_mean_one() -> None:
    draws = _draws(3, 500)
    share = np.bincount(draws.ravel(), minlength=4)[:4] / draws.size
    np.testing.assert_allclose(share, np.exp(-1.0) / np.array([1.0, 1.0, 2.0, 6.0]), atol=0.002)
    # No two buckets are drawn alike.
    assert len({column.tobytes() for column in draws.T}) == BUCKETS


def test_buckets_hold_equally_many_rows() -> None:
    counts = np.bincount(buckets_of(np.arange(100 * BUCKETS, dtype=np.uint64), 0), minlength=BUCKETS)
    statistic = ((counts - 100.0) ** 2 / 100.0).sum()
    assert stats.chi2.sf(statistic, BUCKETS - 1) > 1e-3


def test_bca_without_bias_and_skewness_is_the_percentile_interval() -> None:
    replicates = np.linspace(-1.0, 1.0, 2_001)
    np.testing.assert_allclose(bca_interval(0.0, replicates, 0.0, 0.9), [-0.9, 0.9], rtol=1e-9)
    assert bca_interval(0.0, np.full(10, np.nan), 0.0, 0.9) is None
    np.testing.assert_allclose(acceleration(np.array([2.0, -1.0, -1.0])), 6.0 / (6.0 * 6.0**1.5), rtol=1e-12)
