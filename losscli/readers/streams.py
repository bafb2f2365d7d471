"""Input streams of files, decompressed on the way by what their first bytes say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa

from losscli.errors import InputError
from losscli.readers.filesystems import is_answer, refusal
from losscli.readers.storage import is_uri, opened, size_of
from losscli.readers.unchanged import Version
from losscli.records import dataclass

if TYPE_CHECKING:
    from losscli.readers.decoding import Converted

# How a file is written that is an array of objects.
JSON_ARRAY = "json array"

COMPRESSIONS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2"}
COMPRESSED_SUFFIXES = (".gz", ".zst", ".bz2")

# One request to an object storage takes as long as the transfer of about this much.
REQUEST_BYTES = 1 << 22


@dataclass(frozen=True)
class Place:
    """Where a file is: its `name` in messages and results, and the absolute `path` or the URI to open.

    A `spooled` file is the copy of a pipe, which only processes of this machine can open.
    `partitions` are the columns and values that the names of its folders give.
    `written` says how its bytes become UTF-8 text, if they are not: an encoding, or `JSON_ARRAY`.
    `version` is that of a local file when it was found.
    """

    name: str
    path: str
    spooled: bool = False
    partitions: tuple[tuple[str, str | None], ...] = ()
    written: str | None = None
    version: Version | None = None

    def __str__(self) -> str:
        return self.name

    @property
    def remote(self) -> bool:
        """Whether the file is an object, of which every read is a request."""
        return is_uri(self.path)

    @property
    def size(self) -> int:
        """The bytes as they are stored."""
        return size_of(self.path)


def compression_of(head: bytes) -> str | None:
    """The compression that a file starting with `head` is in; None for none."""
    return next((name for magic, name in COMPRESSIONS.items() if head.startswith(magic)), None)


def is_compressed(place: Place) -> bool:
    """Whether a file is compressed as a whole."""
    with opened(place.path) as file:
        return compression_of(file.read(4)) is not None


@contextmanager
def reading(place: Place) -> Iterator[pa.NativeFile]:
    """The decompressed bytes of a file as a stream, UTF-8 if it is text; failures to read them are InputErrors."""
    with _stored(place) as stream:
        yield stream if place.written is None else pa.PythonFile(_converted(stream, place), mode="r")


def _converted(stream: pa.NativeFile, place: Place) -> Converted:
    from losscli.readers.decoding import Decoded

    if place.written == JSON_ARRAY:
        from losscli.readers.json_array import ArrayLines

        return ArrayLines(stream, place.name)
    return Decoded(stream, place.name, place.written or "utf-8")


@contextmanager
def _stored(place: Place) -> Iterator[pa.NativeFile]:
    try:
        with opened(place.path) as raw:
            compression = compression_of(raw.read(4))
            raw.seek(0)
            if not compression:
                yield raw
            else:
                # The decompressor asks for 64 KiB at a time.
                stored = pa.BufferedInputStream(raw, REQUEST_BYTES) if place.remote else raw
                yield pa.CompressedInputStream(stored, compression)
    except OSError as error:
        if is_answer(error):
            raise refusal(place.name, error) from error
        raise InputError(
            f"{place}: cannot be read: {first_sentence(error)}", "a complete, readable file", "write the file again"
        ) from error


def head_of(place: Place, size: int) -> bytes:
    """The first `size` bytes of a file, decompressed; fewer when the file is shorter."""
    with reading(place) as stream:
        return bytes(stream.read(size))


def first_sentence(error: BaseException) -> str:
    """The first line of an error of Arrow or the system, without its final stop."""
    lines = str(error).splitlines()
    return lines[0].rstrip(". ") if lines else type(error).__name__
