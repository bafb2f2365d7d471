"""Where a CSV file is wrong: the file is read again, slowly, to name column, row, line and value.

Arrow's reader stops at the first bad value and knows neither the column's name
nor how many more there are.  These functions run only after it has stopped, or
when a row found bad later needs its line.
"""

from __future__ import annotations

import codecs
import io
import itertools
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import pyarrow as pa

from losscli.errors import InputError
from losscli.faults import Fault, Faults
from losscli.readers.number_text import MISSING
from losscli.readers.streams import Place, first_sentence, reading

if TYPE_CHECKING:
    from losscli.readers.csv_dialect import Dialect

BOM_AS_LATIN = "\ufeff".encode().decode("latin-1")

SCAN_BYTES = 1 << 22


def raise_fault(file: int, place: Place, dialect: Dialect, numbers: Sequence[str], error: Exception) -> NoReturn:
    """Raise the InputError behind `error`, which stopped the reader of some part of the file.

    Whichever part that was, the error is for the first fault of the file.
    `numbers` are the columns read as numbers.
    """
    try:
        search = _Search(file, place, dialect, numbers)
    except pa.ArrowInvalid as again:
        if "straddling" not in str(again):
            raise unreadable(place, again) from error
        refuse_open_quote(place, dialect)
        raise InputError(f"{place}: a row is longer than {SCAN_BYTES >> 20} MiB", "shorter rows") from error
    bad = search.faults.first().row if search.faults else None
    ragged = _data_row(search.ragged, dialect) if search.ragged else None
    if ragged is not None and (bad is None or ragged <= bad):
        raise _ragged(place, dialect, search.ragged) from error
    if bad is not None:
        raise search.faults.error(
            lambda _: place.name, lambda _: search.rows, lambda _, row: line_of_row(place, dialect, row)
        ) from error
    if "UTF8" in str(error):
        raise not_utf8(place) from error
    raise unreadable(place, error) from error


def line_of_row(place: Place, dialect: Dialect, row: int) -> int | None:
    """The 1-based line on which the 0-based data row starts; None when the file has fewer rows.

    Blank lines are no rows, and a quoted value may go over several lines.
    """
    starts = (number for number, _ in _rows(place, dialect))
    return next(itertools.islice(starts, row + dialect.header, None), None)


def refuse_open_quote(place: Place, dialect: Dialect) -> None:
    """Raise an InputError when the last value of the file is in quotes that are never closed."""
    last, still_open = 0, False
    for last, still_open in _rows(place, dialect):  # noqa: B007
        pass
    if still_open:
        raise InputError(
            f"{place}: the row of line {last:,} opens a quote that is never closed",
            "quotes in pairs",
            "close the quote; a file that was cut off ends like this, too",
        )


def _rows(place: Place, dialect: Dialect) -> Iterator[tuple[int, bool]]:
    """For the header, if there is one, and each row, the line on which it starts and whether it ends inside quotes."""
    start, quoted = 0, False
    with reading(place) as stream, io.TextIOWrapper(stream, "latin-1", newline=None) as lines:
        for number, line in enumerate(lines, 1):
            if number == 1:
                line = line.removeprefix(BOM_AS_LATIN)
            if not quoted:
                if line == "\n":
                    continue
                start = number
            if dialect.quote and dialect.quote in line:
                quoted = _open_after(line, quoted, dialect)
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
        "--encoding latin-1 or cp1252, if it is text of Western Europe",
    )


def unreadable(place: Place, error: Exception) -> InputError:
    """The error for what Arrow says of a file, where nothing better is known."""
    return InputError(f"{place}: not readable as CSV: {first_sentence(error)}", "CSV text with a header")


def _data_row(row: Any, dialect: Dialect) -> int:
    """The 0-based data row of Arrow's row: these are numbered from 1, the header is one of them, blank lines none."""
    return int(row.number) - 1 - dialect.header


