"""Saved accumulators: exact numbers by group that merge and are read out, but take no rows.

They stand in the place of the running ones of `losscli.summary` in a partial
result, whose merge and report need not know the difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from fractions import Fraction

import numpy as np

from losscli.records import dataclass
from losscli.roles import FloatArray, IntArray
from losscli.summary.powers import PowerTotals
from losscli.summary.quantiles import Mass, QuantileSketch
from losscli.summary.readings import Counts, Readings, Statistics, statistics_of
from losscli.summary.runs import Columns
from losscli.summary.sample import SAMPLE_ROWS
from losscli.summary.statistics import GROUP_BITS, TOTAL_BITS
from losscli.summary.sums import SetSums
from losscli.summary.weighted import WeightedTotals

# Exact numbers of a group: four power sums, or ten with weights and the weights of nan, -inf and +inf rows.
POWER_SUMS = len(PowerTotals._fields) - 1
WEIGHTED_SUMS = len(WeightedTotals._fields)
APART = 3


@dataclass(frozen=True)
class SavedGroup:
    """The readings of one group, or of all rows; immutable.

    `sums` are power sums, `parts` the kept rows in pieces: values (n,) and, if
    there are any, weights (n,).  `bins` have the weight of each bin by its
    middle; they are empty as long as all rows are kept, for these give them.
    A group with a nan row keeps neither, because no quantile of it has a meaning.
    """

    bits: int
    weighted: bool
    counts: Counts
    sums: tuple[Fraction, ...]
    excluded: tuple[Fraction, ...]
    ends: tuple[float, float] | None
    parts: tuple[Columns, ...] = ()
    bins: Mapping[float, Mass] = field(default_factory=dict)

    @staticmethod
    def empty(bits: int, *, weighted: bool) -> SavedGroup:
        """A group without rows."""
        zeros = (Fraction(0),) * (WEIGHTED_SUMS if weighted else POWER_SUMS)
        return SavedGroup(bits, weighted, Counts(0, 0, 0, 0, 0), zeros, (Fraction(0),) * (APART * weighted), None)

    def plus(self, other: SavedGroup) -> SavedGroup:
        """This group with the rows of another."""
        counts = Counts(*(mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)))
        keeps = keeps_rows(counts)
        return SavedGroup(
            self.bits,
            self.weighted,
            counts,
            tuple(mine + theirs for mine, theirs in zip(self.sums, other.sums, strict=True)),
            tuple(mine + theirs for mine, theirs in zip(self.excluded, other.excluded, strict=True)),
            _outermost(self.ends, other.ends),
            self.parts + other.parts if keeps else (),
            {} if keeps or counts.nan else _added(self._all_bins(), other._all_bins()),
        )

    def totals(self) -> PowerTotals | WeightedTotals:
        return WeightedTotals(*self.sums) if self.weighted else PowerTotals(self._finite, *self.sums)

    def apart(self) -> tuple[Fraction, ...]:
        return self.excluded

    def extremes(self) -> tuple[float, float] | None:
        return self.ends

    def sample(self) -> tuple[FloatArray, FloatArray | None] | None:
        if not keeps_rows(self.counts):
            return None
        values, *weights = self._rows()
        return canonical_rows(values, weights[0] if weights else None)

    def masses(self) -> list[tuple[float, Mass]]:
        return sorted(self._all_bins().items())

    @property
    def _finite(self) -> int:
        return self.counts.rows - self.counts.nan - self.counts.below - self.counts.above

    def _rows(self) -> Columns:
        if not self.parts:
            return tuple(np.zeros(0) for _ in range(1 + self.weighted))
        return tuple(np.concatenate(columns) for columns in zip(*self.parts, strict=True))

    def _all_bins(self) -> Mapping[float, Mass]:
        """The bins, those of the kept rows if rows are kept."""
        if not keeps_rows(self.counts):
            return self.bins
        values, *weights = self._rows()
        used = np.isfinite(values)
        if weights:
            used &= weights[0] > 0.0
        if not used.any():
            return {}
        sketch = QuantileSketch(self.bits, weighted=self.weighted)
        sketch.update(values[used], weights[0][used] if weights else None, None, 1)
        return added_by_middle(sketch.masses(0))


def keeps_rows(counts: Counts) -> bool:
    """Whether the rows of a group with these counts are kept, so that its quantiles are exact."""
    return counts.rows <= SAMPLE_ROWS and not counts.nan


def canonical_rows(values: FloatArray, weights: FloatArray | None) -> tuple[FloatArray, FloatArray | None]:
    """Values (n,) in ascending order with one zero, and their weights (n,): the same for every order of the rows."""
    # Adding 0 turns -0 into 0.
    values = values + 0.0
    if weights is None:
        return np.sort(values), None
    order = np.lexsort((weights, values))
    return values[order], weights[order] + 0.0


def added_by_middle(masses: Iterable[tuple[float, Mass]]) -> dict[float, Mass]:
    """Bins by their middle; of subnormal numbers two may have the same."""
    found: dict[float, Mass] = {}
    for middle, mass in masses:
        found[middle] = found.get(middle, 0) + mass
    return found


class SavedSummary:
    """A saved `LossSummary`: the total, where that is kept with this grouping, and each group by its code."""

    def __init__(self, total: SavedGroup | None, groups: Sequence[SavedGroup], *, weighted: bool) -> None:
        self.total = total
        self.groups = list(groups)
        self._none = SavedGroup.empty(GROUP_BITS, weighted=weighted)

    def merge(self, other: SavedSummary, codes: IntArray | None) -> None:
        """Add another summary of the same kind; its group i is our group ``codes[i]`` (None: i)."""
        if self.total is not None and other.total is not None:
            self.total = self.total.plus(other.total)
        targets = range(len(other.groups)) if codes is None else codes.tolist()
        for code, group in zip(targets, other.groups, strict=False):
            self.groups.extend([self._none] * (code + 1 - len(self.groups)))
            self.groups[code] = self.groups[code].plus(group)

    def readings(self, group: int | None) -> Readings:
        """What is held of one group, or of all rows (None)."""
        if group is None:
            assert self.total is not None
            return self.total
        return self.groups[group] if group < len(self.groups) else self._none

    def statistics(self, group: int | None, quantiles: Sequence[float] = (0.5, 0.9, 0.99)) -> Statistics:
        """The statistics of one group, or of all rows (None), with these quantiles."""
        return statistics_of(self.readings(group), quantiles)


def bits_of(group: int | None) -> int:
    """The resolution of the quantiles of a group, or of the total."""
    return TOTAL_BITS if group is None else GROUP_BITS


class SavedSums(SetSums):
    """Saved `ContributionSums`: for each group its rows and its exact sums, as these read them out."""

    def __init__(self, columns: int, *, spread: bool) -> None:
        self.columns = columns
        self.spread = spread
        self.weighted = False
        self.groups: list[tuple[int, tuple[Fraction, ...]]] = []

    def merge(self, other: SavedSums, codes: IntArray | None) -> None:
        """Add another's sums; its group i is our group ``codes[i]`` (None: i)."""
        self.weighted |= other.weighted
        if self.spread and not other.spread:
            # Without the products of some rows, those of the others say nothing.
            self.spread = False
            self.groups = [(count, sums[: self.width]) for count, sums in self.groups]
        targets = range(len(other.groups)) if codes is None else codes.tolist()
        for code, (count, sums) in zip(targets, other.groups, strict=False):
            self.groups.extend([(0, self._zeros)] * (code + 1 - len(self.groups)))
            known, totals = self.groups[code]
            self.groups[code] = known + count, tuple(mine + more for mine, more in zip(totals, sums, strict=False))

    def count(self, group: int | None) -> int:
        return sum(count for count, _ in self._of(group))

    def exact(self, group: int | None) -> tuple[Fraction, ...]:
        columns = zip(self._zeros, *(sums for _, sums in self._of(group)), strict=True)
        return tuple(sum(column, Fraction(0)) for column in columns)

    @property
    def _zeros(self) -> tuple[Fraction, ...]:
        return (Fraction(0),) * self.width

    def _of(self, group: int | None) -> Sequence[tuple[int, tuple[Fraction, ...]]]:
        return self.groups if group is None else self.groups[group : group + 1]


class SavedTotal:
    """A saved sum of one column and one group, as `ExactSums` reads it out."""

    def __init__(self, value: Fraction) -> None:
        self.value = value

    def merge(self, other: SavedTotal, codes: IntArray | None) -> None:  # noqa: ARG002  # the form of all merges
        """Add another's sum."""
        self.value += other.value

    def total(self, group: int | None, column: int) -> Fraction:  # noqa: ARG002  # there is one of each
        """The exact sum."""
        return self.value


def _outermost(mine: tuple[float, float] | None, theirs: tuple[float, float] | None) -> tuple[float, float] | None:
    if mine is None or theirs is None:
        return theirs if mine is None else mine
    return min(mine[0], theirs[0]), max(mine[1], theirs[1])


def _added(mine: Mapping[float, Mass], theirs: Mapping[float, Mass]) -> dict[float, Mass]:
    return added_by_middle([*mine.items(), *theirs.items()])
