"""One shard in, one mergeable partial result out.

A `Work` says what to compute and is picklable; a `Partial` is what came of
some shards.  Engines only fold: they know neither losses nor files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from losscli.arguments import call_with
from losscli.arrays import class_major
from losscli.columns import ColumnPlan, Decoder, Keys, MarginSeen, Need, Tile
from losscli.columns.kinds import UNDECIDED, Decision
from losscli.columns.scores import Conversion, conversion
from losscli.declaration import Loss
from losscli.distinct import distinct_with_counts
from losscli.errors import InputError
from losscli.expression import Expression
from losscli.faults import Fault, Faults
from losscli.measures import ExpressionMeasure, Grouping
from losscli.readers import ColumnType, RowCounts, Shard
from losscli.records import dataclass
from losscli.roles import BoolArray, FloatArray, IntArray
from losscli.validation import check_shapes, find_faults, lies_within, outside_fault

if TYPE_CHECKING:
    from losscli.checks import Watch
    from losscli.checks.check import Evidence
    from losscli.resampling import ResampleSums
    from losscli.where import Census, Where

# Rows that are validated, evaluated and summed together: enough that the steps between cost little.
BLOCK_ROWS = 65_536

# Evidence that a part of the rows gives as well is gathered from so many rows at the start of every shard.
WATCHED_ROWS = 1 << 17

# A group takes about 10 kB once its losses spread over many octaves; more of them are no table to look at.
MOST_GROUPS = 100_000

# The fault of a value that is not there, whichever column it is missing in.
MISSING = "is missing or NaN"

NanPolicy = Literal["error", "skip", "propagate"]
# Rows of a tile: a run of them, or the index of each.
Rows: TypeAlias = slice | IntArray
# Receives file, the numbers that its shards give the rows ``(n,)``, the losses of each expression, the kept columns.
RowSink = Callable[[int, IntArray, list[FloatArray], Sequence[Any]], None]
# Receives file, tile, the batch that it was made of, the losses of each expression, NaN in rows that are not used.
TileTap = Callable[[int, Tile, Any, list[FloatArray]], None]


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
    evidence: dict[str, Evidence] = field(default_factory=dict)
    # Of each expression, where a second pass has summed them for a bootstrap.
    resamples: tuple[ResampleSums, ...] | None = None

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
        for name, evidence in self.evidence.items():
            evidence.merge(other.evidence[name])


@dataclass(frozen=True)
class Work:
    """What to compute from every shard.

    `plans` has the columns of each file; `by_class` asks for the classes as
    the first grouping axis, before the axes of ``--by``; `where` chooses rows;
    `decision` says what the predictions are, and `watch` has the checks of both.
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
    decision: Decision = UNDECIDED
    watch: Watch | None = None

    @property
    def axes(self) -> int:
        return self.by_class + self.slices

    @cached_property
    def conversions(self) -> tuple[tuple[Conversion | None, ...], ...]:
        """How every term of every expression reads predictions of the kind decided."""
        return tuple(
            tuple(conversion(term.loss, self.decision) for term in expression.terms) for expression in self.expressions
        )

    def start(self) -> Partial:
        """An empty partial result."""
        measures = [
            ExpressionMeasure(expression, weighted=self.weighted, axes=self.axes) for expression in self.expressions
        ]
        return self.start_empty(measures)

    def start_empty(self, measures: Sequence[ExpressionMeasure] = ()) -> Partial:
        """An empty partial result of these measures, or of none: keys, counts and faults alone."""
        census = None if self.where is None else self.where.census()
        evidence = {} if self.watch is None else self.watch.start()
        keys = Keys(slices=self.slices, by_class=self.by_class)
        return Partial(list(measures), keys, census=census, evidence=evidence)

    def run(
        self,
        shard: Shard,
        partial: Partial,
        progress: Callable[[int], None] | None = None,
        sink: RowSink | None = None,
        tap: TileTap | None = None,
    ) -> None:
        """Add the rows of `shard` to `partial`; `sink` receives the loss of every row, `tap` whole tiles with these."""
        plan = self.plans[shard.file]
        decoder = Decoder(plan, self.needs, file=shard.file, keys=partial.keys)
        watched: int | None = None
        types = self._stored_types(plan) if shard.stores_types and sink is None and tap is None else plan.types
        for first_row, batch in shard.batches(types, self.chunk_rows):
            watched = first_row + WATCHED_ROWS if watched is None else watched
            partial.counts.add(shard.file, shard.first_row, batch.num_rows)
            tile = decoder.tile(batch, first_row, self.excluded(batch, shard.file, first_row, partial))
            losses = self._add(tile, shard.file, partial, watched, wanted=sink is not None or tap is not None)
            if tap is not None and losses is not None:
                tap(shard.file, tile, batch, losses)
            if sink is not None and losses is not None:
                kept = [batch.column(name) for name in plan.keep]
                self._emit(sink, shard.file, tile, losses, kept)
            self.refuse_many_groups(partial)
            if progress is not None:
                progress(batch.num_rows)
        partial.margins.merge(decoder.margin_seen)

    def _stored_types(self, plan: ColumnPlan) -> Mapping[str, ColumnType]:
        """The types of a plan, with those numbers as stored that only the decoder sees."""
        filtered = self.where.columns if self.where is not None else ()
        return {
            name: "stored" if wanted == "number" and name not in filtered else wanted
            for name, wanted in plan.types.items()
        }

    def excluded(self, batch: Any, file: int, first_row: int, partial: Partial) -> BoolArray | None:
        """The rows that the filter leaves out."""
        if self.where is None or partial.census is None:
            return None
        passed = self.where.mask(batch, partial.faults, file=file, first_row=first_row)
        partial.census.note(batch, passed)
        return ~passed

    def refuse_many_groups(self, partial: Partial) -> None:
        """Raise an InputError for an axis of more than `MOST_GROUPS` groups: most likely it identifies the rows."""
        refuse_many_groups(partial, self.plans[0].by, by_class=self.by_class)

    def _add(self, tile: Tile, file: int, partial: Partial, watched: int, *, wanted: bool) -> list[FloatArray] | None:
        """Add a tile; returns the weighted loss of each row if `wanted` (NaN where missing), None after a fault.

        The rows before row `watched` of the file are those that all evidence sees.
        """
        partial.faults.merge(tile.faults)
        missing = tile.missing if tile.missing is not None and tile.missing.any() else None
        if missing is not None:
            self._count_skipped(tile, partial)
            if self.nan == "error":
                report_missing(tile, file, partial.faults)
        hidden = _either(_either(missing, tile.excluded), tile.faulty)
        used = None if hidden is None else np.flatnonzero(~hidden)
        count = tile.rows if used is None else len(used)
        losses = [np.full(tile.rows, np.nan) for expression in self.expressions if wanted and expression.has_rows]
        for start in range(0, count, BLOCK_ROWS):
            end = min(start + BLOCK_ROWS, count)
            # A slice of a whole tile is a view; rows picked from another are a copy.
            chosen: Rows = slice(start, end) if used is None else used[start:end]
            values = self._add_block(tile, chosen, file, partial, watched, wanted=wanted)
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

    def _add_block(
        self, tile: Tile, chosen: Rows, file: int, partial: Partial, watched: int, *, wanted: bool
    ) -> list[FloatArray]:
        """Add some rows of a tile; returns the weighted losses of every expression that has rows, if `wanted`."""
        term_inputs = self.inputs(tile, chosen)
        weights = None if tile.weights is None else tile.weights[chosen]
        partial.faults.merge(self.validate(term_inputs, tile, chosen, file))
        if partial.faults:
            # The error counts every bad row of the data, so reading goes on; sums would be wasted.
            return []
        if self.watch is not None:
            self.watch.see(partial.evidence, tile, chosen, _before(chosen, watched - tile.first_row), partial.keys)
        groupings = self.groupings(tile, chosen, partial.keys)
        place = (file, tile.first_row + _row(chosen, 0))
        losses = []
        for measure, inputs in zip(partial.measures, term_inputs, strict=True):
            values = measure.update(inputs, weights, groupings, place)
            if wanted and values is not None:
                losses.append(values if weights is None else values * weights)
        return losses

    def inputs(self, tile: Tile, chosen: Rows) -> list[list[dict[str, Any]]]:
        """The inputs of some rows of a tile, for each expression those of every term."""
        taken: dict[tuple[str, str], Any] = {
            key: array[chosen] if isinstance(chosen, slice) else class_major(array[chosen])
            for key, array in tile.inputs.items()
        }
        return [
            [{one.name: taken[one.name, one.role.reading] for one in term.loss.inputs} for term in expression.terms]
            for expression in self.expressions
        ]

    def validate(self, term_inputs: Any, tile: Tile, chosen: Rows, file: int) -> Faults:
        """The values of these `inputs` that the losses cannot take.

        Predictions of a kind that a loss does not read become, in place, what it reads.
        """
        faults = Faults()
        converted: dict[tuple[Any, int], Any] = {}
        for expression, conversions, inputs in zip(self.expressions, self.conversions, term_inputs, strict=True):
            for term, rule, one in zip(expression.terms, conversions, inputs, strict=True):
                check_shapes(term.loss, one)
                found = self._faults_of_term(term.loss, rule, one, converted, tile, chosen, file)
                for fault in found.by_key.values():
                    if fault.key not in faults.by_key:
                        faults.add(fault)
        return faults

    def _faults_of_term(
        self,
        loss: Loss,
        rule: Conversion | None,
        inputs: dict[str, Any],
        converted: dict[tuple[Any, int], Any],
        tile: Tile,
        chosen: Rows,
        file: int,
    ) -> Faults:
        """The faults of one term, whose predictions are converted unless `converted` has them."""
        columns = self.plans[file].input_columns
        keys = ((one.name, one.role.reading) for one in loss.inputs)
        ends = {key[0]: tile.ends[key] for key in keys if key in tile.ends}
        kept: IntArray | None = None
        if loss.omit is not None and not loss.whole:
            omitted = _omitted(loss, inputs)
            if omitted.any():
                kept = np.flatnonzero(~omitted)
                if not len(kept):
                    return Faults()

        def row_number(index: int) -> int:
            return tile.first_row + _row(chosen, index if kept is None else int(kept[index]))

        if rule is not None:
            given = inputs[rule.input]
            fault = None
            if not lies_within(rule.domain, ends.get(rule.input)):
                fault = outside_fault(
                    rule.domain,
                    given if kept is None else given[kept],
                    rule.noun,
                    columns.get(rule.input, ()),
                    rule.fix,
                    file=file,
                    row_numbers=row_number,
                )
            if fault is not None:
                return Faults({fault.key: fault})
            if rule.convert is not None:
                key = rule.convert, id(given)
                if key not in converted:
                    with np.errstate(all="ignore"):
                        converted[key] = rule.convert(given)
                inputs[rule.input] = converted[key]
                ends.pop(rule.input, None)
        if kept is not None:
            inputs = {name: class_major(array[kept]) for name, array in inputs.items()}
        return find_faults(loss, inputs, columns, file=file, row_numbers=row_number, ends=ends)

    def groupings(self, tile: Tile, chosen: Rows | BoolArray, keys: Keys) -> list[Grouping]:
        """The group of some rows of a tile on every axis."""
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
        codes, counts = distinct_with_counts(tile.class_codes[tile.missing])
        for code, count in zip(codes, counts, strict=True):
            name = partial.keys.classes[code] if code >= 0 else None
            partial.skipped_by_class[name] = partial.skipped_by_class.get(name, 0) + int(count)

    def _propagate(self, tile: Tile, missing: BoolArray, partial: Partial) -> None:
        """Give every missing row the loss NaN, in its groups and in the total."""
        values = np.full(int(missing.sum()), np.nan)
        weights = None if tile.weights is None else np.nan_to_num(tile.weights[missing], nan=0.0)
        groupings = self.groupings(tile, missing, partial.keys)
        for measure in partial.measures:
            if measure.rows is not None:
                measure.rows.update(values, weights, groupings)


