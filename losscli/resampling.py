"""Bootstrap intervals: what is summed for them, and the pass over the rows that sums it.

A row is drawn by its id where it has one and else by its number among all
rows, so the interval is the same for every way of reading the rows; without
an id it belongs to the order in which they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from losscli.arrays import class_major
from losscli.columns import Decoder, Tile
from losscli.errors import InputError
from losscli.estimand import Estimand
from losscli.joining.keys import fingerprints
from losscli.measures import Grouping
from losscli.readers import RowCounts, Shard
from losscli.records import dataclass
from losscli.roles import BoolArray, FloatArray, IntArray
from losscli.summary.bootstrap import (
    BUCKETS,
    MOST_GROUPS,
    BucketSums,
    acceleration,
    bca_interval,
    buckets_of,
    replicated,
)
from losscli.summary.intervals import REPLICATES
from losscli.work import BLOCK_ROWS, Partial, Rows, Work


@dataclass(frozen=True)
class Resampling:
    """How rows are drawn again: `seed` names the draws, `replicates` says how many there are."""

    seed: int = 0
    replicates: int = REPLICATES


class ResampleSums:
    """What a bootstrap needs of one expression: sums by bucket, for the total and for the groups of each axis.

    With two `models` it is the difference of the second to the first.
    """

    def __init__(self, estimand: Estimand, axes: int, drawn: Resampling, models: int = 1) -> None:
        self.estimand = estimand
        self.drawn = drawn
        self.models = models
        self.columns: tuple[int, ...] = ()
        self.total: BucketSums | None = None
        self.axes = axes
        self.parts: list[BucketSums] = []

    def update(
        self,
        models: Sequence[Sequence[Sequence[FloatArray]]],
        weights: FloatArray | None,
        buckets: IntArray,
        groupings: Sequence[Grouping],
    ) -> None:
        """Add rows, given what they contribute to each part of the estimand in each model."""
        self._start([len(part) for part in models[0]])
        columns = []
        for model in models:
            for part, values in zip(self.estimand.parts, model, strict=True):
                given = [one * one for one in values] if part.kind == "root" else values
                columns += [one if weights is None else one * weights for one in given]
        columns.append(np.ones(len(buckets)) if weights is None else weights)
        finite = np.logical_and.reduce([np.isfinite(one) for one in columns])
        if not finite.all():
            # Their group has no value, and so no interval.
            columns, buckets = [one[finite] for one in columns], buckets[finite]
            groupings = [grouping.take(finite) for grouping in groupings]
        assert self.total is not None
        self.total.update(columns, buckets, None, 1)
        for axis, grouping in zip(self.parts, groupings, strict=True):
            if grouping.groups > MOST_GROUPS:
                raise InputError(
                    f"--ci bootstrap: {grouping.groups:,} groups, each of which is resampled",
                    f"at most {MOST_GROUPS:,} groups",
                    "--ci hall",
                )
            axis.update(columns, buckets, grouping.codes, grouping.groups)

    def merge(self, other: ResampleSums, maps: Sequence[IntArray]) -> None:
        """Add the rows of `other`; ``maps[axis][i]`` is our group for its group i."""
        if other.total is None:
            return
        self._start(other.columns)
        assert self.total is not None
        self.total.merge(other.total, None)
        for mine, theirs, mapping in zip(self.parts, other.parts, maps, strict=True):
            mine.merge(theirs, mapping)

    def interval(
        self, group: int | None, axis: int, value: float, count: int, level: float
    ) -> tuple[float, float] | None:
        """The BCa interval of the value of a group, or of all, that has `count` rows."""
        found = self.total if group is None else self.parts[axis]
        if found is None or (group or 0) >= found.groups or count < 2:
            return None
        sums = found.sums(group or 0)
        weight = float(sums[-1].sum())
        if not weight:
            return None
        drawn = self.drawn
        resamples = replicated(sums, drawn.seed, drawn.replicates)
        values, influences = np.zeros(drawn.replicates), np.zeros(BUCKETS)
        for model in range(self.models):
            # The second model counts, less the first; or the only one.
            sign = 1.0 if model == self.models - 1 else -1.0
            values += sign * self.estimand.replicated(self._parts(resamples, model), resamples[-1], weight, count)
            slopes = self._slopes(sums, model, weight, count)
            if slopes is None:
                return None
            rows = np.vstack([*self._parts(sums, model), sums[-1:]])
            influences += sign * (slopes[:, None] * rows).sum(axis=0)
        used = influences[sums[-1] > 0]
        return bca_interval(value, values, acceleration(used - used.mean()), level)

    def _start(self, columns: Sequence[int]) -> None:
        if self.total is None:
            self.columns = tuple(columns)
            size = self.models * sum(columns) + 1
            self.total = BucketSums(size)
            self.parts = [BucketSums(size) for _ in range(self.axes)]

    def _parts(self, sums: FloatArray, model: int) -> list[FloatArray]:
        """The rows of `sums` that belong to each part of a model."""
        found, place = [], model * sum(self.columns)
        for count in self.columns:
            found.append(sums[place : place + count])
            place += count
        return found

    def _slopes(self, sums: FloatArray, model: int, weight: float, count: int) -> FloatArray | None:
        parts = self._parts(sums, model)
        estimate = self.estimand.estimate(
            [[Fraction(float(one)) for one in part.sum(axis=1)] for part in parts],
            [[float(np.sqrt((one * one).sum())) for one in part] for part in parts],
            Fraction(weight),
            count,
        )
        return None if estimate is None else np.array([float(slope) for slope in estimate.slopes])


def identities_of(column: Any) -> np.ndarray:
    """What identifies rows (n,) by a column of ids that was read as text."""
    keys = fingerprints(column)
    return keys.low ^ keys.high


@dataclass
class ResampledPartial:
    """The mergeable result of some shards: keys and counts as in a `Partial`, and the sums by bucket."""

    rows: Partial
    sums: list[ResampleSums]

    def merge(self, other: ResampledPartial) -> None:
        """Take over the rows of `other`."""
        maps = self.rows.keys.merge(other.rows.keys)
        for mine, theirs in zip(self.sums, other.sums, strict=True):
            mine.merge(theirs, maps)


@dataclass(frozen=True)
class ResamplingWork:
    """A second pass over the rows of `work`, all of which are known to be valid.

    `counts` are the rows that the first pass read and `before` those of all
    files before each.
    """

    work: Work
    estimands: tuple[Estimand, ...]
    counts: RowCounts
    before: Mapping[int, int]
    drawn: Resampling

    def start(self) -> ResampledPartial:
        """An empty partial result."""
        sums = [ResampleSums(one, self.work.axes, self.drawn) for one in self.estimands]
        return ResampledPartial(self.work.start_empty(), sums)

    def run(self, shard: Shard, partial: ResampledPartial, progress: Callable[[int], None] | None = None) -> None:
        """Add the rows of `shard`."""
        plan = self.work.plans[shard.file]
        decoder = Decoder(plan, self.work.needs, file=shard.file, keys=partial.rows.keys)
        for first_row, batch in shard.batches(plan.types, self.work.chunk_rows):
            excluded = self.work.excluded(batch, shard.file, first_row, partial.rows)
            tile = decoder.tile(batch, first_row, excluded)
            if plan.id is not None:
                identities = identities_of(batch.column(plan.id))
            else:
                first = self.before[shard.file] + self.counts.row_of(shard.file, first_row)
                identities = np.arange(first, first + tile.rows, dtype=np.uint64)
            self._add(tile, shard.file, buckets_of(identities, self.drawn.seed), partial)
            if progress is not None:
                progress(batch.num_rows)

    def _add(self, tile: Tile, file: int, buckets: IntArray, partial: ResampledPartial) -> None:
        hidden: BoolArray = np.zeros(tile.rows, np.bool_)
        for one in (tile.missing, tile.excluded, tile.faulty):
            if one is not None:
                hidden |= one
        used = np.flatnonzero(~hidden)
        for start in range(0, len(used), BLOCK_ROWS):
            self._add_block(tile, used[start : start + BLOCK_ROWS], file, buckets, partial)

    def _add_block(self, tile: Tile, chosen: Rows, file: int, buckets: IntArray, partial: ResampledPartial) -> None:
        inputs = self.work.inputs(tile, chosen)
        # It also turns predictions into what the losses read.
        self.work.validate(inputs, tile, chosen, file)
        weights = None if tile.weights is None else tile.weights[chosen]
        groupings = self.work.groupings(tile, chosen, partial.rows.keys)
        mine = buckets[chosen]
        for estimand, sums, terms in zip(self.estimands, partial.sums, inputs, strict=True):
            kept = estimand.kept(terms)
            if kept is None:
                sums.update([_values(estimand, terms)], weights, mine, groupings)
                continue
            terms = [{name: class_major(array[kept]) for name, array in one.items()} for one in terms]
            taken = [grouping.take(kept) for grouping in groupings]
            sums.update([_values(estimand, terms)], None if weights is None else weights[kept], mine[kept], taken)


def resampled(partial: Partial, found: ResampledPartial) -> tuple[ResampleSums, ...]:
    """The sums of a second pass under the group codes of the first."""
    maps = partial.keys.merge(found.rows.keys)
    ours = tuple(ResampleSums(one.estimand, one.axes, one.drawn) for one in found.sums)
    for mine, theirs in zip(ours, found.sums, strict=True):
        mine.merge(theirs, maps)
    return ours


def _values(estimand: Estimand, terms: Sequence[Mapping[str, Any]]) -> list[list[FloatArray]]:
    with np.errstate(all="ignore"):
        return estimand.values(terms)
