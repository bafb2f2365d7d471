"""What is estimated: the value of an expression as a function of sums over rows, and its slopes.

Every expression is such a function: a mean of row losses of one sum and the
weights, a root mean square of the sum of squares, a set-level loss of the sums
of its contributions, a weighted sum of losses of all of these.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal, TypeAlias

import numpy as np

from losscli.arguments import call_with
from losscli.declaration import Loss
from losscli.errors import UsageError
from losscli.expression import Expression
from losscli.records import dataclass
from losscli.reduction import Reduction
from losscli.roles import BoolArray, FloatArray
from losscli.summary.covariance import gradient
from losscli.summary.exact import round_fraction, round_root

Kind: TypeAlias = Literal["mean", "root", "set"]


@dataclass(frozen=True)
class Part:
    """A term of an expression: `factor` times a mean of rows, a root mean square or a set-level loss."""

    kind: Kind
    factor: float
    loss: Loss


@dataclass(frozen=True)
class Estimate:
    """A value and its partial derivatives by the sums and, last, by the sum of the weights."""

    value: float
    slopes: tuple[Fraction, ...]


@dataclass(frozen=True)
class Estimand:
    """An expression under a reduction, in terms of what rows contribute.

    `has_rows`: each row has a value, the expression is linear in it, and the
    difference of two models is a mean of differences.
    """

    expression: Expression
    reduction: Reduction
    parts: tuple[Part, ...]

    @property
    def has_rows(self) -> bool:
        return self.expression.has_rows

    @property
    def linear(self) -> bool:
        """Whether the value is a mean of the values of the rows."""
        return len(self.parts) == 1 and self.parts[0].kind == "mean"

    def kept(self, inputs: Sequence[Mapping[str, Any]]) -> BoolArray | None:
        """The rows that no term leaves out; None for all."""
        kept: BoolArray | None = None
        for term, one in zip(self.expression.terms, inputs, strict=True):
            if term.loss.omit is not None:
                omitted = call_with(term.loss.omit, {**one, **term.loss.values})
                if omitted.any():
                    kept = ~omitted if kept is None else kept & ~omitted
        return kept

    def values(self, inputs: Sequence[Mapping[str, Any]]) -> list[list[FloatArray]]:
        """What rows contribute to each part, arrays (n,): one of row losses, or the columns of a set-level loss."""
        terms = self.expression.terms
        if self.linear:
            combined: FloatArray | None = None
            for term, one in zip(terms, inputs, strict=True):
                rows = term.loss.rows(one)
                scaled = rows if term.factor == 1 else term.factor * rows
                combined = scaled if combined is None else combined + scaled
            assert combined is not None
            return [[combined]]
        return [
            list(part.loss.contributions(one)) if part.kind == "set" else [part.loss.rows(one)]
            for part, one in zip(self.parts, inputs, strict=True)
        ]

    def estimate(
        self,
        sums: Sequence[Sequence[Fraction]],
        scales: Sequence[Sequence[float]],
        weight: Fraction,
        count: int,
    ) -> Estimate | None:
        """The value and its slopes, given the sums of each part and their `scales` (see `gradient`).

        None where the value or a slope does not exist; raises OverflowError
        beyond the range of float64.
        """
        value, slopes, by_weight = 0.0, list[Fraction](), Fraction(0)
        for part, ours, sizes in zip(self.parts, sums, scales, strict=True):
            found = self._part(part, ours, sizes, weight, count)
            if found is None:
                return None
            factor = Fraction(part.factor)
            value += part.factor * found.value
            slopes += [factor * slope for slope in found.slopes[:-1]]
            by_weight += factor * found.slopes[-1]
        return Estimate(value, (*slopes, by_weight))

    def replicated(self, sums: Sequence[FloatArray], weights: FloatArray, weight: float, count: int) -> FloatArray:
        """The value for each of several resamples (n,), nan where it does not exist.

        `sums` are (columns, n) for each part and `weights` (n,); `weight` and
        `count` are those of the rows themselves.
        """
        scale = round_fraction(self._scale(Fraction(weight), count))
        values = np.zeros(len(weights))
        with np.errstate(all="ignore"):
            for part, columns in zip(self.parts, sums, strict=True):
                if part.kind == "set":
                    found = [_finished(part.loss, point) for point in columns.T.tolist()]
                    values += part.factor * np.array([np.nan if one is None else one for one in found])
                elif part.kind == "mean":
                    values += part.factor * scale * (columns[0] / weights)
                else:
                    values += part.factor * np.sqrt(scale * (columns[0] / weights))
        return values

    def _part(
        self, part: Part, sums: Sequence[Fraction], scales: Sequence[float], weight: Fraction, count: int
    ) -> Estimate | None:
        if part.kind == "set":
            point = [round_fraction(one) for one in sums]
            value = _finished(part.loss, point)
            slopes = gradient(lambda moved: _finished(part.loss, moved), point, scales)
            if value is None or slopes is None:
                return None
            return Estimate(value, (*map(Fraction, slopes), Fraction(0)))
        if not weight:
            return None
        total = sums[0]
        scale = self._scale(weight, count)
        if part.kind == "mean":
            # The weights are taken as given: a sum is the mean times a constant.
            return Estimate(round_fraction(scale * total / weight), (scale / weight, -scale * total / weight**2))
        square = scale * total / weight
        root = round_root(square)
        if not root:
            return Estimate(0.0, (Fraction(0), Fraction(0)))
        half = Fraction(root) / 2
        return Estimate(root, (half / total, -half / weight))

    def _scale(self, weight: Fraction, count: int) -> Fraction:
        """The reduced value as a multiple of the weighted mean."""
        if self.reduction is Reduction.SUM:
            return weight
        return Fraction(1) if self.reduction is Reduction.MEAN_WITH_SAMPLE_WEIGHT else weight / count


def estimand_of(expression: Expression, reduction: Reduction, *, weighted: bool) -> Estimand:
    """What is compared for an expression; UsageError for losses that no comparison of rows can have."""
    for term in expression.terms:
        if term.loss.whole:
            raise UsageError(
                f"{term.loss.name} depends on all rows at once, so they cannot be taken one by one",
                "a loss with a value for each row, or a set-level one",
            )
        if term.loss.is_penalty and weighted:
            raise UsageError(
                f"{term.loss.name} takes no weights, so it is not compared with --weight", "no --weight", None
            )
    if reduction is Reduction.NONE:
        raise UsageError("a comparison reduces the rows", "another --reduction")
    if expression.has_rows and not (expression.single and expression.single.power):
        return Estimand(expression, reduction, (Part("mean", 1.0, expression.terms[0].loss),))
    parts = tuple(
        Part("set" if term.loss.is_set_level else "root" if term.loss.power == 2 else "mean", term.factor, term.loss)
        for term in expression.terms
    )
    return Estimand(expression, reduction, parts)


def _finished(loss: Loss, sums: Sequence[float]) -> float | None:
    with np.errstate(all="ignore"):
        value = loss.finished(sums)
    return value if value is not None and math.isfinite(value) else None
