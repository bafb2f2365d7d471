"""What the user asked of the columns: the options of the command line as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

PredictionKind = Literal["auto", "prob", "logit", "log-prob", "label", "percent"]
PREDICTION_KINDS: tuple[str, ...] = get_args(PredictionKind)


@dataclass(frozen=True)
class ColumnRequest:
    """The explicit choices; an empty one is left to detection.

    `label` and `pred` are column names or patterns such as ``prob_*``;
    `others` are the columns of further inputs by the name of the input; each
    item of `by` is one column or a cross of several.
    """

    label: tuple[str, ...] = ()
    pred: tuple[str, ...] = ()
    weight: str | None = None
    others: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    classes: tuple[str, ...] | None = None
    pos_label: str | None = None
    pred_kind: PredictionKind = "auto"
    by: tuple[tuple[str, ...], ...] = ()
    id: str | None = None
    keep: tuple[str, ...] = ()
