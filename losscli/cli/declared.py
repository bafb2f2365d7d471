"""Options and arguments as declared, before Typer sees them.

Typer and what it brings take longer to load than a small file takes to be
evaluated.  So commands declare their options with these two, which are made
into Typer's when Typer is asked, and a plain command line is read without it
(see `words`).
"""

from __future__ import annotations

import inspect
from typing import Annotated, Any, get_args, get_origin


class Declared:
    """The arguments that Typer's declaration of the same name will be made with."""

    def __init__(self, *flags: str, **settings: Any) -> None:
        self.flags = flags
        self.settings = settings


class Option(Declared):
    """An option: its spellings, ``--on/--off`` for a switch with two, and Typer's settings."""


class Argument(Declared):
    """A positional argument."""


def typed(signature: inspect.Signature) -> inspect.Signature:
    """The signature of a command with Typer's own declarations."""
    parameters = [one.replace(annotation=_typed(one.annotation)) for one in signature.parameters.values()]
    return signature.replace(parameters=parameters)


def _typed(annotation: Any) -> Any:
    if get_origin(annotation) is not Annotated:
        return annotation
    base, *notes = get_args(annotation)
    import typer

    made = [
        getattr(typer, type(note).__name__)(*note.flags, **note.settings) if isinstance(note, Declared) else note
        for note in notes
    ]
    return Annotated[(base, *made)]
