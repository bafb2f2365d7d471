"""A finished evaluation: numbers with their provenance, ready to be rendered.

Renderers read a `Report` and compute nothing; `Report.to_dict` is the JSON
document of schema losscli/1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, Literal

from losscli.records import dataclass

SCHEMA = "losscli/1"

Level = Literal["total", "macro", "class", "slice"]


@dataclass(frozen=True)
class Row:
    """The statistics of one total, class, slice or macro average.

    `loss` is the reduced value, `ci` its confidence interval; a number that
    does not exist is None and `status` says why: "absent", "too_few",
    "undefined", "nan" or "overflow"; otherwise it is "ok".
    """

    level: Level
    key: Mapping[str, str | None]
    count: int
    weight: float | None
    loss: float | None
    mean: float | None = None
    std: float | None = None
    sem: float | None = None
    ci: tuple[float, float] | None = None
    minimum: float | None = None
    maximum: float | None = None
    quantiles: Mapping[str, float | None] = field(default_factory=dict)
    sum: float | None = None
    share: float | None = None
    status: str = "ok"

    def to_dict(self) -> dict[str, Any]:
        """The ROW object of the JSON schema, without its key."""
        return {
            "count": self.count,
            "weight": self.weight,
            "loss": self.loss,
            "mean": self.mean,
            "std": self.std,
            "sem": self.sem,
            "ci": list(self.ci) if self.ci else None,
            "min": self.minimum,
            "max": self.maximum,
            "quantiles": dict(self.quantiles),
            "sum": self.sum,
            "share": self.share,
            "status": self.status,
        }


@dataclass(frozen=True)
class Note:
    """A fact about a result that a reader must know, such as clipped rows."""

    code: str
    message: str
    rows: int | None = None
    share: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return {"code": self.code, "message": self.message, "rows": self.rows, "share": self.share}


@dataclass(frozen=True)
class Result:
    """Everything about one selected loss."""

    loss: str
    title: str
    params: Mapping[str, Any]
    signature: str
    reduction: str
    total: Row
    macro: Row | None = None
    classes: Sequence[Row] = ()
    slices: Sequence[Row] = ()
    notes: Sequence[Note] = ()
    terms: Sequence[Mapping[str, Any]] = ()
    absent_classes: Sequence[str] = ()

    @property
    def rows(self) -> list[Row]:
        """All rows in the order of a table: classes, slices, macro, total."""
        return [*self.classes, *self.slices, *([self.macro] if self.macro else []), self.total]

    def to_dict(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            "loss": self.loss,
            "title": self.title,
            "params": {name: plain_value(value) for name, value in self.params.items()},
            "signature": self.signature,
            "reduction": self.reduction,
            "total": self.total.to_dict(),
            "macro": self.macro.to_dict() if self.macro else None,
            "classes": [{"class": row.key["class"], **row.to_dict()} for row in self.classes],
            "slices": [{"by": dict(row.key), **row.to_dict()} for row in self.slices],
            "notes": [note.to_dict() for note in self.notes],
        }
        if self.terms:
            document["terms"] = [dict(term) for term in self.terms]
        return document


def plain_value(value: Any) -> Any:
    """A parameter value for JSON, which has neither tuples nor infinity."""
    if isinstance(value, tuple):
        return [plain_value(part) for part in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True)
class InputFile:
    """One file that was read."""

    path: str
    format: str
    rows: int
    bytes: int | None
    written: Mapping[str, object] = field(default_factory=dict, hash=False)

    def to_dict(self) -> dict[str, Any]:
        """The file in the JSON document; how its text is written only where that is unusual."""
        found = {"path": self.path, "format": self.format, "rows": self.rows, "bytes": self.bytes}
        return {**found, "text": dict(self.written)} if self.written else found


@dataclass(frozen=True)
class Report:
    """A finished evaluation of one or more losses on one or more files."""

    version: str
    inputs: Sequence[InputFile]
    columns: Mapping[str, Any]
    rows_read: int
    rows_used: int
    rows_skipped: int
    results: Sequence[Result]
    warnings: Sequence[str] = ()
    level: float = 0.95
    ci_method: str = "hall"
    quantile_error: Mapping[str, float] = field(default_factory=dict)
    rows_filtered: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of schema losscli/1; no NaN or infinity in it."""
        return {
            "schema": SCHEMA,
            "version": self.version,
            "inputs": [one.to_dict() for one in self.inputs],
            "columns": dict(self.columns),
            "rows": {
                "read": self.rows_read,
                "used": self.rows_used,
                "skipped": self.rows_skipped,
                "filtered": self.rows_filtered,
            },
            "interval": {"method": self.ci_method, "level": self.level},
            "quantile_error": dict(self.quantile_error),
            "results": [result.to_dict() for result in self.results],
            "warnings": list(self.warnings),
        }
