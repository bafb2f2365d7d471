"""Ways to fold shards into one result; an engine knows no losses and no files.

Every module of this package is an engine and has a function
``run(start, step, merge, pieces, workers, progress)``: `start` makes an empty
result, ``step(piece, result, progress)`` adds a piece to it, ``merge(a, b)`` adds
b to a.  A step calls ``progress(n)`` as it gets on, from any thread.  The result
is the same for every engine and any number of workers.

Keyword-only arguments of ``run`` are options of that engine alone.  An engine
that leaves the process pickles the functions and the pieces.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias, TypeVar

from losscli.errors import UsageError, nearest

Result = TypeVar("Result")
Piece = TypeVar("Piece")
Progress: TypeAlias = Callable[[int], None]


class Engine(Protocol):
    """A way to fold pieces of work into one result."""

    def __call__(
        self,
        start: Callable[[], Result],
        step: Callable[[Piece, Result, Progress], None],
        merge: Callable[[Result, Result], None],
        pieces: Sequence[Piece],
        workers: int,
        progress: Progress,
    ) -> Result: ...


def engine_names() -> list[str]:
    """The engines there are, a module each."""
    return [found.name for found in pkgutil.iter_modules(__path__)]


def find_engine(name: str, **options: Any) -> Engine:
    """The engine called `name` with those of its own `options` that are not None.

    Raises UsageError for an engine that is not there, suggesting the nearest,
    and for an option that it does not have.
    """
    if name not in engine_names():
        near = nearest(name, engine_names())
        raise UsageError(
            f'no engine "{name}"', "one of " + ", ".join(engine_names()), f"--engine {near}" if near else None
        )
    given = {option: value for option, value in options.items() if value is not None}
    for option in given:
        owners = [one for one in engine_names() if option in _options(one)]
        if name not in owners:
            raise UsageError(
                f"the engine {name} has no {option}",
                f"an engine that has one: {', '.join(owners)}",
                f"--engine {owners[0]}" if owners else None,
            )
    engine: Engine = functools.partial(_module(name).run, **given)
    return engine


def _options(name: str) -> set[str]:
    parameters = inspect.signature(_module(name).run).parameters.values()
    return {one.name for one in parameters if one.kind is one.KEYWORD_ONLY}


def _module(name: str) -> Any:
    return importlib.import_module(f"{__name__}.{name}")
