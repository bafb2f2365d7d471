"""One Parquet file, opened without what `pyarrow.parquet` brings along.

That module imports every file system of pyarrow and OpenSSL with them, which
takes a tenth of the time of a small evaluation and 10 MB.  Its `ParquetFile` is
a thin layer over a reader that pyarrow does not document; where that reader is
not as it is known here, `ParquetFile` serves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import pyarrow as pa


class ParquetFile(Protocol):
    """What is needed of an open file."""

    @property
    def schema_arrow(self) -> pa.Schema: ...

    @property
    def metadata(self) -> Any: ...

    def iter_batches(
        self, batch_size: int, row_groups: Sequence[int] | None, columns: Sequence[str], use_threads: bool
    ) -> Iterator[pa.RecordBatch]:
        """Batches of these row groups (None: all); a column is named by its path, or by the start of one."""
        ...


def open_file(source: pa.NativeFile, *, pre_buffer: bool, buffer_size: int, dictionaries: list[str]) -> ParquetFile:
    """The file behind `source`; the columns of `dictionaries` are read as dictionaries.

    Raises pyarrow.ArrowInvalid for a file that is damaged.
    """
    try:
        from pyarrow._parquet import ParquetReader

        reader = ParquetReader()
        reader.open(source, pre_buffer=pre_buffer, buffer_size=buffer_size, read_dictionary=dictionaries)
        return _BareFile(reader)
    except (ImportError, AttributeError, TypeError):
        from pyarrow.parquet import ParquetFile as DocumentedFile

        file: ParquetFile = DocumentedFile(
            source, pre_buffer=pre_buffer, buffer_size=buffer_size, read_dictionary=dictionaries
        )
        return file


class _BareFile:
    """`pyarrow.parquet.ParquetFile` as far as it is needed."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader
        self.schema_arrow: pa.Schema = reader.schema_arrow
        self.metadata = reader.metadata
        self._paths = [tuple(path) for path in reader.column_paths]

    def iter_batches(
        self, batch_size: int, row_groups: Sequence[int] | None, columns: Sequence[str], use_threads: bool
    ) -> Iterator[pa.RecordBatch]:
        groups = range(self.metadata.num_row_groups) if row_groups is None else row_groups
        wanted = set(columns)
        indices = [index for index, path in enumerate(self._paths) if wanted.intersection(_starts(path))]
        batches: Iterator[pa.RecordBatch] = self._reader.iter_batches(
            batch_size, row_groups=list(groups), column_indices=indices, use_threads=use_threads
        )
        return batches


def _starts(path: tuple[str, ...]) -> list[str]:
    return [".".join(path[:end]) for end in range(1, len(path) + 1)]
