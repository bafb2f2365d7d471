"""One shard in, the worst of its rows out."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from losscli.columns import ColumnPlan, Tile
from losscli.errors import InputError
from losscli.measures import counted_rows
from losscli.ranking.leaders import GroupKey, Leaders
from losscli.readers import Shard
from losscli.records import dataclass
from losscli.roles import BoolArray, FloatArray, IntArray
from losscli.work import Partial, Work

# The rows that are kept, of all groups together: each takes about a kilobyte.
MOST_ROWS = 1_000_000


@dataclass
class Ranked:
    """The mergeable result of some shards: their evaluation, and the worst rows for each loss."""

    partial: Partial
    leaders: list[Leaders]

    def merge(self, other: Ranked) -> None:
        """Take over the rows of `other`."""
        self.partial.merge(other.partial)
        for mine, theirs in zip(self.leaders, other.leaders, strict=True):
            mine.merge(theirs)


@dataclass(frozen=True)
class Cells:
    """What a file says of a row: texts, numbers or lists of these, None where it says nothing.

    `prediction` and `score` are the class of the largest score and that score
    where a row has a score for each class.
    """

    identity: Any
    label: Any
    prediction: Any
    score: float | None
    row_class: str | None
    slice: tuple[str | None, ...]
    kept: tuple[Any, ...]


@dataclass(frozen=True)
class RankingWork:
    """The rows of the largest loss, `count` of them, in all or of every class, and of every slice.

    `work` has at most one axis of slices.
    """

    work: Work
    count: int
    per_class: bool

    def start(self) -> Ranked:
        """Nothing ranked yet."""
        return Ranked(self.work.start(), [Leaders(self.count) for _ in self.work.expressions])

    def run(self, shard: Shard, ranked: Ranked, progress: Callable[[int], None] | None = None) -> None:
        """Add the rows of `shard`."""

        def rank(file: int, tile: Tile, batch: pa.RecordBatch, losses: list[FloatArray]) -> None:
            used = self._used(tile)
            codes, keys = self._groups(tile, ranked.partial)
            cells = functools.cache(functools.partial(self._cells, self.work.plans[file], tile, batch, ranked.partial))
            for leaders, values, counted in zip(ranked.leaders, losses, self._counted(tile), strict=True):
                ranked_rows = counted if used is None else used if counted is None else used & counted
                leaders.update(values, ranked_rows, codes, keys, (file, tile.first_row), cells)
            kept = max(map(len, ranked.leaders))
            if kept > MOST_ROWS:
                raise InputError(
                    f"the worst {self.count:,} rows of every group are more than {MOST_ROWS:,} rows",
                    "few groups, or few rows of each",
                    "-n 1",
                )

        self.work.run(shard, ranked.partial, progress, tap=rank)

    def _used(self, tile: Tile) -> BoolArray | None:
        """The rows that have a loss, be it NaN."""
        hidden = [tile.excluded, None if self.work.nan == "propagate" else tile.missing]
        found = [rows for rows in hidden if rows is not None]
        return ~np.logical_or.reduce(found) if found else None

    def _counted(self, tile: Tile) -> list[BoolArray | None]:
        """For each loss the rows that it does not leave out, such as those of an ignored class; None for all."""
        expressions = self.work.expressions
        if all(term.loss.omit is None for expression in expressions for term in expression.terms):
            return [None] * len(expressions)
        inputs = self.work.inputs(tile, slice(0, tile.rows))
        return [counted_rows(expression, one) for expression, one in zip(expressions, inputs, strict=True)]

    def _groups(self, tile: Tile, partial: Partial) -> tuple[IntArray, list[GroupKey]]:
        """For each row the code of its group, and the groups by code."""
        classes: list[str | None] = list(partial.keys.classes) if self.per_class else [None]
        slices = list(partial.keys.slices[0]) if tile.slice_codes else [()]
        codes: IntArray = np.zeros(tile.rows, np.intp)
        if self.per_class and tile.class_codes is not None:
            codes = tile.class_codes * len(slices)
        if tile.slice_codes:
            codes = codes + tile.slice_codes[0]
        return codes, [(name, values) for name in classes for values in slices]

    def _cells(self, plan: ColumnPlan, tile: Tile, batch: pa.RecordBatch, partial: Partial, row: int) -> Cells:
        keys = partial.keys
        row_class = None if tile.class_codes is None else keys.classes[int(tile.class_codes[row])]
        prediction = _values(batch, plan.roles.get("pred", ()), row)
        score = None
        if plan.classes is not None and isinstance(prediction, list) and len(prediction) == len(plan.classes):
            known = [(value, -place) for place, value in enumerate(prediction) if isinstance(value, float)]
            score, place = max(known, default=(None, None))
            prediction = None if place is None else plan.classes[-place]
        return Cells(
            identity=None if plan.id is None else _value(batch, plan.id, row),
            label=_values(batch, plan.roles.get("label", ()), row),
            prediction=prediction,
            score=score,
            row_class=row_class,
            slice=keys.slices[0][int(tile.slice_codes[0][row])] if tile.slice_codes else (),
            kept=tuple(_value(batch, name, row) for name in plan.keep),
        )


def _values(batch: pa.RecordBatch, columns: tuple[str, ...], row: int) -> Any:
    """The value of one column, the list of those of several, None for none."""
    found = [_value(batch, name, row) for name in columns]
    return found[0] if len(found) == 1 else found or None


def _value(batch: pa.RecordBatch, name: str, row: int) -> Any:
    """A value as JSON has it: NaN is None, as is an empty text."""
    value = batch.column(name)[row].as_py()
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not np.isfinite(value):
        return None if np.isnan(value) else str(value)
    return value if value != "" else None
