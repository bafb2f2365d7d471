"""The worst rows, finished: ready to be rendered or read by a program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from losscli.records import dataclass
from losscli.report import SCHEMA, InputFile, plain_value


@dataclass(frozen=True)
class WorstRow:
    """A row with a large loss, numbered from 1 in its file.

    `prediction` and `score` are the class of the largest score and that score
    where the row has one for each class.  A loss of None is NaN.
    """

    file: str
    row: int
    identity: Any
    by: Mapping[str, str | None]
    row_class: str | None
    label: Any
    prediction: Any
    score: float | None
    loss: float | None
    kept: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The row of the JSON document."""
        return {
            "file": self.file,
            "row": self.row,
            "id": self.identity,
            **({"by": dict(self.by)} if self.by else {}),
            "class": self.row_class,
            "label": self.label,
            "pred": self.prediction,
            "score": self.score,
            "loss": plain_value(self.loss),
            "keep": dict(self.kept),
        }


@dataclass(frozen=True)
class WorstOfLoss:
    """The rows with the largest values of one loss, the worst first in each group."""

    loss: str
    title: str
    params: Mapping[str, Any]
    signature: str
    rows: Sequence[WorstRow]

    def to_dict(self) -> dict[str, Any]:
        """The result of the JSON document."""
        return {
            "loss": self.loss,
            "title": self.title,
            "params": {name: plain_value(value) for name, value in self.params.items()},
            "signature": self.signature,
            "rows": [row.to_dict() for row in self.rows],
        }


@dataclass(frozen=True)
class WorstReport:
    """The worst rows for one or more losses; `count` of them in all, or `per_class` and slice."""

    version: str
    inputs: Sequence[InputFile]
    columns: Mapping[str, Any]
    count: int
    per_class: bool
    rows: Mapping[str, int]
    results: Sequence[WorstOfLoss]
    warnings: Sequence[str] = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of schema losscli/1; no NaN or infinity in it."""
        return {
            "schema": SCHEMA,
            "version": self.version,
            "inputs": [one.to_dict() for one in self.inputs],
            "columns": dict(self.columns),
            "rows": dict(self.rows),
            "count": self.count,
            "per_class": self.per_class,
            "results": [result.to_dict() for result in self.results],
            "warnings": list(self.warnings),
        }
