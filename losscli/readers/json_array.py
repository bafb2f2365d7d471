"""A JSON array of objects, as the lines of NDJSON."""

from __future__ import annotations

import re
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from losscli.errors import InputError
from losscli.readers.decoding import Converted

_START = rb"\s*\[\s*(\{|\]|$)"
_QUOTE, _BACKSLASH, _COMMA, _NEWLINE, _BLANK = b'"\\,\n '


def is_array(head: bytes) -> bool:
    """Whether a text starts as an array of objects does."""
    return re.match(_START, head) is not None


class ArrayLines(Converted):
    """An array of objects with one object on each line.

    Newlines, which stand nowhere inside a JSON string, become blanks, and the
    commas between the objects newlines.  What an object holds is left to who
    reads the lines.
    """

    def __init__(self, stored: BinaryIO, name: str) -> None:
        super().__init__(stored, name)
        self._depth = 0
        self._in_text = False
        self._escaped = False
        self._closed = False

    def feed(self, piece: bytes) -> bytes:
        text = np.frombuffer(piece, np.uint8).copy()
        quotes = text == _QUOTE
        if self._escaped or (text == _BACKSLASH).any():
            quotes &= ~self._escapes(text)
        inside = (np.cumsum(quotes) + self._in_text) % 2 == 1
        self._in_text = bool(inside[-1])
        text[(text == _NEWLINE) | (text == ord("\r"))] = _BLANK
        outside = ~inside & ~quotes
        change = np.zeros(len(text), np.int64)
        change[outside & ((text == ord("[")) | (text == ord("{")))] = 1
        change[outside & ((text == ord("]")) | (text == ord("}")))] = -1
        depth = np.cumsum(change) + self._depth
        self._depth = int(depth[-1])
        before = depth - change
        outer = outside & (((before == 0) & (change == 1)) | ((depth == 0) & (change == -1)))
        self._check_end(text, depth, outer)
        text[outer] = _BLANK
        text[outside & (depth == 1) & (text == _COMMA)] = _NEWLINE
        return text.tobytes()

    def finish(self) -> bytes:
        if not self._closed:
            raise InputError(
                f"{self.name}: the array is never closed",
                "a JSON array of objects, or an object on each line",
                "write it again; a file that was cut off ends like this",
            )
        return b"\n"

    def _escapes(self, text: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """The characters that a backslash before them makes part of a text."""
        escaped = np.zeros(len(text), np.bool_)
        skip = -1
        if self._escaped:
            escaped[0] = True
            skip = 0
        self._escaped = False
        for place in np.flatnonzero(text == _BACKSLASH).tolist():
            if place == skip:
                continue
            skip = place + 1
            if skip < len(text):
                escaped[skip] = True
            else:
                self._escaped = True
        return escaped

    def _check_end(self, text: NDArray[np.uint8], depth: NDArray[np.int64], outer: NDArray[np.bool_]) -> None:
        """Refuse anything behind the end of the array."""
        ends = np.flatnonzero(outer & (depth == 0))
        rest = text if self._closed else text[ends[0] + 1 :] if len(ends) else text[:0]
        self._closed |= bool(len(ends))
        if bytes(rest.tobytes()).strip():
            raise InputError(f"{self.name}: there is more behind the end of the array", "one JSON array of objects")
