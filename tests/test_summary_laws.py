"""Accumulators say the same of the same rows, however these arrive."""

from __future__ import annotations

import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from losscli.summary import ExactSums, LossSummary
from losscli.summary import blocks as blocks_module
from losscli.summary.blocks import ROWS_PER_BLOCK
from losscli.summary.exact import exact_sum, round_fraction, round_root
from losscli.summary.sums import ContributionSums

QUICK = settings(derandomize=True, max_examples=60, deadline=None)

ordinary = st.floats(-1e6, 1e6, allow_subnormal=False)
anything = st.one_of(
    ordinary,
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 5e-324, -5e-324, 2.0**-1022, 1e-170, 1e170, 1.7e308, -1.7e308, 1.0]),
)
weight = st.one_of(st.just(0.0), st.floats(0.0, 10.0), st.sampled_from([1.0, 1e-200, 1e200]))


@st.composite
def tables(draw: st.DrawFn, values: st.SearchStrategy[float] = anything) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values, weights and group codes of up to 40 rows in 3 groups."""
    rows = draw(st.lists(st.tuples(values, weight, st.integers(0, 2)), max_size=40))
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    return np.array(columns[0], float), np.array(columns[1], float), np.array(columns[2], np.intp)


def summarise(values, weights, codes, *, weighted, grouped=True, groups=3):
    summary = LossSummary(weighted=weighted, grouped=grouped)
    summary.update(values, weights if weighted else None, codes if grouped else None, groups if grouped else 1)
    return summary


def readings(summary):
    every = [None, *range(3)]
    return [summary.statistics(group, (0.1, 0.5, 0.9, 1.0)) for group in every]


@pytest.mark.parametrize("weighted", [False, True])
@given(table=tables(), data=st.data())
@QUICK
def test_order_chunks_and_merge_trees_leave_no_trace(weighted, table, data):
    values, weights, codes = table
    expected = readings(summarise(values, weights, codes, weighted=weighted))
    order = np.array(data.draw(st.permutations(range(values.size))), np.intp)
    cuts = sorted(data.draw(st.lists(st.integers(0, values.size), max_size=4)))
    parts = []
    for piece in np.split(order, cuts):
        part = LossSummary(weighted=weighted, grouped=True)
        part.update(values[piece], weights[piece] if weighted else None, codes[piece], 3)
        parts.append(pickle.loads(pickle.dumps(part)))
    while len(parts) > 1:
        left = parts.pop(data.draw(st.integers(0, len(parts) - 1)))
        parts[data.draw(st.integers(0, len(parts) - 1))].merge(left, None)
    assert readings(parts[0]) == expected


@pytest.mark.parametrize("weighted", [False, True])
@given(table=tables(), size=st.integers(1, 7))
@QUICK
def test_block_size_leaves_no_trace(weighted, table, size):
    expected = readings(summarise(*table, weighted=weighted))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks_module, "ROWS_PER_BLOCK", size)
        assert readings(summarise(*table, weighted=weighted)) == expected


@pytest.mark.parametrize("weighted", [False, True])
@given(table=tables())
@QUICK
def test_total_of_groups_is_the_ungrouped_summary(weighted, table):
    grouped = summarise(*table, weighted=weighted)
    whole = summarise(*table, weighted=weighted, grouped=False)
    assert grouped.statistics(None) == whole.statistics(None) == whole.statistics(0)


@pytest.mark.parametrize("weighted", [False, True])
def test_laws_hold_for_more_rows_than_a_block(weighted):
    rng = np.random.default_rng(7)
    rows = 3 * ROWS_PER_BLOCK + 11
    values, weights, codes = rng.normal(1.0, 2.0, rows), rng.exponential(1.0, rows), rng.integers(0, 3, rows)
    expected = readings(summarise(values, weights, codes, weighted=weighted))
    order = rng.permutation(rows)
    left, right = order[: rows // 3], order[rows // 3 :]
    merged = summarise(values[left], weights[left], codes[left], weighted=weighted)
    merged.merge(summarise(values[right], weights[right], codes[right], weighted=weighted), None)
    assert readings(merged) == expected
    whole = summarise(values, weights, codes, weighted=weighted, grouped=False)
    assert whole.statistics(None) == merged.statistics(None)


def test_merge_maps_groups_and_lets_them_grow():
    summary = summarise(np.array([1.0]), None, np.array([0]), weighted=False, groups=1)
    other = summarise(np.array([2.0, 3.0]), None, np.array([0, 1]), weighted=False, groups=2)
    summary.merge(other, np.array([4, 0]))
    assert summary.statistics(0).sum == 1.0 + 3.0
    assert summary.statistics(4).sum == 2.0
    assert summary.statistics(2).status == "absent"
    with pytest.raises(ValueError, match="distinct group"):
        summary.merge(other, np.array([1, 1]))


@given(table=tables())
@QUICK
def test_sums_are_exact(table):
    values, _, codes = table
    sums = ExactSums(2)
    sums.update([values, -values], codes, 3)
    for group in range(3):
        expected = sum(map(Fraction, values[codes == group].tolist()), Fraction(0))
        assert sums.total(group, 0) == expected == -sums.total(group, 1)
    assert sums.total(None, 0) == exact_sum(values) == sum(map(Fraction, values.tolist()), Fraction(0))


@given(table=tables(), data=st.data())
@QUICK
def test_contributions_are_weighted_exactly(table, data):
    values, weights, codes = table
    cut = data.draw(st.integers(0, values.size))
    merged = ContributionSums(2)
    for part in (slice(0, cut), slice(cut, None)):
        sums = ContributionSums(2)
        sums.update([values[part] / 4.0, np.ones(values[part].size)], weights[part], codes[part], 3)
        merged.merge(sums, None)
    for group in (None, 0, 1, 2):
        rows = slice(None) if group is None else codes == group
        pairs = zip((values[rows] / 4.0).tolist(), weights[rows].tolist(), strict=True)
        first = sum((Fraction(value) * Fraction(weight) for value, weight in pairs), Fraction(0))
        second = sum(map(Fraction, weights[rows].tolist()), Fraction(0))
        if abs(first) < Fraction(1.7e308):
            assert merged.totals(group) == (round_fraction(first), round_fraction(second))
        assert merged.weight(group) == round_fraction(second)
        assert merged.count(group) == values[rows].size


def test_unweighted_contributions_weigh_one_each():
    sums = ContributionSums(1)
    sums.update([np.array([0.5, 0.25])], None, None, 1)
    assert (sums.totals(None), sums.weight(None), sums.count(0)) == ((0.75,), 2.0, 2)


@pytest.mark.parametrize("constant", [0.1, -0.1, 1.0, 1e300, 5e-324])
def test_millions_of_equal_values_never_overflow_a_carry(constant):
    rows = 3_000_000
    values = np.full(rows, constant)
    summary = summarise(values, None, None, weighted=False, grouped=False)
    found = summary.statistics(None)
    assert found.sum == float(Fraction(constant) * rows)
    assert (found.mean, found.std, found.quantiles[0.5]) == (constant, 0.0, constant)
    assert found.root_mean_square == abs(constant)


@pytest.mark.parametrize("grouped", [False, True])
def test_merging_full_blocks_never_overflows(grouped):
    # The low bits of this value are all ones: no other adds more to its cell.
    value, rows, parts = math.nextafter(1.125, 0.0), 32_000, 5
    whole = LossSummary(weighted=False, grouped=grouped)
    for _ in range(parts):
        part = LossSummary(weighted=False, grouped=grouped)
        part.update(np.full(rows, value), None, np.zeros(rows, np.intp) if grouped else None, 1)
        whole.merge(part, None)
    assert whole.statistics(0).sum == float(Fraction(value) * rows * parts)


def test_exact_sums_carry_within_one_group_of_many():
    rng = np.random.default_rng(3)
    codes = np.where(rng.random(200_000) < 0.9, 17, rng.integers(0, 50, 200_000))
    values = rng.lognormal(0.0, 5.0, 200_000)
    sums = ExactSums(1)
    sums.update([values], codes, 50)
    # math.fsum rounds the exact sum once, by another algorithm.
    assert float(sums.total(17, 0)) == math.fsum(values[codes == 17])


@given(st.fractions(min_value=0))
@QUICK
def test_roots_are_correctly_rounded(value):
    root = Fraction(round_root(value))
    below, above = (Fraction(math.nextafter(float(root), edge)) for edge in (-math.inf, math.inf))
    assert max((root + below) / 2, Fraction(0)) ** 2 <= value <= ((root + above) / 2) ** 2


def test_rounding_beyond_float64_is_an_overflow():
    for function, value in ((round_fraction, Fraction(2) ** 1024), (round_root, Fraction(2) ** 2048)):
        with pytest.raises(OverflowError):
            function(value)
