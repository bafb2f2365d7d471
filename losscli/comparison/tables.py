"""From the merged sums of pairs to tables of differences."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from losscli.assembly import class_order, slice_order
from losscli.columns import SOFT
from losscli.comparison.difference import FEW_ROWS, Difference, JointEstimate, judged, tested
from losscli.comparison.measure import IMPROVED, NAN, OVERFLOW, ROWS, SUPPORT, WORSENED, ClusterSums, PairMeasure
from losscli.comparison.result import ComparedLoss, WorstRow
from losscli.comparison.work import PairPartial
from losscli.estimand import Estimand, Estimate
from losscli.report import Note
from losscli.summary.covariance import NOISE, Moments
from losscli.summary.estimates import skewness_of
from losscli.summary.exact import round_fraction
from losscli.summary.intervals import IntervalMethod, is_heavy_tailed


class Tables:
    """Turns the measures of one candidate into `ComparedLoss` objects."""

    def __init__(
        self,
        partial: PairPartial,
        *,
        by: Sequence[Sequence[str]],
        bins: Mapping[tuple[int, str], Mapping[str, int]],
        classes: Sequence[str] | None,
        show_classes: bool,
        nan: str,
        level: float,
        method: IntervalMethod,
    ) -> None:
        self.partial = partial
        self.keys = partial.base.keys
        self.by = by
        self.bins = bins
        self.classes = classes
        self.show_classes = show_classes
        self.nan = nan
        self.level = level
        self.method = method

    def result(self, measure: PairMeasure, worst: Sequence[WorstRow]) -> ComparedLoss:
        """The finished table of one expression."""
        estimand = measure.estimand
        expression = estimand.expression
        rows = [self._difference(measure, "total", {}, None, 0)]
        if self.keys.by_class and self.show_classes and estimand.has_rows and SOFT not in self.keys.classes:
            codes = {name: code for code, name in enumerate(self.keys.classes) if name is not None}
            rows += [
                self._difference(measure, "class", {"class": name}, codes[name], 0)
                for name in class_order(codes, self.classes or ())
                if name in codes
            ]
        for position, columns in enumerate(self.by):
            names = self.keys.slices[position]
            axis = position + self.keys.by_class
            for parts in slice_order(names, [self.bins.get((position, column)) for column in columns]):
                key = dict(zip(columns, parts, strict=True))
                rows.append(self._difference(measure, "slice", key, names.code(parts), axis))
        found = judged([row for row in rows if row.count or row.level == "total"], self.level)
        return ComparedLoss(
            loss=expression.name,
            title=expression.title,
            params=expression.params,
            signature=expression.signature(estimand.reduction, self.nan),
            reduction=estimand.reduction.value,
            total=found[0],
            classes=[row for row in found if row.level == "class"],
            slices=[row for row in found if row.level == "slice"],
            worst=worst,
            notes=self._notes(measure, found),
        )

    def _difference(
        self, measure: PairMeasure, level: str, key: Mapping[str, Any], group: int | None, axis: int
    ) -> Difference:
        empty = Difference(level, key, 0, None, None, None, None, status="absent")
        if measure.overflowed:
            return replace(empty, status="overflow")
        if not measure.parts:
            return empty
        part = measure.parts[axis]
        counts = part.counts(group)
        signs: tuple[int | None, int | None] = (counts[IMPROVED], counts[WORSENED])
        if not measure.estimand.has_rows:
            signs = None, None
        count = counts[ROWS]
        found = replace(empty, count=count, improved=signs[0], worsened=signs[1])
        if not count:
            return found
        if counts[NAN] or counts[OVERFLOW]:
            return replace(found, status="nan" if counts[NAN] else "overflow")
        try:
            estimates = _Estimates(measure, group, axis)
            if estimates.base is None or estimates.cand is None:
                return replace(found, status="undefined")
            base, cand = estimates.base.value, estimates.cand.value
            diff = round_fraction(estimates.diff)
            found = replace(
                found,
                base=base,
                cand=cand,
                diff=diff,
                relative=_finite(diff / abs(base)) if base else None,
                status="ok" if counts[SUPPORT] > 1 else "too_few",
            )
            joint = estimates.joint(counts[SUPPORT], group)
        except OverflowError:
            return replace(found, status="overflow")
        if joint is None:
            return replace(found, status="too_few")
        found = tested(found, joint, level=self.level, method=self.method)
        if not self.partial.resamples:
            return found
        sums = next(one for one in self.partial.resamples if one.estimand is measure.estimand)
        return replace(found, ci=sums.interval(group, axis, diff, count, self.level))

    def _notes(self, measure: PairMeasure, rows: Sequence[Difference]) -> list[Note]:
        notes = []
        if measure.omitted:
            notes.append(
                Note("omitted", f"left out {_rows(measure.omitted)} that do not count for this loss", measure.omitted)
            )
        if self.partial.skipped:
            verb = "skipped" if self.nan == "skip" else "counted as NaN"
            skipped = self.partial.skipped
            notes.append(Note("missing", f"{_rows(skipped)} with a missing value in either file {verb}", skipped))
        groups = [row for row in rows if row.p is not None]
        notes += _group_note(
            groups,
            lambda row: row.count < FEW_ROWS,
            "few_rows",
            f"fewer than {FEW_ROWS} rows: intervals and p values are rough",
        )
        notes += _group_note(
            groups,
            lambda row: (
                row.count >= FEW_ROWS
                and row.estimate is not None
                and is_heavy_tailed(row.estimate.skewness, row.estimate.count)
            ),
            "heavy_tailed",
            "differences so skewed that intervals and p values are rough",
        )
        alpha = 1.0 - self.level
        notes += _group_note(
            groups,
            lambda row: _leaves_out_zero(row) is True and (row.p or 0.0) <= alpha < (row.p_adjusted or 0.0),
            "each_interval",
            f"the interval leaves out 0 and the verdict is no difference, "
            f"for the interval is of the row alone and the verdict holds for all {len(groups)} rows together",
        )
        notes += _group_note(
            groups,
            lambda row: _leaves_out_zero(row) not in (None, (row.p or 0.0) <= alpha),
            "interval_method",
            f"0 is at the edge of the interval, and the p value is on the other side: "
            f"the interval is that of {self.method}, the p value that of the t test",
        )
        return notes


class _Estimates:
    """The losses of both models in one group, and how they vary together."""

    def __init__(self, measure: PairMeasure, group: int | None, axis: int) -> None:
        self.measure = measure
        self.estimand: Estimand = measure.estimand
        part = measure.parts[axis]
        self.axis = axis
        *columns, weights = part.sums.exact(group)
        self.weight = weights if measure.weighted else Fraction(part.sums.count(group))
        half = len(columns) // 2
        ours, theirs = self._sums(columns[:half]), self._sums(columns[half:])
        flat = [one for sums in ours for one in sums], [one for sums in theirs for one in sums]
        firsts = [*flat[0], *(after - before for before, after in zip(*flat, strict=True)), self.weight]
        count = part.counts(group)[SUPPORT]
        self.moments = part.products.moments(group, firsts, count)
        rows = part.counts(group)[ROWS]
        size = len(flat[0])
        scales = [math.sqrt(max(0.0, _float(self.moments.seconds[place][place]))) for place in range(size)]
        self.base: Estimate | None = self.estimand.estimate(ours, self._split(scales), self.weight, rows)
        self.cand: Estimate | None = self.estimand.estimate(theirs, self._split(scales), self.weight, rows)

    @property
    def diff(self) -> Fraction:
        """The candidate's loss less the baseline's; without the rounding of either where they are means."""
        assert self.base is not None and self.cand is not None
        if self.estimand.linear:
            # The derivative by the sum of the losses is what a sum is multiplied with.
            return self.base.slopes[0] * self.moments.firsts[1]
        return Fraction(self.cand.value) - Fraction(self.base.value)

    def joint(self, support: int, group: int | None) -> JointEstimate | None:
        """The estimate with its covariances; None with fewer than two rows or clusters."""
        assert self.base is not None and self.cand is not None
        zero = (Fraction(0),) * (len(self.base.slopes) - 1)
        *ours, ours_by_weight = self.base.slopes
        *theirs, theirs_by_weight = self.cand.slopes
        base = (*ours, *zero, ours_by_weight)
        diff = (
            *(after - before for before, after in zip(ours, theirs, strict=True)),
            *theirs,
            theirs_by_weight - ours_by_weight,
        )
        moments, count = self.moments, support
        if self.measure.clustered:
            moments, count = self._clustered(group)
        if count < 2:
            return None
        correction = Fraction(count, count - 1)

        def covariance(one: Sequence[Fraction], other: Sequence[Fraction]) -> Fraction:
            product = moments.product(one, other)
            if self.measure.clustered:
                return correction * product
            sums = [
                sum((a * b for a, b in zip(each, moments.firsts, strict=True)), Fraction(0)) for each in (one, other)
            ]
            return correction * (product - sums[0] * sums[1] / count)

        return JointEstimate(
            base=self.base.slopes[0] * self.moments.firsts[0] if self.estimand.linear else Fraction(self.base.value),
            diff=self.diff,
            var_base=covariance(base, base),
            var_diff=covariance(diff, diff),
            covariance=covariance(base, diff),
            second_base=correction * moments.size(base),
            second_diff=correction * moments.size(diff),
            freedom=count - 1,
            count=count,
            skewness=self._skewness(moments, count) if self.estimand.linear else None,
        )

    def _skewness(self, moments: Moments, count: int) -> float | None:
        """The skewness of the influences of the rows, or clusters, on a mean difference."""
        if moments.thirds is None or not self.weight:
            return None
        mean = self.moments.firsts[1] / self.weight
        www, wwd, wdd, ddd = moments.thirds
        terms = (ddd, -3 * mean * wdd, 3 * mean**2 * wwd, -(mean**3) * www)
        spread = moments.seconds[1][1] - 2 * mean * moments.seconds[1][2] + mean**2 * moments.seconds[2][2]
        if spread <= moments.size((Fraction(0), Fraction(1), -mean)) * NOISE:
            return None
        noise = NOISE * sum((abs(term) for term in terms), Fraction(0))
        return skewness_of(count**2 * sum(terms, Fraction(0)), count**2 * noise, count * spread)

    def _clustered(self, group: int | None) -> tuple[Moments, int]:
        sums: ClusterSums | None = self.measure.total_clusters if group is None else self.measure.clusters[self.axis]
        assert sums is not None
        products, counts = sums.finished
        place = 0 if group is None else group
        count = int(counts[place]) if place < len(counts) else 0
        return products.moments(place, self.moments.firsts, count), count

    def _sums(self, columns: Sequence[Fraction]) -> list[list[Fraction]]:
        """The sums of each part; a square and what rounding took from it are one."""
        sums: list[list[Fraction]] = []
        place = 0
        for part, count in zip(self.estimand.parts, self.measure.columns, strict=True):
            if part.kind == "root":
                sums.append([columns[place] + columns[place + 1]])
                place += 2
            else:
                sums.append(list(columns[place : place + count]))
                place += count
        return sums

    def _split(self, values: Sequence[float]) -> list[list[float]]:
        found, place = [], 0
        for count in self.measure.columns:
            found.append(list(values[place : place + count]))
            place += count
        return found


def _leaves_out_zero(row: Difference) -> bool | None:
    """Whether the interval of a difference says that there is one; None where there is no interval."""
    return None if row.ci is None else not row.ci[0] <= 0.0 <= row.ci[1]


def _group_note(
    rows: Sequence[Difference], flagged: Callable[[Difference], bool], code: str, message: str
) -> list[Note]:
    found = [row for row in rows if flagged(row)]
    if not found:
        return []
    shown = ", ".join(_name(row) for row in found[:5]) + (", …" if len(found) > 5 else "")
    return [Note(code, f"{shown}: {message}", sum(row.count for row in found))]


def _name(row: Difference) -> str:
    return (
        "total" if row.level == "total" else ",".join("(null)" if one is None else str(one) for one in row.key.values())
    )


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _float(value: Fraction) -> float:
    try:
        return round_fraction(value)
    except OverflowError:
        return math.inf
