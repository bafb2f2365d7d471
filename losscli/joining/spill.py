"""Rows kept on disk in parts, to be read back a part at a time."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from losscli.errors import InputError
from losscli.readers.arrays import integer_array
from losscli.readers.scratch import scratch_file
from losscli.readers.streams import first_sentence
from losscli.roles import IntArray

# What waits in memory until it is written: the more, the longer the pieces of each part on disk.
WRITTEN_BYTES = 1 << 23


class Spill:
    """Record batches of one schema, each row of which belongs to a part.

    A row keeps its place among the rows of its part.  Text is kept as strings,
    for a dictionary belongs to its batch.  Pickles for processes of this
    machine, as long as the one that wrote it lives.
    """

    def __init__(self) -> None:
        self._file, self._path = scratch_file()
        # One that is left behind by an error is closed as well.
        weakref.finalize(self, self._file.close)
        self._schema: pa.Schema | None = None
        self._segments: dict[int, list[tuple[int, int]]] = {}
        self._size = 0
        self._waiting: list[tuple[pa.RecordBatch, IntArray]] = []
        self._waiting_bytes = 0

    def __getstate__(self) -> Mapping[str, Any]:
        self.flush()
        return {name: value for name, value in self.__dict__.items() if name != "_file"}

    def __enter__(self) -> Spill:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free what is on disk."""
        self._file.close()

    def add(self, batch: pa.RecordBatch, parts: IntArray) -> None:
        """Add rows, ``parts`` (n,) being the part of each."""
        batch = pa.RecordBatch.from_arrays([_plain(column) for column in batch.columns], names=batch.schema.names)
        self._schema = batch.schema
        self._waiting.append((batch, parts))
        self._waiting_bytes += batch.nbytes
        if self._waiting_bytes > WRITTEN_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        if not waiting:
            return
        batch = pa.concat_batches([batch for batch, _ in waiting])
        parts = np.concatenate([parts for _, parts in waiting])
        order = np.argsort(parts, kind="stable")
        batch = batch.take(integer_array(order.astype(np.int64)))
        cuts = np.flatnonzero(np.diff(parts[order])) + 1
        starts = [0, *cuts.tolist(), len(order)]
        try:
            for start, stop in itertools.pairwise(starts):
                self._write(int(parts[order[start]]), batch.slice(start, stop - start))
            self._file.flush()
        except OSError as error:
            raise InputError(
                f"temporary file cannot be written: {first_sentence(error)}",
                "room for the columns of the joined file",
                "TMPDIR=DIRECTORY with more room",
            ) from error

    def read(self, part: int) -> pa.RecordBatch | None:
        """The rows of a part; None when there are none."""
        self.flush()
        segments = self._segments.get(part)
        if not segments:
            return None
        return pa.concat_batches(list(self._batches(segments)))

    def _write(self, part: int, batch: pa.RecordBatch) -> None:
        data = batch.serialize()
        self._segments.setdefault(part, []).append((self._size, data.size))
        self._file.write(data)
        self._size += data.size

    def _batches(self, segments: list[tuple[int, int]]) -> Iterator[pa.RecordBatch]:
        with pa.OSFile(self._path) as file:
            for start, size in segments:
                yield pa.ipc.read_record_batch(file.read_at(size, start), self._schema)


def integers_of(batch: pa.RecordBatch, name: str, dtype: Any = np.int64) -> NDArray[Any]:
    """A column of 64-bit integers ``(n,)``."""
    column = batch.column(name)
    return np.frombuffer(column.buffers()[1], dtype, len(column), column.offset * 8)


def _plain(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
