"""What a check is: what it knows before the first row, what it gathers, what it finds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from losscli.arrays import class_major
from losscli.columns import ColumnPlan, ColumnRequest, Keys, Tile
from losscli.columns.kinds import Decision
from losscli.columns.names import folded
from losscli.columns.scores import needs_soft_predictions
from losscli.declaration import Loss
from losscli.records import dataclass
from losscli.roles import FloatArray, IntArray, Reading

# The value that parts two classes, in the units of each kind.
CUTS = {"prob": 0.5, "label": 0.5, "percent": 50.0, "log-prob": float(np.log(0.5)), "logit": 0.0}

# The score up to which a model is unsure, in the units of each kind: of ten such rows it gets one wrong, if it is right
# about itself.
UNSURE = {"prob": 0.9, "percent": 90.0}

# Names of a label that are names of a prediction elsewhere.
EITHER = ("label", "labels", "class")


@dataclass(frozen=True)
class Setting:
    """What is known before the first row: the mapping, the request behind it, the losses, the columns of the file.

    `label` and `prediction` are the inputs of a tile that hold them; `width` is
    the number of predictions in a row, None for one plain column.
    """

    plan: ColumnPlan
    request: ColumnRequest
    decision: Decision
    losses: tuple[Loss, ...]
    columns: tuple[str, ...]
    label: tuple[str, Reading]
    prediction: tuple[str, Reading]
    width: int | None

    @property
    def two_class(self) -> bool:
        """Whether each row has a label of two classes and one score."""
        return self.width is None and self.label[1] in ("binary", "margin", "either")

    @property
    def several_classes(self) -> bool:
        """Whether each row has a label among several classes and a score for each of them."""
        return self.width is not None and self.plan.classes is not None and self.plan.class_input is not None

    @property
    def of_classes(self) -> bool:
        """Whether the predictions are of classes, in one of the ways in which a check of these asks."""
        return self.two_class or self.several_classes or any(map(needs_soft_predictions, self.losses))

    @property
    def cut(self) -> float:
        """The score above which a row is predicted to be of the positive class."""
        thresholds = [loss.values["threshold"] for loss in self.losses if "threshold" in loss.values]
        return CUTS.get(self.decision.kind, thresholds[0] if thresholds else 0.0)

    @property
    def unsure(self) -> float | None:
        """The score up to which a row is unsure, where it matters: the label may be the prediction by its name."""
        label = self.plan.roles["label"][0]
        in_doubt = not self.settled("label") and folded(label) in EITHER
        return UNSURE.get(self.decision.kind) if in_doubt else None

    def settled(self, *roles: str) -> bool:
        """Whether the user named the columns of all these roles."""
        return not self.plan.detected.intersection(roles)


class Rows:
    """Some rows of a tile that are evaluated, as they stand in the file."""

    def __init__(self, tile: Tile, chosen: slice | IntArray, keys: Keys, setting: Setting) -> None:
        self._tile = tile
        self._chosen = chosen
        self._keys = keys
        self._setting = setting

    def __len__(self) -> int:
        return self._chosen.stop - self._chosen.start if isinstance(self._chosen, slice) else len(self._chosen)

    @property
    def labels(self) -> Any:
        """The label as the first loss reads it, before anything is made of it."""
        return self._tile.inputs[self._setting.label][self._chosen]

    @property
    def predictions(self) -> FloatArray:
        """The predictions ``(n,)``, or ``(n, k)`` with contiguous columns."""
        values = self._tile.inputs[self._setting.prediction][self._chosen]
        return values if isinstance(self._chosen, slice) else class_major(values)

    @property
    def places(self) -> IntArray:
        """The place of each row's label among the classes, ``(n,)``; -1 for a label that is not among them."""
        assert self._tile.class_codes is not None
        places = {name: place for place, name in enumerate(self._setting.plan.classes or ())}
        table = np.array([places.get(name or "", -1) for name in self._keys.classes], dtype=np.intp)
        found: IntArray = table[self._tile.class_codes[self._chosen]]
        return found


class Evidence(ABC):
    """Facts about the rows, gathered a block at a time by each worker and merged in any order.

    `every_row`: whether a single row can change the answer.  What a share of the
    rows decides is gathered from the first of every shard.
    """

    every_row = True

    def __init__(self, setting: Setting) -> None:
        self.setting = setting

    @abstractmethod
    def see(self, rows: Rows) -> None:
        """Take up some rows."""

    @abstractmethod
    def merge(self, other: Self) -> None:
        """Take over the rows that `other` saw."""


@dataclass(frozen=True)
class Finding:
    """What looks wrong, with its numbers, what was expected, and the flag that settles it."""

    problem: str
    expected: str
    fix: str

    def __str__(self) -> str:
        return f"{self.problem}; try {self.fix}"


class Check(ABC):
    """One question about the mapping; `evidence` is the class of what answers it."""

    evidence: type[Evidence]

    @abstractmethod
    def applies(self, setting: Setting) -> bool:
        """Whether the question makes sense here, and no flag has answered it."""

    @abstractmethod
    def finding(self, evidence: Any, labels: Sequence[str]) -> Finding | None:
        """What the evidence of all rows shows; None when nothing is suspicious.

        `labels` are the labels that occur, as text.
        """


def percentage(part: float, whole: float) -> str:
    """A share as people read it, such as "2.4 %"."""
    return f"{100.0 * part / whole:.1f} %"
