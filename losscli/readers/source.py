"""What every format gives: sources, their columns, and shards that yield batches.

A source is one input file, opened far enough to know its columns.  A shard is
a part of it that can be read alone: it holds no data, pickles, and depends on
the file only, never on the number of workers.  The types in which columns are
read are fixed before the first row, so no part of a file can disagree with
another about them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import Lock
from typing import ClassVar, Literal, TypeAlias, overload

import pyarrow as pa

from losscli.readers.streams import Place
from losscli.readers.text_options import TextOptions
from losscli.records import dataclass

Kind = Literal["number", "integer", "boolean", "text", "moment", "null", "vector", "matrix", "labelled", "other"]
ColumnType = Literal["number", "stored", "text", "vector", "matrix", "labelled"]
NamedBy = Literal["ClassLabel", "categories", "dictionary", "rows"]
Batches: TypeAlias = Iterator[tuple[int, pa.RecordBatch]]


@dataclass(frozen=True)
class Column:
    """A column as the file describes it.

    `kind` is what the stored type says; for text formats, which store none,
    what the first rows look like: a hint, never a promise.  A "moment" is a
    date, a time or a duration, which has a text and no number; "null" is a type
    without values, which says nothing of the values in other files.  `width` is the
    length of the lists, declared by the type or else seen in the first rows;
    for a matrix (lists of lists) `inner_width` is that of the inner lists.
    `type` is the stored type in the words of its format; `as_text` says that
    what is a list by its kind is stored as text.

    `names` are the classes that the file itself declares for the column, and
    `named_by` how: the "ClassLabel" of Hugging Face, whose labels are the
    places of the names; the "categories" of pandas; the "dictionary" of Arrow;
    or the "rows", where every score of a "labelled" column names its class.
    `header` is the name as a text file has it, where blanks stand around it.
    """

    name: str
    kind: Kind
    width: int | None
    type: str
    inner_width: int | None = None
    as_text: bool = False
    names: tuple[str, ...] | None = None
    named_by: NamedBy | None = None
    header: str | None = None


@dataclass(frozen=True)
class Shard(ABC):
    """A part of a source that can be read alone.

    `file` is the source's index, `first_row` the number of the shard's first
    row and `rows` how many it holds, None where the format does not say.

    Row numbers grow through a file.  They are the 0-based rows of the file
    where the format knows these; where it does not, some are left out between
    the shards, and `RowCounts` finds the rows of the file when all are counted.
    """

    file: int
    first_row: int
    rows: int | None

    # Whether numbers can be read as "stored": who widens and gathers them then passes over them once.
    stores_types: ClassVar[bool] = False

    @abstractmethod
    def batches(self, types: Mapping[str, ColumnType], chunk_rows: int) -> Batches:
        """The columns of `types`, as (number of the first row, batch) of 1 to `chunk_rows` rows.

        "number" is float64; "stored" is that or, where `stores_types`, float32
        or an integer, if the file has these; "text" is dictionary<int32, string>; "vector" is a
        list and "matrix" a list of lists of float64; "labelled" is a list of
        struct<label: text, score: float64>.  All may hold nulls.
        Raises InputError where the file cannot be read as these types.
        """


class Shards(Sequence[Shard]):
    """`count` shards that are found one after another, as they are asked for, by any thread."""

    def __init__(self, count: int, found: Iterator[Shard]) -> None:
        self._count = count
        self._found = found
        self._known: list[Shard] = []
        self._lock = Lock()

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Shard: ...

    @overload
    def __getitem__(self, index: slice) -> list[Shard]: ...

    def __getitem__(self, index: int | slice) -> Shard | list[Shard]:
        if isinstance(index, slice):
            return [self[one] for one in range(*index.indices(self._count))]
        place = range(self._count)[index]
        with self._lock:
            while len(self._known) <= place:
                found = next(self._found, None)
                if found is None:
                    raise IndexError("the search for shards has failed")
                self._known.append(found)
        return self._known[place]


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
    def shards(self) -> Sequence[Shard]:
        """The parts of the file, in file order; none when there are no rows."""

    def head(self, rows: int) -> Source:  # noqa: ARG002
        """A source that has at least the first `rows` rows, to read before this one is read."""
        return self

    @property
    def written(self) -> Mapping[str, object]:
        """How text is written where it is not as in most files, such as ``{"delimiter": ";"}``."""
        return {}

    @property
    def read_once(self) -> bool:
        """Whether the rows are gone when they have been read: an iterator has no second pass."""
        return False

    def line_of(self, row: int) -> int | None:  # noqa: ARG002
        """The 1-based line on which the 0-based data row starts; None for formats without lines."""
        return None


@dataclass(frozen=True)
class Format:
    """How one format is recognised and opened.

    A module of this package that defines `FORMATS` adds formats; nothing else
    lists them.  `recognise` looks at the first bytes, decompressed.  Only a
    `text` format may be compressed as a whole.  `open_text` opens a file as the
    options for delimited text say, where these mean something.
    """

    name: str
    suffixes: tuple[str, ...]
    text: bool
    recognise: Callable[[bytes], bool]
    open: Callable[[int, Place], Source]
    open_text: Callable[[int, Place, TextOptions], Source] | None = None


def slices(first_row: int, batch: pa.RecordBatch, chunk_rows: int) -> Batches:
    """`batch`, which starts at `first_row` of its file, in pieces of at most `chunk_rows` rows."""
    for start in range(0, batch.num_rows, chunk_rows):
        yield first_row + start, batch.slice(start, chunk_rows)
