"""Rows of NDJSON as the types that columns are read in: at Arrow's speed, or exactly.

Arrow's reader takes a column in one JSON type and stops at any other.  A block
that it does not take is read again, row by row: here every value is turned
into what its column holds, or is a fault with its row.  Both give the same
values, so which one has read a block makes no difference.

- Numbers are JSON numbers, true and false as 1 and 0, and strings that a CSV
  file could hold in a column of numbers.
- Text is a string, or a number, true or false as written.
- A member of an object inside is a column of its own, ``outer.inner``.
- A key that an object does not have is null, and keys that nobody asked for
  may hold anything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator, Mapping
from typing import Any, Literal, TypeAlias

import pyarrow as pa

from losscli.errors import InputError, one_line
from losscli.faults import Fault, Faults
from losscli.readers.arrays import FLOAT
from losscli.readers.nested import LABEL_FIELDS, SCORE_FIELDS
from losscli.readers.number_text import MISSING, NUMBER
from losscli.readers.schema import WANTED
from losscli.readers.source import ColumnType
from losscli.readers.streams import Place
from losscli.records import dataclass

# What the first rows hold in a column: one JSON type, several, or only null; or it is a member of an object inside.
Stored: TypeAlias = Literal["string", "whole", "number", "boolean", "list", "object", "mixed", "null", "nested"]

EXACT: dict[ColumnType, pa.DataType] = {
    "number": FLOAT,
    "text": pa.string(),
    "vector": pa.list_(FLOAT),
    "matrix": pa.list_(pa.list_(FLOAT)),
    "labelled": pa.list_(pa.struct([("label", pa.string()), ("score", FLOAT)])),
}

# Arrow reads these JSON types as what they are; the conversion to the type wanted is that of typed files.
FAST: dict[tuple[ColumnType, Stored], pa.DataType] = {
    ("number", "whole"): FLOAT,
    ("number", "number"): FLOAT,
    ("number", "boolean"): pa.bool_(),
    ("text", "string"): pa.string(),
    ("text", "whole"): pa.int64(),
    ("text", "boolean"): pa.bool_(),
    ("vector", "list"): EXACT["vector"],
    ("matrix", "list"): EXACT["matrix"],
    **{(wanted, "null"): stored for wanted, stored in EXACT.items() if wanted != "labelled"},
}

PROBLEMS: dict[ColumnType, str] = {
    "number": "is not a number",
    "text": "is not a single value",
    "vector": "is not a list of numbers",
    "matrix": "is not a list of lists of numbers",
    "labelled": "does not hold scores with their classes",
}

_NUMBER = re.compile(NUMBER)
_WHOLE = re.compile(r"-?[0-9]+")


@dataclass(frozen=True)
class Word:
    """A JSON number as it is written."""

    text: str

    @property
    def whole(self) -> bool:
        return _WHOLE.fullmatch(self.text) is not None


class Members(list[tuple[str, Any]]):
    """The keys and values of a JSON object, in order, with those that are there twice."""


@dataclass(frozen=True)
class Broken:
    """The first line that is not a JSON object, counted from 0 with its row."""

    row: int
    line: int
    reason: str
    text: str


class RowError(ValueError):
    """A line that is not one JSON object."""


class CellError(ValueError):
    """A value that its column cannot hold."""


_DECODER = json.JSONDecoder(object_pairs_hook=Members, parse_float=Word, parse_int=Word, parse_constant=Word)


def members(line: str) -> Members:
    """The members of the object that a line holds; raises RowError."""
    try:
        value = _DECODER.decode(line)
    except json.JSONDecodeError as error:
        raise RowError(f"{error.msg[:1].lower()}{error.msg[1:]} at character {error.pos + 1:,}") from None
    except RecursionError:
        raise RowError("its lists are nested too deeply") from None
    if not isinstance(value, Members):
        raise RowError(f"{_shown(value)} is not an object")
    return value


def flattened(found: Members, columns: Container[str] = (), outer: str = "") -> Iterator[tuple[str, Any]]:
    """The members of an object, those of an object inside as ``outer.inner``.

    Scores with their classes stay together, and so does what is one of `columns` itself.
    """
    for name, value in found:
        if isinstance(value, Members) and outer + name not in columns and scored(value) is None:
            yield from flattened(value, columns, f"{outer}{name}.")
        else:
            yield outer + name, value


def scored(value: Any) -> list[tuple[Any, Any]] | None:
    """The classes and scores of a list of objects that hold one of each, or of an object of two lists; else None."""
    if isinstance(value, Members):
        pair = _pair(value)
        lists = pair is not None and all(type(one) is list for one in pair)
        return list(zip(*pair, strict=True)) if pair and lists and len(pair[0]) == len(pair[1]) else None
    if type(value) is not list or not value:
        return None
    pairs = [_pair(one) if isinstance(one, Members) else None for one in value]
    return [pair for pair in pairs if pair is not None] if None not in pairs else None


def _pair(found: Members) -> tuple[Any, Any] | None:
    """The label and the score of an object that holds nothing else."""
    values = {name.lower(): value for name, value in found}
    label = next((name for name in LABEL_FIELDS if name in values), None)
    score = next((name for name in SCORE_FIELDS if name in values and name != label), None)
    return (values[label], values[score]) if label and score and len(found) == 2 else None


def stored_as(value: Any) -> Stored:
    """The JSON type of a value."""
    if isinstance(value, Word):
        return "whole" if value.whole else "number"
    if isinstance(value, Members):
        return "object"
    return {str: "string", bool: "boolean", list: "list", type(None): "null"}[type(value)]  # type: ignore[return-value]


class BlockReader:
    """Reads blocks of whole lines, one after another; `faults` and `broken` tell what was wrong in them."""

    def __init__(self, file: int, types: Mapping[str, ColumnType], stored: Mapping[str, Stored]) -> None:
        self.file = file
        self.types = types
        self.faults = Faults()
        self.broken: Broken | None = None
        self.lines = 0
        fast = {name: FAST.get((wanted, stored.get(name, "null"))) for name, wanted in types.items()}
        self._fast = None if None in fast.values() else pa.schema(list(fast.items()))
        self._exact = pa.schema([(name, EXACT[wanted]) for name, wanted in types.items()])

    @property
    def failed(self) -> bool:
        """Whether a block held a line or a value that cannot be read."""
        return bool(self.faults) or self.broken is not None

    def read(self, block: bytes, first_row: int) -> pa.Table:
        """The rows of a block, of which the first is `first_row`; raises UnicodeDecodeError.

        Rows with faults are rows of nulls.
        """
        lines = block.count(b"\n") + (not block.endswith(b"\n"))
        table = self._at_once(block, lines)
        if table is None:
            table = self._row_by_row(block, first_row)
        self.lines += lines
        return table

    def _at_once(self, block: bytes, lines: int) -> pa.Table | None:
        """The table as Arrow reads it; None where it does not, or where rows are not lines."""
        objects = block.count(b"\n{") + block.startswith(b"{")
        if self._fast is None or objects != lines:
            return None
        if not block.isascii():
            block.decode()
        try:
            table = parsed(block, self._fast)
        except (pa.ArrowException, UnicodeDecodeError):
            return None
        return table if table.num_rows == lines else None

    def _row_by_row(self, block: bytes, first_row: int) -> pa.Table:
        rows: list[dict[str, Any]] = []
        for number, line in enumerate(block.decode().split("\n")):
            if line.strip(" \t\r"):
                rows.append(self._row(line, first_row + len(rows), self.lines + number))
        text = "\n".join(map(json.dumps, rows)).encode()
        return parsed(text, self._exact) if rows else self._exact.empty_table()

    def _row(self, line: str, row: int, number: int) -> dict[str, Any]:
        try:
            given = [member for member in flattened(members(line), self.types) if member[0] in self.types]
            values = dict(given)
            if len(values) < len(given):
                raise RowError("a key is there twice")
        except RowError as error:
            self.broken = self.broken or Broken(row, number, str(error), line)
            return {}
        converted = {}
        for name, value in values.items():
            wanted = self.types[name]
            try:
                converted[name] = _CONVERSIONS[wanted](value)
            except CellError:
                self.faults.add(
                    Fault(self.file, name, PROBLEMS[wanted], row, _shown(value), 1, _expected(wanted), None)
                )
        return converted


def parsed(text: bytes, schema: pa.Schema) -> pa.Table:
    """The columns of `schema` in NDJSON text, null where an object does not have them."""
    from pyarrow import json as arrow_json

    return arrow_json.read_json(
        pa.BufferReader(text),
        arrow_json.ReadOptions(use_threads=False, block_size=len(text) + 1),
        arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
    )


def not_an_object(place: Place, broken: Broken) -> InputError:
    """The error for a line, or an element of an array, that is not an object."""
    lines = place.written is None
    where = f"row {broken.row + 1:,}" + (f" (line {broken.line + 1:,})" if lines else "")
    return InputError(
        f"{place}: {where}: {_cut(broken.text.strip())} is not a JSON object: {broken.reason}",
        "one JSON object on each line" if lines else "an array of JSON objects",
        "a file that was cut off ends like this, too",
    )


def _expected(wanted: ColumnType) -> str:
    return "a number such as 0.25 or 1e-3" if wanted == "number" else WANTED[wanted]


def _number(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return float(value)
    text = value.text if isinstance(value, Word) else value
    if not isinstance(text, str):
        raise CellError
    text = text.strip(" \t")
    if isinstance(value, str):
        if text in MISSING:
            return None
        # float() does not take nan(...), which Arrow does.
        if "(" in text or not _NUMBER.fullmatch(text):
            raise CellError
    return float(text)


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Word):
        return "0" if value.text == "-0" else value.text
    if value is not None and (not isinstance(value, str) or not _is_unicode(value)):
        raise CellError
    return value


def _vector(value: Any) -> list[float | None] | None:
    if value is not None and type(value) is not list:
        raise CellError
    return value and [_number(one) for one in value]


def _matrix(value: Any) -> list[list[float | None] | None] | None:
    if value is not None and type(value) is not list:
        raise CellError
    return value and [_vector(one) for one in value]


def _labelled(value: Any) -> list[dict[str, Any]] | None:
    if value is None:
        return None
    pairs = scored(value)
    if pairs is None:
        raise CellError
    return [{"label": _text(label), "score": _number(score)} for label, score in pairs]


_CONVERSIONS: dict[ColumnType, Any] = {
    "number": _number,
    "text": _text,
    "vector": _vector,
    "matrix": _matrix,
    "labelled": _labelled,
}


def _is_unicode(text: str) -> bool:
    """Whether a string has no half of a surrogate pair, which JSON can write and UTF-8 cannot."""
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _shown(value: Any) -> str:
    """A value as JSON, without what stands deeper in it than its members."""
    if isinstance(value, Members):
        return _cut("{" + ", ".join(f"{_scalar(name)}: {_scalar(one)}" for name, one in value) + "}")
    if isinstance(value, list):
        return _cut("[" + ", ".join(map(_scalar, value)) + "]")
    return _cut(_scalar(value))


def _scalar(value: Any) -> str:
    if isinstance(value, Word):
        return value.text
    if isinstance(value, list):
        return "{…}" if isinstance(value, Members) else "[…]"
    return json.dumps(value, ensure_ascii=isinstance(value, str) and not _is_unicode(value))


def _cut(text: str) -> str:
    return one_line(text)
