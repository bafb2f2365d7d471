"""Rows sorted by group, and rows in temporary files."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import replace
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from losscli.distinct import run_starts
from losscli.records import dataclass
from losscli.roles import IntArray

Columns = tuple[NDArray[Any], ...]


class SpoolFile:
    """A temporary file that grows; it goes with its last spool, or when the process ends, however that ends."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._end = 0

    def append(self, columns: Sequence[NDArray[Any]]) -> Spool:
        """Columns (n,) at the end of the file."""
        if self._file is None:
            import tempfile

            self._file = tempfile.TemporaryFile(prefix="losscli-")  # noqa: SIM115  # closed with this object
            weakref.finalize(self, self._file.close)
        self._file.seek(self._end)
        for column in columns:
            self._file.write(np.ascontiguousarray(column).data)
        spool = Spool(self, self._end, columns[0].size, tuple(column.dtype for column in columns))
        self._end = self._file.tell()
        return spool

    def read(self, place: int, size: int) -> bytes:
        """`size` bytes from `place` on."""
        assert self._file is not None
        self._file.seek(place)
        return self._file.read(size)

    def __reduce__(self) -> tuple[Any, ...]:
        return SpoolFile, ()


@dataclass(frozen=True)
class Spool:
    """Columns (n,) from `start` on in a temporary file; pickles with its rows."""

    file: SpoolFile
    start: int
    rows: int
    types: tuple[np.dtype[Any], ...]

    def read(self, first: int, end: int) -> Columns:
        """The rows from `first` to `end`."""
        columns, place = [], self.start
        for kind in self.types:
            data = self.file.read(place + first * kind.itemsize, (end - first) * kind.itemsize)
            columns.append(np.frombuffer(data, kind))
            place += self.rows * kind.itemsize
        return tuple(columns)

    def __reduce__(self) -> tuple[Any, ...]:
        return _spooled, (self.read(0, self.rows),)


def _spooled(columns: Columns) -> Spool:
    return SpoolFile().append(columns)


class Held:
    """Columns (n,) in memory."""

    def __init__(self, columns: Columns) -> None:
        self.rows = columns[0].size
        self._columns = columns

    def read(self, first: int, end: int) -> Columns:
        """The rows from `first` to `end`."""
        return tuple(column[first:end] for column in self._columns)


@dataclass(frozen=True)
class Run:
    """Rows of some groups, group after group.

    The rows of ``groups[i]``, which ascend, are those from ``starts[i]`` to
    ``ends[i]``.
    """

    groups: IntArray
    starts: IntArray
    ends: IntArray
    rows: Held | Spool

    @staticmethod
    def sorted_by_group(codes: NDArray[Any], columns: Columns) -> Run:
        """The rows whose groups are `codes`; all (n,)."""
        # NumPy sorts 16-bit integers by radix, ten times as fast as others.
        narrow = codes.astype(np.uint16) if codes.size and int(codes.max()) < 1 << 16 else codes
        order = np.argsort(narrow, kind="stable")
        ordered = codes[order]
        starts = run_starts(ordered)
        groups = ordered[starts]
        ends = np.append(starts[1:], codes.size)[: groups.size]
        return Run(groups.astype(np.int64), starts, ends, Held(tuple(column[order] for column in columns)))

    def spooled(self, file: SpoolFile) -> Run:
        """The same run in a temporary file."""
        return replace(self, rows=file.append(self.rows.read(0, self.rows.rows)))

    def rows_of(self, group: int | None) -> Columns:
        """The columns of one group, or of all groups."""
        if group is None:
            return self.rows.read(0, self.rows.rows)
        place = int(np.searchsorted(self.groups, group))
        if place == self.groups.size or self.groups[place] != group:
            return self.rows.read(0, 0)
        return self.rows.read(int(self.starts[place]), int(self.ends[place]))
