"""The rows of small groups, kept so that their quantiles are exact."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from losscli.roles import FloatArray, IntArray
from losscli.summary.blocks import grown, target_groups
from losscli.summary.exact import exact_sum
from losscli.summary.quantiles import share
from losscli.summary.runs import Columns, Run, Spool, SpoolFile

SAMPLE_ROWS = 10_000
_COMPACT_ROWS = 1 << 16
# Rows held in memory, 6 MB of them or 10 with weights; what is more goes to a temporary file.
_MEMORY_ROWS = 1 << 19


class SmallSample:
    """Values and weights of every group of at most `SAMPLE_ROWS` rows.

    A group that grows beyond is dropped whole, so what is kept depends on the
    final number of rows alone.  Values may be infinite; in a group with a nan no
    quantile has a meaning.  A row kept takes 12 bytes, 20 with weights; those of
    many small groups are moved to temporary files, so memory is bounded.
    """

    def __init__(self, *, weighted: bool = False) -> None:
        self._rows: IntArray = np.zeros(0, np.int64)
        # Groups, values and, if there are any, weights.
        self._empty: Columns = (np.zeros(0, np.int32), *(np.zeros(0) for _ in range(1 + weighted)))
        self._chunks: list[Columns] = []
        self._stored = 0
        self._compact_at = _COMPACT_ROWS
        # Rows in files, and by what name we know their groups.
        self._spools: list[tuple[Spool, IntArray | None]] = []
        self._file = SpoolFile()
        self._runs: list[Run] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_runs": None}

    def update(self, values: FloatArray, weights: FloatArray | None, codes: IntArray | None, counts: IntArray) -> None:
        """Add rows: values and weights (n,), the group of each in `codes` (n,), None for group 0.

        `counts` are the rows of each group among them, (groups,).
        """
        self._rows = grown(self._rows, counts.size)
        self._rows += counts
        if int(self._rows.min()) > SAMPLE_ROWS:
            if self._chunks:
                self._compact()
            return
        columns = (values,) if weights is None else (values, weights)
        if codes is None:
            self._store((np.zeros(values.size, np.int32), *(column.copy() for column in columns)))
            return
        kept = np.flatnonzero((self._rows <= SAMPLE_ROWS).take(codes))
        if kept.size:
            self._store((codes[kept].astype(np.int32), *(column[kept] for column in columns)))

    def merge(self, other: SmallSample, codes: IntArray | None) -> None:
        """Add another's rows; its group i is our group ``codes[i]`` (None: i)."""
        if other._rows.size == 0:
            return
        target = target_groups(codes, other._rows.size)
        self._rows = grown(self._rows, int(target.max()) + 1)
        self._rows[target] += other._rows
        for groups, *columns in other._chunks:
            self._store((target[groups].astype(np.int32), *columns))
        self._spools += [(spool, target if names is None else target[names]) for spool, names in other._spools]
        self._compact()

    def holds(self, group: int | None) -> bool:
        """Whether every row of a group, or of all groups, is still here."""
        if group is None:
            return int(self._rows.sum()) <= SAMPLE_ROWS
        return group >= self._rows.size or int(self._rows[group]) <= SAMPLE_ROWS

    def ordered(self, group: int | None) -> tuple[FloatArray, FloatArray | None]:
        """Values (n,) of a group in ascending order, and their weights (n,)."""
        if self._runs is None:
            self._runs = self._sorted()
        parts = [run.rows_of(group) for run in self._runs]
        values, *weights = (np.concatenate(column) for column in zip(*parts, strict=True))
        if not weights:
            return np.sort(values), None
        order = np.argsort(values, kind="stable")
        return values[order], weights[0][order]

    def _sorted(self) -> list[Run]:
        """Everything by group, piece by piece: what is in files stays there."""
        codes, *columns = self._selected(self._joined())
        runs = [Run.sorted_by_group(codes, tuple(columns))]
        for spool, names in self._spools:
            codes, *columns = spool.read(0, spool.rows)
            codes, *columns = self._selected((codes if names is None else names[codes].astype(np.int32), *columns))
            if codes.size:
                runs.append(Run.sorted_by_group(codes, tuple(columns)).spooled(self._file))
        return runs

    def _store(self, columns: Columns) -> None:
        self._chunks.append(columns)
        self._runs = None
        self._stored += columns[0].size
        if self._stored > self._compact_at:
            self._compact()

    def _joined(self) -> Columns:
        """All chunks as one."""
        return tuple(np.concatenate(column) for column in zip(self._empty, *self._chunks, strict=True))

    def _selected(self, columns: Columns) -> Columns:
        """The rows of groups that are still small."""
        kept = np.flatnonzero((self._rows <= SAMPLE_ROWS).take(columns[0]))
        return columns if kept.size == columns[0].size else tuple(column[kept] for column in columns)

    def _compact(self) -> None:
        """Join the chunks and drop the groups that have become large; move to a file what is still too much."""
        self._runs = None
        columns = self._selected(self._joined())
        if columns[0].size > _MEMORY_ROWS // 2:
            self._spools.append((self._file.append(columns), None))
            columns = self._empty
        self._stored = columns[0].size
        self._compact_at = min(max(_COMPACT_ROWS, 2 * self._stored), _MEMORY_ROWS)
        self._chunks = [columns] if self._stored else []


def exact_quantiles(values: FloatArray, weights: FloatArray | None, shares: Sequence[float]) -> list[float | None]:
    """The exact inverted CDF of ascending values at each share, or None where there is no weight."""
    found: list[float | None] = []
    for p in shares:
        wanted = share(p)
        if values.size == 0:
            found.append(None)
        elif weights is None:
            rank = -(-wanted.numerator * values.size // wanted.denominator)
            found.append(float(values[rank - 1]) + 0.0)
        else:
            found.append(_weighted_quantile(values, weights, wanted))
    return found


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
