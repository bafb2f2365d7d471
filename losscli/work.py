"""One shard in, one mergeable partial result out.

A `Work` says what to compute and is picklable; a `Partial` is what came of
some shards.  Engines only fold: they know neither losses nor files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from losscli.arguments import call_with
from losscli.arrays import class_major
from losscli.columns import ColumnPlan, Decoder, Keys, MarginSeen, Need, Tile
from losscli.errors import InputError
from losscli.expression import Expression
from losscli.faults import Fault, Faults
from losscli.measures import ExpressionMeasure, Grouping
from losscli.readers import RowCounts, Shard
from losscli.roles import BoolArray, FloatArray, IntArray
from losscli.validation import check_shapes, find_faults

if TYPE_CHECKING:
    from losscli.where import Census, Where

# Rows in one kernel call: temporaries of a few float64 columns stay in the second-level cache.
BLOCK_ROWS = 32_768

# A group takes about 10 kB once its losses spread over many octaves; more of them are no table to look at.
MOST_GROUPS = 100_000

NanPolicy = Literal["error", "skip", "propagate"]
# Rows of a tile: a run of them, or the index of each.
Rows: TypeAlias = slice | IntArray
# Receives file, the numbers that its shards give the rows ``(n,)``, the losses of each expression, the kept columns.
RowSink = Callable[[int, IntArray, list[FloatArray], Sequence[Any]], None]


@dataclass
class Partial:
    """The mergeable result of some shards: measures, group keys, counts and faults."""

    measures: list[ExpressionMeasure]
    keys: Keys
    counts: RowCounts = field(default_factory=RowCounts)
    rows_used: int = 0
    rows_skipped: int = 0
    skipped_by_class: dict[str | None, int] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    margins: MarginSeen = field(default_factory=MarginSeen)
    census: Census | None = None

    @property
    def rows_read(self) -> dict[int, int]:
        """The rows read of each file."""
        return self.counts.by_file()

    def merge(self, other: Partial) -> None:
        """Take over the rows of `other`."""
        maps = self.keys.merge(other.keys)
        for mine, theirs in zip(self.measures, other.measures, strict=True):
            mine.merge(theirs, maps)
        self.counts.merge(other.counts)
        self.rows_used += other.rows_used
        self.rows_skipped += other.rows_skipped
        for name, rows in other.skipped_by_class.items():
            self.skipped_by_class[name] = self.skipped_by_class.get(name, 0) + rows
        self.faults.merge(other.faults)
        self.margins.merge(other.margins)
        if self.census is not None and other.census is not None:
            self.census.merge(other.census)


@dataclass(frozen=True)
class Work:
    """What to compute from every shard.

    `plans` has the columns of each file; `by_class` asks for the classes as
    the first grouping axis, before the axes of ``--by``; `where` chooses rows.
    """

    expressions: tuple[Expression, ...]
    plans: tuple[ColumnPlan, ...]
    needs: tuple[Need, ...]
    weighted: bool
    by_class: bool
    slices: int
    nan: NanPolicy = "error"
    chunk_rows: int = 2 * BLOCK_ROWS
    where: Where | None = None

    @property
    def axes(self) -> int:
        return self.by_class + self.slices

    def start(self) -> Partial:
        """An empty partial result."""
        measures = [
            ExpressionMeasure(expression, weighted=self.weighted, axes=self.axes) for expression in self.expressions
        ]
        census = None if self.where is None else self.where.census()
        return Partial(measures, Keys(slices=self.slices, by_class=self.by_class), census=census)

    def run(
        self,
        shard: Shard,
        partial: Partial,
        progress: Callable[[int], None] | None = None,
        sink: RowSink | None = None,
    ) -> None:
        """Add the rows of `shard` to `partial`; `sink` receives the loss of every row."""
        plan = self.plans[shard.file]
        decoder = Decoder(plan, self.needs, file=shard.file, keys=partial.keys)
        for first_row, batch in shard.batches(plan.types, self.chunk_rows):
            partial.counts.add(shard.file, shard.first_row, batch.num_rows)
            tile = decoder.tile(batch, first_row, self._excluded(batch, shard.file, first_row, partial))
            losses = self._add(tile, shard.file, partial, wanted=sink is not None)
            if sink is not None and losses is not None:
                kept = [batch.column(name) for name in plan.keep]
                self._emit(sink, shard.file, tile, losses, kept)
            self.refuse_many_groups(partial)
            if progress is not None:
                progress(batch.num_rows)
        partial.margins.merge(decoder.margin_seen)

    def _excluded(self, batch: Any, file: int, first_row: int, partial: Partial) -> BoolArray | None:
        """The rows that the filter leaves out."""
        if self.where is None or partial.census is None:
            return None
        passed = self.where.mask(batch, partial.faults, file=file, first_row=first_row)
        partial.census.note(batch, passed)
        return ~passed

    def refuse_many_groups(self, partial: Partial) -> None:
        """Raise an InputError for an axis of more than `MOST_GROUPS` groups: most likely it identifies the rows."""
        plan, keys = self.plans[0], partial.keys
        axes: list[tuple[int, str, str | None]] = [(len(keys.classes), "the label", None)] if self.by_class else []
        axes += [
            (len(names), "--by " + ",".join(cross), "--by with a column of categories")
            for names, cross in zip(keys.slices, plan.by, strict=True)
        ]
        for groups, axis, fix in axes:
            if groups > MOST_GROUPS:
                rows = sum(partial.rows_read.values())
                raise InputError(
                    f"{axis}: {groups:,} different values in {rows:,} rows", f"at most {MOST_GROUPS:,} groups", fix
                )

    def _add(self, tile: Tile, file: int, partial: Partial, *, wanted: bool) -> list[FloatArray] | None:
        """Add a tile; returns the weighted loss of each row if `wanted` (NaN where missing), None after a fault."""
        partial.faults.merge(tile.faults)
        missing = tile.missing if tile.missing is not None and tile.missing.any() else None
        if missing is not None:
            if self.nan == "error":
                _report_missing(tile, file, partial.faults)
            else:
                self._count_skipped(tile, partial)
        hidden = _either(_either(missing, tile.excluded), tile.faulty)
        used = None if hidden is None else np.flatnonzero(~hidden)
        count = tile.rows if used is None else len(used)
        losses = [np.full(tile.rows, np.nan) for expression in self.expressions if wanted and expression.has_rows]
        for start in range(0, count, BLOCK_ROWS):
            end = min(start + BLOCK_ROWS, count)
            # A slice of a whole tile is a view; rows picked from another are a copy.
            chosen: Rows = slice(start, end) if used is None else used[start:end]
            values = self._add_block(tile, chosen, file, partial, wanted=wanted)
            for mine, theirs in zip(losses, values, strict=False):
                mine[chosen] = theirs
        partial.rows_used += count
        if self.nan == "propagate" and missing is not None:
            self._propagate(tile, missing, partial)
        return None if partial.faults else losses

    def _emit(self, sink: RowSink, file: int, tile: Tile, losses: list[FloatArray], kept: list[Any]) -> None:
        rows = np.arange(tile.first_row, tile.first_row + tile.rows)
        hidden = _either(tile.missing if self.nan == "skip" else None, tile.excluded)
        if hidden is not None:
            import pyarrow as pa

            used = np.flatnonzero(~hidden)
            index = pa.Array.from_buffers(pa.int64(), len(used), [None, pa.py_buffer(used.astype(np.int64))])
            kept = [column.take(index) for column in kept]
            rows, losses = rows[used], [one[used] for one in losses]
        sink(file, rows, losses, kept)

    def _add_block(self, tile: Tile, chosen: Rows, file: int, partial: Partial, *, wanted: bool) -> list[FloatArray]:
        """Add some rows of a tile; returns the weighted losses of every expression that has rows, if `wanted`."""
        taken: dict[tuple[str, str], Any] = {
            key: array[chosen] if isinstance(chosen, slice) else class_major(array[chosen])
            for key, array in tile.inputs.items()
        }
        weights = None if tile.weights is None else tile.weights[chosen]
        term_inputs = [
            [{one.name: taken[one.name, one.role.reading] for one in term.loss.inputs} for term in expression.terms]
            for expression in self.expressions
        ]
        partial.faults.merge(self._validate(term_inputs, tile, chosen, file))
        if partial.faults:
            # The error counts every bad row of the data, so reading goes on; sums would be wasted.
            return []
        groupings = self._groupings(tile, chosen, partial.keys)
        place = (file, tile.first_row + _row(chosen, 0))
        losses = []
        for measure, inputs in zip(partial.measures, term_inputs, strict=True):
            values = measure.update(inputs, weights, groupings, place)
            if wanted and values is not None:
                losses.append(values if weights is None else values * weights)
        return losses

    def _validate(self, term_inputs: Any, tile: Tile, chosen: Rows, file: int) -> Faults:
        faults = Faults()
        plan = self.plans[file]
        for expression, inputs in zip(self.expressions, term_inputs, strict=True):
            for term, one in zip(expression.terms, inputs, strict=True):
                check_shapes(term.loss, one)
                kept: IntArray | None = None
                if term.loss.omit is not None and not term.loss.whole:
                    omitted = _omitted(term.loss, one)
                    if omitted.any():
                        kept = np.flatnonzero(~omitted)
                        if not len(kept):
                            continue
                        one = {name: class_major(array[kept]) for name, array in one.items()}

                def row_number(index: int, kept: IntArray | None = kept) -> int:
                    return tile.first_row + _row(chosen, index if kept is None else int(kept[index]))

                found = find_faults(term.loss, one, plan.input_columns, file=file, row_numbers=row_number)
                for fault in found.by_key.values():
                    if fault.key not in faults.by_key:
                        faults.add(fault)
        return faults

    def _groupings(self, tile: Tile, chosen: Rows | BoolArray, keys: Keys) -> list[Grouping]:
        groupings: list[Grouping] = []
        if self.by_class:
            assert tile.class_codes is not None
            groupings.append(Grouping(tile.class_codes[chosen], len(keys.classes)))
        slices = zip(tile.slice_codes, keys.slices, strict=True)
        return groupings + [Grouping(codes[chosen], len(names)) for codes, names in slices]

    def _count_skipped(self, tile: Tile, partial: Partial) -> None:
        assert tile.missing is not None
        partial.rows_skipped += int(tile.missing.sum())
        if not self.by_class or tile.class_codes is None:
            return
        codes, counts = np.unique(tile.class_codes[tile.missing], return_counts=True)
        for code, count in zip(codes, counts, strict=True):
            name = partial.keys.classes[code] if code >= 0 else None
            partial.skipped_by_class[name] = partial.skipped_by_class.get(name, 0) + int(count)

    def _propagate(self, tile: Tile, missing: BoolArray, partial: Partial) -> None:
        """Give every missing row the loss NaN, in its groups and in the total."""
        values = np.full(int(missing.sum()), np.nan)
        weights = None if tile.weights is None else np.nan_to_num(tile.weights[missing], nan=0.0)
        groupings = self._groupings(tile, missing, partial.keys)
        for measure in partial.measures:
            if measure.rows is not None:
                measure.rows.update(values, weights, groupings)


def _either(one: BoolArray | None, other: BoolArray | None) -> BoolArray | None:
    """The rows that are in either of two sets, None standing for the empty set."""
    if one is None or other is None:
        return other if one is None else one
    return one | other


def _row(chosen: Rows, index: int) -> int:
    """The row of the tile that stands at `index` among the chosen ones."""
    return int(chosen.start) + index if isinstance(chosen, slice) else int(chosen[index])


def _omitted(loss: Any, inputs: Any) -> BoolArray:
    omitted: BoolArray = call_with(loss.omit, {**inputs, **loss.values})
    return omitted


def _report_missing(tile: Tile, file: int, faults: Faults) -> None:
    assert tile.missing is not None
    rows = np.flatnonzero(tile.missing)
    row = int(rows[0])
    faults.add(
        Fault(
            file=file,
            column=tile.missing_column(row) or "",
            problem="is missing or NaN",
            row=tile.first_row + row,
            value="the value",
            count=len(rows),
            expected="a value in every row",
            fix="--nan skip to leave such rows out and count them",
        )
    )
