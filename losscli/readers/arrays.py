"""Arrow arrays in the few types that columns are read in, and their NumPy views.

Everything goes through buffers: `Array.to_numpy` imports pandas where it is
installed (0.3 s), and `Array.cast` imports pyarrow.compute (0.05 s), so a
cast is left to types that NumPy does not know.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from losscli.readers.source import Column, ColumnType, Kind
from losscli.roles import BoolArray, FloatArray, IntArray

FLOAT = pa.float64()
TEXT = pa.dictionary(pa.int32(), pa.string())

# The part of a second that is none.
_FRACTION = r"\.0+$"

# Codes are found through a table, not a hash, while the table stays in cache.
DENSE_RANGE = 1 << 16

# So many integers are written faster by Arrow, for all that its casts take to load.
MANY_WORDS = 1 << 12


def view(array: pa.Array, dtype: Any) -> NDArray[Any]:
    """The values of a fixed-width array without a copy; null slots hold anything."""
    size = np.dtype(dtype).itemsize
    data = array.buffers()[1]
    if data is None or len(array) == 0:
        return np.zeros(len(array), dtype)
    return np.frombuffer(data, dtype, len(array), array.offset * size)


def nulls(array: pa.Array) -> BoolArray | None:
    """Which elements are null; None when none is."""
    if array.null_count == 0:
        return None
    if array.null_count == len(array):
        return np.ones(len(array), np.bool_)
    return ~bits(array.buffers()[0], array.offset, len(array))


def floats(array: pa.Array) -> FloatArray:
    """The values of an array of floats or integers, NaN for null; without a copy of float64 without nulls."""
    return stored_numbers(array).astype(np.float64, copy=False)


def stored_numbers(array: pa.Array) -> NDArray[Any]:
    """The same in the type of the array, without a copy, when nothing is null."""
    values = view(array, array.type.to_pandas_dtype())
    missing = nulls(array)
    return values if missing is None else np.where(missing, np.nan, values)


def dense_codes(offsets: NDArray[Any], size: int) -> tuple[IntArray, NDArray[np.int32]]:
    """The distinct values of integers in [0, `size`), ascending, and the place of each element among them."""
    used = np.flatnonzero(np.bincount(offsets, minlength=size))
    table = np.zeros(size, np.int32)
    table[used] = np.arange(len(used), dtype=np.int32)
    # All are inside, so clipping changes none; it is the only mode that needs no second look at them.
    return used, table.take(offsets, mode="clip")


def kind_of(stored: pa.DataType) -> Kind:
    """What a column of this stored type can be read as."""
    if pa.types.is_dictionary(stored):
        return kind_of(stored.value_type)
    if _is_list(stored):
        inner = kind_of(stored.value_type)
        if inner in ("number", "integer"):
            return "vector"
        return "matrix" if inner == "vector" else "other"
    if pa.types.is_integer(stored):
        return "integer"
    if pa.types.is_floating(stored) or pa.types.is_decimal(stored):
        return "number"
    if pa.types.is_boolean(stored):
        return "boolean"
    if pa.types.is_temporal(stored) and not pa.types.is_interval(stored):
        return "moment"
    if pa.types.is_null(stored):
        return "null"
    return "text" if _is_text(stored) else "other"


def column_of(field: pa.Field) -> Column:
    """The column that a field of an Arrow schema describes."""
    kind, stored = kind_of(field.type), field.type
    width = stored.list_size if pa.types.is_fixed_size_list(stored) else None
    inner = stored.value_type if kind == "matrix" else None
    inner_width = inner.list_size if inner is not None and pa.types.is_fixed_size_list(inner) else None
    return Column(field.name, kind, width, str(stored), inner_width)


def convert(array: pa.Array, wanted: ColumnType) -> pa.Array:
    """`array` as the type wanted; raises TypeError when its type does not hold that."""
    if wanted == "text":
        return _texts(array)
    if wanted == "stored":
        if array.type == pa.float32() or pa.types.is_integer(array.type):
            return array
        wanted = "number"
    kind = kind_of(array.type)
    numeric = kind in ("number", "integer", "boolean")
    if pa.types.is_null(array.type) or (numeric if wanted == "number" else kind == wanted):
        return _numbers(array)
    raise TypeError(str(array.type))


def _numbers(array: pa.Array) -> pa.Array:
    """Numbers, or lists of numbers to any depth, as float64."""
    stored = array.type
    if stored == FLOAT:
        return array
    if pa.types.is_null(stored):
        return _float_array(np.full(len(array), np.nan))
    if pa.types.is_dictionary(stored):
        return _numbers(array.dictionary_decode())
    if _is_list(stored):
        return _list_of_numbers(array)
    if pa.types.is_boolean(stored):
        values = bits(array.buffers()[1], array.offset, len(array)).astype(np.float64)
    elif pa.types.is_integer(stored) or pa.types.is_floating(stored):
        values = view(array, stored.to_pandas_dtype()).astype(np.float64)
    else:
        return array.cast(FLOAT)
    return _float_array(_with_gaps(values, nulls(array)))


def _with_gaps(values: FloatArray, missing: BoolArray | None) -> FloatArray:
    """`values`, which are ours to change, with NaN where `missing`."""
    if missing is not None:
        values[missing] = np.nan
    return values


def _float_array(values: FloatArray) -> pa.Array:
    return pa.Array.from_buffers(FLOAT, len(values), [None, pa.py_buffer(values)])


def integer_array(values: NDArray[np.int64] | NDArray[np.uint64]) -> pa.Array:
    """64-bit integers ``(n,)`` as an array, without a copy where they are contiguous."""
    kept = np.ascontiguousarray(values)
    stored = pa.uint64() if kept.dtype == np.uint64 else pa.int64()
    return pa.Array.from_buffers(stored, len(kept), [None, pa.py_buffer(kept)])


def _list_of_numbers(array: pa.Array) -> pa.Array:
    """The same lists over converted values; offsets and nulls are shared, not copied."""
    stored = array.type
    values = _numbers(array.values)
    if pa.types.is_fixed_size_list(stored):
        kept, target = 1, pa.list_(values.type, stored.list_size)
    else:
        kept, target = 2, (pa.large_list if pa.types.is_large_list(stored) else pa.list_)(values.type)
    return pa.Array.from_buffers(
        target, len(array), array.buffers()[:kept], array.null_count, array.offset, children=[values]
    )


def string_array(words: Sequence[str | None]) -> pa.Array:
    """A string array of these words."""
    encoded = [b"" if word is None else word.encode() for word in words]
    offsets = np.zeros(len(words) + 1, np.int32)
    np.cumsum([len(word) for word in encoded], out=offsets[1:])
    valid = np.packbits(np.array([word is not None for word in words], np.bool_), bitorder="little")
    buffers = [pa.py_buffer(valid.tobytes()), pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(words), buffers)


def _texts(array: pa.Array) -> pa.Array:
    """Any column of single values as text, each distinct value written once."""
    if array.type == TEXT:
        return array
    if pa.types.is_dictionary(array.type):
        indices, words = array.indices, _words(array.dictionary)
    elif pa.types.is_null(array.type):
        indices, words = pa.nulls(len(array), pa.int32()), string_array([])
    elif not _is_single(array.type):
        raise TypeError(str(array.type))
    else:
        indices, words = _distinct_integers(array) or _distinct(array)
    if indices.type != pa.int32():
        indices = indices.cast(pa.int32())
    return pa.DictionaryArray.from_arrays(indices, words)


def _distinct(array: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Indices into the distinct values, and these values as text."""
    encoded = array.dictionary_encode()
    return encoded.indices, _words(encoded.dictionary)


