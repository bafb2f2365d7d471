"""From the merged partial result to the finished report."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from losscli.columns import SOFT
from losscli.declaration import Loss
from losscli.errors import InputError, one_line
from losscli.expression import Expression, Term
from losscli.measures import ExpressionMeasure, RowMeasure, SetMeasure
from losscli.reduction import Reduction, reduced
from losscli.report import Note, Result, Row, plain_value
from losscli.roles import IntArray
from losscli.summary import LossSummary, Statistics, confidence_interval
from losscli.summary.exact import round_fraction, round_root
from losscli.summary.intervals import IntervalMethod, is_heavy_tailed
from losscli.work import Partial

if TYPE_CHECKING:
    from losscli.summary.sums import SetSums

# More are no sentence any more.
LISTED_CLASSES = 12

# Groups that a note names.
SHOWN_GROUPS = 5

QUANTILES: Mapping[str, float] = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


class Assembler:
    """Turns the measures of one evaluation into `Result` objects."""

    def __init__(
        self,
        partial: Partial,
        *,
        reduction: Reduction,
        weighted: bool,
        level: float,
        ci_method: IntervalMethod,
        nan: str,
        by: Sequence[Sequence[str]],
        classes: Sequence[str] | None,
        show_classes: bool,
        bins: Mapping[tuple[int, str], Mapping[str, int]] | None = None,
    ) -> None:
        self.partial = partial
        self.reduction = reduction
        self.weighted = weighted
        self.level = level
        self.ci_method = ci_method
        self.nan = nan
        self.by = by
        self.bins = bins or {}
        self.classes = classes
        self.show_classes = show_classes
        self.by_class = partial.keys.by_class

    def result(self, expression: Expression, measure: ExpressionMeasure, notes: Sequence[Note] = ()) -> Result:
        """The finished numbers of one expression; `notes` are what is known of the data beside them."""
        measure.settle(self._class_ranks())
        self._refuse_zero_weight(expression, measure)
        self.heavy_tailed: list[Row] = []
        total = self._row(expression, measure, "total", {}, None, 0)
        class_rows, absent = self._class_rows(expression, measure, total) if self._per_class(expression) else ([], [])
        slice_rows = self._slice_rows(expression, measure, total)
        return Result(
            loss=expression.name,
            title=expression.title,
            params=expression.params,
            signature=expression.signature(self.reduction, self.nan),
            reduction=self.reduction.value,
            total=total,
            macro=_macro(class_rows) if class_rows else None,
            classes=class_rows,
            slices=slice_rows,
            notes=[*self._notes(measure, total), *notes],
            terms=self._terms(expression, measure),
            absent_classes=absent,
        )

    def _class_ranks(self) -> IntArray:
        """For each class code, the place of the class in natural order."""
        classes = self.partial.keys.classes
        ranks = np.empty(len(classes), np.intp)
        ranks[sorted(range(len(classes)), key=lambda code: natural_key(classes[code]))] = np.arange(len(classes))
        return ranks

    def _per_class(self, expression: Expression) -> bool:
        """Classes are shown when every label is one: probabilities as labels have none."""
        return self.by_class and self.show_classes and expression.has_rows and SOFT not in self.partial.keys.classes

    def _class_rows(
        self, expression: Expression, measure: ExpressionMeasure, total: Row
    ) -> tuple[list[Row], list[str]]:
        codes = {name: code for code, name in enumerate(self.partial.keys.classes) if name is not None}
        known = list(self.classes or ())
        rows = []
        for name in class_order(codes, known):
            row = None
            if name in codes:
                row = self._row(expression, measure, "class", {"class": name}, codes[name], 0, total)
            if row is not None and row.count:
                rows.append(row)
            elif name in known:
                rows.append(Row("class", {"class": name}, 0, 0.0, None, status="absent"))
        return rows, [row.key["class"] or "" for row in rows if row.count == 0]

    def _slice_rows(self, expression: Expression, measure: ExpressionMeasure, total: Row) -> list[Row]:
        rows = []
        for position, columns in enumerate(self.by):
            axis = position + self.by_class
            keys = self.partial.keys.slices[position]
            bins = [self.bins.get((position, column)) for column in columns]
            for name in slice_order(keys, bins):
                key = dict(zip(columns, name, strict=True))
                row = self._row(expression, measure, "slice", key, keys.code(name), axis, total)
                if row.count:
                    rows.append(row)
        return rows

    def _row(
        self,
        expression: Expression,
        measure: ExpressionMeasure,
        level: Any,
        key: Mapping[str, str | None],
        group: int | None,
        axis: int,
        total: Row | None = None,
    ) -> Row:
        if measure.rows is None:
            return self._set_row(expression, measure, level, key, group, axis)
        statistics = _statistics(measure.rows, group, axis)
        loss = expression.single
        value = reduced(statistics, self.reduction, loss.power if loss else None)
        share = None
        if total is None:
            share = 1.0 if statistics.sum else None
        elif statistics.sum is not None and total.sum:
            share = statistics.sum / total.sum
        row = Row(
            level=level,
            key=key,
            count=statistics.count,
            weight=statistics.weight,
            loss=value,
            mean=statistics.mean,
            std=statistics.std,
            sem=statistics.sem,
            ci=self._bootstrap(measure, value, statistics.count, group, axis)
            if self.ci_method == "bootstrap"
            else self._interval(measure.rows, statistics, group, axis),
            minimum=statistics.minimum,
            maximum=statistics.maximum,
            quantiles={name: statistics.quantiles.get(p) for name, p in QUANTILES.items()},
            sum=statistics.sum,
            share=share,
            status=statistics.status,
        )
        if row.ci and is_heavy_tailed(statistics.skewness, statistics.count):
            self.heavy_tailed.append(row)
        return row

    def _bootstrap(
        self, measure: ExpressionMeasure, value: float | None, count: int, group: int | None, axis: int
    ) -> tuple[float, float] | None:
        """The interval of resampled rows; None where they were not resampled, such as in a saved state."""
        if self.partial.resamples is None or value is None:
            return None
        place = next(place for place, one in enumerate(self.partial.measures) if one is measure)
        return self.partial.resamples[place].interval(group, axis, value, count, self.level)

    def _interval(
        self, rows: RowMeasure, statistics: Statistics, group: int | None, axis: int
    ) -> tuple[float, float] | None:
        if rows.squares is not None:
            squares = rows.squares.parts[axis].statistics(group, ())
            interval = self._mean_interval(squares)
            if interval is None:
                return None
            return math.sqrt(max(interval[0], 0.0)), math.sqrt(max(interval[1], 0.0))
        interval = self._mean_interval(statistics)
        if interval is None:
            return None
        # The interval of the mean becomes that of the reduced value.
        factor: float | None = 1.0
        if self.reduction is Reduction.SUM:
            factor = statistics.weight
        elif (
            self.reduction is not Reduction.MEAN_WITH_SAMPLE_WEIGHT and self.weighted and statistics.weight is not None
        ):
            factor = statistics.weight / statistics.count
        if factor is None:
            return None
        low, high = interval[0] * factor, interval[1] * factor
        return (low, high) if math.isfinite(low) and math.isfinite(high) else None

    def _mean_interval(self, statistics: Statistics) -> tuple[float, float] | None:
        if statistics.mean is None or statistics.sem is None:
            return None
        interval = confidence_interval(
            statistics.mean, statistics.sem, statistics.skewness, statistics.count, self.level, self.ci_method
        )
        if interval is None or not all(math.isfinite(bound) for bound in interval):
            return None
        return interval

    def _set_row(
        self,
        expression: Expression,
        measure: ExpressionMeasure,
        level: Any,
        key: Mapping[str, str | None],
        group: int | None,
        axis: int,
    ) -> Row:
        """A row of a set-level loss, or of a sum with a term that has no value per row."""
        values, count, weight = [], 0, 0.0
        for term, part in zip(expression.terms, measure.terms, strict=True):
            if isinstance(part, SetMeasure):
                if part.overflowed:
                    return Row(level, key, 0, None, None, status="overflow")
                if part.sums is None:
                    return Row(level, key, 0, 0.0, None, status="absent")
                sums = part.sums.parts[axis]
                count, weight = sums.count(group), sums.weight(group)
                try:
                    values.append(_finished(term.loss, sums.totals(group)))
                except OverflowError:
                    return Row(level, key, count, weight, None, status="overflow")
            else:
                statistics = part.values.parts[axis].statistics(group, ())
                count, weight = statistics.count, statistics.weight
                values.append(reduced(statistics, self.reduction, term.loss.power))
        if any(value is None for value in values):
            return Row(level, key, count, weight, None, status="undefined")
        total = sum(
            term.factor * value for term, value in zip(expression.terms, values, strict=True) if value is not None
        )
        row = Row(level, key, count, weight, float(total))
        alone = len(expression.terms) == 1
        if alone:
            row = self._with_interval(row, expression.terms[0], measure.terms[0], group, axis)
        if self.ci_method == "bootstrap" and not any(term.loss.is_penalty for term in expression.terms):
            row = replace(row, ci=self._bootstrap(measure, row.loss, count, group, axis))
        return row

    def _with_interval(self, row: Row, term: Term, part: RowMeasure | SetMeasure, group: int | None, axis: int) -> Row:
        """The row of a set-level loss alone with its standard error, by the delta method, and its interval."""
        if not isinstance(part, SetMeasure) or part.sums is None or row.loss is None or term.loss.is_penalty:
            return row
        error = set_error(term.loss, part.sums.parts[axis], group)
        if error is None:
            return replace(row, status="too_few") if row.count < 2 else row
        error *= abs(term.factor)
        interval = confidence_interval(row.loss, error, None, row.count, self.level, self.ci_method)
        if interval is not None and not all(math.isfinite(bound) for bound in interval):
            interval = None
        return replace(row, sem=error, ci=interval)

    def _terms(self, expression: Expression, measure: ExpressionMeasure) -> list[dict[str, Any]]:
        """The parts of a sum and the value of each alone."""
        if expression.single is not None:
            return []
        return [
            {
                "loss": term.loss.name,
                "factor": term.factor,
                "params": {name: plain_value(value) for name, value in term.loss.values.items()},
                "value": self._term_value(term, part),
            }
            for term, part in zip(expression.terms, measure.terms, strict=True)
        ]

    def _term_value(self, term: Term, part: RowMeasure | SetMeasure) -> float | None:
        if isinstance(part, RowMeasure):
            return reduced(part.values.parts[0].statistics(None, ()), self.reduction, term.loss.power)
        if part.sums is None or part.overflowed:
            return None
        try:
            return _finished(term.loss, part.sums.parts[0].totals(None))
        except OverflowError:
            return None

    def _notes(self, measure: ExpressionMeasure, total: Row) -> list[Note]:
        notes = []
        if measure.clipped.rows:
            share = None
            if total.sum:
                share = round_fraction(measure.clipped.losses.total(None, 0)) / total.sum
            carried = "" if share is None else f", which carry {share:.3g} of the summed loss"
            rows = measure.clipped.rows
            notes.append(Note("clipped", f"{rows:,} {_plural('row', rows)} clipped at epsilon{carried}", rows, share))
        if measure.omitted:
            rows = measure.omitted
            notes.append(
                Note("omitted", f"left out {rows:,} {_plural('row', rows)} that do not count for this loss", rows)
            )
        if self.partial.rows_skipped:
            rows = self.partial.rows_skipped
            total_rows = rows + self.partial.rows_used
            verb = "skipped" if self.nan == "skip" else "counted as NaN"
            message = f"{rows:,} of {total_rows:,} {_plural('row', total_rows)} {verb}: a value is missing"
            notes.append(Note("missing", message + by_class(self.partial.skipped_by_class), rows))
        if total.status == "overflow":
            notes.append(Note("overflow", "the loss of some rows exceeds the float64 range", None))
        if self.heavy_tailed:
            notes.append(_heavy_tailed(self.heavy_tailed))
        return notes

    def _refuse_zero_weight(self, expression: Expression, measure: ExpressionMeasure) -> None:
        if not self.weighted or self.reduction is not Reduction.MEAN_WITH_SAMPLE_WEIGHT:
            return
        if measure.rows is not None:
            weight = measure.rows.values.parts[0].statistics(None, ()).weight
        else:
            first = measure.terms[0]
            weight = (
                1.0 if not isinstance(first, SetMeasure) or first.sums is None else first.sums.parts[0].weight(None)
            )
        if weight == 0:
            raise InputError(
                f"{expression.title}: all weights are 0, so the weighted mean does not exist",
                "at least one row with a weight above 0",
                "--reduction sum, or another --weight column",
            )


def _heavy_tailed(rows: Sequence[Row]) -> Note:
    names = [row.level if not row.key else ",".join(one or "(null)" for one in row.key.values()) for row in rows]
    shown = ", ".join(names[:SHOWN_GROUPS]) + (", …" if len(names) > SHOWN_GROUPS else "")
    count = sum(row.count for row in rows)
    return Note("heavy_tailed", f"{shown}: so few rows of so skewed losses that intervals are rough", count)


def class_order(found: Iterable[str], known: Sequence[str]) -> list[str]:
    """The known classes in their order, then others that were found; all by number if they are numbers."""
    names = [*known, *sorted((name for name in found if name not in known), key=natural_key)]
    if all(_number(name) is not None for name in names):
        names.sort(key=natural_key)
    return names


def slice_order(
    keys: Iterable[tuple[str | None, ...]], bins: Sequence[Mapping[str, int] | None]
) -> list[tuple[str | None, ...]]:
    """Slices in natural order; the bins of a column, where it has any, as their numbers ascend; null last."""

    def key(name: tuple[str | None, ...]) -> list[tuple[int, float, str]]:
        return [
            natural_key(part) if places is None or part is None else (0, places[part], "")
            for part, places in zip(name, bins, strict=True)
        ]

    return sorted(keys, key=key)


def by_class(rows: Mapping[str | None, int]) -> str:
    """How many rows of each class, in parentheses after a blank; nothing when there are no classes."""
    names = sorted(rows, key=natural_key)
    counts = [f"{'no label' if name is None else one_line(name)}: {rows[name]:,}" for name in names[:LISTED_CLASSES]]
    counts += ["…"] if len(names) > LISTED_CLASSES else []
    return f" ({', '.join(counts)})" if counts else ""


def natural_key(text: str | None) -> tuple[int, float, str]:
    """A sort key that puts numbers in numeric order, then words, then null."""
    if text is None:
        return 2, 0.0, ""
    number = _number(text)
    return (1, 0.0, text) if number is None else (0, number, text)


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _macro(rows: Sequence[Row]) -> Row:
    present = [row for row in rows if row.count]
    values = [row.loss for row in present if row.loss is not None]
    if not values or len(values) < len(present):
        return Row("macro", {}, len(present), None, None, status="undefined" if values else "absent")
    return Row("macro", {}, len(values), None, math.fsum(values) / len(values))


def _statistics(rows: RowMeasure, group: int | None, axis: int) -> Statistics:
    summary: LossSummary = rows.values.parts[axis]
    return summary.statistics(group, tuple(QUANTILES.values()))


def _finished(loss: Loss, sums: Sequence[float]) -> float | None:
    value = loss.finished(sums)
    return value if value is not None and math.isfinite(value) else None


def set_error(loss: Loss, sums: SetSums, group: int | None) -> float | None:
    """The standard error of a set-level loss; None where there is none, such as with one row."""
    from losscli.summary.covariance import gradient

    moments = sums.moments(group)
    if moments is None:
        return None
    try:
        point = sums.totals(group)
        sizes = [round_root(moments.seconds[place][place]) for place in range(sums.columns)]
        with np.errstate(all="ignore"):
            slopes = gradient(lambda moved: _finished(loss, moved), point, sizes)
        variance = None if slopes is None else moments.variance((*map(Fraction, slopes), Fraction(0)))
        return None if variance is None else round_root(variance)
    except OverflowError:
        return None


def _plural(noun: str, count: int) -> str:
    return noun if count == 1 else noun + "s"
