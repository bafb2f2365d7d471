"""The curves of a loss: its value along the one input that varies.

Nothing is listed per loss.  The roles say which input is the label and which
one varies, the domains how far, and the loss itself, evaluated, whether it
depends on the error alone, treats both labels alike, and which parameter
changes its shape.  A loss of three inputs, of vectors that are no classes, or
of the whole data set has no such curve.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from losscli.declaration import Input, Loss, Parameter
from losscli.describe import option_of
from losscli.domains import REAL, UNIT, Domain, Interval, NumberSet, Union
from losscli.errors import LosscliError
from losscli.records import dataclass
from losscli.roles import FloatArray

# Odd, so that 0 and the middle of an interval are points.
POINTS = 601

# Most of what there is to see of a residual or a margin of unit scale lies within it.
_REACH = 3.0
# Away from an open bound, where a loss may grow without limit and would flatten the rest.
_OPEN_GAP = 0.1
_UNIT_GAP = 0.005
# A parameter whose doubling changes the shape by less than this share of the height is not worth a curve.
_TELLING = 0.1
# Losses above this quantile are left out of the picture when they are so many times as high as it.
_CROWD = 0.96
_TOWER = 2.5
_SAME = 1e-9

Values = Callable[[Loss], FloatArray]


@dataclass(frozen=True)
class Curve:
    """The loss at every point of the axis, ``(POINTS,)``, and what distinguishes it from other curves."""

    label: str
    values: FloatArray


@dataclass(frozen=True)
class Plot:
    """Curves over one axis ``x``, ``(POINTS,)``."""

    x_label: str
    x: FloatArray
    curves: tuple[Curve, ...]

    @property
    def limits(self) -> tuple[float, float]:
        """The lowest and highest loss to show.

        Where the last few per cent of the axis are far higher than all the
        rest, they are left out: they would make a flat line of it.
        """
        values = _finite(np.concatenate([curve.values for curve in self.curves]))
        most = max(float(np.quantile(_finite(curve.values), _CROWD)) for curve in self.curves)
        low, high = float(values.min()), float(values.max())
        return low, most if high - low > _TOWER * (most - low) > 0 else high


@dataclass(frozen=True)
class _View:
    """One way to look at a loss: an axis, and the values along it of the loss at any parameters."""

    x_label: str
    x: FloatArray
    values: Values


def plot_of(loss: Loss) -> Plot | None:
    """The curves of a loss at its parameters; None where one axis cannot show it.

    One curve, or one for each of three values of the parameter that changes
    the shape most, or one for each of two labels that are treated differently.
    """
    try:
        plot = _plot(loss)
    except LosscliError:
        # A condition between the inputs that holds nowhere along the axis.
        return None
    flat = plot is None or not any(np.ptp(_finite(curve.values)) > 0 for curve in plot.curves)
    return None if flat else plot


def _plot(loss: Loss) -> Plot | None:
    if loss.finish is not None or loss.whole or not 1 <= len(loss.inputs) <= 2:
        return None
    varied = loss.inputs[-1]
    if len(loss.inputs) == 1:
        return _by_parameter(loss, _single_view(loss, varied)) if varied.shape == "element" else None
    label = loss.inputs[0]
    if option_of(label) != "--label":
        return None
    if varied.shape == "vector" and label.role.reading in ("class", "one_hot", "either"):
        return _by_parameter(loss, _class_view(loss, label, varied))
    if "vector" in (label.shape, varied.shape) and label.role.reading != "binary":
        return None
    if label.role.reading == "number" and not isinstance(loss.domain(label), NumberSet):
        return _by_parameter(loss, _error_view(loss, label, varied)) if varied.shape == "element" else None
    return _label_plot(loss, label, varied)


def _single_view(loss: Loss, varied: Input) -> _View:
    x = _axis(loss, varied, around=0.0)
    return _View(varied.name, x, lambda one: _rows(one, x))


def _class_view(loss: Loss, label: Input, varied: Input) -> _View:
    """The prediction of the true class, the first of two."""
    x = _axis(loss, varied, around=0.0)
    is_probability = varied.role.domain == UNIT and loss.domain(varied) != REAL
    other = 1.0 - x if is_probability else np.zeros_like(x)
    truth = np.tile([1.0, 0.0], (len(x), 1)) if label.shape == "vector" else np.zeros(len(x), dtype=np.intp)
    name = "probability of the true class" if is_probability else f"{varied.name} of the true class, 0 of the other"
    return _View(name, x, lambda one: _rows(one, truth, np.stack([x, other], axis=1)))


def _error_view(loss: Loss, label: Input, varied: Input) -> _View:
    """The error, where the loss depends on nothing else; elsewhere the prediction of a target of 1."""

    def at(truth: float, predictions: FloatArray) -> Values:
        return lambda one: _rows(one, np.full(len(predictions), truth), predictions)

    if loss.domain(label) == REAL and loss.domain(varied) == REAL:
        # Parameters of a residual, such as delta, say where its shape changes.
        reach = max([_REACH, *(2 * loss.values[one.name] for one in _varying(loss))])
        error = np.linspace(-reach, reach, POINTS)
        here, there = at(0.0, error)(loss), at(1.0, 1.0 + error)(loss)
        if _gap(here, there) < _SAME * _height(here):
            return _View(f"{varied.name} - {label.name}", error, at(0.0, error))
    x = _axis(loss, varied, around=1.0)
    return _View(f"{varied.name}, at {label.name} = 1", x, at(1.0, x))


def _label_plot(loss: Loss, label: Input, varied: Input) -> Plot:
    """Curves for both labels; one curve where a turned axis makes them equal and that is how it is shown."""
    domain = loss.domain(label)
    negative = 0.0 if domain.contains(0) and label.role.reading != "margin" else -1.0
    x = _axis(loss, varied, around=0.0)

    def at(truth: float, points: FloatArray) -> Values:
        shape = (len(points), 1) if varied.shape == "vector" else (len(points),)
        return lambda one: _rows(one, np.full(shape, truth), points.reshape(shape))

    is_probability = loss.domain(varied) == UNIT
    turned = 1.0 - x if is_probability else -x
    is_symmetric = _gap(at(1.0, x)(loss), at(negative, turned)(loss)) < _SAME * _height(at(1.0, x)(loss))
    if is_symmetric and not is_probability:
        name = f"{varied.name} where {label.name} = 1, -{varied.name} where it is {negative:g}"
        return _by_parameter(loss, _View(name, x, at(1.0, x)))
    if is_symmetric:
        name = f"{varied.name} where {label.name} = 1, 1 - {varied.name} where it is {negative:g}"
        several = _by_parameter(loss, _View(name, x, at(1.0, x)))
        if len(several.curves) > 1:
            return several
    curves = [Curve(f"{label.name} = {truth:g}", at(truth, x)(loss)) for truth in (1.0, negative)]
    return Plot(varied.name, x, tuple(curves))


def _rows(loss: Loss, *inputs: Any) -> FloatArray:
    """The loss of every row; of the rows below the root, for a root mean square."""
    values: FloatArray = replace(loss, power=None)(*inputs, reduction="none")
    return values


def _by_parameter(loss: Loss, view: _View) -> Plot:
    """A curve for each value of the parameter that changes the shape most, or the only curve."""
    best: tuple[float, tuple[Curve, ...]] = (_TELLING, (Curve(loss.name, view.values(loss)),))
    for parameter in _varying(loss):
        settings = _settings(loss, parameter)
        curves = tuple(
            Curve(f"{parameter.name} = {value!r}", view.values(loss.bind(None, **{parameter.name: value})))
            for value in settings
        )
        change = _gap(*(curve.values / _height(curve.values) for curve in (curves[0], curves[-1])))
        if change > best[0]:
            best = change, curves
    return Plot(view.x_label, view.x, best[1])


def _varying(loss: Loss) -> Iterator[Parameter]:
    """Parameters that are real numbers and in effect: not 0, where most switch something off, nor at a bound."""
    for parameter in loss.parameters:
        value = loss.values[parameter.name]
        interval = _interval(parameter.domain, value)
        if interval is not None and value > 0 and math.isfinite(value) and interval.low < value < interval.high:
            yield parameter


def _interval(domain: Domain, value: Any) -> Interval | None:
    """The interval of a domain in which a value lies."""
    parts = domain.parts if isinstance(domain, Union) else (domain,)
    return next((part for part in parts if isinstance(part, Interval) and part.contains(value)), None)


def _settings(loss: Loss, parameter: Parameter) -> list[float]:
    """Half the value, the value and twice the value; half-way to a bound that is nearer."""
    value = float(loss.values[parameter.name])
    interval = _interval(parameter.domain, value)
    assert interval is not None
    half = value / 2 if interval.contains(value / 2) else (value + interval.low) / 2
    double = value * 2 if interval.contains(value * 2) else (value + interval.high) / 2
    return [half, value, double]


def _axis(loss: Loss, varied: Input, around: float) -> FloatArray:
    """Points of the varied input: all of a bounded domain, else what lies within reach."""
    domain = loss.domain(varied)
    if varied.role.domain == UNIT and domain != REAL:
        domain = UNIT
    assert isinstance(domain, Interval)
    low, high = domain.low, domain.high
    if math.isfinite(low) and math.isfinite(high):
        gap = _UNIT_GAP * (high - low)
        return np.linspace(low + gap, high - gap, POINTS)
    if math.isfinite(low):
        return np.linspace(low if domain.closed_low else low + _OPEN_GAP, around + _REACH, POINTS)
    if math.isfinite(high):
        return np.linspace(high - _REACH, high if domain.closed_high else high - _OPEN_GAP, POINTS)
    return np.linspace(around - _REACH, around + _REACH, POINTS)


def _finite(values: FloatArray) -> FloatArray:
    """The finite values, at least one."""
    found = values[np.isfinite(values)]
    return found if found.size else np.zeros(1)


def _height(values: FloatArray) -> float:
    return float(np.abs(_finite(values)).max()) or 1.0


def _gap(one: FloatArray, other: FloatArray) -> float:
    """The largest difference of two curves where both are finite; infinite where only one of them is."""
    both = np.isfinite(one) & np.isfinite(other)
    if (np.isfinite(one) != np.isfinite(other)).any():
        return math.inf
    return float(np.abs(one[both] - other[both]).max(initial=0.0))
