"""Smallest and largest value of each group."""

from __future__ import annotations

import math

import numpy as np

from losscli.roles import FloatArray, IntArray
from losscli.summary.blocks import target_groups


class Extremes:
    """Minimum and maximum for each group; values must not be nan."""

    def __init__(self) -> None:
        self._minima: FloatArray = np.zeros(0)
        self._maxima: FloatArray = np.zeros(0)

    def update(self, values: FloatArray, codes: IntArray | None, groups: int, ends: tuple[float, float]) -> None:
        """Add values (n,) with group codes (n,), None for group 0; `ends` are their minimum and maximum."""
        self._grow(groups)
        if codes is None:
            self._minima[0] = min(float(self._minima[0]), ends[0])
            self._maxima[0] = max(float(self._maxima[0]), ends[1])
            return
        # Only values beyond the least extreme group can matter; once every group is known that is next to none.
        limit = self._minima.max()
        if ends[0] < limit:
            rows = np.flatnonzero(values < limit)
            np.minimum.at(self._minima, codes[rows], values[rows])
        limit = self._maxima.min()
        if ends[1] > limit:
            rows = np.flatnonzero(values > limit)
            np.maximum.at(self._maxima, codes[rows], values[rows])

    def merge(self, other: Extremes, codes: IntArray | None) -> None:
        """Add another's groups; its group i is our group ``codes[i]`` (None: i)."""
        if other._minima.size == 0:
            return
        target = target_groups(codes, other._minima.size)
        self._grow(int(target.max()) + 1)
        self._minima[target] = np.minimum(self._minima[target], other._minima)
        self._maxima[target] = np.maximum(self._maxima[target], other._maxima)

    def extremes(self, group: int | None) -> tuple[float, float] | None:
        """(minimum, maximum) of a group or of all groups, or None when it holds no value."""
        part = slice(None) if group is None else slice(group, group + 1)
        low = float(self._minima[part].min(initial=math.inf))
        high = float(self._maxima[part].max(initial=-math.inf))
        # Adding 0 turns -0 into 0: which of the two comes first must not show.
        return None if low > high else (low + 0.0, high + 0.0)

    def _grow(self, groups: int) -> None:
        missing = groups - self._minima.size
        if missing > 0:
            self._minima = np.concatenate([self._minima, np.full(missing, np.inf)])
            self._maxima = np.concatenate([self._maxima, np.full(missing, -np.inf)])
