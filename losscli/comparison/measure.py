"""What is accumulated for one expression while pairs of rows go by; mergeable, and blind to their order."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from losscli.distinct import distinct_with_places
from losscli.estimand import Estimand
from losscli.measures import Grouping
from losscli.records import dataclass
from losscli.roles import BoolArray, FloatArray, IntArray
from losscli.summary import ExactSums
from losscli.summary.blocks import group_counts, grown, target_groups
from losscli.summary.covariance import LARGEST, ProductSums, largest
from losscli.summary.products import Factor
from losscli.summary.sums import ContributionSums

# Rows of the counts of a group.
ROWS, SUPPORT, IMPROVED, WORSENED, NAN, OVERFLOW = range(6)


@dataclass(frozen=True)
class PairBlock:
    """Pairs of rows ready to be added.

    `sums` are the columns (n,) of which exact sums are taken: those of the
    baseline, then the candidate's.  `base` and `diff` are the coordinates of
    the second moments, one each for every contribution, times the weight.
    """

    sums: Sequence[FloatArray]
    base: Sequence[FloatArray]
    diff: Sequence[FloatArray]
    weights: FloatArray | None

    @property
    def rows(self) -> int:
        return len(self.sums[0])

    def take(self, rows: BoolArray) -> PairBlock:
        """Some of the pairs."""
        weights = None if self.weights is None else self.weights[rows]
        sums, base, diff = ([one[rows] for one in part] for part in (self.sums, self.base, self.diff))
        return PairBlock(sums, base, diff, weights)

    def finite(self) -> BoolArray | None:
        """The pairs whose products are numbers; None for all."""
        columns = [*self.sums, *self.base, *self.diff]
        if self.weights is not None:
            columns.append(self.weights)
        if all(largest(one) <= LARGEST for one in columns):
            return None
        found = np.ones(self.rows, np.bool_)
        for one in columns:
            found &= np.abs(one) <= LARGEST
        return found


class PairSums:
    """The sums of one grouping axis."""

    def __init__(self, columns: int, contributions: int, *, weighted: bool, cubes: bool) -> None:
        self.sums = ContributionSums(columns=columns)
        self.products = ProductSums(2 * contributions, weighted=weighted, cubes=cubes)
        self._counts: IntArray = np.zeros((6, 0), np.int64)

    def counts(self, group: int | None) -> list[int]:
        """Rows, rows with a weight above 0, rows with a smaller and with a larger loss, nan rows, infinite rows."""
        found: list[int]
        if group is None:
            found = self._counts.sum(axis=1).tolist()
        else:
            found = self._counts[:, group].tolist() if group < self._counts.shape[1] else [0] * 6
        return found

    def note(self, place: int, rows: BoolArray | None, size: int, codes: IntArray | None, groups: int) -> None:
        """Count rows under one of the kinds of count: those of `rows`, or all `size` of them."""
        self._counts = grown(self._counts, groups)
        if rows is not None:
            size = int(np.count_nonzero(rows))
            codes = None if codes is None else codes[rows]
        if size:
            self._counts[place] += group_counts(codes, size, self._counts.shape[1])

    def update(self, block: PairBlock, codes: IntArray | None, groups: int) -> None:
        """Add pairs, the group of each in `codes` (n,), None for group 0."""
        if not block.rows:
            return
        self.sums.update(block.sums, block.weights, codes, groups)
        self.products.update([*block.base, *block.diff], block.weights, codes, groups)

    def merge(self, other: PairSums, codes: IntArray | None) -> None:
        """Add another's sums; its group i is our group ``codes[i]`` (None: i)."""
        self.sums.merge(other.sums, codes)
        self.products.merge(other.products, codes)
        groups = other._counts.shape[1]
        if groups:
            target = target_groups(codes, groups)
            self._counts = grown(self._counts, int(target.max()) + 1)
            self._counts[:, target] += other._counts


