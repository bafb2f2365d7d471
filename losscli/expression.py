"""The SPEC grammar: a loss, or a weighted sum of losses, written as text.

::

    SPEC = [TITLE "="] TERM ("+" TERM)*
    TERM = [NUMBER "*"] NAME [":" PARAM "=" VALUE ("," PARAM "=" VALUE)*]

for example ``huber:delta=2`` or ``risk=0.7*huber:delta=2+0.3*mae``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from losscli.declaration import DEFAULT_DIALECT, Loss
from losscli.errors import UsageError
from losscli.registry import all_losses, find_loss

DIALECTS = (DEFAULT_DIALECT, "keras", "torch", "sklearn")

# A plus sign that follows a digit and "e" belongs to an exponent, as in 1e+5.
_PLUS = re.compile(r"(?<![0-9.][eE])\+")
_TITLE = re.compile(r"^\s*([^=:*+]+?)\s*=\s*(.+)$", re.DOTALL)
_WEIGHT = re.compile(r"^\s*([-+]?[0-9.][0-9.eE+-]*)\s*\*\s*(.+)$", re.DOTALL)


@dataclass(frozen=True)
class Term:
    """One loss of a sum, its factor, and the parameters that were set inline."""

    factor: float
    loss: Loss
    inline: frozenset[str] = frozenset()

    @property
    def text(self) -> str:
        """The term as the grammar writes it, with every parameter."""
        settings = ",".join(f"{name}={_value_text(value)}" for name, value in self.loss.values.items())
        name = f"{self.loss.name}:{settings}" if settings else self.loss.name
        return name if self.factor == 1 else f"{self.factor:g}*{name}"


@dataclass(frozen=True)
class Expression:
    """A weighted sum of losses under a title; most often one loss with factor 1."""

    title: str
    terms: tuple[Term, ...]

    @property
    def single(self) -> Loss | None:
        """The loss when the expression is just one, else None."""
        return self.terms[0].loss if len(self.terms) == 1 and self.terms[0].factor == 1 else None

    @property
    def name(self) -> str:
        """What is computed, without parameters: ``huber``, or ``0.7*huber+0.3*mean_absolute_error``."""
        return "+".join(
            term.loss.name if term.factor == 1 else f"{term.factor:g}*{term.loss.name}" for term in self.terms
        )

    @property
    def has_rows(self) -> bool:
        """Whether every row has a value: no term is set-level or a function of the mean."""
        if self.single is not None:
            return not self.single.is_set_level
        return not any(term.loss.is_set_level or term.loss.power for term in self.terms)

    @property
    def params(self) -> dict[str, Any]:
        """The parameters; those of a sum carry the name of their loss."""
        if self.single is not None:
            return dict(self.single.values)
        return {f"{term.loss.name}.{name}": value for term in self.terms for name, value in term.loss.values.items()}

    def signature(self, reduction: str, nan: str) -> str:
        """Everything that defines the number; two numbers compare only under equal signatures."""
        dialects = sorted({term.loss.dialect for term in self.terms})
        if self.single is not None:
            parts = [self.single.name, *(f"{name}={_value_text(value)}" for name, value in self.single.values.items())]
        else:
            parts = ["+".join(term.text for term in self.terms)]
        return "|".join([*parts, *dialects, reduction, f"nan={nan}", "v1"])


def parse_expression(text: str, dialect: str = DEFAULT_DIALECT) -> Expression:
    """The expression written as `text`; UsageError names what is wrong in it."""
    body, title = text, None
    found = _TITLE.match(text)
    if found and not found.group(1).strip()[0].isdigit():
        title, body = found.group(1), found.group(2)
    terms = tuple(_parse_term(part, text, dialect) for part in _PLUS.split(body))
    return Expression(title or text.strip(), terms)


def select_losses(
    specs: Sequence[str], flags: Mapping[str, Any] | None = None, dialect: str = DEFAULT_DIALECT
) -> tuple[Expression, ...]:
    """The expressions of `specs` with `flags` set on every loss that has them.

    A flag does not touch a parameter that is set inline; one that no selected
    loss has is a UsageError naming the losses that do.
    """
    expressions = [parse_expression(spec, dialect) for spec in specs]
    for name, value in (flags or {}).items():
        taken = False
        for position, expression in enumerate(expressions):
            terms = []
            for term in expression.terms:
                has = any(one.name == name for one in term.loss.parameters)
                taken = taken or has
                free = has and name not in term.inline
                terms.append(replace(term, loss=_bind_text(term.loss, name, value)) if free else term)
            expressions[position] = replace(expression, terms=tuple(terms))
        if not taken:
            raise _unused_flag(name, expressions)
    titles = [expression.title for expression in expressions]
    for title in titles:
        if titles.count(title) > 1:
            raise UsageError(f'two losses have the title "{title}"', "different titles", f'"second={title}"')
    return tuple(expressions)


def _parse_term(text: str, spec: str, dialect: str) -> Term:
    factor = 1.0
    found = _WEIGHT.match(text)
    if found:
        try:
            factor = float(found.group(1))
        except ValueError:
            raise UsageError(f'"{found.group(1)}" in "{spec}" is not a number', "NUMBER*NAME") from None
        text = found.group(2)
    name, _, settings = text.partition(":")
    if not name.strip():
        raise UsageError(f'"{spec}" has an empty term', "[TITLE=][NUMBER*]NAME[:PARAM=VALUE,…][+TERM…]")
    loss = find_loss(name.strip())
    if dialect != DEFAULT_DIALECT:
        loss = loss.bind(dialect=dialect)
    inline = {}
    for setting in filter(None, settings.split(",")):
        parameter, equals, value = setting.partition("=")
        if not equals:
            raise UsageError(f'"{setting}" in "{spec}" is not a setting', "PARAM=VALUE")
        one = loss.parameter(parameter.strip())
        inline[one.name] = one.parse(value.strip(), loss.name)
    return Term(factor, loss.bind(**inline), frozenset(inline))


def _bind_text(loss: Loss, name: str, value: Any) -> Loss:
    parameter = loss.parameter(name)
    return loss.bind(**{name: parameter.parse(value, loss.name) if isinstance(value, str) else value})


def _unused_flag(name: str, expressions: Sequence[Expression]) -> UsageError:
    selected = ", ".join(dict.fromkeys(term.loss.name for expression in expressions for term in expression.terms))
    owners = [loss.name for loss in all_losses() if any(one.name == name for one in loss.parameters)]
    flag = "--" + name.replace("_", "-")
    if not owners:
        return UsageError(f"no loss has a parameter {name}", "a parameter of the catalogue")
    shown = ", ".join(owners[:8]) + (f" and {len(owners) - 8} more" if len(owners) > 8 else "")
    return UsageError(f"{flag} is not a parameter of {selected}", f"{flag} with one of {shown}", f"remove {flag}")


def _value_text(value: Any) -> str:
    if isinstance(value, tuple):
        return "/".join(_value_text(part) for part in value)
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return str(value)
