"""Tab-separated values, the flat table of a report."""

from __future__ import annotations

from losscli.renderers.delimited import delimited
from losscli.renderers.flat import FlatTable
from losscli.renderers.renderer import Renderer, RenderOptions
from losscli.report import Report


def render(report: Report, options: RenderOptions) -> str:
    """The flat table with tabs."""
    return delimited(FlatTable(report), "\t")


RENDERER = Renderer(
    name="tsv",
    summary="the rows of csv, separated by tabs",
    render=render,
    suffixes=(".tsv",),
)
