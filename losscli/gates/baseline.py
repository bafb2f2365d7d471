"""The baseline of a gate: predictions for the same rows, compared with pair by pair."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from losscli.columns import ColumnRequest
from losscli.expression import Expression
from losscli.job import Settings
from losscli.preparation import prepare
from losscli.records import dataclass

if TYPE_CHECKING:
    from losscli.comparison import ComparedCandidate


@dataclass(frozen=True)
class Baseline:
    """Where the baseline is, what the report calls it, and how its rows are paired and tested."""

    data: Any
    name: str
    cluster: str | None = None
    allow_missing: bool = False

    def look(self, expressions: Sequence[Expression], request: ColumnRequest, settings: Settings, format: str) -> None:
        """Raise what is wrong with the files and columns before any row is read, but for a pipe, which is read once."""
        if isinstance(self.data, str) and self.data != "-" and not Path(self.data).is_fifo():
            clusters = () if self.cluster is None else ((self.cluster,),)
            prepare(self.data, expressions, replace(request, by=(*request.by, *clusters)), settings, format)

    def compare(
        self,
        candidate: Any,
        expressions: Sequence[Expression],
        request: ColumnRequest,
        settings: Settings,
        format: str,
        progress: Callable[[int], None] | None = None,
    ) -> tuple[ComparedCandidate, Sequence[str]]:
        """The differences of the candidate in all, per class and per slice, and what to be warned of.

        Raises InputError when the rows cannot be paired, their labels differ,
        or the baseline is the candidate.
        """
        # Only here: rules without a baseline should not wait for what compares.
        from losscli.comparison import compare

        comparison = compare(
            self.data,
            [candidate],
            expressions,
            request=request,
            settings=settings,
            on=settings.on or request.id,
            allow_missing=self.allow_missing,
            cluster=self.cluster,
            format=format,
            progress=progress,
        )
        return comparison.candidates[0], comparison.warnings
