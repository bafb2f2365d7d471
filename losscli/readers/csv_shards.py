"""The parts of a CSV file: ranges of whole rows, or what must be read as one stream."""

from __future__ import annotations

import io
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from losscli.errors import InputError
from losscli.readers.arrays import FLOAT, TEXT
from losscli.readers.csv_cuts import Quotes, row_starts
from losscli.readers.csv_dialect import Dialect
from losscli.readers.number_text import MISSING
from losscli.readers.schema import WANTED
from losscli.readers.source import Batches, ColumnType, Shard, Shards, slices
from losscli.readers.streams import Place, reading
from losscli.records import dataclass

# Large enough that starting a range costs nothing, small enough for every worker to hold one.
RANGE_BYTES = 1 << 22

# A row of a stream must fit into a block.
BLOCK_BYTES = 1 << 22


@dataclass(frozen=True)
class CsvShard(Shard):
    """Rows from byte `start` on; the number of a row is the bytes of data before its shard plus its place there."""

    place: Place
    dialect: Dialect
    start: int

    def batches(self, types: Mapping[str, ColumnType], chunk_rows: int) -> Batches:
        from pyarrow import csv

        headers = {self.dialect.headers[name]: self._storage(name, wanted) for name, wanted in types.items()}
        convert = csv.ConvertOptions(
            column_types=headers,
            include_columns=list(headers),
            null_values=MISSING,
            strings_can_be_null=False,
            decimal_point=self.dialect.decimal,
        )
        respelt = [name for name, wanted in types.items() if self._respells(name, wanted)]
        number = self.first_row
        with reading(self.place) as stream:
            try:
                for batch in self._read(stream, convert):
                    batch = batch.rename_columns(list(types))
                    for name in respelt:
                        place = batch.schema.get_field_index(name)
                        batch = batch.set_column(place, name, _with_points(batch.column(place)))
                    yield from slices(number, batch, chunk_rows)
                    number += batch.num_rows
            except pa.ArrowInvalid as error:
                if "Empty CSV" not in str(error):
                    from losscli.readers.csv_faults import raise_fault

                    numbers = [name for name, wanted in types.items() if wanted == "number"]
                    raise_fault(self.file, self.place, self.dialect, numbers, error)

    @abstractmethod
    def _read(self, stream: pa.NativeFile, convert: Any) -> Iterator[pa.RecordBatch]:
        """The rows of the shard, converted."""

    def _names(self) -> Sequence[str] | None:
        """The headers, where the shard does not hold them."""
        return list(self.dialect.headers.values()) if self.start or not self.dialect.header else None

    def _parse(self, *, newlines_in_values: bool) -> Any:
        from pyarrow import csv

        return csv.ParseOptions(
            delimiter=self.dialect.delimiter,
            quote_char=self.dialect.quote or False,
            newlines_in_values=newlines_in_values,
        )

    def _respells(self, name: str, wanted: ColumnType) -> bool:
        """Whether a column of numbers with decimal commas is read as text, where the same value has one spelling."""
        return wanted == "text" and self.dialect.decimal != "." and name in self.dialect.numbers

    def _storage(self, name: str, wanted: ColumnType) -> pa.DataType:
        if wanted == "number":
            return FLOAT
        if wanted == "text":
            return TEXT
        raise InputError(f'{self.place}: column "{name}" holds single values', WANTED[wanted])


@dataclass(frozen=True)
class CsvRange(CsvShard):
    """The whole rows from byte `start` to byte `stop` of a plain file, parsed in one go."""

    stop: int

    def _read(self, stream: pa.NativeFile, convert: Any) -> Iterator[pa.RecordBatch]:
        from pyarrow import csv

        if self.start == self.stop:
            return
        stream.seek(self.start)
        text = stream.read_buffer(self.stop - self.start)
        table = csv.read_csv(
            pa.BufferReader(text),
            csv.ReadOptions(use_threads=False, block_size=text.size + 1, column_names=self._names()),
            # Newlines in values matter only where blocks are cut, and the only block is not.
            self._parse(newlines_in_values=False),
            convert,
        )
        yield from table.to_batches()


@dataclass(frozen=True)
class CsvStream(CsvShard):
    """All rows from byte `start` of the decompressed text on, a block after the other."""

    def _read(self, stream: pa.NativeFile, convert: Any) -> Iterator[pa.RecordBatch]:
        from pyarrow import csv

        if self.place.written is None and stream.seekable():
            stream.seek(self.start)
        else:
            stream.read(self.start)
        quoted = QuotedStream(stream, self.dialect)
        yield from csv.open_csv(
            quoted,
            csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES, column_names=self._names()),
            self._parse(newlines_in_values=True),
            convert,
        )
        if quoted.quotes.inside:
            from losscli.readers.csv_faults import refuse_open_quote

            refuse_open_quote(self.place, self.dialect)


class QuotedStream(io.RawIOBase):
    """A stream whose quotes are followed as it is read.

    A quote that is never closed makes the rest of a file one value, and Arrow
    takes it without a word.
    """

    def __init__(self, stream: pa.NativeFile, dialect: Dialect) -> None:
        super().__init__()
        self.stream = stream
        self.quotes = Quotes(dialect.delimiter, dialect.quote)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data: bytes = self.stream.read(size)
        if data:
            self.quotes.turns(data, len(data))
        return data


def csv_shards(file: int, place: Place, dialect: Dialect, size: int | None) -> Sequence[Shard]:
    """The shards of a plain file of `size` bytes; None is for what is one stream.

    They follow from the file alone.  Where it is cut is found as the shards
    are asked for, so that workers parse what has been looked at meanwhile.
    """
    start = dialect.data_start
    if size is None or not start:
        return [CsvStream(file, 0, None, place, dialect, start)]
    return Shards(-(-(size - start) // RANGE_BYTES), _cut(file, place, dialect, size))


def _cut(file: int, place: Place, dialect: Dialect, size: int) -> Iterator[Shard]:
    first = start = dialect.data_start
    for stop in row_starts(place, dialect.delimiter, first, size, RANGE_BYTES, dialect.quote):
        if stop is None:
            yield CsvStream(file, start - first, None, place, dialect, start)
            start = size
            break
        yield CsvRange(file, start - first, None, place, dialect, start, stop)
        start = stop
    while True:
        yield CsvRange(file, size - first, 0, place, dialect, size, size)


def _with_points(column: pa.DictionaryArray) -> pa.DictionaryArray:
    """A column of numbers with decimal commas, as text that has points."""
    from pyarrow import compute

    comma = r"^(\s*[+-]?[0-9]*),([0-9]*(?:[eE][+-]?[0-9]+)?\s*)$"
    words = compute.replace_substring_regex(column.dictionary, comma, r"\1.\2")
    return pa.DictionaryArray.from_arrays(column.indices, words)
