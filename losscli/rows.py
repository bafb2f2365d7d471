"""Streams of rows: the loss of each, with the columns that are kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

import numpy as np

from losscli.errors import UsageError
from losscli.renderers.delimited import delimited_line
from losscli.renderers.json import json_text

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from losscli.roles import FloatArray, IntArray

RowFormat = Literal["csv", "tsv", "ndjson", "parquet"]

ROW_SUFFIXES: dict[str, RowFormat] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".tsv": "tsv",
}
COMPRESSED = (".gz", ".zst", ".bz2", ".xz")

# Enough rows for a Parquet row group to compress well, few enough to hold in memory.
ROW_GROUP = 131_072
# Text columns of pyarrow hold 2 GiB; so many rows stay far below that.
TEXT_ROWS = 32_768


def row_format(path: str) -> RowFormat:
    """The format of a row output by its suffix; what has none that is known is CSV."""
    suffix = Path(path).suffix.lower()
    if suffix in COMPRESSED:
        raise UsageError(f"{path}: rows are not written compressed", ".csv, .tsv, .ndjson or .parquet")
    return ROW_SUFFIXES.get(suffix, "csv")


class RowWriter(ABC):
    """Rows as they are computed: ``row``, the losses, then the kept columns.

    `losses` are the names of the loss columns: "loss" for one, the titles for
    several.  A row number is that of the data row, from 1.  A NaN is written
    as a missing value.
    """

    def __init__(self, sink: BinaryIO, losses: Sequence[str], keep: Sequence[str] = ()) -> None:
        self._sink = sink
        self.names = ["row", *losses, *keep]
        repeated = [name for position, name in enumerate(self.names) if name in self.names[:position]]
        if repeated:
            raise UsageError(f'two columns of the row output are called "{repeated[0]}"', "different names")

    def write(self, rows: IntArray, losses: Sequence[FloatArray], kept: Sequence[pa.Array] = ()) -> None:
        """Write the rows numbered `rows` (from 0), with arrays ``(n,)`` of every loss and kept column."""
        for start in range(0, len(rows), TEXT_ROWS):
            part = slice(start, start + TEXT_ROWS)
            self._write(rows[part] + 1, [one[part] for one in losses], [_decoded(one[part]) for one in kept])

    @abstractmethod
    def _write(self, rows: IntArray, losses: Sequence[FloatArray], kept: Sequence[pa.Array]) -> None: ...

    def close(self) -> None:  # noqa: B027  # line formats end with their last line
        """Finish the format; the sink stays open."""


class DelimitedWriter(RowWriter):
    """CSV and TSV with a header line."""

    def __init__(self, sink: BinaryIO, losses: Sequence[str], keep: Sequence[str] = (), delimiter: str = ",") -> None:
        super().__init__(sink, losses, keep)
        self._delimiter = delimiter
        sink.write(delimited_line(self.names, delimiter).encode())

    def _write(self, rows: IntArray, losses: Sequence[FloatArray], kept: Sequence[pa.Array]) -> None:
        import pyarrow.compute as pc

        fields = [_whole_text(rows), *map(float_text, losses), *map(self._quoted, kept)]
        lines = pc.binary_join_element_wise(
            *fields, _constant(self._delimiter), null_handling="replace", null_replacement=""
        )
        self._sink.write(_lines(lines))

    def _quoted(self, column: pa.Array) -> pa.Array:
        import pyarrow as pa
        import pyarrow.compute as pc

        if pa.types.is_float64(column.type):
            return float_text(_floats(column))
        text = _nested_text(column) if pa.types.is_nested(column.type) else column.cast("string")
        special = pc.or_(pc.match_substring_regex(text, f'["\r\n{self._delimiter}]'), pc.equal(text, _constant("")))
        if not pc.any(special).as_py():
            return text
        doubled = pc.replace_substring(text, '"', '""')
        return pc.if_else(special, _around('"', doubled, '"'), text)


class NdjsonWriter(RowWriter):
    """One JSON object a line; a loss that is not finite is null."""

    def _write(self, rows: IntArray, losses: Sequence[FloatArray], kept: Sequence[pa.Array]) -> None:
        import pyarrow.compute as pc

        numbers = [np.where(np.isfinite(one), one, np.nan) for one in losses]
        fields = [_whole_text(rows), *map(float_text, numbers), *map(_json_values, kept)]
        pieces: list[pa.Array | pa.Scalar] = []
        for position, (name, field) in enumerate(zip(self.names, fields, strict=True)):
            pieces += [_constant(("{" if position == 0 else ", ") + json_text(name) + ": "), field]
        pieces += [_constant("}"), _constant("")]
        lines = pc.binary_join_element_wise(*pieces, null_handling="replace", null_replacement="null")
        self._sink.write(_lines(lines))


class ParquetWriter(RowWriter):
    """Parquet with int64 rows, float64 losses and the kept columns in their types."""

    def __init__(self, sink: BinaryIO, losses: Sequence[str], keep: Sequence[str] = ()) -> None:
        super().__init__(sink, losses, keep)
        self._loss_count = len(losses)
        self._batches: list[pa.RecordBatch] = []
        self._waiting = 0
        self._writer: pq.ParquetWriter | None = None

    def _write(self, rows: IntArray, losses: Sequence[FloatArray], kept: Sequence[pa.Array]) -> None:
        import pyarrow as pa

        numbers = [_float_array(np.ascontiguousarray(one)) for one in losses]
        self._batches.append(pa.RecordBatch.from_arrays([_int_array(rows), *numbers, *kept], names=self.names))
        self._waiting += len(rows)
        if self._waiting >= ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = self._batches[0].schema if self._batches else self._empty_schema()
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._sink, schema, compression="zstd")
        self._writer.write_table(pa.Table.from_batches(self._batches, schema))
        self._batches, self._waiting = [], 0

    def _empty_schema(self) -> pa.Schema:
        import pyarrow as pa

        kinds = ["int64"] + ["float64"] * self._loss_count
        kinds += ["string"] * (len(self.names) - len(kinds))
        return pa.schema(list(zip(self.names, kinds, strict=True)))

    def close(self) -> None:
        if self._batches or self._writer is None:
            self._flush()
        if self._writer is not None:
            self._writer.close()


def open_rows(sink: BinaryIO, format: RowFormat, losses: Sequence[str], keep: Sequence[str] = ()) -> RowWriter:
    """A writer of rows to a binary stream, such as one of an `OutputSet` or standard output."""
    if format == "parquet":
        return ParquetWriter(sink, losses, keep)
    if format == "ndjson":
        return NdjsonWriter(sink, losses, keep)
    return DelimitedWriter(sink, losses, keep, "\t" if format == "tsv" else ",")


def float_text(values: FloatArray) -> pa.Array:
    """Floats ``(n,)`` as Python's `repr` writes them, NaN as null.

    Arrow prints the same shortest digits, four times as fast, but leaves out
    the ".0" of whole numbers, turns to exponents already at 1e10, only below
    1e-6, and writes them with one digit where Python has two.
    """
    import pyarrow.compute as pc

    text = _float_array(values).cast("string")
    size = np.abs(values)
    whole = (size == np.floor(size)) & (size < 1e10)
    if whole.any():
        text = pc.if_else(_mask(whole), _around("", text, ".0"), text)
    other = ((size >= 1e10) & (size < 1e16)) | ((size >= 1e-9) & (size < 1e-4))
    if other.any():
        text = pc.replace_with_mask(text, _mask(other), _text_array([repr(value) for value in values[other].tolist()]))
    return text


def _json_values(column: pa.Array) -> pa.Array:
    """The JSON text of each value; null stays null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_nested(kind):
        return _nested_text(column)
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        return column.cast("string")
    if pa.types.is_float64(kind):
        values = _floats(column)
        return float_text(np.where(np.isfinite(values), values, np.nan))
    if pa.types.is_floating(kind):
        return pc.if_else(pc.is_finite(column), column.cast("string"), pa.nulls(len(column), pa.string()))
    text = column.cast("string")
    special = pc.coalesce(pc.match_substring_regex(text, r'["\\\x00-\x1f]'), _mask(np.zeros(1, dtype=bool))[0])
    quoted = _around('"', text, '"')
    if not pc.any(special).as_py():
        return quoted
    escaped = [json_text(value) for value in text.filter(special).to_pylist()]
    return pc.replace_with_mask(quoted, special, _text_array(escaped))


