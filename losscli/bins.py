"""Slices by ranges of a number: what ``--by`` says, and the bins that come of it.

::

    by     = part ("," part)*                 several parts are a cross
    part   = column [":" bins]
    bins   = "q" count                        quantile bins: about equally many rows in each
           | edge ("," edge)*                 fixed bins: below the first edge, between two, from the last on
    column = name | `name` | "name"

for example ``region``, ``age:0,18,65``, ``region,score:q5`` or ``age:18,65,region``.

A number after edges is one more edge, so a column with a number for its name stands first or in quotes.
A colon with no bins after it is part of the name.  Inside quotes commas and colons are too, and a quote is doubled.

A bin holds its lower edge and not its upper one: ``[18, 65)``; the outer bins are ``< 0`` and ``>= 65``.
A missing value is in no bin but in the slice of null.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from losscli.arrays import floats_in_order, ordered_integers
from losscli.distinct import distinct_values, distinct_with_counts, distinct_with_places
from losscli.errors import UsageError
from losscli.records import dataclass
from losscli.roles import FloatArray, IntArray

MOST_QUANTILES = 1000
SHOWN_EDGES = 8

_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_BINS = rf"q[0-9]{{1,6}}|{_NUMBER}(?:\s*,\s*{_NUMBER})*"
_PART = (
    "(?x)"
    rf"""\s*(?:`(?P<name>(?:[^`]|``)+)`|"(?P<double>(?:[^"]|"")+)"|(?P<bare>[^,\s`"][^,]*?))
    \s*(?::\s*(?P<bins>{_BINS}))?\s*(?:,|$)"""
)
_GRAMMAR = "COLUMN, COLUMN:q5, COLUMN:0,18,65, or a cross of these with commas"

# Cells in which a scout counts, at most.
_CELLS = 1 << 16
_PENDING_VALUES = 1 << 19


@dataclass(frozen=True)
class FixedBins:
    """Bins between ascending, finite or infinite `edges`; without edges, one bin of all numbers."""

    edges: tuple[float, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the bins in ascending order: "< 0", "[0, 18)", ">= 18"."""
        if not self.edges:
            return ("any number",)
        texts = [_number_text(edge) for edge in self.edges]
        inner = [f"[{low}, {high})" for low, high in itertools.pairwise(texts)]
        return (f"< {texts[0]}", *inner, f">= {texts[-1]}")

    def codes(self, values: FloatArray) -> IntArray:
        """The place of each value ``(n,)`` among the labels; NaN, for missing, is one place after the last."""
        codes = np.searchsorted(np.array(self.edges), values, side="right")
        codes[np.isnan(values)] = len(self.edges) + 1
        return codes

    def __str__(self) -> str:
        return ",".join(map(_number_text, self.edges))


@dataclass(frozen=True)
class QuantileBins:
    """`count` bins of about equally many rows; a `BinScout` has to see all rows before their edges are known."""

    count: int

    def settled(self, scout: BinScout) -> FixedBins:
        """The bins for the rows that `scout` has seen; fewer where equal values or few rows leave some empty."""
        return FixedBins(scout.edges(self.count))

    def note(self, column: str, bins: FixedBins) -> str | None:
        """What to tell the user when `bins`, as `settled` gave them, are fewer than were asked for."""
        found = len(bins.labels)
        if found == self.count:
            return None
        return (
            f'"{column}" has {found} of {self.count} quantile bins: equal values share a bin, which leaves others empty'
        )

    def __str__(self) -> str:
        return f"q{self.count}"


Bins: TypeAlias = FixedBins | QuantileBins
# The axis of a grouping and the place of a column in its cross.
Place: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class AxisPart:
    """A column of a cross, and its bins if it is not taken value by value."""

    column: str
    bins: Bins | None = None

    def __str__(self) -> str:
        name = _name_text(self.column)
        return name if self.bins is None else f"{name}:{self.bins}"


