"""Finding losses by name or alias; built-in modules and plugins through one door.

The modules of `losscli.catalogue` are walked, then the entry points of the group
``losscli.losses``, then files given with ``--plugin``.  Names are compared
without case, ``_``, ``-`` and blanks, and without R's prefix ``loss_``.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from losscli.declaration import Loss
from losscli.errors import InputError, LosscliError, UsageError, nearest

ENTRY_POINTS = "losscli.losses"


@dataclass
class Catalogue:
    """Losses by their folded names, and the plugins that could not be loaded."""

    losses: dict[str, Loss] = field(default_factory=dict)
    folded: dict[str, str] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    plugin_names: set[str] = field(default_factory=set)

    def add_module(self, module: ModuleType, *, plugin: bool = False) -> None:
        """Add every loss that `module` itself declares."""
        for value in vars(module).values():
            if isinstance(value, Loss) and value.kernel.__module__ == module.__name__:
                self.add(value)
                if plugin:
                    self.plugin_names.add(value.name)

    def add(self, loss: Loss) -> None:
        """Add a loss; a name that another loss has is a UsageError."""
        for name in (loss.name, *loss.aliases):
            owner = self.folded.setdefault(fold(name), loss.name)
            if owner != loss.name:
                raise UsageError(f"the name {name} of {loss.name} already belongs to {owner}")
        self.losses[loss.name] = loss


_loaded: Catalogue | None = None


def catalogue() -> Catalogue:
    """All losses: built in and installed as plugins; loaded once."""
    global _loaded
    if _loaded is None:
        _loaded = Catalogue()
        for name in _family_modules():
            _loaded.add_module(importlib.import_module(name))
        for origin, module in _entry_point_modules(_loaded):
            _add_plugin(_loaded, origin, module)
    return _loaded


def load_plugin(path: str) -> None:
    """Add the losses of a Python file; an InputError names a file that does not load.

    A file that fails does not touch the losses that are already there.
    """
    file = Path(path)
    name = f"losscli_plugin_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None or not file.is_file():
        raise InputError(f"{path}: no such plugin file", "a Python file that uses losscli.declare")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except LosscliError as error:
        raise UsageError(f"{path}: {error.problem}", error.expected, error.fix) from error
    except Exception as error:
        raise InputError(f"{path}: the plugin failed: {type(error).__name__}: {error}") from error
    catalogue().add_module(module, plugin=True)


def find_loss(name: str) -> Loss:
    """The loss called `name`; a UsageError suggests the nearest name."""
    known = catalogue()
    owner = known.folded.get(fold(name))
    if owner is None:
        near = nearest(name, [*known.losses, *(alias for loss in known.losses.values() for alias in loss.aliases)])
        near = near or nearest(fold(name), known.folded)
        raise UsageError(
            f'no loss "{name}"',
            "a name of the catalogue; losscli losses lists it",
            f"--loss {near}" if near else None,
        )
    return known.losses[owner]


def loss(name: str, *, dialect: str | None = None, **parameters: Any) -> Loss:
    """The loss called `name` at the given parameters: ``loss("huber", delta=2.0)``.

    Names are found through every alias, without case or separators.  Call the
    result with arrays: ``(n,)`` is n rows, the last axis of ``(n, k)`` and
    higher is reduced as in Keras.  Raises UsageError for an unknown name,
    parameter or dialect, or a parameter outside its domain.
    """
    return find_loss(name).bind(dialect=dialect, **parameters)


def losses() -> tuple[Loss, ...]:
    """The catalogue: every built-in loss and those of installed plugins."""
    return all_losses()


def all_losses() -> tuple[Loss, ...]:
    """Every loss, by family and then by the order of declaration."""
    return tuple(catalogue().losses.values())


def fold(name: str) -> str:
    """The form in which names are compared."""
    folded = name.lower().translate(_SEPARATORS)
    return folded.removeprefix("loss") if folded.startswith("loss") and len(folded) > 4 else folded


_SEPARATORS = str.maketrans("", "", "_- ")


def _family_modules() -> Iterator[str]:
    import losscli.catalogue as package

    for found in pkgutil.iter_modules(package.__path__):
        yield f"{package.__name__}.{found.name}"


def _entry_point_modules(known: Catalogue) -> Iterator[tuple[str, Any]]:
    from importlib.metadata import entry_points

    for point in entry_points(group=ENTRY_POINTS):
        try:
            yield f"{point.name} = {point.value}", point.load()
        except Exception as error:
            known.failures[f"{point.name} = {point.value}"] = f"{type(error).__name__}: {error}"


def _add_plugin(known: Catalogue, origin: str, found: Any) -> None:
    try:
        if isinstance(found, Loss):
            known.add(found)
            known.plugin_names.add(found.name)
        else:
            known.add_module(found, plugin=True)
    except LosscliError as error:
        known.failures[origin] = error.problem
