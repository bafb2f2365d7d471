"""Exact sums against rational arithmetic over all of float64, and how many of them are read out at once."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from losscli.summary import ExactSums
from losscli.summary.blocks import ROWS_PER_BLOCK
from losscli.summary.quantiles import inverted_cdf, share

QUICK = settings(derandomize=True, max_examples=60, deadline=None)

finite = st.one_of(
    st.floats(-1e6, 1e6),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 5e-324, -5e-324, 2.0**-1022, 1e-170, 1e170, 1.7e308, -1.7e308, 1.0]),
)


@given(rows=st.lists(st.tuples(finite, st.integers(0, 4)), min_size=1), asked=st.lists(st.integers(0, 4), unique=True))
@QUICK
def test_many_sums_are_read_out_as_each_is(rows, asked):
    """Those that are 0 are left out, by cancellation too."""
    sums = ExactSums(1)
    values, codes = np.array([value for value, _ in rows]), np.array([code for _, code in rows], np.intp)
    sums.update([values], codes, 5)
    # Some groups come to 0 again.
    taken = np.flatnonzero(codes < 2)
    sums.update([-values[taken]], codes[taken], 5)
    places, found = sums.nonzero(np.array(asked, np.intp), 0)
    each = {group: sums.total(group, 0) for group in asked}
    assert dict(zip(np.array(asked, np.intp)[places].tolist(), found, strict=True)) == {
        group: total for group, total in each.items() if total
    }


@pytest.mark.parametrize("exponent", range(42))
def test_limbs_are_carried_in_time(exponent):
    """Whether all limbs are looked at, as for few groups, or the rows of each are counted, as for many."""
    values = np.full(ROWS_PER_BLOCK, -(2.0**exponent) * (2.0 - 2.0**-52))
    codes = np.ones(ROWS_PER_BLOCK, np.intp)
    sums = ExactSums(1)
    for groups, blocks in ((2, 11), (100_000, 5), (100_000, 3)):
        for _ in range(blocks):
            sums.update([values], codes, groups)
    assert sums.total(1, 0) == 19 * ROWS_PER_BLOCK * Fraction(float(values[0]))


@given(
    rows=st.lists(st.tuples(st.integers(-(1 << 62) + 1, (1 << 62) - 1), st.integers(0, 3)), min_size=1),
    places=st.lists(st.tuples(st.integers(-1074, 600), st.integers(0, 1)), min_size=1, max_size=8),
    times=st.integers(1, 3),
)
@QUICK
def test_integers_of_any_unit_are_added_exactly(rows, places, times):
    units, columns = (list(column) for column in zip(*places, strict=True))
    digits, codes = np.array([[digit for digit, _ in rows]] * len(units)), np.array([code for _, code in rows], np.intp)
    sums = ExactSums(2)
    sums.update([np.array([0.1]), np.array([-1e300])], np.array([2]), 3)
    for _ in range(times):
        sums.add_digits(digits, units, columns, codes, 4)
    for column, start in ((0, Fraction(0.1)), (1, Fraction(-1e300))):
        unit = sum(Fraction(2) ** unit for unit, place in places if place == column)
        for group in range(4):
            added = times * unit * sum(digit for digit, code in rows if code == group)
            assert sums.total(group, column) == added + (start if group == 2 else 0)


@pytest.mark.parametrize("digit", [(1 << 62) - 1, 1 - (1 << 62)])
def test_limbs_are_carried_in_time_under_integers(digit):
    """At every place within a limb, and more often than a limb could take."""
    sums = ExactSums(1)
    digits, codes = np.full((6, 1 << 15), digit), np.zeros(1 << 15, np.intp)
    units = [-1033, -1032, -1034, -1010, -991, -1075 + 42]
    for _ in range(40):
        sums.add_digits(digits, units, [0] * 6, codes, 1)
    assert sums.total(0, 0) == 40 * (1 << 15) * digit * sum(Fraction(2) ** unit for unit in units)


@given(masses=st.lists(st.tuples(st.floats(-5.0, 5.0), st.fractions(0, 3, max_denominator=64)), min_size=1))
@QUICK
def test_masses_of_any_unit_are_weighed_alike(masses):
    masses = sorted(masses)
    total = sum(mass for _, mass in masses)
    reached = [sum((mass for _, mass in masses[: end + 1]), Fraction(0)) for end in range(len(masses))]
    for p in (0.25, 0.5, 1.0):
        expected = next(value for (value, _), sofar in zip(masses, reached, strict=True) if sofar >= share(p) * total)
        assert inverted_cdf(masses, [p]) == [expected if total else None]
