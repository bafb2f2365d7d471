"""NDJSON: an object on each line, keys as columns, types fixed before the first row; and arrays of objects.

The columns are the keys of the first rows.  A newline always ends a row, for
JSON text holds none, so a plain file may be cut at any: the shards are ranges
of bytes, and each reads the lines that start in its range.  A file that holds one
array of objects is read from its start to its end, as if each stood on a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, NoReturn

import pyarrow as pa

from losscli.errors import InputError, NothingToEvaluate
from losscli.readers.csv_faults import not_utf8
from losscli.readers.json_array import is_array
from losscli.readers.json_tables import WRITE_ROWS, refuse_table
from losscli.readers.ndjson_rows import (
    BlockReader,
    Broken,
    Members,
    RowError,
    Stored,
    Word,
    flattened,
    members,
    not_an_object,
    scored,
    stored_as,
)
from losscli.readers.nested import in_class_order
from losscli.readers.number_text import MISSING, NUMBER
from losscli.readers.schema import check_names, projected
from losscli.readers.source import Batches, Column, ColumnType, Format, Kind, Shard, Source, slices
from losscli.readers.streams import JSON_ARRAY, Place, head_of, is_compressed, reading
from losscli.readers.text_lists import as_list_column, usual
from losscli.records import dataclass

RANGE_BYTES = 1 << 22

# A block grows to the end of its last row, but not without end when there are no newlines.
ROW_BYTES = 1 << 26
PIECE_BYTES = 1 << 16

# The rows whose keys are the columns, and whose values decide their kinds.
HEAD_BYTES = 1 << 16

BOM = b"\xef\xbb\xbf"
NUMBER_TEXT = re.compile(NUMBER)
WHOLE_TEXT = re.compile(r"[+-]?[0-9]+")


@dataclass(frozen=True)
class NdjsonShard(Shard):
    """The rows that start from byte `start` to before byte `stop`; None is for compressed text, read to its end.

    The number of a row is `start` plus its place in the shard.  `stored` are
    the JSON types that the first rows of the file hold in its columns.
    """

    place: Place
    stored: Mapping[str, Stored]
    stop: int | None

    def batches(self, types: Mapping[str, ColumnType], chunk_rows: int) -> Batches:
        reader = BlockReader(self.file, types, self.stored)
        number = self.first_row
        for block in _blocks(self.place, self.first_row, self.stop):
            table = _read(reader, self.place, block, number)
            if reader.failed:
                _raise_fault(self.file, self.place, types, self.stored)
            for batch in table.to_batches():
                yield from slices(number, projected(batch, types, self.place), chunk_rows)
                number += batch.num_rows


@dataclass(frozen=True)
class NdjsonSource(Source):
    """An NDJSON file, plain or compressed; one that is `streamed` is read from its start to its end."""

    stored: Mapping[str, Stored]
    streamed: bool

    def shards(self) -> list[Shard]:
        if self.streamed or self.bytes is None:
            return [NdjsonShard(self.index, 0, None, self.place, self.stored, None)]
        cuts = [*range(0, self.bytes, RANGE_BYTES), self.bytes]
        return [NdjsonShard(self.index, start, None, self.place, self.stored, stop) for start, stop in pairwise(cuts)]

    @property
    def written(self) -> Mapping[str, object]:
        return {} if self.place.written is None else {"layout": "array"}

    def line_of(self, row: int) -> int | None:
        if self.place.written is not None:
            return None
        seen = -1
        for number, line in enumerate(_lines(self.place), 1):
            seen += bool(line.strip(b" \t\r"))
            if seen == row:
                return number
        return None


def open_ndjson(index: int, place: Place) -> NdjsonSource:
    """The NDJSON file at `place`, or the array of objects; InputError when its first lines are not objects."""
    if is_array(head_of(place, HEAD_BYTES).removeprefix(BOM)):
        place = replace(place, written=JSON_ARRAY)
    values, nested = _first_values(place)
    columns = tuple(_column(name, found) for name, found in values.items())
    check_names(place, [column.name for column in columns])
    stored = {name: "nested" if name in nested else _stored(found) for name, found in values.items()}
    streamed = is_compressed(place) or place.written is not None
    return NdjsonSource(index, place, "ndjson", place.size, None, columns, stored, streamed)


def _first_values(place: Place) -> tuple[dict[str, list[Any]], set[str]]:
    """The values of every key in the first rows, those that are not null; and which keys are of objects inside."""
    values: dict[str, list[Any]] = {}
    nested: set[str] = set()
    row, first = 0, Members()
    for number, line in enumerate(_first_lines(place)):
        try:
            text = line.decode()
            found = members(text) if text.strip(" \t\r") else None
        except UnicodeDecodeError:
            raise not_utf8(place) from None
        except RowError as error:
            raise not_an_object(place, Broken(row, number, str(error), text)) from None
        if found is None:
            continue
        row, first = row + 1, first or found
        keys = {name for name, _ in found}
        for name, value in flattened(found):
            if name not in keys:
                nested.add(name)
            known = values.setdefault(name, [])
            if value is not None:
                known.append(value)
    if not row:
        raise NothingToEvaluate(f"{place}: the file is empty", "an object on each line")
    if row == 1:
        refuse_table(place, first)
    for name in values:
        if not name.isprintable():
            raise InputError(f"{place}: a key holds {name!a}, which cannot be shown", "keys of printable characters")
    # An object that is null in some rows is no column beside its members.
    objects = {name[:place] for name in nested for place, letter in enumerate(name) if letter == "."}
    return {name: found for name, found in values.items() if found or name not in objects}, nested


def _first_lines(place: Place) -> list[bytes]:
    """The lines that start in the head of the file, the last one only if it is whole."""
    size = HEAD_BYTES
    while True:
        head = head_of(place, size)
        text = head.removeprefix(BOM)
        whole = len(head) < size
        if whole or text.strip().count(b"\n"):
            lines = text.split(b"\n")
            return lines if whole else lines[:-1]
        if size > ROW_BYTES:
            raise _too_long(place)
        size *= 8


def _blocks(place: Place, start: int, stop: int | None) -> Iterator[bytes]:
    """Blocks of whole lines: of those that start in [`start`, `stop`), or of all."""
    with reading(place) as stream:
        if stop is None:
            yield from _all_blocks(place, stream)
            return
        # A line starts at `start` if the byte before it is a newline.
        before = max(start - 1, 0)
        stream.seek(before)
        block = stream.read(stop - before)
        skipped = block.find(b"\n") + 1 if start else 0
        if (start and not skipped) or skipped == len(block):
            return
        pieces = [block[skipped:]]
        size = len(pieces[0])
        while not pieces[-1].endswith(b"\n") and (piece := stream.read(PIECE_BYTES)):
            end = piece.find(b"\n") + 1
            pieces.append(piece[:end] if end else piece)
            size += len(pieces[-1])
            if size > ROW_BYTES:
                raise _too_long(place)
        whole = b"".join(pieces)
        yield whole if start else whole.removeprefix(BOM)


def _all_blocks(place: Place, stream: pa.NativeFile) -> Iterator[bytes]:
    rest = stream.read(len(BOM)).removeprefix(BOM)
    while piece := stream.read(RANGE_BYTES):
        block = rest + piece
        end = block.rfind(b"\n") + 1
        if end:
            yield block[:end]
        rest = block[end:]
        if len(rest) > ROW_BYTES:
            raise _too_long(place)
    if rest:
        yield rest


def _lines(place: Place) -> Iterator[bytes]:
    for block in _blocks(place, 0, None):
        lines = block.split(b"\n")
        yield from lines if lines[-1] else lines[:-1]


def _too_long(place: Place) -> InputError:
    return InputError(f"{place}: a row is longer than {ROW_BYTES >> 20} MiB", "an object on each line", WRITE_ROWS)


def _read(reader: BlockReader, place: Place, block: bytes, first_row: int) -> pa.Table:
    try:
        return reader.read(block, first_row)
    except UnicodeDecodeError:
        raise not_utf8(place) from None
    except pa.ArrowException as error:
        raise InputError(f"{place}: not readable as NDJSON: {error}", "one JSON object on each line") from error


def _raise_fault(file: int, place: Place, types: Mapping[str, ColumnType], stored: Mapping[str, Stored]) -> NoReturn:
    """Raise the error for the first fault of the file, whichever part of it has met one."""
    reader = BlockReader(file, types, stored)
    rows = 0
    for block in _blocks(place, 0, None):
        rows += _read(reader, place, block, rows).num_rows
    broken = reader.broken
    if broken and (not reader.faults or broken.row <= reader.faults.first().row):
        raise not_an_object(place, broken)
    source = NdjsonSource(file, place, "ndjson", None, None, (), stored, True)
    raise reader.faults.error(lambda _: place.name, lambda _: rows, lambda _, row: source.line_of(row))


def _stored(values: Sequence[Any]) -> Stored:
    """The one JSON type of all values; whole and other numbers together are numbers."""
    found = {stored_as(value) for value in values}
    if found == {"whole", "number"}:
        return "number"
    if len(found) > 1:
        return "mixed"
    return found.pop() if found else "null"


def _column(name: str, values: Sequence[Any]) -> Column:
    stored = _stored(values)
    if stored in ("list", "object"):
        pairs = [scored(value) for value in values]
        if None not in pairs:
            return _labelled_column(name, [label for pair in pairs for label, _ in pair or ()])
    if stored == "string":
        return as_list_column(Column(name, _kind_of_texts(values), None, "string"), values)
    if stored == "list":
        return _list_column(name, values)
    kinds: dict[Stored, Kind] = {"whole": "integer", "number": "number", "boolean": "boolean", "object": "other"}
    return Column(name, kinds.get(stored, "text"), None, {"whole": "number"}.get(stored, stored))


def _kind_of_texts(values: Sequence[str]) -> Kind:
    """What strings look like, as in CSV."""
    present = [value.strip() for value in values if value.strip() not in MISSING]
    if not present:
        return "text"
    if all(WHOLE_TEXT.fullmatch(value) for value in present):
        return "integer"
    return "number" if all(NUMBER_TEXT.fullmatch(value) for value in present) else "text"


def _list_column(name: str, values: Sequence[list[Any]]) -> Column:
    elements = [one for value in values for one in value if one is not None]
    width = usual(map(len, values))
    if all(isinstance(one, Word | bool) for one in elements):
        return Column(name, "vector", width, "list of numbers")
    if all(isinstance(one, list) and not any(isinstance(inner, list | Members) for inner in one) for one in elements):
        inner = usual(map(len, elements)) if elements else 0
        return Column(name, "matrix", width, "list of lists of numbers", inner)
    return Column(name, "other", None, "list")


def _labelled_column(name: str, labels: Sequence[Any]) -> Column:
    names = in_class_order(label.text if isinstance(label, Word) else str(label) for label in labels)
    return Column(name, "labelled", len(names), "scores with classes", names=names, named_by="rows")


def _is_ndjson(head: bytes) -> bool:
    text = head.removeprefix(BOM)
    return text.lstrip().startswith(b"{") or is_array(text)


FORMATS = (Format("ndjson", (".ndjson", ".jsonl", ".json"), True, _is_ndjson, open_ndjson),)
