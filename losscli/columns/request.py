"""What the user asked of the columns: the options of the command line as one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Literal, get_args

from losscli.bins import Bins, Place, parse_axes
from losscli.records import dataclass

PredictionKind = Literal["auto", "prob", "logit", "log-prob", "label", "percent"]
KindOrigin = Literal["flag", "name", "values"]
PREDICTION_KINDS: tuple[str, ...] = get_args(PredictionKind)


@dataclass(frozen=True)
class ColumnRequest:
    """The explicit choices; an empty one is left to detection.

    `label` and `pred` are column names or patterns such as ``prob_*``;
    `others` are the columns of further inputs by the name of the input; each
    item of `by` is one column or a cross of several, and `bins` are those of
    the columns that are not taken value by value.
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
    bins: Mapping[Place, Bins] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        *,
        label: str | Sequence[str] | None = None,
        pred: str | Sequence[str] | None = None,
        weight: str | None = None,
        by: str | Sequence[str | Sequence[str]] | None = None,
        columns: Mapping[str, str | Sequence[str]] | None = None,
        classes: Sequence[str] | None = None,
        pos_label: str | None = None,
        pred_kind: str = "auto",
        id: str | None = None,
        keep: str | Sequence[str] | None = None,
    ) -> ColumnRequest:
        """The request of keywords as Python has them: a text is a comma list, `columns` is ``--col``."""
        crosses, bins = parse_axes([by] if isinstance(by, str) else by or ())
        return cls(
            label=_names(label),
            pred=_names(pred),
            weight=weight,
            others={role: _names(names) for role, names in (columns or {}).items()},
            classes=None if classes is None else tuple(str(name) for name in classes),
            pos_label=None if pos_label is None else str(pos_label),
            pred_kind=pred_kind,  # type: ignore[arg-type]  # plan_columns refuses other words
            by=crosses,
            bins=bins,
            id=id,
            keep=_names(keep),
        )


def _names(value: str | Sequence[str] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(value.split(",")) if isinstance(value, str) else tuple(value)
