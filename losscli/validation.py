"""Checking the inputs of a loss before its kernel sees them.

Kernels are formulas without checks; what they may assume is established
here: shapes agree without broadcasting, every value lies in its role's
domain, and the conditions between the inputs of a row hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from losscli.arguments import call_with
from losscli.arrays import all_rows
from losscli.declaration import Input, Loss
from losscli.domains import REAL, UNIT, Integers, Interval, NumberSet
from losscli.errors import InputError
from losscli.faults import Fault, Faults
from losscli.roles import SHAPES, BoolArray, Shape

ArrayDomain = Interval | NumberSet | Integers

_DIMENSIONS: dict[Shape, tuple[int, ...]] = {
    "row": (1,),
    "element": (1, 2),
    "vector": (2,),
    "embedding": (2,),
    "vectors": (3,),
    "any": (1, 2, 3),
}


def check_shapes(loss: Loss, inputs: Mapping[str, Any]) -> int:
    """The number of rows; an InputError when shapes disagree or do not fit their roles.

    Inputs of one kind of shape have the same shape, and nothing is broadcast.
    """
    first = loss.inputs[0].name
    alike: dict[str, str] = {}
    for one in loss.inputs:
        shape = inputs[one.name].shape
        if len(shape) not in _DIMENSIONS[one.shape]:
            raise InputError(
                f"{loss.name}: {one.name} has shape {shape}", f"{one.role.name} of shape {SHAPES[one.shape]}"
            )
        if shape[0] != inputs[first].shape[0]:
            raise InputError(
                f"{loss.name}: {one.name} has {shape[0]} rows, {first} has {inputs[first].shape[0]}",
                "as many rows in each",
            )
        if one.role.reading == "either" and len(shape) == 1:
            continue
        other = alike.setdefault(one.shape, one.name)
        if shape != inputs[other].shape:
            raise InputError(
                f"{loss.name}: {one.name} has shape {shape}, {other} has {inputs[other].shape}",
                "equal shapes; nothing is broadcast",
            )
    if "vectors" in alike and "embedding" in alike:
        single, several = inputs[alike["embedding"]].shape, inputs[alike["vectors"]].shape
        if single[-1] != several[-1]:
            raise InputError(f"{loss.name}: vectors of {several[-1]} and of {single[-1]} components", "equal lengths")
    rows: int = inputs[first].shape[0]
    return rows


def find_faults(
    loss: Loss,
    inputs: Mapping[str, Any],
    columns: Mapping[str, Sequence[str]],
    *,
    file: int = 0,
    row_numbers: Callable[[int], int] = int,
    ends: Mapping[str, tuple[float, float]] | None = None,
) -> Faults:
    """The values outside their domains, and the rows that break a condition.

    `columns` names the columns of every input, for the error; `row_numbers`
    turns an index of these arrays into a row of the file; between `ends` lie
    the values of the inputs for which these are known.
    """
    faults = Faults()
    for one in loss.inputs:
        array = inputs[one.name]
        domain = _array_domain(loss, one, inputs)
        if domain is None or lies_within(domain, (ends or {}).get(one.name)):
            continue
        may_be_logits = "probabilit" in one.role.name and not loss.values.get("from_logits")
        or_parameter = " (or --from-logits)" if "from_logits" in loss.values else ""
        fault = outside_fault(
            domain,
            array,
            _noun(one, domain),
            columns.get(one.name) or (one.name,),
            f"--pred-kind logit{or_parameter}, if these are logits" if may_be_logits else None,
            file=file,
            row_numbers=row_numbers,
        )
        if fault is not None:
            faults.add(fault)
    if faults:
        return faults
    for condition in loss.require:
        holds = call_with(condition.holds, {**inputs, **loss.values})
        if holds.all():
            continue
        rows = np.flatnonzero(~holds)
        array = inputs[condition.column]
        faults.add(
            Fault(
                file=file,
                column=" ".join(columns.get(condition.column, (condition.column,))[:3]),
                problem=condition.problem,
                row=row_numbers(int(rows[0])),
                value=_shown(array[int(rows[0])]),
                count=len(rows),
                expected=condition.expected,
                fix=condition.fix,
            )
        )
    return faults


def lies_within(domain: object, ends: tuple[float, float] | None) -> bool:
    """Whether everything between two values is in a domain; False where these are not known."""
    return ends is not None and isinstance(domain, Interval) and all(map(domain.contains, ends))


def outside_fault(
    domain: ArrayDomain,
    array: Any,
    noun: str,
    names: Sequence[str],
    fix: str | None = None,
    *,
    file: int = 0,
    row_numbers: Callable[[int], int] = int,
) -> Fault | None:
    """The fault of the values outside `domain`, each of which "is not `noun`"; None when all are inside.

    `names` are the columns of the array: one, or one for each column of ``(n, k)``.
    """
    if _all_inside(domain, array):
        return None
    outside = ~_inside(domain, array)
    rows = np.flatnonzero(~all_rows(~outside))
    row = int(rows[0])
    position = np.argwhere(np.atleast_1d(outside[row]))[0]
    value = np.atleast_1d(array[row])[tuple(position)]
    return Fault(
        file=file,
        column=names[int(position[0])] if array.ndim == 2 and len(names) == array.shape[1] else names[0],
        problem=f"is not {noun}",
        row=row_numbers(row),
        value=_shown(value),
        count=len(rows),
        expected=domain.describe(),
        fix=fix,
    )


def _array_domain(loss: Loss, one: Input, inputs: Mapping[str, Any]) -> ArrayDomain | None:
    """The domain of the elements of an input, given the shapes of the others."""
    domain = loss.domain(one)
    array = inputs[one.name]
    classes = max((other.shape[1] for other in inputs.values() if other.ndim == 2), default=0)
    if one.role.reading == "either":
        if array.ndim == 2:
            return UNIT
        if classes:
            return Integers(0, classes - 1)
        return domain if isinstance(domain, Interval | NumberSet) else UNIT
    if isinstance(domain, Integers) and one.role.reading == "class" and classes and one.shape == "row":
        scores = [other for other in loss.inputs if other.shape == "vector" and other.name != one.name]
        if scores and scores[0].role.name != "embedding":
            return Integers(domain.low, classes - 1)
    return domain if isinstance(domain, Interval | NumberSet | Integers) else None


def _all_inside(domain: ArrayDomain, array: Any) -> bool:
    if isinstance(domain, Integers):
        if array.dtype.kind == "f" or not array.size:
            return bool(_inside(domain, array).all())
        above = domain.low is None or bool(array.min() >= domain.low)
        return above and (domain.high is None or bool(array.max() <= domain.high))
    return domain.all_inside(array)


def _inside(domain: ArrayDomain, array: Any) -> BoolArray:
    if isinstance(domain, Integers):
        inside = np.ones(array.shape, dtype=bool)
        if array.dtype.kind == "f":
            inside &= array == np.floor(array)
        if domain.low is not None:
            inside &= array >= domain.low
        if domain.high is not None:
            inside &= array <= domain.high
        return inside
    found: BoolArray = domain.inside(array)
    return found


def _noun(one: Input, domain: ArrayDomain) -> str:
    """What a value of this input is called, with its article, to follow "is not"."""
    if "probabilit" in one.role.name:
        return "a probability"
    if domain == REAL:
        return "a finite number"
    if one.role.reading in ("class", "either"):
        return "the index of a class"
    if one.role.reading in ("binary", "margin", "one_hot"):
        return "a valid label"
    return f"a valid {one.role.name}"


def _shown(value: Any) -> str:
    if np.ndim(value) == 0:
        number = float(value)
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
    flat = np.asarray(value).reshape(-1)
    return "[" + ", ".join(_shown(item) for item in flat[:4]) + (", …]" if flat.size > 4 else "]")
