"""What two files must agree in before their rows are compared: labels, weights, and who a row is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from losscli.columns import Keys, Need, Tile
from losscli.columns.need import CLASS_READINGS
from losscli.errors import InputError
from losscli.joining.keys import fingerprints
from losscli.readers.arrays import floats
from losscli.records import dataclass
from losscli.roles import BoolArray, FloatArray, IntArray
from losscli.work import Work

if TYPE_CHECKING:
    from losscli.comparison.work import PairWork
    from losscli.joining import Pair

LABEL, WEIGHT, IDENTITY = "label", "weight", "id"


@dataclass(frozen=True)
class Disagreement:
    """Rows in which both files say different things; `row` is the first of them, from 0, in the baseline."""

    row: int
    base: str | None
    cand: str | None
    count: int


@dataclass
class Disagreements:
    """What was found of each kind; merges two at a time."""

    found: dict[str, Disagreement] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.found)

    def add(self, kind: str, one: Disagreement) -> None:
        """Count `one`, keeping the earlier row of two of its kind."""
        known = self.found.get(kind)
        if known is not None:
            one = replace(min(known, one, key=lambda each: each.row), count=known.count + one.count)
        self.found[kind] = one

    def merge(self, other: Disagreements) -> None:
        """Take over what `other` found."""
        for kind, one in other.found.items():
            self.add(kind, one)

    def note(self, pair: Pair, base: Tile, cand: Tile, work: PairWork, rows: IntArray, keys: Keys) -> None:
        """Compare the rows of two tiles, numbered `rows`."""
        if work.identity is not None:
            self._note_identity(pair, work.identity, rows)
        differ = _labels_differ(work.base, work.cand, base, cand)
        if differ is not None:
            shown = [base.missing, cand.missing, base.excluded, base.faulty, cand.faulty]
            for hidden in shown:
                if hidden is not None:
                    differ &= ~hidden
            self._note_rows(
                LABEL,
                differ,
                rows,
                lambda place: label_texts(work.base, base, keys, place)[0],
                lambda place: label_texts(work.cand, cand, keys, place)[0],
            )
        if base.weights is not None and cand.weights is not None:
            ours, theirs = base.weights, cand.weights
            differ = (ours != theirs) & ~np.isnan(ours) & ~np.isnan(theirs)
            self._note_rows(
                WEIGHT,
                differ,
                rows,
                lambda place: repr(float(ours[place[0]])),
                lambda place: repr(float(theirs[place[0]])),
            )

    def error(self, base: str, cand: str, identity: str | None, *, joined: bool) -> InputError:
        """The refusal: ids before labels, for rows that are not the same have other labels too."""
        kind = next(one for one in (IDENTITY, LABEL, WEIGHT) if one in self.found)
        one = self.found[kind]
        where = f"{cand}, row {one.row + 1:,} of {base}" if joined else f"{cand}: row {one.row + 1:,}"
        rows = f"{one.count:,} row{' disagrees' if one.count == 1 else 's disagree'}"
        if kind == IDENTITY:
            return InputError(
                f'{where}: "{identity}" is {one.cand}, but {one.base} in {base}; {rows}',
                "the same rows in the same order",
                f"--on {identity}, which joins the rows on this column",
            )
        problem = f"{where}: the {kind} is {one.cand}, but {one.base} in {base}; {rows}"
        if joined:
            return InputError(problem, f"one {kind} for the same id in both files")
        return InputError(
            problem, f"the same {kind} in every row, in the same order", "--on COLUMN, to join the rows on an id"
        )

    def _note_rows(self, kind: str, differ: BoolArray, rows: IntArray, ours: Any, theirs: Any) -> None:
        places = np.flatnonzero(differ)
        if len(places):
            first = places[:1]
            self.add(kind, Disagreement(int(rows[first[0]]), ours(first), theirs(first), len(places)))

    def _note_identity(self, pair: Pair, name: str, rows: IntArray) -> None:
        ours, theirs = pair.left.column(name), pair.right.column(name)
        if pa.types.is_float64(ours.type):
            before, after = floats(ours), floats(theirs)
            differ = (before != after) & ~(np.isnan(before) & np.isnan(after))
        else:
            one, other = fingerprints(ours), fingerprints(theirs)
            differ = (one.low != other.low) | (one.high != other.high) | (one.missing != other.missing)
        self._note_rows(IDENTITY, differ, rows, lambda place: _shown(ours, place), lambda place: _shown(theirs, place))


def label_texts(work: Work, tile: Tile, keys: Keys, places: IntArray) -> Sequence[str | None]:
    """The labels of some rows of a tile as text; None where a row has none that is one value."""
    if tile.class_codes is not None:
        return [keys.classes[code] for code in tile.class_codes[places].tolist()]
    for need in _label_needs(work):
        values = tile.inputs[need.input, need.reading]
        if values.ndim == 1:
            return [repr(float(value)) for value in values[places].tolist()]
        return ["[" + ", ".join(repr(float(one)) for one in values[place].ravel()[:8]) + "]" for place in places]
    return [None] * len(places)


def _label_needs(work: Work) -> list[Need]:
    return [need for need in work.needs if need.role == "label"]


def _labels_differ(base: Work, cand: Work, ours: Tile, theirs: Tile) -> BoolArray | None:
    """The rows with different labels; None for losses without one."""
    differ: BoolArray | None = None
    if ours.class_codes is not None and theirs.class_codes is not None:
        differ = ours.class_codes != theirs.class_codes
    for need in _label_needs(base):
        if need.reading in (*CLASS_READINGS, "either") and differ is not None and not base.plans[0].binary:
            # Classes are numbered in the order of each file's predictions; their names were compared above.
            continue
        one, other = ours.inputs[need.input, need.reading], theirs.inputs[need.input, need.reading]
        unlike = _unlike(one, other)
        differ = unlike if differ is None else differ | unlike
    return differ


def _unlike(one: FloatArray, other: FloatArray) -> BoolArray:
    if one.shape != other.shape:
        return np.ones(len(one), np.bool_)
    unlike: BoolArray = one != other
    if one.dtype.kind == "f":
        unlike &= ~(np.isnan(one) & np.isnan(other))
    if unlike.ndim > 1:
        unlike = np.logical_or.reduce(unlike.reshape(len(unlike), -1), axis=1)
    return unlike


def _shown(column: Any, place: IntArray) -> str:
    value = column[int(place[0])].as_py()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return "missing" if value is None else f'"{value}"'
