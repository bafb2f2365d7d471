"""A gate as one flat table, a row per check: the rows of CSV, TSV and NDJSON."""

from __future__ import annotations

from collections.abc import Iterator

from losscli.gates.result import GateReport
from losscli.renderers.flat import Value, distinct, key_cells

IDENTITY = ("rule", "metric", "severity", "test", "level", "by", "class")
MEASURES = (
    *("kind", "count", "base", "cand", "diff", "relative", "ci_low", "ci_high"),
    *("p", "p_adjusted", "limit", "verdict", "finding", "rows_needed", "reason"),
)


class FlatChecks:
    """The columns of a gate and its checks as tuples in their order; each slice column has a column of its own."""

    def __init__(self, report: GateReport) -> None:
        self._report = report
        slices = (check for _, check in report.checks() if check.level == "slice")
        self._by = list(dict.fromkeys(name for check in slices for name in check.key))
        self.columns = [*IDENTITY, *distinct(self._by, {*IDENTITY, *MEASURES}), *MEASURES]

    def rows(self) -> Iterator[tuple[Value, ...]]:
        """The checks; a value that does not exist is None."""
        for result, check in self._report.checks():
            numbers = check.to_dict()
            low, high = check.ci or (None, None)
            yield (
                result.rule.name,
                result.metric,
                result.rule.severity,
                result.rule.test if check.against_baseline else None,
                *key_cells(check.level, check.key, self._by),
                *({**numbers, "ci_low": low, "ci_high": high}[name] for name in MEASURES),
            )
