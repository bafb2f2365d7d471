"""A gate that is ready to run: files opened, columns chosen, rules in passes; nothing is read before `run`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from losscli.bins import parse_axes
from losscli.columns import ColumnRequest
from losscli.errors import NothingToEvaluate
from losscli.expression import Expression
from losscli.gates.baseline import Baseline
from losscli.gates.changes import Claim, Statistics, absent, decided, is_small, small
from losscli.gates.checks import Check, check_bound
from losscli.gates.limits import Change
from losscli.gates.passes import Pass, columns_of
from losscli.gates.result import GateReport, RuleResult
from losscli.gates.rules import CLASSES, Rule
from losscli.gates.verdicts import OnInconclusive
from losscli.job import Job, Settings
from losscli.preparation import prepare
from losscli.records import dataclass
from losscli.report import InputFile, Note, Report

if TYPE_CHECKING:
    from losscli.comparison import ComparedCandidate, ComparedRows, Difference
    from losscli.gates.unpaired import SavedBaseline

Watcher = Callable[[Job], Callable[[int], None]]
"""Is given every pass before it runs, and gives what is told how many rows were read."""


@dataclass
class Gate:
    """The rules of a run with the data that they are about.

    `baseline` is None where no rule needs one, or where it is not there and
    need not be, as `missing_baseline` then says; `jobs` are the prepared
    evaluations of the passes.
    """

    data: Any
    passes: Sequence[Pass]
    rules: Sequence[Rule]
    request: ColumnRequest
    settings: Settings
    format: str
    statistics: Statistics
    on_inconclusive: OnInconclusive
    baseline: Baseline | SavedBaseline | None = None
    missing_baseline: str | None = None
    config: str | None = None
    warnings: list[str] = field(default_factory=list)
    jobs: list[Job] = field(init=False)
    _inputs: dict[str, InputFile] = field(default_factory=dict)
    _pairing: str | None = None

    def __post_init__(self) -> None:
        # Prepared before anything is read: what is wrong with files, columns or filters should not come to light late.
        self.jobs = [
            self._job(one, one.expressions(against_baseline=False) or one.expressions(against_baseline=True))
            for one in self.passes
        ]

    def _job(self, one: Pass, expressions: Sequence[Expression]) -> Job:
        return prepare(self.data, expressions, self.request_of(one), self.settings_of(one), self.format)

    @property
    def paths(self) -> list[str]:
        """The files that are read, of which no output may be one."""
        own = [self.config] if self.config else []
        if self.baseline is not None and isinstance(self.baseline.data, str):
            own.append(self.baseline.data)
        return [*self.jobs[0].paths, *own]

    def request_of(self, one: Pass) -> ColumnRequest:
        by, bins = parse_axes(one.slicings.values())
        return replace(self.request, by=by, bins=bins)

    def settings_of(self, one: Pass) -> Settings:
        both = [f"({where})" for where in (self.settings.where, one.where) if where]
        where = " and ".join(both) if len(both) > 1 else one.where or self.settings.where
        return replace(self.settings, where=where, per_class=one.by_class)

    def look(self) -> None:
        """Raise what is wrong with the baseline's files and columns; with the candidate's it came to light before."""
        for one in self.passes:
            compared = one.expressions(against_baseline=True)
            if compared and self.baseline is not None:
                self.baseline.look(compared, self.request_of(one), self.settings_of(one), self.format)

    def run(self, watch: Watcher | None = None) -> GateReport:
        """Read everything, decide everything.

        Raises InputError for what cannot be evaluated or compared, and
        NothingToEvaluate for a rule that matches nothing and is not optional.
        """
        from losscli import __version__

        found: dict[int, list[Check | Claim]] = {}
        notes: dict[int, str] = {}
        unmatched: list[NothingToEvaluate] = []
        for one, job in zip(self.passes, self.jobs, strict=True):
            try:
                self._run_pass(one, job, found, notes, watch)
            except NothingToEvaluate as error:
                if one.where is None:
                    raise
                for rule, _ in one.rules:
                    notes[id(rule)] = error.problem
        claims = [item for items in found.values() for item in items if isinstance(item, Claim)]
        checks = dict(zip(map(id, claims), decided(claims, self.statistics), strict=True))
        metrics = {id(rule): expression.title for one in self.passes for rule, expression in one.rules}
        results = []
        for rule in self.rules:
            done = [item if isinstance(item, Check) else checks[id(item)] for item in found.get(id(rule), ())]
            note = None if done else notes.get(id(rule), "no row matches it")
            if note is not None and note != self.missing_baseline:
                if not rule.optional:
                    unmatched.append(_unmatched(rule, note))
                self.warnings.append(f'rule "{rule.name}" matches nothing: {note}')
            results.append(RuleResult(rule, metrics[id(rule)], done, note))
        if unmatched:
            raise unmatched[0]
        return GateReport(
            version=__version__,
            rules=results,
            statistics=self.statistics,
            on_inconclusive=self.on_inconclusive,
            inputs=list(self._inputs.values()),
            baseline=None if self.baseline is None else self.baseline.name,
            pairing=self._pairing,
            config=self.config,
            ci_method=self.settings.ci,
            warnings=tuple(dict.fromkeys(self.warnings)),
        )

    def _run_pass(
        self,
        one: Pass,
        job: Job,
        found: dict[int, list[Check | Claim]],
        notes: dict[int, str],
        watch: Watcher | None,
    ) -> None:
        compared = one.expressions(against_baseline=True)
        report = self._evaluate(job, watch) if one.expressions(against_baseline=False) else None
        candidate = None
        if compared and self.baseline is not None:
            candidate = self._compare(one, compared, self.baseline, None if watch is None else watch(job))
        for rule, expression in one.rules:
            items = found.setdefault(id(rule), [])
            if rule.bounds and report is not None:
                result = next(result for result in report.results if result.title == expression.title)
                for row in _rows_of(rule, result.total, result.classes, result.slices):
                    items += [check_bound(rule, bound, row, expression.title) for bound in rule.bounds]
            if rule.changes and candidate is not None:
                compared_loss = next(result for result in candidate.results if result.title == expression.title)
                rows = _rows_of(rule, compared_loss.total, compared_loss.classes, compared_loss.slices)
                items += [self._claim(rule, change, row, expression) for row in rows for change in rule.changes]
            if rule.changes and self.missing_baseline is not None:
                notes[id(rule)] = self.missing_baseline
            elif not items and rule.by_class:
                notes[id(rule)] = f"{expression.title} has no classes here"

    def _claim(self, rule: Rule, change: Change, row: Difference, expression: Expression) -> Check | Claim:
        if is_small(row, self.statistics):
            return small(change, row, self.statistics)
        if row.status == "absent":
            return absent(change, row)
        return Claim(rule, change, row, expression.title)

    def _evaluate(self, job: Job, watch: Watcher | None) -> Report:
        job.progress = None if watch is None else watch(job)
        report = job.report(job.run())
        self._inputs |= {file.path: file for file in report.inputs}
        self.warnings += [*report.warnings, *_left_out(report.results[0].notes)]
        return report

    def _compare(
        self,
        one: Pass,
        expressions: Sequence[Expression],
        baseline: Baseline | SavedBaseline,
        progress: Callable[[int], None] | None,
    ) -> ComparedCandidate:
        candidate, warnings = baseline.compare(
            self.data, expressions, self.request_of(one), self.settings_of(one), self.format, progress
        )
        self._inputs |= {file.path: file for file in candidate.inputs}
        self._pairing = candidate.pairing
        self.warnings += [*warnings, *_left_out(candidate.results[0].notes), *_alone(candidate.rows)]
        return candidate


def _left_out(notes: Sequence[Note]) -> list[str]:
    """Rows that were skipped are told with every verdict."""
    return [note.message for note in notes if note.code == "missing"]


def _alone(rows: ComparedRows) -> list[str]:
    """So are rows without a partner, of which no change is known."""
    sides = ((rows.base_only, "baseline"), (rows.cand_only, "candidate"))
    return [
        f"left out of the rules against the baseline: {count:,} row{'' if count == 1 else 's'} only in the {side}"
        for count, side in sides
        if count
    ]


def _rows_of(rule: Rule, total: Any, classes: Sequence[Any], slices: Sequence[Any]) -> list[Any]:
    """The rows of a table that a rule is about: all of its groupings, or the total."""
    if not rule.by:
        return [total]
    rows: list[Any] = []
    for grouping in rule.by:
        if grouping == CLASSES:
            rows += [row for row in classes if row.count]
        else:
            wanted = columns_of(grouping)
            rows += [row for row in slices if tuple(row.key) == wanted]
    return rows


def _unmatched(rule: Rule, note: str) -> NothingToEvaluate:
    return NothingToEvaluate(
        f'rule "{rule.name}" matches nothing: {note}',
        "at least one row for each rule",
        "optional = true, if that may be",
    )
