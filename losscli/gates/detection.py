"""What a file of predictions looks like: its columns, and a loss that can be computed from them."""

from __future__ import annotations

from losscli.columns import ColumnRequest
from losscli.columns.classes import PositiveLabelError
from losscli.columns.names import is_identity
from losscli.errors import LosscliError
from losscli.expression import Expression, parse_expression
from losscli.gates.template import Findings
from losscli.job import Job, Settings
from losscli.preparation import prepare
from losscli.readers.source import Kind

# Tried in this order; each fits the predictions for which it can be computed. Only numbers that are no
# probabilities of two classes are left to the last.
CANDIDATES = ("sparse_categorical_crossentropy", "binary_crossentropy", "huber")

# Columns with at most so many values are worth a rule for each; each that is tried is a pass over the file.
_MOST_SLICES = 50
_MOST_TRIED = 5


def findings(path: str, loss: str | None = None, *, pos_label: str | None = None, format: str = "auto") -> Findings:
    """The columns of `path` and a loss that fits them, `loss` if one is given.

    Reads the whole file.  Raises the error of the last loss that was tried
    when none of them can be computed.
    """
    tried: LosscliError | None = None
    known = ColumnRequest(pos_label=pos_label)
    for name in [loss] if loss else CANDIDATES:
        expression = parse_expression(name)
        try:
            job = prepare(path, [expression], known, Settings(), format)
        except PositiveLabelError as error:
            tried = error
            break
        except LosscliError as error:
            tried = error
            continue
        try:
            report = job.report(job.run())
        except LosscliError as error:
            tried = error
            if _has_words(job):
                break
            continue
        single = expression.single
        return Findings(
            inputs={**_inputs(job), **({} if pos_label is None else {"pos_label": pos_label})},
            loss=name,
            parameters=() if single is None or ":" in name else single.parameters,
            value=report.results[0].total.loss,
            slices=_slices(path, expression, job, format),
        )
    assert tried is not None
    raise tried


def _has_words(job: Job) -> bool:
    """Whether the labels are words, which leaves no loss of numbers to be tried."""
    labels = job.work.plans[0].roles.get("label", ())
    return any(column.name in labels and column.kind == "text" for column in job.sources[0].columns)


def _inputs(job: Job) -> dict[str, object]:
    """The chosen columns as keys of ``[input]``."""
    plan = job.work.plans[0]
    found: dict[str, object] = {}
    others = {}
    for role, columns in plan.roles.items():
        value = columns[0] if len(columns) == 1 else list(columns)
        if role in ("label", "pred"):
            found[role] = value
        else:
            others[role] = value
    if others:
        found["col"] = others
    identity = next((name for name in _free_columns(job) if is_identity(name)), None)
    if identity is not None:
        found["id"] = identity
    return found


def _free_columns(job: Job) -> dict[str, Kind]:
    """The columns that are neither label nor prediction nor any other input, and of which kind they are."""
    used = {name for columns in job.work.plans[0].input_columns.values() for name in columns}
    return {column.name: column.kind for column in job.sources[0].columns if column.name not in used}


def _slices(path: str, expression: Expression, job: Job, format: str) -> str | None:
    """The first column of words that has a few values, each for many rows."""
    words = [name for name, kind in _free_columns(job).items() if kind == "text" and not is_identity(name)]
    for name in words[:_MOST_TRIED]:
        request = ColumnRequest(by=((name,),))
        try:
            sliced = prepare(path, [expression], request, Settings(), format)
            report = sliced.report(sliced.run())
        except LosscliError:
            continue
        if 2 <= len(report.results[0].slices) <= _MOST_SLICES:
            return name
    return None
