"""The worst rows of files and tables, from Python and for the command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from losscli.assembly import natural_key, slice_order
from losscli.columns import ColumnRequest
from losscli.declaration import DEFAULT_DIALECT
from losscli.errors import UsageError
from losscli.expression import Expression
from losscli.job import Job, Settings
from losscli.outcome import bin_places
from losscli.preparation import prepare, read_keywords
from losscli.ranking.leaders import GroupKey, Leader, Leaders
from losscli.ranking.report import WorstOfLoss, WorstReport, WorstRow
from losscli.ranking.work import Cells, Ranked, RankingWork
from losscli.records import dataclass
from losscli.work import NanPolicy, Partial

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Worst:
    """The result of `worst`."""

    report: WorstReport

    @property
    def rows(self) -> Sequence[WorstRow]:
        """The rows for the first loss, the worst first in each group."""
        return self.report.results[0].rows

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of schema losscli/1."""
        return self.report.to_dict()

    def table(self) -> pd.DataFrame:
        """One line for each row and loss."""
        import pandas as pd

        from losscli.ranking.table import WorstTable

        table = WorstTable(self.report)
        return pd.DataFrame([dict(zip(table.columns, row, strict=True)) for row in table.rows()], columns=table.columns)


def worst(
    data: Any,
    loss: str | Sequence[str],
    *,
    n: int = 10,
    per_class: bool = False,
    label: str | Sequence[str] | None = None,
    pred: str | Sequence[str] | None = None,
    by: str | Sequence[str] | None = None,
    columns: Mapping[str, str | Sequence[str]] | None = None,
    classes: Sequence[str] | None = None,
    pos_label: str | None = None,
    pred_kind: str = "auto",
    id: str | None = None,
    keep: str | Sequence[str] | None = None,
    dialect: str = DEFAULT_DIALECT,
    plugin: str | Sequence[str] | None = None,
    nan: NanPolicy = "error",
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
) -> Worst:
    """The `n` rows with the largest loss, in all, `per_class` or of each slice of `by`.

    data and the keywords are those of `losscli.evaluate`; `keep` are columns
    to show with the rows.  Ties go to the row that stands first.

    Raises a `LosscliError`: UsageError, InputError or NothingToEvaluate.
    """
    return Worst(rank(prepare_ranking(data, *read_keywords(locals())), n, per_class=per_class))


def prepare_ranking(
    data: Any, expressions: Sequence[Expression], request: ColumnRequest, settings: Settings, format: str = "auto"
) -> Job:
    """A job whose rows can be ranked: every loss has a value for a row."""
    if len(request.by) > 1:
        raise UsageError("the worst rows are those of one grouping", "a single --by, which may be a cross")
    return prepare(data, expressions, request, replace(settings, reduction="none"), format)


def rank(job: Job, count: int, *, per_class: bool = False) -> WorstReport:
    """Read everything once and return the worst rows."""
    from losscli import __version__

    if count < 1:
        raise UsageError(f"-n {count} is not a number of rows", "a whole number above 0")
    if per_class and not job.work.by_class:
        raise UsageError("--per-class is given, but the rows have no class", "a loss that reads class labels")
    job.settle_bins()
    ranking = RankingWork(job.work, count, per_class)
    ranked = job.folded(ranking.start, ranking.run, Ranked.merge)
    job.check(ranked.partial)
    outcome = job.outcome(ranked.partial)
    return WorstReport(
        version=__version__,
        inputs=outcome.provenance.inputs,
        columns=outcome.provenance.columns,
        count=count,
        per_class=per_class,
        rows=_row_counts(ranked.partial),
        results=[
            WorstOfLoss(
                expression.name,
                expression.title,
                expression.params,
                expression.signature(job.reduction, job.settings.nan),
                _rows(job, leaders, bin_places(outcome.provenance.columns)),
            )
            for expression, leaders in zip(job.work.expressions, ranked.leaders, strict=True)
        ],
        warnings=job.warnings,
    )


def _row_counts(partial: Partial) -> dict[str, int]:
    return {
        "read": sum(partial.rows_read.values()),
        "used": partial.rows_used,
        "skipped": partial.rows_skipped,
        "filtered": 0 if partial.census is None else partial.census.rows - partial.census.matched,
    }


def _rows(job: Job, leaders: Leaders, bins: Mapping[tuple[int, str], Mapping[str, int]]) -> list[WorstRow]:
    """The rows group by group: classes and slices in the order of any other table."""
    crossed = job.request.by[0] if job.request.by else ()
    ordered = slice_order({key[1] for key in leaders.groups}, [bins.get((0, column)) for column in crossed])
    place = {slice_key: place for place, slice_key in enumerate(ordered)}

    def order(key: GroupKey) -> Any:
        return natural_key(key[0]), place[key[1]]

    return [_row(job, leader) for key in sorted(leaders.groups, key=order) for leader in leaders.groups[key]]


def _row(job: Job, leader: Leader) -> WorstRow:
    cells: Cells = leader.cells
    plan = job.work.plans[leader.file]
    crossed = job.request.by[0] if job.request.by else ()
    return WorstRow(
        file=job.sources[leader.file].path,
        row=job.counts.row_of(leader.file, leader.number) + 1,
        identity=cells.identity,
        by=dict(zip(crossed, cells.slice, strict=True)),
        row_class=cells.row_class,
        label=cells.label,
        prediction=cells.prediction,
        score=cells.score,
        loss=None if leader.value != leader.value else leader.value,
        kept=dict(zip(plan.keep, cells.kept, strict=True)),
    )