def _nested_text(column: pa.Array) -> pa.Array:
    values = [None if value is None else json_text(value) for value in column.to_pylist()]
    present = np.fromiter((value is not None for value in values), dtype=bool, count=len(values))
    return _text_array([value or "" for value in values], present)


def _decoded(column: pa.Array) -> pa.Array:
    import pyarrow as pa

    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _floats(column: pa.Array) -> FloatArray:
    """A float64 column ``(n,)`` as an array, nulls as NaN."""
    import pyarrow.compute as pc

    values = np.frombuffer(column.buffers()[1], dtype=np.float64)[column.offset : column.offset + len(column)]
    if column.null_count == 0:
        return values
    return np.where(_flags(pc.is_null(column)), np.nan, values)


def _float_array(values: FloatArray) -> pa.Array:
    """Floats as an Arrow array, NaN as null."""
    import pyarrow as pa

    values = np.ascontiguousarray(values)
    missing = np.isnan(values)
    validity = _bits(~missing) if missing.any() else None
    return pa.Array.from_buffers(pa.float64(), len(values), [validity, pa.py_buffer(values)])


def _int_array(values: IntArray) -> pa.Array:
    import pyarrow as pa

    whole = np.ascontiguousarray(values, dtype=np.int64)
    return pa.Array.from_buffers(pa.int64(), len(whole), [None, pa.py_buffer(whole)])


