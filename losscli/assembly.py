"""From the merged partial result to the finished report."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from losscli.columns import SOFT
from losscli.declaration import Loss
from losscli.errors import InputError
from losscli.expression import Expression, Term
from losscli.measures import ExpressionMeasure, RowMeasure, SetMeasure
from losscli.reduction import Reduction, reduced
from losscli.report import Note, Result, Row, plain_value
from losscli.roles import IntArray
from losscli.summary import LossSummary, Statistics, confidence_interval
from losscli.summary.exact import round_fraction
from losscli.summary.intervals import IntervalMethod
from losscli.work import Partial

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
    ) -> None:
        self.partial = partial
        self.reduction = reduction
        self.weighted = weighted
        self.level = level
        self.ci_method = ci_method
        self.nan = nan
        self.by = by
        self.classes = classes
        self.show_classes = show_classes
        self.by_class = partial.keys.by_class

    def result(self, expression: Expression, measure: ExpressionMeasure) -> Result:
        """The finished numbers of one expression."""
        measure.settle(self._class_ranks())
        self._refuse_zero_weight(expression, measure)
        total = self._row(expression, measure, "total", {}, None, 0)
        class_rows, absent = self._class_rows(expression, measure, total) if self._per_class(expression) else ([], [])
        return Result(
            loss=expression.name,
            title=expression.title,
            params=expression.params,
            signature=expression.signature(self.reduction, self.nan),
            reduction=self.reduction.value,
            total=total,
            macro=_macro(class_rows) if class_rows else None,
            classes=class_rows,
            slices=self._slice_rows(expression, measure, total),
            notes=self._notes(measure, total),
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
        names = known + sorted((name for name in codes if name not in known), key=natural_key)
        if all(_number(name) is not None for name in names):
            names.sort(key=natural_key)
        rows = []
        for name in names:
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
            for name in sorted(keys, key=lambda parts: [natural_key(part) for part in parts]):
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
        return Row(
            level=level,
            key=key,
            count=statistics.count,
            weight=statistics.weight,
            loss=value,
            mean=statistics.mean,
            std=statistics.std,
            sem=statistics.sem,
            ci=self._interval(measure.rows, statistics, group, axis),
            minimum=statistics.minimum,
            maximum=statistics.maximum,
            quantiles={name: statistics.quantiles.get(p) for name, p in QUANTILES.items()},
            sum=statistics.sum,
            share=share,
            status=statistics.status,
        )

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
        return None if factor is None else (interval[0] * factor, interval[1] * factor)

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
        return Row(level, key, count, weight, float(total))

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
            by_class = ", ".join(
                f"{name if name is not None else 'no label'}: {count:,}"
                for name, count in sorted(self.partial.skipped_by_class.items(), key=lambda item: natural_key(item[0]))
            )
            detail = f" ({by_class})" if by_class else ""
            verb = "skipped" if self.nan == "skip" else "counted as NaN"
            notes.append(Note("missing", f"{rows:,} {_plural('row', rows)} with a missing value {verb}{detail}", rows))
        if total.status == "overflow":
            notes.append(Note("overflow", "the loss of some rows exceeds the float64 range", None))
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


def _plural(noun: str, count: int) -> str:
    return noun if count == 1 else noun + "s"
