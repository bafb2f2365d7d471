"""Evaluating losses on files and tables from Python: the main job as one function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from losscli.columns import ColumnRequest
from losscli.declaration import DEFAULT_DIALECT
from losscli.errors import UsageError
from losscli.expression import select_losses
from losscli.job import Settings
from losscli.preparation import prepare
from losscli.reduction import Reduction
from losscli.registry import load_plugin
from losscli.report import Report, Result, Row
from losscli.summary.intervals import IntervalMethod
from losscli.work import BLOCK_ROWS, NanPolicy

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Evaluation:
    """The result of `evaluate`: numbers for programs, tables for people."""

    report: Report

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
    per_class: bool = True,
    chunk_rows: int = 2 * BLOCK_ROWS,
    threads: int | None = None,
    engine: str = "threads",
    scheduler: str | None = None,
    strict: bool = False,
    where: str | None = None,
    format: str = "auto",
    **parameters: Any,
) -> Evaluation:
    """Evaluate one or several losses in one pass over the data.

    data: a path or several (globs and directories included), a pandas
    DataFrame, an Arrow table, or an iterable of Arrow record batches.  loss: a
    SPEC such as ``"huber:delta=2"``, or several.  Other keywords are the
    options of ``losscli eval``; `columns` is ``--col``, and what is left are
    loss parameters, ``delta=1.0``.

    Raises a `LosscliError`: UsageError, InputError or NothingToEvaluate.
    """
    for path in [plugin] if isinstance(plugin, str) else plugin or ():
        load_plugin(path)
    expressions = select_losses([loss] if isinstance(loss, str) else list(loss), parameters, dialect)
    request = ColumnRequest(
        label=_names(label),
        pred=_names(pred),
        weight=weight,
        others={role: _names(names) for role, names in (columns or {}).items()},
        classes=None if classes is None else tuple(str(name) for name in classes),
        pos_label=None if pos_label is None else str(pos_label),
        pred_kind=pred_kind,  # type: ignore[arg-type]  # plan_columns refuses other words
        by=tuple(_names(one) for one in ([by] if isinstance(by, str) else by or ())),
        id=id,
    )
    settings = Settings(reduction, nan, level, ci, per_class, chunk_rows, threads, engine, strict, scheduler, where)
    job = prepare(data, expressions, request, settings, format)
    if job.reduction is Reduction.NONE:
        raise UsageError(
            "evaluate gives statistics, not rows", "another reduction", 'losscli.loss(NAME)(…, reduction="none")'
        )
    return Evaluation(job.report(job.run()))


def _names(value: str | Sequence[str] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(value.split(",")) if isinstance(value, str) else tuple(value)
