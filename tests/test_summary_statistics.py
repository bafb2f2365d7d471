"""Statistics against exact rational arithmetic and NumPy's definitions."""

from __future__ import annotations

import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from losscli.summary import GROUP_ERROR, TOTAL_ERROR, LossSummary
from losscli.summary import sample as sample_module
from losscli.summary.exact import round_root
from losscli.summary.moments import PowerSums
from losscli.summary.octants import CellIndex, octants_of
from losscli.summary.quantiles import QuantileSketch, share
from losscli.summary.sample import SAMPLE_ROWS

QUICK = settings(derandomize=True, max_examples=60, deadline=None)
rows_of_values = st.lists(
    st.one_of(
        st.floats(-1e6, 1e6),
        st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from([0.0, -0.0, 5e-324, -1e-310, 1e-170, -1e170, 1.7e308]),
    ),
    min_size=1,
    max_size=30,
)


def statistics(values, weights=None, quantiles=(0.5, 0.9, 0.99)):
    summary = LossSummary(weighted=weights is not None, grouped=False)
    summary.update(np.array(values, float), None if weights is None else np.array(weights, float), None, 1)
    return summary.statistics(None, quantiles)


def exact_deviation(values, weights=None):
    """Sample standard deviation and standard error of the (weighted) mean, from fractions."""
    x = [Fraction(value) for value in values]
    w = [Fraction(1)] * len(x) if weights is None else [Fraction(weight) for weight in weights]
    n, total = sum(1 for weight in w if weight), sum(w)
    mean = sum(a * b for a, b in zip(w, x, strict=True)) / total
    variance = sum(a * (b - mean) ** 2 for a, b in zip(w, x, strict=True)) / total
    influence = sum(a**2 * (b - mean) ** 2 for a, b in zip(w, x, strict=True))
    scale = Fraction(n, n - 1)
    return round_root(variance * scale), round_root(influence * scale / total**2)


@given(values=rows_of_values)
@QUICK
def test_power_sums_keep_their_stated_errors(values):
    sums = PowerSums(5)
    sums.update(np.array(values), None, 1)
    totals = sums.totals(0)
    x = [Fraction(value) for value in values]
    squares, cubes = sum(v**2 for v in x), sum(v**3 for v in x)
    assert (totals.rows, totals.sum) == (len(x), sum(x))
    assert abs(totals.squares - squares) <= Fraction(1, 2**56) * squares
    assert abs(totals.cubes - cubes) <= Fraction(1, 2**50) * sum(abs(v) ** 3 for v in x)


@given(values=rows_of_values)
@QUICK
def test_sum_and_mean_are_correctly_rounded(values):
    total = sum(map(Fraction, values))
    found = statistics(values)
    if abs(total) < Fraction(1.7e308):
        assert found.sum == total.numerator / total.denominator
        mean = total / len(values)
        assert found.mean == found.mean_over_count == mean.numerator / mean.denominator
    assert (found.minimum, found.maximum) == (min(values), max(values))


@pytest.mark.parametrize("ratio", [0.0, 1.0, 1e3, 1e5, 1e7])
@pytest.mark.parametrize("weighted", [False, True])
def test_deviation_is_the_exact_one(ratio, weighted):
    rng = np.random.default_rng(5)
    values = rng.normal(ratio, 1.0, 500)
    weights = rng.exponential(1.0, 500) if weighted else None
    found = statistics(values, weights)
    std, sem = exact_deviation(values.tolist(), weights)
    # Unweighted squares err by 2^-56 of themselves, which is (mean / std)^2 times as much of the variance.
    rtol = 1e-12 if weighted else 1e-12 + 2.0**-57 * ratio**2
    np.testing.assert_allclose([found.std, found.sem], [std, sem], rtol=rtol)


def test_equal_weights_are_no_weights():
    values = np.random.default_rng(2).lognormal(0.0, 1.0, 300)
    plain, weighted = statistics(values), statistics(values, np.full(300, 0.3))
    for name in ("mean", "mean_over_count", "std", "sem", "skewness", "root_mean_square"):
        scale = 0.3 if name == "mean_over_count" else 1.0
        np.testing.assert_allclose(getattr(weighted, name), scale * getattr(plain, name), rtol=1e-12)
    assert weighted.quantiles == plain.quantiles


def test_skewness_is_the_moment_ratio():
    values = np.random.default_rng(4).exponential(1.0, 400)
    centred = values - values.mean()
    expected = (centred**3).mean() / (centred**2).mean() ** 1.5
    np.testing.assert_allclose(statistics(values).skewness, expected, rtol=1e-10)
    np.testing.assert_allclose(statistics(-values).skewness, -expected, rtol=1e-10)


def test_skewness_drowned_by_rounding_is_not_given():
    values = np.random.default_rng(4).exponential(1.0, 400)
    assert statistics(values + 1e9).skewness is None


def test_skewness_of_weighted_mean_is_that_of_its_influences():
    rng = np.random.default_rng(6)
    values, weights = rng.exponential(1.0, 400), rng.exponential(1.0, 400)
    influence = weights * (values - np.average(values, weights=weights))
    expected = (influence**3).mean() / (influence**2).mean() ** 1.5
    np.testing.assert_allclose(statistics(values, weights).skewness, expected, rtol=1e-9)


