"""From data, losses and options to a `Job`: sources opened, columns chosen, settings checked."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from losscli.arguments import named_by
from losscli.calling import check_reduction
from losscli.columns import ColumnPlan, ColumnRequest, needs_of, plan_files
from losscli.columns.kinds import UNDECIDED, Decision
from losscli.columns.plan import rows_at_once
from losscli.columns.scores import bound_to, reads_logits, reads_probabilities
from losscli.errors import InputError, NothingToEvaluate, UsageError, nearest
from losscli.expression import Expression, select_losses
from losscli.job import Job, Settings
from losscli.readers import Source, open_sources
from losscli.readers.locate import format_named
from losscli.readers.text_options import PLAIN, TextOptions
from losscli.reduction import Reduction, resolve_reduction
from losscli.registry import load_plugin
from losscli.work import Work

if TYPE_CHECKING:
    from losscli.checks import Watch
    from losscli.where import Where


def read_keywords(keywords: Mapping[str, Any]) -> tuple[tuple[Expression, ...], ColumnRequest, Settings, str]:
    """What `prepare` needs beside the data, of the keywords of `losscli.evaluate` or of a function like it.

    Such a function calls it first, with its ``locals()``, which are its keywords then and nothing else; those that
    are its own are left to it.  Loads the plugins.
    """
    for path in _listed(keywords["plugin"] or ()):
        load_plugin(path)
    expressions = select_losses(_listed(keywords["loss"]), keywords["parameters"], keywords["dialect"])
    return expressions, *request_and_settings(keywords), keywords["format"]


def request_and_settings(keywords: Mapping[str, Any]) -> tuple[ColumnRequest, Settings]:
    """The columns and the settings that are among the keywords; what is not has its default."""
    request = ColumnRequest.of(**named_by(ColumnRequest.of, keywords))
    given = {one.name: keywords[one.name] for one in fields(Settings) if one.name in keywords}
    return request, Settings(**given, text=TextOptions.of(**named_by(TextOptions.of, keywords)))


def _listed(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def prepare(
    data: Any,
    expressions: Sequence[Expression],
    request: ColumnRequest,
    settings: Settings,
    format: str = "auto",
) -> Job:
    """Open the data, choose the columns and check the settings; of the rows it reads at most the first.

    Raises UsageError for settings that do not fit the losses and InputError
    for files or columns that are not there.
    """
    if not expressions:
        raise UsageError("no loss selected", "--loss NAME, such as --loss huber; losscli losses lists them")
    settings.check()
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
    sources = _open(data, format, settings.text)
    if not sources:
        raise NothingToEvaluate("no input files", "a file, a glob or a directory with data")
    if settings.scheduler is not None:
        _refuse_on_cluster(sources, settings)
    join = None
    if settings.labels is not None:
        from losscli.joining.labels import with_labels

        labels = _open(settings.labels, "auto", PLAIN)
        sources, join = with_labels(sources, labels, settings.on or request.id, request.label)
    needs = needs_of(expressions)
    value_by_value = _without_bins(request)
    plans = plan_files(sources, value_by_value, needs)
    if request.bins:
        plans = tuple(_with_bins(plan, source, request) for plan, source in zip(plans, sources, strict=True))
    if where is not None:
        plans = tuple(_with_filter(plan, source, where) for plan, source in zip(plans, sources, strict=True))
    if join is not None:
        join.settle(plans[0].types)
    ambiguities = tuple(dict.fromkeys(text for plan in plans for text in plan.ambiguities))
    if ambiguities and settings.strict:
        raise InputError(ambiguities[0], "one plausible mapping of the columns", "--label and --pred name the columns")
    losses = [term.loss for expression in expressions for term in expression.terms]
    decision = UNDECIDED
    if request.pred_kind != "auto" or any(reads_probabilities(loss) or reads_logits(loss) for loss in losses):
        # Elsewhere it makes no difference what the predictions are.
        from losscli.scouting import decide_kind

        decision = decide_kind(losses, request, needs, sources, plans, where)
    if decision.doubt is not None:
        if settings.strict:
            raise InputError(decision.doubt.fact, "probabilities, unless told otherwise", decision.doubt.fix)
        ambiguities = (*ambiguities, str(decision.doubt))
    expressions = _bound_to(expressions, decision)
    plans = tuple(replace(plan, pred_kind=decision.kind, pred_kind_from=decision.origin) for plan in plans)
    return Job(
        sources=sources,
        work=Work(
            expressions=expressions,
            plans=plans,
            needs=needs,
            weighted=weighted,
            by_class=plans[0].has_classes,
            slices=len(request.by),
            nan=settings.nan,
            chunk_rows=settings.chunk_rows or rows_at_once(plans[0], settings.workers),
            where=where,
            decision=decision,
            watch=_watch(expressions, plans[0], request, decision, sources[0]),
        ),
        settings=settings,
        reduction=reduction,
        request=request,
        warnings=(*ambiguities, *_read_again(sources)),
        join=join,
    )


def _read_again(sources: Sequence[Source]) -> list[str]:
    """A warning for every file that is there more than once, as where globs overlap."""
    names: dict[str, list[str]] = {}
    for one in sources:
        if one.place.path:
            names.setdefault(os.path.realpath(one.place.path), []).append(one.place.name)
    return [
        f"{same[-1]} is given {len(same)} times, and its rows count {len(same)} times"
        for same in names.values()
        if len(same) > 1
    ]


def _bound_to(expressions: Sequence[Expression], decision: Decision) -> tuple[Expression, ...]:
    """The expressions with the parameters that this kind of predictions asks for."""
    return tuple(
        replace(
            expression,
            terms=tuple(replace(term, loss=bound_to(term.loss, decision)) for term in expression.terms),
        )
        for expression in expressions
    )


def _watch(
    expressions: Sequence[Expression], plan: ColumnPlan, request: ColumnRequest, decision: Decision, source: Source
) -> Watch | None:
    """The checks of the mapping that make sense here; there are none without a label and a prediction."""
    if not {"label", "pred"} <= set(plan.roles):
        return None
    from losscli.checks import watch_over

    losses = [term.loss for expression in expressions for term in expression.terms]
    return watch_over(losses, plan, request, decision, [column.name for column in source.columns])


def _open(data: Any, format: str, text: TextOptions) -> list[Source]:
    if isinstance(data, str | os.PathLike):
        return open_sources([os.fspath(data)], format, text)
    if isinstance(data, Sequence) and data and all(isinstance(one, str | os.PathLike) for one in data):
        return open_sources([os.fspath(one) for one in data], format, text)
    if text.given:
        raise UsageError(f"{', '.join(text.given)}: data in memory is not delimited text", "CSV or TSV files")
    from losscli.readers.memory import open_table

    return [open_table(data)]


def _with_filter(plan: ColumnPlan, source: Source, where: Where) -> ColumnPlan:
    """`plan` that reads the columns of the filter too; a column that either use wants as text is text."""
    kinds = {column.name: column.kind for column in source.columns}
    format = format_named(source.format)
    guessed = kinds if format is not None and format.text else {}
    types = dict(plan.types)
    for name, wanted in where.types(kinds, guessed).items():
        types[name] = "text" if "text" in (wanted, types.get(name)) else wanted
    return replace(plan, types=types)


def _without_bins(request: ColumnRequest) -> ColumnRequest:
    """`request` without the columns of bins, which are read as numbers and not value by value."""
    if not request.bins:
        return request
    by = tuple(
        tuple(name for place, name in enumerate(cross) if (axis, place) not in request.bins)
        for axis, cross in enumerate(request.by)
    )
    return replace(request, by=by)


def _with_bins(plan: ColumnPlan, source: Source, request: ColumnRequest) -> ColumnPlan:
    """`plan` with the whole crosses; where another use wants a column of bins as text, text it is."""
    kinds = {column.name: column.kind for column in source.columns}
    types = dict(plan.types)
    for axis, place in request.bins:
        name = request.by[axis][place]
        if name not in kinds:
            near = nearest(name, kinds)
            raise InputError(
                f'{source.path}: no column "{name}"' + (f'; closest: "{near}"' if near else ""),
                f"one of the {len(kinds)} columns",
            )
        if kinds[name] not in ("number", "integer", "boolean", "text", "null"):
            raise InputError(f'{source.path}: column "{name}" holds no single numbers', "a column of numbers for bins")
        types.setdefault(name, "text" if kinds[name] == "text" else "number")
    return replace(plan, by=request.by, types=types, bins=request.bins)


def _refuse_on_cluster(sources: Sequence[Source], settings: Settings) -> None:
    """What means nothing to the workers of a scheduler, which may be other machines."""
    if settings.threads is not None:
        raise UsageError("--threads has no effect with --scheduler", "as many workers as the cluster has")
    if settings.labels is not None:
        raise UsageError(
            "--labels joins the rows on this machine, of which the workers of --scheduler know nothing",
            "another engine",
        )
    for source in sources:
        if source.place.spooled:
            raise UsageError(
                f"{source.path}: the workers of a cluster cannot read a pipe", "a file that every worker sees"
            )
