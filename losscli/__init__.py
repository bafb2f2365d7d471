"""losscli: how good are these predictions?

    >>> import losscli
    >>> huber = losscli.loss("huber", delta=1.0)
    >>> huber([0.0, 0.0], [0.5, 3.0])
    1.3125

The public names are loaded when they are first used, so that importing the
package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from losscli.declaration import Example, Loss, Require, declare
    from losscli.errors import LosscliError
    from losscli.evaluation import Evaluation, evaluate
    from losscli.registry import loss, losses

__version__ = "0.1.0"

__all__ = [
    "Evaluation",
    "Example",
    "Loss",
    "LosscliError",
    "Require",
    "__version__",
    "declare",
    "evaluate",
    "loss",
    "losses",
]

_HOMES = {
    "Evaluation": "losscli.evaluation",
    "Example": "losscli.declaration",
    "Loss": "losscli.declaration",
    "LosscliError": "losscli.errors",
    "Require": "losscli.declaration",
    "declare": "losscli.declaration",
    "evaluate": "losscli.evaluation",
    "loss": "losscli.registry",
    "losses": "losscli.registry",
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
