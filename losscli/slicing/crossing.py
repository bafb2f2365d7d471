"""The crosses of two columns: which rows are in which, and which of them are worth summing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from losscli.errors import InputError
from losscli.measures import Grouped, Grouping
from losscli.records import dataclass
from losscli.roles import BoolArray, FloatArray, IntArray
from losscli.slicing.sums import SliceSums

# Of the crosses of one pass, in counters of 8 bytes; the sums of a cross take about as much as so many counters.
_CELLS_PER_PASS = 1 << 21
_CELLS_OF_SUMS = 64


@dataclass(frozen=True)
class Pair:
    """The crosses of the columns at the places `axes`.

    `large` has, for both, the codes of the slices that are large enough for a
    cross; `promising` (a, b) says which crosses of these are summed, while all
    are counted.
    """

    axes: tuple[int, int]
    large: tuple[IntArray, IntArray]
    promising: BoolArray

    @property
    def cells(self) -> int:
        """What it takes in memory, in counters."""
        return self.promising.size + _CELLS_OF_SUMS * int(np.count_nonzero(self.promising))

    @property
    def summed(self) -> IntArray:
        """The crosses that are summed, as places in the flat table of all."""
        return np.flatnonzero(self.promising)


def passes(pairs: Sequence[Sequence[Pair]]) -> Iterator[slice]:
    """Runs of pairs that fit into memory together; ``pairs[e][i]`` is pair i of expression e."""
    start, cells = 0, 0
    for place, same in enumerate(zip(*pairs, strict=True)):
        more = sum(pair.cells for pair in same)
        if place > start and cells + more > _CELLS_PER_PASS:
            yield slice(start, place)
            start, cells = place, 0
        cells += more
    if pairs and len(pairs[0]) > start:
        yield slice(start, len(pairs[0]))


class CrossedSums(Grouped):
    """Counts of all crosses and sums of the promising ones, for several pairs of columns.

    The codes of the single columns must mean the same in all parts that are
    merged; ``sizes[axis]`` are how many there are.
    """

    def __init__(self, pairs: Sequence[Pair], sizes: Sequence[int]) -> None:
        super().__init__(SliceSums, len(pairs))
        self.pairs = pairs
        self.sizes = sizes
        self.counts: list[IntArray] = [np.zeros(pair.promising.size, np.intp) for pair in pairs]
        large = {pair.axes[side]: pair.large[side] for pair in pairs for side in (0, 1)}
        self._ranks = {axis: _ranks(codes, sizes[axis]) for axis, codes in large.items()}
        self._places = [np.where(pair.promising.ravel(), np.cumsum(pair.promising) - 1, -1) for pair in pairs]

    def update(self, values: FloatArray, weights: FloatArray | None, groupings: Sequence[Grouping]) -> None:  # noqa: ARG002
        """Add losses (n,) to the crosses that their rows are in."""
        if any(grouping.groups > size for grouping, size in zip(groupings, self.sizes, strict=True)):
            raise InputError("the data has values that were not there when it was read before", "data that stays")
        ranks = {axis: table[groupings[axis].codes] for axis, table in self._ranks.items()}
        for part, pair, counts, places in zip(self.parts, self.pairs, self.counts, self._places, strict=True):
            first, second = (ranks[axis] for axis in pair.axes)
            rows = np.flatnonzero((first >= 0) & (second >= 0))
            crosses = first[rows] * pair.promising.shape[1] + second[rows]
            counts += np.bincount(crosses, minlength=counts.size)
            codes = places[crosses]
            summed = np.flatnonzero(codes >= 0)
            if summed.size:
                part.update(values[rows[summed]], None, codes[summed], int(places.max()) + 1)

    def merge(self, other: Grouped, maps: Sequence[IntArray]) -> None:  # noqa: ARG002
        """Add the rows of `other`, whose crosses are the same."""
        assert isinstance(other, CrossedSums)
        for mine, theirs, ours, more in zip(self.parts, other.parts, self.counts, other.counts, strict=True):
            mine.merge(theirs, None)
            ours += more


def _ranks(large: IntArray, size: int) -> IntArray:
    """For each of `size` codes of a column its place among the `large`, -1 for the others."""
    ranks = np.full(size, -1, np.intp)
    ranks[large] = np.arange(large.size)
    return ranks
