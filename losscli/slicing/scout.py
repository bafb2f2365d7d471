"""A first pass over the columns that slices may be made of: what values do they hold?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from losscli.bins import BinScout
from losscli.columns.batch import text_floats, texts
from losscli.columns.labels import canonical
from losscli.distinct import distinct_values
from losscli.faults import Faults
from losscli.readers import ColumnType, Shard
from losscli.readers.arrays import floats
from losscli.records import dataclass
from losscli.roles import BoolArray

if TYPE_CHECKING:
    from losscli.where import Where


@dataclass
class ColumnScouts:
    """The values of some shards: of number columns how they are spread, of others the distinct ones.

    Of these at most ``most + 1`` are kept: one more than are wanted.
    """

    numbers: dict[str, BinScout]
    words: dict[str, set[str]]
    most: int

    def merge(self, other: ColumnScouts) -> None:
        """Take over the values of `other`."""
        for column, scout in other.numbers.items():
            self.numbers[column].merge(scout)
        for column, words in other.words.items():
            self.add(column, words)

    def add(self, column: str, words: set[str]) -> None:
        """Note some values of a column, as long as there are not too many."""
        known = self.words[column]
        if len(known) <= self.most:
            known |= words
        while len(known) > self.most + 1:
            known.pop()


@dataclass(frozen=True)
class ColumnScoutWork:
    """Looks at the `columns`, read as numbers or as text, in the rows that pass the filter.

    `types` are, for each file, those in which its columns are read for
    everything.  What is not a number in a column of numbers is left to the
    evaluation, which names it.
    """

    columns: Mapping[str, ColumnType]
    types: tuple[Mapping[str, ColumnType], ...]
    where: Where | None
    most: int
    chunk_rows: int

    def start(self) -> ColumnScouts:
        """Nothing seen yet."""
        return ColumnScouts(
            {column: BinScout() for column, wanted in self.columns.items() if wanted == "number"},
            {column: set() for column, wanted in self.columns.items() if wanted != "number"},
            self.most,
        )

    def run(self, shard: Shard, scouts: ColumnScouts, progress: Callable[[int], None] | None = None) -> None:
        """Add the rows of `shard`."""
        wanted = {*self.columns, *(self.where.columns if self.where is not None else ())}
        types = {name: kind for name, kind in self.types[shard.file].items() if name in wanted}
        for first_row, batch in shard.batches(types, self.chunk_rows):
            passed: BoolArray | slice = slice(None)
            if self.where is not None:
                passed = self.where.mask(batch, Faults(), file=shard.file, first_row=first_row)
            for column, scout in scouts.numbers.items():
                array = batch.column(column)
                values = text_floats(texts(array))[0] if types[column] == "text" else floats(array)
                scout.update(values[passed])
            for column in scouts.words:
                found = texts(batch.column(column))
                used = distinct_values(found.indices[passed]).tolist()
                words = [found.words[place] for place in used]
                scouts.add(column, {canonical(word) for word in words if word is not None})
            if progress is not None:
                progress(0)