def _whole_text(values: IntArray) -> pa.Array:
    return _int_array(values).cast("string")


def _text_array(texts: Sequence[str], present: np.ndarray | None = None) -> pa.Array:
    """Texts as an Arrow array, null where `present` is false; `pyarrow.array` would import pandas."""
    import pyarrow as pa

    encoded = [text.encode() for text in texts]
    offsets = np.zeros(len(texts) + 1, dtype=np.int32)
    np.cumsum([len(one) for one in encoded], out=offsets[1:])
    validity = None if present is None else _bits(present)
    return pa.Array.from_buffers(
        pa.string(), len(texts), [validity, pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))]
    )


def _mask(flags: np.ndarray) -> pa.Array:
    import pyarrow as pa

    return pa.Array.from_buffers(pa.bool_(), len(flags), [None, _bits(flags)])


def _flags(mask: pa.Array) -> np.ndarray:
    """A boolean column without nulls as an array."""
    bits = np.frombuffer(mask.buffers()[1], dtype=np.uint8)
    return np.unpackbits(bits, count=mask.offset + len(mask), bitorder="little")[mask.offset :].astype(bool)


def _bits(flags: np.ndarray) -> pa.Buffer:
    import pyarrow as pa

    return pa.py_buffer(np.packbits(flags, bitorder="little"))


def _around(before: str, texts: pa.Array, after: str) -> pa.Array:
    """Each text between `before` and `after`; null stays null."""
    import pyarrow.compute as pc

    return pc.binary_join_element_wise(_constant(before), texts, _constant(after), _constant(""))


def _constant(text: str) -> pa.Scalar:
    # Taken from an array because pyarrow, given a Python object, imports pandas when that is installed.
    return _text_array([text])[0]


def _lines(lines: pa.Array) -> memoryview:
    """The bytes of a text array, a newline after each element."""
    ended = _around("", lines, "\n")
    _, offsets, data = ended.buffers()
    span = np.frombuffer(offsets, dtype=np.int32)[ended.offset : ended.offset + len(ended) + 1]
    return memoryview(data)[span[0] : span[-1]]
