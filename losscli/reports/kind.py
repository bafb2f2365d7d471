"""What a report of a gate is."""

from __future__ import annotations

from collections.abc import Callable

from losscli.gates.result import GateReport
from losscli.records import dataclass
from losscli.renderers import RenderOptions


@dataclass(frozen=True)
class ReportKind:
    """A way to write a gate down.

    `name` is the word after ``-f`` and ``-o`` and the name of the module,
    `summary` one line for the help; `render` returns text that ends in one
    newline.
    """

    name: str
    summary: str
    render: Callable[[GateReport, RenderOptions], str]
