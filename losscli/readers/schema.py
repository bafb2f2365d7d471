"""Columns of typed files: their names, the lengths of their lists, the columns of a batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from losscli.errors import InputError
from losscli.readers.arrays import convert
from losscli.readers.source import Column, ColumnType
from losscli.readers.streams import Place
from losscli.readers.text_lists import as_list_column

WANTED: dict[ColumnType, str] = {
    "number": "a column of numbers",
    "text": "a column of single values",
    "vector": "a list of numbers in each row",
    "matrix": "a list of lists of numbers in each row",
}

# Rows whose lists, or texts that may be lists, are looked at for what the type does not declare.
PEEKED_ROWS = 1000


def check_names(place: Place, names: Iterable[str]) -> None:
    """Refuse two columns of one name: no option could tell them apart."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise InputError(f'{place}: two columns are named "{twice[0]}"', "distinct column names", "rename one of them")


def lists_without_length(columns: Sequence[Column]) -> list[str]:
    """The columns of which their type does not say how long the lists are, if they hold any."""
    return [
        column.name
        for column in columns
        if column.kind == "text"
        or (column.kind in ("vector", "matrix") and column.width is None)
        or (column.kind == "matrix" and column.inner_width is None)
    ]


def with_seen_lengths(columns: Sequence[Column], batch: pa.RecordBatch) -> tuple[Column, ...]:
    """`columns` with the list lengths of the first rows that hold lists; `batch` holds these rows."""
    names = batch.schema.names
    return tuple(_measured(column, batch) if column.name in names else column for column in columns)


def projected(batch: pa.RecordBatch, types: Mapping[str, ColumnType], place: Place) -> pa.RecordBatch:
    """The columns of `types`, in that order and as these types."""
    arrays = []
    for name, wanted in types.items():
        try:
            array = convert(batch.column(name), wanted)
            if wanted == "text":
                # Damaged Parquet and Arrow files hold bytes that are no text, and places outside of the dictionary.
                array.validate(full=True)
        except TypeError as error:
            raise InputError(f'{place}: column "{name}" holds {error}', WANTED[wanted]) from None
        except (pa.ArrowInvalid, UnicodeDecodeError) as error:
            raise InputError(f'{place}: column "{name}" cannot be read: {error}', WANTED[wanted]) from None
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, names=list(types))


def _measured(column: Column, batch: pa.RecordBatch) -> Column:
    array = batch.column(column.name)
    if column.kind == "text":
        return as_list_column(column, (value.as_py() for value in array if value.is_valid))
    for row in range(len(array)):
        if array[row].is_valid:
            values = array[row].values
            inner = next((len(one.values) for one in values if one.is_valid), None) if column.kind == "matrix" else None
            return replace(column, width=len(values), inner_width=inner)
    return column
