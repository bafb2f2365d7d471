"""The SPEC grammar: a loss, or a weighted sum of losses, written as text.

::

    SPEC = [TITLE "="] TERM ("+" TERM)*
    TERM = [NUMBER "*"] NAME [":" PARAM "=" VALUE ("," PARAM "=" VALUE)*]

for example ``huber:delta=2`` or ``risk=0.7*huber:delta=2+0.3*mae``.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from losscli.declaration import DEFAULT_DIALECT, Loss
from losscli.errors import UsageError, nearest
from losscli.records import dataclass
from losscli.registry import all_losses, find_loss, is_known

DIALECTS = (DEFAULT_DIALECT, "keras", "torch", "sklearn")

GRAMMAR = "[TITLE=][NUMBER*]NAME[:PARAM=VALUE,…][+TERM…]"

# Terms are what stands between plus signs, but for those of exponents, as in 1e+5.
_TERMS = r"(?:(?<![\w.])(?:\d+\.?\d*|\.\d+)[eE]\+(?=\d)|[^+])*"
_TITLE = r"(?s)\s*([^=:*+]+?)\s*=\s*(.+)"
_FACTOR = r"(?s)\s*(-?[0-9.][0-9.eE+-]*)\s*\*(.*)"


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
        return f"{self.name}:{settings}" if settings else self.name

    @property
    def name(self) -> str:
        """The factor and the name, without parameters; a factor of 1 is left out."""
        return self.loss.name if self.factor == 1 else f"{_number_text(self.factor)}*{self.loss.name}"


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
        return "+".join(term.name for term in self.terms)

    @property
    def text(self) -> str:
        """The sum as the grammar writes it, with every parameter and without the title."""
        return "+".join(term.text for term in self.terms)

    @property
    def has_rows(self) -> bool:
        """Whether every row has a value: no term is set-level or a function of the mean."""
        if self.single is not None:
            return not self.single.is_set_level
        return not any(term.loss.is_set_level or term.loss.power for term in self.terms)

    @property
    def params(self) -> dict[str, Any]:
        """The parameters; those of a sum carry the name of their loss, ``huber#2`` for a second huber."""
        if self.single is not None:
            return dict(self.single.values)
        params: dict[str, Any] = {}
        times: Counter[str] = Counter()
        for term in self.terms:
            times[term.loss.name] += 1
            owner = term.loss.name if times[term.loss.name] == 1 else f"{term.loss.name}#{times[term.loss.name]}"
            params.update({f"{owner}.{name}": value for name, value in term.loss.values.items()})
        return params

    def signature(self, reduction: str, nan: str) -> str:
        """Everything that defines the number; two numbers compare only under equal signatures."""
        dialects = sorted({term.loss.dialect for term in self.terms})
        if self.single is not None:
            parts = [self.single.name, *(f"{name}={_value_text(value)}" for name, value in self.single.values.items())]
        else:
            parts = [self.text]
        return "|".join([*parts, *dialects, reduction, f"nan={nan}", "v1"])


def parse_expression(text: str, dialect: str = DEFAULT_DIALECT) -> Expression:
    """The expression written as `text`; UsageError names what is wrong in it."""
    body, title = text, None
    found = re.fullmatch(_TITLE, text) if "=" in text else None
    if found:
        title, body = found.group(1), found.group(2)
        name = title.partition(",")[0]
        if "," in title and is_known(name):
            raise UsageError(f'"{text}" has its parameters after a comma', f"{name}:PARAM=VALUE,…")
    terms = tuple(_parse_term(part, text, dialect) for part in _split(body))
    return Expression(title or text.strip(), terms)


def _split(body: str) -> list[str]:
    """The texts of the terms."""
    if "+" not in body:
        return [body]
    pattern = re.compile(_TERMS)
    parts, start = [], 0
    while True:
        found = pattern.match(body, start)
        assert found is not None
        parts.append(found.group())
        start = found.end() + 1
        if start > len(body):
            return parts


