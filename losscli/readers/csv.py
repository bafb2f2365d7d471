"""CSV and TSV: types fixed before the first row, quoted newlines, faults named by line.

Blanks around header names are dropped and blank lines are skipped.  Text is
kept as it stands ("NA", "007"); in columns of numbers the words of `MISSING`
are missing values.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from losscli.errors import InputError, NothingToEvaluate
from losscli.readers.arrays import FLOAT, TEXT
from losscli.readers.csv_faults import MISSING, NUMBER, line_of_row, not_utf8, raise_fault, refuse_open_quote
from losscli.readers.schema import WANTED, check_names
from losscli.readers.source import Batches, Column, ColumnType, Format, Kind, Shard, Source, slices
from losscli.readers.streams import Place, head_of, reading

# A row must fit into a block.
BLOCK_BYTES = 1 << 22

# The header and the rows whose look decides the kind of a column.
HEAD_BYTES = 1 << 16
SAMPLED_ROWS = 100

QUOTE = ord('"')

INTEGER = re.compile(r"[+-]?[0-9]+")
NUMBER_TEXT = re.compile(NUMBER)


@dataclass(frozen=True)
class CsvShard(Shard):
    """A whole CSV file; `headers` are the column names as the file writes them, blanks and all."""

    place: Place
    delimiter: str
    headers: Mapping[str, str]

    def batches(self, types: Mapping[str, ColumnType], chunk_rows: int) -> Batches:
        from pyarrow import csv

        headers = {self.headers[name]: self._storage(name, wanted) for name, wanted in types.items()}
        ragged: list[Any] = []

        def refuse(row: Any) -> str:
            ragged.append(row)
            return "error"

        first_row = 0
        with reading(self.place) as stream:
            counted = QuoteCount(stream)
            try:
                for batch in csv.open_csv(
                    counted,
                    read_options=csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
                    parse_options=csv.ParseOptions(
                        delimiter=self.delimiter, newlines_in_values=True, invalid_row_handler=refuse
                    ),
                    convert_options=csv.ConvertOptions(
                        column_types=headers,
                        include_columns=list(headers),
                        null_values=MISSING,
                        strings_can_be_null=False,
                    ),
                ):
                    yield from slices(first_row, batch.rename_columns(list(types)), chunk_rows)
                    first_row += batch.num_rows
            except pa.ArrowInvalid as error:
                if "Empty CSV" in str(error):
                    # A header that ends without a newline.
                    return
                numbers = {self.headers[name]: name for name, wanted in types.items() if wanted == "number"}
                raise_fault(self.file, self.place, self.delimiter, numbers, ragged, error)
            if counted.quotes % 2:
                refuse_open_quote(self.place, self.delimiter)

    def _storage(self, name: str, wanted: ColumnType) -> pa.DataType:
        if wanted == "number":
            return FLOAT
        if wanted == "text":
            return TEXT
        raise InputError(f'{self.place}: column "{name}" holds single values', WANTED[wanted])


class QuoteCount(io.RawIOBase):
    """A stream that counts the quotes that go through it.

    A quote that is never closed makes the rest of a file one value, and Arrow
    takes it without a word; an odd number of quotes gives it away.
    """

    def __init__(self, stream: pa.NativeFile) -> None:
        super().__init__()
        self.stream = stream
        self.quotes = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data: bytes = self.stream.read(size)
        self.quotes += int(np.count_nonzero(np.frombuffer(data, np.uint8) == QUOTE))
        return data


@dataclass(frozen=True)
class CsvSource(Source):
    """A CSV or TSV file, plain or compressed."""

    delimiter: str
    headers: Mapping[str, str]

    def shards(self) -> list[Shard]:
        return [CsvShard(self.index, 0, None, self.place, self.delimiter, self.headers)]

    def line_of(self, row: int) -> int | None:
        return line_of_row(self.place, self.delimiter, row)


def open_csv(index: int, place: Place) -> CsvSource:
    """The CSV file at `place`, with the delimiter that its header uses."""
    return _open(index, place, "csv", None)


def open_tsv(index: int, place: Place) -> CsvSource:
    """The tab-separated file at `place`."""
    return _open(index, place, "tsv", "\t")


def _open(index: int, place: Place, name: str, delimiter: str | None) -> CsvSource:
    head = _head(place)
    header = head.split(b"\n", 1)[0]
    delimiter = delimiter or delimiter_of(header)
    headers, sample = _sample(place, head, delimiter)
    names = [header.strip() for header in headers]
    check_names(place, names)
    columns = tuple(Column(name, _kind(values), None, "text") for name, values in zip(names, sample, strict=True))
    return CsvSource(index, place, name, place.size, None, columns, delimiter, dict(zip(names, headers, strict=True)))


def delimiter_of(header: bytes) -> str:
    """A comma, unless the header has none but holds a semicolon or a tab."""
    if b"," in header:
        return ","
    return max("\t;", key=lambda one: header.count(one.encode())) if b"\t" in header or b";" in header else ","


def _head(place: Place) -> bytes:
    """The start of the file, with at least the whole header, without blank lines before it."""
    size = HEAD_BYTES
    while True:
        head = head_of(place, size)
        if len(head) < size or head.strip().count(b"\n") or size >= BLOCK_BYTES:
            break
        size *= 8
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(
            f"{place}: the text is UTF-16", "UTF-8 text", f"iconv -f utf-16 -t utf-8 {place} > {place}.utf8"
        )
    if b"\0" in head:
        raise InputError(f"{place}: not a text file: it holds NUL bytes", "CSV text", "--format NAME")
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    if not head.strip():
        raise NothingToEvaluate(f"{place}: the file is empty", "a header and rows")
    complete = head if len(head) < size - 3 else head[: head.rfind(b"\n") + 1]
    return (complete or head) + b"\n"


def _sample(place: Place, head: bytes, delimiter: str) -> tuple[list[str], list[list[str]]]:
    """The header names as written, and the first values of each column as text."""
    from pyarrow import csv

    parse = csv.ParseOptions(delimiter=delimiter, newlines_in_values=True, invalid_row_handler=lambda _: "skip")
    whole = csv.ReadOptions(use_threads=False, block_size=len(head) + 1)
    try:
        names = csv.read_csv(pa.BufferReader(head), read_options=whole, parse_options=parse).column_names
    except UnicodeDecodeError:
        raise not_utf8(place) from None
    as_read = csv.ConvertOptions(column_types={name: pa.binary() for name in names})
    table = csv.read_csv(pa.BufferReader(head), read_options=whole, parse_options=parse, convert_options=as_read)
    rows = table.slice(0, SAMPLED_ROWS)
    return names, [[value.decode(errors="replace") for value in column.to_pylist()] for column in rows.columns]


def _kind(values: list[str]) -> Kind:
    """What the first values of a column look like; missing ones do not count."""
    present = [value.strip() for value in values if value.strip() not in MISSING]
    if not present:
        return "text"
    if all(INTEGER.fullmatch(value) for value in present):
        return "integer"
    if all(NUMBER_TEXT.fullmatch(value) for value in present):
        return "number"
    return "boolean" if all(value.lower() in ("true", "false") for value in present) else "text"


def _is_text(head: bytes) -> bool:
    return b"\0" not in head and not head.lstrip().startswith(b"{")


def _has_tabs(head: bytes) -> bool:
    header = head.lstrip().split(b"\n", 1)[0]
    return b"\t" in header and b"," not in header


FORMATS = (
    Format("csv", (".csv",), True, lambda head: _is_text(head) and not _has_tabs(head), open_csv),
    Format("tsv", (".tsv", ".tab"), True, lambda head: _is_text(head) and _has_tabs(head), open_tsv),
)
