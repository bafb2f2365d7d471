"""Data that is already in memory: data frames, Arrow tables, iterables of record batches."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NoReturn

import pyarrow as pa

from losscli.errors import UsageError
from losscli.readers.nested import columns_of, parent_of
from losscli.readers.schema import check_names, lists_without_length, projected, with_seen_lengths
from losscli.readers.source import Batches, ColumnType, Shard, Source, slices
from losscli.readers.streams import Place
from losscli.records import dataclass


@dataclass(frozen=True)
class MemoryShard(Shard):
    """Batches at hand; unlike other shards it holds data, or the only iterator over it.

    So it stays in its process: pickling it raises UsageError.
    """

    place: Place
    data: Iterable[pa.RecordBatch]

    def batches(self, types: Mapping[str, ColumnType], chunk_rows: int) -> Batches:
        first_row = 0
        for batch in self.data:
            yield from slices(first_row, projected(batch, types, self.place), chunk_rows)
            first_row += batch.num_rows

    def __reduce__(self) -> NoReturn:
        raise UsageError(
            "data in memory is not sent to other processes", "a file that they can read", 'engine="threads"'
        )


class Stream(Iterator[pa.RecordBatch]):
    """Batches that can be read once, after a look at the first of them."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._seen: deque[pa.RecordBatch] = deque()
        self._batches = batches

    def __next__(self) -> pa.RecordBatch:
        return self._seen.popleft() if self._seen else next(self._batches)

    def head(self, rows: int) -> list[pa.RecordBatch]:
        """The batches that hold the first `rows` rows; they will be read once more."""
        rows -= sum(batch.num_rows for batch in self._seen)
        while rows > 0 and (batch := next(self._batches, None)) is not None:
            self._seen.append(batch)
            rows -= batch.num_rows
        return list(self._seen)


@dataclass(frozen=True)
class MemorySource(Source):
    """A table in memory, or a stream of batches that is read once."""

    data: Iterable[pa.RecordBatch]

    def head(self, rows: int) -> MemorySource:
        return replace(self, data=self.data.head(rows)) if isinstance(self.data, Stream) else self

    @property
    def read_once(self) -> bool:
        return isinstance(self.data, Iterator)

    def shards(self) -> list[Shard]:
        return [MemoryShard(self.index, 0, self.rows, self.place, self.data)]


def open_table(data: Any) -> MemorySource:
    """The source of a pandas DataFrame, an Arrow table or batch, or an iterable of batches.

    Raises UsageError for anything else.
    """
    if isinstance(data, pa.RecordBatch):
        data = pa.Table.from_batches([data])
    elif hasattr(data, "__arrow_c_stream__") and not isinstance(data, pa.Table | pa.RecordBatchReader):
        data = pa.table(data)
    elif type(data).__module__.partition(".")[0] == "pandas":
        data = pa.Table.from_pandas(data, preserve_index=False)
    if isinstance(data, pa.Table):
        return _source("data", data.schema, data.to_batches(), data.num_rows)
    if isinstance(data, pa.RecordBatchReader):
        return _from_iterator(iter(data))
    if isinstance(data, Iterable) and not isinstance(data, str | bytes | Mapping):
        return _from_iterator(iter(data))
    raise UsageError(
        f"{type(data).__name__} is not data to evaluate",
        "a path, a pandas DataFrame, an Arrow table, or an iterable of record batches",
    )


def _from_iterator(batches: Iterator[Any]) -> MemorySource:
    first = next(batches, None)
    if first is None:
        return _source("data", pa.schema([]), (), 0)
    if not isinstance(first, pa.RecordBatch):
        raise UsageError(
            f"an iterable of {type(first).__name__} is not data to evaluate", "an iterable of record batches"
        )
    return _source("data", first.schema, Stream(itertools.chain([first], batches)), None, first)


def _source(
    name: str, schema: pa.Schema, data: Iterable[pa.RecordBatch], rows: int | None, first: pa.RecordBatch | None = None
) -> MemorySource:
    place = Place(name, "")
    columns = columns_of(schema)
    check_names(place, [column.name for column in columns])
    unknown = lists_without_length(columns)
    if first is None and isinstance(data, list):
        first = next((batch for batch in data if batch.num_rows), None)
    if unknown and first is not None:
        columns = with_seen_lengths(columns, first.select(sorted({parent_of(name, schema.names) for name in unknown})))
    return MemorySource(0, place, "memory", None, rows, columns, data)
