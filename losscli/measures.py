"""What is accumulated for one selected loss while the rows go by.

A measure is mergeable: rows can be added in any order, in parts, by several
workers.  Groups are an axis: for every grouping (the classes, each ``--by``)
a tile brings one group code per row, and the total is the merge of the groups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

import numpy as np

from losscli.arguments import call_with
from losscli.arrays import class_major
from losscli.expression import Expression
from losscli.records import dataclass
from losscli.roles import BoolArray, FloatArray, IntArray
from losscli.summary import ExactSums, LossSummary


@dataclass(frozen=True)
class Grouping:
    """The group of every row along one axis, ``(n,)``, and how many groups there are so far."""

    codes: IntArray
    groups: int

    def take(self, rows: BoolArray) -> Grouping:
        """The grouping of the selected rows."""
        return Grouping(self.codes[rows], self.groups)


class Grouped:
    """One summary for each grouping axis; without axes, one summary of everything."""

    def __init__(self, make: Any, axes: int) -> None:
        self.parts = [make() for _ in range(max(axes, 1))]
        self.axes = axes

    def update(self, values: Any, weights: FloatArray | None, groupings: Sequence[Grouping]) -> None:
        """Add rows to every axis."""
        if not self.axes:
            # The terms of a sum have no groups even where their rows do.
            self.parts[0].update(values, weights, None, 1)
            return
        for part, grouping in zip(self.parts, groupings, strict=True):
            part.update(values, weights, grouping.codes, grouping.groups)

    def merge(self, other: Grouped, maps: Sequence[IntArray]) -> None:
        """Add the rows of `other`; ``maps[axis][i]`` is our group for its group i."""
        if not self.axes:
            self.parts[0].merge(other.parts[0], None)
            return
        for part, theirs, mapping in zip(self.parts, other.parts, maps, strict=True):
            part.merge(theirs, mapping)


def _make_rows(weighted: bool, axes: int) -> Grouped:
    return Grouped(lambda: LossSummary(weighted=weighted, grouped=axes > 0), axes)


class RowMeasure:
    """The statistics of a value per row; for root mean squares also those of the squares."""

    def __init__(self, weighted: bool, axes: int, power: int | None) -> None:
        self.values = _make_rows(weighted, axes)
        # The interval of a root mean square is the root of the interval of the mean square.
        self.squares = _make_rows(weighted, axes) if power == 2 else None

    def update(self, values: FloatArray, weights: FloatArray | None, groupings: Sequence[Grouping]) -> None:
        self.values.update(values, weights, groupings)
        if self.squares is not None:
            with np.errstate(over="ignore", under="ignore"):
                self.squares.update(values * values, weights, groupings)

    def merge(self, other: RowMeasure, maps: Sequence[IntArray]) -> None:
        self.values.merge(other.values, maps)
        if self.squares is not None and other.squares is not None:
            self.squares.merge(other.squares, maps)


class SetMeasure:
    """The sums of a set-level loss."""

    def __init__(self, weighted: bool, axes: int) -> None:
        self.weighted = weighted
        self.axes = axes
        self.sums: Grouped | None = None
        self.overflowed = False

    def update(self, parts: Sequence[FloatArray], weights: FloatArray | None, groupings: Sequence[Grouping]) -> None:
        if not all(np.isfinite(part).all() for part in parts):
            self.overflowed = True
            return
        if self.sums is None:
            from losscli.summary.sums import ContributionSums

            self.sums = Grouped(lambda: ContributionSums(columns=len(parts), spread=True), self.axes)
        self.sums.update(parts, weights, groupings)

    def merge(self, other: SetMeasure, maps: Sequence[IntArray]) -> None:
        self.overflowed |= other.overflowed
        if other.sums is None:
            return
        if self.sums is None:
            # Running sums take up running sums, and saved ones saved ones.
            theirs = other.sums.parts[0]
            kind, columns, spread = type(theirs), theirs.columns, theirs.spread
            self.sums = Grouped(lambda: kind(columns=columns, spread=spread), self.axes)
        self.sums.merge(other.sums, maps)


@dataclass
class WholeRows:
    """The rows of a loss that needs all of them at once, kept until the end."""

    parts: list[tuple[int, int, dict[str, Any], FloatArray | None, tuple[Grouping, ...]]] = field(default_factory=list)


@dataclass
class Clipped:
    """How many rows were clipped at epsilon, and the exact sum of their losses."""

    rows: int = 0
    losses: ExactSums = field(default_factory=lambda: ExactSums(1))

    def update(self, values: FloatArray, weights: FloatArray | None) -> None:
        self.rows += len(values)
        carried = values if weights is None else values * weights
        if np.isfinite(carried).all():
            self.losses.update([carried], None, 1)

    def merge(self, other: Clipped) -> None:
        self.rows += other.rows
        self.losses.merge(other.losses, None)


def counted_rows(expression: Expression, inputs: Sequence[Mapping[str, Any]]) -> BoolArray | None:
    """The rows that no term of a sum omits, given the inputs of every term; None for all."""
    kept: BoolArray | None = None
    for term, one in zip(expression.terms, inputs, strict=True):
        if term.loss.omit is None:
            continue
        omitted = call_with(term.loss.omit, {**one, **term.loss.values})
        if omitted.any():
            kept = ~omitted if kept is None else kept & ~omitted
    return kept


class ExpressionMeasure:
    """All that is accumulated for one expression: its value per row, its terms, its notes."""

    def __init__(self, expression: Expression, *, weighted: bool, axes: int) -> None:
        self.expression = expression
        single = expression.single
        self.rows = RowMeasure(weighted, axes, single.power if single else None) if expression.has_rows else None
        self.terms: list[RowMeasure | SetMeasure] = []
        if single is None or single.is_set_level:
            self.terms = [
                SetMeasure(weighted, axes)
                if term.loss.is_set_level
                else RowMeasure(weighted, axes if not expression.has_rows else 0, term.loss.power)
                for term in expression.terms
            ]
        self.clipped = Clipped()
        self.omitted = 0
        self.whole = WholeRows() if any(term.loss.whole for term in expression.terms) else None

    def update(
        self,
        inputs: Sequence[Mapping[str, Any]],
        weights: FloatArray | None,
        groupings: Sequence[Grouping],
        place: tuple[int, int] = (0, 0),
    ) -> FloatArray | None:
        """Add rows, given the valid inputs of every term; returns the loss of each row, if rows have one.

        Rows that a term omits count nowhere; their value is 0 in what is returned.
        """
        terms = self.expression.terms
        if self.whole is not None:
            self.whole.parts.append((*place, dict(inputs[0]), weights, tuple(groupings)))
            return None
        kept = counted_rows(self.expression, inputs)
        total = len(next(iter(inputs[0].values())))
        if kept is not None:
            self.omitted += total - int(kept.sum())
            inputs = [{name: class_major(array[kept]) for name, array in one.items()} for one in inputs]
            weights = None if weights is None else weights[kept]
            groupings = [grouping.take(kept) for grouping in groupings]
        with np.errstate(all="ignore"):
            values = self._add(terms, inputs, weights, groupings)
        if kept is None or values is None:
            return values
        spread = np.zeros(total)
        spread[kept] = values
        return spread

    def _add(
        self, terms: Any, inputs: Any, weights: FloatArray | None, groupings: Sequence[Grouping]
    ) -> FloatArray | None:
        combined: FloatArray | None = None
        for position, (term, one) in enumerate(zip(terms, inputs, strict=True)):
            measure = self.terms[position] if self.terms else None
            if isinstance(measure, SetMeasure):
                parts = term.loss.contributions(one)
                measure.update(parts, None if term.loss.is_penalty else weights, groupings)
                continue
            values = term.loss.rows(one)
            if measure is not None:
                measure.update(values, weights, groupings)
            if term.loss.clipped is not None:
                hit = call_with(term.loss.clipped, {**one, **term.loss.values, "row_loss": values})
                if hit.any():
                    self.clipped.update(term.factor * values[hit], None if weights is None else weights[hit])
            scaled = values if term.factor == 1 else term.factor * values
            combined = scaled if combined is None else combined + scaled
        if self.rows is None or combined is None:
            return None
        self.rows.update(combined, weights, groupings)
        return combined

    def merge(self, other: ExpressionMeasure, maps: Sequence[IntArray]) -> None:
        """Add the rows of `other`; `maps` brings its groups to ours, axis by axis."""
        if self.rows is not None and other.rows is not None:
            self.rows.merge(other.rows, maps)
        for mine, theirs in zip(self.terms, other.terms, strict=True):
            mine.merge(theirs, maps)  # type: ignore[arg-type]  # both lists follow the same terms
        self.clipped.merge(other.clipped)
        self.omitted += other.omitted
        if self.whole is not None and other.whole is not None:
            for file, row, inputs, weights, groupings in other.whole.parts:
                moved = tuple(
                    Grouping(mapping[grouping.codes], int(mapping.max(initial=-1)) + 1)
                    for mapping, grouping in zip(maps, groupings, strict=True)
                )
                self.whole.parts.append((file, row, inputs, weights, moved))

    def settle(self, class_ranks: IntArray) -> None:
        """Compute a loss that needed all rows, now that they are here; its class labels become their ranks."""
        if self.whole is None or not self.whole.parts:
            return
        parts = sorted(self.whole.parts, key=lambda part: part[:2])
        inputs: dict[str, Any] = {
            name: class_major(np.concatenate([part[2][name] for part in parts])) for name in parts[0][2]
        }
        weights = None if parts[0][3] is None else np.concatenate([part[3] for part in parts if part[3] is not None])
        axes = range(len(parts[0][4]))
        groupings = [
            Grouping(
                np.concatenate([part[4][axis].codes for part in parts]), max(part[4][axis].groups for part in parts)
            )
            for axis in axes
        ]
        term = self.expression.terms[0]
        for one in term.loss.inputs:
            if one.role.reading == "class":
                # Each shard numbers labels as it meets them: neither alike in all, nor in any order.
                inputs[one.name] = class_ranks[groupings[0].codes]
        with np.errstate(all="ignore"):
            values = term.factor * term.loss.rows(inputs)
        kept = counted_rows(self.expression, [inputs])
        if kept is not None:
            self.omitted += int(np.count_nonzero(~kept))
            values = values[kept]
            weights = None if weights is None else weights[kept]
            groupings = [grouping.take(kept) for grouping in groupings]
        assert self.rows is not None
        self.rows.update(values, weights, groupings)
        self.whole.parts.clear()
