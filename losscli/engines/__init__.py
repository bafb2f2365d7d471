"""Ways to fold shards into one result; an engine knows no losses and no files.

Every module of this package is an engine and has a function
``run(start, step, merge, shards, workers)``: `start` makes an empty result,
``step(shard, result)`` adds a shard to it, ``merge(a, b)`` adds b to a.
The result is the same for every engine and any number of workers.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from losscli.errors import UsageError, nearest

Result = TypeVar("Result")
Piece = TypeVar("Piece")


class Engine(Protocol):
    """A way to fold pieces of work into one result."""

    def __call__(
        self,
        start: Callable[[], Result],
        step: Callable[[Piece, Result], None],
        merge: Callable[[Result, Result], None],
        pieces: Sequence[Piece],
        workers: int,
    ) -> Result: ...


def engine_names() -> list[str]:
    """The engines there are, a module each."""
    return [found.name for found in pkgutil.iter_modules(__path__)]


def find_engine(name: str) -> Engine:
    """The engine called `name`; a UsageError suggests the nearest."""
    if name not in engine_names():
        near = nearest(name, engine_names())
        raise UsageError(
            f'no engine "{name}"', "one of " + ", ".join(engine_names()), f"--engine {near}" if near else None
        )
    engine: Engine = importlib.import_module(f"{__name__}.{name}").run
    return engine
