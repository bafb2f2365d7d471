"""The libraries that losses are compared with, set to compute in float64, and how near they come.

Keras computes in float32 on every backend but TensorFlow: its table
``BIT64_TO_BIT32_DTYPE`` replaces float64 in the result type of each operation,
numbers and that entry of the table patched, so that its formulas are compared
and not its precision.  Its numpy backend would not do: there parts stay in
float32 whatever is patched, and logits are clipped.
"""

from __future__ import annotations

import importlib
import os
import warnings
from dataclasses import dataclass
from types import ModuleType

import pytest

# The modules that an expression may reach as attributes of each library.
MODULES = {
    "keras": ("keras",),
    "torch": ("torch", "torch.distributions"),
    "sklearn": ("sklearn.metrics", "sklearn._loss.loss", "sklearn.linear_model._sgd_fast"),
    "optax": ("optax",),
    "scipy": ("scipy.special", "scipy.stats", "scipy.spatial.distance"),
    "scoringrules": ("scoringrules",),
    "np": ("numpy",),
}


@dataclass(frozen=True)
class Tolerance:
    """How far a library's value may lie from ours: |difference| <= absolute + relative * |value|."""

    relative: float
    absolute: float


# Both sides are float64.  A textbook form rounds terms of about the size of its
# inputs, here up to about 100, a few times: 1e-14 each, and relatively when terms multiply.
FLOAT64 = Tolerance(relative=1e-12, absolute=1e-13)

TOLERANCES = dict.fromkeys(MODULES, FLOAT64)

# Keras clips probabilities at the float64 next to 1 - 1e-7, which is off by 5.3e-17, and so
# -log of what is left of 1 by 3.3e-11 of itself.  Ours clips at 1 - 1e-7 itself.
KERAS_CLIPPED = Tolerance(relative=1e-10, absolute=1e-15)


def available(library: str) -> bool:
    """Whether a library is installed."""
    return importlib.util.find_spec(MODULES[library][0].partition(".")[0]) is not None


def load(library: str) -> ModuleType:
    """The library, ready for float64; the calling test is skipped where it is not installed."""
    with warnings.catch_warnings():
        # What a library warns about while it is imported is not ours.
        warnings.simplefilter("ignore")
        if library in ("keras", "optax"):
            pytest.importorskip("jax").config.update("jax_enable_x64", True)
        if library == "keras":
            os.environ["KERAS_BACKEND"] = "jax"
        for module in MODULES[library]:
            pytest.importorskip(module)
        loaded = importlib.import_module(MODULES[library][0].partition(".")[0])
        if library == "keras":
            _use_float64(loaded)
    return loaded


def _use_float64(keras: ModuleType) -> None:
    from keras.src.backend.common import dtypes

    dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
