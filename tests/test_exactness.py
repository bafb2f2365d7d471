"""Every statistic against rational arithmetic, over all of float64 and however the rows arrive.

2,000 generated tables with the fixed profile, and 100 with numbers that are
none; LOSSCLI_HYPOTHESIS=long makes 20 times as many.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from losscli.summary import GROUP_ERROR, TOTAL_ERROR, LossSummary, Statistics
from losscli.summary import readings as readings_module
from losscli.summary import sample as sample_module
from losscli.summary.exact import round_fraction, round_root

CASES = settings(max_examples=5 * settings.default.max_examples)
SHARES = (0.01, 0.25, 0.5, 0.9, 1.0)
GROUPS = 2
LARGEST = Fraction(1.7976931348623157e308)
# Errors of the sums of squares and cubes, relative to the sums of their sizes, as `powers` and `weighted` state them.
SQUARES, CUBES, WEIGHTED_SQUARES = Fraction(1, 1 << 56), Fraction(1, 1 << 50), Fraction(1, 1 << 98)
# A few roundings to float64, and room for a smallest number.
ROUNDING, LEAST = Fraction(1, 1 << 50), Fraction(1, 1 << 1074)

number = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-1e6, 1e6),
    st.sampled_from([0.0, -0.0, 5e-324, -5e-324, 1e-310, 2.0**-1022, 1e-170, -1e170, 1.7e308, -1.7e308, 1.0, 0.1]),
)
weight = st.one_of(st.just(1.0), st.floats(0.0, 10.0), st.sampled_from([0.0, 5e-324, 1e-200, 0.1, 1e200, 1e308]))
few_rows = st.lists(st.tuples(number, weight, st.integers(0, GROUPS - 1)), min_size=1, max_size=9)


def families(name: str, rng: np.random.Generator, rows: int) -> np.ndarray:
    """Losses as they are met, and as nobody would like to meet them."""
    size = 10.0 ** float(rng.integers(-300, 300))
    match name:
        case "normal":
            return rng.normal(size=rows) * size
        case "lognormal":
            return rng.lognormal(0.0, float(rng.integers(1, 40)), rows)
        case "constant":
            return np.full(rows, rng.normal() * size)
        case "mean far above std":
            return 1.0 + rng.normal(size=rows) * 10.0 ** float(rng.integers(-16, 0))
        case "almost constant":
            return np.where(rng.random(rows) < 0.1, np.nextafter(0.1, 1.0), 0.1)
        case "subnormal":
            return rng.integers(-1000, 1000, rows) * 5e-324
        case "border of subnormal":
            return 2.0**-1022 * rng.uniform(0.5, 2.0, rows)
        case "huge":
            return rng.uniform(-1.0, 1.0, rows) * 1.79e308
        case "cancelling":
            half = rng.normal(size=rows) * size
            return np.where(np.arange(rows) % 2 == 0, half, -np.roll(half, 1))
        case "zeros":
            return np.where(rng.random(rows) < 0.7, rng.choice([0.0, -0.0], rows), rng.normal(size=rows))
        case "ties":
            return rng.choice([-1.5, 0.0, 0.1, 0.30000000000000004, 1e9], rows)
        case "octants":
            # Ends of the intervals in which values are held.
            ends = 2.0 ** rng.integers(-30, 30, rows) * (1.0 + rng.integers(0, 8, rows) / 8.0)
            return np.where(rng.random(rows) < 0.5, ends, np.nextafter(ends, 0.0))
    raise AssertionError(name)


FAMILIES = (
    "normal",
    "lognormal",
    "constant",
    "mean far above std",
    "almost constant",
    "subnormal",
    "border of subnormal",
    "huge",
    "cancelling",
    "zeros",
    "ties",
    "octants",
)


class Expected:
    """The exact statistics of some rows, in integers of units of 2^-1074, which every float64 is a multiple of."""

    def __init__(self, values: Sequence[float], weights: Sequence[float] | None) -> None:
        self.values = values
        self.weights = weights
        pairs = zip([1.0] * len(values) if weights is None else weights, values, strict=True)
        # (weight, value) of the rows with a weight above 0.
        self.used = [(units(w), units(x)) for w, x in pairs if w > 0.0]
        self._sums: dict[tuple[int, int, bool], Fraction] = {}

    def sum(self, i: int, j: int, *, size: bool = False) -> Fraction:
        """The sum of ``w^i x^j``, or of its size."""
        if (i, j, size) not in self._sums:
            whole = sum(w**i * (abs(x) if size else x) ** j for w, x in self.used)
            self._sums[i, j, size] = Fraction(whole, 1 << 1074 * (i + j))
        return self._sums[i, j, size]

    def moment(self, i: int, j: int, centre: Fraction) -> Fraction:
        """The sum of ``w^i (x - centre)^j``."""
        return sum((math.comb(j, k) * (-centre) ** k * self.sum(i, j - k) for k in range(j + 1)), Fraction(0))

    def quantile(self, share: float) -> float:
        rows = sorted(self.used, key=lambda row: row[1])
        reached, wanted = 0, Fraction(repr(share))
        target = wanted.numerator * sum(w for w, _ in rows)
        for w, x in rows:
            reached += w
            if reached * wanted.denominator >= target:
                return number_of(x)
        raise AssertionError("no share is above 1")


def units(value: float) -> int:
    """A float64 as a multiple of 2^-1074."""
    whole, denominator = value.as_integer_ratio()
    return whole * ((1 << 1074) // denominator)


def number_of(whole: int) -> float:
    """The float64 of so many units."""
    return round_fraction(Fraction(whole, 1 << 1074))


def check(found: Statistics, expected: Expected, error: float | None) -> None:
    """Compare; `error` is the relative error that quantiles may have, None for exact ones."""
    rows = expected.used
    assert found.count == len(expected.values)
    if not rows:
        assert found.status in ("undefined", "absent")
        return
    n, total, first = len(rows), expected.sum(1, 0), expected.sum(1, 1)
    mean = first / total
    assert found.weight == (float(n) if expected.weights is None else rounded(total))
    assert found.sum == rounded(first)
    assert found.mean == rounded(mean)
    assert found.mean_over_count == rounded(first / len(expected.values))
    values = [x for _, x in rows]
    assert (found.minimum, found.maximum) == (number_of(min(values)), number_of(max(values)))
    check_spread(found, expected, n, total, mean)
    check_quantiles(found, expected, error)


def check_spread(found: Statistics, expected: Expected, n: int, total: Fraction, mean: Fraction) -> None:
    if n == 1 or expected.moment(1, 2, mean) == 0:
        assert (found.std, found.skewness) == ((None, None) if n == 1 else (0.0, None))
        return
    scale = Fraction(n, n - 1)
    second = expected.sum(1, 2)
    squares = SQUARES if expected.weights is None else 8 * WEIGHTED_SQUARES
    within(found.std, expected.moment(1, 2, mean) / total * scale, squares * second / total * scale)
    # What the terms of the sum may be off by when it is multiplied out.
    terms = expected.sum(2, 2) + 2 * abs(mean) * expected.sum(2, 1, size=True) + mean**2 * expected.sum(2, 0)
    influence = expected.moment(2, 2, mean)
    within(found.sem, influence * scale / total**2, squares * terms * scale / total**2)
    check_skewness(found, expected, n, mean, influence)


def check_skewness(found: Statistics, expected: Expected, n: int, mean: Fraction, influence: Fraction) -> None:
    third = expected.moment(3, 3, mean)
    spread = math.sqrt(influence / n) ** 3 if in_range(influence) and in_range(third) else 0.0
    sizes = sum(math.comb(3, k) * abs(mean) ** k * expected.sum(3, 3 - k, size=True) for k in range(4))
    noise = 2 * CUBES * sizes + 12 * SQUARES * abs(mean) * expected.sum(2, 2)
    if not spread or not in_range(noise):
        return
    if found.skewness is not None:
        # It is given where rounding can have changed it by no more than this.
        assert abs(found.skewness - float(third) / n / spread) <= 0.011 + 1e-9 * abs(found.skewness)
    else:
        assert float(noise) / n / spread > 1e-3


def check_quantiles(found: Statistics, expected: Expected, error: float | None) -> None:
    for share, value in found.quantiles.items():
        exact = expected.quantile(share)
        assert value is not None and found.minimum is not None and found.maximum is not None
        assert found.minimum <= value <= found.maximum
        if error is None:
            assert value == exact
        else:
            assert abs(Fraction(value) - Fraction(exact)) <= Fraction(error) * abs(Fraction(exact)) + LEAST


def in_range(value: Fraction) -> bool:
    return value == 0 or Fraction(1, 10**150) < abs(value) < 10**150


def rounded(value: Fraction) -> float | None:
    """The nearest float64, None beyond its range."""
    try:
        return round_fraction(value)
    except OverflowError:
        return None


def within(found: float | None, square: Fraction, error: Fraction) -> None:
    """`found` is the root of a number within `error` of `square`, rounded."""
    if found is None:
        assert square + error > LARGEST**2 * (1 - ROUNDING)
        return
    low, high = max(square - error, Fraction(0)), square + error
    assert Fraction(found) >= Fraction(round_root(low)) * (1 - ROUNDING) - LEAST if low <= LARGEST**2 else True
    if high <= LARGEST**2:
        assert Fraction(found) <= Fraction(round_root(high)) * (1 + ROUNDING) + LEAST


def summarised(
    values: np.ndarray, weights: np.ndarray | None, codes: np.ndarray | None, data: st.DataObject
) -> LossSummary:
    """The summary of rows that come in any order, in any pieces, merged by any tree."""
    rng = np.random.default_rng(data.draw(st.integers(0, 1 << 32), label="order and cuts"))
    pieces = np.array_split(rng.permutation(values.size), int(rng.integers(1, 6)))
    parts = []
    for rows in pieces:
        part = LossSummary(weighted=weights is not None, grouped=codes is not None)
        for chunk in np.array_split(rows, int(rng.integers(1, 4))):
            part.update(
                values[chunk],
                None if weights is None else weights[chunk],
                None if codes is None else codes[chunk],
                GROUPS if codes is not None else 1,
            )
        parts.append(part)
    while len(parts) > 1:
        other = parts.pop(int(rng.integers(len(parts))))
        parts[int(rng.integers(len(parts)))].merge(other, None)
    return parts[0]


def check_all(values: np.ndarray, weights: np.ndarray | None, codes: np.ndarray, data: st.DataObject) -> None:
    """All statistics of the total and of each group, with rows kept and with bins."""
    kept = data.draw(st.sampled_from([0, 10_000]), label="rows kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sample_module, "SAMPLE_ROWS", kept)
        grouped = summarised(values, weights, codes, data)
        whole = Expected(values.tolist(), None if weights is None else weights.tolist())
        check(grouped.statistics(None, SHARES), whole, None if kept else TOTAL_ERROR)
        if not kept:
            alone = summarised(values, weights, None, data)
            assert alone.statistics(None, SHARES) == grouped.statistics(None, SHARES)
        for group in range(GROUPS):
            rows = codes == group
            part = Expected(values[rows].tolist(), None if weights is None else weights[rows].tolist())
            check(grouped.statistics(group, SHARES), part, None if kept or not rows.any() else GROUP_ERROR)


@pytest.mark.parametrize("weighted", [False, True])
@given(rows=few_rows, data=st.data())
@CASES
def test_any_numbers_have_exact_statistics(weighted: bool, rows: list[Any], data: st.DataObject) -> None:
    values, weights, codes = (np.array(column) for column in zip(*rows, strict=True))
    check_all(values, weights if weighted else None, codes.astype(np.intp), data)


@pytest.mark.parametrize("weighted", [False, True])
@given(family=st.sampled_from(FAMILIES), seed=st.integers(0, 1 << 32), rows=st.sampled_from([2, 7, 40]), data=st.data())
@CASES
def test_losses_of_every_kind_have_exact_statistics(
    weighted: bool, family: str, seed: int, rows: int, data: st.DataObject
) -> None:
    rng = np.random.default_rng(seed)
    values = families(family, rng, rows)
    weights = rng.choice([0.0, 1.0, 0.1, 3.5, rng.lognormal()], rows, p=[0.1, 0.4, 0.2, 0.1, 0.2])
    check_all(values, weights if weighted else None, rng.integers(0, GROUPS, rows), data)


@pytest.mark.parametrize("weighted", [False, True])
@given(
    rows=few_rows,
    odd=st.lists(st.sampled_from([math.inf, -math.inf, math.nan]), min_size=1, max_size=3),
    data=st.data(),
)
@settings(max_examples=settings.default.max_examples // 2)
def test_numbers_that_are_none_hide_no_others(
    weighted: bool, rows: list[Any], odd: list[float], data: st.DataObject
) -> None:
    values, weights, codes = (np.array(column) for column in zip(*rows, strict=True))
    # Group 0 gets what is odd; the other must not notice.
    values, weights = np.append(values, odd), np.append(weights, np.ones(len(odd)))
    codes = np.append(codes, np.zeros(len(odd))).astype(np.intp)
    summary = summarised(values, weights if weighted else None, codes, data)
    nan, infinite = sum(map(math.isnan, odd)), sum(map(math.isinf, odd))
    for group in (None, 0):
        found = summary.statistics(group, SHARES)
        assert (found.nan, found.infinite, found.status) == (nan, infinite, "nan" if nan else "overflow")
        assert (found.mean, found.sum, found.std) == (None, None, None)
    chosen = codes == 1
    part = Expected(values[chosen].tolist(), weights[chosen].tolist() if weighted else None)
    check(summary.statistics(1, SHARES), part, None)


def test_the_rows_kept_are_looked_up_where_they_are_used() -> None:
    # The tests above turn keeping rows off; this would be in vain were the number copied into another module.
    assert not hasattr(readings_module, "SAMPLE_ROWS")
