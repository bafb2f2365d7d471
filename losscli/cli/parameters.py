"""One flag for every loss parameter of the catalogue, derived from the declarations."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer

from losscli.declaration import Parameter
from losscli.domains import Flag
from losscli.registry import all_losses

PANEL = "Loss parameters"


def catalogue_parameters() -> dict[str, list[tuple[str, Parameter]]]:
    """Parameter name -> the losses that have it, with their declarations."""
    owners: dict[str, list[tuple[str, Parameter]]] = {}
    for loss in all_losses():
        for parameter in loss.parameters:
            owners.setdefault(parameter.name, []).append((loss.name, parameter))
    return dict(sorted(owners.items()))


def parameter_help(owners: list[tuple[str, Parameter]]) -> str:
    """What a flag means: the sentence of its first owner, the domain and the losses."""
    first = owners[0][1]
    names = ", ".join(name for name, _ in owners[:3]) + (f" and {len(owners) - 3} more" if len(owners) > 3 else "")
    domains = {str(parameter.domain) for _, parameter in owners}
    domain = f" {first.domain};" if len(domains) == 1 and not isinstance(first.domain, Flag) else ""
    return f"{first.help} [{domain.strip()} {names}]".replace("[ ", "[")


def parameter_options() -> list[inspect.Parameter]:
    """Keyword-only arguments for a Typer command, one for every parameter."""
    options = []
    for name, owners in catalogue_parameters().items():
        flag = "--" + name.replace("_", "-")
        help_text = parameter_help(owners)
        annotation: Any
        if all(isinstance(parameter.domain, Flag) for _, parameter in owners):
            switch = f"{flag}/--no-{flag[2:]}"
            annotation = Annotated[bool | None, typer.Option(switch, help=help_text, rich_help_panel=PANEL)]
        else:
            option = typer.Option(flag, help=help_text, metavar="VALUE", rich_help_panel=PANEL)
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
