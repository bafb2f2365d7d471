"""Ways to write down what a gate found: a file each, found by walking this package.

A module that defines ``REPORT`` is a report of the module's name.  Reports
read a finished `GateReport` and compute nothing.
"""

from __future__ import annotations

import importlib
import pkgutil

from losscli.errors import UsageError, nearest
from losscli.reports.kind import ReportKind

__all__ = ["ReportKind", "find_report", "report_names"]


def find_report(name: str) -> ReportKind:
    """The report called `name`; a UsageError suggests the nearest."""
    found = _load(name) if name in _module_names() else None
    if found is None:
        known = report_names()
        raise UsageError(f"no gate report {name}", "one of " + ", ".join(known), nearest(name, known))
    return found


def report_names() -> list[str]:
    """The names of all reports, in alphabetical order."""
    return [name for name in _module_names() if _load(name)]


def _module_names() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def _load(name: str) -> ReportKind | None:
    module = importlib.import_module(f"{__name__}.{name}")
    found: ReportKind | None = getattr(module, "REPORT", None)
    return found