def parse_by(text: str) -> tuple[AxisPart, ...]:
    """The parts of the cross that `text` names; UsageError says what is wrong with it."""
    parts: list[AxisPart] = []
    start = 0
    while start < len(text) or not parts:
        match = re.compile(_PART).match(text, start)
        if match is None:
            raise UsageError(f'--by "{text}" has an empty part or an open quote', _GRAMMAR)
        parts.append(AxisPart(_column(match), _bins(match["bins"], text)))
        start = match.end()
    columns = [part.column for part in parts]
    twice = next((column for column in columns if columns.count(column) > 1), None)
    if twice is not None:
        raise UsageError(f'--by "{text}" names the column "{twice}" twice', "distinct columns")
    if text.rstrip().endswith(","):
        raise UsageError(f'--by "{text}" ends with a comma', _GRAMMAR)
    return tuple(parts)


def parse_axes(texts: Iterable[str | Sequence[str]]) -> tuple[tuple[tuple[str, ...], ...], dict[Place, Bins]]:
    """The columns of every cross of several ``--by``, and the bins by (axis, place in the cross).

    A text is what ``--by`` takes; several in a sequence are one cross.
    """
    names: list[tuple[str, ...]] = []
    bins: dict[Place, Bins] = {}
    for axis, text in enumerate(texts):
        parts = parse_by(text if isinstance(text, str) else ",".join(text))
        names.append(tuple(part.column for part in parts))
        bins |= {(axis, place): part.bins for place, part in enumerate(parts) if part.bins is not None}
    return tuple(names), bins


def axis_text(axis: int, columns: Sequence[str], bins: Mapping[Place, Bins]) -> str:
    """A cross in a few words: a long list of edges is their number."""
    return ",".join(
        column if (found := bins.get((axis, place))) is None else f"{column}:{_in_short(found)}"
        for place, column in enumerate(columns)
    )


def _in_short(bins: Bins) -> str:
    if isinstance(bins, FixedBins) and len(bins.edges) > SHOWN_EDGES:
        return f"{len(bins.labels)} bins"
    return str(bins)


