"""The rows of a batch as conditions see them, and SQL's logic of three values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from losscli.columns import batch as arrays
from losscli.columns.labels import canonical
from losscli.faults import Fault, Faults
from losscli.readers.arrays import floats, nulls
from losscli.records import dataclass
from losscli.roles import BoolArray, FloatArray

ValueKind = Literal["number", "text", "boolean"]

_BOOLEANS = {"true": True, "false": False}
_EXPECTED = {"number": "numbers all through the column", "boolean": "true or false all through the column"}


@dataclass(frozen=True)
class Truth:
    """Where a condition is true and where it is false, each ``(n,)``; where it is neither, it is null.

    The operators are Kleene's: false and null is false, true or null is true,
    and everything else with null is null.
    """

    true: BoolArray
    false: BoolArray

    def __and__(self, other: Truth) -> Truth:
        return Truth(self.true & other.true, self.false | other.false)

    def __or__(self, other: Truth) -> Truth:
        return Truth(self.true | other.true, self.false & other.false)

    def __invert__(self) -> Truth:
        return Truth(self.false, self.true)


class Rows:
    """One batch, whose first row has the number `first_row` in `file`.

    What cannot be compared as the filter wants goes to `faults` and is null.
    """

    def __init__(self, batch: pa.RecordBatch, faults: Faults, file: int, first_row: int) -> None:
        self.batch = batch
        self.faults = faults
        self.file = file
        self.first_row = first_row
        self._texts: dict[str, arrays.Texts] = {}
        self._numbers: dict[str, FloatArray] = {}

    def of_numbers(self, column: str, holds: Callable[[FloatArray], BoolArray]) -> Truth:
        """The truth of a test of numbers."""
        values = self._number_column(column)
        known = ~np.isnan(values)
        true = holds(values) & known
        return Truth(true, known & ~true)

    def of_words(self, column: str, holds: Callable[[Any], bool], *, boolean: bool) -> Truth:
        """The truth of a test of words or booleans, which is asked once for each word of the dictionary."""
        words = self._text_column(column)
        true, false, bad = (np.zeros(len(words.words), np.bool_) for _ in range(3))
        for place, word in enumerate(words.words):
            value = word if word is None or not boolean else _BOOLEANS.get(canonical(word))
            if value is None:
                bad[place] = word is not None
            elif holds(value):
                true[place] = True
            else:
                false[place] = True
        if bad.any():
            self._refuse(column, bad[words.indices], "boolean")
        # Indices of any other integers would be converted at each take.
        places = words.indices.astype(np.intp, copy=False)
        return Truth(true.take(places), false.take(places))

    def missing(self, column: str) -> BoolArray:
        """Where a column is null, NaN or an empty text."""
        array = self.batch.column(column)
        if _is_text(array):
            words = self._text_column(column)
            missing: BoolArray = np.array([word is None for word in words.words])[words.indices]
            return missing
        if array.type == pa.float64():
            return np.isnan(self._number_column(column))
        gaps = nulls(array)
        return np.zeros(len(array), np.bool_) if gaps is None else gaps

    def _number_column(self, column: str) -> FloatArray:
        """A column as numbers, NaN where missing; another use may have had it read as text."""
        if column not in self._numbers:
            array = self.batch.column(column)
            if _is_text(array):
                values, bad = arrays.text_floats(self._text_column(column))
                self._refuse(column, bad, "number")
            else:
                values = floats(array)
            self._numbers[column] = values
        return self._numbers[column]

    def _text_column(self, column: str) -> arrays.Texts:
        if column not in self._texts:
            self._texts[column] = arrays.texts(self.batch.column(column))
        return self._texts[column]

    def _refuse(self, column: str, bad: BoolArray, wanted: Literal["number", "boolean"]) -> None:
        rows = np.flatnonzero(bad)
        if not len(rows):
            return
        words = self._text_column(column)
        what = "a number" if wanted == "number" else "true or false"
        self.faults.add(
            Fault(
                file=self.file,
                column=column,
                problem=f"is not {what}, as the row filter takes it",
                row=self.first_row + int(rows[0]),
                value=f'"{words.words[int(words.indices[rows[0]])]}"',
                count=len(rows),
                expected=_EXPECTED[wanted],
                fix="quotes around the value in the filter, to compare texts",
            )
        )


def _is_text(array: pa.Array) -> bool:
    return bool(pa.types.is_dictionary(array.type))
