"""Weighted power sums are the same the quick way, row by row and to the last bit."""

from __future__ import annotations

import pickle
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from losscli.summary import narrow
from losscli.summary.narrow import PRODUCTS, NarrowSums, narrow_sums
from losscli.summary.products import Factor, product_with
from losscli.summary.weighted import WeightedPowerSums

QUICK = settings(derandomize=True, max_examples=60, deadline=None)
ROWS = 4096

# Full mantissas down to beyond what is in range, and the ends of what is.
size = st.one_of(
    st.floats(2.0**-24, 1.0),
    st.builds(lambda part, exponent: part * 2.0**exponent, st.floats(0.5, 1.0), st.integers(-24, 0)),
    st.sampled_from(
        [1.0, 1.0 - 2.0**-53, 2.0**-20, 2.0**-20 * (1.0 + 2.0**-52), 2.0**-10 * (1.0 - 2.0**-53), 2.0**-21]
    ),
)
value = st.one_of(size, size.map(lambda x: -x), st.sampled_from([0.0, -0.0]))
weight = st.one_of(size, st.just(0.0))
wild = st.one_of(value, st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([5e-324, 1e-200, 1e200]))
wild_weight = st.one_of(weight, st.floats(0.0, 1e308), st.sampled_from([5e-324, 1e-200, 1e200]))


def terms(values: np.ndarray, weights: np.ndarray) -> list[list[Fraction]]:
    """What each row adds to each sum: products as they are rounded, and their corrections."""
    x, w = Factor(values), Factor(weights)
    wx, w2 = w.times(x), w.times(w)
    wx2, w2x = product_with(Factor(wx[0]), wx[1], x), product_with(Factor(wx[0]), wx[1], w)
    w2x2 = product_with(Factor(w2x[0]), w2x[1], x)
    pairs = [(weights,), wx, w2, wx2, w2x, w2x2]
    pairs += [(w2[0] * weights,), (w2[0] * wx[0],), (w2x[0] * wx[0],), (w2x2[0] * wx[0],)]
    return [
        [sum(map(Fraction, parts), Fraction(0)) for parts in zip(*map(np.ndarray.tolist, pair), strict=True)]
        for pair in pairs
    ]


def sums_of(found: NarrowSums, codes: np.ndarray | None = None) -> dict[int, list[Fraction]]:
    """What has been added to each product of each group."""
    sums = {group: [Fraction(0)] * len(PRODUCTS) for group in found.groups.tolist()}
    for digits, unit, term in zip(found.digits.tolist(), found.units, found.terms, strict=True):
        for digit, group in zip(digits, found.groups.tolist(), strict=True):
            sums[group][term] += digit * Fraction(2) ** unit
    for term, rows, rests in found.rests:
        for row, rest in zip(rows.tolist(), rests.tolist(), strict=True):
            sums[0 if codes is None else int(codes[row])][term] += Fraction(rest)
    return sums


@given(
    rows=st.lists(st.tuples(value, weight), min_size=1, max_size=12),
    exponents=st.tuples(st.integers(-60, 60), st.integers(-60, 60)),
    seed=st.integers(0, 1 << 32),
    extra=st.integers(0, 3000),
    grouped=st.sampled_from([None, 1, 3, 40]),
)
@QUICK
def test_sums_of_rows_in_range_are_exact(rows, exponents, seed, extra, grouped):
    values, weights = (
        np.array(column) * 2.0**exponent for column, exponent in zip(zip(*rows, strict=True), exponents, strict=True)
    )
    places = np.random.default_rng(seed).integers(0, len(rows), ROWS + extra)
    codes = None if grouped is None else np.sort(np.random.default_rng(seed).integers(0, grouped, places.size))
    found = narrow_sums(values[places], weights[places], codes)
    assume(found is not None)
    groups = np.zeros(places.size, np.intp) if codes is None else codes
    sums = sums_of(found, codes)
    assert sorted(sums) == sorted(set(groups.tolist()))
    for group, numbers in sums.items():
        kept = np.delete(places, found.apart)[np.delete(groups, found.apart) == group]
        counts = np.bincount(kept, minlength=len(rows)).tolist()
        for number, each, power in zip(numbers, terms(values, weights), PRODUCTS, strict=True):
            assert number == sum((count * term for count, term in zip(counts, each, strict=True)), Fraction(0)), power


