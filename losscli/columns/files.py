"""One plan for each file of an evaluation: chosen for the first, and the same for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from losscli.columns.look import Look
from losscli.columns.need import Need
from losscli.columns.plan import ColumnPlan
from losscli.columns.planner import plan_columns
from losscli.columns.request import ColumnRequest
from losscli.errors import InputError
from losscli.readers import Column, Source
from losscli.readers.drift import drift


def plan_files(
    sources: Sequence[Source], request: ColumnRequest, needs: Sequence[Need], look: Look | None = None
) -> tuple[ColumnPlan, ...]:
    """The plans of `sources`, of which there is at least one; a `look` is at the first of them.

    Raises InputError for a file that does not go on where the first one ends,
    and as `plan_columns` does.
    """
    look = look or Look(sources[0])
    first = plan_columns(sources[0].columns, request, needs, sources[0].path, look)
    for source in sources[1:]:
        difference = drift(sources[0], source, first.types)
        if difference is not None:
            raise InputError(f"{source.path}: {difference}", "files with the same columns")
    return first, *(_like(first, sources[0], source, request, needs, look) for source in sources[1:])


def _like(
    first: ColumnPlan, model: Source, source: Source, request: ColumnRequest, needs: Sequence[Need], look: Look
) -> ColumnPlan:
    """The plan of another file, which must choose the same columns; what its own rows hold changes nothing."""
    known = {column.name: column for column in model.columns}
    columns = [_declared_as(column, known.get(column.name)) for column in source.columns]
    plan = plan_columns(columns, request, needs, source.path, look)
    if plan.line() != first.line() or plan.classes != first.classes:
        raise InputError(
            f"{source.path}: read as {plan.line()}, but {first.path} as {first.line()}",
            "files with the same columns",
            "--label and --pred name the columns",
        )
    return replace(plan, ambiguities=(), notes=())


def _declared_as(column: Column, model: Column | None) -> Column:
    """`column` with the classes that the first file declares for it."""
    if model is None or (model.names is None and column.names is None):
        return column
    width = model.width if column.kind == "labelled" else column.width
    return replace(column, names=model.names, named_by=model.named_by, width=width)
