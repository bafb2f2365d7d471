"""Student's t distribution against SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import special, stats

from losscli.summary.student import _gamma_ratio, normal_tail, student_quantile, student_tail, student_two_sided

FREEDOMS = (1.0, 2.0, 2.5, 3.0, 5.0, 10.0, 29.0, 99.0, 999.0, 9_999.0, 10_001.0, 123_456.0, 1e7, 1e9)


@pytest.mark.parametrize("freedom", FREEDOMS)
def test_tail_agrees_with_scipy(freedom: float) -> None:
    points = [0.001, 0.1, 0.5, 1.0, 1.5, 1.96, 2.5, 3.0, 5.0, 8.0, 12.0, 30.0]
    expected = stats.t.sf(points, freedom)
    # SciPy itself is right to 2e-12 only at 1e5 degrees of freedom and a tail of 1e-3.
    np.testing.assert_allclose([student_tail(t, freedom) for t in points], expected, rtol=5e-12)


@pytest.mark.parametrize("freedom", FREEDOMS)
def test_quantile_agrees_with_scipy(freedom: float) -> None:
    shares = [1e-10, 1e-4, 0.01, 0.025, 0.3, 0.5, 0.7, 0.95, 0.975, 0.999]
    expected = stats.t.ppf(shares, freedom)
    np.testing.assert_allclose([student_quantile(p, freedom) for p in shares], expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("a", [0.5, 3.0, 99.9, 100.1, 250.0])
def test_ratio_of_gamma_functions_is_the_same_on_both_sides_of_the_series(a: float) -> None:
    np.testing.assert_allclose(_gamma_ratio(a), special.poch(a, 0.5), rtol=5e-13)


def test_one_degree_of_freedom_is_the_cauchy_distribution() -> None:
    # P(T >= t) = 1/2 - arctan(t) / pi, which SciPy misses by 3e-9 at 1e-8.
    for t in (1e-8, 0.3, 1.0, 40.0, 1e6):
        np.testing.assert_allclose(student_tail(t, 1.0), math.atan(1.0 / t) / math.pi, rtol=1e-13)


def test_infinite_degrees_of_freedom_are_the_normal_distribution() -> None:
    for z in (-3.0, 0.0, 1.0, 9.0):
        np.testing.assert_allclose(student_tail(z, math.inf), normal_tail(z), rtol=0)
        np.testing.assert_allclose(normal_tail(z), stats.norm.sf(z), rtol=1e-14)
    np.testing.assert_allclose(student_quantile(0.975, math.inf), stats.norm.ppf(0.975), rtol=1e-14)


def test_tails_are_symmetric_and_end_at_zero() -> None:
    np.testing.assert_allclose(student_tail(-1.3, 7) + student_tail(1.3, 7), 1.0, rtol=1e-15)
    assert (student_tail(math.inf, 4), student_tail(-math.inf, 4)) == (0.0, 1.0)
    assert student_two_sided(0.0, 4) == 1.0


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, math.nan])
def test_quantile_refuses_what_is_no_probability(share: float) -> None:
    with pytest.raises(ValueError, match="a probability"):
        student_quantile(share, 3)
