"""What the predictions are: probabilities, logits, log-probabilities, percents or hard labels.

The kind is decided once for the whole input: by a flag, else by the names of
the columns, else by the values of the first rows.  What the decision says of
the other rows is checked as they are read, so it can be refuted and never
changes.

Values in [0, 1], and sums of 1 where a row has one for each class, are
probabilities; sums of 100, or scores up to 100, are percents; values <= 0
whose exponentials sum to 1 are log-probabilities; 0 and 1 alone are hard
labels; anything else is logits.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Literal

import numpy as np

from losscli.arrays import sum_last
from losscli.columns.names import folded
from losscli.columns.request import KindOrigin, PredictionKind
from losscli.records import dataclass
from losscli.roles import BoolArray, FloatArray, IntArray

# Rows that decide, fewer of them where a row is long: they are held in memory at once.
DECIDING_ROWS = 100_000
DECIDING_VALUES = 500_000
# Of these, rows that are looked at before the rest.
_FIRST_ROWS = 1000

# Three decimals are what people print; sums of rounded numbers miss 1 by more, see `_rounding`.
SUM_TOLERANCE = 1e-3
PERCENT_TOLERANCE = 0.1

# A handful of bad rows is no reason to read a million others differently.
FEW = 0.01

# A model that is never more certain than that is seldom evaluated; 1.2 and 7 are broken probabilities.
LEAST_PERCENT = 10.0

# So many zeros and ones, and nothing else, are not the probabilities of a model.
HARD_ROWS = 10

Form = Literal["single", "independent", "classes"]
Look = Literal["prob", "weight", "logit", "log-prob", "label", "percent", "unclear"]

_PROBABILITY = r"(?:^|_)prob(?:s|a|as|ability|abilities)?(?![a-z])"
_LOG_PROBABILITY = r"(?:^|_)log_?p(?:rob(?:s|a|as|ability|abilities)?)?(?![a-z])"
_LOGIT = r"(?:^|_)(?:logits?|log_?odds|margins?|decision_function|raw[a-z]*)(?![a-z])"


@dataclass(frozen=True)
class Doubt:
    """A fact about the predictions, how they are read in spite of it, and the flags that settle it."""

    fact: str
    reading: str
    fix: str

    def __str__(self) -> str:
        return f"{self.fact}: {self.reading}; {self.fix}"


@dataclass(frozen=True)
class Decision:
    """The kind that the predictions of the whole input have, and what settled it.

    `doubt` says why the user may see it differently; `bounded` that a probability
    above 1 refutes the decision even for losses that could read it.
    """

    kind: PredictionKind
    origin: KindOrigin | None = None
    doubt: Doubt | None = None
    bounded: bool = False


# For losses that do not care, and where no row says anything.
UNDECIDED = Decision("auto")


@dataclass(frozen=True)
class Sample:
    """Predictions of the first rows, without those that are missing or filtered out.

    values: float64 ``(n,)``, or ``(n, k)`` for k classes or outputs.  files and
    rows ``(n,)``: where each row stands.  whole: whether these are all rows.
    """

    values: FloatArray
    files: IntArray
    rows: IntArray
    whole: bool

    @property
    def outside(self) -> BoolArray:
        """Which values are no probabilities, in the shape of `values`."""
        return (self.values < 0.0) | (self.values > 1.0)


def deciding_rows(width: int) -> int:
    """How many rows decide when each has `width` predictions."""
    return max(1, min(DECIDING_ROWS, DECIDING_VALUES // max(width, 1)))


def kind_by_name(columns: Sequence[str]) -> PredictionKind | None:
    """The kind that the names of the prediction columns state; None when they state none.

    Of several columns only what all names share counts, for the rest are classes.
    """
    names = [folded(name) for name in columns]
    shared = [_common_start(names), _common_start([name[::-1] for name in names])[::-1]]
    kinds: tuple[tuple[str, PredictionKind], ...] = (
        (_LOG_PROBABILITY, "log-prob"),
        (_PROBABILITY, "prob"),
        (_LOGIT, "logit"),
    )
    return next((kind for pattern, kind in kinds if any(re.search(pattern, name) for name in shared)), None)


def _common_start(names: Sequence[str]) -> str:
    letters = itertools.takewhile(lambda places: len(set(places)) == 1, zip(*names, strict=False))
    return "".join(places[0] for places in letters)


def look_of(values: FloatArray, form: Form) -> Look:
    """What the predictions ``(n,)`` or ``(n, k)`` look like; "unclear" where the user has to say.

    `form` tells whether the columns of a row are the classes of one label.
    """
    hard = _hard_labels(values, form)
    if hard:
        return "label"
    low, high = float(values.min()), float(values.max())
    if low >= -SUM_TOLERANCE and high <= 1.0 + SUM_TOLERANCE:
        return _look_inside(values, form)
    if float(np.mean((values < 0.0) | (values > 1.0))) < FEW:
        return "prob"
    if form == "classes":
        return _look_of_classes(values, low, high)
    if low >= 0.0 and high <= 100.0:
        # Most percents are above 1; a few such values among probabilities are broken ones.
        return "percent" if high >= LEAST_PERCENT and np.median(values) > 1.0 else "prob"
    return "logit"


def _hard_labels(values: FloatArray, form: Form) -> bool:
    """Whether all predictions are 0 or 1, or -1 or 1, and both occur."""
    if len(values) < HARD_ROWS:
        return False
    for low in (0.0, -1.0):
        ones = values == 1.0
        if not (ones | (values == low)).all() or ones.all() or not ones.any():
            continue
        return form != "classes" or bool((ones.sum(axis=1) == 1).all() and ones.any(axis=0).sum() > 1)
    return False


def _look_inside(values: FloatArray, form: Form) -> Look:
    if form != "classes" or values.shape[1] <= 2:
        return "prob"
    return "prob" if _most_sum_to(values, 1.0, SUM_TOLERANCE + _rounding(values)) else "unclear"


def _look_of_classes(values: FloatArray, low: float, high: float) -> Look:
    if high <= SUM_TOLERANCE:
        with np.errstate(under="ignore"):
            if _most_sum_to(np.exp(values), 1.0, SUM_TOLERANCE):
                return "log-prob"
    if low >= 0.0:
        return "percent" if _most_sum_to(values, 100.0, PERCENT_TOLERANCE) else "weight"
    return "logit"


def _most_sum_to(values: FloatArray, total: float, tolerance: float) -> bool:
    missed = np.abs(sum_last(values) - total) > tolerance
    return bool(np.mean(missed) < FEW)


def _rounding(values: FloatArray) -> float:
    """By how much a row sum may be off because all values were rounded to the same few decimals."""
    for decimals in (1, 2, 3, 4):
        # The first rows mostly tell that values have more decimals.
        if all(_has_decimals(part, decimals) for part in (values[:_FIRST_ROWS], values[_FIRST_ROWS:])):
            return float(0.5 * values.shape[1] / 10.0**decimals)
    return 0.0


def _has_decimals(values: FloatArray, decimals: int) -> bool:
    """Whether no value has more decimals than that."""
    scaled = values * 10.0**decimals
    return bool((np.abs(scaled - np.round(scaled)) < 1e-6).all())
