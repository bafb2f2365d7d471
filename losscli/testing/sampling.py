"""Random inputs and parameters that a loss accepts, made from its declaration.

What a loss declares about its inputs (role, shape, domain, conditions between
the inputs of a row) is enough to draw valid data for it.  The laws of
`losscli.testing.laws` do; so may anyone who wants data to try a loss on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from losscli.arguments import call_with
from losscli.arrays import class_major, norm_last, one_hot
from losscli.declaration import Input, Loss
from losscli.domains import UNIT, Domain, Integers, Interval, NumberSet
from losscli.records import dataclass

# Large enough that a parameter counting classes or columns, such as k of top_k_error, is rarely larger.
_COLUMNS = 8
_MEMBERS = 6
_ATTEMPTS = 200

_UNUSUAL = (0.0, 5e-324, 1e-300, 1e-9, 1.0, 40.0, 1000.0, 1e155, 1e300)

Draw = Callable[[Domain, np.random.Generator, tuple[int, ...]], Any]


@dataclass(frozen=True)
class Layout:
    """The shape of the inputs: `columns` of each row, None for ``(n,)``.

    `index`: a label that may be one column per class or the index of a class
    is the index.
    """

    columns: int | None
    index: bool = False


def layouts(loss: Loss) -> tuple[Layout, ...]:
    """The shapes worth trying: ``(n,)`` and ``(n, k)`` for elementwise losses, else the only one."""
    if {one.shape for one in loss.inputs} != {"element"}:
        return (Layout(_COLUMNS),)
    if loss.finish is not None and not loss.is_set_level:
        return (Layout(_COLUMNS),)
    if any(one.role.reading == "either" for one in loss.inputs):
        return Layout(None), Layout(_COLUMNS), Layout(_COLUMNS, index=True)
    return Layout(None), Layout(_COLUMNS)


def random_parameters(loss: Loss, rng: np.random.Generator) -> Loss:
    """`loss` at random values of its parameters."""
    return loss.bind(**{one.name: one.domain.sample(rng) for one in loss.parameters})


def random_inputs(loss: Loss, rows: int, rng: np.random.Generator, layout: Layout | None = None) -> dict[str, Any]:
    """Valid inputs of `rows` rows with ordinary values, as kernels receive them."""
    return _valid_inputs(loss, rows, rng, layout or layouts(loss)[0], _ordinary)


def extreme_inputs(loss: Loss, rows: int, rng: np.random.Generator, layout: Layout | None = None) -> dict[str, Any]:
    """Valid inputs of `rows` rows with values at the edges of their domains and of float64."""
    return _valid_inputs(loss, rows, rng, layout or layouts(loss)[0], _extreme)


def take_rows(inputs: Mapping[str, Any], rows: Any) -> dict[str, Any]:
    """The selected rows of every input, laid out as kernels receive them."""
    return {name: class_major(array[rows]) for name, array in inputs.items()}


def _ordinary(domain: Domain, rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    assert isinstance(domain, Interval | NumberSet)
    return domain.samples(rng, shape)


def _extreme(domain: Domain, rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.choice(list(_extremes(domain)), size=shape)


def _extremes(domain: Domain) -> Iterator[float]:
    if isinstance(domain, NumberSet):
        yield from (float(member) for member in domain.members)
        return
    assert isinstance(domain, Interval)
    bounds = [bound for bound in (domain.low, domain.high) if np.isfinite(bound)]
    near = [float(np.nextafter(bound, toward)) for bound in bounds for toward in (-np.inf, np.inf)]
    for value in [*bounds, *near, *_UNUSUAL, *(-size for size in _UNUSUAL)]:
        if domain.contains(value):
            yield value


def _valid_inputs(loss: Loss, rows: int, rng: np.random.Generator, layout: Layout, draw: Draw) -> dict[str, Any]:
    """Rows drawn until enough of them keep the conditions between inputs."""
    found: list[dict[str, Any]] = []
    count = 0
    drawing = _Drawing(loss, rng, layout, draw, margin_low=float(-rng.integers(2)))
    for _ in range(_ATTEMPTS):
        # Rarely satisfied conditions need many rows; losses without any need no more than asked for.
        batch = drawing.inputs(rows * 32 if loss.require else rows)
        kept = np.ones(len(next(iter(batch.values()))), dtype=bool)
        for condition in loss.require:
            kept &= call_with(condition.holds, {**batch, **loss.values})
        found.append({name: array[kept] for name, array in batch.items()})
        count += int(kept.sum())
        if count >= rows:
            joined = {name: np.concatenate([part[name] for part in found])[:rows] for name in batch}
            return take_rows(joined, slice(None))
        # Some losses want vectors of length 1, or of sum 1, which random vectors never have.
        drawing.normalised = drawing.normalised or not kept.any()
    conditions = "; ".join(one.expected for one in loss.require)
    raise AssertionError(f"{loss.name}: random rows hardly ever satisfy its conditions ({conditions})")


@dataclass
class _Drawing:
    """What is decided once for all rows of the inputs of a loss."""

    loss: Loss
    rng: np.random.Generator
    layout: Layout
    draw: Draw
    margin_low: float
    normalised: bool = False

    def inputs(self, rows: int) -> dict[str, Any]:
        """Values inside their domains, for every input."""
        return {one.name: self._input(one, self._shape(one, rows)) for one in self.loss.inputs}

    def _shape(self, one: Input, rows: int) -> tuple[int, ...]:
        columns = self.layout.columns
        if one.shape in ("row", "any") or columns is None or (one.role.reading == "either" and self.layout.index):
            return (rows,)
        return (rows, _MEMBERS, columns) if one.shape == "vectors" else (rows, columns)

    def _input(self, one: Input, shape: tuple[int, ...]) -> Any:
        domain = self.loss.domain(one)
        if one.role.reading == "either":
            return self._label(shape)
        if isinstance(domain, Integers):
            return self._whole_numbers(one, domain, shape)
        if one.role.reading == "margin" and domain.contains(-1):
            # Labels are 0/1 or -1/1, the same in a whole column.
            low = self.margin_low if domain.contains(0) else -1.0
            return self.rng.choice([low, 1.0], size=shape)
        values = self.draw(domain, self.rng, shape)
        if one.shape == "vector" and (domain == UNIT or (self.normalised and one.role.domain == UNIT)):
            return _as_distribution(values)
        if one.shape in ("vector", "embedding") and self.normalised:
            return _as_direction(values)
        return values

    def _label(self, shape: tuple[int, ...]) -> Any:
        """0 or 1, the index of a class, or one column for each class."""
        if len(shape) > 1:
            return one_hot(self.rng.integers(0, shape[1], shape[0]), shape[1])
        return self.rng.integers(0, self.layout.columns or 2, shape).astype(np.float64)

    def _whole_numbers(self, one: Input, domain: Integers, shape: tuple[int, ...]) -> Any:
        """Class indices, below the number of columns of the scores."""
        low = 0 if domain.low is None else domain.low
        high = (self.layout.columns or 2) - 1 if domain.high is None else domain.high
        values = self.rng.integers(low, high + 1, shape)
        is_index = one.shape == "row" and one.role.reading == "class"
        return values.astype(np.intp if is_index else np.float64)


def _as_direction(values: Any) -> Any:
    length = norm_last(values)[:, None]
    return np.where(length > 0, values / np.where(length > 0, length, 1.0), values.shape[-1] ** -0.5)


def _as_distribution(values: Any) -> Any:
    total = values.sum(axis=-1, keepdims=True)
    return np.where(total > 0, values / np.where(total > 0, total, 1.0), 1.0 / values.shape[-1])