@pytest.mark.parametrize("size", [1e-170, 1e170, 5e-324, 1e-310])
@pytest.mark.parametrize("weights", [None, [2.0, 1.0, 1.0]])
def test_root_mean_square_outlives_its_squares(size, weights):
    values = [size, -size, size]
    found = statistics(values, weights)
    assert found.root_mean_square == size


@pytest.mark.parametrize("value", [0.1, -3.0, 0.0, 1e300, 5e-324])
@pytest.mark.parametrize("weights", [None, [0.1, 0.2, 0.7]])
def test_constant_has_no_spread(value, weights):
    found = statistics([value] * 3, weights)
    assert (found.std, found.sem, found.skewness, found.status) == (0.0, 0.0, None, "ok")
    assert found.mean == value


def test_zero_has_one_sign():
    found = statistics([-0.0, 0.0, -0.0])
    for number in (found.sum, found.mean, found.minimum, found.maximum, found.quantiles[0.5]):
        assert math.copysign(1.0, number) == 1.0


@pytest.mark.parametrize(
    "values,weights,status",
    [
        ([], None, "absent"),
        ([1.0], None, "too_few"),
        ([1.0, 2.0], [1.0, 0.0], "too_few"),
        ([1.0, 2.0], [0.0, 0.0], "undefined"),
        ([1.0, math.inf], None, "overflow"),
        ([1.0, math.nan, math.inf], None, "nan"),
        ([1.7e308, 1.7e308], None, "overflow"),
        ([1.0, 2.0], None, "ok"),
    ],
)
def test_status_names_what_is_missing(values, weights, status):
    assert statistics(values, weights).status == status


def test_infinite_rows_leave_ranks_and_finite_ends():
    found = statistics([1.0, 2.0, 3.0, math.inf], quantiles=(0.5, 1.0))
    assert (found.count, found.infinite, found.mean, found.sum, found.std) == (4, 1, None, None, None)
    assert (found.minimum, found.maximum, found.quantiles) == (1.0, None, {0.5: 2.0, 1.0: None})


def test_nan_rows_leave_only_counts():
    found = statistics([1.0, math.nan])
    assert (found.count, found.nan, found.weight) == (2, 1, 2.0)
    assert found.mean is found.minimum is found.quantiles[0.5] is None


def test_overflowing_sum_keeps_its_mean():
    found = statistics([1.7e308, 1.7e308])
    assert (found.sum, found.mean, found.std) == (None, 1.7e308, 0.0)


def test_rows_without_weight_count_but_carry_nothing():
    found = statistics([5.0, 1.0, 3.0], [0.0, 1.0, 1.0])
    assert (found.count, found.weight, found.mean, found.mean_over_count) == (3, 2.0, 2.0, 4.0 / 3.0)
    assert (found.minimum, found.maximum, found.quantiles[0.99]) == (1.0, 3.0, 3.0)
    np.testing.assert_allclose(found.std, statistics([1.0, 3.0]).std, rtol=1e-15)


def inverted_cdf(values, weights, p):
    order = np.argsort(values, kind="stable")
    reached, target = Fraction(0), share(p) * sum(map(Fraction, weights.tolist()))
    for row in order:
        reached += Fraction(weights[row])
        if reached >= target > 0:
            return values[row]
    return None


few_values, few_weights = st.sampled_from([-1.5, 0.0, 1.0, 2.0, 1e9]), st.sampled_from([0.0, 0.1, 0.2, 0.3, 1.0])


@given(table=st.lists(st.tuples(few_values, few_weights), min_size=1, max_size=20))
@QUICK
def test_quantiles_of_small_groups_are_exact(table):
    values, weights = map(np.array, zip(*table, strict=True))
    found = statistics(values, weights, (0.1, 0.25, 0.5, 0.6, 0.9, 1.0))
    plain = statistics(values, None, tuple(found.quantiles))
    for p, value in found.quantiles.items():
        assert value == inverted_cdf(values, weights, p)
        assert plain.quantiles[p] == inverted_cdf(values, np.ones(values.size), p)


def test_weighted_quantiles_are_exact_where_rounded_sums_mislead():
    # Whole weights make cumulative weights that equal p of the total; rounding may not push them to either side.
    rng = np.random.default_rng(12)
    values = np.arange(12.0)
    shares = tuple(k / 10 for k in range(1, 11))
    for _ in range(100):
        weights = rng.integers(1, 8, values.size).astype(float)
        found = statistics(values, weights, shares).quantiles
        assert found == {p: inverted_cdf(values, weights, p) for p in shares}


def test_quantile_share_is_the_written_decimal():
    assert statistics(np.arange(1.0, 11.0), quantiles=(0.9,)).quantiles[0.9] == 9.0
    with pytest.raises(ValueError, match="not in"):
        share(0.0)


