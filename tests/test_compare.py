"""The numbers of a comparison against SciPy, statsmodels and formulas written out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

import losscli
from losscli.comparison import Difference, JointEstimate, holm

ROWS = 700


@pytest.fixture(scope="module")
def frames() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two models of the same rows, the second a little worse."""
    rng = np.random.default_rng(20261122)
    y = rng.normal(size=ROWS)
    base = y + rng.normal(size=ROWS)
    cand = y + 1.03 * (base - y) + 0.2 * rng.normal(size=ROWS)
    shared = {
        "id": np.arange(ROWS),
        "y_true": y,
        "w": rng.exponential(size=ROWS),
        "region": rng.choice(["north", "south", "west"], ROWS),
        "user": rng.integers(0, 60, ROWS),
        "t": rng.integers(0, 2, ROWS),
    }
    return pd.DataFrame({**shared, "y_pred": base}), pd.DataFrame({**shared, "y_pred": cand})


def total(frames: Sequence[pd.DataFrame], loss: str, **options: Any) -> Difference:
    """The total of one loss on one candidate."""
    result: Difference = losscli.compare(*frames, loss=loss, **options).candidates[0].results[0].total
    return result


def losses(frames: Sequence[pd.DataFrame], power: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The absolute errors of both models, to a power."""
    base, cand = (np.abs(frame.y_true - frame.y_pred).to_numpy() ** power for frame in frames)
    return base, cand


def test_equals_the_paired_t_test(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    base, cand = losses(frames)
    found = total(frames, "mae", ci="normal")
    expected = stats.ttest_rel(cand, base)
    np.testing.assert_allclose(found.p, expected.pvalue, rtol=1e-10)
    np.testing.assert_allclose(found.ci, expected.confidence_interval(), rtol=1e-10)
    np.testing.assert_allclose([found.base, found.cand], [base.mean(), cand.mean()], rtol=1e-15)
    np.testing.assert_allclose(found.diff, (cand - base).mean(), rtol=1e-12)
    np.testing.assert_allclose(found.relative, (cand - base).mean() / base.mean(), rtol=1e-12)
    assert (found.improved, found.worsened) == (int((cand < base).sum()), int((cand > base).sum()))


@pytest.mark.parametrize("absolute", [0.0, 0.01, -0.02])
@pytest.mark.parametrize("relative", [0.0, 0.02, 0.1])
def test_margins_are_tested_as_one_sample_of_what_lies_beyond(
    frames: tuple[pd.DataFrame, pd.DataFrame], absolute: float, relative: float
) -> None:
    base, cand = losses(frames)
    beyond = cand - base - absolute - relative * base
    found = total(frames, "mae")
    harm = stats.ttest_1samp(beyond, 0.0, alternative="greater").pvalue
    safety = stats.ttest_1samp(beyond, 0.0, alternative="less").pvalue
    np.testing.assert_allclose(found.harm(absolute, relative), harm, rtol=1e-10)
    np.testing.assert_allclose(found.safety(absolute, relative), safety, rtol=1e-10)


def test_slices_and_classes_are_tested_on_their_own_rows(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    base, cand = losses(frames)
    result = losscli.compare(*frames, loss="mae", by="region").candidates[0].results[0]
    assert [row.key["region"] for row in result.slices] == ["north", "south", "west"]
    for row in result.slices:
        mine = (frames[0].region == row.key["region"]).to_numpy()
        np.testing.assert_allclose(row.p, stats.ttest_rel(cand[mine], base[mine]).pvalue, rtol=1e-10)
        assert row.count == mine.sum()


def test_clusters_equal_statsmodels(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    base, cand = losses(frames)
    result = losscli.compare(*frames, loss="mae", cluster="user", by="region", ci="normal").candidates[0].results[0]
    for row in (result.total, *result.slices):
        mine = np.ones(ROWS, bool) if row.level == "total" else (frames[0].region == row.key["region"]).to_numpy()
        fitted = sm.OLS((cand - base)[mine], np.ones(mine.sum())).fit(
            cov_type="cluster", cov_kwds={"groups": frames[0].user[mine]}, use_t=True
        )
        np.testing.assert_allclose(row.diff, fitted.params[0], rtol=1e-10)
        np.testing.assert_allclose(row.p, fitted.pvalues[0], rtol=1e-10)
        np.testing.assert_allclose(row.ci, fitted.conf_int()[0], rtol=1e-10)


def test_weighted_clusters_equal_statsmodels(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    base, cand = losses(frames)
    weights = frames[0].w.to_numpy()
    found = total(frames, "mae", weight="w", cluster="user")
    fitted = sm.WLS(cand - base, np.ones(ROWS), weights=weights).fit(
        cov_type="cluster", cov_kwds={"groups": frames[0].user}, use_t=True
    )
    np.testing.assert_allclose([found.diff, found.p], [fitted.params[0], fitted.pvalues[0]], rtol=1e-10)
    margin = sm.WLS(cand - 1.02 * base - 0.001, np.ones(ROWS), weights=weights).fit(
        cov_type="cluster", cov_kwds={"groups": frames[0].user}, use_t=True
    )
    expected = stats.t.sf(margin.tvalues[0], frames[0].user.nunique() - 1)
    np.testing.assert_allclose(found.harm(0.001, 0.02), expected, rtol=1e-9)


def test_weighted_means_take_the_linearised_standard_error(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    base, cand = losses(frames)
    weights, diff = frames[0].w.to_numpy(), cand - base
    mean = (weights * diff).sum() / weights.sum()
    influence = weights * (diff - mean) / weights.sum()
    error = np.sqrt(ROWS / (ROWS - 1) * (influence**2).sum())
    found = total(frames, "mae", weight="w")
    np.testing.assert_allclose([found.diff, found.p], [mean, 2 * stats.t.sf(abs(mean) / error, ROWS - 1)], rtol=1e-10)
    by_count = total(frames, "mae", weight="w", reduction="mean", ci="normal")
    summed = total(frames, "mae", weight="w", reduction="sum", ci="normal")
    np.testing.assert_allclose(by_count.diff, (weights * diff).sum() / ROWS, rtol=1e-12)
    np.testing.assert_allclose(np.array(summed.ci) / ROWS, by_count.ci, rtol=1e-12)
    np.testing.assert_allclose([by_count.p, summed.p], [found.p, found.p], rtol=1e-12)


def test_root_mean_squares_differ_by_the_delta_method(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    base, cand = losses(frames, 2)
    roots = np.sqrt([base.mean(), cand.mean()])
    influence = cand / (2 * roots[1]) - base / (2 * roots[0])
    error = influence.std(ddof=1) / np.sqrt(ROWS)
    found = total(frames, "rmse")
    np.testing.assert_allclose([found.base, found.cand], roots, rtol=1e-15)
    expected = 2 * stats.t.sf((roots[1] - roots[0]) / error, ROWS - 1)
    np.testing.assert_allclose([found.diff, found.p], [roots[1] - roots[0], expected], rtol=1e-9)
    assert (found.improved, found.worsened) == (int((cand < base).sum()), int((cand > base).sum()))


def test_ratios_of_sums_differ_by_the_delta_method(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    # sum |e| / sum |y|, whose linearised influence is (|e_i| - R |y_i|) / mean |y|.
    base, cand = losses(frames)
    size = np.abs(frames[0].y_true.to_numpy())
    ratios = base.sum() / size.sum(), cand.sum() / size.sum()
    influence = (cand - base - (ratios[1] - ratios[0]) * size) / size.mean()
    error = influence.std(ddof=1) / np.sqrt(ROWS)
    found = total(frames, "weighted_absolute_percentage_error")
    np.testing.assert_allclose([found.base, found.cand], ratios, rtol=1e-14)
    np.testing.assert_allclose(found.p, 2 * stats.t.sf((ratios[1] - ratios[0]) / error, ROWS - 1), rtol=1e-7)
    assert (found.improved, found.worsened) == (None, None)


def test_sums_of_losses_are_compared_as_one(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    base, cand = losses(frames)
    rows = [0.7 * one + 0.3 * one**2 for one in (base, cand)]
    found = total(frames, "risk=0.7*mae+0.3*mse")
    np.testing.assert_allclose(found.p, stats.ttest_rel(rows[1], rows[0]).pvalue, rtol=1e-10)
    mixed = total(frames, "0.5*rmse+0.5*mae")
    parts = total(frames, "rmse"), total(frames, "mae")
    np.testing.assert_allclose(mixed.diff, 0.5 * parts[0].diff + 0.5 * parts[1].diff, rtol=1e-12)


def test_holm_multiplies_from_the_smallest_and_never_decreases() -> None:
    # statsmodels.stats.multitest.multipletests([.01, .04, .03, .005], method="holm")
    assert holm([0.01, None, 0.04, 0.03, 0.005]) == [0.03, None, 0.06, 0.06, 0.02]
    assert holm([0.6, 0.7]) == [1.0, 1.0]


def test_verdicts_follow_the_corrected_p_values(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    result = losscli.compare(*frames, loss="mae", by="region").candidates[0].results[0]
    for row in result.rows:
        assert row.p_adjusted is not None
        expected = ("worse" if row.diff > 0 else "better") if row.p_adjusted <= 0.05 else "no difference"
        assert row.verdict == expected
    assert losscli.compare(*reversed(frames), loss="mae").candidates[0].results[0].total.verdict == "better"


def differing(differences: np.ndarray, **more: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two models whose absolute errors differ by so much in each row."""
    base = 10.0 + np.arange(len(differences)) % 7
    shared = {"y_true": np.zeros(len(differences)), **more}
    return pd.DataFrame({**shared, "y_pred": base}), pd.DataFrame({**shared, "y_pred": base + differences})


def notes(frames: tuple[pd.DataFrame, pd.DataFrame], **options: Any) -> dict[str, str]:
    result = losscli.compare(*frames, loss="mae", **options).candidates[0].results[0]
    return {note.code: note.message for note in result.notes}


def test_an_interval_that_says_other_than_the_corrected_verdict_is_explained() -> None:
    rng = np.random.default_rng(4)
    noise = rng.normal(size=(5, 100))
    noise = (noise - noise.mean(axis=1, keepdims=True)) / noise.std(axis=1, ddof=1, keepdims=True)
    # Slice a lies 2.2 standard errors above 0: p is 0.03, and not small for six rows together.
    differences = (noise + np.array([0.22, 0.0, 0.0, 0.0, 0.0])[:, None]).ravel()
    frames = differing(differences, slice=np.repeat(list("abcde"), 100))
    (row,) = [
        row
        for row in losscli.compare(*frames, loss="mae", by="slice").candidates[0].results[0].slices
        if row.key["slice"] == "a"
    ]
    assert row.ci is not None and row.ci[0] > 0 and row.verdict == "no difference"
    assert notes(frames, by="slice")["each_interval"].startswith(
        "a: the interval leaves out 0 and the verdict is no difference"
    )
    assert "verdict holds for all 6 rows together" in notes(frames, by="slice")["each_interval"]
    assert not notes(frames)
    document = losscli.compare(*frames, loss="mae").to_dict()
    assert document["interval"] == {"method": "hall", "level": 0.95, "simultaneous": False}


def test_an_interval_on_the_other_side_of_0_than_the_t_test_is_explained() -> None:
    skewed = np.random.default_rng(5).exponential(size=60)
    found = {
        ci: losscli.compare(*differing(skewed), loss="mae", ci=ci).candidates[0].results[0].total.ci
        for ci in ("hall", "normal")
    }
    assert found["hall"] is not None and found["normal"] is not None
    between = (found["hall"][0] + found["normal"][0]) / 2
    told = notes(differing(skewed - between))["interval_method"]
    assert "the interval is that of hall, the p value that of the t test" in told
    assert not notes(differing(skewed - between), ci="normal")


def test_rows_needed_are_those_of_the_normal_power_formula(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    base, cand = losses(frames)
    beyond = cand - base - 0.02 * base
    found = total(frames, "mae").rows_needed(0.0, 0.02, level=0.95, power=0.8)
    wanted = stats.norm.ppf(0.95) + stats.norm.ppf(0.8)
    assert found == int(np.ceil((wanted * beyond.std(ddof=1) / beyond.mean()) ** 2))


def estimate(diff: float, variance: float, base: float = 1.0) -> JointEstimate:
    """An estimate whose baseline does not vary."""
    from fractions import Fraction

    zero, one = Fraction(0), Fraction(1)
    return JointEstimate(Fraction(base), Fraction(diff), zero, Fraction(variance), zero, one, one, 9, 10)


def line(diff: float, variance: float, base: float = 1.0) -> Difference:
    return Difference("total", {}, 10, base, base + diff, diff, diff / base, estimate=estimate(diff, variance, base))


def test_identical_differences_are_certain_and_none_is_no_evidence() -> None:
    always, never = line(0.5, 0.0), line(0.0, 0.0)
    assert (always.harm(0.4), always.safety(0.4)) == (0.0, 1.0)
    assert (always.harm(0.6), always.safety(0.6)) == (1.0, 0.0)
    assert (never.harm(), never.safety()) == (1.0, 1.0)
    assert (never.harm(0.1), never.safety(0.1)) == (1.0, 0.0)
    assert (never.rows_needed(0.0, 0.0), always.rows_needed(0.4, 0.0)) == (None, 2)


def test_a_relative_margin_of_a_negative_baseline_is_of_its_size() -> None:
    one = line(0.05, 0.01, base=-1.0)
    np.testing.assert_allclose(one.harm(0.0, 0.02), stats.t.sf(0.03 / 0.1, 9), rtol=1e-12)


def test_few_rows_are_said_to_be_few(frames: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    one = [frame.iloc[:1] for frame in frames]
    found = total(one, "mae")
    assert (found.status, found.p, found.ci, found.verdict) == ("too_few", None, None, "untested")
    assert found.diff is not None
    some = losscli.compare(*(frame.iloc[:20] for frame in frames), loss="mae").candidates[0].results[0]
    assert [note.code for note in some.notes] == ["few_rows"]


def test_the_interval_is_skewness_corrected_where_there_are_rows_to_tell(
    frames: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    few, more = ([frame.iloc[:count] for frame in frames] for count in (29, 30))
    assert total(few, "mae").ci == total(few, "mae", ci="normal").ci
    assert total(more, "mae").ci != total(more, "mae", ci="normal").ci


def test_heavy_tails_are_flagged() -> None:
    rng = np.random.default_rng(3)
    y = np.zeros(200)
    base, cand = (pd.DataFrame({"y_true": y, "y_pred": rng.lognormal(0, s, 200)}) for s in (1.0, 2.5))
    result = losscli.compare(base, cand, loss="mse").candidates[0].results[0]
    assert [note.code for note in result.notes] == ["heavy_tailed"]


def test_losses_beyond_float64_are_an_overflow() -> None:
    base = pd.DataFrame({"y_true": [0.0, 0.0], "y_pred": [1.0, 2.0]})
    cand = pd.DataFrame({"y_true": [0.0, 0.0], "y_pred": [1e200, 2.0]})
    found = total((base, cand), "mse")
    assert (found.status, found.diff, found.verdict) == ("overflow", None, "untested")
