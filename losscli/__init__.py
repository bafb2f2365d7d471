"""losscli: how good are these predictions?

    >>> import losscli
    >>> huber = losscli.loss("huber", delta=1.0)
    >>> huber([0.0, 0.0], [0.5, 3.0])
    1.3125

The public names are loaded when they are first used, so that importing the
package costs nothing.
"""

from __future__ import annotations

# Not from typing, which takes a while to load: until `losscli.__main__` runs, an interrupt is a traceback of Python.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from losscli.comparison.interface import compare
    from losscli.comparison.result import Comparison
    from losscli.declaration import Example, Loss, Require, declare
    from losscli.errors import LosscliError
    from losscli.evaluation import Evaluation, evaluate, merge
    from losscli.inspection import inspect
    from losscli.ranking import Worst, worst
    from losscli.registry import loss, losses
    from losscli.slicing import Slices, slices

__version__ = "0.1.0"

__all__ = [
    "Comparison",
    "Evaluation",
    "Example",
    "GateReport",
    "Loss",
    "LosscliError",
    "Require",
    "Slices",
    "Worst",
    "__version__",
    "compare",
    "declare",
    "evaluate",
    "gate",
    "inspect",
    "loss",
    "losses",
    "merge",
    "slices",
    "worst",
]

_HOMES = {
    "Comparison": "losscli.comparison.result",
    "Evaluation": "losscli.evaluation",
    "Example": "losscli.declaration",
    "GateReport": "losscli.gates.result",
    "Loss": "losscli.declaration",
    "LosscliError": "losscli.errors",
    "Require": "losscli.declaration",
    "Slices": "losscli.slicing",
    "Worst": "losscli.ranking",
    "compare": "losscli.comparison.interface",
    "declare": "losscli.declaration",
    "evaluate": "losscli.evaluation",
    "gate": "losscli.gates.gating",
    "inspect": "losscli.inspection",
    "loss": "losscli.registry",
    "losses": "losscli.registry",
    "merge": "losscli.evaluation",
    "slices": "losscli.slicing",
    "worst": "losscli.ranking",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'losscli' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
