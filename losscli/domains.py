"""Sets of values that test, describe, parse, sample and refuse.

A domain stands behind every parameter of a loss and every column that a loss
reads.  From it follow the validation, the wording of errors and help, the
random inputs of the law tests and the bad values they must see refused.
Written as text in declarations: ``"(0, inf)"``, ``"[0, 1]"``, ``"{-1, 1}"``,
``"integer [1, inf)"``.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from losscli.arguments import call_with
from losscli.errors import UsageError
from losscli.records import dataclass


class Domain(ABC):
    """A set of values."""

    @abstractmethod
    def __str__(self) -> str:
        """The set in mathematical notation, as declarations write it."""

    @abstractmethod
    def describe(self) -> str:
        """The set in words, to follow "expected"."""

    @abstractmethod
    def contains(self, value: object) -> bool:
        """Whether one value is in the set."""

    @abstractmethod
    def parse(self, text: str) -> Any:
        """The value written as `text`; raises ValueError when it is not one."""

    @abstractmethod
    def sample(self, rng: Any) -> Any:
        """A random value of the set, in the range that people use."""

    @abstractmethod
    def outside(self) -> Sequence[object]:
        """Some values that are not in the set, for the laws of refusal."""


@dataclass(frozen=True)
class Interval(Domain):
    """Real numbers between two bounds.

    ``+inf`` and ``-inf`` belong to it only when the bound is written closed
    (``[-inf, inf]``); NaN never does.
    """

    low: float = -math.inf
    high: float = math.inf
    closed_low: bool = False
    closed_high: bool = False

    def __str__(self) -> str:
        left = "[" if self.closed_low else "("
        right = "]" if self.closed_high else ")"
        return f"{left}{_number(self.low)}, {_number(self.high)}{right}"

    def describe(self) -> str:
        if self.low == -math.inf and self.high == math.inf:
            return "a number" if self.closed_low else "a finite number"
        if self.high == math.inf:
            return f"a finite number {'>=' if self.closed_low else '>'} {_number(self.low)}"
        if self.low == -math.inf:
            return f"a finite number {'<=' if self.closed_high else '<'} {_number(self.high)}"
        return f"a number in {self}"

    def contains(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        above = value >= self.low if self.closed_low else value > self.low
        below = value <= self.high if self.closed_high else value < self.high
        return above and below

    def all_inside(self, values: Any) -> bool:
        """Whether every element of a float64 array is inside; two passes, no temporaries."""
        if values.size == 0:
            return True
        low, high = values.min(), values.max()
        return bool(
            (low >= self.low if self.closed_low else low > self.low)
            and (high <= self.high if self.closed_high else high < self.high)
        )

    def inside(self, values: Any) -> Any:
        """Elementwise membership of a float64 array, as a boolean array."""
        above = values >= self.low if self.closed_low else values > self.low
        below = values <= self.high if self.closed_high else values < self.high
        return above & below

    def parse(self, text: str) -> float:
        return float(text)

    def sample(self, rng: Any) -> float:
        return float(self.samples(rng, ()))

    def samples(self, rng: Any, shape: tuple[int, ...]) -> Any:
        """A float64 array of random members, spread over a few decades where unbounded."""
        if math.isfinite(self.low) and math.isfinite(self.high):
            return self.low + (self.high - self.low) * rng.uniform(0.001, 0.999, shape)
        if math.isfinite(self.low):
            return self.low + rng.lognormal(0.0, 1.0, shape)
        if math.isfinite(self.high):
            return self.high - rng.lognormal(0.0, 1.0, shape)
        return rng.normal(0.0, 2.0, shape)

    def outside(self) -> list[object]:
        values: list[object] = [math.nan]
        if math.isfinite(self.low):
            values.append(math.nextafter(self.low, -math.inf) if self.closed_low else self.low)
        elif not self.closed_low:
            values.append(-math.inf)
        if math.isfinite(self.high):
            values.append(math.nextafter(self.high, math.inf) if self.closed_high else self.high)
        elif not self.closed_high:
            values.append(math.inf)
        return values


@dataclass(frozen=True)
class Integers(Domain):
    """Whole numbers from `low` up to and including `high` (None: unbounded)."""

    low: int | None = None
    high: int | None = None

    def __str__(self) -> str:
        left = "(-inf" if self.low is None else f"[{self.low}"
        right = "inf)" if self.high is None else f"{self.high}]"
        return f"integer {left}, {right}"

    def describe(self) -> str:
        if self.low is None and self.high is None:
            return "a whole number"
        if self.high is None:
            return f"a whole number >= {self.low}"
        return f"a whole number from {self.low} to {self.high}"

    def contains(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int):
            return False
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def parse(self, text: str) -> int:
        return int(text)

    def sample(self, rng: Any) -> int:
        low = 0 if self.low is None else self.low
        high = low + 5 if self.high is None else self.high
        return int(rng.integers(low, high + 1))

    def outside(self) -> list[object]:
        values: list[object] = [0.5]
        if self.low is not None:
            values.append(self.low - 1)
        if self.high is not None:
            values.append(self.high + 1)
        return values


@dataclass(frozen=True)
class NumberSet(Domain):
    """A few numbers, such as ``{-1, 1}``."""

    members: tuple[float, ...]

    def __str__(self) -> str:
        return "{" + ", ".join(_number(member) for member in self.members) + "}"

    def describe(self) -> str:
        words = [_number(member) for member in self.members]
        return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)

    def contains(self, value: object) -> bool:
        return not isinstance(value, bool) and value in self.members

    def all_inside(self, values: Any) -> bool:
        """Whether every element of an array is a member."""
        return bool(self.inside(values).all())

    def inside(self, values: Any) -> Any:
        """Elementwise membership of an array, as a boolean array."""
        found = values == self.members[0]
        for member in self.members[1:]:
            found |= values == member
        return found

    def parse(self, text: str) -> float:
        value = float(text)
        return int(value) if value.is_integer() else value

    def sample(self, rng: Any) -> float:
        return self.members[int(rng.integers(len(self.members)))]

    def samples(self, rng: Any, shape: tuple[int, ...]) -> Any:
        """A float64 array of random members."""
        return rng.choice([float(member) for member in self.members], size=shape)

    def outside(self) -> list[object]:
        return [math.nan, max(self.members) + 0.5, math.inf]


@dataclass(frozen=True)
class Choice(Domain):
    """One word of a few."""

    words: tuple[str, ...]

    def __str__(self) -> str:
        return "|".join(self.words)

    def describe(self) -> str:
        return "one of " + ", ".join(self.words)

    def contains(self, value: object) -> bool:
        return value in self.words

    def parse(self, text: str) -> str:
        word = text.strip().lower().replace("-", "_")
        if word not in self.words:
            raise ValueError(text)
        return word

    def sample(self, rng: Any) -> str:
        return self.words[int(rng.integers(len(self.words)))]

    def outside(self) -> list[object]:
        return ["no_such_word", 1]


@dataclass(frozen=True)
class Flag(Domain):
    """True or false."""

    def __str__(self) -> str:
        return "true|false"

    def describe(self) -> str:
        return "true or false"

    def contains(self, value: object) -> bool:
        return isinstance(value, bool)

    def parse(self, text: str) -> bool:
        word = text.strip().lower()
        if word in ("true", "yes", "on", "1"):
            return True
        if word in ("false", "no", "off", "0"):
            return False
        raise ValueError(text)

    def sample(self, rng: Any) -> bool:
        return bool(rng.integers(2))

    def outside(self) -> list[object]:
        return ["maybe", 2]


@dataclass(frozen=True)
class Optional(Domain):
    """A value of another domain, or none."""

    domain: Domain

    def __str__(self) -> str:
        return f"none|{self.domain}"

    def describe(self) -> str:
        return f"none or {self.domain.describe()}"

    def contains(self, value: object) -> bool:
        return value is None or self.domain.contains(value)

    def parse(self, text: str) -> Any:
        return None if text.strip().lower() in ("none", "null", "") else self.domain.parse(text)

    def sample(self, rng: Any) -> Any:
        return None if rng.integers(2) else self.domain.sample(rng)

    def outside(self) -> Sequence[object]:
        return self.domain.outside()


@dataclass(frozen=True)
class OneOrMany(Domain):
    """One number, or one for each class; as text separated by ``/``."""

    domain: Domain

    def __str__(self) -> str:
        return f"{self.domain}, or one for each class"

    def describe(self) -> str:
        return f"{self.domain.describe()}, or one for each class, separated by /"

    def contains(self, value: object) -> bool:
        if isinstance(value, tuple):
            return len(value) > 0 and all(self.domain.contains(part) for part in value)
        return self.domain.contains(value)

    def parse(self, text: str) -> Any:
        parts = text.split("/")
        if len(parts) == 1:
            return self.domain.parse(parts[0])
        return tuple(self.domain.parse(part) for part in parts)

    def sample(self, rng: Any) -> Any:
        return self.domain.sample(rng)

    def outside(self) -> Sequence[object]:
        return [*self.domain.outside(), ()]


@dataclass(frozen=True)
class Union(Domain):
    """A value of any of several domains, such as ``(-inf, 0] | [1, inf)``."""

    parts: tuple[Domain, ...]

    def __str__(self) -> str:
        return " | ".join(str(part) for part in self.parts)

    def describe(self) -> str:
        return ", or ".join(part.describe() for part in self.parts)

    def contains(self, value: object) -> bool:
        return any(part.contains(value) for part in self.parts)

    def parse(self, text: str) -> Any:
        return self.parts[0].parse(text)

    def sample(self, rng: Any) -> Any:
        return self.parts[int(rng.integers(len(self.parts)))].sample(rng)

    def outside(self) -> list[object]:
        return [value for part in self.parts for value in part.outside() if not self.contains(value)]


@dataclass(frozen=True)
class Given:
    """A column's domain that depends on parameters of the loss.

    `choose` takes the parameters it names and returns the domain; `words`
    says the rule to people.
    """

    choose: Callable[..., Domain]
    words: str

    def __str__(self) -> str:
        return self.words

    def resolve(self, parameters: Mapping[str, object]) -> Domain:
        """The domain at these parameter values."""
        domain: Domain = call_with(self.choose, parameters)
        return domain


REAL = Interval()
UNIT = Interval(0.0, 1.0, closed_low=True, closed_high=True)
NON_NEGATIVE = Interval(0.0, closed_low=True)
POSITIVE = Interval(0.0)

_INTERVAL = re.compile(r"^(integer\s+)?([\[(])\s*([^,]+?)\s*,\s*([^,]+?)\s*([\])])$")


def domain_of(text: str) -> Domain:
    """The domain written as `text`: an interval, ``integer`` interval, ``{a, b}``, or several joined by ``|``."""
    if "|" in text:
        return Union(tuple(domain_of(part.strip()) for part in text.split("|")))
    if text.startswith("{") and text.endswith("}"):
        return NumberSet(tuple(_parse_number(part) for part in text[1:-1].split(",")))
    found = _INTERVAL.match(text)
    if not found:
        raise UsageError(f'"{text}" is not a domain', 'an interval such as "(0, inf)" or a set such as "{-1, 1}"')
    whole, left, low, high, right = found.groups()
    if whole:
        return Integers(
            None if low == "-inf" else int(low) + (left == "("),
            None if high == "inf" else int(high) - (right == ")"),
        )
    return Interval(float(low), float(high), left == "[", right == "]")


def _parse_number(text: str) -> float:
    value = float(text)
    return int(value) if value.is_integer() else value


def _number(value: float) -> str:
    """A bound as people write it: ``1`` for 1.0, ``inf``, else the shortest digits."""
    return str(int(value)) if math.isfinite(value) and float(value).is_integer() else repr(float(value))
