"""Finding losses by name or alias; built-in modules and plugins through one door.

The modules of `losscli.catalogue` are walked, then the entry points of the group
``losscli.losses``, then files given with ``--plugin``.  Names are compared
without case, ``_``, ``-`` and blanks, and without R's prefix ``loss_``.  A
plugin adds all of its losses or none, and never replaces a loss.
"""

from __future__ import annotations

import functools
import importlib
import os
import pkgutil
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from types import ModuleType
from typing import Any

from losscli.catalogue.index import BUILT_IN
from losscli.declaration import Loss
from losscli.errors import LosscliError, UsageError, nearest
from losscli.records import dataclass

ENTRY_POINTS = "losscli.losses"
_PACKAGE = "losscli.catalogue"


@dataclass
class Catalogue:
    """Losses by their folded names, where plugin losses come from, what failed, and the files that are loaded."""

    losses: dict[str, Loss] = field(default_factory=dict)
    folded: dict[str, str] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)

    def add(self, losses: Iterable[Loss], origin: str | None = None) -> None:
        """Add losses, all or none; a name that another loss has is a UsageError.

        `origin` is the plugin, None for what is built in.
        """
        added: dict[str, Loss] = {}
        folded = dict(self.folded)
        for loss in losses:
            if self.losses.get(loss.name) is loss:
                continue
            if loss.name in self.losses or loss.name in added:
                raise UsageError(f"there is a loss {loss.name} already", "another name; a loss is never replaced")
            for name in (loss.name, *loss.aliases):
                owner = folded.setdefault(fold(name), loss.name)
                if owner != loss.name:
                    raise UsageError(f"the name {name} of {loss.name} already belongs to {owner}", "another name")
            added[loss.name] = loss
        self.losses.update(added)
        self.folded = folded
        if origin is not None:
            self.origins.update(dict.fromkeys(added, origin))


_loaded: Catalogue | None = None


def catalogue() -> Catalogue:
    """All losses: built in and installed as plugins; loaded once.

    An installed plugin that fails is left out and noted in `failures`: it
    must not keep others from working.
    """
    global _loaded
    if _loaded is None:
        _loaded = Catalogue()
        for name in _family_modules():
            _loaded.add(_declared_in(importlib.import_module(name)))
        _add_installed(_loaded)
    return _loaded


def load_plugin(path: str) -> None:
    """Add the losses of a Python file; a file that was added before is left as it is.

    Raises UsageError, naming the file and the line, for one that does not
    load, declares no loss, or takes a name that is not free.
    """
    import zlib
    from pathlib import Path

    file = Path(path)
    if not file.is_file():
        raise UsageError(f"{path}: no such plugin file", "a Python file that uses losscli.declare")
    resolved = str(file.resolve())
    if resolved in catalogue().files:
        return
    # Files of one name in two directories are two modules; the last part is the family of the losses.
    name = f"losscli_plugin_{zlib.crc32(resolved.encode()):08x}.{file.stem}"
    module = ModuleType(name)
    module.__file__ = module.__dict__["__plugin_file__"] = resolved
    sys.modules[name] = module
    try:
        exec(compile(file.read_bytes(), resolved, "exec"), module.__dict__)
        catalogue().add(_plugin_losses(module), origin=path)
        catalogue().files.add(resolved)
    except LosscliError as error:
        del sys.modules[name]
        raise UsageError(f"{path}: {error.problem}", error.expected, error.fix) from error
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise UsageError(f"{path}{_line_in(resolved, error)}: the plugin failed: {_reason(error)}") from error


def find_loss(name: str) -> Loss:
    """The loss called `name`; a UsageError suggests the nearest name."""
    indexed = BUILT_IN.get(fold(name))
    if indexed is not None:
        # The others need not be loaded: no plugin takes the name of a built-in loss.
        family, function = indexed
        found: Loss = getattr(importlib.import_module(f"{_PACKAGE}.{family}"), function)
        return found
    known = catalogue()
    owner = known.folded.get(fold(name))
    if owner is None:
        elsewhere = _elsewhere(name)
        if elsewhere:
            first = find_loss(elsewhere[0])
            dialect = next((one for one in first.dialects if fold(name) in _names_in(first, one)), None)
            raise UsageError(
                f'no loss "{name}"',
                f"{' or '.join(elsewhere)}, which others call {name}",
                f"--loss {first.name}" + (f" --dialect {dialect}" if dialect else ""),
            )
        near = nearest(name, [*known.losses, *(alias for loss in known.losses.values() for alias in loss.aliases)])
        near = near or nearest(fold(name), known.folded)
        failed = f" (left out: the plugin {', '.join(known.failures)}, which failed)" if known.failures else ""
        raise UsageError(
            f'no loss "{name}"{failed}',
            "a name of the catalogue; losscli losses lists it",
            f"--loss {near}" if near else None,
        )
    return known.losses[owner]


