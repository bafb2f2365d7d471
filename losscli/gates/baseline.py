"""The baseline of a gate: predictions for the same rows, compared with pair by pair."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from losscli.columns import ColumnRequest
from losscli.expression import Expression
from losscli.job import Settings
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
