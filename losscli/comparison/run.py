"""Reading a baseline and its candidates in step, and what comes of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from losscli.columns import ColumnRequest
from losscli.columns.names import is_identity
from losscli.comparison.result import ComparedCandidate, ComparedRows, Comparison
from losscli.comparison.sameness import refuse_same
from losscli.comparison.tables import Tables
from losscli.comparison.work import PairPartial, PairWork
from losscli.engines import find_engine
from losscli.errors import InputError, NothingToEvaluate
from losscli.estimand import estimand_of
from losscli.expression import Expression
from losscli.job import Job, Settings
from losscli.joining import Alignment, Side, align
from losscli.joining.alignment import InStep
from losscli.joining.layout import Layout
from losscli.outcome import bin_places
from losscli.preparation import prepare
from losscli.readers import ColumnType, Source
from losscli.report import InputFile
from losscli.resampling import Resampling

Progress = Callable[[int], None]


def compare(
    base: Any,
    candidates: Sequence[Any],
    losses: Sequence[Expression],
    *,
    request: ColumnRequest,
    settings: Settings,
    on: str | None = None,
    allow_missing: bool = False,
    cluster: str | None = None,
    worst: int = 0,
    format: str = "auto",
    announce: Callable[[Job, str], None] | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Compare candidates with a baseline, row by row, in one pass for each candidate.

    `base` and each candidate are a path, a sequence of paths or data in memory,
    as for `prepare`; `request` and `settings` hold for all of them, but groups,
    weights and the filter are the baseline's.  Rows are joined on the column
    `on`, or by position when labels and ids agree row by row; with
    `allow_missing` rows of one file alone are counted, not refused.  `cluster`
    is a column of the baseline: rows of one cluster depend on each other.
    `announce` is told of every job, and of a candidate's how its rows are paired, before they are read.

    Raises UsageError for settings that do not fit and InputError for files that
    cannot be compared: the baseline itself, rows without a partner, duplicate
    keys, different labels.
    """
    from losscli import __version__

    clusters = () if cluster is None else ((cluster,),)
    name = request.id if request.id is not None else on
    # The names of rows are read only where they are shown or drawn by.
    drawn = Resampling(settings.seed, settings.replicates) if settings.ci == "bootstrap" else None
    asked = replace(request, by=(*request.by, *clusters), id=name if worst or drawn else None)
    ours = prepare(base, losses, asked, settings, format)
    estimands = tuple(estimand_of(one, ours.reduction, weighted=ours.work.weighted) for one in ours.work.expressions)
    if announce is not None:
        announce(ours, "the baseline")
    ours.settle_bins()
    found = []
    warnings = list(ours.warnings)
    base_rows: dict[int, int] = {}
    for candidate in candidates:
        theirs = _prepared(candidate, losses, request, settings, format)
        refuse_same(ours.sources, theirs.sources)
        _refuse_other_losses(ours, theirs)
        identity = None if on is not None else _identity(ours, theirs, request.id)
        work = PairWork(
            base=ours.work,
            cand=theirs.work,
            estimands=estimands,
            clustered=cluster is not None,
            worst=worst,
            identity=identity,
            id=asked.id,
            drawn=drawn,
        )
        with _aligned(ours, theirs, on, identity, allow_missing) as alignment:
            if announce is not None:
                announce(theirs, _pairing(alignment, on, identity, "must agree"))
            partial = _run(work, alignment, settings, progress)
            _refuse(partial, alignment, ours, theirs, work, on)
            if (alike := _alike(partial, ours, theirs)) is not None:
                warnings.append(alike)
            pairing = _pairing(alignment, on, identity, "agree")
            found.append(_compared(partial, alignment, ours, theirs, pairing))
            base_rows = _rows(alignment.layout)
    return Comparison(
        version=__version__,
        base=_paths(ours.sources),
        base_inputs=_inputs(ours.sources, base_rows),
        base_columns=_columns(ours, name, cluster),
        candidates=found,
        level=settings.level,
        ci_method=settings.ci,
        cluster=cluster,
        warnings=warnings,
    )


