"""From data, losses and options to a `Job`: sources opened, columns chosen, settings checked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

from losscli.calling import check_reduction
from losscli.columns import ColumnPlan, ColumnRequest, Need, plan_columns
from losscli.errors import InputError, NothingToEvaluate, UsageError
from losscli.expression import Expression
from losscli.job import Job, Settings
from losscli.readers import Source, open_sources
from losscli.readers.drift import drift
from losscli.readers.locate import formats
from losscli.reduction import Reduction, resolve_reduction
from losscli.summary.intervals import IntervalMethod
from losscli.work import Work

if TYPE_CHECKING:
    from losscli.where import Where

CI_METHODS: tuple[IntervalMethod, ...] = get_args(IntervalMethod)


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
