"""Which row of one data set belongs to which of another, and reading the two in step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Literal

import numpy as np
import pyarrow as pa

from losscli.errors import InputError, UsageError
from losscli.joining.keys import Fingerprints, fingerprints
from losscli.joining.layout import Layout
from losscli.joining.matching import EXAMPLES, ROW, Findings, keyed, match
from losscli.joining.spill import Spill, integers_of
from losscli.readers import ColumnType, Shard, Source
from losscli.readers.arrays import convert, integer_array
from losscli.readers.source import Batches
from losscli.records import dataclass
from losscli.roles import IntArray

Missing = Literal["refuse", "drop"]

KEY_ROWS = 65_536

# What a partition takes in memory is a few times what it takes on disk.
PARTITION_BYTES = 1 << 24
MOST_PARTITIONS = 1 << 10

# Rows of the left side whose partners are put into order together.
RANGE_ROWS = 1 << 18


@dataclass(frozen=True)
class Side:
    """One side of a join: its files, the columns to read of them, the key and what the user calls the side.

    `types` need not have the key, and need to have some column.
    """

    sources: Sequence[Source]
    types: Mapping[str, ColumnType]
    key: str | None = None

    @property
    def name(self) -> str:
        """The files, for messages."""
        return ", ".join(source.path for source in self.sources[:EXAMPLES])

    def batches(self, types: Mapping[str, ColumnType], layout: Layout) -> Iterator[pa.RecordBatch]:
        """All rows in order; their shards are counted in `layout`."""
        for source in self.sources:
            for shard in source.shards():
                layout.start(shard)
                for _, batch in shard.batches(types, KEY_ROWS):
                    layout.add(batch.num_rows)
                    yield batch

    def keys(self, layout: Layout) -> Iterator[Fingerprints]:
        """The keys of all rows, in order."""
        assert self.key is not None
        for batch in self.batches({self.key: "text"}, layout):
            yield fingerprints(batch.column(0))

    def check_key(self) -> None:
        """Raise an InputError for a key that is a column of lists, or is not there."""
        for source in self.sources:
            found = next((column for column in source.columns if column.name == self.key), None)
            if found is None:
                listed = ", ".join(column.name for column in source.columns[:12])
                raise InputError(f'{source.path}: no column "{self.key}" to join on', f"one of the columns: {listed}")
            if found.kind in ("vector", "matrix", "other") and not found.as_text:
                raise InputError(f'{source.path}: the key "{self.key}" holds {found.type}', "a column of single values")


@dataclass(frozen=True)
class Unmatched:
    """Rows of one side without a partner: how many, and the keys of the first ones."""

    count: int = 0
    examples: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The first keys."""
        return ", ".join(self.examples) + (", …" if self.count > len(self.examples) else "")


@dataclass(frozen=True)
class Pair:
    """Rows that belong together, as many in `left` as in `right`.

    `first_row` is the number that the left shard gives its first row; where
    rows without a partner were left out, `kept` has the places, counted from
    that row, of those that are here.
    """

    first_row: int
    left: pa.RecordBatch
    right: pa.RecordBatch
    kept: IntArray | None = None


@dataclass(frozen=True)
class InStep:
    """The right side where its rows are in the order of the left."""

    side: Side
    layout: Layout

    def rows(self, first: int) -> Iterator[tuple[IntArray, pa.RecordBatch]]:
        """Batches of the right side from row `first` on, each with the left rows it belongs to."""
        for shard, start in self.layout.from_row(first):
            row = start
            for _, batch in shard.batches(self.side.types, KEY_ROWS):
                skipped = min(max(first - row, 0), batch.num_rows)
                if skipped < batch.num_rows:
                    yield np.arange(row + skipped, row + batch.num_rows), batch.slice(skipped)
                row += batch.num_rows


