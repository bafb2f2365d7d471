"""A finished comparison: a table of differences for each candidate and loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any

from losscli.comparison.difference import Difference
from losscli.records import dataclass
from losscli.report import SCHEMA, InputFile, Note, plain_value

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class WorstRow:
    """A row whose loss has grown much: `row` is its 1-based data row in the baseline, `id` its key if it has one."""

    row: int
    id: str | None
    label: str | None
    base: float
    cand: float
    diff: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "row": self.row,
            "id": self.id,
            "label": self.label,
            "base": self.base,
            "cand": self.cand,
            "diff": self.diff,
        }


@dataclass(frozen=True)
class ComparedLoss:
    """One loss on a baseline and a candidate: in all, per class, per slice, and the rows that got worst."""

    loss: str
    title: str
    params: Mapping[str, Any]
    signature: str
    reduction: str
    total: Difference
    classes: Sequence[Difference] = ()
    slices: Sequence[Difference] = ()
    worst: Sequence[WorstRow] = ()
    notes: Sequence[Note] = ()

    @property
    def rows(self) -> list[Difference]:
        """All rows in the order of a table: classes, slices, total."""
        return [*self.classes, *self.slices, self.total]

    def to_dict(self) -> dict[str, Any]:
        return {
            "loss": self.loss,
            "title": self.title,
            "params": {name: plain_value(value) for name, value in self.params.items()},
            "signature": self.signature,
            "reduction": self.reduction,
            "total": self.total.to_dict(),
            "classes": [{"class": row.key["class"], **row.to_dict()} for row in self.classes],
            "slices": [{"by": dict(row.key), **row.to_dict()} for row in self.slices],
            "worst": [row.to_dict() for row in self.worst],
            "notes": [note.to_dict() for note in self.notes],
        }


@dataclass(frozen=True)
class ComparedRows:
    """How many rows were paired, used, skipped for a missing value, filtered out, and left without a partner."""

    paired: int
    used: int
    skipped: int = 0
    filtered: int = 0
    base_only: int = 0
    cand_only: int = 0

    def to_dict(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(frozen=True)
class ComparedCandidate:
    """One candidate against the baseline; `pairing` says in words how rows found their partners."""

    path: str
    inputs: Sequence[InputFile]
    columns: Mapping[str, Any]
    pairing: str
    rows: ComparedRows
    results: Sequence[ComparedLoss]

    def to_dict(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "inputs": [one.to_dict() for one in self.inputs],
            "columns": dict(self.columns),
            "pairing": self.pairing,
            "rows": self.rows.to_dict(),
            "results": [result.to_dict() for result in self.results],
        }


@dataclass(frozen=True)
class Comparison:
    """A finished comparison of candidates with one baseline."""

    version: str
    base: str
    base_inputs: Sequence[InputFile]
    base_columns: Mapping[str, Any]
    candidates: Sequence[ComparedCandidate]
    level: float = 0.95
    ci_method: str = "hall"
    cluster: str | None = None
    warnings: Sequence[str] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of schema losscli/1; no NaN or infinity in it."""
        return {
            "schema": SCHEMA,
            "version": self.version,
            "base": {
                "path": self.base,
                "inputs": [one.to_dict() for one in self.base_inputs],
                "columns": dict(self.base_columns),
            },
            # Of each row alone, while verdicts hold for all rows of a table together.
            "interval": {"method": self.ci_method, "level": self.level, "simultaneous": False},
            "test": {"name": "paired t", "correction": "holm", "cluster": self.cluster},
            "candidates": [candidate.to_dict() for candidate in self.candidates],
            "warnings": list(self.warnings),
        }

    def table(self) -> pd.DataFrame:
        """One row per class, slice and total of every loss and candidate."""
        import pandas as pd

        rows = []
        for candidate in self.candidates:
            for result in candidate.results:
                for one in result.rows:
                    numbers = one.to_dict()
                    low, high = numbers.pop("ci") or (None, None)
                    identity = {"candidate": candidate.path, "loss": result.title, "level": one.level}
                    rows.append({**identity, **one.key, **numbers, "ci_low": low, "ci_high": high})
        return pd.DataFrame(rows)
