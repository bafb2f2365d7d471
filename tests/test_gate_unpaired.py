"""A saved state as the baseline of a gate: Welch's test, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import scipy.stats

import losscli
from losscli.errors import InputError
from losscli.gates.verdicts import Verdict


@pytest.fixture
def rows() -> dict[str, Any]:
    rng = np.random.default_rng(5)
    return {"y_true": np.zeros(300), "y_pred": rng.gamma(2.0, 1.0, 300), "slice": np.repeat(["a", "b", "c"], 100)}


def state(tmp_path: Path, rows: dict[str, Any], **options: Any) -> str:
    """The state of the baseline."""
    path = str(tmp_path / "base.state")
    losscli.evaluate(pa.table(rows), **{"loss": "mae", "by": "slice", **options}).save(path)
    return path


def test_the_test_is_that_of_welch(tmp_path: Path, rows: dict[str, Any]) -> None:
    base = state(tmp_path, rows)
    rng = np.random.default_rng(6)
    cand = {**rows, "y_pred": rng.gamma(2.0, 1.5, 300)}
    report = losscli.gate(
        pa.table(cand), loss="mae", baseline=base, rules=["max_increase=0.2,by=slice", "max_increase=0.2"]
    )
    for _, check in report.checks():
        chosen = slice(None) if check.level == "total" else rows["slice"] == check.key["slice"]
        ours, theirs = cand["y_pred"][chosen], rows["y_pred"][chosen]
        welch = scipy.stats.ttest_ind(ours - 0.2, theirs, equal_var=False, alternative="greater")
        # The degrees of freedom are the next whole number below Welch's.
        np.testing.assert_allclose(check.p, scipy.stats.t.sf(welch.statistic, np.floor(welch.df)), rtol=1e-9)
        np.testing.assert_allclose(check.diff, ours.mean() - theirs.mean(), rtol=1e-12)
    # A relative limit: the baseline in it is as uncertain as the one in the difference.
    (check,) = losscli.gate(pa.table(cand), loss="mae", baseline=base, rules="max_increase=20%").rules[0].checks
    welch = scipy.stats.ttest_ind(cand["y_pred"], 1.2 * rows["y_pred"], equal_var=False, alternative="greater")
    np.testing.assert_allclose(scipy.stats.t.isf(check.p, 500), welch.statistic, rtol=0.01)
    assert report.pairing is not None
    assert report.pairing.startswith("not paired")
    assert any("not paired" in warning for warning in report.warnings)
    assert report.verdict is Verdict.FAIL


def test_a_slice_that_was_not_saved_is_inconclusive(tmp_path: Path, rows: dict[str, Any]) -> None:
    base = state(tmp_path, rows)
    cand = {**rows, "y_pred": rows["y_pred"] + 0.01, "slice": np.repeat(["a", "b", "new"], 100)}
    report = losscli.gate(pa.table(cand), loss="mae", baseline=base, rules="max_increase=1,by=slice")
    found = {check.key["slice"]: check for _, check in report.checks()}
    assert {key: check.verdict for key, check in found.items()} == {
        "a": Verdict.PASS,
        "b": Verdict.PASS,
        "new": Verdict.INCONCLUSIVE,
    }
    assert found["new"].reason == "the baseline has no such rows"


def test_a_loss_that_is_no_mean_of_rows_is_compared_by_its_points(tmp_path: Path, rows: dict[str, Any]) -> None:
    base = state(tmp_path, rows, loss="rmse")
    cand = pa.table({**rows, "y_pred": rows["y_pred"] * 2})
    options = {"loss": "rmse", "baseline": base}
    (check,) = losscli.gate(cand, rules="max_increase=1%", **options).rules[0].checks
    assert (check.verdict, check.p) == (Verdict.INCONCLUSIVE, None)
    assert losscli.gate(cand, rules="max_increase=1%,test=point", **options).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("options", "rules", "problem"),
    [
        ({"loss": "mse"}, "max_increase=1", "no loss of the signature mean_absolute_error"),
        ({"by": None}, "max_increase=1,by=slice", "no slices by slice"),
        ({"where": "slice != 'a'"}, "max_increase=1", "saved where slice != 'a'"),
        ({}, "max_increase=1,where=slice != 'a'", "saved without a filter"),
    ],
)
def test_a_state_of_something_else_is_refused(
    tmp_path: Path, rows: dict[str, Any], options: dict[str, Any], rules: str, problem: str
) -> None:
    base = state(tmp_path, rows, **options)
    cand = pa.table({**rows, "y_pred": rows["y_pred"] + 0.1})
    with pytest.raises(InputError, match=problem):
        losscli.gate(cand, loss="mae", baseline=base, rules=rules)


def test_the_state_of_the_candidate_is_no_baseline(tmp_path: Path, rows: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="every statistic of mae is that of the candidate"):
        losscli.gate(pa.table(rows), loss="mae", baseline=state(tmp_path, rows), rules="max_increase=1")


@pytest.mark.parametrize("count", [60, 20_000])
def test_two_models_with_as_many_errors_are_not_one(tmp_path: Path, count: int) -> None:
    labels = np.arange(count) % 2
    misses = np.arange(count) % 10
    base, cand = ({"y_true": labels, "y_pred": np.where(misses == miss, 1 - labels, labels)} for miss in (3, 5))
    saved = state(tmp_path, base, loss="zero_one", by=None)
    report = losscli.gate(pa.table(cand), loss="zero_one", baseline=saved, rules="max_increase=0.2")
    assert report.verdict is Verdict.PASS
    assert any("every statistic of zero_one is that of the candidate" in warning for warning in report.warnings)
