"""A row filter: the columns it wants, and the rows of a batch that pass it."""

from __future__ import annotations

from collections.abc import Container, Mapping

import pyarrow as pa

from losscli.columns.labels import number_of
from losscli.errors import InputError, UsageError, nearest
from losscli.faults import Faults
from losscli.readers.source import ColumnType, Kind
from losscli.records import dataclass
from losscli.roles import BoolArray
from losscli.where.census import Census
from losscli.where.conditions import ColumnTest, Comparison, Condition, Value, value_text
from losscli.where.rows import Rows, ValueKind

_NUMBERS: tuple[Kind, ...] = ("number", "integer")

_FITTING: Mapping[ValueKind, tuple[Kind, ...]] = {
    "number": (*_NUMBERS, "null"),
    "text": ("text", "moment", "null"),
    "boolean": ("boolean", "null"),
}
_NOUNS: Mapping[ValueKind, str] = {"number": "a number", "text": "a text", "boolean": "true or false"}
_HOLDS: Mapping[Kind, str] = {
    "number": "numbers",
    "integer": "integers",
    "boolean": "true and false",
    "text": "text",
    "moment": "dates or times",
    "vector": "lists",
    "matrix": "lists of lists",
    "labelled": "scores with their classes",
    "other": "neither numbers nor text",
}


@dataclass(frozen=True)
class Where:
    """A row filter, as `parse_where` reads it and ``str`` writes it: two texts of one meaning become one."""

    condition: Condition

    def __str__(self) -> str:
        return str(self.condition)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it names, in the order in which it does."""
        return tuple(dict.fromkeys(test.column for test in self.condition.tests()))

    def types(self, kinds: Mapping[str, Kind], hints: Container[str] = ()) -> dict[str, ColumnType]:
        """The type in which to read each of its columns.

        `kinds` are those of the file's columns; `hints` the columns whose kind
        is a guess from the first rows, as in CSV files: there the filter decides,
        and a value that cannot be compared is found when it is read.  Where
        another use wants such a column as text, text it may be.  Raises
        InputError for a column that is not there, UsageError for one that holds
        something else than what it is compared with.
        """
        types: dict[str, ColumnType] = {}
        for test in self.condition.tests():
            if test.column not in kinds:
                near = nearest(test.column, kinds)
                raise InputError(
                    f'no column "{test.column}", which the row filter names' + (f'; closest: "{near}"' if near else ""),
                    "a column of the data",
                )
            kind = kinds[test.column]
            wanted = test.compared_as
            if wanted is None:
                types.setdefault(test.column, _type_of(kind))
                continue
            if kind not in _FITTING[wanted] and (test.column not in hints or _orders_numbers_as_text(test, kind)):
                raise _misfit(test, wanted, kind)
            types[test.column] = "number" if wanted == "number" else "text"
        return types

    def mask(
        self, batch: pa.RecordBatch, faults: Faults | None = None, *, file: int = 0, first_row: int = 0
    ) -> BoolArray:
        """The rows of `batch` that pass, ``(n,)``.

        Columns are read in the types of `types`, or as text.  Values that then
        cannot be compared, such as "n/a" with 18, are added to `faults`, for the
        rows of `file` from `first_row` on, and their rows do not pass; without
        `faults` they are an InputError.
        """
        found = Faults() if faults is None else faults
        passed = self.condition.truth(Rows(batch, found, file, first_row)).true
        if faults is None and found:
            raise found.error(lambda _: "row filter", lambda _: batch.num_rows, lambda _, __: None)
        return passed

    def census(self) -> Census:
        """A count of rows, empty as yet, that can explain why none passes."""
        tests = list(self.condition.tests())
        compared = dict.fromkeys(test.column for test in tests if test.compared_as is not None)
        sought = [
            (test.column, test.value)
            for test in tests
            if isinstance(test, Comparison) and test.operator == "==" and isinstance(test.value, str)
        ]
        return Census(str(self), tuple(compared), sought)


def _type_of(kind: Kind) -> ColumnType:
    """In which type a column tells best whether it is null."""
    if kind in _NUMBERS:
        return "number"
    if kind == "vector":
        return "vector"
    return "matrix" if kind == "matrix" else "text"


def _orders_numbers_as_text(test: ColumnTest, kind: Kind) -> bool:
    """Whether "9" would come after "18"."""
    return (
        kind in _NUMBERS
        and isinstance(test, Comparison)
        and test.compared_as == "text"
        and test.operator not in ("==", "!=")
    )


def _misfit(test: ColumnTest, wanted: ValueKind, kind: Kind) -> UsageError:
    expected = {
        "number": "a number",
        "integer": "a number",
        "boolean": "true or false",
        "text": "a text in quotes",
        "moment": "a text in quotes",
    }.get(kind, "is null or is not null")
    fix = None
    if isinstance(test, Comparison):
        value = _converted(test, kind)
        fix = None if value is None else str(Comparison(test.column, test.operator, value))
    return UsageError(
        f'row filter: column "{test.column}" holds {_HOLDS[kind]} (kind {kind}) and is compared with '
        f"{_NOUNS[wanted]} in: {test}",
        expected,
        fix,
    )


def _converted(test: Comparison, kind: Kind) -> Value | None:
    """The value as one of this kind; None where that would mean something else."""
    value = test.value
    if kind in _NUMBERS:
        number = number_of(value) if isinstance(value, str) else float(value)
        return number if number is not None and abs(number) < float("inf") else None
    if test.operator not in ("==", "!="):
        return None
    if kind == "boolean":
        return {1.0: True, 0.0: False, "true": True, "false": False}.get(value)
    return value_text(value) if kind == "text" else None
