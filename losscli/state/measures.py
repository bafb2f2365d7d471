"""The measures of a partial result in a state: in which order their groups and sums stand there.

For each loss: its rows, then its terms, then its notes.  Rows and terms give a
summary for each grouping, a summary the total (with the first grouping only)
and then its groups in the order of the manifest's keys.  Arrays hold a row, or
some numbers, for each group met on this way.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from losscli.columns import SOFT
from losscli.expression import Expression
from losscli.measures import ExpressionMeasure, Grouped, RowMeasure, SetMeasure
from losscli.roles import FloatArray
from losscli.state.container import StateReader, StateWriter
from losscli.state.numbers import NumberColumn, NumberReader
from losscli.state.summaries import (
    APART,
    POWER_SUMS,
    WEIGHTED_SUMS,
    SavedGroup,
    SavedSummary,
    SavedSums,
    SavedTotal,
    added_by_middle,
    bits_of,
    canonical_rows,
    keeps_rows,
)
from losscli.summary.quantiles import Mass
from losscli.summary.readings import Counts, Readings
from losscli.work import Partial

# For each grouping the codes of the groups that are saved, in the order of the manifest.
Codes = Sequence[Sequence[int]]


def used_codes(partial: Partial) -> Codes:
    """The codes of the groups that have rows, sorted by name: which others were met depends on how files were cut."""
    keys = partial.keys
    names: list[Sequence[Any]] = [*([keys.classes] if keys.by_class else []), *keys.slices]
    used: list[set[int]] = [set() for _ in names]
    for measure in partial.measures:
        for grouped in _grouped(measure):
            if grouped.axes:
                for axis, part in enumerate(grouped.parts):
                    used[axis] |= {code for code in range(len(names[axis])) if _rows_of(part, code)}
    return [
        sorted(
            (code for code, name in enumerate(known) if code in codes or name == SOFT),
            key=lambda code: name_order(known[code]),
        )
        for known, codes in zip(names, used, strict=True)
    ]


def name_order(name: str | tuple[str | None, ...] | None) -> list[tuple[bool, str]]:
    """A sort key for the name of a class or slice; null comes last."""
    parts = name if isinstance(name, tuple) else (name,)
    return [(part is None, part or "") for part in parts]


class MeasureWriter:
    """The measures of a partial result, on their way to the arrays of a state."""

    def __init__(self, partial: Partial, codes: Codes, *, weighted: bool) -> None:
        self._codes = codes
        self._weighted = weighted
        self._groups: list[Readings] = []
        self._counts: list[Counts] = []
        self._ends: list[tuple[float, float]] = []
        self._bins: list[int] = []
        self._middles: list[float] = []
        self._masses: list[Mass] = []
        self._numbers = NumberColumn()
        # What the manifest says of each measure.
        self.manifest = [self._measure(measure) for measure in partial.measures]

    def write(self, writer: StateWriter) -> None:
        """Write the arrays."""
        writer.array("counts", np.array(self._counts, "<i8").reshape(-1, len(Counts._fields)))
        writer.array("ends", np.array(self._ends, "<f8").reshape(-1, 2))
        writer.array("bins", np.array(self._bins, "<i8"))
        writer.array("middles", np.array(self._middles, "<f8"))
        if not self._weighted:
            writer.array("masses", np.array(self._masses, "<i8"))
        self._numbers.write(writer)
        rows = sum(counts.rows for counts in self._counts if keeps_rows(counts))
        writer.floats("values", rows, (values for values, _ in self._samples()))
        if self._weighted:
            writer.floats("weights", rows, (weights for _, weights in self._samples() if weights is not None))

    def _samples(self) -> Iterator[tuple[FloatArray, FloatArray | None]]:
        for group, counts in zip(self._groups, self._counts, strict=True):
            sample = group.sample() if keeps_rows(counts) else None
            if sample is not None:
                yield canonical_rows(*sample)

    def _measure(self, measure: ExpressionMeasure) -> dict[str, Any]:
        sums: list[dict[str, Any]] = []
        if measure.rows is not None:
            self._rows(measure.rows)
        for term in measure.terms:
            if isinstance(term, RowMeasure):
                self._rows(term)
            else:
                sums.append(self._sums(term))
        # Only in the note of clipped rows, which gives no share where the sum of all rows does not exist; what
        # clipped rows add up to then depends on how files were cut.
        total = None if measure.rows is None else measure.rows.values.parts[0].readings(None).counts
        exists = total is not None and not total.nan + total.below + total.above
        self._numbers.extend([measure.clipped.losses.total(None, 0) if exists else 0])
        return {"clipped": measure.clipped.rows, "omitted": measure.omitted, "sums": sums}

    def _rows(self, rows: RowMeasure) -> None:
        for grouped in _of_rows(rows):
            for axis, part in enumerate(grouped.parts):
                if axis == 0:
                    self._group(part.readings(None))
                for code in self._codes[axis] if grouped.axes else ():
                    self._group(part.readings(code))

    def _group(self, group: Readings) -> None:
        counts = group.counts
        self._groups.append(group)
        self._counts.append(counts)
        self._ends.append(group.extremes() or (math.nan, math.nan))
        self._numbers.extend(group.totals()[-WEIGHTED_SUMS if self._weighted else -POWER_SUMS :])
        self._numbers.extend(group.apart())
        bins = {} if keeps_rows(counts) or counts.nan else added_by_middle(group.masses())
        self._bins.append(len(bins))
        self._middles.extend(bins)
        if self._weighted:
            self._numbers.extend(bins.values())
        else:
            self._masses.extend(bins.values())

    def _sums(self, term: SetMeasure) -> dict[str, Any]:
        # Sums that have overflowed lack rows, and which ones depends on how files were cut.
        if term.sums is None or term.overflowed:
            return {"columns": None, "overflowed": term.overflowed}
        for axis, part in enumerate(term.sums.parts):
            for code in self._codes[axis] if term.sums.axes else (None,):
                self._numbers.extend([part.count(code), *part.exact(code)])
        first = term.sums.parts[0]
        described = {"columns": first.columns, "weighted": first.weighted, "overflowed": False}
        return {**described, "spread": True} if first.spread else described


class MeasureReader:
    """The measures of a state; what does not fit together is a ValueError."""

    def __init__(self, reader: StateReader, groups: Sequence[int], *, weighted: bool) -> None:
        """`groups` says how many groups each grouping has."""
        self._group_counts = groups
        self._weighted = weighted
        counts, ends = reader.array("counts", "<i8", 2), reader.array("ends", "<f8", 2)
        bins = reader.array("bins", "<i8")
        if counts.shape != (bins.size, len(Counts._fields)) or ends.shape != (bins.size, 2):
            raise ValueError("the groups of the arrays do not fit")
        if bins.size and min(int(counts.min()), int(bins.min())) < 0:
            raise ValueError("a count is negative")
        self._groups = zip(counts.tolist(), ends.tolist(), bins.tolist(), strict=True)
        self._middles = reader.array("middles", "<f8")
        self._masses = None if weighted else reader.array("masses", "<i8")
        self._numbers = NumberReader(reader)
        self._columns = [reader.array("values", "<f8")]
        if weighted:
            self._columns.append(reader.array("weights", "<f8"))
        self._check_rows()
        self._row = self._bin = 0

    def measures(self, expressions: Sequence[Expression], described: Any) -> list[ExpressionMeasure]:
        """The measure of each expression, as the manifest describes them."""
        found = [self._measure(expression, one) for expression, one in zip(expressions, described, strict=True)]
        self._numbers.finish()
        if next(self._groups, None) is not None or self._row != self._columns[0].size:
            raise ValueError("there are more rows than groups need")
        if self._bin != self._middles.size or any(column.size != self._row for column in self._columns):
            raise ValueError("there are more bins than groups need")
        return found

    def _check_rows(self) -> None:
        values, *weights = self._columns
        if np.isnan(values).any() or any(not (np.isfinite(one) & (one >= 0.0)).all() for one in weights):
            raise ValueError("a kept row is no number")
        masses = self._masses
        if not np.isfinite(self._middles).all() or (masses is not None and (masses <= 0).any()):
            raise ValueError("a bin is no number")

    def _measure(self, expression: Expression, described: Mapping[str, Any]) -> ExpressionMeasure:
        measure = ExpressionMeasure(expression, weighted=self._weighted, axes=len(self._group_counts))
        sums = iter(described["sums"])
        if measure.rows is not None:
            self._fill_rows(measure.rows)
        for term in measure.terms:
            if isinstance(term, RowMeasure):
                self._fill_rows(term)
            else:
                self._fill_sums(term, next(sums))
        measure.clipped.rows, measure.omitted = whole(described["clipped"]), whole(described["omitted"])
        measure.clipped.losses = SavedTotal(*self._numbers.take(1))  # type: ignore[assignment]  # reads out alike
        return measure

    def _fill_rows(self, rows: RowMeasure) -> None:
        for grouped in _of_rows(rows):
            grouped.parts = [self._summary(axis, grouped.axes) for axis in range(len(grouped.parts))]

    def _summary(self, axis: int, axes: int) -> SavedSummary:
        total = self._group(None) if axis == 0 else None
        groups = [self._group(code) for code in range(self._group_counts[axis] if axes else 0)]
        return SavedSummary(total, groups, weighted=self._weighted)

    def _group(self, code: int | None) -> SavedGroup:
        numbers, (low, high), bins = next(self._groups, ((), (0.0, 0.0), 0))
        counts = Counts(*numbers)
        if counts.rows < counts.support + counts.nan + counts.below + counts.above:
            raise ValueError("a group has fewer rows than it is made of")
        if math.isnan(low) == bool(counts.support) or not (low <= high or math.isnan(low)):
            raise ValueError("the ends of a group do not fit")
        sums = self._numbers.take(WEIGHTED_SUMS if self._weighted else POWER_SUMS)
        excluded = self._numbers.take(APART if self._weighted else 0)
        kept = counts.rows if keeps_rows(counts) else 0
        if bins and (kept or counts.nan):
            raise ValueError("a group has both rows and bins")
        rows = tuple(column[self._row : self._row + kept] for column in self._columns)
        self._row += kept
        if self._row > self._columns[0].size:
            raise ValueError("a kept row is missing")
        return SavedGroup(
            bits=bits_of(code),
            weighted=self._weighted,
            counts=counts,
            sums=sums,
            excluded=excluded,
            ends=None if math.isnan(low) else (low, high),
            parts=(rows,) if kept else (),
            bins=self._take_bins(bins, counts),
        )

    def _take_bins(self, count: int, counts: Counts) -> dict[float, Mass]:
        here = slice(self._bin, self._bin + count)
        self._bin += count
        masses: Sequence[Mass]
        if self._masses is None:
            masses = self._numbers.take(count)
        else:
            masses = self._masses[here].tolist()
            if count and sum(masses) != counts.support:
                raise ValueError("the bins do not hold the rows of their group")
        return dict(zip(self._middles[here].tolist(), masses, strict=True))

    def _fill_sums(self, term: SetMeasure, described: Mapping[str, Any]) -> None:
        term.overflowed = bool(described["overflowed"])
        if described["columns"] is None:
            return
        columns, spread = whole(described["columns"]), bool(described.get("spread", False))
        term.sums = grouped = Grouped(lambda: SavedSums(columns, spread=spread), term.axes)
        for axis, part in enumerate(grouped.parts):
            part.weighted = bool(described["weighted"])
            for _ in range(self._group_counts[axis] if grouped.axes else 1):
                count, *sums = self._numbers.take(1 + part.width)
                part.groups.append((whole(int(count)), tuple(sums)))


def whole(value: Any) -> int:
    """A count of a manifest."""
    if type(value) is not int or value < 0:
        raise ValueError(f"{value} is no count")
    return value


def _of_rows(rows: RowMeasure) -> list[Grouped]:
    return [rows.values] if rows.squares is None else [rows.values, rows.squares]


def _grouped(measure: ExpressionMeasure) -> Iterator[Grouped]:
    """Everything in a measure that may have groups."""
    for part in itertools.chain([measure.rows] if measure.rows else [], measure.terms):
        if isinstance(part, RowMeasure):
            yield from _of_rows(part)
        elif part.sums is not None:
            yield part.sums


def _rows_of(part: Any, code: int) -> int:
    """How many rows a summary or a set of sums has in a group."""
    rows: int = part.count(code) if hasattr(part, "exact") else part.readings(code).counts.rows
    return rows
