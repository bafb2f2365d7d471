"""Which of the selected losses a rule or a limit is about."""

from __future__ import annotations

from collections.abc import Sequence

from losscli.errors import UsageError, nearest
from losscli.expression import Expression
from losscli.registry import find_loss


def title_of(name: str, expressions: Sequence[Expression], where: str, fix: str) -> str:
    """The title of the selected loss called `name`: by its title, or by any name of the loss.

    `where` says in messages where the name was given, and `fix` how to give
    another one in place of its braces.
    """
    titles = [expression.title for expression in expressions]
    if name in titles:
        return name
    try:
        wanted = find_loss(name).name
    except UsageError:
        wanted = name
    matching = [expression.title for expression in expressions if expression.name == wanted]
    if not matching:
        near = nearest(name, titles)
        raise UsageError(
            f"{where} is not one of the selected losses", ", ".join(titles), fix.format(near) if near else None
        )
    if len(matching) > 1:
        raise UsageError(f"{where} could mean any of {', '.join(matching)}", "a title", fix.format(matching[0]))
    return matching[0]
