"""One flag for every loss parameter of the catalogue, derived from the declarations."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated, Any

from losscli.cli.declared import Option

if TYPE_CHECKING:
    from losscli.declaration import Parameter

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


def given_parameters(options: dict[str, Any]) -> dict[str, Any]:
    """The parameters that were set on the command line, taken out of `options`."""
    given = {}
    for name in list(options):
        if name.startswith("parameter_"):
            value = options.pop(name)
            if value is not None:
                given[name.removeprefix("parameter_")] = value
    return given
