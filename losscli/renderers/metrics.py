"""A flat JSON object of numbers, as DVC and MLflow read metrics.

``{"huber": 0.41, "huber/class/cat": 0.5, "huber/region/north": 0.43}``: the
reduced loss of each result, then of its classes and slices.  A loss that does
not exist is left out, for neither tool has a place for it.  Names have the
characters that MLflow allows: letters, digits, and ``_ - . / :`` and blanks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from losscli.renderers.json import json_text
from losscli.renderers.renderer import Renderer, RenderOptions
from losscli.report import Report

_NOT_IN_NAMES = re.compile(r"[^\w\-. :]")


def render(report: Report, options: RenderOptions) -> str:
    """The losses of an evaluation."""
    rows = ((result.title, row) for result in report.results for row in result.rows)
    return (
        json_text(metrics((metric_name(title, row.level, row.key), row.loss) for title, row in rows), indent=2) + "\n"
    )


def metric_name(title: str, level: str, key: Mapping[str, str | None]) -> str:
    """The name of a loss in all, of the macro average, of a class or of a slice."""
    parts = [title]
    if level == "macro":
        parts.append("macro")
    elif key:
        parts += ["_x_".join(key), "_x_".join("null" if one is None else one for one in key.values())]
    return "/".join(_NOT_IN_NAMES.sub("_", part) for part in parts)


def metrics(values: Iterable[tuple[str, float | None]]) -> dict[str, float]:
    """The numbers that exist; a name that comes twice is counted on, ``name:2``."""
    found: dict[str, float] = {}
    for name, value in values:
        if value is None:
            continue
        unique, count = name, 1
        while unique in found:
            count += 1
            unique = f"{name}:{count}"
        found[unique] = float(value)
    return found


RENDERER = Renderer(
    name="metrics",
    summary="a flat JSON object of numbers, as DVC and MLflow read metrics",
    render=render,
)
