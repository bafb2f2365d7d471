"""The columns of one batch as NumPy arrays: floats, texts with codes, vectors, matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from losscli.columns.labels import number_of
from losscli.distinct import distinct_indices, distinct_with_places
from losscli.readers.arrays import floats, nulls, string_array, view
from losscli.records import dataclass
from losscli.roles import BoolArray, FloatArray, IntArray

# Beyond this a table of codes is slower than sorting the distinct ones.
TABLE_SIZE = 1 << 20
# No code: these count from 0, and those of what is no class down from -1.
_UNSEEN = int(np.iinfo(np.intp).min)


@dataclass(frozen=True)
class Texts:
    """A text column: row i holds ``words[indices[i]]``; the last word is None, for missing."""

    words: list[str | None]
    indices: NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Lists:
    """A list column: ``values`` (n, k) row by row, NaN where a row has no list of that length."""

    values: FloatArray
    uneven: BoolArray | None


def texts(array: pa.Array) -> Texts:
    """A dictionary<int32, string> array; an empty text is a missing one, as CSV cannot tell them apart."""
    words: list[str | None] = [word or None for word in array.dictionary.to_pylist()]
    indices: NDArray[np.integer[Any]] = view(array.indices, np.int32)
    missing = nulls(array.indices)
    if missing is not None:
        indices = np.where(missing, len(words), indices)
    return Texts([*words, None], indices)


def used_texts(array: pa.DictionaryArray) -> tuple[pa.StringArray, IntArray]:
    """The distinct texts of a dictionary array, an empty one for null, and the place of each row's among them.

    Only those that occur: the dictionary of one batch may serve many.
    """
    words: pa.StringArray = array.dictionary
    indices: NDArray[np.integer[Any]] = view(array.indices, np.int32)
    missing = nulls(array.indices)
    if missing is not None:
        indices = np.where(missing, len(words), indices)
        words = pa.concat_arrays([words, string_array([""])])
    used, places = distinct_indices(indices, len(words))
    if len(used) < len(words):
        chosen = used.astype(np.int64)
        words = words.take(pa.Array.from_buffers(pa.int64(), len(used), [None, pa.py_buffer(chosen)]))
    return words, places


def text_floats(column: Texts) -> tuple[FloatArray, BoolArray]:
    """The numbers that texts stand for, (n,), NaN where missing; and where they are no numbers."""
    table = np.full(len(column.words), np.nan)
    bad = np.zeros(len(column.words), np.bool_)
    for place, word in enumerate(column.words):
        value = None if word is None else number_of(word)
        bad[place] = word is not None and value is None
        table[place] = np.nan if value is None else value
    return table[column.indices], bad[column.indices]


def coded(indices: NDArray[np.integer[Any]], size: int, code_of: Callable[[int], int]) -> IntArray:
    """``code_of(index)`` for every element of `indices`, which lie in [0, `size`).

    It is asked only for indices that occur, in ascending order: a dictionary may
    hold words that no row has.
    """
    return CodeTable().coded(indices, size, (), code_of)


class CodeTable:
    """The codes of the words of a column, kept while batches share their dictionary."""

    def __init__(self) -> None:
        self._words: Sequence[Any] = ()
        self._table: IntArray = np.zeros(0, np.intp)

    def coded(
        self, indices: NDArray[np.integer[Any]], size: int, words: Sequence[Any], code_of: Callable[[int], int]
    ) -> IntArray:
        """``code_of(index)`` for every element of `indices`, which lie in [0, `size`).

        `words` are what the indices stand for: as long as they are the same, an
        index keeps its code.
        """
        if size > TABLE_SIZE:
            used, places = distinct_with_places(indices)
            return np.array([code_of(int(one)) for one in used], dtype=np.intp)[places]
        if self._table.size != size or self._words != words:
            self._words, self._table = words, np.full(size, _UNSEEN)
        # take would convert other integers too, and slower.
        indices = indices.astype(np.intp, copy=False)
        # All indices are inside, so clipping changes none; it is the only mode that needs no second look at them.
        codes: IntArray = self._table.take(indices, mode="clip")
        if codes.size and int(codes.min()) == _UNSEEN:
            unseen = np.zeros(size, np.bool_)
            unseen[indices] = True
            unseen &= self._table == _UNSEEN
            for one in np.flatnonzero(unseen).tolist():
                self._table[one] = code_of(one)
            codes = self._table.take(indices, mode="clip")
        return codes


def any_nan(values: FloatArray) -> bool:
    """Whether a float array holds NaN; a minimum is the cheapest reduction that tells."""
    return bool(values.size) and bool(np.isnan(values.min()))


def vectors(array: pa.Array, length: int) -> Lists:
    """A list array as (n, `length`)."""
    rows = len(array)
    missing = nulls(array)
    if pa.types.is_fixed_size_list(array.type):
        width = array.type.list_size
        child = array.values.slice(array.offset * width, rows * width)
        starts = np.arange(rows + 1) * width
    else:
        bounds = _bounds(array)
        child = array.values.slice(bounds[0], bounds[-1] - bounds[0])
        starts = bounds - bounds[0]
    lengths = np.diff(starts)
    whole = lengths == length
    if missing is not None:
        whole &= ~missing
    flat = floats(child)
    if whole.all():
        return Lists(flat.reshape(rows, length), None)
    values = np.full((rows, length), np.nan)
    chosen = np.flatnonzero(whole)
    values[chosen] = flat[starts[chosen, None] + np.arange(length)]
    uneven = lengths != length
    return Lists(values, uneven if missing is None else uneven & ~missing)


def labelled(array: pa.Array, place_of: Callable[[str], int], count: int) -> Lists:
    """Lists of (label, score) as (n, `count`), each score at the place of its label.

    A row is uneven that lacks a label, has one twice, or one whose place is
    negative.
    """
    rows = len(array)
    bounds = _bounds(array)
    pairs = array.values.slice(int(bounds[0]), int(bounds[-1] - bounds[0]))
    labels, scores = pairs.flatten()
    column = texts(labels)
    places = coded(column.indices, len(column.words), lambda index: _place(column.words[index], place_of))
    row = np.repeat(np.arange(rows), np.diff(bounds))
    known = places >= 0
    values = np.full((rows, count), np.nan)
    values[row[known], places[known]] = floats(scores)[known]
    filled = np.zeros((rows, count), np.bool_)
    filled[row[known], places[known]] = True
    uneven = ~filled.all(axis=1) | (np.diff(bounds) != count)
    missing = nulls(array)
    if missing is not None:
        uneven &= ~missing
    return Lists(values, uneven if uneven.any() else None)


def _place(word: str | None, place_of: Callable[[str], int]) -> int:
    return -1 if word is None else place_of(word)


def matrices(array: pa.Array, count: int, length: int) -> Lists:
    """An array of lists of lists as (n, `count`, `length`)."""
    inner = vectors(array.values, length)
    rows = len(array)
    missing = nulls(array)
    if pa.types.is_fixed_size_list(array.type):
        bounds = (array.offset + np.arange(rows + 1)) * array.type.list_size
    else:
        bounds = _bounds(array)
    lengths = np.diff(bounds)
    whole = lengths == count if missing is None else (lengths == count) & ~missing
    values = np.full((rows, count, length), np.nan)
    chosen = np.flatnonzero(whole)
    places = bounds[chosen, None] + np.arange(count)
    values[chosen] = inner.values[places]
    uneven = lengths != count if missing is None else (lengths != count) & ~missing
    if inner.uneven is not None:
        uneven[chosen] |= inner.uneven[places].any(axis=1)
    return Lists(values, uneven if uneven.any() else None)


def class_major(columns: Sequence[NDArray[Any]]) -> FloatArray:
    """Columns (n,) as float64 (n, k) with each column contiguous."""
    stacked = np.empty((len(columns), len(columns[0])))
    for place, column in enumerate(columns):
        stacked[place] = column
    return stacked.T


def transposed(values: FloatArray) -> FloatArray:
    """(n, k) row by row as (n, k) with each column contiguous."""
    return np.ascontiguousarray(values.T).T


def _bounds(array: pa.Array) -> IntArray:
    dtype = np.int64 if pa.types.is_large_list(array.type) else np.int32
    data = array.buffers()[1]
    if data is None:
        return np.zeros(len(array) + 1, np.intp)
    return np.frombuffer(data, dtype, len(array) + 1, array.offset * np.dtype(dtype).itemsize).astype(np.intp)
