"""Power sums from octants are those of the formulas, term by term in fractions."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from losscli.summary.powers import OctantSums, power_totals

ROWS = st.integers(1, 1 << 20)
# Sums of so many rows do not fit 64 bits once they are weighted.
MANY_ROWS = st.integers(1 << 33, 1 << 44)


@st.composite
def held(draw: st.DrawFn, rows: st.SearchStrategy[int]) -> list[tuple[int, int, int, int, int, int]]:
    """Sign bit, octant, rows, and sums that so many rows can have; an octant may come more than once."""
    found = []
    for _ in range(draw(st.integers(0, 12))):
        count = draw(rows)
        offsets, squares = draw(st.integers(0, count << 49)), draw(st.integers(0, count << 47))
        cubes = draw(st.integers(-count << 47, count << 47))
        found.append((draw(st.integers(0, 1)), draw(st.integers(-512, 16376)), count, offsets, squares, cubes))
    return found


@pytest.mark.parametrize("rows", [ROWS, MANY_ROWS], ids=["few", "many"])
@given(data=st.data())
def test_they_are_what_the_formulas_say(rows: st.SearchStrategy[int], data: st.DataObject) -> None:
    octants, zeros = data.draw(held(rows)), data.draw(st.integers(0, 5))
    signs, numbers, counts, *sums = zip(*octants, strict=True) if octants else ((),) * 6
    low = np.array([[one & 0xFFFFFFFF for one in row] for row in sums], np.int64).reshape(3, -1)
    high = np.array([[one >> 32 for one in row] for row in sums], np.int64).reshape(3, -1)
    found = power_totals(
        OctantSums(np.array(signs, np.int64), np.array(numbers, np.int64), np.array(counts, np.int64), low, high), zeros
    )
    expected = [Fraction(zeros), *[Fraction(0)] * 4]
    for negative, octant, count, offsets, squares, cubes in octants:
        # Half an octant is 2^48 units of the last bit; squares and cubes come in parts of 2^-47 half octants.
        half = Fraction(2) ** ((octant >> 3) - 1075) * 2**48
        middle = half * (17 + 2 * (octant & 7))
        d = half * (Fraction(offsets, 1 << 48) - count)
        d2, d3 = half**2 * Fraction(squares, 1 << 47), half**3 * Fraction(cubes, 1 << 47)
        cube = count * middle**3 + 3 * middle**2 * d + 3 * middle * d2 + d3
        sign = -1 if negative else 1
        terms = count, sign * (count * middle + d), count * middle**2 + 2 * middle * d + d2, sign * cube, cube
        expected = [total + term for total, term in zip(expected, terms, strict=True)]
    assert list(found) == expected


def test_a_million_octants_take_little_memory_more() -> None:
    cells = 1 << 20
    held = OctantSums(
        np.zeros(cells, np.int64),
        np.arange(cells) % 800 + 7000,
        np.ones(cells, np.int64),
        np.ones((3, cells), np.int64),
        np.zeros((3, cells), np.int64),
    )
    tracemalloc.start()
    try:
        assert power_totals(held, 0).rows == cells
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20
