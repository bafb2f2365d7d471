"""Arrow IPC, as files (Feather) and as streams: batches are read one after another.

A batch may be the whole file.  Local files are therefore mapped into memory, not
read, and what has been seen is let go; only compressed columns are in memory for
a whole batch.  Memory that is mapped beyond the end of a file ends the process when
it is touched, so the length of the file is looked at before every piece.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeAlias

import pyarrow as pa

from losscli.errors import InputError
from losscli.readers.filesystems import is_answer, refusal
from losscli.readers.nested import columns_of, parent_of
from losscli.readers.schema import PEEKED_ROWS, check_names, lists_without_length, projected, with_seen_lengths
from losscli.readers.source import Batches, ColumnType, Format, Shard, Source, slices
from losscli.readers.storage import opened
from losscli.readers.streams import Place, first_sentence
from losscli.records import dataclass

FILE_MAGIC = b"ARROW1"

# A file is a stream between its magic bytes and a list of the batches.  Read as a file, the chosen columns of a batch
# are copied together, read as a stream they are not.
STREAM_START = 8

# Every message of a stream starts with it.
CONTINUATION = b"\xff\xff\xff\xff"


@dataclass(frozen=True)
class ArrowShard(Shard):
    """A whole Arrow file or stream; `fields` are the stored columns in order."""

    place: Place
    fields: tuple[str, ...]

    stores_types = True

    def batches(self, types: Mapping[str, ColumnType], chunk_rows: int) -> Batches:
        first_row = 0
        chosen = [self.fields.index(parent_of(name, self.fields)) for name in types]
        with _opened(self.place, chosen) as (_, batches, mapped):
            for batch in batches:
                for number, piece in slices(first_row, batch, chunk_rows):
                    mapped.refuse_cut()
                    # Arrow trusts offsets and lengths in a file; wrong ones would be read beyond the end of the data.
                    piece.validate(full=True)
                    yield number, projected(piece, types, self.place)
                    mapped.let_go()
                first_row += batch.num_rows


@dataclass(frozen=True)
class ArrowSource(Source):
    """An Arrow IPC file or stream; `fields` are its stored columns in order."""

    fields: tuple[str, ...]

    def shards(self) -> list[Shard]:
        return [ArrowShard(self.index, 0, None, self.place, self.fields)]


def open_arrow(index: int, place: Place) -> ArrowSource:
    """The Arrow file or stream at `place`; InputError when it is damaged or cut off."""
    with _opened(place) as (schema, batches, _):
        columns = columns_of(schema)
        check_names(place, [column.name for column in columns])
        unknown = lists_without_length(columns)
        first = next((batch for batch in batches if batch.num_rows), None) if unknown else None
        if first is not None:
            peeked = first.slice(0, PEEKED_ROWS)
            peeked = peeked.select(list(dict.fromkeys(parent_of(name, schema.names) for name in unknown)))
            peeked.validate(full=True)
            columns = with_seen_lengths(columns, peeked)
    return ArrowSource(index, place, "arrow", place.size, None, columns, tuple(schema.names))


class Mapped:
    """A file in memory, or an object, which is not."""

    def __init__(self, file: BinaryIO | None, memory: mmap.mmap | None) -> None:
        self._file = file
        self._memory = memory

    def refuse_cut(self) -> None:
        """Raise ArrowInvalid if the file has become shorter than its memory."""
        if self._file is None or self._memory is None:
            return
        size = os.fstat(self._file.fileno()).st_size
        if size < len(self._memory):
            raise pa.ArrowInvalid(f"it was cut off while it was read, from {len(self._memory):,} to {size:,} bytes")

    def let_go(self) -> None:
        """Give back the memory of what was read; a batch that is still in use is read again from the file."""
        if self._memory is not None and hasattr(mmap, "MADV_DONTNEED"):
            self._memory.madvise(mmap.MADV_DONTNEED)


Opened: TypeAlias = tuple[pa.Schema, Iterator[pa.RecordBatch], Mapped]


@contextmanager
def _opened(place: Place, fields: list[int] | None = None) -> Iterator[Opened]:
    """The schema, the batches with only the `fields` asked for, and the memory in which they are.

    Failures are InputErrors.
    """
    options = pa.ipc.IpcReadOptions(use_threads=False, included_fields=fields)
    try:
        with _bytes(place) as (file, mapped):
            stored = None
            if file.read(len(FILE_MAGIC)) == FILE_MAGIC:
                file.seek(0)
                # Refuses a file without its end.
                stored = pa.ipc.open_file(file).num_record_batches
                file.seek(STREAM_START)
            else:
                file.seek(0)
            stream = pa.ipc.open_stream(file, options=options)
            yield stream.schema, _counted(stream, stored, mapped), mapped
    except (pa.ArrowException, OSError, ValueError) as error:
        if is_answer(error):
            raise refusal(place.name, error) from error
        raise InputError(
            f"{place}: not readable as Arrow: {first_sentence(error)}",
            "a complete Arrow file or stream",
            "write it again; it may have been cut off while it was written or copied",
        ) from error


def _counted(batches: Iterable[pa.RecordBatch], stored: int | None, mapped: Mapped) -> Iterator[pa.RecordBatch]:
    """The batches, of which there must be as many as are `stored`, if that is known."""
    count = 0
    mapped.refuse_cut()
    for batch in batches:
        count += 1
        yield batch
        mapped.refuse_cut()
    if stored is not None and count != stored:
        raise pa.ArrowInvalid(f"{count:,} record batches where the file lists {stored:,}")


@contextmanager
def _bytes(place: Place) -> Iterator[tuple[pa.NativeFile, Mapped]]:
    if place.remote:
        with opened(place.path) as file:
            yield file, Mapped(None, None)
        return
    with Path(place.path).open("rb") as local:
        memory = mmap.mmap(local.fileno(), 0, access=mmap.ACCESS_READ)
        # It closes itself when the last batch that shares its memory is gone.
        yield pa.BufferReader(pa.py_buffer(memory)), Mapped(local, memory)


def _is_arrow(head: bytes) -> bool:
    return head.startswith((FILE_MAGIC, CONTINUATION))


FORMATS = (Format("arrow", (".arrow", ".feather", ".ipc", ".arrows"), False, _is_arrow, open_arrow),)