def _columns(job: Job, name: str | None, cluster: str | None) -> dict[str, Any]:
    """The mapping of the baseline's columns, its clusters apart from its slices."""
    mapping = {**job.work.plans[0].to_dict(), "id": name, "where": job.settings.where, "cluster": cluster}
    if cluster is not None:
        mapping["by"] = mapping["by"][:-1]
    return mapping


def _prepared(data: Any, losses: Sequence[Expression], request: ColumnRequest, settings: Settings, format: str) -> Job:
    """The job of a candidate, of which only labels and predictions are read, and weights if it has them."""
    alone = replace(request, by=(), bins={}, keep=(), id=None)
    job = prepare(data, losses, replace(alone, weight=None), replace(settings, where=None, reduction="mean"), format)
    if request.weight is not None and all(request.weight in _column_names(source) for source in job.sources):
        job = prepare(data, losses, alone, replace(settings, where=None), format)
    return job


def _refuse_other_losses(ours: Job, theirs: Job) -> None:
    """Refuse files whose predictions are of kinds that make two losses of one."""
    for one, other in zip(ours.work.expressions, theirs.work.expressions, strict=True):
        mine, its = (each.signature(ours.reduction, ours.settings.nan) for each in (one, other))
        if mine != its:
            raise InputError(
                f"{_paths(theirs.sources)}: the loss is {its}, but {mine} for the baseline",
                "predictions of one kind in all files",
                "--pred-kind, if the kind of one was not recognised",
            )


def _column_names(source: Source) -> list[str]:
    return [column.name for column in source.columns]


def _identity(ours: Job, theirs: Job, name: str | None) -> str | None:
    """A column that both sides have and that names rows; rows paired by position must agree in it."""
    plan = ours.work.plans[0]
    read = {name for columns in plan.input_columns.values() for name in columns}
    for column in ours.sources[0].columns:
        shared = all(column.name in _column_names(source) for source in (*ours.sources, *theirs.sources))
        if shared and column.name not in read and (is_identity(column.name) or column.name == name):
            return column.name
    return None


def _aligned(ours: Job, theirs: Job, on: str | None, identity: str | None, allow_missing: bool) -> Alignment:
    sides = []
    numeric = identity is not None and all(
        column.kind in ("number", "integer")
        for source in (*ours.sources, *theirs.sources)
        for column in source.columns
        if column.name == identity
    )
    for job in (ours, theirs):
        types: dict[str, ColumnType] = dict(job.work.plans[0].types)
        if identity is not None:
            # Ids are only checked here, so numbers need not be written out as text to be compared.
            types.setdefault(identity, "number" if numeric else "text")
        sides.append(Side(job.sources, types, on))
    if identity is not None and len({side.types[identity] for side in sides}) > 1:
        sides = [replace(side, types={**side.types, identity: "text"}) for side in sides]
    return align(*sides, missing="drop" if allow_missing else "refuse")


def _pairing(alignment: Alignment, on: str | None, identity: str | None, agree: str) -> str:
    """How rows find their partners, in words."""
    if on is None:
        checked = "labels" if identity is None else f"labels and {identity}"
        return f"rows paired by position; {checked} {agree} row by row"
    order = "rows are in the same order" if alignment.positional else "rows are in different orders"
    missing = [
        f"{unmatched.count:,} only in the {name}"
        for unmatched, name in ((alignment.left_only, "baseline"), (alignment.right_only, "candidate"))
        if unmatched.count
    ]
    return "; ".join([f"rows joined on {on}; {order}", *missing])


def _run(work: PairWork, alignment: Alignment, settings: Settings, progress: Progress | None) -> PairPartial:
    engine = find_engine(settings.engine, scheduler=settings.scheduler)
    return engine(
        work.start,
        work.run,
        PairPartial.merge,
        alignment.shards(),
        settings.threads or os.cpu_count() or 1,
        progress or _unseen,
    )