def _distinct_integers(array: pa.Array) -> tuple[pa.Array, pa.Array] | None:
    """The same for integers without nulls in a narrow range, such as class indices, without hashing."""
    if not pa.types.is_integer(array.type) or array.null_count or not len(array):
        return None
    values = view(array, array.type.to_pandas_dtype())
    low, high = int(values.min()), int(values.max())
    if high - low >= DENSE_RANGE:
        return None
    wide = values if values.dtype == np.uint64 else values.astype(np.int64, copy=False)
    offsets = wide - wide.dtype.type(low) if low else wide
    used, codes = dense_codes(offsets.astype(np.int64, copy=False), high - low + 1)
    indices = pa.Array.from_buffers(pa.int32(), len(codes), [None, pa.py_buffer(codes)])
    if len(used) >= MANY_WORDS and wide.dtype != np.uint64:
        return indices, integer_array(used.astype(np.int64) + low).cast(pa.string())
    return indices, string_array([str(low + offset) for offset in used.tolist()])


def _words(values: pa.Array) -> pa.Array:
    """Distinct values as people and CSV files write them: 1, 1.0, true, 2024-05-01."""
    stored = values.type
    if stored == pa.string():
        return values
    if pa.types.is_floating(stored):
        return string_array([None if value is None else _float_word(value) for value in values.to_pylist()])
    if pa.types.is_integer(stored) and len(values) < MANY_WORDS:
        return string_array([None if value is None else str(value) for value in values.to_pylist()])
    if pa.types.is_timestamp(stored) and stored.tz is None:
        # Arrow writes as many decimals as the unit has.  With a time zone behind them they stay, or whole seconds
        # would not come first in the order of texts.
        words = values.cast(pa.string()).to_pylist()
        return string_array([None if word is None else re.sub(_FRACTION, "", word) for word in words])
    return values.cast(pa.string())


def _float_word(value: float) -> str | None:
    """A float as a label: whole numbers in full, so that 1e16 is the integer it stands for; None for NaN."""
    if math.isnan(value):
        return None
    return f"{value:.1f}" if value.is_integer() else repr(value)


def bits(data: pa.Buffer, offset: int, length: int) -> BoolArray:
    """Bits of an Arrow bitmap as booleans."""
    first = offset // 8
    packed = np.frombuffer(data, np.uint8, (offset + length + 7) // 8 - first, first)
    start = offset - 8 * first
    return np.unpackbits(packed, bitorder="little")[start : start + length].view(np.bool_)


def _is_list(stored: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_list(stored) or types.is_large_list(stored) or types.is_fixed_size_list(stored))


def _is_text(stored: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_string(stored) or types.is_large_string(stored) or types.is_string_view(stored))


def _is_single(stored: pa.DataType) -> bool:
    """Whether each value is one value: no list, struct, map or union."""
    return not (pa.types.is_nested(stored) or pa.types.is_null(stored))
