"""CSV and TSV: types fixed before the first row, quoted newlines, faults named by line.

Blanks around header names are dropped and blank lines are skipped.  Text is
kept as it stands ("NA", "007"); in columns of numbers the words of `MISSING`
are missing values.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from losscli.errors import InputError, NothingToEvaluate
from losscli.readers.csv_cuts import BOM, header_bytes
from losscli.readers.csv_dialect import Dialect, decimal_of, delimiter_of
from losscli.readers.csv_shards import BLOCK_BYTES, csv_shards
from losscli.readers.decoding import encoding_of
from losscli.readers.json_array import is_array
from losscli.readers.number_text import MISSING, NUMBER
from losscli.readers.schema import check_names
from losscli.readers.source import Column, Format, Kind, Shard, Source
from losscli.readers.storage import is_uri
from losscli.readers.streams import Place, head_of, is_compressed
from losscli.readers.text_options import PLAIN, TextOptions
from losscli.records import dataclass

# The header and the rows whose look decides the kind of a column.
HEAD_BYTES = 1 << 16
SAMPLED_ROWS = 100

INTEGER = re.compile(r"[+-]?[0-9]+")
NUMBER_TEXT = re.compile(NUMBER)


@dataclass(frozen=True)
class CsvSource(Source):
    """A CSV or TSV file; one that is `streamed` is read from its start to its end.

    Compressed text has to be, and text that is not UTF-8.  An object in
    storage is, because looking for cuts would fetch all of it once more, by
    one connection.
    """

    dialect: Dialect
    streamed: bool

    def shards(self) -> Sequence[Shard]:
        return csv_shards(self.index, self.place, self.dialect, None if self.streamed else self.bytes)

    def line_of(self, row: int) -> int | None:
        from losscli.readers.csv_faults import line_of_row

        return line_of_row(self.place, self.dialect, row)

    @property
    def written(self) -> Mapping[str, object]:
        return self.dialect.said(self.place.written)


def open_csv(index: int, place: Place, options: TextOptions = PLAIN) -> CsvSource:
    """The CSV file at `place`, with the delimiter that its first lines use."""
    return _open(index, place, "csv", options)


def open_tsv(index: int, place: Place, options: TextOptions = PLAIN) -> CsvSource:
    """The tab-separated file at `place`."""
    return _open(index, place, "tsv", replace(options, delimiter=options.delimiter or "\t"))


def _open(index: int, place: Place, name: str, options: TextOptions) -> CsvSource:
    encoding = options.encoding or encoding_of(head_of(place, HEAD_BYTES))
    if encoding not in (None, "utf-8"):
        place = replace(place, written=encoding)
    skipped, head = _head(place)
    text = head.decode(errors="replace")
    delimiter = delimiter_of(text, options)
    quote = '"' if options.quote is None else options.quote
    headers, sample = _sample(place, head + b"\n", delimiter, quote, header=options.header)
    # Spreadsheets write empty headers for the empty columns behind the last one.  Nobody can ask for two such columns,
    # so that they need no names of their own; but the header has as many values as the rows.
    nameless = [number for number, header in enumerate(headers) if not header.strip()][1:]
    names = [f"\0{number}" if number in nameless else header.strip() for number, header in enumerate(headers)]
    check_names(place, names)
    decimal = decimal_of(delimiter, sample, options)
    columns = tuple(
        _column(name, header, values, decimal)
        for number, (name, header, values) in enumerate(zip(names, headers, sample, strict=True))
        if number not in nameless
    )
    length = header_bytes(head, delimiter, quote) if options.header else 0
    dialect = Dialect(
        delimiter,
        dict(zip(names, headers, strict=True)),
        skipped + length if length is not None and (length or skipped) else 0,
        quote,
        decimal,
        options.header,
        frozenset(column.name for column in columns if column.kind == "number") if decimal != "." else frozenset(),
    )
    streamed = is_uri(place.path) or is_compressed(place) or place.written is not None
    return CsvSource(index, place, name, place.size, None, columns, dialect, streamed)


def _column(name: str, header: str, values: list[str], decimal: str) -> Column:
    """The column called `name` under a `header`, with these first `values`."""
    column = Column(name, _kind(values, decimal), None, "text", header=header if header != name else None)
    if column.kind != "text":
        return column
    from losscli.readers.text_lists import as_list_column

    return as_list_column(column, values)


def _head(place: Place) -> tuple[int, bytes]:
    """How many bytes stand before the first line, and the text from there on, with at least the whole first line."""
    size = HEAD_BYTES
    while True:
        head = head_of(place, size)
        if len(head) < size or head.strip().count(b"\n") or size >= BLOCK_BYTES:
            break
        size *= 8
    if b"\0" in head:
        raise InputError(
            f"{place}: not a text file: it holds NUL bytes", "CSV text", "--format NAME, or --encoding utf-16"
        )
    text = head.removeprefix(BOM).lstrip(b"\r\n")
    if not text.strip():
        raise NothingToEvaluate(f"{place}: the file is empty", "a header and rows")
    complete = text if len(head) < size else text[: text.rfind(b"\n") + 1]
    return len(head) - len(text), complete or text


def _sample(
    place: Place, head: bytes, delimiter: str, quote: str, *, header: bool
) -> tuple[list[str], list[list[str]]]:
    """The header names as written, and the first values of each column as text."""
    plain = _plain_sample(head, delimiter, quote, header=header)
    return _arrow_sample(place, head, delimiter, quote, header=header) if plain is None else plain


def _plain_sample(head: bytes, delimiter: str, quote: str, *, header: bool) -> tuple[list[str], list[list[str]]] | None:
    """The same without Arrow, whose reader leaves a thread behind, and a process with two cannot fork.

    None for text on which the two may not agree, or that has a fault to tell.
    """
    if not _is_utf8(head) or b"\r" in head.replace(b"\r\n", b""):
        return None
    lines = io.StringIO(head.decode(errors="ignore"), newline="")
    reader = csv.reader(
        lines,
        delimiter=delimiter,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        strict=True,
    )
    rows: list[list[str]] = []
    try:
        for row in reader:
            # Rows of another length are faults, which the reader of the rows tells.
            if row and (not rows or len(row) == len(rows[0])):
                rows.append(row)
                if len(rows) > SAMPLED_ROWS:
                    break
    except csv.Error:
        return None
    if not rows:
        return None
    names = rows[0] if header else [f"c{place}" for place in range(1, len(rows[0]) + 1)]
    values = rows[1:] if header else rows[:SAMPLED_ROWS]
    return names, [[row[place] for row in values] for place in range(len(names))]


def _arrow_sample(
    place: Place, head: bytes, delimiter: str, quote: str, *, header: bool
) -> tuple[list[str], list[list[str]]]:
    from pyarrow import csv

    # The handler gets the row as text, and what is not UTF-8 fails inside Arrow, out of our reach.
    handler = (lambda _: "skip") if _is_utf8(head) else None
    parse = csv.ParseOptions(
        delimiter=delimiter, quote_char=quote or False, newlines_in_values=True, invalid_row_handler=handler
    )
    whole = csv.ReadOptions(use_threads=False, block_size=len(head) + 1, autogenerate_column_names=not header)
    try:
        names = csv.read_csv(pa.BufferReader(head), read_options=whole, parse_options=parse).column_names
    except (UnicodeDecodeError, pa.ArrowInvalid) as error:
        from losscli.readers.csv_faults import not_utf8, refuse_open_quote, unreadable

        if handler is None:
            raise not_utf8(place) from None
        # A first row without an end has no columns.
        refuse_open_quote(place, Dialect(delimiter, {}, 0, quote, header=header))
        raise unreadable(place, error) from error
    as_read = csv.ConvertOptions(column_types={name: pa.binary() for name in names})
    try:
        table = csv.read_csv(pa.BufferReader(head), read_options=whole, parse_options=parse, convert_options=as_read)
    except pa.ArrowInvalid:
        if handler is not None:
            raise
        from losscli.readers.csv_faults import not_utf8

        raise not_utf8(place) from None
    rows = table.slice(0, SAMPLED_ROWS)
    shown = names if header else [f"c{place}" for place in range(1, len(names) + 1)]
    return shown, [[value.decode(errors="replace") for value in column.to_pylist()] for column in rows.columns]


def _is_utf8(head: bytes) -> bool:
    """Whether the start of a file is UTF-8, the last character of which may be cut off."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def _kind(values: list[str], decimal: str) -> Kind:
    """What the first values of a column look like; missing ones do not count."""
    present = [value.strip() for value in values if value.strip() not in MISSING]
    if not present:
        return "text"
    if all(INTEGER.fullmatch(value) for value in present):
        return "integer"
    number = NUMBER_TEXT if decimal == "." else re.compile(NUMBER.replace(r"\.", decimal))
    if all(number.fullmatch(value) for value in present):
        return "number"
    return "boolean" if all(value.lower() in ("true", "false") for value in present) else "text"


def _is_text(head: bytes) -> bool:
    if encoding_of(head) is not None:
        return True
    return b"\0" not in head and not head.lstrip().startswith(b"{") and not is_array(head)


def _has_tabs(head: bytes) -> bool:
    header = head.lstrip().split(b"\n", 1)[0]
    return b"\t" in header and b"," not in header


FORMATS = (
    Format("csv", (".csv",), True, lambda head: _is_text(head) and not _has_tabs(head), open_csv, open_csv),
    Format("tsv", (".tsv", ".tab"), True, lambda head: _is_text(head) and _has_tabs(head), open_tsv, open_tsv),
)
