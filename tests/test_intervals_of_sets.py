"""Standard errors and intervals of set-level losses, by the delta method."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest

import losscli
from losscli.summary.covariance import gradient
from losscli.summary.sums import ContributionSums

ROWS = 900
NAMES = [loss.name for loss in losscli.losses() if loss.is_set_level and not loss.is_penalty]


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Predictions that are both a probability of a label and a regression of it."""
    rng = np.random.default_rng(5)
    label = rng.integers(0, 2, ROWS)
    return pd.DataFrame(
        {
            "y_true": label,
            "y_pred": np.clip(0.5 + 0.25 * (2 * label - 1) + 0.2 * rng.normal(size=ROWS), 0.01, 0.99),
            "w": rng.exponential(size=ROWS),
            "g": rng.choice(["a", "b"], ROWS),
        }
    )


def jackknife(values: np.ndarray) -> float:
    """The standard error from the values without each row in turn (Efron 1982, section 3.1)."""
    count = len(values)
    return float(np.sqrt((count - 1) / count * ((values - values.mean()) ** 2).sum()))


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("name", NAMES)
def test_the_error_is_that_of_the_jackknife(frame: pd.DataFrame, name: str, weighted: bool) -> None:
    loss = losscli.loss(name)
    rows = frame.iloc[:300]
    without = [
        loss(part.y_true, part.y_pred, sample_weight=part.w if weighted else None)
        for part in (rows.drop(index=row) for row in rows.index)
    ]
    options: dict[str, Any] = {"weight": "w"} if weighted else {}
    found = losscli.evaluate(rows, loss=name, ci="normal", **options).results[0].total
    # They differ in the second order of 1/n.
    np.testing.assert_allclose(found.sem, jackknife(np.array(without)), rtol=0.02)
    assert found.ci is not None and found.sem is not None and found.loss is not None
    np.testing.assert_allclose(
        found.ci, [found.loss - 1.959964 * found.sem, found.loss + 1.959964 * found.sem], rtol=1e-6
    )


def test_a_ratio_of_sums_has_the_error_of_its_linear_form(frame: pd.DataFrame) -> None:
    # R = sum |e| / sum |y|, whose rows have the influence (|e_i| - R |y_i|) / sum |y|.
    error, size = np.abs(frame.y_true - frame.y_pred), np.abs(frame.y_true)
    ratio = error.sum() / size.sum()
    influence = (error - ratio * size) / size.sum()
    expected = np.sqrt(ROWS / (ROWS - 1) * (influence**2).sum())
    found = losscli.evaluate(frame, loss="weighted_absolute_percentage_error").results[0].total
    np.testing.assert_allclose(found.sem, expected, rtol=1e-7)


def test_slices_have_errors_of_their_own_rows(frame: pd.DataFrame) -> None:
    result = losscli.evaluate(frame, loss="dice", by="g").results[0]
    for row in result.slices:
        alone = losscli.evaluate(frame[frame.g == row.key["g"]], loss="dice").results[0].total
        assert (row.sem, row.ci) == (alone.sem, alone.ci)


def test_one_row_has_no_error(frame: pd.DataFrame) -> None:
    found = losscli.evaluate(frame.iloc[:1], loss="dice").results[0].total
    assert (found.status, found.sem, found.ci) == ("too_few", None, None)


def test_rows_without_spread_have_the_error_zero() -> None:
    same = pd.DataFrame({"y_true": [2.0] * 5, "y_pred": [3.0] * 5})
    found = losscli.evaluate(same, loss="weighted_absolute_percentage_error").results[0].total
    assert (found.loss, found.sem, found.ci) == (0.5, 0.0, (0.5, 0.5))


def test_a_penalty_is_no_estimate(frame: pd.DataFrame) -> None:
    found = losscli.evaluate(frame, loss="l2_penalty:factor=0.1", columns={"penalty": "y_pred"}).results[0].total
    assert (found.sem, found.ci) == (None, None)


def test_a_merged_state_has_the_interval_of_one_pass(frame: pd.DataFrame, tmp_path: Any) -> None:
    for place, part in enumerate((frame.iloc[:400], frame.iloc[400:])):
        losscli.evaluate(part, loss="dice", weight="w", by="g").save(tmp_path / f"{place}.state")
    merged = losscli.merge([tmp_path / "0.state", tmp_path / "1.state"])
    once = losscli.evaluate(frame, loss="dice", weight="w", by="g")
    assert merged.to_dict()["results"] == once.to_dict()["results"]


def test_the_variance_of_a_sum_is_that_about_its_mean() -> None:
    # For the sum itself, with the slope 1, the rows' influences do not add up to 0.
    values = np.array([1.0, 2.0, 4.0, 8.0])
    sums = ContributionSums(1, spread=True)
    sums.update([values], None, None, 1)
    moments = sums.moments(None)
    assert moments is not None
    variance = moments.variance((Fraction(1), Fraction(0)))
    assert variance is not None
    np.testing.assert_allclose(float(variance), 4 * values.var(ddof=1), rtol=1e-14)


def test_gradients_are_those_of_calculus() -> None:
    slopes = gradient(lambda point: point[0] ** 2 / point[1], [3.0, 5.0], [1.0, 1.0])
    np.testing.assert_allclose(slopes, [6.0 / 5.0, -9.0 / 25.0], rtol=1e-9)
    # A sum that is 0 is moved by a part of what rows contribute; one to which nothing contributes is not moved.
    np.testing.assert_allclose(gradient(lambda point: 4.0 * point[0], [0.0], [2.0]), [4.0], rtol=1e-9)
    assert gradient(lambda point: None if point[0] else 1.0, [0.0], [0.0]) == [0.0]
    assert gradient(lambda point: None if point[0] > 1 else 1.0, [1.0], [1.0]) is None
