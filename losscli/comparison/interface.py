"""Comparing models from Python, as one function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from losscli.comparison.result import Comparison
from losscli.comparison.run import compare as run
from losscli.declaration import DEFAULT_DIALECT
from losscli.errors import UsageError
from losscli.preparation import read_keywords
from losscli.summary.intervals import REPLICATES, IntervalMethod
from losscli.work import NanPolicy


def compare(
    base: Any,
    *candidates: Any,
    loss: str | Sequence[str],
    on: str | None = None,
    allow_missing: bool = False,
    cluster: str | None = None,
    worst: int = 0,
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
    delimiter: str | None = None,
    quote: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    header: bool = True,
    format: str = "auto",
    **parameters: Any,
) -> Comparison:
    """Compare one or several candidates with a baseline, row by row.

    `base` and each candidate are data as `evaluate` takes them, but no iterator,
    for rows may be read twice.  Rows are joined on the column `on`, in any
    order; without it they are paired by position if labels and ids agree.  With
    `allow_missing` rows that one side lacks are left out and counted.
    `cluster` is a column whose equal values mark rows that depend on each other;
    `worst` asks for the rows with the largest increase.  Other keywords are the
    options of ``losscli compare``, and what is left are loss parameters.

    Raises a `LosscliError`: UsageError, InputError or NothingToEvaluate.
    """
    if not candidates:
        raise UsageError("nothing to compare with", "a baseline and at least one candidate")
    losses, request, settings, _ = read_keywords(locals())
    return run(
        base,
        candidates,
        losses,
        request=request,
        settings=settings,
        on=on if on is not None else id,
        allow_missing=allow_missing,
        cluster=cluster,
        worst=worst,
        format=format,
    )