@pytest.mark.parametrize("weighted", [False, True])
def test_sketch_keeps_its_stated_error(weighted):
    rng = np.random.default_rng(8)
    rows = 4 * SAMPLE_ROWS
    values = np.concatenate([rng.lognormal(0.0, 3.0, rows), -rng.lognormal(0.0, 1.0, rows // 4), np.zeros(99)])
    weights = rng.integers(1, 5, values.size).astype(float)
    codes = np.arange(values.size) % 2
    summary = LossSummary(weighted=weighted, grouped=True)
    summary.update(values, weights if weighted else None, codes, 2)
    repeats = weights.astype(int) if weighted else np.ones(values.size, int)
    shares = (0.01, 0.125, 0.5, 0.875, 0.99)
    for group, error in ((None, TOTAL_ERROR), (0, GROUP_ERROR), (1, GROUP_ERROR)):
        part = slice(None) if group is None else codes == group
        expected = np.quantile(np.repeat(values[part], repeats[part]), shares, method="inverted_cdf")
        found = summary.statistics(group, shares).quantiles
        np.testing.assert_allclose(list(found.values()), expected, rtol=error)


def test_quantiles_are_exact_up_to_the_sample_and_no_further():
    rng = np.random.default_rng(9)
    values = rng.lognormal(0.0, 1.0, SAMPLE_ROWS + 1)
    exact = np.quantile(values[:-1], 0.5, method="inverted_cdf")
    assert statistics(values[:-1]).quantiles[0.5] == exact
    assert statistics(values).quantiles[0.5] != np.quantile(values, 0.5, method="inverted_cdf")


@pytest.mark.parametrize("weighted", [False, True])
def test_rows_of_small_groups_may_wait_in_a_file(weighted, monkeypatch):
    monkeypatch.setattr(sample_module, "_MEMORY_ROWS", 1 << 8)
    monkeypatch.setattr(sample_module, "_COMPACT_ROWS", 1 << 6)
    rng = np.random.default_rng(13)
    values, weights = rng.lognormal(0.0, 2.0, 40_000), rng.integers(1, 5, 40_000).astype(float)
    codes = np.where(rng.random(values.size) < 0.5, 0, rng.integers(1, 7, values.size))
    parts = []
    for rows in np.array_split(np.arange(values.size), 60):
        part = LossSummary(weighted=weighted, grouped=True)
        part.update(values[rows], weights[rows] if weighted else None, codes[rows], 7)
        parts.append(pickle.loads(pickle.dumps(part)) if len(parts) % 2 else part)
    renamed = np.array([3, 1, 0, 2, 6, 5, 4])
    whole = LossSummary(weighted=weighted, grouped=True)
    for part in parts:
        whole.merge(part, renamed)
    assert whole._sample._spools
    for again in (whole, pickle.loads(pickle.dumps(whole))):
        for group in range(1, 7):
            rows = codes == group
            found = again.statistics(int(renamed[group]), (0.1, 0.5, 0.99)).quantiles
            repeats = weights[rows].astype(int) if weighted else np.ones(np.count_nonzero(rows), int)
            expected = np.quantile(np.repeat(values[rows], repeats), (0.1, 0.5, 0.99), method="inverted_cdf")
            np.testing.assert_array_equal(list(found.values()), expected)


def test_sketch_by_itself_reads_weighted_bins():
    sketch = QuantileSketch(5, weighted=True)
    sketch.update(np.array([-4.0, 0.0, 4.0]), np.array([1.0, 1.0, 2.0]), np.zeros(3, np.intp), 1)
    assert sketch.quantile(0, 0.25) == pytest.approx(-4.0, rel=GROUP_ERROR)
    assert sketch.quantile(0, 0.5) == 0.0
    assert sketch.quantile(None, 1.0) == pytest.approx(4.0, rel=GROUP_ERROR)


@given(
    values=st.lists(st.floats(allow_nan=False, allow_infinity=False).filter(bool), min_size=1, max_size=30),
    groups=st.sampled_from([1, 3, 50_000, 60_000_000 // 96]),
)
@settings(derandomize=True, max_examples=15, deadline=None)
def test_cells_far_from_the_window_are_found_again(values, groups):
    array = np.array(values)
    codes = np.arange(array.size) % min(groups, 3) + groups - min(groups, 3)
    index = CellIndex()
    first = [index.locate(octants_of(array[[row]]), codes[[row]], groups)[0] for row in range(array.size)]
    again = pickle.loads(pickle.dumps(index))
    for one in (index, again):
        np.testing.assert_array_equal(one.locate(octants_of(array), codes, groups), first)
    for group in set(codes.tolist()):
        expected = {cell for cell, code in zip(first, codes, strict=True) if code == group}
        assert set(again.cells_of(group).tolist()) == expected


def test_ten_thousand_groups_stay_small():
    rng = np.random.default_rng(10)
    groups, rows = 10_000, 400_000
    values, codes = rng.exponential(1.0, rows), rng.integers(0, groups, rows)
    values[0] = 1e-300
    sums = PowerSums(5)
    sums.update(values, codes, groups)
    state = len(pickle.dumps(sums))
    table = sums.sketch.index._table.nbytes
    # 200 MB is the budget for the sums and the sketch of 10,000 groups.
    assert state + table < 200e6
    assert sums.totals(None).sum == sum(map(Fraction, values.tolist()))
