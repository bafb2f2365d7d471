"""Where a CSV file is wrong: the file is read again, slowly, to name column, row, line and value.

Arrow's reader stops at the first bad value and knows neither the column's name
nor how many more there are.  These functions run only after it has stopped, or
when a row found bad later needs its line.
"""

from __future__ import annotations

import codecs
import io
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

import pyarrow as pa

from losscli.errors import InputError
from losscli.faults import Fault, Faults
from losscli.readers.streams import Place, first_sentence, reading

MISSING = ["", "NaN", "nan", "null", "None", "NA"]

# What Arrow's reader takes for a number, in a syntax that both re and RE2 read.
NUMBER = (
    r"[ \t]*[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"
    r"|[iI][nN][fF]([iI][nN][iI][tT][yY])?|[nN][aA][nN](\([0-9a-zA-Z_]*\))?)[ \t]*"
)

# All that may stand in a column of numbers.
ACCEPTED = f"({NUMBER}|{'|'.join(MISSING)})"

BOM_AS_LATIN = "\ufeff".encode().decode("latin-1")
SHOWN_CHARACTERS = 60

# Arrow numbers rows from 1 and the header is one of them; blank lines are none.
HEADER_ROWS = 2

SCAN_BYTES = 1 << 22


def raise_fault(
    file: int, place: Place, delimiter: str, headers: Mapping[str, str], numbers: Sequence[str], error: Exception
) -> NoReturn:
    """Raise the InputError behind `error`, which stopped the reader of some part of the file.

    Whichever part that was, the error is for the first fault of the file.
    `headers` are the names of all columns as the file writes them, `numbers`
    the columns read as numbers.
    """
    try:
        search = _Search(file, place, delimiter, headers, numbers)
    except pa.ArrowInvalid as again:
        if "straddling" not in str(again):
            raise _unreadable(place, again) from error
        refuse_open_quote(place, delimiter)
        raise InputError(f"{place}: a row is longer than {SCAN_BYTES >> 20} MiB", "shorter rows") from error
    bad = search.faults.first().row if search.faults else None
    ragged = search.ragged.number - HEADER_ROWS if search.ragged else None
    if ragged is not None and (bad is None or ragged <= bad):
        raise _ragged(place, delimiter, search.ragged) from error
    if bad is not None:
        raise search.faults.error(
            lambda _: place.name, lambda _: search.rows, lambda _, row: line_of_row(place, delimiter, row)
        ) from error
    if "UTF8" in str(error):
        raise not_utf8(place) from error
    raise _unreadable(place, error) from error


def line_of_row(place: Place, delimiter: str, row: int) -> int | None:
    """The 1-based line on which the 0-based data row starts; None when the file has fewer rows.

    Blank lines are no rows, and a quoted value may go over several lines.
    """
    starts = (number for number, _ in _rows(place, delimiter))
    return next(itertools.islice(starts, row + 1, None), None)


def refuse_open_quote(place: Place, delimiter: str) -> None:
    """Raise an InputError when the last value of the file is in quotes that are never closed."""
    last, still_open = 0, False
    for last, still_open in _rows(place, delimiter):  # noqa: B007
        pass
    if still_open:
        raise InputError(
            f"{place}: the row of line {last:,} opens a quote that is never closed",
            "quotes in pairs",
            "close the quote; a file that was cut off ends like this, too",
        )


def _rows(place: Place, delimiter: str) -> Iterator[tuple[int, bool]]:
    """For the header and each row, the line on which it starts and whether it ends inside quotes."""
    start, quoted = 0, False
    with reading(place) as stream, io.TextIOWrapper(stream, "latin-1", newline=None) as lines:
        for number, line in enumerate(lines, 1):
            if number == 1:
                line = line.removeprefix(BOM_AS_LATIN)
            if not quoted:
                if line == "\n":
                    continue
                start = number
            if '"' in line:
                quoted = _open_after(line, quoted, delimiter)
            if not quoted:
                yield start, False
    if quoted:
        yield start, True