def select_losses(
    specs: Sequence[str],
    flags: Mapping[str, Any] | None = None,
    dialect: str = DEFAULT_DIALECT,
    spelled: Mapping[str, str] | None = None,
) -> tuple[Expression, ...]:
    """The expressions of `specs` with `flags` set on every loss that has them.

    A flag does not touch a parameter that is set inline; one that no selected
    loss has is a UsageError naming the losses that do.  `spelled` has the
    flags that were not written ``--name``.
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
            raise _unused_flag(name, (spelled or {}).get(name) or "--" + name.replace("_", "-"), expressions)
    titles = [expression.title for expression in expressions]
    for title in titles:
        if titles.count(title) > 1:
            raise UsageError(f'two losses have the title "{title}"', "different titles", f'"second={title}"')
    return tuple(expressions)


def _parse_term(text: str, spec: str, dialect: str) -> Term:
    factor = 1.0
    found = re.fullmatch(_FACTOR, text) if "*" in text else None
    if found:
        factor = _parse_factor(found.group(1), spec)
        text = found.group(2)
    name, colon, settings = text.partition(":")
    name = name.strip()
    if not name:
        raise UsageError(f'"{spec}" has an empty term', GRAMMAR)
    if "*" in name or "=" in name:
        raise UsageError(f'"{name}" in "{spec}" is not a term', f"{GRAMMAR}, such as 0.5*mae; minus is +-0.5*mae")
    loss = find_loss(name)
    if dialect != DEFAULT_DIALECT:
        loss = loss.bind(dialect=dialect)
    inline: dict[str, Any] = {}
    for setting in settings.split(",") if colon else ():
        parameter, equals, value = setting.partition("=")
        if not equals:
            raise UsageError(f'"{setting.strip()}" in "{spec}" is not a setting', f"{name}:PARAM=VALUE,…")
        one = loss.parameter(parameter.strip())
        if one.name in inline:
            raise UsageError(f'"{spec}" sets {one.name} of {loss.name} twice', "one value")
        inline[one.name] = one.parse(value.strip(), loss.name)
    return Term(factor, loss.bind(**inline), frozenset(inline))


def _parse_factor(text: str, spec: str) -> float:
    try:
        factor = float(text)
    except ValueError:
        factor = math.nan
    if not math.isfinite(factor):
        raise UsageError(f'"{text}" in "{spec}" is not a finite number', "NUMBER*NAME")
    return factor


def _bind_text(loss: Loss, name: str, value: Any) -> Loss:
    parameter = loss.parameter(name)
    return loss.bind(**{name: parameter.parse(value, loss.name) if isinstance(value, str) else value})


def _unused_flag(name: str, flag: str, expressions: Sequence[Expression]) -> UsageError:
    selected = ", ".join(dict.fromkeys(term.loss.name for expression in expressions for term in expression.terms))
    owners = [loss.name for loss in all_losses() if any(one.name == name for one in loss.parameters)]
    if not owners:
        near = nearest(name, sorted({one.name for loss in all_losses() for one in loss.parameters}))
        return UsageError(
            f"{flag}: no loss has a parameter {name}",
            "a parameter of the catalogue; losscli losses NAME lists those of a loss",
            f"{flag.replace(name, near)}" if near else None,
        )
    shown = ", ".join(owners[:8]) + (f" and {len(owners) - 8} more" if len(owners) > 8 else "")
    return UsageError(f"{flag} is not a parameter of {selected}", f"{flag} with one of {shown}", f"remove {flag}")


def _number_text(value: float) -> str:
    """The shortest digits that read back as `value`, whole numbers without a point."""
    return repr(float(value)).removesuffix(".0")


def _value_text(value: Any) -> str:
    if isinstance(value, tuple):
        return "/".join(_value_text(part) for part in value)
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return str(value)
