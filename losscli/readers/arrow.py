"""Arrow IPC, as files (Feather) and as streams: batches are read one after another.

A batch may be the whole file.  Local files are therefore mapped into memory, not
read, and what has been seen is let go; only compressed columns are in memory for
a whole batch.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa

from losscli.errors import InputError
from losscli.readers.arrays import column_of
from losscli.readers.filesystems import is_answer, refusal
from losscli.readers.schema import PEEKED_ROWS, check_names, lists_without_length, projected, with_seen_lengths
from losscli.readers.source import Batches, ColumnType, Format, Shard, Source, slices
from losscli.readers.storage import opened
from losscli.readers.streams import Place, first_sentence

FILE_MAGIC = b"ARROW1"

# A file is a stream between its magic bytes and a list of the batches.  Read as a file, the chosen columns of a batch
# are copied together, read as a stream they are not.
STREAM_START = 8

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
        with _opened(self.place, chosen) as (_, batches, let_go):
            for batch in batches:
                for number, piece in slices(first_row, batch, chunk_rows):
                    # Arrow trusts offsets and lengths in a file; wrong ones would be read beyond the end of the data.
                    piece.validate(full=True)
                    yield number, projected(piece, types, self.place)
                    let_go()
                first_row += batch.num_rows


@dataclass(frozen=True)
class ArrowSource(Source):
    """An Arrow IPC file or stream."""

    def shards(self) -> list[Shard]:
        return [ArrowShard(self.index, 0, None, self.place, tuple(column.name for column in self.columns))]


def open_arrow(index: int, place: Place) -> ArrowSource:
    """The Arrow file or stream at `place`; InputError when it is damaged or cut off."""
    with _opened(place) as (schema, batches, _):
        columns = tuple(column_of(field) for field in schema)
        check_names(place, [column.name for column in columns])
        unknown = lists_without_length(columns)
        first = next((batch for batch in batches if batch.num_rows), None) if unknown else None
        if first is not None:
            peeked = first.slice(0, PEEKED_ROWS).select(unknown)
            peeked.validate(full=True)
            columns = with_seen_lengths(columns, peeked)
    return ArrowSource(index, place, "arrow", place.size, None, columns)


Opened: TypeAlias = tuple[pa.Schema, Iterator[pa.RecordBatch], Callable[[], None]]


@contextmanager
def _opened(place: Place, fields: list[int] | None = None) -> Iterator[Opened]:
    """The schema, the batches with only the `fields` asked for, and what lets go of all that was read.

    Failures are InputErrors.
    """
    options = pa.ipc.IpcReadOptions(use_threads=False, included_fields=fields)
    try:
        with _bytes(place) as (file, let_go):
            stored = None
            if file.read(len(FILE_MAGIC)) == FILE_MAGIC:
                file.seek(0)
                # Refuses a file without its end.
                stored = pa.ipc.open_file(file).num_record_batches
                file.seek(STREAM_START)
            else:
                file.seek(0)
            stream = pa.ipc.open_stream(file, options=options)
            yield stream.schema, _counted(stream, stored), let_go
    except (pa.ArrowException, OSError, ValueError) as error:
        if is_answer(error):
            raise refusal(place.name, error) from error
        raise InputError(
            f"{place}: not readable as Arrow: {first_sentence(error)}",
            "a complete Arrow file or stream",
            "write it again; it may have been cut off while it was written or copied",
        ) from error


def _counted(batches: Iterable[pa.RecordBatch], stored: int | None) -> Iterator[pa.RecordBatch]:
    """The batches, of which there must be as many as are `stored`, if that is known."""
    count = 0
    for batch in batches:
        count += 1
        yield batch
    if stored is not None and count != stored:
        raise pa.ArrowInvalid(f"{count:,} record batches where the file lists {stored:,}")


@contextmanager
def _bytes(place: Place) -> Iterator[tuple[pa.NativeFile, Callable[[], None]]]:
    if place.remote:
        with opened(place.path) as file:
            yield file, lambda: None
        return
    with Path(place.path).open("rb") as local:
        mapped = mmap.mmap(local.fileno(), 0, access=mmap.ACCESS_READ)
    # It closes itself when the last batch that shares its memory is gone.
    yield pa.BufferReader(pa.py_buffer(mapped)), lambda: _let_go(mapped)


def _let_go(mapped: mmap.mmap) -> None:
    """Give back the memory of what was read; a batch that is still in use is read again from the file."""
    if hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def _is_arrow(head: bytes) -> bool:
    return head.startswith((FILE_MAGIC, CONTINUATION))


FORMATS = (Format("arrow", (".arrow", ".feather", ".ipc", ".arrows"), False, _is_arrow, open_arrow),)
