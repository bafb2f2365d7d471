"""Losses that no framework has under their name, against what defines them."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from scipy import integrate, stats

import losscli


@pytest.mark.parametrize(
    ("name", "forecast"),
    [("crps_laplace", stats.laplace), ("crps_logistic", stats.logistic)],
    ids=["crps_laplace", "crps_logistic"],
)
@pytest.mark.parametrize("truth", [-7.5, 0.3, 1.0, 4.0])
def test_crps_is_the_integral_that_defines_it(name: str, forecast: stats.rv_continuous, truth: float) -> None:
    # Matheson & Winkler (1976), doi:10.1287/mnsc.22.10.1087: the squared distance of the two distribution functions.
    below, _ = integrate.quad(lambda x: forecast.cdf(x, 0.5, 1.7) ** 2, -200, truth, limit=500, epsabs=1e-13)
    above, _ = integrate.quad(lambda x: forecast.sf(x, 0.5, 1.7) ** 2, truth, 200, limit=500, epsabs=1e-13)
    np.testing.assert_allclose(losscli.loss(name)([truth], [0.5], [1.7]), below + above, rtol=1e-9)


def test_inverse_gaussian_deviance_is_twice_the_lost_likelihood() -> None:
    rng = np.random.default_rng(0)
    truth, mean = rng.lognormal(size=50), rng.lognormal(size=50)
    lost = stats.invgauss.logpdf(truth, mu=truth) - stats.invgauss.logpdf(truth, mu=mean)
    rows = losscli.loss("inverse_gaussian_deviance")(truth, mean, reduction="none")
    np.testing.assert_allclose(rows, 2 * lost, rtol=1e-9, atol=1e-13)
    np.testing.assert_allclose(
        rows, losscli.loss("tweedie_deviance", power=3)(truth, mean, reduction="none"), rtol=1e-12
    )


@pytest.mark.parametrize("asymmetry", [-2.0, 0.25, 1.0])
@pytest.mark.parametrize("error", [1e-12, -3e-5, 0.4999, 0.5001, -4.0, 30.0])
def test_linex_has_all_its_digits(asymmetry: float, error: float) -> None:
    with localcontext() as context:
        context.prec = 60
        scaled = Decimal(asymmetry * error)
        exact = float(scaled.exp() - scaled - 1)
    np.testing.assert_allclose(losscli.loss("linex", asymmetry=asymmetry)([0.0], [error]), exact, rtol=1e-14)


@pytest.mark.parametrize(("name", "joint"), [("berhu", {"delta": 2.5}), ("wing", {"width": 2.5})])
def test_pieces_meet_at_the_joint(name: str, joint: dict[str, float]) -> None:
    loss = losscli.loss(name, **joint)
    near = loss([0.0, 0.0], [np.nextafter(2.5, 0), np.nextafter(2.5, 9)], reduction="none")
    np.testing.assert_allclose(near[0], near[1], rtol=1e-15)


def test_berhu_and_huber_mirror_each_other() -> None:
    errors = np.array([0.0, 0.1, 0.9, 1.0, 1.1, 8.0])
    zeros = np.zeros_like(errors)
    berhu = losscli.loss("berhu")(zeros, errors, reduction="none")
    np.testing.assert_array_equal(berhu[errors <= 1], errors[errors <= 1])
    np.testing.assert_allclose(berhu[errors > 1], (errors[errors > 1] ** 2 + 1) / 2, rtol=1e-15)


def test_wing_is_the_formula_of_its_paper() -> None:
    # Feng et al. (2018), equation 5, at w = 10 and epsilon = 2.
    constant = 10 - 10 * math.log(1 + 10 / 2)
    rows = losscli.loss("wing")([0.0, 0.0], [4.0, 25.0], reduction="none")
    np.testing.assert_allclose(rows, [10 * math.log(1 + 4 / 2), 25 - constant], rtol=1e-15)


def test_total_variation_is_the_largest_difference_of_an_event() -> None:
    one, other = np.array([0.5, 0.2, 0.2, 0.1]), np.array([0.1, 0.4, 0.1, 0.4])
    events = (np.arange(16)[:, None] >> np.arange(4)) & 1
    largest = np.abs(events @ (one - other)).max()
    np.testing.assert_allclose(losscli.loss("total_variation")([one], [other]), largest, rtol=1e-15)


def test_the_catalogue_has_at_least_95_losses() -> None:
    assert len(losscli.losses()) >= 95