class ClusterSums:
    """What each cluster contributes in each group: exact sums of the coordinates and of the weights."""

    def __init__(self, contributions: int, *, cubes: bool) -> None:
        self.cubes = cubes
        self.columns = 2 * contributions
        self._sums = ExactSums(self.columns + 1)
        self._places: dict[tuple[int, int], int] = {}

    @property
    def count(self) -> int:
        """How many clusters there are, counted in each group."""
        return len(self._places)

    def update(self, block: PairBlock, codes: IntArray | None, clusters: Grouping) -> None:
        """Add pairs, the cluster of each in `clusters`."""
        if not block.rows:
            return
        keys = clusters.codes.astype(np.int64)
        if codes is not None:
            keys = codes.astype(np.int64) * clusters.groups + keys
        used, inverse = distinct_with_places(keys)
        places = np.array([self._place(*divmod(key, clusters.groups)) for key in used.tolist()], np.intp)
        weights = np.ones(block.rows) if block.weights is None else block.weights
        self._sums.update([*block.base, *block.diff, weights], places[inverse], self.count)

    def merge(self, other: ClusterSums, groups: IntArray | None, clusters: IntArray) -> None:
        """Add another's sums, whose groups and clusters are ours under these codes."""
        if not other.count:
            return
        target = [
            self._place(group if groups is None else int(groups[group]), int(clusters[cluster]))
            for group, cluster in other._places
        ]
        self._sums.merge(other._sums, np.array(target, np.intp))

    @cached_property
    def finished(self) -> tuple[ProductSums, IntArray]:
        """The products of what the clusters of each group contribute, and how many clusters each group has."""
        groups = np.array([group for group, _ in self._places], np.intp)
        size = int(groups.max(initial=-1)) + 1
        columns = [
            np.array([float(self._sums.total(place, column)) for place in range(self.count)])
            for column in range(self.columns + 1)
        ]
        products = ProductSums(self.columns, weighted=True, cubes=self.cubes)
        if self.count:
            products.update(columns[:-1], columns[-1], groups, size)
        return products, np.bincount(groups, minlength=size)

    def _place(self, group: int, cluster: int) -> int:
        return self._places.setdefault((group, cluster), len(self._places))


