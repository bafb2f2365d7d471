"""However the sums of groups are held, in windows or by cell, they are the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from losscli.roles import FloatArray, IntArray
from losscli.summary import grouped as grouped_module
from losscli.summary.dense import DenseSums
from losscli.summary.grouped import GroupedSums
from losscli.summary.powers import ROWS_BETWEEN_CARRIES

QUICK = settings(derandomize=True, max_examples=150, deadline=None)
BITS = 5

# Values that windows are made for, a zero among them, and such as force them open.
near = st.integers(-4096, 4096).map(lambda number: number / 64.0)
far = st.one_of(
    near,
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 5e-324, -5e-324, 2.0**-1022, 1e-170, 1e170, 1.7e308, -1.7e308]),
)
rows = st.one_of(*(st.lists(st.tuples(value, st.integers(0, 5)), max_size=30) for value in (near, far)))


def add(sums: GroupedSums, values: FloatArray, codes: IntArray, groups: int) -> None:
    if values.size:
        counts = np.bincount(codes, minlength=groups)
        sums.add(values, codes, counts, (float(values.min()), float(values.max())))


def summed(table: list[tuple[float, int]], few: int, *, most: int = 1 << 17, pieces: int = 1) -> GroupedSums:
    """The sums of some rows in `pieces` updates, with windows for up to `few` groups of `most` cells in all."""
    sums = GroupedSums(BITS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grouped_module, "FEW_GROUPS", few)
        patch.setattr(grouped_module, "_MOST_CELLS", most)
        seen = 0
        for part in np.array_split(np.arange(len(table)), pieces):
            values = np.array([table[row][0] for row in part], float)
            codes = np.array([table[row][1] for row in part], np.intp)
            seen = max(seen, int(codes.max(initial=-1)) + 1)
            add(sums, values, codes, seen)
    return sums


def readings(sums: GroupedSums) -> list[object]:
    return [(sums.totals(group), sums.masses(group)) for group in (None, *range(6))]


@given(table=rows, few=st.integers(1, 6), most=st.sampled_from([2_000, 10_000, 1 << 17]), pieces=st.integers(1, 5))
@QUICK
def test_windows_and_cells_hold_the_same(table: list[tuple[float, int]], few: int, most: int, pieces: int) -> None:
    assert readings(summed(table, few, most=most, pieces=pieces)) == readings(summed(table, 0))


@given(one=rows, other=rows, few=st.tuples(st.integers(0, 6), st.integers(0, 6)), data=st.data())
@QUICK
def test_merges_of_windows_and_cells_hold_the_same(
    one: list[tuple[float, int]], other: list[tuple[float, int]], few: tuple[int, int], data: st.DataObject
) -> None:
    # The groups of the other come under names of their own.
    names = np.array(data.draw(st.permutations(range(6))), np.intp)
    merged = summed(one, few[0])
    known = 1 + max((code for _, code in other), default=-1)
    if known:
        merged.merge(summed(other, few[1]), names[:known])
    renamed = [(number, int(names[code])) for number, code in other]
    assert readings(merged) == readings(summed([*one, *renamed], 0))


def test_sums_of_many_equal_rows_are_carried_in_time() -> None:
    # Every row adds the most that one can to the same slot, and the carries come while groups alternate.
    largest = np.nextafter(2.0, 0.0)
    sums, cells = DenseSums(), summed([], 0)
    block = np.full(1 << 14, largest)
    codes = np.arange(block.size) % 2
    counts = np.bincount(codes)
    repeats = 4 * ROWS_BETWEEN_CARRIES // block.size + 3
    for _ in range(repeats):
        sums.add(block, largest, largest, codes, counts)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(grouped_module, "FEW_GROUPS", 0)
            add(cells, block, codes, 2)
    for group in (None, 0, 1):
        assert sums.totals(group) == cells.totals(group)
    assert sums.totals(0).rows == repeats * block.size // 2