def _elsewhere(name: str) -> list[str]:
    """The losses that another library calls `name`: several, or one that is called otherwise here.

    Those that it computes from something made of the predictions come last.
    """
    folded = fold(name)
    remarks: dict[str, str] = {}
    for one in all_losses():
        for framework in one.known_as:
            remark = _names_in(one, framework).get(folded)
            if remark is not None:
                remarks.setdefault(one.name, remark)
    return sorted(remarks, key=lambda one: remarks[one].startswith("of "))


def _names_in(one: Loss, framework: str) -> dict[str, str]:
    """The names of a loss in a framework, folded, and the remark behind each."""
    names = {}
    for entry in re.split(r",\s*(?![^(]*\))", one.known_as.get(framework, "")):
        word, _, remark = entry.partition(" (")
        names[fold(word.removeprefix("metrics."))] = remark
    return names


def is_known(name: str) -> bool:
    """Whether a loss is called `name`."""
    return fold(name) in BUILT_IN or fold(name) in catalogue().folded


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
    """Every loss, by family and then by the order of declaration; plugins come last."""
    known = catalogue()
    return tuple(sorted(known.losses.values(), key=lambda one: (one.name in known.origins, one.family)))


def builtin_losses() -> tuple[Loss, ...]:
    """The losses of this package, whatever plugins are installed."""
    return tuple(one for one in all_losses() if one.name not in catalogue().origins)


def has_installed_plugins() -> bool:
    """Whether an installed package has losses for us; answers without importing any, in a millisecond."""
    return _any_has_losses(tuple(sys.path))


@functools.cache
def _any_has_losses(path: Sequence[str]) -> bool:
    heading = f"[{ENTRY_POINTS}]".encode()
    for entry in path:
        # pathlib takes five times as long.
        folder = entry or "."
        try:
            packages = [name for name in os.listdir(folder) if name.endswith(".dist-info")]  # noqa: PTH208
        except OSError:
            # A zip file, or nothing at all.
            continue
        for package in packages:
            try:
                with open(f"{folder}/{package}/entry_points.txt", "rb") as points:  # noqa: PTH123
                    if heading in points.read():
                        return True
            except OSError:
                # Most packages have none.
                continue
    return False


def fold(name: str) -> str:
    """The form in which names are compared."""
    folded = name.lower().translate(_SEPARATORS)
    return folded.removeprefix("loss") if folded.startswith("loss") and len(folded) > 4 else folded


_SEPARATORS = str.maketrans("", "", "_- ")


def _family_modules() -> Iterator[str]:
    for found in pkgutil.iter_modules(importlib.import_module(_PACKAGE).__path__):
        yield f"{_PACKAGE}.{found.name}"


def _add_installed(known: Catalogue) -> None:
    """Add the losses behind every entry point: a module or a single `Loss`."""
    from importlib.metadata import entry_points

    for point in entry_points(group=ENTRY_POINTS):
        package = f"{point.dist.name} {point.dist.version}" if point.dist else point.value
        origin = f"{point.name} of {package}"
        try:
            found = point.load()
            if not isinstance(found, Loss | ModuleType):
                raise UsageError(f"{point.value} is neither a module nor a loss")
            known.add([found] if isinstance(found, Loss) else _plugin_losses(found), origin)
        except LosscliError as error:
            known.failures[origin] = error.problem
        except (Exception, SystemExit) as error:
            known.failures[origin] = _reason(error)


def _declared_in(module: ModuleType) -> list[Loss]:
    """The losses that a module or its submodules declare; what it imports from elsewhere is not its own."""
    own = (module.__name__, module.__name__ + ".")
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, Loss) and (value.kernel.__module__ == own[0] or value.kernel.__module__.startswith(own[1]))
    ]
    return list({id(value): value for value in found}.values())


def _plugin_losses(module: ModuleType) -> list[Loss]:
    """The losses of a plugin; one without any is a UsageError, for it is not what its user believes."""
    found = _declared_in(module)
    if not found:
        raise UsageError("the plugin declares no loss", "functions decorated with losscli.declare")
    return found


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _line_in(path: str, error: BaseException) -> str:
    """The last line of a file that an error came through, as ", line 3"."""
    if isinstance(error, SyntaxError) and error.filename == path:
        return f", line {error.lineno}"
    import traceback

    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    return f", line {lines[-1]}" if lines else ""