def refuse_many_groups(partial: Partial, by: Sequence[Sequence[str]], *, by_class: bool) -> None:
    """Raise an InputError for an axis of more than `MOST_GROUPS` groups; `by` are the columns of the slices."""
    keys = partial.keys
    axes: list[tuple[int, str, str | None]] = [(len(keys.classes), "the label", None)] if by_class else []
    axes += [
        (len(names), "--by " + ",".join(cross), "--by with a column of categories")
        # Behind the slices a comparison keeps its clusters, of which there may be more.
        for names, cross in zip(keys.slices, by, strict=False)
    ]
    for groups, axis, fix in axes:
        if groups > MOST_GROUPS:
            rows = sum(partial.rows_read.values())
            raise InputError(
                f"{axis}: {groups:,} different values in {rows:,} rows", f"at most {MOST_GROUPS:,} groups", fix
            )


def _either(one: BoolArray | None, other: BoolArray | None) -> BoolArray | None:
    """The rows that are in either of two sets, None standing for the empty set."""
    if one is None or other is None:
        return other if one is None else one
    return one | other


def _row(chosen: Rows, index: int) -> int:
    """The row of the tile that stands at `index` among the chosen ones."""
    return int(chosen.start) + index if isinstance(chosen, slice) else int(chosen[index])


def _before(chosen: Rows, end: int) -> Rows:
    """The chosen rows of a tile that come before row `end` of it."""
    if isinstance(chosen, slice):
        return slice(chosen.start, max(min(chosen.stop, end), chosen.start))
    return chosen[: int(np.searchsorted(chosen, end))]


def _omitted(loss: Any, inputs: Any) -> BoolArray:
    omitted: BoolArray = call_with(loss.omit, {**inputs, **loss.values})
    return omitted


def report_missing(tile: Tile, file: int, faults: Faults) -> None:
    """Add the fault of the rows of a tile in which a value is missing."""
    assert tile.missing is not None
    rows = np.flatnonzero(tile.missing)
    row = int(rows[0])
    faults.add(
        Fault(
            file=file,
            column=tile.missing_column(row) or "",
            problem=MISSING,
            row=tile.first_row + row,
            value="the value",
            count=len(rows),
            expected="a value in every row",
            fix="--nan skip to leave such rows out and count them",
            any_column=True,
        )
    )
