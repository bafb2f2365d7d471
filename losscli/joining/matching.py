"""Keys of two sides matched, and what is wrong with them."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import field

import numpy as np
import pyarrow as pa

from losscli.joining.keys import Fingerprints
from losscli.joining.spill import integers_of
from losscli.readers.arrays import integer_array
from losscli.records import dataclass
from losscli.roles import BoolArray, IntArray

EXAMPLES = 3

ROW, HIGH, LOW = "\0row", "\0high", "\0low"


@dataclass
class Findings:
    """The rows of one side that have no key, share one, or have no partner; the first of each kind by row.

    `twice` counts the keys that stand in more than one row, and its examples
    are the first two rows of such a key.
    """

    nameless: int = 0
    first_nameless: int | None = None
    twice: int = 0
    twice_rows: list[tuple[int, int]] = field(default_factory=list)
    alone: int = 0
    alone_rows: list[int] = field(default_factory=list)

    def note_nameless(self, rows: BoolArray, first_row: int) -> None:
        """Count the rows without a key."""
        places = np.flatnonzero(rows)
        if len(places):
            self.nameless += len(places)
            if self.first_nameless is None:
                self.first_nameless = first_row + int(places[0])

    def note_twice(self, pairs: Iterable[tuple[int, int]], keys: int) -> None:
        """Count keys that stand in several rows."""
        self.twice += keys
        self.twice_rows = heapq.nsmallest(EXAMPLES, [*self.twice_rows, *pairs])

    def note_alone(self, rows: IntArray) -> None:
        """Count rows without a partner."""
        self.alone += len(rows)
        self.alone_rows = heapq.nsmallest(EXAMPLES, [*self.alone_rows, *np.sort(rows)[:EXAMPLES].tolist()])


def keyed(keys: Fingerprints, first_row: int, values: pa.RecordBatch | None = None) -> tuple[pa.RecordBatch, IntArray]:
    """The rows that have a key, numbered from `first_row`, with their values; and which rows of `keys` they are."""
    known = np.flatnonzero(~keys.missing)
    columns = [
        integer_array((first_row + known).astype(np.int64)),
        integer_array(keys.high[known]),
        integer_array(keys.low[known]),
    ]
    names = [ROW, HIGH, LOW]
    if values is not None:
        chosen = values if len(known) == len(keys) else values.take(integer_array(known.astype(np.int64)))
        columns += chosen.columns
        names += chosen.schema.names
    return pa.RecordBatch.from_arrays(columns, names=names), known


def match(
    left: pa.RecordBatch | None, right: pa.RecordBatch | None, of_left: Findings, of_right: Findings
) -> tuple[IntArray, IntArray]:
    """The left rows that have a partner, and the places of their partners in `right`.

    Both hold all rows of some keys, as `keyed` gives them.  What is wrong with
    them is noted.
    """
    sides = [batch for batch in (left, right) if batch is not None]
    if not sides:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    count = 0 if left is None else left.num_rows
    rows, high, low = (
        np.concatenate([integers_of(side, name, dtype) for side in sides])
        for name, dtype in ((ROW, np.int64), (HIGH, np.uint64), (LOW, np.uint64))
    )
    is_right = np.arange(len(rows)) >= count
    # Left before right and in the order of the rows among those of one key.
    order = np.lexsort((rows, is_right, low, high))
    new = np.ones(len(order), np.bool_)
    new[1:] = (high[order[1:]] != high[order[:-1]]) | (low[order[1:]] != low[order[:-1]])
    starts = np.flatnonzero(new)
    sizes = np.diff(starts, append=len(order))
    of_key = np.add.reduceat(is_right[order].astype(np.intp), starts)
    lefts, rights = sizes - of_key, of_key
    for findings, found, offset in ((of_left, lefts, 0), (of_right, rights, lefts)):
        several = found > 1
        if several.any():
            firsts = (starts + offset)[several]
            pairs = zip(rows[order[firsts]].tolist(), rows[order[firsts + 1]].tolist(), strict=True)
            findings.note_twice(pairs, int(several.sum()))
    of_left.note_alone(rows[order[starts[(lefts > 0) & (rights == 0)]]])
    of_right.note_alone(rows[order[starts[(rights > 0) & (lefts == 0)]]])
    pairs_start = starts[(lefts == 1) & (rights == 1)]
    return rows[order[pairs_start]], order[pairs_start + 1] - count
