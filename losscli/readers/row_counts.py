"""From the numbers that shards give their rows to the rows of the files."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import field
from itertools import accumulate

from losscli.records import dataclass


@dataclass
class RowCounts:
    """How many rows were read from each shard, by (file, number of its first row); merges two at a time."""

    shards: dict[tuple[int, int], int] = field(default_factory=dict)
    _tables: dict[int, tuple[list[int], list[int]]] = field(default_factory=dict, repr=False, compare=False)

    def add(self, file: int, first_row: int, rows: int) -> None:
        """Count `rows` more of the shard that starts with `first_row`."""
        key = file, first_row
        self.shards[key] = self.shards.get(key, 0) + rows
        self._tables.clear()

    def merge(self, other: RowCounts) -> None:
        """Take over the counts of `other`."""
        for (file, first_row), rows in other.shards.items():
            self.add(file, first_row, rows)

    def by_file(self) -> dict[int, int]:
        """The rows read of each file."""
        files: dict[int, int] = {}
        for (file, _), rows in self.shards.items():
            files[file] = files.get(file, 0) + rows
        return files

    def row_of(self, file: int, number: int) -> int:
        """The 0-based row of the file that its shard numbered `number`, if all shards before it were counted."""
        if file not in self._tables:
            counted = sorted(self._of(file))
            before = accumulate((rows for _, rows in counted), initial=0)
            self._tables[file] = [first for first, _ in counted], list(before)
        starts, before_shard = self._tables[file]
        shard = bisect_right(starts, number) - 1
        return before_shard[shard] + number - starts[shard]

    def _of(self, file: int) -> Iterator[tuple[int, int]]:
        return ((first_row, rows) for (one, first_row), rows in self.shards.items() if one == file)