def not_utf8(place: Place) -> InputError:
    """The error that names the first byte that is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset, line = 0, 1
    with reading(place) as stream:
        while block := bytes(stream.read(SCAN_BYTES)):
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                # The decoder counts from the bytes that it kept of the block before.
                start = error.start - pending
                line += block.count(b"\n", 0, max(start, 0))
                return _not_utf8(place, line, offset + start, error.object[error.start])
            line += block.count(b"\n")
            offset += len(block)
    return InputError(f"{place}: the text is not UTF-8: it ends inside a character", "UTF-8 text")


def _not_utf8(place: Place, line: int, offset: int, byte: int) -> InputError:
    return InputError(
        f"{place}: line {line:,} is not UTF-8: byte 0x{byte:02x} at offset {offset:,}",
        "UTF-8 text",
        f"iconv -f latin1 -t utf-8 {place} > {place}.utf8, if it is Latin-1",
    )


def _unreadable(place: Place, error: Exception) -> InputError:
    return InputError(f"{place}: not readable as CSV: {first_sentence(error)}", "CSV text with a header")


def _ragged(place: Place, delimiter: str, row: Any) -> InputError:
    data_row = row.number - HEADER_ROWS
    line = line_of_row(place, delimiter, data_row)
    where = f"row {data_row + 1:,}" + (f" (line {line:,})" if line else "")
    values = f"{row.actual_columns:,} value{'' if row.actual_columns == 1 else 's'}"
    return InputError(
        f"{place}: {where} has {values}, but the header has {row.expected_columns:,}",
        f"{row.expected_columns:,} values in every row",
        "quote values that hold the delimiter; a file that was cut off ends like this, too",
    )


class _Search:
    """A slow pass over a file for values that are not numbers and for the first row of the wrong length.

    Rows behind such a row are counted as if it were not there, but then none of them is the first fault.
    """

    def __init__(
        self, file: int, place: Place, delimiter: str, headers: Mapping[str, str], numbers: Sequence[str]
    ) -> None:
        from pyarrow import csv

        self.faults = Faults()
        self.rows = 0
        self.ragged: Any = None
        read = [headers[name] for name in numbers] or list(headers.values())[:1]
        with reading(place) as stream:
            batches = csv.open_csv(
                stream,
                read_options=csv.ReadOptions(use_threads=False, block_size=SCAN_BYTES),
                parse_options=csv.ParseOptions(
                    delimiter=delimiter, newlines_in_values=True, invalid_row_handler=self._skip
                ),
                # Bytes, because text would be refused where it is not UTF-8.
                convert_options=csv.ConvertOptions(
                    column_types={header: pa.binary() for header in read}, include_columns=read
                ),
            )
            for batch in batches:
                for name in numbers:
                    self._check(file, name, batch.column(headers[name]))
                self.rows += batch.num_rows

    def _skip(self, row: Any) -> str:
        self.ragged = self.ragged or row
        return "skip"

    def _check(self, file: int, name: str, values: pa.Array) -> None:
        from pyarrow import compute

        bad = compute.invert(compute.match_substring_regex(values, f"^{ACCEPTED}$"))
        count = bad.true_count
        if count:
            row = bad.index(True).as_py()
            self.faults.add(_fault(file, name, self.rows + row, values[row].as_py(), count))


def _fault(file: int, column: str, row: int, value: bytes, count: int) -> Fault:
    text = value.decode(errors="replace")
    shown = text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
    comma = "," in text and not text.replace(",", "").strip("+-0123456789. ")
    return Fault(
        file,
        column,
        "is not a number",
        row,
        f'"{shown}"',
        count,
        "a number such as 0.25 or 1e-3",
        'write decimals with "." and no thousands separators' if comma else None,
    )


def _open_after(line: str, quoted: bool, delimiter: str) -> bool:
    """Whether a quoted value is open at the end of `line`, by the rules of Arrow's reader.

    A quote opens only at the start of a value; inside, two stand for one.
    """
    at_start, closing = not quoted, False
    for character in line:
        if quoted:
            quoted, closing, at_start = character != '"', character == '"', False
        elif character == '"' and (at_start or closing):
            quoted, closing, at_start = True, False, False
        else:
            at_start, closing = character == delimiter, False
    return quoted
