"""One shard in, the sums of its slices out: of single columns, or of crosses of two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from losscli.expression import Expression
from losscli.measures import ExpressionMeasure, Grouped
from losscli.readers import Shard
from losscli.records import dataclass
from losscli.slicing.crossing import CrossedSums, Pair
from losscli.slicing.sums import SliceSums
from losscli.work import Partial, Work


@dataclass(frozen=True)
class SingleWork:
    """The slices of every grouping of `work`, which are those of single columns."""

    work: Work

    def start(self) -> Partial:
        """Nothing summed yet."""
        measures = [_measure(one, Grouped(SliceSums, self.work.slices)) for one in self.work.expressions]
        return self.work.start_empty(measures)

    def run(self, shard: Shard, partial: Partial, progress: Callable[[int], None] | None = None) -> None:
        """Add the rows of `shard`."""
        self.work.run(shard, partial, progress)


@dataclass(frozen=True)
class CrossWork:
    """The crosses of some pairs of columns, for each expression.

    `names` are all slices of each column, as the pass before met them: with
    these every part of the data numbers them in the same way.
    """

    work: Work
    pairs: tuple[tuple[Pair, ...], ...]
    names: tuple[tuple[tuple[str | None, ...], ...], ...]

    def start(self) -> Partial:
        """Nothing summed yet."""
        sizes = [len(names) for names in self.names]
        measures = [
            _measure(one, CrossedSums(pairs, sizes))
            for one, pairs in zip(self.work.expressions, self.pairs, strict=True)
        ]
        # What the checks had to say was said in the pass before.
        partial = replace(self.work, watch=None).start_empty(measures)
        for keys, names in zip(partial.keys.slices, self.names, strict=True):
            for name in names:
                keys.code(name)
        return partial

    def run(self, shard: Shard, partial: Partial, progress: Callable[[int], None] | None = None) -> None:
        """Add the rows of `shard`."""
        replace(self.work, watch=None).run(shard, partial, progress)


def sums_of(partial: Partial) -> list[Grouped]:
    """The sums of the slices for each expression."""
    return [measure.rows.values for measure in partial.measures if measure.rows is not None]


def _measure(expression: Expression, sums: Grouped) -> ExpressionMeasure:
    """A measure of the values per row that adds them up by slice, in `sums`."""
    measure = ExpressionMeasure(expression, weighted=False, axes=0)
    assert measure.rows is not None
    measure.rows.values = sums
    return measure
