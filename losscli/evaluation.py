"""Evaluating losses on files and tables: the main job.

`evaluate` joins what the other modules do: sources are opened, columns get
their roles, an engine folds the shards, and the merged result becomes a
`Report`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, get_args

from losscli.assembly import Assembler
from losscli.calling import check_reduction
from losscli.columns import ColumnPlan, ColumnRequest, Need, plan_columns
from losscli.declaration import DEFAULT_DIALECT
from losscli.engines import find_engine
from losscli.errors import InputError, NothingToEvaluate, UsageError
from losscli.expression import Expression, select_losses
from losscli.readers import RowCounts, Shards, Source, open_sources
from losscli.readers.drift import drift
from losscli.readers.locate import formats
from losscli.reduction import Reduction, resolve_reduction
from losscli.registry import load_plugin
from losscli.report import InputFile, Report, Result, Row
from losscli.summary import GROUP_ERROR, TOTAL_ERROR
from losscli.summary.intervals import IntervalMethod
from losscli.summary.sample import SAMPLE_ROWS
from losscli.work import BLOCK_ROWS, NanPolicy, Partial, RowSink, Work

if TYPE_CHECKING:
    import pandas as pd

    from losscli.roles import FloatArray, IntArray
    from losscli.where import Where

CI_METHODS: tuple[IntervalMethod, ...] = get_args(IntervalMethod)


@dataclass(frozen=True)
class Settings:
    """Everything about an evaluation but the data, the losses and the columns."""

    reduction: str = "auto"
    nan: NanPolicy = "error"
    level: float = 0.95
    ci: IntervalMethod = "hall"
    per_class: bool = True
    chunk_rows: int = 2 * BLOCK_ROWS
    threads: int | None = None
    engine: str = "threads"
    strict: bool = False
    scheduler: str | None = None
    where: str | None = None


@dataclass
class Job:
    """An evaluation that is ready to run: sources opened, columns chosen, nothing read yet."""

    sources: Sequence[Source]
    work: Work
    settings: Settings
    reduction: Reduction
    request: ColumnRequest
    warnings: tuple[str, ...] = ()
    progress: Callable[[int], None] | None = None
    counts: RowCounts = field(default_factory=RowCounts)

    @property
    def mapping(self) -> str:
        """The chosen columns in one line."""
        return self.work.plans[0].line()

    @property
    def total_rows(self) -> int | None:
        """How many rows there are, if every file says so."""
        rows = [source.rows for source in self.sources]
        return None if any(one is None for one in rows) else sum(one or 0 for one in rows)

    def run(self) -> Partial:
        """Read everything and return the merged result.

        Raises InputError for the first bad value of the data and
        NothingToEvaluate when there are no rows.
        """
        engine = find_engine(self.settings.engine, scheduler=self.settings.scheduler)
        partial = engine(
            self.work.start,
            self.work.run,
            Partial.merge,
            self._shards(),
            self.settings.threads or os.cpu_count() or 1,
            self.progress or _unseen,
        )
        self.work.refuse_many_groups(partial)
        self._refuse_faults(partial)
        self.counts = partial.counts
        return partial

    def stream(self, sink: RowSink) -> None:
        """Read everything once more, in order, and give `sink` the loss of every row, numbered within its file."""
        partial = self.work.start()

        def numbered(file: int, rows: IntArray, losses: list[FloatArray], kept: Sequence[Any]) -> None:
            if len(rows):
                first = int(rows[0])
                sink(file, rows + (self.counts.row_of(file, first) - first), losses, kept)

        for shard in self._shards():
            self.work.run(shard, partial, sink=numbered)
            # Nothing is written past a bad row; there is one only when a file changed since `run`.
            self._refuse_faults(partial)

    def rows_of(self, file: int) -> int:
        """How many rows a file had when it was read."""
        return self.counts.by_file().get(file, 0)

    def _shards(self) -> Shards:
        of_files = [source.shards() for source in self.sources]
        return Shards(sum(map(len, of_files)), chain.from_iterable(of_files))

    def _refuse_faults(self, partial: Partial) -> None:
        partial.faults.merge(partial.margins.faults(partial.rows_read))
        paths = {source.index: source.path for source in self.sources}
        if partial.faults:
            by_index = {source.index: source for source in self.sources}
            raise partial.faults.error(
                lambda file: paths[file],
                lambda file: partial.rows_read.get(file, 0),
                lambda file, row: by_index[file].line_of(row),
                partial.counts.row_of,
            )
        if partial.census is not None and partial.census.rows and not partial.census.matched:
            raise partial.census.error()
        read = sum(partial.rows_read.values())
        names = ", ".join(list(paths.values())[:3])
        if read == 0:
            raise NothingToEvaluate(f"{names}: no rows", "at least one row of data")
        if partial.rows_used == 0 and self.settings.nan != "propagate":
            rows = (
                f"all {read:,} rows" if partial.census is None else f"all {partial.census.matched:,} rows of the filter"
            )
            raise NothingToEvaluate(f"{names}: {rows} have a missing value", "at least one complete row")

    def report(self, partial: Partial) -> Report:
        """The finished report of a run."""
        from losscli import __version__

        assembler = Assembler(
            partial,
            reduction=self.reduction,
            weighted=self.work.weighted,
            level=self.settings.level,
            ci_method=self.settings.ci,
            nan=self.settings.nan,
            by=self.request.by,
            classes=self.work.plans[0].classes,
            show_classes=self.settings.per_class,
        )
        results = [
            assembler.result(expression, measure)
            for expression, measure in zip(self.work.expressions, partial.measures, strict=True)
        ]
        return Report(
            version=__version__,
            inputs=[
                InputFile(source.path, source.format, partial.rows_read.get(source.index, 0), source.bytes)
                for source in self.sources
            ],
            columns={
                **self.work.plans[0].to_dict(),
                "where": None if self.work.where is None else str(self.work.where),
            },
            rows_read=sum(partial.rows_read.values()),
            rows_used=partial.rows_used,
            rows_skipped=partial.rows_skipped,
            rows_filtered=0 if partial.census is None else partial.census.rows - partial.census.matched,
            results=results,
            warnings=self.warnings,
            level=self.settings.level,
            ci_method=self.settings.ci,
            quantile_error=_quantile_error(results),
        )


def prepare(
    data: Any,
    expressions: Sequence[Expression],
    request: ColumnRequest,
    settings: Settings,
    format: str = "auto",
) -> Job:
    """Open the data, choose the columns and check the settings; reads no rows.

    Raises UsageError for settings that do not fit the losses and InputError
    for files or columns that are not there.
    """
    if not expressions:
        raise UsageError("no loss selected", "--loss NAME, such as --loss huber; losscli losses lists them")
    if settings.ci not in CI_METHODS:
        raise UsageError(f"no interval method {settings.ci}", "one of " + ", ".join(CI_METHODS))
    if not 0 < settings.level < 1:
        raise UsageError(
            f"--level {settings.level} is not a confidence level", "a number between 0 and 1, such as 0.95"
        )
    if settings.chunk_rows < 1 or (settings.threads is not None and settings.threads < 1):
        raise UsageError("--chunk-rows and --threads take a whole number above 0")
    expressions = _with_prediction_kind(expressions, request.pred_kind)
    weighted = request.weight is not None
    reduction = resolve_reduction(settings.reduction, weighted=weighted)
    for expression in expressions:
        for term in expression.terms:
            check_reduction(term.loss, reduction)
            if term.loss.whole and expression.single is None:
                raise UsageError(
                    f"{term.loss.name} needs all rows at once, so it cannot be a term of a sum", term.loss.name
                )
        if reduction is Reduction.NONE and not expression.has_rows:
            raise UsageError(f"{expression.title} has no value for a single row", "another --reduction")
        if reduction is Reduction.NONE and any(term.loss.whole for term in expression.terms):
            raise UsageError(
                f"{expression.title} needs all rows at once, so it has no stream of rows", "another --reduction"
            )
    where = None
    if settings.where is not None:
        from losscli.where import parse_where

        where = parse_where(settings.where)
    sources = _open(data, format)
    if not sources:
        raise NothingToEvaluate("no input files", "a file, a glob or a directory with data")
    if settings.scheduler is not None:
        _refuse_on_cluster(sources, settings)
    needs = tuple(
        dict.fromkeys(
            Need(
                one.name,
                one.role.reading,
                one.shape,
                term.loss.name,
                term.loss.values.get("ignore_class"),
                (term.loss.family, term.loss.name) if term.loss.is_penalty else (),
            )
            for expression in expressions
            for term in expression.terms
            for one in term.loss.inputs
        )
    )
    first = plan_columns(sources[0].columns, request, needs, sources[0].path)
    for source in sources[1:]:
        difference = drift(sources[0], source, first.types)
        if difference is not None:
            raise InputError(f"{source.path}: {difference}", "files with the same columns")
    others = (plan_columns(source.columns, request, needs, source.path) for source in sources[1:])
    plans = (first, *others)
    if where is not None:
        plans = tuple(_with_filter(plan, source, where) for plan, source in zip(plans, sources, strict=True))
    _refuse_drift(sources, plans)
    ambiguities = tuple(dict.fromkeys(text for plan in plans for text in plan.ambiguities))
    if ambiguities and settings.strict:
        raise InputError(ambiguities[0], "one plausible mapping of the columns", "--label and --pred name the columns")
    return Job(
        sources=sources,
        work=Work(
            expressions=tuple(expressions),
            plans=plans,
            needs=needs,
            weighted=weighted,
            by_class=plans[0].has_classes,
            slices=len(request.by),
            nan=settings.nan,
            chunk_rows=settings.chunk_rows,
            where=where,
        ),
        settings=settings,
        reduction=reduction,
        request=request,
        warnings=ambiguities,
    )


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


def _quantile_error(results: Sequence[Result]) -> dict[str, float]:
    """The guaranteed relative error of the quantiles; 0 where all raw values were kept."""
    largest = max((row.count for result in results for row in (*result.classes, *result.slices)), default=0)
    total = max(result.total.count for result in results)
    return {
        "total": TOTAL_ERROR if total > SAMPLE_ROWS else 0.0,
        "groups": GROUP_ERROR if largest > SAMPLE_ROWS else 0.0,
    }


def _unseen(rows: int) -> None:
    """Progress that nobody looks at."""


def _names(value: str | Sequence[str] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(value.split(",")) if isinstance(value, str) else tuple(value)


def _with_prediction_kind(expressions: Sequence[Expression], kind: str) -> tuple[Expression, ...]:
    """Logits given with --pred-kind switch on from_logits where a loss has it."""
    if kind != "logit":
        return tuple(expressions)
    changed = []
    for expression in expressions:
        terms = tuple(
            replace(term, loss=term.loss.bind(from_logits=True)) if "from_logits" in term.loss.values else term
            for term in expression.terms
        )
        changed.append(replace(expression, terms=terms))
    return tuple(changed)


def _open(data: Any, format: str) -> list[Source]:
    if isinstance(data, str | os.PathLike):
        return open_sources([os.fspath(data)], format)
    if isinstance(data, Sequence) and data and all(isinstance(one, str | os.PathLike) for one in data):
        return open_sources([os.fspath(one) for one in data], format)
    from losscli.readers.memory import open_table

    return [open_table(data)]


def _with_filter(plan: ColumnPlan, source: Source, where: Where) -> ColumnPlan:
    """`plan` that reads the columns of the filter too; a column that either use wants as text is text."""
    kinds = {column.name: column.kind for column in source.columns}
    guessed = kinds if formats().get(source.format, None) and formats()[source.format].text else {}
    types = dict(plan.types)
    for name, wanted in where.types(kinds, guessed).items():
        types[name] = "text" if "text" in (wanted, types.get(name)) else wanted
    return replace(plan, types=types)


def _refuse_on_cluster(sources: Sequence[Source], settings: Settings) -> None:
    """What means nothing to the workers of a scheduler, which may be other machines."""
    if settings.threads is not None:
        raise UsageError("--threads has no effect with --scheduler", "as many workers as the cluster has")
    for source in sources:
        if source.place.spooled:
            raise UsageError(
                f"{source.path}: the workers of a cluster cannot read a pipe", "a file that every worker sees"
            )


def _refuse_drift(sources: Sequence[Source], plans: Sequence[Any]) -> None:
    """Files of one evaluation must give every role the same columns."""
    for source, plan in zip(sources[1:], plans[1:], strict=True):
        if plan.line() != plans[0].line() or plan.classes != plans[0].classes:
            raise InputError(
                f"{source.path}: read as {plan.line()}, but {sources[0].path} as {plans[0].line()}",
                "files with the same columns",
                "--label and --pred name the columns",
            )
