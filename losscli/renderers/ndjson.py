"""The flat table of a report, one JSON object a line."""

from __future__ import annotations

from losscli.renderers.flat import FlatTable
from losscli.renderers.json import json_lines
from losscli.renderers.renderer import Renderer, RenderOptions
from losscli.report import Report


def render(report: Report, options: RenderOptions) -> str:
    """The rows of csv as objects; every object has every column, null where it does not apply."""
    return json_lines(FlatTable(report))


RENDERER = Renderer(
    name="ndjson",
    summary="the rows of csv, one JSON object a line",
    render=render,
    suffixes=(".ndjson", ".jsonl"),
)
