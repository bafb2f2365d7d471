"""Where a CSV file may be cut: the bytes at which a row starts.

A newline ends a row unless it stands in quotes, and only the quotes before it,
from the header on, tell whether it does.  They are therefore followed through
the whole file, a piece at a time, which is more than ten times as fast as
parsing: a piece without quotes is passed over, and in one with quotes only the
quotes are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from losscli.readers.streams import Place, reading
from losscli.roles import BoolArray, IntArray

# A piece stays in the second-level cache between reading and searching it.
PIECE_BYTES = 1 << 18

# A row that goes on for longer behind a wanted cut is left to the sequential reader.
ROW_BYTES = 1 << 22

BOM = b"\xef\xbb\xbf"
NEWLINES = b"\r\n"
NONE = np.zeros(0, np.intp)


class Quotes:
    """Which quotes open and close a value, by the rules of Arrow's reader, piece after piece.

    A quote opens only at the start of a value, elsewhere it is a character like
    any other; inside, two stand for one.  `inside` says whether what has been
    seen so far ends in quotes.  No `quote` is no quotes.
    """

    def __init__(self, delimiter: str, quote: str = '"') -> None:
        self.inside = False
        self._quote = quote.encode()
        self._starts_value = np.zeros(256, np.bool_)
        self._starts_value[list(delimiter.encode() + NEWLINES)] = True
        self._last = NEWLINES[-1]
        self._closed_last = False

    def turns(self, piece: bytes | bytearray, size: int) -> IntArray:
        """The ascending places in ``piece[:size]`` of the quotes that open or close a value."""
        turns = NONE
        if self._quote and piece.find(self._quote, 0, size) >= 0:
            text = np.frombuffer(piece, np.uint8, size)
            turns = self._turns(text, np.flatnonzero(text == self._quote[0]))
        self.inside ^= bool(len(turns) % 2)
        self._last = piece[size - 1]
        self._closed_last = len(turns) > 0 and int(turns[-1]) == size - 1 and not self.inside
        return turns

    def _turns(self, text: NDArray[np.uint8], quotes: IntArray) -> IntArray:
        # Nearly always every second quote opens a value: then none is a mere character.
        openings = quotes[int(self.inside) :: 2]
        if self._start_value(text, openings).all():
            return quotes
        starts = self._start_value(text, quotes)
        follows = np.diff(quotes, prepend=-1 if self._closed_last else -2) == 1
        if (starts | follows)[int(self.inside) :: 2].all():
            return quotes
        return self._one_by_one(quotes, starts)

    def _start_value(self, text: NDArray[np.uint8], places: IntArray) -> BoolArray:
        """Which bytes at `places` stand where a value starts."""
        before = text[places - 1]
        if len(places) and places[0] == 0:
            before[0] = self._last
        starts: BoolArray = self._starts_value.take(before)
        return starts

    def _one_by_one(self, quotes: IntArray, starts: BoolArray) -> IntArray:
        inside, closed, turns = self.inside, -1 if self._closed_last else -2, []
        for place, at_start in zip(quotes.tolist(), starts.tolist(), strict=True):
            if inside:
                inside, closed = False, place
            elif at_start or closed == place - 1:
                inside = True
            else:
                continue
            turns.append(place)
        return np.array(turns, np.intp)


def header_bytes(head: bytes, delimiter: str, quote: str = '"') -> int | None:
    """The length of the header, its newline included, at the start of `head`.

    None when it does not end there, or ends with a lone carriage return, as a
    file does that has no newlines to cut at.
    """
    quotes = Quotes(delimiter, quote)
    turns = quotes.turns(head, len(head))
    ends = [_first_outside(head, mark, 0, len(head), turns, False) for mark in (b"\n", b"\r")]
    newline, carriage_return = (end if end >= 0 else len(head) for end in ends)
    if newline == len(head) or carriage_return < newline - 1:
        return None
    return newline + 1


def row_starts(
    place: Place, delimiter: str, start: int, stop: int, step: int, quote: str = '"'
) -> Iterator[int | None]:
    """The first row start at or after each of ``start + step``, ``start + 2 * step``, … below `stop`; then `stop`.

    A row starts at byte `start`.  None, and nothing after it, where the rest
    of the file has to be read as one: a quote is never closed, or newlines are
    missing.
    """
    quotes = Quotes(delimiter, quote)
    piece = bytearray(PIECE_BYTES)
    window = memoryview(piece)
    offset, wanted = start, start + step
    with reading(place) as stream:
        stream.seek(start)
        while size := stream.readinto(window[: min(PIECE_BYTES, stop - offset)]) if offset < stop else 0:
            inside = quotes.inside
            turns = quotes.turns(piece, size)
            while wanted < stop and wanted <= offset + size:
                end = _first_outside(piece, b"\n", max(wanted - 1 - offset, 0), size, turns, inside)
                if end < 0:
                    break
                while wanted < stop and wanted <= offset + end + 1:
                    yield offset + end + 1
                    wanted += step
            offset += size
            if offset - wanted > ROW_BYTES and wanted < stop:
                yield None
                return
    if quotes.inside:
        yield None
        return
    for _ in range(wanted, stop, step):
        yield stop
    yield stop


def _first_outside(text: bytes | bytearray, mark: bytes, start: int, stop: int, turns: IntArray, inside: bool) -> int:
    """The first place in ``text[start:stop]`` of `mark` outside quotes; -1 for none.

    `turns` are the places of the quotes that open or close a value, `inside` whether `text` starts in quotes.
    """
    found = text.find(mark, start, stop)
    while found >= 0:
        turned = int(turns.searchsorted(found))
        if inside == bool(turned % 2):
            return found
        if turned == len(turns):
            return -1
        found = text.find(mark, int(turns[turned]), stop)
    return -1