class BinScout:
    """Counts the values of a column, so that quantile bins can be laid.

    While at most 65,536 values differ, each is counted and edges are exact.
    Beyond that, values count in cells that share all but their last bits, no
    more of these than it takes, and an edge is off by less than a cell.  So
    the same rows give the same edges in any order and after any merges: the
    bits left out depend on the set of values alone.  `QuantileSketch` will not
    do here: its fixed resolution puts all times of a month into three bins.
    """

    def __init__(self) -> None:
        # Distinct keys, ascending, without their last `_dropped` bits; and the rows of each.
        self._keys: NDArray[np.int64] = np.zeros(0, np.int64)
        self._counts: NDArray[np.int64] = np.zeros(0, np.int64)
        self._dropped = 0
        self._pending: list[NDArray[np.int64]] = []
        self._pending_values = 0

    def update(self, values: FloatArray) -> None:
        """Add values ``(n,)``; NaN, for missing, counts for nothing."""
        known = values[~np.isnan(values)]
        self._pending.append(ordered_integers(known) >> self._dropped)
        self._pending_values += known.size
        if self._pending_values > _PENDING_VALUES:
            self._settle()

    def merge(self, other: BinScout) -> None:
        """Take over the values of `other`."""
        self._settle()
        other._settle()
        self._drop(max(other._dropped - self._dropped, 0))
        self._add(other._keys >> (self._dropped - other._dropped), other._counts)

    def distinct(self, most: int) -> FloatArray | None:
        """The distinct values, ascending; None where there are more than `most`, which is at most 65,536."""
        self._settle()
        return None if self._dropped or self._keys.size > most else floats_in_order(self._keys)

    def edges(self, count: int) -> tuple[float, ...]:
        """The edges between `count` bins of equally many rows, as far as equal values can be parted.

        The edge after a share p of the rows lies above the inverted CDF at p
        (Hyndman, R. J. and Fan, Y. (1996). Sample Quantiles in Statistical
        Packages, definition 1. doi:10.2307/2684934) and not above the next
        value; of the numbers there it is the one with the fewest digits.
        """
        self._settle()
        if self._keys.size < 2:
            return ()
        reached = np.cumsum(self._counts)
        rows = int(reached[-1])
        # Ranks in whole numbers: 3 of 5 bins of 15 rows are 9 rows, whatever 0.6 is in binary.
        ranks = [-(-share * rows // count) for share in range(1, count)]
        places = distinct_values(np.searchsorted(reached, ranks, side="left"))
        bounds = floats_in_order(self._keys << self._dropped)
        return tuple(
            _shortest_between(float(bounds[place]), float(bounds[place + 1]))
            for place in places.tolist()
            if place + 1 < self._keys.size
        )

    def _settle(self) -> None:
        """Count what is pending."""
        pending, self._pending, self._pending_values = self._pending, [], 0
        if pending:
            self._add(*distinct_with_counts(np.concatenate(pending)))

    def _add(self, keys: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
        """Add keys that have lost `_dropped` bits, with the rows of each."""
        self._keys, back = distinct_with_places(np.concatenate([self._keys, keys]))
        rows = np.concatenate([self._counts, counts])
        self._counts = np.zeros(self._keys.size, np.int64)
        np.add.at(self._counts, back, rows)
        if self._keys.size > _CELLS:
            # Neighbours stay apart under a shift as long as it leaves a bit in which they differ.
            differing = self._keys[1:] ^ self._keys[:-1]
            self._drop(next(bits for bits in range(64) if np.count_nonzero(differing >> bits) < _CELLS))

    def _drop(self, bits: int) -> None:
        """Leave out so many more of the last bits."""
        if bits == 0 or self._keys.size == 0:
            self._dropped += bits
            return
        keys = self._keys >> bits
        first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        self._keys, self._counts = keys[first], np.add.reduceat(self._counts, first)
        self._dropped += bits


def _shortest_between(low: float, high: float) -> float:
    """The number of the fewest digits in (low, high]; an edge there parts values up to low from those from high on."""
    if math.isinf(high):
        return high
    from decimal import ROUND_FLOOR, Context, Decimal

    exact = Decimal(high)
    # The smallest numbers have 767 decimal digits.
    context = Context(prec=800, rounding=ROUND_FLOOR)
    for exponent in range(exact.adjusted() + 1, exact.adjusted() - 17, -1):
        found = float(exact.quantize(Decimal(1).scaleb(exponent), context=context))
        if low < found:
            return found
    return high


def _column(match: re.Match[str]) -> str:
    if match["name"] is not None:
        return match["name"].replace("``", "`")
    if match["double"] is not None:
        return match["double"].replace('""', '"')
    return match["bare"].strip()


def _bins(text: str | None, by: str) -> Bins | None:
    if text is None:
        return None
    if text.startswith("q"):
        count = int(text[1:])
        if not 2 <= count <= MOST_QUANTILES:
            raise UsageError(f'--by "{by}" asks for {count} quantile bins', f"2 to {MOST_QUANTILES:,} bins")
        return QuantileBins(count)
    edges = tuple(float(edge) + 0.0 for edge in text.split(","))
    if not all(map(math.isfinite, edges)):
        raise UsageError(f'--by "{by}" has an edge beyond float64', "finite edges")
    if any(low >= high for low, high in itertools.pairwise(edges)):
        ascending = ",".join(map(_number_text, sorted(set(edges))))
        raise UsageError(f'--by "{by}" has edges that do not ascend', "each edge above the one before", f":{ascending}")
    return FixedBins(edges)


def _name_text(column: str) -> str:
    """A column as ``--by`` takes it: in quotes where it would be read as something else."""
    match = re.fullmatch(_PART, column)
    if match and match["bare"] == column and match["bins"] is None and not re.fullmatch(_NUMBER, column):
        return column
    return '"' + column.replace('"', '""') + '"'


def _number_text(value: float) -> str:
    """The shortest digits that read back as `value`, whole numbers without a point."""
    return repr(value).removesuffix(".0")
