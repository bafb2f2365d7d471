"""The slices that were found, finished: ready to be rendered or read by a program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from losscli.records import dataclass
from losscli.report import SCHEMA, InputFile, plain_value


@dataclass(frozen=True)
class FoundSlice:
    """A slice whose loss is significantly higher than that of the rest of the rows.

    `by` are its values by column, None for null; `share` is its part of the
    rows, `loss` its mean loss and `rest` that of the other rows, `ratio` the
    quotient of the two, None where the rest has no loss.  `p` is the one-sided
    p value of Welch's test; `p_adjusted` is after Holm's correction for all
    slices that were tested, each taken to vary at least as much as the rest.
    """

    by: Mapping[str, str | None]
    count: int
    share: float
    loss: float
    rest: float
    diff: float
    ratio: float | None
    p: float
    p_adjusted: float
    score: float

    def to_dict(self) -> dict[str, Any]:
        """The slice of the JSON document."""
        return {**vars(self), "by": dict(self.by)}


@dataclass(frozen=True)
class SlicesOfLoss:
    """The slices found for one loss, the best score first.

    `tested` are all slices that are large enough, `significant` those whose
    loss is significantly higher and whose score is above 0; of these, `slices`
    are as many as were asked for.  `loss` is the name, `mean` the mean loss.
    """

    loss: str
    title: str
    params: Mapping[str, Any]
    signature: str
    count: int
    mean: float
    tested: int
    significant: int
    slices: Sequence[FoundSlice]

    def to_dict(self) -> dict[str, Any]:
        """The result of the JSON document."""
        return {
            "loss": self.loss,
            "title": self.title,
            "params": {name: plain_value(value) for name, value in self.params.items()},
            "signature": self.signature,
            "total": {"count": self.count, "loss": self.mean},
            "tested": self.tested,
            "significant": self.significant,
            "slices": [one.to_dict() for one in self.slices],
        }


@dataclass(frozen=True)
class SliceReport:
    """The slices found for one or more losses; `search` says among which columns and how."""

    version: str
    inputs: Sequence[InputFile]
    columns: Mapping[str, Any]
    rows: Mapping[str, int]
    search: Mapping[str, Any]
    results: Sequence[SlicesOfLoss]
    notes: Sequence[str] = ()
    warnings: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of schema losscli/1; no NaN or infinity in it."""
        return {
            "schema": SCHEMA,
            "version": self.version,
            "inputs": [one.to_dict() for one in self.inputs],
            "columns": dict(self.columns),
            "rows": dict(self.rows),
            "search": dict(self.search),
            "results": [result.to_dict() for result in self.results],
            "notes": list(self.notes),
            "warnings": list(self.warnings),
        }
