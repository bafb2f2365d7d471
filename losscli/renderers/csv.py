"""Comma-separated values, the flat table of a report."""

from __future__ import annotations

from losscli.renderers.delimited import delimited
from losscli.renderers.flat import FlatTable
from losscli.renderers.renderer import Renderer, RenderOptions
from losscli.report import Report


def render(report: Report, options: RenderOptions) -> str:
    """The flat table with commas."""
    return delimited(FlatTable(report), ",")


RENDERER = Renderer(
    name="csv",
    summary="comma-separated values, one row per class, slice, macro average and total",
    render=render,
    suffixes=(".csv",),
)
