"""Intervals for a mean."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from losscli.summary import LossSummary, confidence_interval


def test_normal_interval_is_the_textbook_one():
    z = NormalDist().inv_cdf(0.975)
    assert confidence_interval(1.0, 0.5, 3.0, 10, 0.95, "normal") == (1.0 - 0.5 * z, 1.0 + 0.5 * z)


@pytest.mark.parametrize("skewness", [None, 0.0, 1e-300])
def test_hall_without_skewness_is_normal(skewness):
    hall = confidence_interval(1.0, 0.5, skewness, 10, 0.9, "hall")
    assert hall == confidence_interval(1.0, 0.5, None, 10, 0.9, "normal")


@pytest.mark.parametrize("skewness", [-40.0, -2.0, -1e-9, 1e-9, 0.3, 2.0, 40.0])
def test_hall_bounds_solve_the_cubic(skewness):
    count, level = 25, 0.95
    low, high = confidence_interval(0.0, 1.0, skewness, count, level, "hall")
    slope = skewness / math.sqrt(count)
    for bound, probability in ((-low, 0.975), (-high, 0.025)):
        transformed = bound + slope * (bound**2 / 3 + 1 / 6) + slope**2 * bound**3 / 27
        np.testing.assert_allclose(transformed, NormalDist().inv_cdf(probability), rtol=1e-6)


def test_hall_leans_towards_the_long_tail():
    low, high = confidence_interval(0.0, 1.0, 2.0, 30, 0.95, "hall")
    assert high > -low


@pytest.mark.parametrize("count,method", [(0, "hall"), (1, "normal"), (10, "none")])
def test_no_interval(count, method):
    assert confidence_interval(0.0, 1.0, 0.0, count, 0.95, method) is None


def test_hall_covers_a_skewed_mean_better_than_normal():
    # Lognormal(0, 1.5), n = 40, 95 %: the skewness correction must win back a clear part of the lost coverage.
    rng = np.random.default_rng(11)
    truth = math.exp(1.5**2 / 2)
    hits = {"hall": 0, "normal": 0}
    for _ in range(400):
        summary = LossSummary(weighted=False, grouped=False)
        summary.update(rng.lognormal(0.0, 1.5, 40), None, None, 1)
        found = summary.statistics(None, ())
        for method in hits:
            low, high = confidence_interval(found.mean, found.sem, found.skewness, 40, 0.95, method)
            hits[method] += low <= truth <= high
    assert hits["hall"] >= hits["normal"] + 0.03 * 400
