"""The script that simulates the coverage of intervals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from losscli.simulations.coverage import DISTRIBUTIONS, METHODS, SIZES, coverage, intervals, table

NORMAL, _, _, LOGNORMAL, _ = DISTRIBUTIONS


def test_normal_losses_are_covered_as_often_as_promised() -> None:
    runs = 300
    found = coverage(NORMAL, 200, runs, seed=3)
    for method in METHODS:
        # Outside of this with a probability of 1 in 10,000, were the coverage 95 %.
        low, high = stats.binom.ppf([5e-5, 1 - 5e-5], runs, 0.95) / runs
        assert low <= found[method] <= high


def test_skewed_losses_are_covered_better_with_the_correction() -> None:
    found = coverage(LOGNORMAL, 40, 300, seed=3)
    assert found["hall"] > found["bootstrap"] > found["normal"]


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=lambda one: one.name)
def test_the_stated_mean_is_that_of_the_draws(distribution: object) -> None:
    one = next(each for each in DISTRIBUTIONS if each is distribution)
    values = one.draw(np.random.default_rng(1), 400_000)
    np.testing.assert_allclose(values.mean(), one.mean, atol=5 * values.std() / np.sqrt(values.size))


def test_every_method_gives_an_interval_around_the_mean() -> None:
    values = np.random.default_rng(2).exponential(size=50)
    for interval in intervals(values).values():
        assert interval is not None
        assert interval[0] < values.mean() < interval[1]


def test_the_table_has_a_line_for_each_kind() -> None:
    assert len(list(table(runs=1, seed=0))) == 2 + len(DISTRIBUTIONS) * len(SIZES)
