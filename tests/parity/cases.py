"""Inputs and parameter values at which a loss is compared, all made from its declaration."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from losscli.arguments import call_with
from losscli.declaration import Input, Loss
from losscli.domains import Domain, Integers, Interval, NumberSet
from losscli.testing.sampling import Layout, layouts, random_inputs, random_parameters

ROWS = 23
SETTINGS = 6
CLASSES = 3

# Losses whose expressions take another layout than the first that the loss has.
LAYOUTS = {
    "poly1": Layout(8),
    "multilabel_soft_margin": Layout(8),
    "ranked_probability_score": Layout(8, index=True),
}

# Bounds, ties, kinks of the losses at their defaults (0, 1 and -1), and a vector too short for the floors of norms.
_NUMBERS = (-2.0, -1.0, -0.5, 0.0, 0.25, 0.5, 1.0, 2.0, 40.0)
_PARTS = (0.0, 0.5, 1.0)
_SCORES = (-1.0, 0.0, 1.0)
_LENGTHS = (-1.0, 0.0, 1e-8, 1.0)


def settings(loss: Loss, names: frozenset[str], text: str) -> Iterator[Loss]:
    """`loss` at its values and at random values of the parameters in `names`; the others stay."""
    yield loss
    varied = [one.name for one in loss.parameters if one.name in names]
    rng = np.random.default_rng(zlib.crc32(text.encode()))
    for _ in range(SETTINGS - 1 if varied else 0):
        drawn = random_parameters(loss, rng).values
        yield loss.bind(**{name: drawn[name] for name in varied})


def ordinary_inputs(loss: Loss, text: str, layout: Layout | None = None) -> dict[str, Any]:
    """Random valid inputs of `ROWS` rows, the same for the same `text`."""
    rng = np.random.default_rng(zlib.crc32(text.encode()))
    chosen = layout or LAYOUTS.get(loss.name) or layouts(loss)[0]
    inputs = random_inputs(loss, ROWS, rng, chosen)
    if chosen.index:
        inputs["y_true"] = inputs["y_true"].astype(np.intp)
    if loss.name == "ctc":
        # Three labels fit into the six frames however often they repeat; without a path Keras on JAX gives about 1e5.
        inputs["y_true"] = inputs["y_true"][:, :3]
    return inputs


def with_hard_labels(inputs: dict[str, Any]) -> dict[str, Any]:
    """The inputs with labels of 0 and 1 in place of probabilities, for a library that takes no others."""
    label = inputs["y_true"]
    hard = np.eye(label.shape[1])[label.argmax(axis=1)] if label.ndim == 2 else np.round(label)
    return {**inputs, "y_true": hard}


def edge_inputs(loss: Loss) -> dict[str, Any]:
    """Every combination of the edge values of the inputs, as far as the loss accepts it."""
    one_number = layouts(loss)[0].columns is None and loss.name not in LAYOUTS
    candidates = [list(_row_values(loss, one, one_number)) for one in loss.inputs]
    rows = list(itertools.product(*candidates))
    inputs = {
        one.name: np.array([row[place] for row in rows], dtype=np.intp if _is_index(one) else np.float64)
        for place, one in enumerate(loss.inputs)
    }
    kept = np.ones(len(rows), dtype=bool)
    for condition in loss.require:
        kept &= call_with(condition.holds, {**inputs, **loss.values})
    return {name: array[kept] for name, array in inputs.items()}


def _is_index(one: Input) -> bool:
    return one.shape == "row" and one.role.reading == "class"


def _row_values(loss: Loss, one: Input, one_number: bool) -> Iterator[Any]:
    """The edge values of one row of an input: numbers, or tuples for a vector."""
    domain = loss.domain(one)
    if _is_index(one):
        yield from range(CLASSES)
    elif one.role.reading in ("one_hot", "either") and not one_number:
        yield from (tuple(row) for row in np.eye(CLASSES))
    elif one.role.reading in ("binary", "either"):
        yield from (0.0, 1.0) if one_number else itertools.product((0.0, 1.0), repeat=CLASSES)
    elif one.role.reading == "margin":
        yield from (-1.0, 1.0)
    elif one_number:
        yield from _inside(domain, _NUMBERS)
    elif "probabilit" in one.role.name:
        for row in itertools.product(_PARTS, repeat=CLASSES):
            if sum(row) > 0:
                yield tuple(part / sum(row) for part in row)
    else:
        size = 2 if one.role.name == "vector" else CLASSES
        yield from itertools.product(_inside(domain, _LENGTHS if size == 2 else _SCORES), repeat=size)


def _inside(domain: Domain, values: tuple[float, ...]) -> list[float]:
    assert isinstance(domain, Interval | NumberSet | Integers)
    return [value for value in values if domain.contains(value)]
