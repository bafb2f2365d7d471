"""One declaration per loss, from which everything else is derived.

`declare` reads a function: its positional arguments are columns with a role,
its keyword-only arguments are parameters with a domain and a sentence.  The
result is a frozen `Loss`; finding losses is the registry's business.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from losscli.arguments import argument_names
from losscli.domains import Choice, Domain, Flag, Given, Integers, Interval, OneOrMany, Optional, Union, domain_of
from losscli.errors import UsageError, nearest
from losscli.records import dataclass
from losscli.roles import Role, Shape

if TYPE_CHECKING:
    from losscli.roles import BoolArray, FloatArray

DEFAULT_DIALECT = "losscli"

# Rows in one call of a kernel, or values of the largest input where rows have several: its temporaries stay in the
# cache, and the steps between cost little.
KERNEL_ROWS, KERNEL_VALUES, KERNEL_LEAST_ROWS = 1 << 14, 1 << 16, 1 << 6


@dataclass(frozen=True)
class Parameter:
    """A keyword of a loss: its domain, its default and what it means."""

    name: str
    domain: Domain
    default: Any
    help: str

    def parse(self, text: str, loss: str) -> Any:
        """The value written as `text`; a UsageError names the loss and the domain."""
        try:
            value = self.domain.parse(text)
        except ValueError:
            raise self._refusal(text, loss) from None
        return self.check(value, loss)

    def check(self, value: Any, loss: str) -> Any:
        """`value` in its canonical type, refused when it is outside the domain."""
        if isinstance(value, list):
            value = tuple(value)
        if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
            value = value.item()
        if isinstance(value, str) and not isinstance(self.domain, Choice):
            return self.parse(value, loss)
        if not self.domain.contains(value):
            raise self._refusal(value, loss)
        inner = self.domain.domain if isinstance(self.domain, Optional | OneOrMany) else self.domain
        is_real = isinstance(inner, Interval) or (isinstance(inner, Union) and isinstance(inner.parts[0], Interval))
        return float(value) if is_real and isinstance(value, int) else value

    def _refusal(self, value: Any, loss: str) -> UsageError:
        return UsageError(
            f"{loss}: {self.name}={value} is outside its domain", f"{self.name}: {self.domain.describe()}"
        )


@dataclass(frozen=True)
class Input:
    """A positional argument of a loss: the name of a role and what may stand there."""

    name: str
    role: Role
    domain: Domain | Given

    @property
    def shape(self) -> Shape:
        return self.role.shape


@dataclass(frozen=True, init=False)
class Example:
    """One worked row: inputs, parameters, the loss, and why it is that."""

    loss: float
    why: str
    values: Mapping[str, Any]

    def __init__(self, *, loss: float, why: str, **values: Any) -> None:
        object.__setattr__(self, "loss", loss)
        object.__setattr__(self, "why", why)
        object.__setattr__(self, "values", values)


@dataclass(frozen=True)
class Require:
    """A condition between the inputs of one row, such as lower <= upper.

    `holds` takes the inputs (and parameters) it names and returns a boolean
    array ``(n,)``; `column` is the input to blame; `problem` completes a
    sentence that starts with its value.
    """

    holds: Callable[..., BoolArray]
    column: str
    problem: str
    expected: str
    fix: str | None = None


@dataclass(frozen=True, eq=False)
class Loss:
    """A loss with its parameters bound; a value that can be compared and pickled.

    ``loss(y_true, y_pred, sample_weight=None, reduction="auto")`` evaluates it
    on arrays; see `losscli.calling.call`.
    """

    name: str
    family: str
    summary: str
    description: str
    formula: str
    kernel: Callable[..., Any]
    inputs: tuple[Input, ...]
    parameters: tuple[Parameter, ...]
    range: str
    aliases: tuple[str, ...] = ()
    known_as: Mapping[str, str] = field(default_factory=dict)
    same_as: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()
    dialects: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    across: Literal["mean", "sum"] | None = None
    power: int | None = None
    finish: Callable[..., Any] | None = None
    omit: Callable[..., BoolArray] | None = None
    clipped: Callable[..., BoolArray] | None = None
    whole: bool = False
    require: tuple[Require, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    dialect: str = DEFAULT_DIALECT

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Loss):
            return NotImplemented
        return (self.kernel, dict(self.values), self.dialect) == (other.kernel, dict(other.values), other.dialect)

    def __hash__(self) -> int:
        return hash((self.name, self.dialect))

    def __reduce__(self) -> tuple[object, ...]:
        # The kernel's module attribute is the Loss itself, so a function would not pickle by name.
        module = self.kernel.__module__
        plugin = getattr(sys.modules.get(module), "__plugin_file__", None)
        return _restore, (module, self.kernel.__qualname__, dict(self.values), self.dialect, plugin)

    def __call__(
        self, *arrays: Any, sample_weight: Any = None, reduction: str = "auto", axis: int = -1, **named: Any
    ) -> Any:
        from losscli.calling import call

        return call(self, arrays, named, sample_weight, reduction, axis)

    @property
    def is_set_level(self) -> bool:
        """Whether the loss is one number for the whole data set, without a value per row."""
        return self.finish is not None and self.values.get("axis") is None

    @property
    def is_penalty(self) -> bool:
        """Whether the loss is a sum over values that are not rows of data; such a loss takes no weights."""
        return all(one.shape == "any" for one in self.inputs)

    @property
    def label_reading(self) -> str | None:
        """How the true label is read when it makes classes: binary, margin, class, one_hot, either."""
        for one in self.inputs:
            if one.role.reading != "number":
                return one.role.reading
        return None

    def parameter(self, name: str) -> Parameter:
        """The parameter called `name`; a UsageError suggests the nearest."""
        wanted = name.replace("-", "_")
        for one in self.parameters:
            if one.name == wanted:
                return one
        if not self.parameters:
            raise UsageError(f"{self.name} has no parameters, so no {wanted}")
        near = nearest(wanted, [one.name for one in self.parameters])
        raise UsageError(
            f"{self.name} has no parameter {wanted}",
            "one of " + ", ".join(one.name for one in self.parameters),
            f"{near}" if near else None,
        )

    def bind(self, dialect: str | None = None, **values: Any) -> Loss:
        """The same loss in another dialect or at other parameter values.

        A dialect sets the constants in which frameworks differ; a value given
        here wins over it.
        """
        chosen = self.dialect if dialect is None else dialect
        bound = dict(self.values)
        if chosen != self.dialect:
            if chosen != DEFAULT_DIALECT and chosen not in self.dialects:
                known = ", ".join([DEFAULT_DIALECT, *self.dialects])
                raise UsageError(f"{self.name} has no dialect {chosen}", f"one of {known}")
            bound = {one.name: one.default for one in self.parameters}
            bound.update(self.dialects.get(chosen, {}))
        for name, value in values.items():
            bound[self.parameter(name).name] = self.parameter(name).check(value, self.name)
        return replace(self, values=types.MappingProxyType(bound), dialect=chosen)

    def domain(self, one: Input) -> Domain:
        """The domain of an input at the bound parameter values."""
        return one.domain.resolve(self.values) if isinstance(one.domain, Given) else one.domain

    def rows(self, inputs: Mapping[str, Any]) -> FloatArray:
        """The loss of each row, shape ``(n,)``, from prepared and valid inputs."""
        rows = len(next(iter(inputs.values())))
        width = max(one.size for one in inputs.values()) // max(rows, 1)
        step = KERNEL_ROWS if width <= 1 else max(KERNEL_VALUES // width, KERNEL_LEAST_ROWS)
        if self.whole or rows <= step:
            return self._rows(inputs)
        import numpy as np

        values = np.empty(rows)
        for start in range(0, rows, step):
            part = slice(start, start + step)
            values[part] = self._rows({name: array[part] for name, array in inputs.items()})
        return values

    def _rows(self, inputs: Mapping[str, Any]) -> FloatArray:
        from losscli.arrays import mean_last, sum_last

        result = self.kernel(**inputs, **self.values)
        if self.finish is not None:
            sums = [sum_last(part) for part in result]
            return typing.cast("FloatArray", self._finished(sums))
        while self.across is not None and result.ndim > 1:
            result = mean_last(result) if self.across == "mean" else sum_last(result)
        return typing.cast("FloatArray", result)

    def contributions(self, inputs: Mapping[str, Any]) -> tuple[FloatArray, ...]:
        """What each row adds to the sums of a set-level loss, each ``(n,)``."""
        from losscli.arrays import mean_last, sum_last

        combine = mean_last if self.across == "mean" else sum_last
        return tuple(part if part.ndim == 1 else combine(part) for part in self.kernel(**inputs, **self.values))

    def finished(self, sums: Sequence[float]) -> float | None:
        """The value of a set-level loss from its totals; None where it is undefined."""
        value = float(self._finished(list(sums)))
        return value if value == value else None

    def _finished(self, sums: Sequence[Any]) -> Any:
        assert self.finish is not None
        return self.finish(
            *sums, **{name: value for name, value in self.values.items() if name in argument_names(self.finish)}
        )


def declare(
    *,
    formula: str,
    range: str = "[0, inf)",
    aliases: Sequence[str] = (),
    known_as: Mapping[str, str] | None = None,
    same_as: Sequence[str] = (),
    related: Sequence[str] = (),
    references: Sequence[str] = (),
    examples: Sequence[Example] = (),
    dialects: Mapping[str, Mapping[str, Any]] | None = None,
    across: Literal["mean", "sum"] | None = None,
    power: int | None = None,
    finish: Callable[..., Any] | None = None,
    omit: Callable[..., BoolArray] | None = None,
    clipped: Callable[..., BoolArray] | None = None,
    whole: bool = False,
    require: Sequence[Require] = (),
    family: str | None = None,
) -> Callable[[Callable[..., Any]], Loss]:
    """Make a `Loss` of a kernel function; the decorator of every family file.

    The function's positional arguments are inputs annotated with a role of
    `losscli.roles` (a second annotation narrows the domain); its keyword-only
    arguments are parameters, ``Annotated[float, "(0, inf)", "Sentence."]``.
    The docstring's first line is the summary, the rest the description.

    formula: the definition as text.  range: the interval of all row values.
    aliases: other names of exactly this function at every parameter value.
    known_as: framework -> the name it has there.  same_as: expressions that
    give the row losses in another library.  related: near relatives and how
    they differ.  dialects: framework -> parameter values that reproduce it.
    across: how the k outputs of a row combine, for elementwise kernels.
    power: the reduction is the power mean of this order (2: root mean square).
    finish: for set-level losses, whose kernel returns what each row adds to
    some sums: a function of the totals.  omit: rows that do not count.
    clipped: rows whose prediction was clipped; its arguments are inputs,
    parameters and ``row_loss``, the loss of each row.  whole: the kernel needs all
    rows at once.  require: conditions between the inputs of a row.

    Raises UsageError when the declaration is incomplete.
    """

    def decorate(function: Callable[..., Any]) -> Loss:
        inputs, parameters = _read_signature(function)
        doc = inspect.getdoc(function)
        if not doc:
            raise UsageError(f"{function.__qualname__} has no docstring", "a first line that says what the loss is")
        summary, _, description = doc.partition("\n")
        loss = Loss(
            name=function.__name__,
            family=family or function.__module__.rpartition(".")[2],
            summary=summary.strip(),
            description=description.strip(),
            formula=inspect.cleandoc(formula),
            kernel=function,
            inputs=inputs,
            parameters=parameters,
            range=range,
            aliases=tuple(aliases),
            known_as=dict(known_as or {}),
            same_as=tuple(same_as),
            related=tuple(related),
            references=tuple(references),
            examples=tuple(examples),
            dialects={name: dict(values) for name, values in (dialects or {}).items()},
            across=across,
            power=power,
            finish=finish,
            omit=omit,
            clipped=clipped,
            whole=whole,
            require=tuple(require),
            values=types.MappingProxyType({one.name: one.default for one in parameters}),
        )
        for dialect in loss.dialects:
            loss.bind(dialect=dialect, **loss.dialects[dialect])
        return loss

    return decorate


def _read_signature(function: Callable[..., Any]) -> tuple[tuple[Input, ...], tuple[Parameter, ...]]:
    hints = typing.get_type_hints(function, include_extras=True)
    inputs, parameters = [], []
    for argument in inspect.signature(function).parameters.values():
        hint = hints.get(argument.name)
        base, *notes = get_args(hint) if get_origin(hint) is typing.Annotated else (hint,)
        if argument.kind is argument.KEYWORD_ONLY:
            parameters.append(_read_parameter(function.__qualname__, argument, base, notes))
        else:
            inputs.append(_read_input(function.__qualname__, argument.name, notes))
    return tuple(inputs), tuple(parameters)


def _read_input(owner: str, name: str, notes: Sequence[Any]) -> Input:
    roles = [note for note in notes if isinstance(note, Role)]
    if not roles:
        raise UsageError(f"{owner}: the input {name} has no role", "an annotation from losscli.roles")
    narrowed = notes[-1] if notes[-1] is not roles[0] else roles[0].domain
    domain = domain_of(narrowed) if isinstance(narrowed, str) else narrowed
    return Input(name, roles[0], domain)


def _read_parameter(owner: str, argument: inspect.Parameter, base: Any, notes: Sequence[Any]) -> Parameter:
    texts = [note for note in notes if isinstance(note, str)]
    if argument.default is argument.empty or not texts:
        raise UsageError(
            f"{owner}: the parameter {argument.name} is incomplete",
            'a default, and Annotated[float, "(0, inf)", "What it means."]',
        )
    domain = _parameter_domain(base, texts[0] if len(texts) > 1 else None)
    if not domain.contains(argument.default):
        raise UsageError(f"{owner}: the default {argument.name}={argument.default} is outside {domain}")
    return Parameter(argument.name, domain, argument.default, texts[-1])


def _parameter_domain(base: Any, text: str | None) -> Domain:
    if get_origin(base) is Literal:
        return Choice(get_args(base))
    if base is bool:
        return Flag()
    if get_origin(base) in (types.UnionType, typing.Union):
        members = get_args(base)
        plain = next(member for member in members if member is not type(None) and get_origin(member) is not tuple)
        inner = _parameter_domain(plain, text)
        if any(get_origin(member) is tuple for member in members):
            inner = OneOrMany(inner)
        return Optional(inner) if type(None) in members else inner
    if text is None:
        return Integers() if base is int else Interval()
    if base is int and text.startswith(("[", "(")):
        return domain_of(f"integer {text}")
    return domain_of(text)


def _restore(module: str, name: str, values: Mapping[str, Any], dialect: str, plugin: str | None) -> Loss:
    """The loss that unpickling asks for: found by its module and name, then bound."""
    if plugin is not None:
        # In another process the file of a plugin has not been loaded yet, and no import finds it.
        from losscli.registry import load_plugin

        load_plugin(plugin)
    found: Loss = getattr(importlib.import_module(module), name)
    return replace(found, values=types.MappingProxyType(dict(values)), dialect=dialect)
