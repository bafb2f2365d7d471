"""Calling a function with those of the known values that it names."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any


def call_with(function: Callable[..., Any], known: Mapping[str, Any]) -> Any:
    """``function(name=known[name], ...)`` for every argument of `function`."""
    return function(**{name: known[name] for name in argument_names(function)})


def named_by(function: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the given values that are arguments of `function`."""
    return {name: given[name] for name in argument_names(function) if name in given}


@lru_cache(maxsize=512)
def argument_names(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of a function's arguments, in order."""
    return tuple(inspect.signature(function).parameters)