@dataclass(frozen=True)
class Reordered:
    """The right side where it was put into the order of the left, in ranges of left rows."""

    types: Mapping[str, ColumnType]
    spill: Spill
    total: int

    def rows(self, first: int) -> Iterator[tuple[IntArray, pa.RecordBatch]]:
        """As `InStep.rows`; left rows without a partner are left out."""
        for part in range(first // RANGE_ROWS, -(-self.total // RANGE_ROWS)):
            stored = self.spill.read(part)
            if stored is None:
                continue
            rows = integers_of(stored, ROW)
            order = np.argsort(rows)
            order = order[np.searchsorted(rows[order], first) :]
            chosen = stored.take(integer_array(order.astype(np.int64)))
            columns = [convert(chosen.column(name), wanted) for name, wanted in self.types.items()]
            yield rows[order], pa.RecordBatch.from_arrays(columns, names=list(self.types))


@dataclass(frozen=True)
class PairShard:
    """A run of shards of one left file with their partners; holds no data and pickles.

    `first` is the row of the left side, all files together, with which it starts.
    """

    shards: tuple[Shard, ...]
    first: int
    partners: InStep | Reordered
    types: Mapping[str, ColumnType]

    @property
    def file(self) -> int:
        return self.shards[0].file

    @property
    def first_row(self) -> int:
        """The number of the first row within its file, as its shard gives it."""
        return self.shards[0].first_row

    def pairs(self, chunk_rows: int) -> Iterator[Pair]:
        """The rows in the order of the left side; those behind the first shard are numbered on."""
        partners = _Partners(self.partners.rows(self.first))
        row, number = self.first, self.first_row
        for _, left in self._batches(chunk_rows):
            places, right = partners.upto(row + left.num_rows)
            if len(places) == left.num_rows:
                yield Pair(number, left, right)
            elif len(places):
                kept = places - row
                yield Pair(number, left.take(integer_array(kept.astype(np.int64))), right, kept)
            row += left.num_rows
            number += left.num_rows

    def _batches(self, chunk_rows: int) -> Batches:
        for shard in self.shards:
            yield from shard.batches(self.types, chunk_rows)


class _Partners:
    """Right rows as they come, handed out as far as a left row."""

    def __init__(self, found: Iterator[tuple[IntArray, pa.RecordBatch]]) -> None:
        self.found = found
        self.waiting: list[tuple[IntArray, pa.RecordBatch]] = []

    def upto(self, stop: int) -> tuple[IntArray, pa.RecordBatch]:
        """The rows below left row `stop` that were not handed out before."""
        taken: list[tuple[IntArray, pa.RecordBatch]] = []
        while True:
            rows, batch = self.waiting.pop() if self.waiting else next(self.found, (_NO_ROWS, None))
            if batch is None:
                break
            count = int(np.searchsorted(rows, stop))
            taken.append((rows[:count], batch.slice(0, count)))
            if count < len(rows):
                self.waiting.append((rows[count:], batch.slice(count)))
                break
            if len(rows) and rows[-1] == stop - 1:
                break
        if not taken:
            return _NO_ROWS, None
        if len(taken) == 1:
            return taken[0]
        columns = [_joined([batch.column(place) for _, batch in taken]) for place in range(taken[0][1].num_columns)]
        names = taken[0][1].schema.names
        return np.concatenate([rows for rows, _ in taken]), pa.RecordBatch.from_arrays(columns, names=names)


_NO_ROWS = np.zeros(0, np.intp)


def _joined(pieces: Sequence[pa.Array]) -> pa.Array:
    """One array of several; dictionaries of two batches are two."""
    if not pa.types.is_dictionary(pieces[0].type):
        return pa.concat_arrays(pieces)
    return convert(pa.concat_arrays([piece.dictionary_decode() for piece in pieces]), "text")


@dataclass
class Alignment:
    """What `align` has found; gives the pairs in shards.

    `positional` says that the rows of both sides are in one order.  As a
    context it frees its temporary files, which go with the process at the latest.
    """

    left: Side
    right: Side
    layout: Layout
    partners: InStep | Reordered
    left_only: Unmatched = field(default_factory=Unmatched)
    right_only: Unmatched = field(default_factory=Unmatched)

    @property
    def positional(self) -> bool:
        return isinstance(self.partners, InStep)

    def shards(self, file: int | None = None) -> list[PairShard]:
        """The pairs in parts that can be read alone, in the order of the left side; all, or those of one left file."""
        least = 0
        if isinstance(self.partners, InStep):
            # A part reads the right side from the start of one of its shards.
            least = self.layout.total // max(len(self.partners.layout.shards), 1)
        return [
            PairShard(run, first, self.partners, self.left.types)
            for run, first in self.layout.runs(least)
            if file is None or run[0].file == file
        ]

    def __enter__(self) -> Alignment:
        return self

    def __exit__(self, *_: object) -> None:
        if isinstance(self.partners, Reordered):
            self.partners.spill.close()


def align(left: Side, right: Side, *, missing: Missing = "refuse", spare_right: bool = False) -> Alignment:
    """Settle which row of `right` belongs to which of `left`; reads the keys of both.

    Raises InputError for keys that are missing, null or there twice, with
    how many and the first ones, and UsageError for data that can be read only
    once.
    """
    for source in (*left.sources, *right.sources):
        if source.read_once:
            raise UsageError(
                f"{source.path}: rows are joined in more than one pass, which an iterator of batches does not allow",
                "a file or a table",
            )
    if left.key is None or right.key is None:
        return _by_position(left, right)
    left.check_key()
    right.check_key()
    return _in_step(left, right) or _by_partition(left, right, missing, spare_right)


def _by_position(left: Side, right: Side) -> Alignment:
    layouts = Layout(), Layout()
    for side, layout in zip((left, right), layouts, strict=True):
        if not layout.known(side.sources):
            name = next(iter(side.types))
            for _ in side.batches({name: side.types[name]}, layout):
                pass
    if layouts[0].total != layouts[1].total:
        raise InputError(
            f"{left.name} has {layouts[0].total:,} rows, but {right.name} has {layouts[1].total:,}",
            "as many rows in both, in the same order",
            "a key to join them on",
        )
    return Alignment(left, right, layouts[0], InStep(right, layouts[1]))


def _in_step(left: Side, right: Side) -> Alignment | None:
    """The alignment of sides whose keys are the same row by row and never repeat; None for others."""
    layouts = Layout(), Layout()
    ours, theirs = _Keys(left.keys(layouts[0])), _Keys(right.keys(layouts[1]))
    last: int | None = None
    ascending = True
    while count := min(ours.ready(), theirs.ready()):
        one = ours.take(count)
        if not one.same_as(theirs.take(count)):
            return None
        if ascending:
            last = one.ascending_from(last)
            ascending = last is not None
    # Whole numbers that ascend do not repeat; others have to be looked at together.
    if ours.ready() or theirs.ready() or not (ascending or _distinct(left)):
        return None
    return Alignment(left, right, layouts[0], InStep(right, layouts[1]))


class _Keys:
    """A stream of keys from which any number can be taken."""

    def __init__(self, found: Iterator[Fingerprints]) -> None:
        self.found = found
        self.head: Fingerprints | None = None

    def ready(self) -> int:
        """How many can be taken at once; 0 at the end."""
        while self.head is None or not len(self.head):
            self.head = next(self.found, None)
            if self.head is None:
                return 0
        return len(self.head)

    def take(self, count: int) -> Fingerprints:
        assert self.head is not None
        taken, self.head = self.head[:count], self.head[count:]
        return taken


def _distinct(side: Side) -> bool:
    """Whether no key of a side repeats."""
    parts = _partitions(side)
    findings = Findings()
    with Spill() as spill:
        _spill_keys(side, Layout(), spill, parts, findings)
        for part in range(parts):
            match(spill.read(part), None, findings, Findings())
    return not findings.twice


def _spill_keys(side: Side, layout: Layout, spill: Spill, parts: int, findings: Findings) -> None:
    row = 0
    for keys in side.keys(layout):
        findings.note_nameless(keys.missing, row)
        batch, known = keyed(keys, row)
        spill.add(batch, keys.parts(parts)[known])
        row += len(keys)


def _by_partition(left: Side, right: Side, missing: Missing, spare_right: bool) -> Alignment:
    assert right.key is not None
    parts = _partitions(left, right)
    layout, of_left, of_right = Layout(), Findings(), Findings()
    ranges = Spill()
    with Spill() as ours, Spill() as theirs:
        _spill_keys(left, layout, ours, parts, of_left)
        row = 0
        # A key that is wanted as well is text like any key.
        for batch in right.batches({**right.types, right.key: "text"}, Layout()):
            keys = fingerprints(batch.column(right.key))
            of_right.note_nameless(keys.missing, row)
            stored, known = keyed(keys, row, batch.select(list(right.types)))
            theirs.add(stored, keys.parts(parts)[known])
            row += batch.num_rows
        for part in range(parts):
            partners = theirs.read(part)
            rows, places = match(ours.read(part), partners, of_left, of_right)
            if partners is not None and len(rows):
                values = partners.take(integer_array(places.astype(np.int64)))
                found = [integer_array(rows), *(values.column(name) for name in right.types)]
                ranges.add(pa.RecordBatch.from_arrays(found, names=[ROW, *right.types]), rows // RANGE_ROWS)
    # From here on several threads read it.
    ranges.flush()
    _refuse(left, right, layout.total, of_left, of_right, missing == "drop", missing == "drop" or spare_right)
    return Alignment(
        left,
        right,
        layout,
        Reordered(right.types, ranges, layout.total),
        Unmatched(of_left.alone + of_left.nameless, tuple(_key_texts(left, of_left.alone_rows))),
        Unmatched(of_right.alone + of_right.nameless, tuple(_key_texts(right, of_right.alone_rows))),
    )


def _partitions(*sides: Side) -> int:
    """How many partitions keep each of them small."""
    stored = sum(source.bytes or (source.rows or 0) * 16 for side in sides for source in side.sources)
    return min(1 << max(stored // PARTITION_BYTES, 1).bit_length(), MOST_PARTITIONS)


def _refuse(left: Side, right: Side, rows: int, of_left: Findings, of_right: Findings, drop: bool, spare: bool) -> None:
    """Raise the InputError for what does not fit together."""
    for side, found in ((left, of_left), (right, of_right)):
        if found.twice:
            examples = _key_texts(side, [first for first, _ in found.twice_rows])
            shown = ", ".join(
                f"{key} (rows {first + 1:,} and {second + 1:,})"
                for key, (first, second) in zip(examples, found.twice_rows, strict=True)
            )
            keys = f'{found.twice:,} key{"" if found.twice == 1 else "s"} of "{side.key}"'
            verb = "stands" if found.twice == 1 else "stand"
            raise InputError(
                f"{side.name}: {keys} {verb} in more than one row: {shown}",
                "a key in one row only",
                "--on with the column that identifies a row",
            )
        if found.nameless and not drop:
            first = (found.first_nameless or 0) + 1
            raise InputError(
                f'{side.name}: column "{side.key}", row {first:,}: the key is missing; {found.nameless:,} '
                f"row{' is' if found.nameless == 1 else 's are'} affected",
                "a key in every row",
            )
    for side, other, found, lenient in ((left, right, of_left, drop), (right, left, of_right, spare)):
        if found.alone and not lenient:
            shown = ", ".join(_key_texts(side, found.alone_rows)) + (", …" if found.alone > EXAMPLES else "")
            counted = f"{found.alone:,} of {rows:,} rows" if side is left else f"{found.alone:,} rows"
            raise InputError(
                f'{side.name}: {counted} with a key "{side.key}" that {other.name} does not have: {shown}',
                "the keys of both files the same",
                None if spare else "--allow-missing, which leaves such rows out and counts them",
            )


def _key_texts(side: Side, rows: Sequence[int]) -> list[str]:
    """The keys of some rows as they are written."""
    assert side.key is not None
    found: dict[int, str] = {}
    first = 0
    wanted = sorted(rows)
    for batch in side.batches({side.key: "text"}, Layout()) if wanted else ():
        while wanted and wanted[0] < first + batch.num_rows:
            row = wanted.pop(0)
            found[row] = str(batch.column(0)[row - first].as_py())
        if not wanted:
            break
        first += batch.num_rows
    return [found[row] for row in rows]
