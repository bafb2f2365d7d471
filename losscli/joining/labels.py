"""Prediction files with the columns of a label file beside their own."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import field, fields, replace
from threading import Lock
from typing import Any

import pyarrow as pa

from losscli.columns.names import LABELS, folded
from losscli.errors import InputError, UsageError
from losscli.joining.alignment import Alignment, PairShard, Side, align
from losscli.readers import ColumnType, Shard, Source
from losscli.readers.drift import drift
from losscli.readers.source import Batches
from losscli.records import dataclass


class LabelJoin:
    """The join of all prediction files with all label files, made when the first rows are asked for.

    `settle` tells it before which columns are read, and in which types.
    """

    def __init__(
        self, predictions: Sequence[Source], labels: Sequence[Source], key: str, names: frozenset[str]
    ) -> None:
        self.predictions = predictions
        self.labels = labels
        self.key = key
        self.names = names
        self._types: Mapping[str, ColumnType] = {}
        self._alignment: Alignment | None = None
        self._lock = Lock()

    def settle(self, types: Mapping[str, ColumnType]) -> None:
        """Fix the columns that are read and their types."""
        if not self.names & set(types):
            raise UsageError(
                f"--labels {self.labels[0].path}: none of its columns is used",
                "a column of the label file as a label or for --by, --where or --keep",
                f"-y {min(self.names)}" if self.names else None,
            )
        with self._lock:
            self._types, self._alignment = dict(types), None
        of_labels = self._of_labels()
        for other in self.labels[1:]:
            difference = drift(self.labels[0], other, of_labels)
            if difference is not None:
                raise InputError(f"{other.path}: {difference}", "label files with the same columns")

    @property
    def settled(self) -> bool:
        """Whether it is known which columns are read."""
        return bool(self._types)

    def alignment(self) -> Alignment:
        """Which label belongs to which prediction; reads the keys."""
        with self._lock:
            if self._alignment is None:
                self._alignment = align(
                    Side(self.predictions, {self.key: "text"}, self.key),
                    Side(self.labels, self._of_labels(), self.key),
                    spare_right=True,
                )
            return self._alignment

    @property
    def line(self) -> str:
        """Where labels come from, in a few words."""
        return f"labels from {self.labels[0].path} on {self.key}"

    def to_dict(self) -> dict[str, Any]:
        """The join for the mapping of the JSON document."""
        return {"labels": [source.path for source in self.labels], "on": self.key}

    @property
    def note(self) -> tuple[str, int] | None:
        """What to say of labels that no prediction has, and how many these are."""
        unused = self.alignment().right_only
        if not unused.count:
            return None
        rows = f"{unused.count:,} row{'' if unused.count == 1 else 's'}"
        named = f" ({unused.shown})" if unused.examples else ""
        return f"{rows} of {self.labels[0].path} without a prediction{named}", unused.count

    def _of_labels(self) -> dict[str, ColumnType]:
        return {name: wanted for name, wanted in self._types.items() if name in self.names}


@dataclass(frozen=True)
class LabelledSource(Source):
    """A prediction file that has the columns of the label file."""

    stored: Source
    join: LabelJoin = field(repr=False, compare=False)

    def shards(self) -> Sequence[Shard]:
        pairs = self.join.alignment().shards(self.index)
        return [LabelledShard(one.file, one.first_row, None, one, self.join.names, self.join.key) for one in pairs]

    def head(self, rows: int) -> Source:
        # What a column holds does not depend on the rows of the others, so it is looked at before they are joined.
        return (
            self
            if self.join.settled
            else UnjoinedHead(**{one.name: getattr(self, one.name) for one in fields(self)}, looked_rows=rows)
        )

    def line_of(self, row: int) -> int | None:
        return self.stored.line_of(row)

    @property
    def written(self) -> Mapping[str, object]:
        return self.stored.written


@dataclass(frozen=True)
class UnjoinedHead(LabelledSource):
    """The first rows of a prediction file and of the label file side by side, as far as both go."""

    looked_rows: int

    def shards(self) -> Sequence[Shard]:
        heads = self.stored.head(self.looked_rows), self.join.labels[0].head(self.looked_rows)
        return [UnjoinedShard(self.index, 0, None, heads, self.join.names)]


@dataclass(frozen=True)
class UnjoinedShard(Shard):
    """Columns of one file, or of two whose rows do not belong together."""

    heads: tuple[Source, Source]
    labels: frozenset[str]

    def batches(self, types: Mapping[str, ColumnType], chunk_rows: int) -> Batches:
        asked = [
            (head, {name: wanted for name, wanted in types.items() if (name in self.labels) == place})
            for place, head in enumerate(self.heads)
        ]
        streams = [_Batches(head, wanted, chunk_rows) for head, wanted in asked if wanted]
        number = 0
        while count := min(stream.ready() for stream in streams):
            taken = {name: column for stream in streams for name, column in stream.take(count)}
            yield number, pa.RecordBatch.from_arrays([taken[name] for name in types], names=list(types))
            number += count


class _Batches:
    """The rows of a source, of which any number can be taken."""

    def __init__(self, source: Source, types: Mapping[str, ColumnType], chunk_rows: int) -> None:
        self.found = (batch for shard in source.shards() for _, batch in shard.batches(types, chunk_rows))
        self.head: pa.RecordBatch | None = None

    def ready(self) -> int:
        """How many can be taken at once; 0 at the end."""
        if self.head is None or not self.head.num_rows:
            self.head = next(self.found, None)
        return 0 if self.head is None else int(self.head.num_rows)

    def take(self, count: int) -> Iterator[tuple[str, pa.Array]]:
        assert self.head is not None
        taken, self.head = self.head.slice(0, count), self.head.slice(count)
        yield from zip(taken.schema.names, taken.columns, strict=True)


@dataclass(frozen=True)
class LabelledShard(Shard):
    """Rows with their labels; the columns of the label file have the types that the join was made for."""

    pairs: PairShard
    labels: frozenset[str]
    key: str

    def batches(self, types: Mapping[str, ColumnType], chunk_rows: int) -> Batches:
        stored = {name: wanted for name, wanted in types.items() if name not in self.labels}
        # For its rows to be counted, some column has to be read.
        pairs = replace(self.pairs, types=stored or {self.key: "text"})
        for pair in pairs.pairs(chunk_rows):
            columns = [(pair.left if name in stored else pair.right).column(name) for name in types]
            yield pair.first_row, pa.RecordBatch.from_arrays(columns, names=list(types))


def with_labels(
    predictions: Sequence[Source], labels: Sequence[Source], key: str | None, asked: Collection[str] = ()
) -> tuple[list[Source], LabelJoin]:
    """`predictions` with the columns of `labels`, whose rows they find by `key`.

    Where both have a column, it is the label file's if it is among those
    `asked` for as labels or has the name of one; else the prediction file's.
    """
    if key is None:
        raise UsageError("--labels needs the column that both files share", "--on COLUMN", _shared(predictions, labels))
    own = {column.name for source in predictions for column in source.columns}
    taken = [
        column
        for column in labels[0].columns
        if column.name != key and (column.name not in own or column.name in asked or folded(column.name) in LABELS)
    ]
    names = frozenset(column.name for column in taken)
    join = LabelJoin(predictions, labels, key, names)
    found: list[Source] = [
        LabelledSource(
            source.index,
            source.place,
            source.format,
            source.bytes,
            source.rows,
            (*(column for column in source.columns if column.name not in names), *taken),
            source,
            join,
        )
        for source in predictions
    ]
    return found, join


def _shared(predictions: Sequence[Source], labels: Sequence[Source]) -> str | None:
    """The option for the only column, or the first, that both files have."""
    theirs = {column.name for column in labels[0].columns}
    shared = next((column.name for column in predictions[0].columns if column.name in theirs), None)
    return None if shared is None else f"--on {shared}"