def _refuse(partial: PairPartial, alignment: Alignment, ours: Job, theirs: Job, work: PairWork, on: str | None) -> None:
    """Raise the error for what cannot be compared."""
    names = _names(ours.sources, theirs.sources)
    if partial.disagreements:
        raise partial.disagreements.error(*names, work.identity, joined=on is not None and not alignment.positional)
    for job, side in ((ours, partial.base), (theirs, partial.cand)):
        side.faults.merge(side.margins.faults(side.rows_read))
        if side.faults:
            # Read alone, the file says where its bad value is.
            job.run()
            fault = side.faults.first()
            raise InputError(
                f'{_paths(job.sources)}: column "{fault.column}": {fault.value} {fault.problem}; '
                f"{fault.count:,} rows are affected",
                fault.expected,
                fault.fix,
            )
    census = partial.base.census
    if census is not None and census.rows and not census.matched:
        raise census.error()
    if not partial.pairs:
        raise NothingToEvaluate(f"{names[0]} and {names[1]} have no row in common", "at least one row of data")
    if not partial.used and work.base.nan != "propagate":
        raise NothingToEvaluate(
            f"{names[0]} and {names[1]}: all rows have a missing value", "at least one complete row"
        )


def _alike(partial: PairPartial, ours: Job, theirs: Job) -> str | None:
    """What to warn of where all predictions are those of the baseline; refused where two models cannot agree so.

    They may for the rows of a filter, when one was changed for the others, and
    in whole numbers.
    """
    if not partial.likeness.alike or not partial.used:
        return None
    base, cand = _names(ours.sources, theirs.sources)
    told = f"{cand}: all {partial.used:,} predictions are those of {base}"
    if partial.base.census is None and not partial.likeness.whole:
        raise InputError(told, "the predictions of two models")
    return told


def _compared(partial: PairPartial, alignment: Alignment, ours: Job, theirs: Job, pairing: str) -> ComparedCandidate:
    plan = ours.work.plans[0]
    tables = Tables(
        partial,
        by=ours.request.by[: partial.measures[0].axes - ours.work.by_class],
        bins=bin_places(plan.to_dict()),
        classes=plan.classes,
        show_classes=ours.settings.per_class,
        nan=ours.settings.nan,
        level=ours.settings.level,
        method=ours.settings.ci,
    )
    lists = iter(partial.worst)
    results = [
        tables.result(measure, next(lists).rows if partial.worst and measure.estimand.has_rows else ())
        for measure in partial.measures
    ]
    census = partial.base.census
    return ComparedCandidate(
        path=_paths(theirs.sources),
        inputs=_inputs(theirs.sources, _partner_rows(alignment)),
        columns=theirs.work.plans[0].to_dict(),
        pairing=pairing,
        rows=ComparedRows(
            paired=partial.pairs,
            used=partial.used,
            skipped=partial.skipped,
            filtered=0 if census is None else census.rows - census.matched,
            base_only=alignment.left_only.count,
            cand_only=alignment.right_only.count,
        ),
        results=results,
    )


def _rows(layout: Layout) -> dict[int, int]:
    """The rows of each file of a side."""
    rows: dict[int, int] = {}
    for shard, start, end in zip(layout.shards, layout.starts, [*layout.starts[1:], layout.total], strict=True):
        rows[shard.file] = rows.get(shard.file, 0) + end - start
    return rows


def _partner_rows(alignment: Alignment) -> dict[int, int]:
    if isinstance(alignment.partners, InStep):
        return _rows(alignment.partners.layout)
    # Put into another order, the rows of several files are not told apart any more.
    total = alignment.layout.total - alignment.left_only.count + alignment.right_only.count
    return {0: total} if len(alignment.right.sources) == 1 else {}


def _inputs(sources: Sequence[Source], rows: dict[int, int]) -> list[InputFile]:
    return [
        InputFile(source.path, source.format, rows.get(source.index, source.rows or 0), source.bytes)
        for source in sources
    ]


def _names(base: Sequence[Source], cand: Sequence[Source]) -> tuple[str, str]:
    """What to call both sides in a message."""
    names = _paths(base), _paths(cand)
    return names if names[0] != names[1] else ("the baseline", "the candidate")


def _paths(sources: Sequence[Source]) -> str:
    """What the user named, in short."""
    first = sources[0].path
    return first if len(sources) == 1 else f"{Path(first).parent} ({len(sources)} files)"


def _unseen(rows: int) -> None:
    """Progress that nobody looks at."""
