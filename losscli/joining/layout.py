"""Where the rows of each shard stand among all rows of one side."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import field

from losscli.readers import Shard, Source
from losscli.records import dataclass


@dataclass
class Layout:
    """The shards of a side in order, and the row with which each starts."""

    shards: list[Shard] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    total: int = 0

    def start(self, shard: Shard) -> None:
        """Go on with the next shard."""
        self.shards.append(shard)
        self.starts.append(self.total)

    def add(self, rows: int) -> None:
        """Count rows of the shard at hand."""
        self.total += rows

    def known(self, sources: Sequence[Source]) -> bool:
        """Whether the shards say themselves how many rows they hold; they are counted if they do."""
        shards = [shard for source in sources for shard in source.shards()]
        if any(shard.rows is None for shard in shards):
            return False
        for shard in shards:
            self.start(shard)
            self.add(shard.rows or 0)
        return True

    def from_row(self, row: int) -> Iterator[tuple[Shard, int]]:
        """The shard that holds a row and those behind it, each with its first row."""
        place = max(bisect_right(self.starts, row) - 1, 0)
        yield from zip(self.shards[place:], self.starts[place:], strict=True)

    def runs(self, least: int) -> Iterator[tuple[tuple[Shard, ...], int]]:
        """Runs of shards of one file with at least so many rows, except at its end; and the first row of each."""
        run: list[Shard] = []
        first = 0
        for place, shard in enumerate(self.shards):
            if run and (shard.file != run[0].file or self.starts[place] - first >= max(least, 1)):
                yield tuple(run), first
                run = []
            if not run:
                first = self.starts[place]
            run.append(shard)
        if run:
            yield tuple(run), first
