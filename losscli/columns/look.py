"""A look at the first rows, where names and types do not settle what a column is.

It is for choosing only: whatever the rest of a file holds, a choice is never
changed, and a value that contradicts it is an error with its row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field

import numpy as np
import pyarrow as pa

from losscli.columns.batch import used_texts
from losscli.columns.labels import number_of
from losscli.distinct import distinct_values
from losscli.errors import InputError
from losscli.readers import Column, ColumnType, Source
from losscli.readers.arrays import floats
from losscli.records import dataclass
from losscli.roles import FloatArray

LOOKED_ROWS = 100_000

# More distinct values are no classes, and a list of them tells nothing.
MOST_WORDS = 1_000

# Values held at a time, however many columns there are.
_CHUNK_VALUES = 1 << 22
_TEXT_FORMATS = ("csv", "tsv", "ndjson")


@dataclass(frozen=True)
class Sight:
    """What the first rows of a column hold.

    `words` are its distinct values as written, in the order met, or None when
    there are more than `MOST_WORDS`; `low` and `high` bound its numbers, those
    in lists too, and are None when any value is no number; `whole` says that
    all numbers are integers.
    """

    rows: int
    missing: int
    words: tuple[str, ...] | None
    low: float | None
    high: float | None
    whole: bool

    @property
    def constant(self) -> bool:
        """Whether two rows or more all hold the same value."""
        return self.rows - self.missing > 1 and self.words is not None and len(self.words) == 1

    @property
    def is_number(self) -> bool:
        """Whether there are values, and all of them are numbers."""
        return self.low is not None


class Look:
    """The first rows of a source, read when they are asked for and kept."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.columns = {column.name: column for column in source.columns}
        self._seen: dict[str, Sight] = {}

    def __call__(self, names: Sequence[str]) -> dict[str, Sight]:
        """What the columns hold; those that hold neither single values nor lists of numbers are left out."""
        new = [name for name in dict.fromkeys(names) if name not in self._seen and self._type(name) is not None]
        if new:
            try:
                self._seen |= self._read(new, {})
            except InputError:
                # The kinds of text formats are hints: a later row may hold text where the first hold numbers.
                self._seen |= self._read(new, {name: "text" for name in new if self._type(name) == "number"})
        return {name: self._seen[name] for name in names if name in self._seen}

    def _type(self, name: str) -> ColumnType | None:
        column = self.columns.get(name)
        if column is None or column.kind == "other":
            return None
        if column.as_text:
            return "text"
        if column.kind in ("vector", "matrix", "labelled"):
            return column.kind
        # In text an integer may be a label such as 007.
        typed = self.source.format not in _TEXT_FORMATS
        return "number" if column.kind == "number" or (typed and column.kind == "integer") else "text"

    def _read(self, names: Sequence[str], instead: Mapping[str, ColumnType]) -> dict[str, Sight]:
        types = {name: instead.get(name) or self._type(name) or "text" for name in names}
        gathered = {name: _Gathered(self.columns[name]) for name in names}
        rows = 0
        for batch in self._batches(types):
            taken = batch.slice(0, LOOKED_ROWS - rows)
            rows += taken.num_rows
            for name, one in gathered.items():
                one.add(taken.column(name), types[name])
            if rows == LOOKED_ROWS:
                break
        return {name: one.sight(rows) for name, one in gathered.items()}

    def _batches(self, types: Mapping[str, ColumnType]) -> Iterator[pa.RecordBatch]:
        for shard in self.source.head(LOOKED_ROWS).shards():
            for _, batch in shard.batches(types, max(1, _CHUNK_VALUES // len(types))):
                yield batch


@dataclass
class _Gathered:
    """The values of one column met so far."""

    column: Column
    words: dict[str, None] = field(default_factory=dict)
    many: bool = False
    missing: int = 0
    low: float = np.inf
    high: float = -np.inf
    whole: bool = True
    numeric: bool = True

    def add(self, array: pa.Array, wanted: ColumnType) -> None:
        if wanted == "text":
            self._add_texts(array)
        elif wanted == "number":
            self._add_numbers(floats(array), distinct=not self.many)
        else:
            self.many = True
            self.missing += array.null_count
            while pa.types.is_list(array.type) or pa.types.is_fixed_size_list(array.type):
                array = array.flatten()
            self._add_numbers(floats(array.flatten()[1] if wanted == "labelled" else array), distinct=False)

    def sight(self, rows: int) -> Sight:
        known = self.numeric and self.low <= self.high
        return Sight(
            rows,
            self.missing,
            None if self.many else tuple(self.words),
            self.low if known else None,
            self.high if known else None,
            known and self.whole,
        )

    def _add_texts(self, array: pa.Array) -> None:
        words, places = used_texts(array)
        counts = np.bincount(places, minlength=len(words))
        for place, word in enumerate(words.to_pylist() if len(words) <= MOST_WORDS else words[:MOST_WORDS].to_pylist()):
            text = (word or "").strip()
            value = number_of(text)
            if not text or (value is not None and np.isnan(value)):
                self.missing += int(counts[place])
                continue
            self.words.setdefault(text)
            if value is None:
                self.numeric = False
            else:
                self._bound(value, value)
                self.whole &= value.is_integer()
        self._limit(len(words))

    def _add_numbers(self, values: FloatArray, *, distinct: bool) -> None:
        present = values[~np.isnan(values)]
        if distinct:
            self.missing += len(values) - len(present)
        if not len(present):
            return
        self._bound(float(present.min()), float(present.max()))
        if distinct:
            found = distinct_values(present)
            self._limit(len(found))
            for value in () if self.many else found.tolist():
                self.words.setdefault(str(int(value)) if value.is_integer() else repr(value))
        self.whole = self.whole and bool((present == np.floor(present)).all())

    def _bound(self, low: float, high: float) -> None:
        self.low, self.high = min(self.low, low), max(self.high, high)

    def _limit(self, more: int) -> None:
        self.many = self.many or max(more, len(self.words)) > MOST_WORDS
