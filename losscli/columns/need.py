"""What the losses ask of the columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from losscli.roles import Reading, Shape

LABEL_INPUTS = ("y_true", "label")
PREDICTION_INPUTS = ("y_pred", "pred")
CLASS_READINGS: tuple[Reading, ...] = ("class", "one_hot")
BINARY_READINGS: tuple[Reading, ...] = ("binary", "margin")


@dataclass(frozen=True)
class Need:
    """One input of one loss: its name there, how it is read, its shape, and the loss for messages.

    `ignored` is a class label that need not be among the classes, for its rows do not count.
    `aliases` are other names by which ``--col`` may call this input.
    """

    input: str
    reading: Reading
    shape: Shape
    loss: str
    ignored: int | None = None
    aliases: tuple[str, ...] = ()

    @property
    def role(self) -> Literal["label", "pred"] | None:
        """The option that gives this input its columns; None for ``--col``."""
        if self.input in LABEL_INPUTS:
            return "label"
        return "pred" if self.input in PREDICTION_INPUTS else None
