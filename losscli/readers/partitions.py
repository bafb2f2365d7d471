"""Hive partitions: folders such as ``split=test/day=3`` give every row below them two more columns.

Values are text, decoded as in URLs; ``__HIVE_DEFAULT_PARTITION__`` is null.  As
in DuckDB, all folders of a path count, and a partition takes the place of a
column of its name in the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

import numpy as np
import pyarrow as pa

from losscli.errors import InputError
from losscli.readers.arrays import FLOAT, string_array
from losscli.readers.drift import LISTS
from losscli.readers.number_text import MISSING, NUMBER
from losscli.readers.schema import WANTED, check_names
from losscli.readers.source import Batches, Column, ColumnType, Kind, Shard, Shards, Source
from losscli.readers.streams import Place
from losscli.records import dataclass

NULL = "__HIVE_DEFAULT_PARTITION__"


def partitions_of(path: str) -> tuple[tuple[str, str | None], ...]:
    """The columns and values in the names of a file's folders, the outermost first."""
    folders = [folder.partition("=") for folder in re.split(r"[/\\]", path)[:-1]]
    return tuple(
        (unquote(key), None if value == NULL else unquote(value)) for key, equals, value in folders if key and equals
    )


def with_partitions(source: Source) -> Source:
    """`source` with the columns of its partitions, if it has any."""
    values = source.place.partitions
    if not values:
        return source
    check_names(source.place, [name for name, _ in values])
    given = dict(values)
    stored = [column for column in source.columns if column.name not in given]
    columns = (*stored, *(Column(name, _kind(value), None, "partition") for name, value in values))
    return PartitionedSource(source.index, source.place, source.format, source.bytes, source.rows, columns, source)


@dataclass(frozen=True)
class PartitionedSource(Source):
    """A file and the columns that its folders give it."""

    stored: Source

    def shards(self) -> Shards:
        shards = self.stored.shards()
        # For its rows to be counted, some column has to be read.
        given = {name for name, _ in self.place.partitions}
        counted = next((column for column in self.stored.columns if column.name not in given), self.stored.columns[0])
        return Shards(len(shards), (self._with_values(shard, counted) for shard in shards))

    def line_of(self, row: int) -> int | None:
        return self.stored.line_of(row)

    @property
    def written(self) -> Mapping[str, object]:
        return self.stored.written

    def _with_values(self, shard: Shard, counted: Column) -> Shard:
        return PartitionedShard(shard.file, shard.first_row, shard.rows, self.place, shard, counted)


@dataclass(frozen=True)
class PartitionedShard(Shard):
    """A part of a file with the values of its partitions; `counted` is a column to read when no other is."""

    place: Place
    stored: Shard
    counted: Column

    def batches(self, types: Mapping[str, ColumnType], chunk_rows: int) -> Batches:
        given = dict(self.place.partitions)
        inner = {name: wanted for name, wanted in types.items() if name not in given}
        kind = self.counted.kind
        counted: dict[str, ColumnType] = {self.counted.name: kind if kind in LISTS else "text"}
        for first_row, batch in self.stored.batches(inner or counted, chunk_rows):
            arrays = [
                self._constant(name, given[name], wanted, batch.num_rows) if name in given else batch.column(name)
                for name, wanted in types.items()
            ]
            yield first_row, pa.RecordBatch.from_arrays(arrays, names=list(types))

    def _constant(self, name: str, value: str | None, wanted: ColumnType, rows: int) -> pa.Array:
        if wanted == "text":
            valid = None if value is not None else pa.py_buffer(bytes(-(-rows // 8)))
            indices = pa.Array.from_buffers(pa.int32(), rows, [valid, pa.py_buffer(np.zeros(rows, np.int32))])
            return pa.DictionaryArray.from_arrays(indices, string_array([value or ""]))
        if wanted == "number":
            return pa.Array.from_buffers(FLOAT, rows, [None, pa.py_buffer(np.full(rows, self._number(name, value)))])
        raise InputError(f'{self.place}: the partition "{name}" holds single values', WANTED[wanted])

    def _number(self, name: str, value: str | None) -> float:
        if value is None or value.strip() in MISSING:
            return float("nan")
        if _kind(value) == "text":
            raise InputError(f'{self.place}: the partition "{name}" is "{value}", not a number', WANTED["number"])
        return float(value)


def _kind(value: str | None) -> Kind:
    """What a value looks like: a hint, as for the columns of text formats."""
    if value is None or value.strip() in MISSING:
        return "text"
    if re.fullmatch(r"[+-]?[0-9]+", value):
        return "integer"
    # float() does not take nan(...), which Arrow does.
    return "number" if "(" not in value and re.fullmatch(NUMBER, value) else "text"