@pytest.mark.parametrize("family", ["spread", "small", "at the end", "at the end, small"])
def test_sums_of_random_rows_are_exact(family):
    """Full mantissas, of which each row has its own."""
    rng = np.random.default_rng(5)
    values, weights = rng.normal(size=ROWS + 7) ** 3, rng.exponential(size=ROWS + 7)
    if family.startswith("at the end"):
        # Corrections that reach below all grids.
        values, weights = rng.uniform(0.5, 1.0, ROWS) * 2.0**-18, rng.uniform(0.5, 1.0, ROWS)
        values[0] = 1.0 - 2.0**-53
    if family.endswith("small"):
        values *= 2.0**-30
    values[10:50], weights[50:99] = 0.0, 0.0
    found = narrow_sums(values, weights, None)
    assert found.apart.size < ROWS // 8
    each = terms(np.delete(values, found.apart), np.delete(weights, found.apart))
    assert sums_of(found)[0] == [sum(column) for column in each]


@pytest.mark.parametrize("scale", [1.0, 2.0**-30, 2.0**50])
def test_range_is_no_wider_than_sums_are_exact(scale):
    """Rests of one sign, as large as can be, with one row of the least that is in range, and one of less weight."""
    least, below, odd = narrow._LEAST, 1.0 - 2.0**-53, 1.0 + 2.0**-52
    for pair in (
        (least * odd, below),
        (below, least * odd),
        (least**0.5 * odd, least**0.5 * odd),
        (0.0, least**2 * odd),
    ):
        for others in ((below, below), (0.75 + 2.0**-53, below), (below, 0.75 + 2.0**-53)):
            values, weights = (
                np.append(np.full(ROWS - 1, one), other) for one, other in zip(others, pair, strict=True)
            )
            found = narrow_sums(values * scale, weights, None)
            assert found.apart.tolist() == ([ROWS - 1] if pair[0] == 0.0 else [])
            many, last = zip(
                *terms(np.array([others[0], pair[0]]) * scale, np.array([others[1], pair[1]])), strict=True
            )
            expected = [(ROWS - 1) * one + (other if pair[0] else 0) for one, other in zip(many, last, strict=True)]
            assert sums_of(found)[0] == expected


@given(
    rows=st.lists(st.tuples(wild, wild_weight), max_size=6),
    seed=st.integers(0, 1 << 32),
    share=st.sampled_from([0.001, 0.05, 0.3]),
    grouped=st.booleans(),
)
@QUICK
def test_rows_out_of_range_are_added_as_well(rows, seed, share, grouped):
    """Extreme ones, too; pickled, merged and read out they are what few rows at a time, never quick, add up to."""
    rng = np.random.default_rng(seed)
    values, weights = rng.normal(size=ROWS), rng.exponential(size=ROWS)
    for row in rng.permutation(ROWS)[: int(share * ROWS)].tolist() if rows else ():
        values[row], weights[row] = rows[row % len(rows)]
    codes = rng.integers(0, 5, ROWS) if grouped else None
    slow, merged, *quick = (WeightedPowerSums() for _ in range(5))
    for part in (slice(0, ROWS // 2), slice(ROWS // 2, ROWS)):
        slow.update(values[part], weights[part], None if codes is None else codes[part], 5)
    for sums in quick:
        sums.update(values, weights, codes, 5)
    merged.merge(pickle.loads(pickle.dumps(quick[0])), np.array([5, 4, 3, 2, 1]))
    merged.merge(quick[1], np.array([7, 8, 9, 10, 11]))
    for group in range(5):
        assert slow.totals(group) == quick[2].totals(group) == merged.totals(5 - group) == merged.totals(7 + group)


def test_rows_left_out_of_many_blocks_are_not_kept():
    rng = np.random.default_rng(6)
    values, weights = np.where(rng.random(ROWS) < 0.1, 1e-9, 1.0), np.ones(ROWS)
    sums = WeightedPowerSums()
    for turn in range(60):
        sums.update(values, weights, np.full(ROWS, 1) if turn % 2 else None, 2)
    assert sum(part.size for part, _, _ in sums._apart) < 1 << 14
    assert sums.totals(0).wx == sums.totals(1).wx == 30 * sum(map(Fraction, values.tolist()))
