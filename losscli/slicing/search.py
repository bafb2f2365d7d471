"""Finding the slices: single columns in one pass over the rows, pairs of columns in the next.

Which slices are tested depends on their sizes alone: all that have enough rows,
and leave enough.  A slice that is no finding, for its score is not above 0, takes
part in Holm's correction with a p value of 1, which can only make other p values
larger.  So pairs that cannot reach such a score are counted and never summed, and
the result is that of an exhaustive search.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from losscli.assembly import natural_key
from losscli.bins import MOST_QUANTILES
from losscli.columns import ColumnRequest
from losscli.comparison.difference import holm
from losscli.errors import InputError, UsageError
from losscli.expression import Expression
from losscli.job import Job, Settings
from losscli.preparation import prepare
from losscli.records import dataclass
from losscli.slicing.candidates import Axis, candidates, settled
from losscli.slicing.crossing import CrossedSums, Pair, passes
from losscli.slicing.report import FoundSlice, SliceReport, SlicesOfLoss
from losscli.slicing.scoring import Parents, Scoring, cautiously_worse, worse_than
from losscli.slicing.sums import LARGEST, SMALLEST, LossTotals, SliceSums
from losscli.slicing.work import CrossWork, SingleWork, sums_of
from losscli.summary.exact import round_fraction
from losscli.work import Partial

# The values of a slice by the places of their axes.
Cell = tuple[tuple[int, str | None], ...]


@dataclass(frozen=True)
class Search:
    """How slices are looked for.

    Of `columns`, or of all that play no other part; of up to `max_order` columns
    at a time; numbers in `bins` quantile bins; of at least `min_slice` rows;
    significant at `level`; `weight` is SliceLine's alpha; the `top` best are
    kept, 0 for all.
    """

    columns: tuple[str, ...] | None = None
    max_order: int = 2
    bins: int = 5
    min_slice: int = 30
    level: float = 0.95
    weight: float = 0.95
    top: int = 20

    def __post_init__(self) -> None:
        """Raise UsageError for values that are none; `level` is checked with the settings."""
        if self.max_order not in (1, 2):
            raise UsageError(f"--max-order {self.max_order}: slices of so many columns are not searched", "1 or 2")
        if not 2 <= self.bins <= MOST_QUANTILES:
            raise UsageError(f"--bins {self.bins} is not a number of bins", f"2 to {MOST_QUANTILES:,}")
        if self.min_slice < 2:
            raise UsageError(f"--min-slice {self.min_slice}: a test needs two rows", "a whole number above 1")
        if not 0 < self.weight <= 1:
            raise UsageError(f"--score-alpha {self.weight} is not a weight", "a number above 0, up to 1")
        if self.top < 0:
            raise UsageError("--top takes a whole number, 0 for all")


@dataclass(frozen=True)
class _Tested:
    """A slice with enough rows whose score is above 0; the `cautious` p value is the one that decides."""

    cell: Cell
    totals: LossTotals
    score: float
    p: float
    cautious: float


def _check_losses(expressions: Sequence[Expression]) -> None:
    """Raise UsageError for losses whose slices cannot be compared by the mean of their rows."""
    for expression in expressions:
        if any(term.loss.power for term in expression.terms):
            raise UsageError(
                f"{expression.title} is a root of a mean, and slices are compared by means",
                "a mean of the rows",
                "-l mse",
            )
        if not expression.has_rows or any(term.loss.whole for term in expression.terms):
            raise UsageError(
                f"{expression.title} has no value for a single row, so no slice can be tested against the rest",
                "a loss with a value for every row, such as mae or binary_crossentropy",
            )


def prepare_search(
    data: Any, expressions: Sequence[Expression], request: ColumnRequest, settings: Settings, format: str = "auto"
) -> Job:
    """A job whose slices can be found.

    Raises UsageError, besides what `prepare` raises, for losses that have no
    slices, for weights, and for data that can be read only once.
    """
    _check_losses(expressions)
    if request.weight is not None:
        raise UsageError("--weight is given, but slices are tested by counting every row once", "no --weight")
    if settings.nan == "propagate":
        raise UsageError("--nan propagate gives losses that are no numbers", "--nan error or --nan skip")
    job = prepare(data, expressions, request, settings, format)
    if any(source.read_once for source in job.sources):
        raise UsageError("slices take two passes, which an iterator of batches does not allow", "a file or a table")
    return job


def find_slices(job: Job, search: Search) -> SliceReport:
    """Read the data of a job of `prepare_search` as often as it takes, and return the slices found.

    Raises InputError for the first bad value, and NothingToEvaluate when there
    are no rows.
    """
    from losscli import __version__

    job, axes, left_out = settled(job, candidates(job, search.columns), search.bins)
    single = SingleWork(job.work)
    partial = job.folded(single.start, single.run, Partial.merge)
    job.check(partial)
    finders = [
        _Finder(expression, sums, partial, axes, search)
        for expression, sums in zip(job.work.expressions, sums_of(partial), strict=True)
    ]
    if search.max_order == 2:
        _cross(job, partial, finders)
    outcome = job.outcome(partial)
    return SliceReport(
        version=__version__,
        inputs=outcome.provenance.inputs,
        columns={name: one for name, one in outcome.provenance.columns.items() if name not in ("by", "bins")},
        rows={
            "read": sum(partial.rows_read.values()),
            "used": partial.rows_used,
            "skipped": partial.rows_skipped,
            "filtered": 0 if partial.census is None else partial.census.rows - partial.census.matched,
        },
        search=_described(search, axes, left_out),
        results=[finder.result(job) for finder in finders],
        notes=_notes(partial, left_out) + [note.message for note in job.notes],
        warnings=job.warnings,
    )


def _cross(job: Job, partial: Partial, finders: Sequence[_Finder]) -> None:
    """Add the crosses of two columns to the finders, in as many passes as their memory asks for."""
    names = partial.keys.slices
    pairs = [finder.pairs() for finder in finders]
    for part in passes(pairs):
        chosen = tuple(tuple(same[part]) for same in pairs)
        work = CrossWork(job.work, chosen, tuple(map(tuple, names)))
        # The progress of the first pass is at its end.
        again = replace(job, progress=None)
        crossed = again.folded(work.start, work.run, Partial.merge)
        again.check(crossed)
        for finder, sums in zip(finders, sums_of(crossed), strict=True):
            assert isinstance(sums, CrossedSums)
            finder.add_crosses(sums)


class _Finder:
    """The slices of one expression."""

    def __init__(
        self, expression: Expression, sums: Any, partial: Partial, axes: Sequence[Axis], search: Search
    ) -> None:
        self.expression = expression
        self.axes = axes
        self.search = search
        self.names = [[name for (name,) in names] for names in partial.keys.slices]
        self.parts: Sequence[SliceSums] = sums.parts
        _refuse_sizes(expression, self.parts[0])
        self.total = self.parts[0].totals(None)
        lowest, highest = self.parts[0].extremes(None) or (0.0, 0.0)
        if self.total.sum <= 0 and (lowest, highest) != (0.0, 0.0):
            raise InputError(
                f"{expression.title}: the mean loss is {round_fraction(self.total.mean)!r}, "
                "and slices are ranked by how much higher theirs is in proportion",
                "a mean loss above 0",
            )
        # Without any loss there is nothing to find, but slices are counted all the same.
        self.scoring = Scoring(self.total, lowest, search.weight) if self.total.sum else None
        self.large = [
            np.array([code for code in range(len(names)) if self._rows(axis, code) >= search.min_slice], np.intp)
            for axis, names in enumerate(self.names)
        ]
        self.tested = 0
        self.found: list[_Tested] = []
        for axis, part in enumerate(self.parts[: len(axes)]):
            for code in self.large[axis].tolist():
                if self.total.rows - int(part.counts[code]) >= search.min_slice:
                    self._test(part, code, ((axis, self.names[axis][code]),))

    def pairs(self) -> list[Pair]:
        """Every pair of columns, with what its crosses can be at most."""
        parents = [self._parents(axis) for axis in range(len(self.axes))]
        found = []
        for axes in itertools.combinations(range(len(self.axes)), 2):
            one, other = (parents[axis] for axis in axes)
            promising = np.zeros((one.rows.size, other.rows.size), np.bool_)
            if self.scoring is not None:
                promising = self.scoring.promising(one, other, self.search.min_slice)
            found.append(Pair(axes, (self.large[axes[0]], self.large[axes[1]]), promising))
        return found

    def add_crosses(self, sums: CrossedSums) -> None:
        """Test the crosses of some pairs of columns."""
        for pair, part, counts in zip(sums.pairs, sums.parts, sums.counts, strict=True):
            tested = (counts >= self.search.min_slice) & (self.total.rows - counts >= self.search.min_slice)
            places = {place: code for code, place in enumerate(pair.summed.tolist())}
            for place in np.flatnonzero(tested).tolist():
                if place not in places:
                    self.tested += 1
                    continue
                ranks = divmod(place, pair.promising.shape[1])
                cell = tuple(
                    (axis, self.names[axis][int(large[rank])])
                    for axis, large, rank in zip(pair.axes, pair.large, ranks, strict=True)
                )
                self._test(part, places[place], cell)

    def result(self, job: Job) -> SlicesOfLoss:
        """What was found, after the correction for all slices that were tested."""
        others = itertools.repeat(1.0, self.tested - len(self.found))
        adjusted = holm([*(one.cautious for one in self.found), *others])[: len(self.found)]
        significant = [
            (one, p)
            for one, p in zip(self.found, adjusted, strict=True)
            if p is not None and p <= 1.0 - self.search.level
        ]
        significant.sort(key=lambda pair: (-pair[0].score, len(pair[0].cell), self._place(pair[0].cell)))
        expression = self.expression
        return SlicesOfLoss(
            loss=expression.name,
            title=expression.title,
            params=expression.params,
            signature=expression.signature(job.reduction, job.settings.nan),
            count=self.total.rows,
            mean=round_fraction(self.total.mean) if self.total.rows else 0.0,
            tested=self.tested,
            significant=len(significant),
            slices=[self._slice(one, p) for one, p in significant[: self.search.top or None]],
        )

    def _rows(self, axis: int, code: int) -> int:
        counts = self.parts[axis].counts
        return int(counts[code]) if code < counts.size else 0

    def _parents(self, axis: int) -> Parents:
        part, codes = self.parts[axis], self.large[axis].tolist()
        largest = [(part.extremes(code) or (0.0, 0.0))[1] for code in codes]
        return Parents.of([int(part.counts[code]) for code in codes], [part.sum(code) for code in codes], largest)

    def _test(self, sums: SliceSums, group: int, cell: Cell) -> None:
        """Test a slice; one whose score is not above 0 only counts."""
        self.tested += 1
        if self.scoring is None:
            return
        score = self.scoring.score(int(sums.counts[group]), sums.sum(group))
        if score <= 0:
            return
        totals = sums.totals(group)
        rest = self.total.without(totals)
        self.found.append(_Tested(cell, totals, score, worse_than(totals, rest), cautiously_worse(totals, rest)))

    def _place(self, cell: Cell) -> list[tuple[int, tuple[int, float, str]]]:
        """Where a slice stands among those of the same score: columns in their order, then values in theirs."""
        places = []
        for axis, name in cell:
            bins = self.axes[axis].bins
            order = natural_key(name) if bins is None or name is None else (0, float(bins.labels.index(name)), "")
            places.append((axis, order))
        return places

    def _slice(self, one: _Tested, p_adjusted: float) -> FoundSlice:
        rest = self.total.without(one.totals)
        mean, other = one.totals.mean, rest.mean
        return FoundSlice(
            by={self.axes[axis].column: name for axis, name in one.cell},
            count=one.totals.rows,
            share=one.totals.rows / self.total.rows,
            loss=round_fraction(mean),
            rest=round_fraction(other),
            diff=round_fraction(mean - other),
            ratio=_ratio(mean, other),
            p=one.p,
            p_adjusted=p_adjusted,
            score=one.score,
        )


def _ratio(mean: Fraction, other: Fraction) -> float | None:
    return round_fraction(mean / other) if other > 0 else None


def _refuse_sizes(expression: Expression, sums: SliceSums) -> None:
    """Raise an InputError for losses whose squares do not exist in float64."""
    if sums.largest > LARGEST:
        raise InputError(f"{expression.title}: the loss of a row is not finite, or too large to be squared")
    if 0 < sums.largest < SMALLEST:
        raise InputError(f"{expression.title}: no loss of a row is large enough to be squared")


def _described(search: Search, axes: Sequence[Axis], left_out: Mapping[str, str]) -> dict[str, Any]:
    return {
        "columns": [
            {"column": axis.column, "bins": None if axis.bins is None else list(axis.bins.labels)} for axis in axes
        ],
        "left_out": [{"column": column, "reason": reason} for column, reason in left_out.items()],
        "max_order": search.max_order,
        "bins": search.bins,
        "min_slice": search.min_slice,
        "level": search.level,
        "score_alpha": search.weight,
        "test": "welch",
        "correction": "holm",
    }


def _notes(partial: Partial, left_out: Mapping[str, str]) -> list[str]:
    """What a reader must know besides the numbers: rows and columns that were left out."""
    notes = []
    if partial.rows_skipped:
        rows = partial.rows_skipped
        notes.append(f"{rows:,} of {rows + partial.rows_used:,} rows skipped: a value is missing")
    by_reason: dict[str, list[str]] = {}
    for column, reason in left_out.items():
        by_reason.setdefault(reason, []).append(column)
    if by_reason:
        parts = [f"{', '.join(columns)} ({reason})" for reason, columns in by_reason.items()]
        notes.append(f"not searched: {'; '.join(parts)}; --columns A,B,... searches the columns it names")
    return notes
