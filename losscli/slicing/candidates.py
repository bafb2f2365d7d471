"""Which columns slices are looked for in, and how their values become slices.

A column is taken value by value if it holds texts, booleans or few whole
numbers, and by quantile bins if it holds other numbers.  What it holds is
decided by all rows, so neither their order nor how they are read matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from losscli.bins import FixedBins, QuantileBins
from losscli.columns import ColumnPlan, Look
from losscli.columns.find import Finder
from losscli.columns.names import is_identity
from losscli.errors import InputError, UsageError
from losscli.job import Job
from losscli.readers import Column, ColumnType
from losscli.readers.drift import drift
from losscli.readers.locate import format_named
from losscli.records import dataclass
from losscli.slicing.scout import ColumnScouts, ColumnScoutWork

# Whole numbers with more distinct values are amounts, not categories.
MOST_WHOLE_NUMBERS = 20
# A text column with more is left out unless it is asked for: it says who a row is, not what it is like.
MOST_WORDS = 50
# Even a column that is asked for makes no more slices than this.
MOST_ASKED_WORDS = 1_000

_SINGLE = ("number", "integer", "boolean", "text", "moment", "null")


@dataclass(frozen=True)
class Axis:
    """A column whose values are slices, or whose bins are."""

    column: str
    bins: FixedBins | None


@dataclass(frozen=True)
class Candidates:
    """The columns to slice by with the type to read each in, and why others were left out."""

    types: dict[str, ColumnType]
    asked: bool
    left_out: dict[str, str]


def candidates(job: Job, among: Sequence[str] | None) -> Candidates:
    """The columns of `among`; by default those that play no part in the losses and do not name rows."""
    source, plan = job.sources[0], job.work.plans[0]
    finder = Finder(source.columns, source.path)
    left_out: dict[str, str] = {}
    if among is not None:
        chosen = [finder.by_name[finder.named(name)] for name in dict.fromkeys(among)]
        if not chosen:
            raise UsageError("--columns names no column", "columns to slice by")
        unfit = next((column for column in chosen if not _is_single(column)), None)
        if unfit is not None:
            raise InputError(
                f'{source.path}: column "{unfit.name}" holds {unfit.type}', "a column of single values for slices"
            )
    else:
        used = _used(plan)
        free = [column for column in source.columns if column.name not in used and _is_single(column)]
        left_out = {column.name: "names rows" for column in free if is_identity(column.name)}
        chosen = [column for column in free if column.name not in left_out]
    format = format_named(source.format)
    guessed = format is not None and format.text
    look = Look(source)([column.name for column in chosen]) if guessed else {}
    types: dict[str, ColumnType] = {}
    for column in chosen:
        # The kinds of text formats are those of a few rows; a look sees more of them.
        number = look[column.name].is_number if column.name in look else column.kind in ("number", "integer")
        types[column.name] = "number" if number and not column.as_text else "text"
    return Candidates(types, among is not None, left_out)


def settled(job: Job, found: Candidates, bins: int) -> tuple[Job, tuple[Axis, ...], dict[str, str]]:
    """The job by all axes, the axes, and the columns that were left out with the reason.

    Reads the candidate columns once.  Raises InputError for a column that was
    asked for and has too many values.
    """
    left_out = dict(found.left_out)
    if not found.types:
        return job, (), left_out
    plans = [_reading(plan, found.types) for plan in job.work.plans]
    _refuse_drift(job, found.types)
    if job.join is not None:
        job.join.settle(plans[0].types)
    most = MOST_ASKED_WORDS if found.asked else MOST_WORDS
    scouting = ColumnScoutWork(
        found.types, tuple(plan.types for plan in plans), job.work.where, most, job.work.chunk_rows
    )
    try:
        scouts = replace(job, progress=None).folded(scouting.start, scouting.run, ColumnScouts.merge)
    except InputError as error:
        # Nobody may have asked for the column that cannot be read.
        fix = None if found.asked else "--columns A,B,... searches the columns it names"
        raise InputError(error.problem, error.expected, error.fix or fix) from error
    axes = []
    for column, wanted in found.types.items():
        if wanted == "number":
            axes.append(Axis(column, _bins(scouts, column, bins)))
        elif len(scouts.words[column]) <= most:
            axes.append(Axis(column, None))
        elif found.asked:
            raise InputError(
                f'{job.sources[0].path}: column "{column}" has more than {most:,} different values',
                "a column of categories or of numbers",
            )
        else:
            left_out[column] = f"more than {most} values"
    return _by(job, tuple(axes)), tuple(axes), left_out


def _is_single(column: Column) -> bool:
    return column.kind in _SINGLE or column.as_text


def _used(plan: ColumnPlan) -> set[str]:
    """The columns that say what a loss is, or which row it is of."""
    inputs = {name for columns in plan.input_columns.values() for name in columns}
    return inputs | set(plan.constants) | ({plan.id} if plan.id is not None else set())


def _bins(scouts: ColumnScouts, column: str, count: int) -> FixedBins | None:
    values = scouts.numbers[column].distinct(MOST_WHOLE_NUMBERS)
    if values is not None and bool((values == np.floor(values)).all()):
        return None
    return QuantileBins(count).settled(scouts.numbers[column])


def _by(job: Job, axes: Sequence[Axis]) -> Job:
    """`job` with one grouping for each axis, and none by class."""
    by = tuple((axis.column,) for axis in axes)
    bins = {(place, 0): axis.bins for place, axis in enumerate(axes) if axis.bins is not None}
    types: dict[str, ColumnType] = {axis.column: "text" if axis.bins is None else "number" for axis in axes}
    plans = tuple(replace(_reading(plan, types), by=by, bins=bins) for plan in job.work.plans)
    if job.join is not None:
        job.join.settle(plans[0].types)
    work = replace(job.work, plans=plans, slices=len(axes), by_class=False)
    return replace(job, work=work)


def _reading(plan: ColumnPlan, types: dict[str, ColumnType]) -> ColumnPlan:
    """`plan` that reads these columns too; a column that any use wants as text is text."""
    merged = dict(plan.types)
    for name, wanted in types.items():
        merged[name] = "text" if "text" in (wanted, merged.get(name)) else wanted
    return replace(plan, types=merged)


def _refuse_drift(job: Job, types: dict[str, ColumnType]) -> None:
    """Raise an InputError for a file that lacks a column of the first."""
    for source in job.sources[1:]:
        difference = drift(job.sources[0], source, types)
        if difference is not None:
            raise InputError(f"{source.path}: {difference}", "files with the same columns", "--columns A,B,...")
