"""Parquet: row groups are the shards, and only the columns asked for are decoded."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

import pyarrow as pa

from losscli.errors import InputError
from losscli.readers.filesystems import is_answer, refusal
from losscli.readers.nested import columns_of
from losscli.readers.parquet_file import ParquetFile, open_file
from losscli.readers.schema import PEEKED_ROWS, check_names, lists_without_length, projected, with_seen_lengths
from losscli.readers.source import Batches, ColumnType, Format, Shard, Source
from losscli.readers.storage import is_uri, opened
from losscli.readers.streams import Place, first_sentence
from losscli.records import dataclass

MAGIC = b"PAR1"

# Small row groups are read together: below this a shard costs more to start than to read.
SHARD_ROWS = 1 << 20

# With a buffer of this size a row group is streamed; without one it is read whole.
BUFFER_BYTES = 1 << 18


@dataclass(frozen=True)
class ParquetShard(Shard):
    """A run of row groups; `texts` are the columns stored as strings."""

    place: Place
    row_groups: tuple[int, ...]
    texts: frozenset[str]

    stores_types = True

    def batches(self, types: Mapping[str, ColumnType], chunk_rows: int) -> Batches:
        first_row = self.first_row or 0
        dictionaries = [name for name, wanted in types.items() if wanted == "text" and name in self.texts]
        with _opened(self.place, dictionaries) as file:
            for batch in file.iter_batches(chunk_rows, self.row_groups, list(types), use_threads=False):
                if batch.num_rows:
                    yield first_row, projected(batch, types, self.place)
                    first_row += batch.num_rows


@dataclass(frozen=True)
class ParquetSource(Source):
    """A Parquet file; `group_rows` are the rows of each of its row groups."""

    group_rows: tuple[int, ...]

    def shards(self) -> list[Shard]:
        runs: list[list[int]] = []
        rows = 0
        for group, count in enumerate(self.group_rows):
            if not runs or rows + count > SHARD_ROWS:
                runs.append([])
                rows = 0
            runs[-1].append(group)
            rows += count
        texts = frozenset(column.name for column in self.columns if column.kind == "text")
        shards: list[Shard] = []
        first_row = 0
        for run in runs:
            rows = sum(self.group_rows[group] for group in run)
            if rows:
                shards.append(ParquetShard(self.index, first_row, rows, self.place, tuple(run), texts))
            first_row += rows
        return shards


def open_parquet(index: int, place: Place) -> ParquetSource:
    """The Parquet file at `place`; InputError when it is damaged or cut off."""
    with _opened(place) as file:
        columns = columns_of(file.schema_arrow)
        check_names(place, [column.name for column in columns])
        metadata = file.metadata
        groups = tuple(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))
        unknown = lists_without_length(columns)
        if unknown:
            first = next(file.iter_batches(PEEKED_ROWS, None, unknown, use_threads=False), None)
            columns = columns if first is None else with_seen_lengths(columns, first)
    return ParquetSource(index, place, "parquet", place.size, sum(groups), columns, groups)


@contextmanager
def _opened(place: Place, dictionaries: Collection[str] = ()) -> Iterator[ParquetFile]:
    """A Parquet file for reading; its failures are InputErrors."""
    try:
        # pre_buffer=True keeps every row group that it has read: 3.3 GB for 200 million rows.  From object storage
        # it saves a round trip for each buffer, and a shard holds few row groups.
        with opened(place.path) as stored:
            yield open_file(
                stored, pre_buffer=is_uri(place.path), buffer_size=BUFFER_BYTES, dictionaries=list(dictionaries)
            )
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if is_answer(error):
            raise refusal(place.name, error) from error
        raise InputError(
            f"{place}: not a readable Parquet file: {first_sentence(error)}",
            "a complete Parquet file",
            "write it again; it may have been cut off while it was written or copied",
        ) from error


FORMATS = (Format("parquet", (".parquet", ".pq", ".parq"), False, lambda head: head.startswith(MAGIC), open_parquet),)
