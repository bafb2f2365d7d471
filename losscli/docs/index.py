"""The index of the built-in losses, with which one is found without loading the others."""

from __future__ import annotations

from losscli.cli.parameters import catalogue_parameters, is_switch
from losscli.registry import builtin_losses, fold

HEADER = '''"""Which family declares which loss, by folded name; and the parameters that are switches or take a value.

Written by ``python -m losscli.docs`` from the declarations; a test compares the two.
"""

from __future__ import annotations
'''


def index() -> str:
    """The source of `losscli.catalogue.index`."""
    losses = builtin_losses()
    built_in = {loss.name for loss in losses}
    places = {
        fold(name): (loss.kernel.__module__.rpartition(".")[2], loss.name)
        for loss in losses
        for name in (loss.name, *loss.aliases)
    }
    switches: list[str] = []
    values: list[str] = []
    for name, owners in catalogue_parameters().items():
        own = [owner for owner in owners if owner[0] in built_in]
        if own:
            (switches if is_switch(own) else values).append(name)
    lines = [HEADER, "BUILT_IN = {"]
    lines += [f'    "{name}": ("{family}", "{loss}"),' for name, (family, loss) in sorted(places.items())]
    lines += ["}", ""]
    for title, names in (("SWITCHES", switches), ("VALUES", values)):
        lines += [f"{title} = (", *(f'    "{name}",' for name in names), ")", ""]
    return "\n".join(lines)
