"""Expressions such as those of `Loss.same_as`, evaluated by the library that they call."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from libraries import MODULES, TOLERANCES, Tolerance, load


@dataclass(frozen=True)
class Expression:
    """A Python expression over the inputs and parameters of a loss."""

    text: str

    @property
    def names(self) -> frozenset[str]:
        """The names that stand free in it: libraries, inputs and parameters."""
        return frozenset(node.id for node in ast.walk(ast.parse(self.text)) if isinstance(node, ast.Name))

    @property
    def libraries(self) -> tuple[str, ...]:
        return tuple(library for library in MODULES if library in self.names)

    @property
    def library(self) -> str:
        """The library whose number it is; NumPy where there is no other."""
        return self.libraries[0] if self.libraries else "np"

    @property
    def tolerance(self) -> Tolerance:
        return TOLERANCES[self.library]

    def evaluate(self, inputs: Mapping[str, Any], parameters: Mapping[str, Any]) -> Any:
        """Its value as a NumPy array; PyTorch gets tensors, the others arrays."""
        values = {name: np.ascontiguousarray(array) for name, array in inputs.items()}
        names: dict[str, Any] = {library: load(library) for library in self.libraries}
        if "torch" in names:
            values = {name: names["torch"].from_numpy(array.copy()) for name, array in values.items()}
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            # sklearn warns where a row of probabilities does not sum to 1, JAX where an operation is deprecated.
            warnings.simplefilter("ignore")
            # One namespace, because a comprehension sees globals only.
            return np.asarray(eval(self.text, {**names, **parameters, **values}))
