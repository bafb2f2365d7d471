"""The laws, each a function of one loss; a broken law is an AssertionError."""

from __future__ import annotations

import itertools
import pickle
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from losscli.arguments import call_with
from losscli.declaration import DEFAULT_DIALECT, Example, Input, Loss
from losscli.domains import REAL, Domain, Integers, Interval, NumberSet, domain_of
from losscli.errors import InputError, LosscliError, UsageError
from losscli.registry import fold
from losscli.testing.sampling import extreme_inputs, layouts, random_inputs, random_parameters, take_rows

# Frameworks whose name for a loss may be stated, and those whose constants may be reproduced.
FRAMEWORKS = frozenset({"keras", "r_keras", "torch", "sklearn", "optax", "xgboost", "lightgbm", "catboost"})
DIALECTS = frozenset({"keras", "torch", "sklearn"})

_SEED = 20_240_229
_SETTINGS = 5
_ROWS = 23
_SUMMARY_LENGTH = 72
_HELP_LENGTH = 110


def examples_hold(loss: Loss) -> None:
    """Every worked example gives the loss that it states."""
    names = {one.name for one in loss.inputs}
    for example in loss.examples:
        parameters = {name: value for name, value in example.values.items() if name not in names}
        bound = loss.bind(**parameters)
        inputs = {one.name: _example_array(bound, example, one) for one in bound.inputs}
        np.testing.assert_allclose(bound(**inputs), example.loss, rtol=1e-12, atol=1e-15, err_msg=example.why)


def rows_do_not_depend_on_each_other(loss: Loss) -> None:
    """Evaluated row by row, or split anywhere, the bits are those of the whole."""
    if loss.whole:
        return
    for bound, inputs, rng in _cases(loss, random_inputs):
        whole = _row_values(bound, inputs)
        cuts = [0, *sorted(rng.integers(1, _ROWS, 3)), _ROWS]
        for edges in (cuts, list(range(_ROWS + 1))):
            parts = [
                _row_values(bound, take_rows(inputs, slice(start, stop)))
                for start, stop in itertools.pairwise(edges)
                if stop > start
            ]
            for column, expected in enumerate(whole):
                joined = np.concatenate([part[column] for part in parts])
                np.testing.assert_array_equal(joined.view(np.int64), expected.view(np.int64), err_msg=_signature(bound))


def rows_lie_in_the_range(loss: Loss) -> None:
    """A valid row has one value, and the stated range is never left."""
    interval = domain_of(loss.range)
    assert isinstance(interval, Interval), f"{loss.name}: the range {loss.range} is not an interval"
    for bound, inputs, _ in _cases(loss, random_inputs):
        if bound.is_set_level:
            value = bound(**inputs)
            assert interval.contains(value), f"{_signature(bound)}: {value} is outside {loss.range}"
            continue
        (rows,) = _row_values(bound, inputs)
        assert rows.shape == (_ROWS,), f"{_signature(bound)}: rows have shape {rows.shape}"
        outside = rows[~interval.inside(rows)]
        assert outside.size == 0, f"{_signature(bound)}: {outside[:3]} outside {loss.range}"


def extremes_make_no_nan(loss: Loss) -> None:
    """Values at the edges of their domains and of float64 give a number, which may be infinite."""
    for bound, inputs, _ in _cases(loss, extreme_inputs):
        for values in _row_values(bound, inputs):
            bad = np.flatnonzero(np.isnan(values))
            if bad.size:
                row = {name: array[bad[0]].tolist() for name, array in inputs.items()}
                raise AssertionError(f"{_signature(bound)}: NaN for {row}")


def inputs_are_not_written(loss: Loss) -> None:
    """A kernel leaves its inputs as they were."""
    for bound, inputs, _ in _cases(loss, random_inputs):
        for array in inputs.values():
            array.setflags(write=False)
        try:
            _row_values(bound, inputs)
        except ValueError as error:
            raise AssertionError(f"{_signature(bound)} writes to its inputs: {error}") from error


def bad_parameters_are_refused(loss: Loss) -> None:
    """A value outside a parameter's domain is a UsageError that names the parameter."""
    for one in loss.parameters:
        for value in one.domain.outside():
            error = _refusal(UsageError, loss.bind, **{one.name: value})
            assert one.name in error.problem, f"{loss.name}: {error.problem!r} does not name {one.name}"
    _refusal(UsageError, loss.bind, no_such_parameter=1.0)


def bad_values_are_named(loss: Loss) -> None:
    """A value outside an input's domain is an InputError that names the input and the row."""
    rng = np.random.default_rng(_SEED)
    for layout in layouts(loss):
        inputs = random_inputs(loss, _ROWS, rng, layout)
        for one in loss.inputs:
            for value in _values_outside(loss, one, inputs):
                spoilt = dict(inputs)
                spoilt[one.name] = inputs[one.name].copy()
                spoilt[one.name][2, ...] = value
                if loss.omit is not None and call_with(loss.omit, {**spoilt, **loss.values})[2]:
                    continue
                error = _refusal(InputError, loss, **spoilt)
                for part in (loss.name, one.name, "row 3"):
                    assert part in error.problem, f"{loss.name}: {error.problem!r} does not name {part}"


def survives_pickling(loss: Loss) -> None:
    """A pickled loss comes back equal, with its parameters, and gives the same values."""
    for bound, inputs, _ in _cases(loss, random_inputs):
        try:
            copy = pickle.loads(pickle.dumps(bound))
        except (pickle.PicklingError, AttributeError, ImportError) as error:
            raise AssertionError(f"{_signature(bound)} is not found again by its module and name: {error}") from error
        assert copy == bound, f"{_signature(bound)} comes back as {_signature(copy)}"
        for again, first in zip(_row_values(copy, inputs), _row_values(bound, inputs), strict=True):
            np.testing.assert_array_equal(again, first)


