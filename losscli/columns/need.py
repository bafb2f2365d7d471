"""What the losses ask of the columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from losscli.records import dataclass
from losscli.roles import Reading, Shape

if TYPE_CHECKING:
    from losscli.expression import Expression

LABEL_INPUTS = ("y_true", "label")
PREDICTION_INPUTS = ("y_pred", "pred")
CLASS_READINGS: tuple[Reading, ...] = ("class", "one_hot")
BINARY_READINGS: tuple[Reading, ...] = ("binary", "margin")


@dataclass(frozen=True)
class Need:
    """One input of one loss: its name there, how it is read, its shape, and the loss for messages.

    `ignored` is a class label that need not be among the classes, for its rows do not count.
    `aliases` are other names by which ``--col`` may call this input; `quantile`
    is the one that a prediction stands for.
    """

    input: str
    reading: Reading
    shape: Shape
    loss: str
    ignored: int | None = None
    aliases: tuple[str, ...] = ()
    quantile: float | None = None

    @property
    def role(self) -> Literal["label", "pred"] | None:
        """The option that gives this input its columns; None for ``--col``."""
        if self.input in LABEL_INPUTS:
            return "label"
        return "pred" if self.input in PREDICTION_INPUTS else None


def needs_of(expressions: Sequence[Expression]) -> tuple[Need, ...]:
    """What the losses of these expressions ask for, each need once."""
    return tuple(
        dict.fromkeys(
            Need(
                one.name,
                one.role.reading,
                one.shape,
                term.loss.name,
                term.loss.values.get("ignore_class"),
                (term.loss.family, term.loss.name) if term.loss.is_penalty else (),
                _quantile(term.loss.values),
            )
            for expression in expressions
            for term in expression.terms
            for one in term.loss.inputs
        )
    )


def _quantile(values: Mapping[str, Any]) -> float | None:
    """The quantile among the parameters of a loss; a plugin may call something else so."""
    level = values.get("quantile")
    return level if isinstance(level, float) else None
