"""Evaluating losses on files and tables from Python: the main job as one function."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any

from losscli.declaration import DEFAULT_DIALECT
from losscli.errors import UsageError
from losscli.outcome import Outcome
from losscli.preparation import prepare, read_keywords
from losscli.records import dataclass
from losscli.reduction import Reduction
from losscli.report import Report, Result, Row
from losscli.summary.intervals import REPLICATES, IntervalMethod
from losscli.work import NanPolicy

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Evaluation:
    """The result of `evaluate` or `merge`: numbers for programs, tables for people."""

    report: Report
    outcome: Outcome = field(repr=False, compare=False)

    @property
    def loss(self) -> float | None:
        """The reduced value of the first loss; None where it does not exist."""
        return self.report.results[0].total.loss

    @property
    def losses(self) -> dict[str, float | None]:
        """The reduced value of every loss by its title."""
        return {result.title: result.total.loss for result in self.report.results}

    @property
    def classes(self) -> dict[str, float | None]:
        """The reduced value of the first loss for every class."""
        return {str(row.key["class"]): row.loss for row in self.report.results[0].classes}

    @property
    def slices(self) -> list[Row]:
        """The rows of the first loss for every slice."""
        return list(self.report.results[0].slices)

    @property
    def results(self) -> Sequence[Result]:
        """Everything, a `Result` per loss."""
        return self.report.results

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of schema losscli/1."""
        return self.report.to_dict()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the state, of which `merge` makes one result with those of other parts of the data.

        Raises UsageError for a loss that needs all rows at once, and
        InputError when the file cannot be written.
        """
        from losscli.output import atomic_write
        from losscli.state import write_state

        with atomic_write(os.fspath(path)) as stream:
            write_state(stream, self.outcome)

    def table(self) -> pd.DataFrame:
        """One row per class, slice, macro and total of every loss."""
        import pandas as pd

        rows = []
        for result in self.report.results:
            for row in result.rows:
                numbers = row.to_dict()
                quantiles = numbers.pop("quantiles")
                low, high = numbers.pop("ci") or (None, None)
                value = numbers.pop("loss")
                rows.append(
                    {
                        "loss": result.title,
                        "level": row.level,
                        **row.key,
                        "value": value,
                        **numbers,
                        "ci_low": low,
                        "ci_high": high,
                        **quantiles,
                    }
                )
        return pd.DataFrame(rows)


def evaluate(
    data: Any,
    loss: str | Sequence[str],
    *,
    label: str | Sequence[str] | None = None,
    pred: str | Sequence[str] | None = None,
    weight: str | None = None,
    by: str | Sequence[str | Sequence[str]] | None = None,
    columns: Mapping[str, str | Sequence[str]] | None = None,
    classes: Sequence[str] | None = None,
    pos_label: str | None = None,
    pred_kind: str = "auto",
    id: str | None = None,
    dialect: str = DEFAULT_DIALECT,
    plugin: str | Sequence[str] | None = None,
    reduction: str = "auto",
    nan: NanPolicy = "error",
    level: float = 0.95,
    ci: IntervalMethod = "hall",
    seed: int = 0,
    replicates: int = REPLICATES,
    per_class: bool = True,
    chunk_rows: int | None = None,
    threads: int | None = None,
    engine: str = "threads",
    scheduler: str | None = None,
    strict: bool = False,
    where: str | None = None,
    labels: Any = None,
    on: str | None = None,
    format: str = "auto",
    delimiter: str | None = None,
    quote: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    header: bool = True,
    **parameters: Any,
) -> Evaluation:
    """Evaluate one or several losses in one pass over the data.

    data: a path or several (globs and directories included), a pandas
    DataFrame, an Arrow table, or an iterable of Arrow record batches.  loss: a
    SPEC such as ``"huber:delta=2"``, or several.  Other keywords are the
    options of ``losscli eval``; `columns` is ``--col``, `labels` may be a table
    too, and what is left are loss parameters, ``delta=1.0``.

    Raises a `LosscliError`: UsageError, InputError or NothingToEvaluate.
    """
    job = prepare(data, *read_keywords(locals()))
    if job.reduction is Reduction.NONE:
        raise UsageError(
            "evaluate gives statistics, not rows", "another reduction", 'losscli.loss(NAME)(…, reduction="none")'
        )
    return _evaluation(job.outcome(job.run()))


def merge(paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> Evaluation:
    """Several saved states as the result of one pass over all their data, bit for bit.

    The states are those of `Evaluation.save` or ``-o state=FILE``.  Raises
    UsageError for a state that is there twice, and InputError for files that
    are no states or that do not belong together.
    """
    from losscli.state import found_states, merge_states

    given = [paths] if isinstance(paths, str | os.PathLike) else paths
    return _evaluation(merge_states(found_states([os.fspath(one) for one in given])))


def _evaluation(outcome: Outcome) -> Evaluation:
    return Evaluation(outcome.report(), outcome)
