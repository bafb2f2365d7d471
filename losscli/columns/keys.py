"""The names behind group codes, shared by all tiles of one partial result, and what labels were seen."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import field
from typing import TypeVar

import numpy as np

from losscli.errors import one_line
from losscli.faults import Fault, Faults
from losscli.records import dataclass
from losscli.roles import IntArray

KeyT = TypeVar("KeyT", bound=Hashable)

# More than two labels is an error, and the first three rows tell it; the rest would only take memory.
LABELS_KEPT = 16


class Names(list[KeyT]):
    """Names in the order met; the code of a name is its place."""

    def __init__(self) -> None:
        super().__init__()
        self._codes: dict[KeyT, int] = {}

    def code(self, name: KeyT) -> int:
        """The code of `name`, which is new or known."""
        code = self._codes.setdefault(name, len(self))
        if code == len(self):
            self.append(name)
        return code

    def __reduce__(self) -> tuple[object, ...]:
        return _names, (tuple(self),)


def _names(names: tuple[KeyT, ...]) -> Names[KeyT]:
    made: Names[KeyT] = Names()
    for name in names:
        made.code(name)
    return made


class Keys:
    """The classes and slices met so far.

    `classes` are labels as text, with None for rows whose label is missing;
    ``slices[axis]`` are tuples with a text, or None for null, for each column
    of the cross.
    """

    def __init__(self, slices: int = 0, by_class: bool = False) -> None:
        self.by_class = by_class
        self.classes: Names[str | None] = Names()
        self.slices: list[Names[tuple[str | None, ...]]] = [Names() for _ in range(slices)]

    def merge(self, other: Keys) -> list[IntArray]:
        """Take over the names of `other`; for each axis, ``map[i]`` is our code for its code i.

        The axes are the classes, if these are an axis, and then the slices.
        """
        maps = [_merged(self.classes, other.classes)]
        maps.extend(_merged(ours, theirs) for ours, theirs in zip(self.slices, other.slices, strict=True))
        return maps if self.by_class else maps[1:]


def _merged(ours: Names[KeyT], theirs: Names[KeyT]) -> IntArray:
    return np.array([ours.code(name) for name in theirs], dtype=np.intp)


@dataclass
class MarginSeen:
    """The labels of two-class columns: whether they fit together is known only at the end.

    For each (file, column), the first row and the number of rows of every
    label other than the positive one; `positive` is that of ``--pos-label``.
    """

    labels: dict[tuple[int, str], dict[str, tuple[int, int]]] = field(default_factory=dict)
    positive: str | None = None

    def add(self, file: int, column: str, label: str, row: int, count: int) -> None:
        """Note `count` rows with `label`, the first being `row`."""
        seen = self.labels.setdefault((file, column), {})
        first, known = seen.get(label, (row, 0))
        seen[label] = min(first, row), known + count
        if len(seen) > LABELS_KEPT:
            del seen[max(seen, key=lambda one: seen[one][0])]

    def merge(self, other: MarginSeen) -> None:
        """Take over what `other` saw."""
        self.positive = self.positive if self.positive is not None else other.positive
        for (file, column), seen in other.labels.items():
            for label, (row, count) in seen.items():
                self.add(file, column, label, row, count)

    def faults(self, rows_read: Mapping[int, int]) -> Faults:
        """The labels that cannot stand in one column: 0 with -1, or a third one beside a positive label."""
        faults = Faults()
        for (file, column), seen in self.labels.items():
            if file not in rows_read:
                continue
            later = sorted(seen, key=lambda label: seen[label][0])[1:]
            for label in later:
                row, count = seen[label]
                faults.add(Fault(file, column, self._problem(seen), row, _shown(label), count, *self._advice()))
        return faults

    def _problem(self, seen: Mapping[str, tuple[int, int]]) -> str:
        first = min(seen, key=lambda label: seen[label][0])
        return f"stands beside {_shown(first)} for the negative class"

    def _advice(self) -> tuple[str, str]:
        if self.positive is None:
            return "0 and 1, or -1 and 1, all through the file", "--pos-label V, to choose the positive label"
        return f"two labels, {_shown(self.positive)} and another", "a loss for several classes"


def _shown(label: str) -> str:
    return label if label.lstrip("-").isdigit() else one_line(f'"{label}"')
