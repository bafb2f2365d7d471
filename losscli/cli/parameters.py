"""One flag for every loss parameter of the catalogue, derived from the declarations; and the losses with them set."""

from __future__ import annotations

import inspect
from collections.abc import Container, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from losscli.cli.declared import Option
from losscli.errors import UsageError

if TYPE_CHECKING:
    from losscli.declaration import Parameter
    from losscli.expression import Expression

PANEL = "Loss parameters"


def catalogue_parameters() -> dict[str, list[tuple[str, Parameter]]]:
    """Parameter name -> the losses that have it, with their declarations."""
    from losscli.registry import all_losses

    owners: dict[str, list[tuple[str, Parameter]]] = {}
    for loss in all_losses():
        for parameter in loss.parameters:
            owners.setdefault(parameter.name, []).append((loss.name, parameter))
    return dict(sorted(owners.items()))


def parameter_help(owners: list[tuple[str, Parameter]]) -> str:
    """What a flag means: each sentence that losses say of it, with its domain and these losses."""
    from losscli.domains import Flag

    meanings: dict[tuple[str, str], list[str]] = {}
    for loss, parameter in owners:
        domain = "" if isinstance(parameter.domain, Flag) else f"{parameter.domain}; "
        meanings.setdefault((parameter.help, domain), []).append(loss)
    return " ".join(f"{text} [{domain}{_some(losses)}]" for (text, domain), losses in meanings.items())


def is_switch(owners: list[tuple[str, Parameter]]) -> bool:
    """Whether a parameter is on or off in every loss that has it."""
    from losscli.domains import Flag

    return all(isinstance(parameter.domain, Flag) for _, parameter in owners)


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def parameter_options() -> list[inspect.Parameter]:
    """Keyword-only arguments for a Typer command, one for every parameter."""
    options = []
    for name, owners in catalogue_parameters().items():
        flag = "--" + name.replace("_", "-")
        help_text = parameter_help(owners)
        annotation: Any
        if is_switch(owners):
            switch = f"{flag}/--no-{flag[2:]}"
            annotation = Annotated[bool | None, Option(switch, help=help_text, rich_help_panel=PANEL)]
        else:
            option = Option(flag, help=help_text, metavar="VALUE", rich_help_panel=PANEL)
            annotation = Annotated[str | None, option]
        options.append(
            inspect.Parameter(f"parameter_{name}", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        )
    return options


def selected_losses(options: dict[str, Any]) -> tuple[Expression, ...]:
    """The losses of a command line with their parameters, which are taken out of `options`; loads the plugins."""
    from losscli.cli.plugins import load_plugins
    from losscli.expression import select_losses

    load_plugins(options["plugin"])
    parameters, spelled = given_parameters(options)
    return select_losses(options["loss"], parameters, options["dialect"], spelled)


def given_parameters(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The parameters that were set, taken out of `options`, and how those that are no flags were spelled."""
    flags = _flags(options)
    named = _named_values(options.pop("plugin_parameters"), flags)
    return {**flags, **named}, {name: f"-P {name}" for name in named}


def _flags(options: dict[str, Any]) -> dict[str, Any]:
    """The parameters that were set on the command line, taken out of `options`."""
    given = {}
    for name in list(options):
        if name.startswith("parameter_"):
            value = options.pop(name)
            if value is not None:
                given[name.removeprefix("parameter_")] = value
    return given


def _named_values(values: Sequence[str] | None, flags: Container[str]) -> dict[str, str]:
    """``NAME=VALUE`` options as a mapping; a name that is there twice, or is one of `flags`, is refused."""
    found: dict[str, str] = {}
    for value in values or ():
        name, equals, text = value.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not name:
            raise UsageError(f'-P "{value}" is not NAME=VALUE', "such as -P cap=0.5")
        if name in found or name in flags:
            raise UsageError(f"the parameter {name} is given twice", "one value")
        found[name] = text
    return found