class PairMeasure:
    """Everything about one expression on one pair of models: a `PairSums` for each grouping axis, and clusters.

    Without axes there is one axis with one group.  The clusters of the total
    are kept apart: one cluster may have rows in several groups.
    """

    def __init__(self, estimand: Estimand, *, weighted: bool, axes: int, clustered: bool) -> None:
        self.estimand = estimand
        self.weighted = weighted
        self.axes = axes
        self.clustered = clustered
        self.columns: tuple[int, ...] = ()
        self.parts: list[PairSums] = []
        self.clusters: list[ClusterSums] = []
        self.total_clusters: ClusterSums | None = None
        self.overflowed = False
        self.omitted = 0

    def update(
        self,
        base: Sequence[Sequence[FloatArray]],
        cand: Sequence[Sequence[FloatArray]],
        weights: FloatArray | None,
        groupings: Sequence[Grouping],
        clusters: Grouping | None,
    ) -> FloatArray | None:
        """Add pairs, given what rows contribute to each part; returns each row's increase where rows have a value."""
        self._start([len(part) for part in base])
        with np.errstate(all="ignore"):
            block, before, after = self._block(base, cand, weights)
            finite = block.finite()
            increase = after - before if self.estimand.has_rows else None
        if finite is not None and not self.estimand.has_rows:
            self.overflowed = True
            return None
        whole = block
        if finite is not None:
            block = whole.take(finite)
        for axis, part in enumerate(self.parts):
            grouping = groupings[axis] if self.axes else None
            codes, groups = (None, 1) if grouping is None else (grouping.codes, grouping.groups)
            self._count(part, whole, finite, increase, codes, groups)
            if finite is not None and codes is not None:
                codes = codes[finite]
            part.update(block, codes, groups)
            if clusters is not None:
                taken = clusters if finite is None else clusters.take(finite)
                self.clusters[axis].update(block, codes, taken)
                if axis == 0 and self.total_clusters is not None:
                    self.total_clusters.update(block, None, taken)
        return increase

    def add_missing(self, rows: int, groupings: Sequence[Grouping]) -> None:
        """Count pairs of which a value is missing; their loss is nan, and so is every mean that they are in."""
        if not self.estimand.has_rows:
            return
        self._start([1])
        for axis, part in enumerate(self.parts):
            codes, groups = (groupings[axis].codes, groupings[axis].groups) if self.axes else (None, 1)
            for place in (ROWS, NAN):
                part.note(place, None, rows, codes, groups)

    def merge(self, other: PairMeasure, maps: Sequence[IntArray], clusters: IntArray | None) -> None:
        """Add the pairs of `other`; ``maps[axis][i]`` is our group for its group i, and so for clusters."""
        self.overflowed |= other.overflowed
        self.omitted += other.omitted
        if not other.parts:
            return
        self._start(other.columns)
        for axis, part in enumerate(other.parts):
            mapping = maps[axis] if self.axes else None
            self.parts[axis].merge(part, mapping)
            if clusters is not None:
                self.clusters[axis].merge(other.clusters[axis], mapping, clusters)
        if clusters is not None and self.total_clusters is not None and other.total_clusters is not None:
            self.total_clusters.merge(other.total_clusters, None, clusters)

    def _start(self, columns: Sequence[int]) -> None:
        if self.parts:
            return
        self.columns = tuple(columns)
        size, axes = sum(columns), range(max(self.axes, 1))
        parts = zip(self.estimand.parts, columns, strict=True)
        # A square is summed with what rounding took from it.
        sums = 2 * sum(2 if part.kind == "root" else count for part, count in parts)
        linear = self.estimand.linear
        self.parts = [PairSums(sums, size, weighted=self.weighted, cubes=linear) for _ in axes]
        if self.clustered:
            self.clusters = [ClusterSums(size, cubes=linear) for _ in axes]
            self.total_clusters = ClusterSums(size, cubes=linear)

    def _block(
        self,
        base: Sequence[Sequence[FloatArray]],
        cand: Sequence[Sequence[FloatArray]],
        weights: FloatArray | None,
    ) -> tuple[PairBlock, FloatArray, FloatArray]:
        """The block, and the first contribution of each row in both models."""
        sums: list[list[FloatArray]] = [[], []]
        coordinates: list[list[FloatArray]] = [[], []]
        for part, *models in zip(self.estimand.parts, base, cand, strict=True):
            for model, columns in enumerate(models):
                if part.kind == "root":
                    factor = Factor(columns[0])
                    square, error = factor.times(factor)
                    sums[model] += [square, error]
                    coordinates[model].append(square)
                else:
                    sums[model] += columns
                    coordinates[model] += columns
        ours = coordinates[0]
        theirs = [after - before for before, after in zip(*coordinates, strict=True)]
        if weights is not None:
            ours, theirs = ([weights * one for one in part] for part in (ours, theirs))
        return PairBlock([*sums[0], *sums[1]], ours, theirs, weights), base[0][0], cand[0][0]

    def _count(
        self,
        part: PairSums,
        block: PairBlock,
        finite: BoolArray | None,
        increase: FloatArray | None,
        codes: IntArray | None,
        groups: int,
    ) -> None:
        part.note(ROWS, None, block.rows, codes, groups)
        part.note(SUPPORT, None if block.weights is None else block.weights > 0, block.rows, codes, groups)
        if increase is not None:
            part.note(IMPROVED, increase < 0, block.rows, codes, groups)
            part.note(WORSENED, increase > 0, block.rows, codes, groups)
        if finite is not None and increase is not None:
            nan = np.isnan(increase)
            part.note(NAN, nan, block.rows, codes, groups)
            part.note(OVERFLOW, ~finite & ~nan, block.rows, codes, groups)
