"""Only the numbers, for ``-q`` and shell variables."""

from __future__ import annotations

from losscli.renderers.renderer import Renderer, RenderOptions
from losscli.report import Report


def render(report: Report, options: RenderOptions) -> str:
    """The reduced loss of every result on a line of its own, or its status where there is none."""
    totals = [result.total for result in report.results]
    return "".join(f"{total.status if total.loss is None else float(total.loss)}\n" for total in totals)


RENDERER = Renderer(
    name="quiet",
    summary="only the reduced loss at full precision, one line per loss",
    render=render,
)
