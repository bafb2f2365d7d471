"""The worst rows as one flat table: the lines of CSV, TSV, NDJSON and data frames."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from losscli.ranking.report import WorstOfLoss, WorstReport, WorstRow

FIXED = ("title", "file", "row", "id", "class", "label", "pred", "score", "loss")


class WorstTable:
    """The columns, the same for every loss, and the rows as tuples in their order.

    A column of ``--by`` or ``--keep`` that bears the name of another is called
    ``by_NAME`` or ``keep_NAME``.
    """

    def __init__(self, report: WorstReport) -> None:
        self._report = report
        crosses = report.columns["by"]
        self._by: list[str] = list(crosses[0]) if crosses else []
        self._kept: list[str] = list(report.columns["keep"])
        taken = set(FIXED)
        self.by_columns = [_distinct("by", name, taken) for name in self._by]
        self.kept_columns = [_distinct("keep", name, taken) for name in self._kept]
        self.columns = [*FIXED[:4], *self.by_columns, *FIXED[4:], *self.kept_columns]

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows of all losses, one loss after the other."""
        for result in self._report.results:
            for row in result.rows:
                yield self.row(result, row)

    def row(self, result: WorstOfLoss, row: WorstRow) -> tuple[Any, ...]:
        """One row in the order of the columns."""
        return (
            result.title,
            row.file,
            row.row,
            row.identity,
            *(row.by[name] for name in self._by),
            row.row_class,
            row.label,
            row.prediction,
            row.score,
            row.loss,
            *(row.kept[name] for name in self._kept),
        )


def _distinct(prefix: str, name: str, taken: set[str]) -> str:
    while name in taken:
        name = f"{prefix}_{name}"
    taken.add(name)
    return name
