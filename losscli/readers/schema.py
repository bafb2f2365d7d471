"""Columns of typed files: their names, the lengths of their lists, the columns of a batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from losscli.errors import InputError, one_line
from losscli.readers.arrays import FLOAT, view
from losscli.readers.nested import class_words, column_at, converted, is_spark_vector
from losscli.readers.source import Column, ColumnType
from losscli.readers.streams import Place

WANTED: dict[ColumnType, str] = {
    "number": "a column of numbers",
    "stored": "a column of numbers",
    "text": "a column of single values",
    "vector": "a list of numbers in each row",
    "matrix": "a list of lists of numbers in each row",
    "labelled": "scores with their classes in each row",
}

# Rows whose lists, or texts that may be lists, are looked at for what the type does not declare.
PEEKED_ROWS = 1000

# A longer dictionary holds texts or identities, not classes.
MOST_CATEGORIES = 10_000


def check_names(place: Place, names: Iterable[str]) -> None:
    """Refuse two columns of one name: no option could tell them apart."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError(
            f'{place}: two columns are named "{one_line(twice[0])}"', "distinct column names", "rename one of them"
        )


def lists_without_length(columns: Sequence[Column]) -> list[str]:
    """The columns of which their type does not say how long the lists are, if they hold any."""
    return [
        column.name
        for column in columns
        if column.kind == "text"
        or (column.kind in ("vector", "matrix") and column.width is None)
        or (column.kind == "matrix" and column.inner_width is None)
        or (column.kind == "labelled" and column.names is None)
    ]


def with_seen_lengths(columns: Sequence[Column], batch: pa.RecordBatch) -> tuple[Column, ...]:
    """`columns` with the usual list lengths of the first rows that hold lists; `batch` holds these rows."""
    unknown = set(lists_without_length(columns))
    return tuple(_measured(column, batch) if column.name in unknown else column for column in columns)


def projected(batch: pa.RecordBatch, types: Mapping[str, ColumnType], place: Place) -> pa.RecordBatch:
    """The columns of `types`, in that order and as these types."""
    if batch.schema.names == list(types) and all(
        wanted in ("number", "stored") and field.type == FLOAT
        for wanted, field in zip(types.values(), batch.schema, strict=True)
    ):
        return batch
    arrays = []
    for name, wanted in types.items():
        try:
            array = converted(column_at(batch, name), wanted)
            # Damaged Parquet and Arrow files hold bytes that are no text, and places outside of the dictionary.
            if wanted == "labelled" or (wanted == "text" and not _is_sound(array)):
                array.validate(full=True)
        except TypeError as error:
            raise InputError(f'{place}: column "{name}" holds {error}', WANTED[wanted]) from None
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError) as error:
            raise InputError(f'{place}: column "{name}" cannot be read: {error}', WANTED[wanted]) from None
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, names=list(types))


def _is_sound(array: pa.DictionaryArray) -> bool:
    """Whether a text column without nulls is intact; Arrow's own look at the places takes ten times as long."""
    if array.null_count or not len(array):
        return False
    array.dictionary.validate(full=True)
    places = view(array.indices, np.int32)
    return bool(places.min() >= 0) and bool(places.max() < len(array.dictionary))


def _measured(column: Column, batch: pa.RecordBatch) -> Column:
    from losscli.readers.text_lists import MEASURED_ROWS, as_list_column, usual

    array = column_at(batch, column.name)
    if column.kind == "labelled":
        words = class_words(array)
        return replace(column, width=len(words) or None, names=words, named_by="rows")
    if is_spark_vector(array.type):
        array = converted(array, "vector")
    if column.kind == "text" and pa.types.is_dictionary(array.type):
        column = _with_categories(column, array)
    if column.kind == "text":
        return as_list_column(column, (value.as_py() for value in array if value.is_valid))
    lists = [value.values for value in array.slice(0, MEASURED_ROWS) if value.is_valid]
    if not lists:
        return column
    inner = [len(one.values) for values in lists for one in values if one.is_valid] if column.kind == "matrix" else []
    return replace(column, width=usual(map(len, lists)), inner_width=usual(inner) if inner else None)


def _with_categories(column: Column, array: pa.DictionaryArray) -> Column:
    """`column` with the values of its dictionary, in their order, where that is not too long to be classes."""
    if len(array.dictionary) > MOST_CATEGORIES:
        return column
    words = [str(word) for word in array.dictionary.to_pylist() if word is not None]
    return replace(column, names=tuple(words), named_by=column.named_by or "dictionary")
