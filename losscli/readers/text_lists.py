"""Lists of numbers written as text, as JSON, Python and NumPy print them.

``[0.1, 0.9]``, ``(0.1, 0.9)``, ``[0.1 0.9]``, ``[np.float64(0.1), …]``,
``array([0.1, 0.9])`` and lists of these are read alike.  Of more than 1,000
numbers NumPy prints ``[0.0 0.1 ... 0.9]``; the others are lost, so such a list
is never read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from losscli.readers.arrays import bits, floats, string_array
from losscli.readers.number_text import ACCEPTED, MISSING
from losscli.readers.source import Column, Kind
from losscli.records import dataclass
from losscli.roles import BoolArray, FloatArray, IntArray

# What NumPy and Python print in place of numbers, and what Polars does.
ELLIPSES = ("...", "…")

SHORTENED = "lists of which their writer left numbers out"
WRITE_WHOLE_LISTS = "write each list with json.dumps, or the file as Parquet"

# Names around numbers and lists: np.float64(0.1), array([0.1], dtype=float32); and the comma of a tuple of one.
# Twice, because an array may hold numbers that are wrapped themselves.
_CALL = (r"[A-Za-z_][A-Za-z0-9_.]*\(([^()]*)\)", r"\1")
_WRAPPING = ((r",\s*[a-z_]+=[^,()\[\]]*", ""), (r",\s*\)", ")"), _CALL, _CALL)

_ELLIPSIS = ("(" + "|".join(map(re.escape, ELLIPSES)) + "),?", "")

LengthT = TypeVar("LengthT", bound=Hashable)

# Lists that say how long those of their column are.
MEASURED_ROWS = 100

_NUMBER = re.compile(ACCEPTED)
_GAPS = re.compile(r"[\[\](), \t\r\n]+")
_INNER = re.compile(r"[\[(]([^\[\]()]*)[\])]")

_OPEN, _CLOSE, _COMMA = b"[],"
_ONE_BRACKET = bytes.maketrans(b"()", b"[]")
_LINES = bytes.maketrans(b"[](), \t\r", b"\n" * 8)
_NEWLINE = ord("\n")


@dataclass(frozen=True)
class TextLists:
    """Lists read from texts: ``values`` (n, k) or (n, m, k), NaN in the rows of texts that are no such list.

    `shortened` are lists whose writer left numbers out; `wrong` are other
    texts that are not lists of these lengths, missing ones not among them.
    """

    values: FloatArray
    shortened: BoolArray
    wrong: BoolArray


def usual(lengths: Iterable[LengthT]) -> LengthT:
    """The commonest of these, the first of equals: one damaged row does not decide what a column holds."""
    return Counter(lengths).most_common(1)[0][0]


def as_list_column(column: Column, texts: Iterable[str]) -> Column:
    """`column` as one of lists when the first of its `texts` that is not missing or empty is a list.

    Its lengths are those that most of its first lists have, shortened ones aside; None when all are.
    """
    found = column
    seen: list[tuple[int, ...]] = []
    for text in texts:
        if text.strip() in MISSING or not _GAPS.sub("", text):
            continue
        lengths = lengths_of(text)
        if lengths is None:
            break
        if found is column:
            found = replace(column, kind="vector" if len(lengths) == 1 else "matrix", as_text=True)
        if not any(mark in text for mark in ELLIPSES):
            seen.append(lengths)
            if len(seen) == MEASURED_ROWS:
                break
    if not seen:
        return found
    width, *inner = usual(seen)
    kind: Kind = "matrix" if inner else "vector"
    return replace(found, kind=kind, width=width, inner_width=inner[0] if inner else None)


def lengths_of(text: str) -> tuple[int, ...] | None:
    """The lengths (k,) of a list written as `text`, (m, k) of a list of lists; None when it is neither.

    Of a shortened list the numbers that are left count.
    """
    if not text.lstrip().startswith(("[", "(", "array(", "tensor(")):
        return None
    for pattern, replacement in (*_WRAPPING, _ELLIPSIS):
        text = re.sub(pattern, replacement, text)
    numbers = _tokens(text)
    if not all(_NUMBER.fullmatch(number) for number in numbers):
        return None
    rows = _INNER.findall(text)
    if not rows:
        return None
    lengths = (len(numbers),) if _INNER.fullmatch(text.strip()) else (len(rows), len(_tokens(rows[0])))
    return lengths if _well_formed(string_array([text]), lengths).all() else None


def read_lists(texts: pa.StringArray, lengths: tuple[int, ...]) -> TextLists:
    """The lists that `texts`, none of which is null, stand for, each of `lengths` (k,) or (m, k)."""
    shortened = _shortened(texts)
    plain = _unwrapped(texts)
    fine = _well_formed(plain, lengths) & ~shortened
    numbers = _numbers(plain if fine.all() else plain.filter(_mask(fine)))
    if numbers is None:
        for place in np.flatnonzero(fine).tolist():
            fine[place] = all(_NUMBER.fullmatch(number) for number in _tokens(plain[place].as_py()))
        numbers = _numbers(plain.filter(_mask(fine)))
        assert numbers is not None
    if fine.all():
        return TextLists(numbers.reshape(len(texts), *lengths), shortened, ~fine)
    values = np.full((len(texts), *lengths), np.nan)
    values[fine] = numbers.reshape(-1, *lengths)
    wrong = ~(fine | shortened)
    for place in np.flatnonzero(wrong).tolist():
        wrong[place] = texts[place].as_py().strip() not in MISSING
    return TextLists(values, shortened, wrong)


def _tokens(text: str) -> list[str]:
    return [token for token in _GAPS.split(text) if token]


def _bytes(texts: pa.StringArray) -> bytes:
    bounds = _bounds(texts)
    data: pa.Buffer | None = texts.buffers()[2]
    return b"" if data is None else data.slice(int(bounds[0]), int(bounds[-1] - bounds[0])).to_pybytes()


def _bounds(texts: pa.StringArray) -> NDArray[np.int32]:
    """Where each text starts in the bytes of the array's buffer, and where the last ends."""
    return np.frombuffer(texts.buffers()[1], np.int32, len(texts) + 1, 4 * texts.offset)


