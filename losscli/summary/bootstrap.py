"""The Poisson bootstrap in one pass and bounded memory.

Each row belongs to one of `BUCKETS` buckets, by a hash of what identifies it,
and a replicate takes every bucket a Poisson(1) number of times, by a hash of
replicate and bucket.  So the draws depend on the rows alone: not on chunks,
threads, files or the order of work.  A group of few rows has about one row in a
bucket and is resampled row by row; in a large one, buckets are groups of rows
drawn at random, whose sums vary as the rows do.

Efron, B. (1979). Bootstrap Methods: Another Look at the Jackknife.
doi:10.1214/aos/1176344552; Chamandy, N. et al. (2012). Estimating Uncertainty
for Massive Data Streams. Google research report 43157.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from losscli.roles import FloatArray, IntArray
from losscli.summary.blocks import target_groups
from losscli.summary.exact import ExactSums
from losscli.summary.mixing import Bits, mixed

BUCKETS = 1024
# Beyond this the sums of all buckets would take more than a few hundred MB.
MOST_GROUPS = 1000
# An interval of replicates is given up when more of them than this do not exist.
_MOST_UNDEFINED = 0.1
_DRAW_BLOCK = 64


def buckets_of(identities: Bits, seed: int) -> IntArray:
    """The bucket of rows with these identities, which are numbers or hashes (n,)."""
    return (mixed(identities ^ mixed(np.array([seed], np.uint64))) >> np.uint64(54)).astype(np.intp)


class BucketSums:
    """Exact sums of `columns` columns for each group and bucket."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self._sums = ExactSums(columns)

    @property
    def groups(self) -> int:
        """How many groups have been seen."""
        return -(-self._sums.groups // BUCKETS)

    def update(self, values: Sequence[FloatArray], buckets: IntArray, codes: IntArray | None, groups: int) -> None:
        """Add rows: one finite array (n,) per column, the bucket of each row and its group, None for group 0."""
        cells = buckets if codes is None else codes * BUCKETS + buckets
        self._sums.update(values, cells, groups * BUCKETS)

    def merge(self, other: BucketSums, codes: IntArray | None) -> None:
        """Add another's sums; its group i is our group ``codes[i]`` (None: i)."""
        if not other.groups:
            return
        target = target_groups(codes, other.groups)
        cells = (target[:, None] * BUCKETS + np.arange(BUCKETS)).ravel()
        self._sums.merge(other._sums, cells[: other._sums.groups])

    def sums(self, group: int) -> FloatArray:
        """The sums of each bucket of a group, rounded: (columns, buckets)."""
        found = np.zeros((self.columns, BUCKETS))
        cells = self._sums.occupied()
        for cell in cells[cells // BUCKETS == group].tolist():
            found[:, cell % BUCKETS] = [float(self._sums.total(cell, column)) for column in range(self.columns)]
        return found


def replicated(sums: FloatArray, seed: int, replicates: int) -> FloatArray:
    """Sums of `replicates` resamples, (columns, replicates), of those of the buckets, (columns, BUCKETS)."""
    used = np.flatnonzero(np.logical_or.reduce(sums != 0.0, axis=0))
    draws, sums = _draws(seed, replicates)[:, used], sums[:, used]
    found = np.empty((len(sums), replicates))
    for start in range(0, replicates, _DRAW_BLOCK):
        part = draws[start : start + _DRAW_BLOCK].astype(np.float64)
        for column, values in enumerate(sums):
            # Not as a product of matrices: BLAS sums in an order that depends on the machine.
            found[column, start : start + _DRAW_BLOCK] = (part * values).sum(axis=1)
    return found


def bca_interval(value: float, replicates: FloatArray, acceleration: float, level: float) -> tuple[float, float] | None:
    """The bias-corrected and accelerated interval; None where too many replicates do not exist.

    Efron, B. (1987). Better Bootstrap Confidence Intervals.
    doi:10.1080/01621459.1987.10478410
    """
    known = np.sort(replicates[np.isfinite(replicates)])
    if known.size < (1.0 - _MOST_UNDEFINED) * replicates.size:
        return None
    normal = NormalDist()
    below = float(np.count_nonzero(known < value) + 0.5 * np.count_nonzero(known == value)) / known.size
    least = 0.5 / known.size
    bias = normal.inv_cdf(min(max(below, least), 1.0 - least))
    bounds = []
    for share in (0.5 - level / 2.0, 0.5 + level / 2.0):
        shifted = bias + normal.inv_cdf(share)
        scale = 1.0 - acceleration * shifted
        # A skewness that turns the transformation around leaves only the largest or smallest replicate.
        point = bias + shifted / scale if scale > 0.0 else math.copysign(math.inf, shifted)
        corrected = normal.cdf(point) if math.isfinite(point) else float(point > 0)
        bounds.append(float(np.quantile(known, corrected)))
    return bounds[0], bounds[1]


def acceleration(influences: FloatArray) -> float:
    """The acceleration of an estimate to which buckets contribute `influences` (n,): a sixth of their skewness."""
    size = float(np.abs(influences).max(initial=0.0))
    if not size or not math.isfinite(size):
        return 0.0
    scaled = influences / size
    return float((scaled**3).sum() / (6.0 * (scaled**2).sum() ** 1.5))


@lru_cache(maxsize=2)
def _draws(seed: int, replicates: int) -> NDArray[np.uint8]:
    """How often each replicate takes each bucket, (replicates, BUCKETS)."""
    counters = np.arange(replicates * BUCKETS, dtype=np.uint64)
    bits = mixed(mixed(counters) ^ mixed(np.array([seed + 1], np.uint64)))
    uniform = (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53
    shares = np.cumsum([math.exp(-1.0) / math.factorial(count) for count in range(20)])
    return np.searchsorted(shares, uniform, side="right").astype(np.uint8).reshape(replicates, BUCKETS)
