"""A finished gate: the verdict of the run, of its rules and of their checks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from losscli.errors import Exit
from losscli.gates.changes import Statistics
from losscli.gates.checks import Check
from losscli.gates.rules import Rule
from losscli.gates.verdicts import OnInconclusive, Verdict, exit_code, gravest, of_run
from losscli.records import dataclass
from losscli.report import SCHEMA, InputFile

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class RuleResult:
    """A rule and its checks; `metric` is the title of the loss, `note` why there is no check where there is none."""

    rule: Rule
    metric: str
    checks: Sequence[Check] = ()
    note: str | None = None

    @property
    def verdict(self) -> Verdict:
        """The gravest of its checks; those with too few rows count only where there are no others."""
        counted = [check.verdict for check in self.checks if check.tested] or [one.verdict for one in self.checks]
        return gravest(counted)

    def to_dict(self) -> dict[str, Any]:
        """The rule object of ``gate -f json``."""
        return {
            "name": self.rule.name,
            "metric": self.metric,
            "by": list(self.rule.by),
            "where": self.rule.where,
            "severity": self.rule.severity,
            "test": self.rule.test if self.rule.needs_baseline else None,
            "verdict": self.verdict.value,
            "note": self.note,
            "checks": [check.to_dict() for check in self.checks],
        }


@dataclass(frozen=True)
class GateReport:
    """Everything that a gate found, ready to be written down.

    `config` is the file of the rules, None where the command line had them;
    `pairing` says how rows found their partners in the baseline, `ci_method`
    what intervals are.
    """

    version: str
    rules: Sequence[RuleResult]
    statistics: Statistics
    on_inconclusive: OnInconclusive
    inputs: Sequence[InputFile]
    baseline: str | None = None
    pairing: str | None = None
    config: str | None = None
    warnings: Sequence[str] = ()
    ci_method: str = "hall"

    @property
    def verdict(self) -> Verdict:
        """The verdict of the run; what is inconclusive counts as the configuration says."""
        return of_run(((one.verdict, one.rule.severity) for one in self.rules), self.on_inconclusive)

    @property
    def exit_code(self) -> Exit:
        return exit_code(self.verdict)

    def checks(self) -> Iterator[tuple[RuleResult, Check]]:
        """All checks with their rules, in the order of the configuration."""
        for result in self.rules:
            for check in result.checks:
                yield result, check

    @property
    def tests(self) -> int:
        """For how many checks against the baseline p values were corrected."""
        return sum(check.p is not None for _, check in self.checks())

    @property
    def headline(self) -> str:
        """The verdict in one line."""
        counts = Counter(check.verdict for _, check in self.checks())
        total = sum(counts.values())
        if not total:
            return f"{self.verdict}: nothing was checked"
        words = {
            Verdict.FAIL: ("fails", "fail"),
            Verdict.INCONCLUSIVE: ("is inconclusive", "are inconclusive"),
            Verdict.WARN: ("warns", "warn"),
            Verdict.PASS: ("passes", "pass"),
        }
        told = [
            f"{counts[verdict]:,} {one if counts[verdict] == 1 else many}"
            for verdict, (one, many) in words.items()
            if counts[verdict]
        ]
        return f"{self.verdict}: of {total:,} {'check' if total == 1 else 'checks'} {', '.join(told)}"

    def to_dict(self) -> dict[str, Any]:
        """The document of ``gate -f json``; no NaN or infinity in it."""
        return {
            "schema": SCHEMA,
            "version": self.version,
            "verdict": self.verdict.value,
            "exit_code": int(self.exit_code),
            "rules": [one.to_dict() for one in self.rules],
            "inputs": [
                {"path": one.path, "format": one.format, "rows": one.rows, "bytes": one.bytes} for one in self.inputs
            ],
            "baseline": None if self.baseline is None else {"path": self.baseline, "pairing": self.pairing},
            "stats": {
                "level": self.statistics.level,
                "correction": self.statistics.correction,
                "min_slice": self.statistics.min_slice,
                "cluster": self.statistics.cluster,
                "tests": self.tests,
                "on_inconclusive": self.on_inconclusive,
            },
            # Two-sided and of each check alone, while p values are one-sided and corrected for the tests of the run.
            "interval": {"method": self.ci_method, "level": self.statistics.level, "simultaneous": False},
            "config": self.config,
            "warnings": list(self.warnings),
        }

    def table(self) -> pd.DataFrame:
        """One row per check."""
        import pandas as pd

        rows = []
        for result, check in self.checks():
            numbers = check.to_dict()
            key, name = numbers.pop("slice") or {}, numbers.pop("class")
            low, high = numbers.pop("ci") or (None, None)
            classes = {} if name is None else {"class": name}
            identity = {"rule": result.rule.name, "metric": result.metric, **key, **classes}
            rows.append({**identity, **numbers, "ci_low": low, "ci_high": high})
        return pd.DataFrame(rows)
