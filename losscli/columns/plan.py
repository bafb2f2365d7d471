"""The plan of one file: which column feeds which input of the losses, and why."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from losscli.bins import Bins, FixedBins, Place, axis_text
from losscli.columns.names import BY_NAME, BY_NAMES
from losscli.columns.request import KindOrigin, PredictionKind
from losscli.errors import one_line
from losscli.readers import ColumnType
from losscli.records import dataclass
from losscli.roles import Reading

# Numbers that a worker reads at once, and all of them together.  Fewer cost more calls, and more take memory.
_VALUES_AT_ONCE = 1 << 21
_VALUES_OF_ALL_AT_ONCE = 1 << 23
_MOST_ROWS_AT_ONCE = 1 << 20
# A text takes as long as so many numbers, and more memory.
_VALUES_OF_TEXT = 4


@dataclass(frozen=True)
class ColumnPlan:
    """The columns of one file and their meaning.

    `input_columns` has the columns of every input, predictions in class order;
    `lengths` the list lengths (k,) or (m, k) of list columns; `classes` the
    labels in prediction order, None where the losses have no fixed classes.
    `class_input` is the label that gives each row its class, None when there
    is none.  `detected` are the roles found by name; `ambiguities` say where
    another mapping was plausible, for the caller to warn about or refuse; `bins`
    has those of the columns of `by` that are not taken value by value.
    `pred_kind_from` says what settled `pred_kind`.

    `positive` is the positive label of two-class losses, where `pos_label` is
    only what has to be read as it: 0 and 1 need no telling.  `picks` has the
    place of the one score that is read of a list; `scores` the classes of
    labelled scores, as these call them, in the order of `classes`; `label_names`
    the class of every label that is not called so.  `constants` are the texts
    that every row of a column must hold, for the choice was made by them.
    `why` gives the reason for each choice, `alternatives` what was not taken;
    `notes` are facts that a reader must know, `unmatched` is said of a label
    that is no class.
    """

    path: str
    input_columns: Mapping[str, tuple[str, ...]]
    lengths: Mapping[str, tuple[int, ...]]
    types: Mapping[str, ColumnType]
    weight: str | None
    by: tuple[tuple[str, ...], ...]
    id: str | None
    keep: tuple[str, ...]
    classes: tuple[str, ...] | None
    pos_label: str | None
    pred_kind: PredictionKind
    binary: bool
    class_input: tuple[str, Reading] | None
    roles: Mapping[str, tuple[str, ...]]
    detected: frozenset[str]
    ambiguities: tuple[str, ...]
    bins: Mapping[Place, Bins] = field(default_factory=dict)
    pred_kind_from: KindOrigin | None = None
    positive: str | None = None
    picks: Mapping[str, int] = field(default_factory=dict)
    scores: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    label_names: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    why: Mapping[str, str] = field(default_factory=dict)
    alternatives: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    unmatched: str | None = None

    @property
    def has_classes(self) -> bool:
        """Whether every row has a class to group by."""
        return self.class_input is not None

    def line(self) -> str:
        """The mapping in one line, ``label=y_true pred=y_pred by=region``, with what was found by name."""
        parts = [f"{role}={shown(columns)}{self._picked(columns)}" for role, columns in self.roles.items()]
        if self.weight:
            parts.append(f"weight={self.weight}")
        parts.extend(f"by={axis_text(axis, cross, self.bins)}" for axis, cross in enumerate(self.by))
        if self.id:
            parts.append(f"id={self.id}")
        if self.classes:
            parts.append(f"classes={shown(self.classes)}")
        if self.positive is not None:
            parts.append(f"pos_label={self.positive}")
        if self.pred_kind != "auto" and (self.pred_kind != "prob" or self.pred_kind_from == "flag"):
            parts.append(f"pred_kind={self.pred_kind}")
        return " ".join(parts) + self._reasons()

    def to_dict(self) -> dict[str, Any]:
        """The mapping for the JSON key `columns`."""
        mapping: dict[str, Any] = {"label": None, "pred": None}
        for role, columns in self.roles.items():
            mapping[role] = columns[0] if len(columns) == 1 else list(columns)
        return {
            **mapping,
            "weight": self.weight,
            "by": [list(cross) for cross in self.by],
            **({"bins": self._bins()} if self.bins else {}),
            "id": self.id,
            "keep": list(self.keep),
            "classes": None if self.classes is None else list(self.classes),
            "pos_label": self.positive,
            **({"pred_place": self.picks[self.roles["pred"][0]]} if self.picks else {}),
            "pred_kind": self.pred_kind,
            "pred_kind_from": self.pred_kind_from,
            "detected": sorted(self.detected),
            **({"notes": list(self.notes)} if self.notes else {}),
        }

    def _reasons(self) -> str:
        """How the columns were found that nobody named, in brackets."""
        found = {role: self.why.get(role, BY_NAME) for role in self.roles if role in self.detected}
        named = [role for role, why in found.items() if why.startswith((BY_NAME, BY_NAMES))]
        reasons = [f"{', '.join(named)} found by name"] if named else []
        reasons += [f"{role} {why}" for role, why in found.items() if role not in named]
        return f" ({'; '.join(reasons)})" if reasons else ""

    def _picked(self, columns: Sequence[str]) -> str:
        return f"[{self.picks[columns[0]]}]" if columns[0] in self.picks else ""

    def _bins(self) -> list[dict[str, Any]]:
        """The bins of the columns of `by`, each by the place of its cross."""
        return [
            {"by": axis, "column": self.by[axis][place], "labels": list(bins.labels)}
            for (axis, place), bins in sorted(self.bins.items())
            if isinstance(bins, FixedBins)
        ]


def shown(columns: Sequence[str]) -> str:
    """A few names in full, of many the first and the last."""
    if len(columns) <= 3:
        return ",".join(map(one_line, columns))
    return f"{one_line(columns[0])},…,{one_line(columns[-1])} ({len(columns)})"


def rows_at_once(plan: ColumnPlan, workers: int) -> int:
    """How many rows of these columns are best read at once by each of so many workers, a power of two."""
    sizes = (
        math.prod(plan.lengths.get(name, (1,))) * (_VALUES_OF_TEXT if wanted == "text" else 1)
        for name, wanted in plan.types.items()
    )
    values = min(_VALUES_AT_ONCE, _VALUES_OF_ALL_AT_ONCE // workers)
    rows = min(values // max(sum(sizes), 1), _MOST_ROWS_AT_ONCE)
    return 1 << max(rows.bit_length() - 1, 0)
