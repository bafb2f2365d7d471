"""One shard of pairs in, one mergeable partial result out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field

import numpy as np

from losscli.arrays import class_major
from losscli.columns import Decoder, Tile
from losscli.comparison.agreement import Disagreements, label_texts
from losscli.comparison.measure import PairMeasure
from losscli.comparison.sameness import Likeness
from losscli.comparison.worst import Namer, WorstRows
from losscli.errors import InputError
from losscli.estimand import Estimand
from losscli.joining import Pair, PairShard
from losscli.records import dataclass
from losscli.resampling import ResampleSums, Resampling, identities_of
from losscli.roles import BoolArray, IntArray
from losscli.summary.bootstrap import buckets_of
from losscli.work import BLOCK_ROWS, Partial, Rows, Work, refuse_many_groups, report_missing

# A cluster takes a few hundred bytes for each loss and grouping.
MOST_CLUSTERS = 1_000_000


@dataclass
class PairPartial:
    """The mergeable result of some shards of pairs.

    `base` has the group keys, the filter's census and the faults of the
    baseline; `cand` the faults of the candidate.
    """

    measures: list[PairMeasure]
    worst: list[WorstRows]
    resamples: list[ResampleSums]
    base: Partial
    cand: Partial
    pairs: int = 0
    used: int = 0
    skipped: int = 0
    disagreements: Disagreements = field(default_factory=Disagreements)
    likeness: Likeness = field(default_factory=Likeness)

    def merge(self, other: PairPartial) -> None:
        """Take over the pairs of `other`."""
        maps = self.base.keys.merge(other.base.keys)
        for mine, theirs in zip(self.measures, other.measures, strict=True):
            clusters = maps[-1] if mine.clustered else None
            mine.merge(theirs, maps[: mine.axes], clusters)
        for ours, others in zip(self.worst, other.worst, strict=True):
            ours.merge(others)
        for sums, more in zip(self.resamples, other.resamples, strict=True):
            sums.merge(more, maps[: sums.axes])
        self.base.merge(other.base)
        self.cand.merge(other.cand)
        self.pairs += other.pairs
        self.used += other.used
        self.skipped += other.skipped
        self.disagreements.merge(other.disagreements)
        self.likeness.merge(other.likeness)


@dataclass(frozen=True)
class PairWork:
    """What to compute from every shard of pairs.

    `base` and `cand` say how the columns of each side are read; the baseline's
    groups, weights and filter are those of the pair.  Its last ``--by`` is the
    cluster column if `clustered`.  `identity` is a column that both sides have
    and must agree in, `id` the one that names a row of `worst` lists.
    """

    base: Work
    cand: Work
    estimands: tuple[Estimand, ...]
    clustered: bool = False
    worst: int = 0
    identity: str | None = None
    id: str | None = None
    drawn: Resampling | None = None

    @property
    def axes(self) -> int:
        """How many groupings are shown."""
        return self.base.axes - self.clustered

    def start(self) -> PairPartial:
        """An empty partial result."""
        measures = [
            PairMeasure(one, weighted=self.base.weighted, axes=self.axes, clustered=self.clustered)
            for one in self.estimands
        ]
        worst = [WorstRows(self.worst) for one in self.estimands if self.worst and one.has_rows]
        resamples = [] if self.drawn is None else [self._resamples(one, self.drawn) for one in self.estimands]
        return PairPartial(measures, worst, resamples, self.base.start_empty(), self.cand.start_empty())

    def _resamples(self, estimand: Estimand, drawn: Resampling) -> ResampleSums:
        return ResampleSums(estimand, self.axes, drawn, models=2)

    def run(self, shard: PairShard, partial: PairPartial, progress: Callable[[int], None] | None = None) -> None:
        """Add the pairs of `shard` to `partial`."""
        # Both decoders share the keys, so a class has one code in both.
        base = Decoder(self.base.plans[0], self.base.needs, file=0, keys=partial.base.keys)
        cand = Decoder(self.cand.plans[0], self.cand.needs, file=0, keys=partial.base.keys)
        for pair in shard.pairs(self.base.chunk_rows):
            first = shard.first + pair.first_row - shard.first_row
            excluded = self.base.excluded(pair.left, 0, first, partial.base)
            before = base.tile(pair.left, first, excluded)
            after = cand.tile(pair.right, first, excluded)
            self._add(pair, before, after, first, partial)
            self._refuse_many_groups(partial)
            if progress is not None:
                progress(pair.left.num_rows)
        partial.base.margins.merge(base.margin_seen)
        partial.cand.margins.merge(cand.margin_seen)

    def _add(self, pair: Pair, base: Tile, cand: Tile, first: int, partial: PairPartial) -> None:
        partial.pairs += base.rows
        partial.base.counts.add(0, 0, base.rows)
        partial.cand.counts.add(0, 0, base.rows)
        rows = first + (np.arange(base.rows) if pair.kept is None else pair.kept)
        partial.disagreements.note(pair, base, cand, self, rows, partial.base.keys)
        partial.base.faults.merge(base.faults)
        partial.cand.faults.merge(cand.faults)
        missing = self._missing(base, cand, partial)
        hidden = _any(missing, base.excluded, base.faulty, cand.faulty)
        used = None if hidden is None else np.flatnonzero(~hidden)
        count = base.rows if used is None else len(used)
        for start in range(0, count, BLOCK_ROWS):
            end = min(start + BLOCK_ROWS, count)
            self._add_block(pair, base, cand, slice(start, end) if used is None else used[start:end], rows, partial)
        partial.used += count
        if missing is not None and self.base.nan == "propagate":
            groupings = self.base.groupings(base, missing, partial.base.keys)[: self.axes]
            for measure in partial.measures:
                measure.add_missing(int(missing.sum()), groupings)

    def _missing(self, base: Tile, cand: Tile, partial: PairPartial) -> BoolArray | None:
        """The rows in which a value is missing in either file, counted; a fault where that is one."""
        missing = _any(base.missing, cand.missing)
        if missing is None or not missing.any():
            return None
        if self.base.nan == "error":
            for tile, side in ((base, partial.base), (cand, partial.cand)):
                if tile.missing is not None and tile.missing.any():
                    report_missing(tile, 0, side.faults)
        else:
            partial.skipped += int(missing.sum())
        return missing

    def _add_block(
        self, pair: Pair, base: Tile, cand: Tile, chosen: Rows, numbers: IntArray, partial: PairPartial
    ) -> None:
        ours, theirs = self.base.inputs(base, chosen), self.cand.inputs(cand, chosen)
        partial.base.faults.merge(self.base.validate(ours, base, chosen, 0))
        partial.cand.faults.merge(self.cand.validate(theirs, cand, chosen, 0))
        if partial.base.faults or partial.cand.faults or partial.disagreements:
            # There will be no result: reading goes on only to count what is wrong.
            return
        partial.likeness.note(ours, theirs, {need.input for need in self.base.needs if need.role == "label"})
        weights = None if base.weights is None else base.weights[chosen]
        groupings = self.base.groupings(base, chosen, partial.base.keys)
        clusters = groupings.pop() if self.clustered else None
        lists = iter(partial.worst)
        buckets = None if self.drawn is None else self._buckets(pair, numbers, self.drawn)[chosen]
        for estimand, measure, before, after in zip(self.estimands, partial.measures, ours, theirs, strict=True):
            kept = _all(estimand.kept(before), estimand.kept(after))
            rows = numbers[chosen]
            mine = chosen
            if kept is not None:
                measure.omitted += int(np.count_nonzero(~kept))
                places = np.arange(base.rows)[chosen][kept]
                mine, rows = places, rows[kept]
                before, after = (
                    [{name: class_major(array[kept]) for name, array in one.items()} for one in side]
                    for side in (before, after)
                )
            with np.errstate(all="ignore"):
                values = estimand.values(before), estimand.values(after)
            measure.update(
                *values,
                weights if kept is None or weights is None else weights[kept],
                groupings if kept is None else [grouping.take(kept) for grouping in groupings],
                clusters if kept is None or clusters is None else clusters.take(kept),
            )
            if buckets is not None:
                sums = partial.resamples[self.estimands.index(estimand)]
                taken = groupings if kept is None else [grouping.take(kept) for grouping in groupings]
                weighted = weights if kept is None or weights is None else weights[kept]
                sums.update(values, weighted, buckets if kept is None else buckets[kept], taken)
            if self.worst and estimand.has_rows:
                places = np.arange(base.rows)[mine]
                next(lists).update(values[0][0][0], values[1][0][0], rows, self._namer(pair, base, places, partial))

    def _buckets(self, pair: Pair, numbers: IntArray, drawn: Resampling) -> IntArray:
        """The bucket of every row of a pair: rows of one cluster, or of one id, share theirs."""
        name = self.base.plans[0].by[-1][0] if self.clustered else self.id
        identities = numbers.astype(np.uint64) if name is None else identities_of(pair.left.column(name))
        return buckets_of(identities, drawn.seed)

    def _namer(self, pair: Pair, tile: Tile, places: IntArray, partial: PairPartial) -> Namer:
        """What tells the labels and ids of rows of a tile, which stand at `places` in it."""

        def name(chosen: IntArray) -> tuple[Sequence[str | None], Sequence[str | None]]:
            labels = label_texts(self.base, tile, partial.base.keys, places[chosen])
            if self.id is None:
                return labels, [None] * len(chosen)
            column = pair.left.column(self.id)
            return labels, [column[int(place)].as_py() for place in places[chosen]]

        return name

    def _refuse_many_groups(self, partial: PairPartial) -> None:
        by = self.base.plans[0].by
        if self.clustered:
            by, (cluster,) = by[:-1], by[-1]
            if len(partial.base.keys.slices[-1]) > MOST_CLUSTERS:
                raise InputError(
                    f"--cluster {cluster}: more than {MOST_CLUSTERS:,} clusters",
                    "clusters of several rows",
                    "no --cluster, where every row is one of its own",
                )
        refuse_many_groups(partial.base, by, by_class=self.base.by_class)


def _any(*sets: BoolArray | None) -> BoolArray | None:
    """The rows that are in any of some sets, None standing for the empty set."""
    found: BoolArray | None = None
    for one in sets:
        if one is not None:
            found = one if found is None else found | one
    return found


def _all(one: BoolArray | None, other: BoolArray | None) -> BoolArray | None:
    """The rows that are in both sets, None standing for all rows."""
    if one is None or other is None:
        return other if one is None else one
    return one & other
