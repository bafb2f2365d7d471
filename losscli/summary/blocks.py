"""How rows are cut into blocks, and how groups of two accumulators meet.

Every accumulator of this package treats its input in blocks of at most
`ROWS_PER_BLOCK` rows.  The cut never shows in a result: sums are exact or
rounded once per row, never once per block.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from losscli.distinct import distinct_values
from losscli.roles import IntArray

# Temporaries of a block stay in the L2 cache, and 2 * 2^14 rows of 2^47 units still fit an int64.
ROWS_PER_BLOCK = 1 << 14
_CELLS_PER_BLOCK = 1 << 15
_COUNTED_GROUPS = 4


def row_blocks(rows: int) -> Iterator[slice]:
    """Consecutive slices that cover `rows` rows, `ROWS_PER_BLOCK` at a time."""
    for start in range(0, rows, ROWS_PER_BLOCK):
        yield slice(start, min(start + ROWS_PER_BLOCK, rows))


def cell_blocks(cells: int) -> Iterator[slice]:
    """Consecutive slices that cover `cells` cells: a merge takes little memory beyond that of its result."""
    for start in range(0, cells, _CELLS_PER_BLOCK):
        yield slice(start, min(start + _CELLS_PER_BLOCK, cells))


def group_counts(codes: IntArray | None, rows: int, groups: int) -> IntArray:
    """Rows of each group, (groups,); without codes every row is of group 0."""
    if codes is None:
        counts = np.zeros(groups, np.intp)
        counts[0] = rows
        return counts
    if groups <= _COUNTED_GROUPS:
        # Comparing once for each of a few groups is faster than np.bincount; the last has the rest.
        found = [np.count_nonzero(codes == group) for group in range(groups - 1)]
        return np.array([*found, rows - sum(found)], np.intp)
    return np.bincount(codes, minlength=groups)


def target_groups(codes: IntArray | None, groups: int) -> IntArray:
    """Where each of `groups` merged groups goes: the first of `codes`, or the same numbers.

    Raises ValueError when codes do not name one distinct group for each.
    """
    if codes is None:
        return np.arange(groups)
    target = codes[:groups]
    if target.size < groups or distinct_values(target).size < groups or int(target.min(initial=0)) < 0:
        raise ValueError(f"codes must name a distinct group for each of the {groups} merged groups")
    return target


def grown(array: IntArray, groups: int) -> IntArray:
    """`array` with its last axis lengthened by zeros to at least `groups`."""
    missing = groups - array.shape[-1]
    if missing <= 0:
        return array
    return np.concatenate([array, np.zeros((*array.shape[:-1], missing), array.dtype)], axis=-1)