def _ragged(place: Place, dialect: Dialect, row: Any) -> InputError:
    data_row = _data_row(row, dialect)
    line = line_of_row(place, dialect, data_row)
    where = f"row {data_row + 1:,}" + (f" (line {line:,})" if line else "")
    values = f"{row.actual_columns:,} value{'' if row.actual_columns == 1 else 's'}"
    return InputError(
        f"{place}: {where} has {values}, but the {'header' if dialect.header else 'first row'} has "
        f"{row.expected_columns:,}",
        f"{row.expected_columns:,} values in every row",
        "quote values that hold the delimiter; a file that was cut off ends like this, too",
    )


class _Search:
    """A slow pass over a file for values that are not numbers and for the first row of the wrong length.

    Rows behind such a row are counted as if it were not there, but then none of them is the first fault.
    """

    def __init__(self, file: int, place: Place, dialect: Dialect, numbers: Sequence[str]) -> None:
        from pyarrow import csv

        self.faults = Faults()
        self.rows = 0
        self.ragged: Any = None
        self.dialect = dialect
        headers = dialect.headers
        names = None if dialect.header else list(headers.values())
        read = [headers[name] for name in numbers] or list(headers.values())[:1]
        with reading(place) as stream:
            batches = csv.open_csv(
                stream,
                read_options=csv.ReadOptions(use_threads=False, block_size=SCAN_BYTES, column_names=names),
                parse_options=csv.ParseOptions(
                    delimiter=dialect.delimiter,
                    quote_char=dialect.quote or False,
                    newlines_in_values=True,
                    invalid_row_handler=self._skip,
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

        accepted = f"^({self.dialect.number}|{'|'.join(MISSING)})$"
        bad = compute.invert(compute.match_substring_regex(values, accepted))
        count = bad.true_count
        if count:
            row = bad.index(True).as_py()
            self.faults.add(_fault(file, name, self.rows + row, values[row].as_py(), count, self.dialect))


def _fault(file: int, column: str, row: int, value: bytes, count: int, dialect: Dialect) -> Fault:
    text = value.decode(errors="replace")
    return Fault(
        file,
        column,
        "is not a number",
        row,
        f'"{text}"',
        count,
        f"a number such as 0{dialect.decimal}25 or 1e-3",
        _advice(text.strip(), dialect),
    )


def _advice(text: str, dialect: Dialect) -> str | None:
    """What to do about a value that people read as a number."""
    if re.fullmatch(r"[+-]?[0-9.,]+ *%", text):
        return "write percents without the sign; --pred-kind percent then divides predictions by 100"
    other = "," if dialect.decimal == "." else "."
    if re.fullmatch(rf"[+-]?[0-9]{{1,3}}(\{other}[0-9]{{3}})+(\{dialect.decimal}[0-9]*)?", text):
        grouped = f'write numbers without "{other}" between thousands'
        sure = text.count(other) > 1 or dialect.decimal in text or dialect.delimiter == other
        return grouped if sure else f"{grouped}; or --decimal {other}"
    if re.fullmatch(rf"[+-]?([0-9]+\{other}[0-9]*|\{other}[0-9]+)([eE][+-]?[0-9]+)?", text):
        return f"--decimal {other}" if dialect.delimiter != other else f'write decimals with "{dialect.decimal}"'
    return None


def _open_after(line: str, quoted: bool, dialect: Dialect) -> bool:
    """Whether a quoted value is open at the end of `line`, by the rules of Arrow's reader.

    A quote opens only at the start of a value; inside, two stand for one.
    """
    at_start, closing = not quoted, False
    for character in line:
        if quoted:
            quoted, closing, at_start = character != dialect.quote, character == dialect.quote, False
        elif character == dialect.quote and (at_start or closing):
            quoted, closing, at_start = True, False, False
        else:
            at_start, closing = character == dialect.delimiter, False
    return quoted
