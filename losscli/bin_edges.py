"""The edges of quantile bins: a first pass over the rows, before losses are evaluated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING

from losscli.bins import BinScout, Place, QuantileBins
from losscli.columns import ColumnPlan
from losscli.columns.batch import text_floats, texts
from losscli.errors import UsageError
from losscli.faults import Faults
from losscli.readers import ColumnType, Shard, Source
from losscli.readers.arrays import floats
from losscli.records import dataclass

if TYPE_CHECKING:
    from losscli.where import Where


@dataclass
class Scouted:
    """What the values of some shards are like, by column; merges in any order."""

    scouts: dict[str, BinScout] = field(default_factory=dict)

    def merge(self, other: Scouted) -> None:
        """Take over the values of `other`."""
        for column, scout in other.scouts.items():
            self.scouts.setdefault(column, BinScout()).merge(scout)


@dataclass(frozen=True)
class ScoutWork:
    """Counts the values of `columns` in the rows that pass the filter.

    `types` are, for each file, those of the columns that it reads.  What is
    not a number is left to the evaluation, which names it.
    """

    columns: tuple[str, ...]
    types: tuple[Mapping[str, ColumnType], ...]
    chunk_rows: int
    where: Where | None

    def start(self) -> Scouted:
        """Nothing seen yet."""
        return Scouted({column: BinScout() for column in self.columns})

    def run(self, shard: Shard, scouted: Scouted, progress: Callable[[int], None] | None = None) -> None:
        """Add the rows of `shard`."""
        types = self.types[shard.file]
        for first_row, batch in shard.batches(types, self.chunk_rows):
            passed = None
            if self.where is not None:
                passed = self.where.mask(batch, Faults(), file=shard.file, first_row=first_row)
            for column in self.columns:
                array = batch.column(column)
                values = text_floats(texts(array))[0] if types[column] == "text" else floats(array)
                scouted.scouts[column].update(values if passed is None else values[passed])
            if progress is not None:
                progress(0)


def unsettled(plan: ColumnPlan) -> dict[Place, QuantileBins]:
    """The bins whose edges the rows have to tell."""
    return {place: bins for place, bins in plan.bins.items() if isinstance(bins, QuantileBins)}


def scout_work(plans: Sequence[ColumnPlan], where: Where | None, chunk_rows: int) -> ScoutWork:
    """The work of the first pass."""
    first = plans[0]
    columns = tuple(dict.fromkeys(first.by[axis][place] for axis, place in unsettled(first)))
    wanted = {*columns, *(where.columns if where is not None else ())}
    types = tuple({name: kind for name, kind in plan.types.items() if name in wanted} for plan in plans)
    return ScoutWork(columns, types, chunk_rows, where)


def settled(plans: Sequence[ColumnPlan], scouted: Scouted) -> tuple[tuple[ColumnPlan, ...], tuple[str, ...]]:
    """The plans with the edges of all bins, the same for every file, and what there is to say about these."""
    first = plans[0]
    bins = dict(first.bins)
    notes = []
    for (axis, place), wanted in unsettled(first).items():
        column = first.by[axis][place]
        found = wanted.settled(scouted.scouts[column])
        bins[axis, place] = found
        note = wanted.note(column, found)
        if note is not None:
            notes.append(note)
    return tuple(replace(plan, bins=bins) for plan in plans), tuple(dict.fromkeys(notes))


def refuse_read_once(sources: Sequence[Source], plan: ColumnPlan) -> None:
    """Raise a UsageError for data that cannot be read a second time."""
    quantiles = unsettled(plan)
    if quantiles and any(source.read_once for source in sources):
        axis, place = next(iter(quantiles))
        column = plan.by[axis][place]
        raise UsageError(
            f"quantile bins of {column} need two passes, which an iterator of batches does not allow",
            "a file or a table",
            f"fixed bins, such as {column}:0,1",
        )
