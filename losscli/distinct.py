"""The distinct values of an array; `numpy.unique` would load `numpy.ma` for them, 12 ms in every process."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Elements of a table for each row, from which on sorting the rows is as quick.
_LARGEST_TABLE = 8


def distinct_values(values: NDArray[Any]) -> NDArray[Any]:
    """The distinct values of `values` (n,), without nan, in ascending order."""
    ordered = np.sort(values)
    return ordered[_starts(ordered)]


def distinct_with_counts(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """The distinct values, ascending, and how often each occurs."""
    ordered = np.sort(values)
    starts = np.flatnonzero(_starts(ordered))
    return ordered[starts], np.diff(starts, append=ordered.size)


def distinct_with_places(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """The distinct values, ascending, and the place among them of each of `values`, (n,)."""
    order = np.argsort(values)
    ordered = values[order]
    first = _starts(ordered)
    places = np.empty(values.size, np.intp)
    places[order] = np.cumsum(first) - 1
    return ordered[first], places


def distinct_indices(indices: NDArray[np.integer[Any]], size: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """As `distinct_with_places` for whole numbers in [0, `size`); a table of them is quicker than a sort."""
    if size > _LARGEST_TABLE * indices.size:
        return distinct_with_places(indices)
    table = np.zeros(size, np.intp)
    table[indices] = 1
    used = np.flatnonzero(table)
    table[used] = np.arange(used.size)
    return used, table.take(indices)


def run_starts(ordered: NDArray[Any]) -> NDArray[np.intp]:
    """Where each run of equal values begins in `ordered` (n,)."""
    return np.flatnonzero(_starts(ordered))


def _starts(ordered: NDArray[Any]) -> NDArray[np.bool_]:
    """Which of `ordered` (n,) differ from the one before."""
    first = np.ones(ordered.size, np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return first
