"""How a gate pairs the rows of its baseline: clusters, and rows that one of both files lacks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

import losscli
from losscli.errors import InputError, UsageError
from losscli.gates.configuration import parse_configuration
from losscli.gates.verdicts import Verdict
from losscli.renderers import RenderOptions
from losscli.reports import find_report

RULES = ["max_increase=1%", "max_increase=0,by=region"]


@pytest.fixture(scope="module")
def models() -> tuple[pd.DataFrame, pd.DataFrame]:
    """A baseline and a candidate whose losses depend on each other within 40 users."""
    rng = np.random.default_rng(11)
    user = rng.integers(0, 40, 1_200)
    errors = rng.gamma(4.0, 0.25, 1_200)
    shared = {"id": np.arange(1_200), "user": user, "region": np.where(user % 3, "north", "south"), "y_true": 0.0}
    drift = rng.normal(0.05, 0.15, 40)[user]
    return pd.DataFrame({**shared, "y_pred": errors}), pd.DataFrame({**shared, "y_pred": errors + drift + 1.0})


def gate(models: tuple[pd.DataFrame, pd.DataFrame], **options: Any) -> losscli.GateReport:
    base, cand = models
    return losscli.gate(cand, **{"loss": "mae", "rules": RULES, "baseline": base, "id": "id", **options})


def test_clusters_of_a_gate_equal_statsmodels(models: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    base, cand = models
    report = gate(models, cluster="user")
    (total, *slices) = [check for _, check in report.checks()]
    for check, rows, share in [
        (total, slice(None), 0.01),
        *((one, base.region == one.key["region"], 0.0) for one in slices),
    ]:
        beyond = (cand.y_pred.abs() - (1 + share) * base.y_pred.abs())[rows]
        options = {"groups": base.user[rows]}
        fit = sm.OLS(beyond, np.ones(len(beyond))).fit(cov_type="cluster", cov_kwds=options, use_t=True)
        # One-sided: the change lies above the limit.
        np.testing.assert_allclose(check.p, np.asarray(fit.pvalues)[0] / 2, rtol=1e-10)
    assert report.to_dict()["stats"]["cluster"] == "user"
    assert "clustered by user" in find_report("table").render(report, RenderOptions())
    assert gate(models).to_dict()["stats"]["cluster"] is None


def test_a_slice_of_one_cluster_says_why_it_is_not_tested(models: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    report = gate(models, rules="max_increase=0,by=region", cluster="region")
    assert {check.verdict for _, check in report.checks()} == {Verdict.INCONCLUSIVE}
    assert all("; too few rows or clusters for a test, " in check.reason for _, check in report.checks())


def test_rows_without_a_partner_are_refused_or_left_out_and_told(models: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    base, cand = models
    fewer = base.iloc[2:], cand.iloc[:-1]
    with pytest.raises(InputError, match="rows with a key"):
        gate(fewer)
    report = gate(fewer, allow_missing=True)
    assert next(check.count for _, check in report.checks()) == 1_197
    told = "left out of the rules against the baseline:"
    assert list(report.warnings) == [f"{told} 1 row only in the baseline", f"{told} 2 rows only in the candidate"]


def test_the_configuration_says_both_and_the_call_wins(
    tmp_path: Any, models: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    text = '[loss]\nname="mae"\n[stats]\ncluster="user"\n[baseline]\nallow_missing=true\n[[rule]]\nmax_increase=9\n'
    read = parse_configuration(text)
    assert (read.cluster, read.allow_missing) == ("user", True)
    (tmp_path / "losscli.toml").write_text(text)
    base, cand = models
    known = {"config": str(tmp_path / "losscli.toml"), "baseline": base.iloc[2:], "id": "id"}
    assert losscli.gate(cand, **known).verdict is Verdict.PASS
    assert losscli.gate(cand, cluster="region", **known).statistics.cluster == "region"
    with pytest.raises(InputError):
        losscli.gate(cand, allow_missing=False, **known)
    with pytest.raises(UsageError, match=r"allow_missing = maybe|allow_missing"):
        losscli.gate(cand, allow_missing="maybe", **known)


def test_a_state_has_no_clusters(tmp_path: Any, models: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    base, cand = models
    path = str(tmp_path / "base.state")
    losscli.evaluate(base, loss="mae").save(path)
    with pytest.raises(UsageError, match="a saved state has no rows, so there are no clusters by user"):
        losscli.gate(cand, loss="mae", rules="max_increase=9", baseline=path, cluster="user")
