"""The rows of small groups, kept so that their quantiles are exact."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from losscli.roles import FloatArray, IntArray
from losscli.summary.blocks import group_counts, grown, target_groups
from losscli.summary.exact import exact_sum
from losscli.summary.quantiles import share

SAMPLE_ROWS = 10_000
_COMPACT_ROWS = 1 << 16


class SmallSample:
    """Values and weights of every group of at most `SAMPLE_ROWS` rows.

    A group that grows beyond is dropped whole, so what is kept depends on the
    final number of rows alone.  Values may be infinite; in a group with a nan no
    quantile has a meaning.  Takes 12 bytes
    a row kept, 20 with weights.
    """

    def __init__(self, *, weighted: bool = False) -> None:
        self._weighted = weighted
        self._rows: IntArray = np.zeros(0, np.int64)
        self._chunks: list[tuple[Any, FloatArray, FloatArray | None]] = []
        self._stored = 0
        self._compact_at = _COMPACT_ROWS
        self._sorted: tuple[Any, FloatArray, FloatArray | None] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_sorted": None}

    def update(self, values: FloatArray, weights: FloatArray | None, codes: IntArray | None, groups: int) -> None:
        """Add rows: values and weights (n,), the group of each in `codes` (n,), None for group 0."""
        self._rows = grown(self._rows, groups)
        if values.size == 0:
            return
        self._rows += group_counts(codes, values.size, self._rows.size)
        small = self._rows <= SAMPLE_ROWS
        if codes is None:
            if small[0]:
                self._store(np.zeros(values.size, np.int32), values.copy(), None if weights is None else weights.copy())
            elif self._chunks:
                self._compact()
            return
        kept = np.flatnonzero(small.take(codes))
        if kept.size:
            self._store(codes[kept].astype(np.int32), values[kept], None if weights is None else weights[kept])

    def merge(self, other: SmallSample, codes: IntArray | None) -> None:
        """Add another's rows; its group i is our group ``codes[i]`` (None: i)."""
        if other._rows.size == 0:
            return
        target = target_groups(codes, other._rows.size)
        self._rows = grown(self._rows, int(target.max()) + 1)
        self._rows[target] += other._rows
        for groups, values, weights in other._chunks:
            self._store(target[groups].astype(np.int32), values, weights)
        self._compact()

    def holds(self, group: int | None) -> bool:
        """Whether every row of a group, or of all groups, is still here."""
        if group is None:
            return int(self._rows.sum()) <= SAMPLE_ROWS
        return group >= self._rows.size or int(self._rows[group]) <= SAMPLE_ROWS

    def quantile(self, group: int | None, p: float) -> float | None:
        """The exact inverted CDF at p, or None when the group holds no weight."""
        values, weights = self._ordered(group)
        if values.size == 0:
            return None
        wanted = share(p)
        if weights is None:
            rank = -(-wanted.numerator * values.size // wanted.denominator)
            return float(values[rank - 1]) + 0.0
        return _weighted_quantile(values, weights, wanted)

    def _ordered(self, group: int | None) -> tuple[FloatArray, FloatArray | None]:
        """Values of a group in ascending order, and their weights."""
        if self._sorted is None:
            self._compact()
            if not self._chunks:
                return np.zeros(0), None
            codes, values, weights = self._chunks[0]
            order = np.lexsort((values, codes))
            self._sorted = codes[order], values[order], None if weights is None else weights[order]
        codes, values, weights = self._sorted
        if group is None:
            order = np.argsort(values, kind="stable")
            return values[order], None if weights is None else weights[order]
        part = slice(*np.searchsorted(codes, [group, group + 1]).tolist())
        return values[part], None if weights is None else weights[part]

    def _store(self, codes: Any, values: FloatArray, weights: FloatArray | None) -> None:
        self._chunks.append((codes, values, weights))
        self._sorted = None
        self._stored += values.size
        if self._stored > self._compact_at:
            self._compact()

    def _compact(self) -> None:
        """Join the chunks and drop the groups that have become large."""
        self._sorted = None
        if not self._chunks:
            return
        codes, values = (np.concatenate([chunk[part] for chunk in self._chunks]) for part in (0, 1))
        weights = np.concatenate([chunk[2] for chunk in self._chunks]) if self._weighted else None
        kept = np.flatnonzero((self._rows <= SAMPLE_ROWS).take(codes))
        if kept.size < values.size:
            codes, values, weights = codes[kept], values[kept], None if weights is None else weights[kept]
        self._stored = values.size
        self._compact_at = max(_COMPACT_ROWS, 2 * self._stored)
        self._chunks = [(codes, values, weights)] if values.size else []


def _weighted_quantile(values: FloatArray, weights: FloatArray, wanted: Fraction) -> float | None:
    """The inverted CDF of ascending values; exact where rounded sums cannot decide."""
    largest = weights.max()
    if not largest > 0.0:
        return None
    # Relative to the largest, so that neither the weights nor their sum leave the range of float64.
    reached = np.cumsum(weights / largest)
    target = float(wanted) * float(reached[-1])
    doubt = target * values.size * 2.0**-51
    first, last = np.searchsorted(reached, [target - doubt, target + doubt]).tolist()
    last = min(last, values.size - 1)
    if first < last:
        exact_target = wanted * exact_sum(weights)
        while first < last:
            middle = (first + last) // 2
            if exact_sum(weights[: middle + 1]) >= exact_target:
                last = middle
            else:
                first = middle + 1
    return float(values[min(first, values.size - 1)]) + 0.0
