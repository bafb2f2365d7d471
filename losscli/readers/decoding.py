"""Bytes that are not UTF-8 text yet, made into it as they are read."""

from __future__ import annotations

import codecs
import io
from typing import BinaryIO

from losscli.errors import InputError

PIECE_BYTES = 1 << 18
UTF_16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}

# Of so many bytes of UTF-16 text in a Western language nearly every second one is zero.
_LOOKED_AT = 256


def encoding_of(head: bytes) -> str | None:
    """The UTF-16 encoding that the first bytes of a text speak for; None for others."""
    marked = UTF_16.get(head[:2])
    if marked is not None:
        return marked
    looked = head[: min(len(head), _LOOKED_AT) // 2 * 2]
    even, odd = looked[::2].count(0), looked[1::2].count(0)
    if not looked or max(even, odd) * 10 < len(looked) // 2 * 7 or min(even, odd) * 10 > len(looked) // 2:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


class Converted(io.RawIOBase):
    """A stream of bytes made of another, a piece at a time.

    `feed` and `finish` of a subclass make the pieces.
    """

    def __init__(self, stored: BinaryIO, name: str) -> None:
        super().__init__()
        self.stored = stored
        self.name = name
        self._ready = b""
        self._ended = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes; fewer only at the end."""
        pieces = [self._ready]
        have = len(self._ready)
        while not self._ended and (size < 0 or have < size):
            piece = self.stored.read(PIECE_BYTES)
            self._ended = not piece
            made = self.feed(piece) if piece else self.finish()
            pieces.append(made)
            have += len(made)
        whole = b"".join(pieces)
        self._ready = b"" if size < 0 else whole[size:]
        return whole if size < 0 else whole[:size]

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # a writable buffer is one
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def feed(self, piece: bytes) -> bytes:
        """What becomes of the next piece."""
        raise NotImplementedError

    def finish(self) -> bytes:
        """What is left at the end."""
        return b""


class Decoded(Converted):
    """Text in some encoding as UTF-8, without its byte order mark."""

    def __init__(self, stored: BinaryIO, name: str, encoding: str) -> None:
        super().__init__(stored, name)
        self.encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._offset = 0
        self._started = False

    def feed(self, piece: bytes) -> bytes:
        text = self._decoded(piece, final=False)
        self._offset += len(piece)
        if text and not self._started:
            self._started = True
            text = text.removeprefix("\ufeff")
        return text.encode()

    def finish(self) -> bytes:
        return self._decoded(b"", final=True).encode()

    def _decoded(self, piece: bytes, *, final: bool) -> str:
        pending = len(self._decoder.getstate()[0])
        try:
            text = self._decoder.decode(piece, final)
            text.encode()
            return text
        except UnicodeDecodeError as error:
            at = self._offset - pending + error.start
            raise self._refusal(f"{error.reason} at offset {at:,}") from None
        except UnicodeEncodeError:
            raise self._refusal("it holds half of a surrogate pair") from None
        except UnicodeError:
            # The decoders of UTF-16 and UTF-32 say nothing better of a text without the mark that they start with.
            raise self._refusal("it does not start with a byte order mark") from None

    def _refusal(self, reason: str) -> InputError:
        return InputError(
            f"{self.name}: the text is not {self.encoding}: {reason}",
            f"{self.encoding} text",
            "--encoding with the encoding of the file",
        )
