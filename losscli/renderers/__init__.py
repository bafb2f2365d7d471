"""Output formats: a file each, found by walking this package.

A module that defines ``RENDERER`` is a format of the module's name.  Renderers
read a finished `Report` and compute nothing.
"""

from __future__ import annotations

import importlib
import pkgutil

from losscli.errors import UsageError, nearest
from losscli.renderers.renderer import Renderer, RenderOptions

__all__ = ["RenderOptions", "Renderer", "find_renderer", "renderer_names"]


def find_renderer(name: str) -> Renderer:
    """The renderer called `name`; a UsageError suggests the nearest."""
    found = _load(name) if name in _module_names() else None
    if found is None:
        known = renderer_names()
        near = nearest(name, known)
        raise UsageError(f"no output format {name}", "one of " + ", ".join(known), near)
    return found


def renderer_names() -> list[str]:
    """The names of all output formats, in alphabetical order."""
    return [name for name in _module_names() if _load(name)]


def _module_names() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def _load(name: str) -> Renderer | None:
    module = importlib.import_module(f"{__name__}.{name}")
    found: Renderer | None = getattr(module, "RENDERER", None)
    return found
