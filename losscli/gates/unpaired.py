"""A saved state as the baseline of a gate: numbers of another run, without its rows.

Nothing is paired, so what two trainings share on a row does not cancel, and a
test needs many times as many rows as a paired one: with a correlation of 0.8
between the losses, five times.  The test is Welch's: Welch, B. L. (1947). The
generalization of 'Student's' problem when several different population
variances are involved. Biometrika 34:28-35. doi:10.1093/biomet/34.1-2.28.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from losscli.columns import ColumnRequest
from losscli.comparison.difference import Difference, JointEstimate, tested
from losscli.comparison.result import ComparedCandidate, ComparedLoss, ComparedRows
from losscli.errors import InputError
from losscli.expression import Expression
from losscli.job import Settings
from losscli.outcome import Outcome
from losscli.preparation import prepare
from losscli.records import dataclass
from losscli.report import Row
from losscli.state import SavedResult, read_state
from losscli.state.reports import results_of
from losscli.summary import Statistics

PAIRING = "not paired: a saved state has no rows, so only large changes can be told from chance"


@dataclass(frozen=True)
class SavedBaseline:
    """The state at a path."""

    path: str

    @property
    def name(self) -> str:
        return self.path

    @property
    def data(self) -> str:
        return self.path

    def look(self, *_: object) -> None:
        """Raise what is wrong with the state; whether it fits the losses and columns is seen when they are computed."""
        read_state(self.path)

    def compare(
        self,
        candidate: Any,
        expressions: Sequence[Expression],
        request: ColumnRequest,
        settings: Settings,
        format: str,
        progress: Callable[[int], None] | None = None,
    ) -> tuple[ComparedCandidate, Sequence[str]]:
        """The differences between the candidate and what was saved, and what to be warned of.

        Raises InputError for a file that is no state, or one of other losses,
        filters or slices, or of the candidate itself.
        """
        saved, _ = read_state(self.path)
        job = prepare(candidate, expressions, request, settings, format)
        job.progress = progress
        outcome = job.outcome(job.run())
        self._refuse_other_rows(saved, outcome)
        known = {one.signature: one for one in results_of(saved)}
        results, warnings = [], [f"{self.path}: {PAIRING}"]
        for live in results_of(outcome):
            base = known.get(live.signature)
            if base is None:
                raise InputError(
                    f"{self.path}: no loss of the signature {live.signature}; it has {', '.join(known)}",
                    "a state of the same losses",
                )
            warnings += self._alike(base, live)
            results.append(self._compared(base, live, settings))
        report = outcome.report()
        rows = ComparedRows(paired=0, used=report.rows_used, skipped=report.rows_skipped, filtered=report.rows_filtered)
        path = ", ".join(source.path for source in job.sources)
        return ComparedCandidate(path, report.inputs, report.columns, PAIRING, rows, results), warnings

    def _refuse_other_rows(self, saved: Outcome, live: Outcome) -> None:
        theirs, ours = (one.provenance.columns.get("where") for one in (saved, live))
        if theirs != ours:
            raise InputError(
                f"{self.path}: saved {_filtered(theirs)}, and this rule is about rows {_filtered(ours)}",
                "a state of the same rows",
            )
        missing = [cross for cross in live.provenance.by if cross not in saved.provenance.by]
        if missing:
            columns = ",".join(missing[0])
            raise InputError(
                f"{self.path}: no slices by {columns}",
                "a state with these slices",
                f"losscli eval --by {columns} -o state=…",
            )

    def _alike(self, base: SavedResult, live: SavedResult) -> list[str]:
        """What to warn of where all statistics are equal; refused where those of two models cannot be.

        Of losses that are either this or that, such as hits and misses, two
        models may well have as many.
        """
        if base.total is None or base.total != live.total:
            return []
        told = f"{self.path}: every statistic of {live.result.title} is that of the candidate"
        if _has_two_values(base.result.total):
            return [told]
        raise InputError(told, "a baseline that is not the candidate")

    def _compared(self, base: SavedResult, live: SavedResult, settings: Settings) -> ComparedLoss:
        result = live.result
        classes = {row.key["class"]: row for row in base.result.classes}
        slices = {tuple(row.key.items()): row for row in base.result.slices}

        def difference(mine: Row, theirs: Row | None, ours: Statistics | None, saved: Statistics | None) -> Difference:
            return _difference(mine, theirs, ours, saved, settings)

        return ComparedLoss(
            loss=result.loss,
            title=result.title,
            params=result.params,
            signature=result.signature,
            reduction=result.reduction,
            total=difference(result.total, base.result.total, live.total, base.total),
            classes=[
                difference(row, classes.get(name), live.classes.get(name), base.classes.get(name))
                for row in result.classes
                if (name := row.key["class"]) is not None
            ],
            slices=[
                difference(row, slices.get(key), live.slices.get(key), base.slices.get(key))
                for row in result.slices
                if (key := tuple(row.key.items())) is not None
            ],
        )


def _difference(
    mine: Row, theirs: Row | None, ours: Statistics | None, saved: Statistics | None, settings: Settings
) -> Difference:
    """The candidate's row beside the saved one; tested where both are means of rows."""
    base = None if theirs is None else theirs.loss
    diff = None if base is None or mine.loss is None else mine.loss - base
    found = Difference(
        level=mine.level,
        key=mine.key,
        count=mine.count,
        base=base,
        cand=mine.loss,
        diff=diff,
        relative=None if diff is None or not base else diff / abs(base),
        improved=None,
        worsened=None,
        status="ok" if diff is not None else "absent",
    )
    if diff is None or ours is None or saved is None or (mine.loss, base) != (ours.mean, saved.mean):
        return found
    return tested(found, _welch(ours, saved), level=settings.level, method=settings.ci)


def _welch(ours: Statistics, saved: Statistics) -> JointEstimate | None:
    """The estimate of the difference of two independent means; None without two standard errors."""
    if ours.mean is None or saved.mean is None or ours.sem is None or saved.sem is None:
        return None
    mean_cand, mean_base = Fraction(ours.mean), Fraction(saved.mean)
    var_cand, var_base = Fraction(ours.sem) ** 2, Fraction(saved.sem) ** 2
    spread = var_cand + var_base
    parts = var_cand**2 / (ours.count - 1) + var_base**2 / (saved.count - 1)
    return JointEstimate(
        base=mean_base,
        diff=mean_cand - mean_base,
        var_base=var_base,
        var_diff=spread,
        covariance=-var_base,
        second_base=var_base + mean_base**2 / saved.count,
        second_diff=spread + mean_base**2 / saved.count + mean_cand**2 / ours.count,
        freedom=math.floor(spread**2 / parts) if parts else ours.count + saved.count - 2,
        count=ours.count,
    )


def _has_two_values(row: Row) -> bool:
    """Whether every loss is the smallest or the largest one.

    Only then is the variance as large as these and the mean allow: Bhatia, R.
    and Davis, C. (2000). A Better Bound on the Variance. Am. Math. Monthly
    107:353-357. doi:10.1080/00029890.2000.12005203.
    """
    if row.mean is None or row.std is None or row.minimum is None or row.maximum is None:
        return False
    variance = row.std**2 * (row.count - 1) / row.count
    return math.isclose(variance, (row.mean - row.minimum) * (row.maximum - row.mean), rel_tol=1e-9)


def _filtered(where: str | None) -> str:
    return "without a filter" if where is None else f"where {where}"
