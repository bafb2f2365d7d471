"""Losses over all pairs of rows.

The loss of a row depends on every other row, so a data set is not the mean of
its batches, and its order must not matter: pairs are compared in sorted order.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np

from losscli.arrays import norm_last, softplus
from losscli.catalogue.embedding import unit_vectors
from losscli.declaration import Example, Require, declare
from losscli.distinct import distinct_with_places
from losscli.errors import InputError
from losscli.roles import BoolArray, ClassTarget, Embedding, FloatArray, IntArray

# 4e8 pairs: about half a minute for embeddings of 128 components.
_MOST_ROWS = 20_000
# A block of pairs and its temporaries stay in the cache.
_BLOCK_ROWS = 64
_BLOCK_COLUMNS = 1024


def _unpaired(y_true: IntArray, remove_diagonal: bool) -> BoolArray:
    """Rows without a row of the same class, or without one of another, ``(n,)``."""
    _, places = distinct_with_places(y_true)
    same = np.bincount(places)[places]
    unpaired: BoolArray = (same == int(remove_diagonal)) | (same == y_true.shape[0])
    return unpaired


def _unit_length(y_pred: FloatArray, normalize: bool) -> BoolArray:
    length = norm_last(y_pred)
    return length > 0 if normalize else np.abs(length - 1.0) <= 1e-3


class _LogSumExp:
    """Running ``log(sum(exp(gamma * x)))`` along the rows of blocks of x; ``-inf`` in x counts for nothing."""

    def __init__(self, rows: int, gamma: float) -> None:
        self.gamma = gamma
        # No exponent of the circle loss is below -margin^2 >= -1.
        self.peak = np.full(rows, -1.0)
        self.total = np.zeros(rows)

    def add(self, block: FloatArray) -> None:
        peak = np.maximum(self.peak, block.max(axis=1))
        added = np.exp(self.gamma * (block - peak[:, None])).sum(axis=1)
        self.total = self.total * np.exp(self.gamma * (self.peak - peak)) + added
        self.peak = peak

    def value(self) -> FloatArray:
        logarithm: FloatArray = self.gamma * self.peak + np.log(self.total)
        return logarithm


@declare(
    formula="""
        softplus(LSE_same(gamma * (d - m) * (d + m)) + LSE_other(gamma * max(0, 1 + m - d) * (1 - m - d)))
        where d = max(0, 1 - e_i . e_j), m = margin, LSE = log(sum(exp(...))),
        same: over the rows j of the class of row i, other: over the rest
    """,
    known_as={"keras": "Circle, circle", "r_keras": "loss_circle"},
    same_as=("keras.losses.circle(y_true, y_pred, remove_diagonal=remove_diagonal, gamma=gamma, margin=margin)",),
    related=("pytorch-metric-learning CircleLoss: normalises by itself; mean over the losses above 0",),
    references=(
        "Sun, Y. et al. (2020). Circle loss: a unified perspective of pair similarity optimization. "
        "CVPR 2020:6398-6407. doi:10.1109/CVPR42600.2020.00643",
    ),
    examples=(
        Example(
            y_true=[0, 0, 1],
            y_pred=[[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]],
            gamma=8.0,
            loss=2.053295706694542,
            why="softplus(0 - 1.28) and softplus(0 + 3.84); the third row has no partner and does not count",
        ),
    ),
    dialects={"keras": {}},
    family="embedding",
    omit=_unpaired,
    whole=True,
    require=(
        Require(
            holds=_unit_length,
            column="y_pred",
            problem="is not of length 1",
            expected="embeddings of length 1, to 0.001",
            fix="--normalize, which scales every embedding to length 1; it needs one that is not zero",
        ),
    ),
)
def circle(
    y_true: ClassTarget,
    y_pred: Embedding,
    *,
    gamma: Annotated[float, "(0, inf)", "Scale of the exponents; larger is closer to the hardest pair."] = 80.0,
    margin: Annotated[float, "[0, 1]", "Relaxation of both distances; smaller is stricter."] = 0.4,
    remove_diagonal: Annotated[bool, "Do not pair a row with itself."] = True,
    normalize: Annotated[bool, "Scale every embedding to length 1 first."] = False,
) -> FloatArray:
    """Pulls the rows of a class together and other rows away, in pairs.

    A row without a partner in its class, or in another one, does not count, but
    the others are still compared with it.  The loss of a row depends on all
    rows, so a data set is not the mean of its batches; their order does not
    matter.  Time grows with the square of the rows: 20,000 at most, otherwise
    an InputError.
    """
    count = y_true.shape[0]
    if count > _MOST_ROWS:
        raise InputError(
            f"circle compares every row with every other, and there are {count:,}",
            f"at most {_MOST_ROWS:,} rows",
            "a sample of the rows, or a part of them with --where",
        )
    # Sums follow the sorted rows, so that their order in the data changes no digit.
    order = np.lexsort((*y_pred.T, y_true))
    labels = y_true[order]
    columns = np.ascontiguousarray((unit_vectors(y_pred) if normalize else y_pred)[order].T)
    loss = np.empty(count)
    for top in range(0, count, _BLOCK_ROWS):
        rows = slice(top, min(top + _BLOCK_ROWS, count))
        same, other = _LogSumExp(rows.stop - top, gamma), _LogSumExp(rows.stop - top, gamma)
        for left in range(0, count, _BLOCK_COLUMNS):
            block = slice(left, min(left + _BLOCK_COLUMNS, count))
            # einsum of two operands runs NumPy's own loops, not BLAS.
            distance = np.maximum(1.0 - np.einsum("ki,kj->ij", columns[:, rows], columns[:, block]), 0.0)
            alike = labels[rows, None] == labels[None, block]
            other.add(np.where(alike, -np.inf, np.maximum(1.0 + margin - distance, 0.0) * (1.0 - margin - distance)))
            if remove_diagonal:
                alike &= np.arange(top, rows.stop)[:, None] != np.arange(left, block.stop)
            same.add(np.where(alike, (distance - margin) * (distance + margin), -np.inf))
        loss[order[rows]] = softplus(same.value() + other.value())
    return np.where(_unpaired(y_true, remove_diagonal), 0.0, loss)
