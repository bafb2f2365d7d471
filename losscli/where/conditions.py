"""Conditions on rows: tests of one column, and the logic that joins them."""

from __future__ import annotations

import functools
import operator
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Literal, TypeAlias

import numpy as np

from losscli.records import dataclass
from losscli.roles import BoolArray
from losscli.where.rows import Rows, Truth, ValueKind
from losscli.where.tokens import name_text

Value: TypeAlias = float | str | bool
Operator = Literal["==", "!=", "<", "<=", ">", ">="]

_OPERATORS: Mapping[Operator, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

# How firmly a condition holds together in writing; what is looser than its place wants goes in parentheses.
_OR, _AND, _NOT, _TEST = range(4)


def kind_of_value(value: Value) -> ValueKind:
    """How a column is compared with `value`."""
    if isinstance(value, bool):
        return "boolean"
    return "text" if isinstance(value, str) else "number"


def value_text(value: Value) -> str:
    """A value as the language writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value).removesuffix(".0")


class Condition(ABC):
    """What is true, false or null of a row; as text it is what the parser reads back."""

    firmness: ClassVar[int]

    @abstractmethod
    def truth(self, rows: Rows) -> Truth:
        """The truth of every row."""

    @abstractmethod
    def tests(self) -> Iterator[ColumnTest]:
        """The tests of columns in it, from left to right."""

    @abstractmethod
    def __str__(self) -> str: ...


@dataclass(frozen=True)
class ColumnTest(Condition):
    """A condition on one column."""

    firmness: ClassVar[int] = _TEST

    column: str

    @property
    @abstractmethod
    def compared_as(self) -> ValueKind | None:
        """What the column is compared with; None for null tests, which take any column."""

    def tests(self) -> Iterator[ColumnTest]:
        yield self


@dataclass(frozen=True)
class ValueTest(ColumnTest):
    """A test of the values of a column: null where these are missing."""

    @property
    @abstractmethod
    def compared_as(self) -> ValueKind: ...

    @abstractmethod
    def holds(self, value: Any) -> Any:
        """Whether it holds of a word or a boolean, or of each number of an array ``(n,)``."""

    def truth(self, rows: Rows) -> Truth:
        if self.compared_as == "number":
            return rows.of_numbers(self.column, self.holds)
        return rows.of_words(self.column, self.holds, boolean=self.compared_as == "boolean")


@dataclass(frozen=True)
class Comparison(ValueTest):
    """``column operator value``."""

    operator: Operator
    value: Value

    @property
    def compared_as(self) -> ValueKind:
        return kind_of_value(self.value)

    def holds(self, value: Any) -> Any:
        return _OPERATORS[self.operator](value, self.value)

    def __str__(self) -> str:
        return f"{name_text(self.column)} {self.operator} {value_text(self.value)}"


class Negatable(ABC):
    """A test that has its own way to write its negation."""

    @abstractmethod
    def text(self, negation: str) -> str:
        """The test as the language writes it, `negation` being "not " or nothing."""

    def __str__(self) -> str:
        return self.text("")


@dataclass(frozen=True)
class Membership(Negatable, ValueTest):
    """``column in (values)``; the values are of one kind."""

    values: tuple[Value, ...]

    @property
    def compared_as(self) -> ValueKind:
        return kind_of_value(self.values[0])

    def holds(self, value: Any) -> Any:
        if not isinstance(value, np.ndarray):
            return value in self.values
        found: BoolArray = np.logical_or.reduce([value == one for one in self.values])
        return found

    def text(self, negation: str) -> str:
        return f"{name_text(self.column)} {negation}in ({', '.join(map(value_text, self.values))})"


@dataclass(frozen=True)
class Like(Negatable, ValueTest):
    """``column like pattern``."""

    pattern: str

    @property
    def compared_as(self) -> ValueKind:
        return "text"

    def holds(self, value: Any) -> Any:
        return _like(self.pattern).fullmatch(value) is not None

    def text(self, negation: str) -> str:
        return f"{name_text(self.column)} {negation}like {value_text(self.pattern)}"


@dataclass(frozen=True)
class NullTest(Negatable, ColumnTest):
    """``column is null``: true or false of every row."""

    @property
    def compared_as(self) -> None:
        return None

    def truth(self, rows: Rows) -> Truth:
        missing = rows.missing(self.column)
        return Truth(missing, ~missing)

    def text(self, negation: str) -> str:
        return f"{name_text(self.column)} is {negation}null"


@dataclass(frozen=True)
class Not(Condition):
    """``not condition``."""

    condition: Condition
    firmness: ClassVar[int] = _NOT

    def truth(self, rows: Rows) -> Truth:
        return ~self.condition.truth(rows)

    def tests(self) -> Iterator[ColumnTest]:
        return self.condition.tests()

    def __str__(self) -> str:
        if isinstance(self.condition, Negatable):
            return self.condition.text("not ")
        return f"not {_enclosed(self.condition, _NOT)}"


@dataclass(frozen=True)
class Junction(Condition):
    """Two conditions or more under one word."""

    conditions: tuple[Condition, ...]
    word: ClassVar[str]
    join: ClassVar[Callable[[Truth, Truth], Truth]]

    def truth(self, rows: Rows) -> Truth:
        return functools.reduce(type(self).join, (one.truth(rows) for one in self.conditions))

    def tests(self) -> Iterator[ColumnTest]:
        for one in self.conditions:
            yield from one.tests()

    def __str__(self) -> str:
        return f" {self.word} ".join(_enclosed(one, self.firmness + 1) for one in self.conditions)


@dataclass(frozen=True)
class And(Junction):
    """``condition and condition …``."""

    firmness: ClassVar[int] = _AND
    word: ClassVar[str] = "and"
    join = operator.and_


@dataclass(frozen=True)
class Or(Junction):
    """``condition or condition …``."""

    firmness: ClassVar[int] = _OR
    word: ClassVar[str] = "or"
    join = operator.or_


def _enclosed(condition: Condition, least: int) -> str:
    return str(condition) if condition.firmness >= least else f"({condition})"


@functools.cache
def _like(pattern: str) -> re.Pattern[str]:
    """The regular expression of a pattern.

    Each piece after a "%" is taken at its first place for good (an atomic
    group), so no pattern makes the search go back; only the last must reach the end.
    """
    first, *rest = (re.escape(piece).replace("_", ".") for piece in pattern.split("%"))
    if not rest:
        return re.compile(first, re.DOTALL)
    middle = "".join(f"(?>.*?{piece})" for piece in rest[:-1])
    return re.compile(f"{first}{middle}.*{rest[-1]}", re.DOTALL)
