"""Input streams of files, decompressed on the way by what their first bytes say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from losscli.errors import InputError

COMPRESSIONS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2"}
COMPRESSED_SUFFIXES = (".gz", ".zst", ".bz2")


@dataclass(frozen=True)
class Place:
    """Where a file is: its `name` in messages and results, and the `path` to open."""

    name: str
    path: str

    def __str__(self) -> str:
        return self.name

    @property
    def size(self) -> int:
        """The bytes on disk."""
        return Path(self.path).stat().st_size


def compression_of(head: bytes) -> str | None:
    """The compression that a file starting with `head` is in; None for none."""
    return next((name for magic, name in COMPRESSIONS.items() if head.startswith(magic)), None)


@contextmanager
def reading(place: Place) -> Iterator[pa.NativeFile]:
    """The decompressed bytes of a file as a stream; failures to read them are InputErrors."""
    try:
        with pa.OSFile(place.path) as raw:
            compression = compression_of(raw.read(4))
            raw.seek(0)
            yield pa.CompressedInputStream(raw, compression) if compression else raw
    except OSError as error:
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