def is_fully_documented(loss: Loss) -> None:
    """Summary, description, formula, references, examples and parameters say what they must."""
    summary = loss.summary
    assert len(summary) <= _SUMMARY_LENGTH, f"{loss.name}: the summary has {len(summary)} characters"
    assert re.fullmatch(r"[A-Z0-9].*[^.]\.", summary), f"{loss.name}: {summary!r} is not a sentence"
    assert loss.description, f"{loss.name}: nothing follows the summary"
    assert loss.formula, f"{loss.name}: no formula"
    assert loss.references, f"{loss.name}: no reference"
    assert loss.examples, f"{loss.name}: no example"
    assert re.fullmatch(r"[a-z][a-z0-9_]*", loss.name), f"{loss.name} is not snake_case"
    assert set(loss.known_as) <= FRAMEWORKS, f"{loss.name}: unknown frameworks {set(loss.known_as) - FRAMEWORKS}"
    for reference in loss.references:
        doi = reference.partition("doi:")[2]
        assert not doi or re.match(r"10\.\d{4,9}/\S+", doi), f"{loss.name}: {reference!r} has no valid DOI"
        assert re.search(r"\d{4}|documentation", reference), f"{loss.name}: {reference!r} has no year"
    for relative in loss.related:
        assert re.match(r"\S.*: \S", relative), f"{loss.name}: {relative!r} does not say how it differs"
    for expression in loss.same_as:
        compile(expression, loss.name, "eval")
    for example in loss.examples:
        assert example.why, f"{loss.name}: an example without its reason"
    for one in loss.parameters:
        assert re.fullmatch(r"[A-Z0-9-].*\.", one.help), f"{loss.name}: {one.name}: {one.help!r} is not a sentence"
        assert len(one.help) <= _HELP_LENGTH, f"{loss.name}: the sentence of {one.name} is too long"


def names_are_its_own(loss: Loss) -> None:
    """No alias repeats another spelling of a name; case, separators and ``loss_`` are folded anyway."""
    folded = [fold(name) for name in (loss.name, *loss.aliases)]
    repeated = sorted({name for name in folded if folded.count(name) > 1})
    assert not repeated, f"{loss.name}: {repeated} stand more than once among its names"


def dialects_are_known(loss: Loss) -> None:
    """Dialects belong to known frameworks, set existing parameters, and others are refused."""
    assert set(loss.dialects) <= DIALECTS, f"{loss.name}: unknown dialects {set(loss.dialects) - DIALECTS}"
    for dialect, values in loss.dialects.items():
        bound = loss.bind(dialect=dialect)
        expected = {one.name: values.get(one.name, one.default) for one in loss.parameters}
        assert dict(bound.values) == expected, f"{_signature(bound)} does not have the values of {dialect}"
        assert bound.bind(dialect=DEFAULT_DIALECT) == loss, f"{loss.name}: there is no way back from {dialect}"
    _refusal(UsageError, loss.bind, dialect="no_such_framework")


LAWS: tuple[Callable[[Loss], None], ...] = (
    examples_hold,
    rows_do_not_depend_on_each_other,
    rows_lie_in_the_range,
    extremes_make_no_nan,
    inputs_are_not_written,
    bad_parameters_are_refused,
    bad_values_are_named,
    survives_pickling,
    is_fully_documented,
    names_are_its_own,
    dialects_are_known,
)


def _cases(loss: Loss, draw: Callable[..., dict[str, Any]]) -> Iterator[tuple[Loss, dict[str, Any], Any]]:
    """The loss at its defaults and at random parameters, with inputs of every shape that it takes."""
    rng = np.random.default_rng(_SEED)
    for setting in range(_SETTINGS):
        bound = random_parameters(loss, rng) if setting else loss
        for layout in layouts(bound):
            yield bound, draw(bound, _ROWS, rng, layout), rng


def _row_values(loss: Loss, inputs: Mapping[str, Any]) -> tuple[Any, ...]:
    """The row losses, or what each row adds to the sums of a set-level loss; ``(n,)`` each."""
    with np.errstate(all="ignore"):
        return loss.contributions(inputs) if loss.is_set_level else (loss.rows(inputs),)


def _example_array(loss: Loss, example: Example, one: Input) -> Any:
    """One row of an input; a set-level loss and one that needs all rows take the example as the whole."""
    value = np.asarray(example.values[one.name])
    takes_rows = value.ndim > 0 and (loss.is_set_level or loss.whole)
    return value if takes_rows else value[None]


def _values_outside(loss: Loss, one: Input, inputs: Mapping[str, Any]) -> list[float]:
    """Values that must be refused at an input, as far as its array type can hold them."""
    domain: Domain = loss.domain(one)
    array = inputs[one.name]
    if array.dtype.kind != "f":
        return [domain.low - 1] if isinstance(domain, Integers) and domain.low is not None else []
    if one.role.reading == "either" or not isinstance(domain, Interval | NumberSet | Integers):
        domain = REAL
    return [np.nan, *(float(value) for value in domain.outside() if isinstance(value, float | int))]


def _refusal(kind: type[LosscliError], attempt: Callable[..., object], **arguments: Any) -> LosscliError:
    """The error of `kind` that an attempt raises."""
    try:
        result = attempt(**arguments)
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__} for {arguments}, but {result!r}")


def _signature(loss: Loss) -> str:
    """The loss with its parameters, for messages."""
    return f"{loss.name}({', '.join(f'{name}={value!r}' for name, value in loss.values.items())})"
