"""How row losses become one number; the meanings are Keras 3's."""

from __future__ import annotations

import math
from enum import StrEnum

from losscli.errors import UsageError, nearest
from losscli.summary import Statistics


class Reduction(StrEnum):
    """sum = Σwℓ; sum_over_batch_size = mean = Σwℓ / n; mean_with_sample_weight = Σwℓ / Σw."""

    MEAN = "mean"
    SUM = "sum"
    NONE = "none"
    SUM_OVER_BATCH_SIZE = "sum_over_batch_size"
    MEAN_WITH_SAMPLE_WEIGHT = "mean_with_sample_weight"


def resolve_reduction(name: str, *, weighted: bool) -> Reduction:
    """The reduction called `name`; auto depends on whether there are weights."""
    word = name.lower().replace("-", "_")
    if word == "auto":
        return Reduction.MEAN_WITH_SAMPLE_WEIGHT if weighted else Reduction.MEAN
    if word not in tuple(Reduction):
        near = nearest(word, Reduction)
        raise UsageError(
            f"no reduction {name}", "auto, " + ", ".join(Reduction), f"--reduction {near}" if near else None
        )
    return Reduction(word)


def reduced(statistics: Statistics, reduction: Reduction, power: int | None = None) -> float | None:
    """The reduced value, for a loss whose mean is the power mean of order `power`; None where it does not exist."""
    if power == 2:
        root = statistics.root_mean_square
        if root is None or statistics.weight is None or reduction is Reduction.MEAN_WITH_SAMPLE_WEIGHT:
            return root
        value = root * math.sqrt(statistics.weight / statistics.count)
        return value if math.isfinite(value) else None
    if reduction is Reduction.SUM:
        return statistics.sum
    if reduction is Reduction.MEAN_WITH_SAMPLE_WEIGHT:
        return statistics.mean
    return statistics.mean_over_count
