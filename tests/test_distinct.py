"""Distinct values agree with numpy.unique."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from losscli.distinct import distinct_indices, distinct_values, distinct_with_counts, distinct_with_places, run_starts

INTEGERS = arrays(np.int64, st.integers(0, 60), elements=st.integers(0, 30))
FLOATS = arrays(np.float64, st.integers(0, 60), elements=st.floats(-2, 2, width=16))


@given(st.one_of(INTEGERS, FLOATS))
def test_they_are_those_of_numpy(values: np.ndarray) -> None:
    expected, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    np.testing.assert_array_equal(distinct_values(values), expected)
    for found, expected_second in ((distinct_with_counts(values), counts), (distinct_with_places(values), places)):
        np.testing.assert_array_equal(found[0], expected)
        np.testing.assert_array_equal(found[1], expected_second)
    np.testing.assert_array_equal(run_starts(np.sort(values)), np.cumsum(counts) - counts)


@pytest.mark.parametrize("size", [31, 10_000])
@given(values=INTEGERS)
def test_a_table_finds_what_sorting_finds(size: int, values: np.ndarray) -> None:
    expected, places = np.unique(values, return_inverse=True)
    used, found = distinct_indices(values.astype(np.int32), size)
    np.testing.assert_array_equal(used, expected)
    np.testing.assert_array_equal(found, places)