def _shortened(texts: pa.StringArray) -> BoolArray:
    found = np.zeros(len(texts), np.bool_)
    data = _bytes(texts)
    for mark in ELLIPSES:
        if mark.encode() in data:
            from pyarrow import compute

            found |= _flags(compute.match_substring(texts, mark))
    return found


def _unwrapped(texts: pa.StringArray) -> pa.StringArray:
    """The texts with brackets, numbers and what separates them, and nothing else."""
    if b"(" not in _bytes(texts):
        return texts
    from pyarrow import compute

    for pattern, replacement in _WRAPPING:
        texts = compute.replace_substring_regex(texts, pattern, replacement)
    return texts


def _well_formed(texts: pa.StringArray, lengths: tuple[int, ...]) -> BoolArray:
    """Which texts have the brackets, the commas and as many numbers as lists of `lengths` have."""
    data = _bytes(texts)
    bounds = _bounds(texts) - _bounds(texts)[0]
    marks = np.frombuffer(data.translate(_ONE_BRACKET), np.uint8)
    gaps = np.frombuffer(data.translate(_LINES), np.uint8) == _NEWLINE
    starts = np.flatnonzero(np.concatenate([[True], gaps[:-1]]) & ~gaps) if data else np.zeros(0, np.intp)
    brackets = np.flatnonzero((marks == _OPEN) | (marks == _CLOSE))
    lists = lengths[0] if len(lengths) == 2 else 1
    total = int(np.prod(lengths))
    commas = _counts(np.flatnonzero(marks == _COMMA), bounds)
    pattern = [_OPEN, _CLOSE] * lists
    if len(lengths) == 2:
        pattern = [_OPEN, *pattern, _CLOSE]
    fine: BoolArray = (_counts(brackets, bounds) == len(pattern)) & (_counts(starts, bounds) == total)
    # JSON has a comma between all, NumPy none, and its arrays of arrays only within the inner ones.
    fine &= (commas == 0) | (commas == total - 1) | (commas == total - lists)
    rows = np.flatnonzero(fine)
    places = np.searchsorted(brackets, bounds[rows])[:, None] + np.arange(len(pattern))
    at = brackets[places]
    before = np.searchsorted(starts, at)
    innermost = slice(1, -1) if len(lengths) == 2 else slice(None)
    inside = before[:, innermost][:, 1::2] - before[:, innermost][:, ::2]
    fine[rows] = (marks[at] == pattern).all(axis=1) & (inside == lengths[-1]).all(axis=1)
    return fine


def _counts(places: IntArray, bounds: NDArray[np.int32]) -> IntArray:
    """How many of the ascending `places` lie in each text."""
    counts: IntArray = np.diff(np.searchsorted(places, bounds))
    return counts


def _numbers(texts: pa.StringArray) -> FloatArray | None:
    """All numbers of the texts one after another; None when one of them is not a number."""
    from pyarrow import csv

    lines = _bytes(texts).translate(_LINES)
    if not lines.strip():
        return np.zeros(0)
    try:
        table = csv.read_csv(
            pa.BufferReader(lines),
            csv.ReadOptions(use_threads=False, block_size=len(lines) + 1, column_names=["number"]),
            csv.ParseOptions(quote_char=False),
            csv.ConvertOptions(column_types={"number": pa.float64()}, null_values=MISSING),
        )
    except pa.ArrowInvalid:
        return None
    return floats(table.column(0).chunk(0))


def _flags(mask: pa.BooleanArray) -> BoolArray:
    return bits(mask.buffers()[1], mask.offset, len(mask))


def _mask(flags: BoolArray) -> Any:
    packed = np.packbits(flags, bitorder="little")
    return pa.Array.from_buffers(pa.bool_(), len(flags), [None, pa.py_buffer(packed)])
