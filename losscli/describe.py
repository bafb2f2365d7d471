"""A loss in words: the sections of its page, and its entry in the JSON catalogue."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from losscli.declaration import DEFAULT_DIALECT, Example, Input, Loss
from losscli.domains import Choice, Domain, Flag, Given, Integers, Interval, NumberSet, OneOrMany, Optional
from losscli.records import dataclass
from losscli.report import plain_value
from losscli.roles import SHAPES

FRAMEWORKS = {
    "keras": "Keras",
    "r_keras": "R keras",
    "torch": "PyTorch",
    "sklearn": "scikit-learn",
    "optax": "optax",
    "xgboost": "XGBoost",
    "lightgbm": "LightGBM",
    "catboost": "CatBoost",
}

_OPTION_OF = {"y_true": "--label", "label": "--label", "y_pred": "--pred"}


@dataclass(frozen=True)
class Section:
    """A heading with its lines: running text, verbatim lines, or items of a term and its text."""

    title: str
    text: str = ""
    verbatim: str = ""
    items: Sequence[tuple[str, str]] = ()


def kind_of(loss: Loss) -> str:
    """How the loss becomes one number: rows, root mean square, set or whole."""
    if loss.finish is not None:
        return "set"
    if loss.power == 2:
        return "root mean square"
    return "whole" if loss.whole else "rows"


_KINDS = {
    "rows": "one value for every row, then reduced",
    "root mean square": "the quadratic mean of one value for every row",
    "set": "one value for all rows together, from sums over them",
    "whole": "one value for every row, which depends on all other rows",
}


def usage_of(loss: Loss) -> str:
    """A command line that evaluates the loss, with every input that it reads."""
    parts = ["losscli eval FILE", f"-l {loss.name}"]
    for one in loss.inputs:
        option = option_of(one)
        parts.append(f"--col {one.name}=COL" if option == "--col" else f"{option} COL")
    return " ".join(parts)


def option_of(one: Input) -> str:
    """The option that gives an input its column: --label, --pred or --col."""
    return _OPTION_OF.get(one.name, "--col")


def signature_of(loss: Loss) -> str:
    """The loss as a Python call, ``huber(y_true, y_pred, *, delta=1.0)``."""
    arguments = [one.name for one in loss.inputs]
    if loss.parameters:
        arguments.append("*")
    arguments += [f"{one.name}={one.default!r}" for one in loss.parameters]
    return f"{loss.name}({', '.join(arguments)})"


def sections_of(loss: Loss) -> list[Section]:
    """The page of a loss, section by section, from its declaration alone."""
    sections = [Section("Formula", verbatim=loss.formula)]
    if loss.description:
        sections.append(Section("Description", text=loss.description))
    sections.append(
        Section(
            "Inputs",
            items=[
                (one.name, f"{one.role.meaning}; {SHAPES[one.shape]}; {_values_of(one.domain)}") for one in loss.inputs
            ],
        )
    )
    if loss.parameters:
        sections.append(
            Section(
                "Parameters",
                items=[
                    (f"{one.name} = {_shown(one.default)}", f"{one.help} {_allowed(one.domain)}")
                    for one in loss.parameters
                ],
            )
        )
    sections.append(Section("Value", text=f"In {loss.range}: {_KINDS[kind_of(loss)]}."))
    sections.append(
        Section(
            "Examples",
            items=[(_call(loss, example), f"= {example.loss!r}   {example.why}") for example in loss.examples],
        )
    )
    sections.append(Section("Command", verbatim=usage_of(loss)))
    if loss.dialects:
        sections.append(
            Section("Dialects", items=[(name, _settings(loss, values)) for name, values in loss.dialects.items()])
        )
    if loss.aliases:
        sections.append(Section("Other names", text=", ".join(loss.aliases)))
    if loss.known_as:
        sections.append(
            Section("Elsewhere", items=[(FRAMEWORKS.get(name, name), text) for name, text in loss.known_as.items()])
        )
    if loss.same_as:
        sections.append(Section("Same as", verbatim="\n".join(loss.same_as)))
    if loss.related:
        sections.append(Section("Near relatives", items=[tuple(one.split(": ", 1)) for one in loss.related]))  # type: ignore[misc]
    if loss.references:
        sections.append(Section("References", items=[("", reference) for reference in loss.references]))
    return sections


def catalogue_entry(loss: Loss) -> dict[str, Any]:
    """The entry of a loss in ``losscli losses -f json``."""
    return {
        "name": loss.name,
        "family": loss.family,
        "kind": kind_of(loss),
        "summary": loss.summary,
        "formula": loss.formula,
        "range": loss.range,
        "inputs": [
            {"role": one.name, "meaning": one.role.meaning, "shape": SHAPES[one.shape], "domain": str(one.domain)}
            for one in loss.inputs
        ],
        "parameters": [
            {
                "name": one.name,
                "type": _type_name(one.domain),
                "default": plain_value(one.default),
                "domain": str(one.domain),
                "help": one.help,
            }
            for one in loss.parameters
        ],
        "aliases": list(loss.aliases),
        "known_as": dict(loss.known_as),
        "dialects": {
            name: {key: plain_value(value) for key, value in values.items()} for name, values in loss.dialects.items()
        },
        "same_as": list(loss.same_as),
        "related": list(loss.related),
        "references": list(loss.references),
    }


def matches(loss: Loss, words: str) -> bool:
    """Whether every word of a search occurs somewhere in what is declared of a loss."""
    text = " ".join(
        [
            loss.name,
            loss.family,
            loss.summary,
            loss.description,
            *loss.aliases,
            *loss.known_as.values(),
            *loss.references,
        ]
    ).lower()
    return all(word in text or word.replace("-", "_") in text for word in words.lower().split())


def _call(loss: Loss, example: Example) -> str:
    return f"{loss.name}({', '.join(f'{name}={_shown(value)}' for name, value in example.values.items())})"


def _settings(loss: Loss, values: Any) -> str:
    if not values:
        return f"the same constants as {DEFAULT_DIALECT}"
    return ", ".join(f"{name}={_shown(value)}" for name, value in values.items())


def _shown(value: Any) -> str:
    """A value as it stands in a call, without the quotes of words."""
    return value if isinstance(value, str) else repr(value)


def _allowed(domain: Domain) -> str:
    """What a parameter may be, as a sentence."""
    if isinstance(domain, Flag):
        return "True or False."
    if isinstance(domain, Choice | Integers | NumberSet | Optional | OneOrMany):
        text = domain.describe()
        return f"{text[0].upper()}{text[1:]}."
    return f"In {domain}."


def _values_of(domain: Domain | Given) -> str:
    """The values of an input, to follow its shape."""
    if isinstance(domain, Given):
        return domain.words if domain.words.startswith("any ") else f"in {domain.words}"
    return f"in {domain}" if isinstance(domain, Interval) else domain.describe()


def _type_name(domain: Any) -> str:
    if isinstance(domain, Optional):
        return _type_name(domain.domain) + " or none"
    if isinstance(domain, Flag):
        return "bool"
    if isinstance(domain, Choice):
        return "str"
    return "int" if isinstance(domain, Integers) else "float"


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a docstring, each on one line, without the marks around code."""
    return [" ".join(part.split()).replace("``", "") for part in inspect.cleandoc(text).split("\n\n")]
