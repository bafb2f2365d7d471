"""Arrow IPC, as files (Feather) and as streams: batches are read one after another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa

from losscli.errors import InputError
from losscli.readers.arrays import column_of
from losscli.readers.schema import PEEKED_ROWS, check_names, lists_without_length, projected, with_seen_lengths
from losscli.readers.source import Batches, ColumnType, Format, Shard, Source, slices
from losscli.readers.streams import Place, first_sentence

FILE_MAGIC = b"ARROW1"

# Every message of a stream starts with it.
CONTINUATION = b"\xff\xff\xff\xff"


@dataclass(frozen=True)
class ArrowShard(Shard):
    """A whole Arrow file or stream; `fields` are its columns in order."""

    place: Place
    fields: tuple[str, ...]

    def batches(self, types: Mapping[str, ColumnType], chunk_rows: int) -> Batches:
        first_row = 0
        chosen = [self.fields.index(name) for name in types]
        with _opened(self.place, chosen) as (_, batches):
            for batch in batches:
                yield from slices(first_row, projected(batch, types, self.place), chunk_rows)
                first_row += batch.num_rows


@dataclass(frozen=True)
class ArrowSource(Source):
    """An Arrow IPC file or stream."""

    def shards(self) -> list[Shard]:
        return [ArrowShard(self.index, 0, None, self.place, tuple(column.name for column in self.columns))]


def open_arrow(index: int, place: Place) -> ArrowSource:
    """The Arrow file or stream at `place`; InputError when it is damaged or cut off."""
    with _opened(place) as (schema, batches):
        columns = tuple(column_of(field) for field in schema)
        check_names(place, [column.name for column in columns])
        unknown = lists_without_length(columns)
        first = next((batch for batch in batches if batch.num_rows), None) if unknown else None
        if first is not None:
            columns = with_seen_lengths(columns, first.slice(0, PEEKED_ROWS).select(unknown))
    return ArrowSource(index, place, "arrow", place.size, None, columns)


@contextmanager
def _opened(place: Place, fields: list[int] | None = None) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
    """The schema and the batches, with only the `fields` asked for; failures are InputErrors."""
    options = pa.ipc.IpcReadOptions(use_threads=False, included_fields=fields)
    try:
        with pa.OSFile(place.path) as file:
            is_file = file.read(len(FILE_MAGIC)) == FILE_MAGIC
            file.seek(0)
            if is_file:
                reader = pa.ipc.open_file(file, options=options)
                yield reader.schema, (reader.get_batch(one) for one in range(reader.num_record_batches))
            else:
                stream = pa.ipc.open_stream(file, options=options)
                yield stream.schema, iter(stream)
    except (pa.ArrowException, OSError) as error:
        raise InputError(
            f"{place}: not readable as Arrow: {first_sentence(error)}",
            "a complete Arrow file or stream",
            "write it again; it may have been cut off while it was written or copied",
        ) from error


def _is_arrow(head: bytes) -> bool:
    return head.startswith((FILE_MAGIC, CONTINUATION))


FORMATS = (Format("arrow", (".arrow", ".feather", ".ipc", ".arrows"), False, _is_arrow, open_arrow),)
