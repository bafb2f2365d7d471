"""What every format gives: sources, their columns, and shards that yield batches.

A source is one input file, opened far enough to know its columns.  A shard is
a part of it that can be read alone: it holds no data, pickles, and depends on
the file only, never on the number of workers.  The types in which columns are
read are fixed before the first row, so no part of a file can disagree with
another about them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import pyarrow as pa

from losscli.readers.streams import Place

Kind = Literal["number", "integer", "boolean", "text", "vector", "matrix", "other"]
ColumnType = Literal["number", "text", "vector", "matrix"]
Batches: TypeAlias = Iterator[tuple[int, pa.RecordBatch]]


@dataclass(frozen=True)
class Column:
    """A column as the file describes it.

    `kind` is what the stored type says; for text formats, which store none,
    what the first rows look like: a hint, never a promise.  `width` is the
    length of the lists, declared by the type or else seen in the first rows;
    for a matrix (lists of lists) `inner_width` is that of the inner lists.
    `type` is the stored type in the words of its format.
    """

    name: str
    kind: Kind
    width: int | None
    type: str
    inner_width: int | None = None


@dataclass(frozen=True)
class Shard(ABC):
    """A part of a source that can be read alone.

    `file` is the source's index, `first_row` the 0-based row of the file where
    the shard starts and `rows` how many it holds, None where the format does
    not say.
    """

    file: int
    first_row: int | None
    rows: int | None

    @abstractmethod
    def batches(self, types: Mapping[str, ColumnType], chunk_rows: int) -> Batches:
        """The columns of `types`, as (0-based row in the file, batch) of 1 to `chunk_rows` rows.

        "number" is float64; "text" is dictionary<int32, string>; "vector" is a
        list and "matrix" a list of lists of float64.  All may hold nulls.
        Raises InputError where the file cannot be read as these types.
        """


@dataclass(frozen=True)
class Source(ABC):
    """One input file: `index` is its place among the inputs.

    `rows` is known for formats that store it; `bytes` is the size on disk.
    """

    index: int
    place: Place
    format: str
    bytes: int | None
    rows: int | None
    columns: tuple[Column, ...]

    @property
    def path(self) -> str:
        """The file as the user named it; ``-`` for standard input."""
        return self.place.name

    @abstractmethod
    def shards(self) -> list[Shard]:
        """The parts of the file, in file order; none when there are no rows."""

    def line_of(self, row: int) -> int | None:  # noqa: ARG002
        """The 1-based line on which the 0-based data row starts; None for formats without lines."""
        return None


@dataclass(frozen=True)
class Format:
    """How one format is recognised and opened.

    A module of this package that defines `FORMATS` adds formats; nothing else
    lists them.  `recognise` looks at the first bytes, decompressed.  Only a
    `text` format may be compressed as a whole.
    """

    name: str
    suffixes: tuple[str, ...]
    text: bool
    recognise: Callable[[bytes], bool]
    open: Callable[[int, Place], Source]


def slices(first_row: int, batch: pa.RecordBatch, chunk_rows: int) -> Batches:
    """`batch`, which starts at `first_row` of its file, in pieces of at most `chunk_rows` rows."""
    for start in range(0, batch.num_rows, chunk_rows):
        yield first_row + start, batch.slice(start, chunk_rows)
