"""Why no row passes a filter: the values that its columns hold instead."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import field

import numpy as np
import pyarrow as pa

from losscli.columns.batch import texts
from losscli.distinct import distinct_values
from losscli.errors import NothingToEvaluate, nearest
from losscli.readers.arrays import floats
from losscli.records import dataclass
from losscli.roles import BoolArray
from losscli.where.conditions import Comparison

# The smallest words are kept, for these do not depend on the order in which they are met.
_KEPT = 64
_SHOWN = 8


@dataclass
class Sighting:
    """What a column held: its smallest words and the range of its numbers."""

    words: set[str] = field(default_factory=set)
    low: float = np.inf
    high: float = -np.inf

    def merge(self, other: Sighting) -> None:
        """Take over what `other` saw."""
        self.words = set(heapq.nsmallest(_KEPT, self.words | other.words))
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)

    def describe(self, column: str) -> str | None:
        """The values in a few words; None where there is nothing to say."""
        if self.words:
            shown = ", ".join(sorted(self.words)[:_SHOWN])
            return f"values of {column}: {shown}" + (", …" if len(self.words) > _SHOWN else "")
        if self.low <= self.high:
            low, high = (repr(one).removesuffix(".0") for one in (self.low, self.high))
            return f"{column} is {low}" + (f" to {high}" if low != high else " in every row")
        return f"{column} is always null"


class Census:
    """How many rows were read and how many passed; as long as none has, also what the columns hold.

    Merges in any order to the same result.  `columns` are those compared with
    values, `sought` the (column, text) that must be equal.
    """

    def __init__(self, where: str, columns: Sequence[str], sought: Sequence[tuple[str, str]]) -> None:
        self.rows = 0
        self.matched = 0
        self._where = where
        self._sought = sought
        self._seen = {column: Sighting() for column in columns}

    def note(self, batch: pa.RecordBatch, mask: BoolArray) -> None:
        """Count the rows of a batch and those of them that passed, ``(n,)``."""
        self.rows += len(mask)
        self.matched += int(np.count_nonzero(mask))
        if self.matched == 0 and len(mask):
            for column, seen in self._seen.items():
                seen.merge(_sighting(batch.column(column)))

    def merge(self, other: Census) -> None:
        """Take over the rows of `other`, a census of the same filter."""
        self.rows += other.rows
        self.matched += other.matched
        for column, seen in self._seen.items():
            seen.merge(other._seen[column])

    def explain(self) -> str:
        """How many rows passed; if none did, with the values that the columns hold."""
        parts = [f"{self.matched:,} of {self.rows:,} rows match {self._where}"]
        if self.matched == 0 and self.rows:
            parts += [text for column, seen in self._seen.items() if (text := seen.describe(column))]
        return "; ".join(parts)

    def error(self) -> NothingToEvaluate:
        """The error of a filter that no row passes, with the nearest value for one that is misspelt."""
        fix = None
        for column, value in self._sought:
            words = self._seen[column].words
            near = None if value in words else nearest(value, words)
            if near is not None:
                fix = str(Comparison(column, "==", near))
        return NothingToEvaluate(self.explain(), "a filter that some row passes", fix)


def _sighting(array: pa.Array) -> Sighting:
    """What a batch holds of a column."""
    seen = Sighting()
    if pa.types.is_dictionary(array.type):
        column = texts(array)
        found = (column.words[place] for place in distinct_values(column.indices).tolist())
        words = {word for word in found if word is not None}
        seen.merge(Sighting(words))
    elif array.type == pa.float64():
        values = floats(array)
        known = values[~np.isnan(values)]
        if known.size:
            seen.low, seen.high = float(known.min()), float(known.max())
    return seen
