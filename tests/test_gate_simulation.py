"""The simulation of gates: its models are equal, and its table says what the decisions were."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from losscli.simulations import gates


def test_the_models_are_equal_and_correlated() -> None:
    base, cand = gates.losses(np.random.default_rng(0), 200_000)
    # Exponential: mean 1, variance 1; with 200,000 rows both are known to better than 1 %.
    for values in (base, cand):
        np.testing.assert_allclose([values.mean(), values.var()], [1.0, 1.0], atol=0.03)
    np.testing.assert_allclose(np.corrcoef(base, cand)[0, 1], gates.CORRELATION, atol=0.01)


def test_corrections_raise_fewer_alarms_than_points_and_every_way_is_in_the_table(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = list(gates.simulated(runs=5, slices=6, rows=300, seed=1))
    assert [(name, limit) for name, limit, *_ in rows] == [
        (strategy.name, limit) for strategy in gates.STRATEGIES for limit in gates.LIMITS
    ]
    alarms = {strategy: alarm for (strategy, limit, alarm, _) in rows if limit == "0%"}
    corrected, _, uncorrected, points = (alarms[strategy.name] for strategy in gates.STRATEGIES)
    assert corrected <= uncorrected <= points
    assert points == 1.0
    gates.main(["--runs", "5", "--slices", "6", "--rows", "300", "--seed", "1"])
    assert gates.markdown(rows, 5) in capsys.readouterr().out


@pytest.mark.parametrize("count", [0, 6, 100, 200])
def test_shares_have_the_interval_of_wilson(count: int) -> None:
    low, high = scipy.stats.binomtest(count, 200).proportion_ci(method="wilson")
    share = f"{count / 200:.1%} ({low:.1%} to {high:.1%})"
    assert gates.markdown([("a", "0%", count / 200, 0.5)], 200).splitlines()[-1].startswith(f"| a | 0% | {share} | ")
