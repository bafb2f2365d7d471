"""The formats of what a command finds beside losses: differences, slices, rows.

What people read is drawn by the command; what programs read is the same for
all of them, the document and the lines of one flat table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from losscli.errors import UsageError, nearest
from losscli.renderers.delimited import delimited
from losscli.renderers.flat import Flat
from losscli.renderers.json import json_lines, json_text
from losscli.renderers.renderer import RenderOptions

FoundT = TypeVar("FoundT")
RenderT = TypeVar("RenderT")
Render = Callable[[FoundT, RenderOptions], str]


def formats(
    *, table: Render[FoundT], plain: Render[FoundT], md: Render[FoundT], flat: Callable[[FoundT], Flat]
) -> dict[str, Render[FoundT]]:
    """All formats by name: the three that people read, and those that are made of ``to_dict`` and of the flat table."""

    def document(found: Any, options: RenderOptions) -> str:
        return json_text(found.to_dict(), indent=2) + "\n"

    return {
        "table": table,
        "plain": plain,
        "json": document,
        "ndjson": lambda found, _: json_lines(flat(found)),
        "csv": lambda found, _: delimited(flat(found), ","),
        "tsv": lambda found, _: delimited(flat(found), "\t"),
        "md": md,
    }


def find_format(name: str, known: Mapping[str, RenderT]) -> RenderT:
    """The format called `name`; a UsageError suggests the nearest."""
    if name not in known:
        raise UsageError(f"no output format {name}", "one of " + ", ".join(known), nearest(name, known))
    return known[name]
