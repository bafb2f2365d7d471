"""The bytes of a state: a zip file of one JSON document and of arrays in NumPy's format.

The same content gives the same bytes: members come in a fixed order with a
fixed date, numbers are little-endian, and nothing names a machine or a time.
"""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from losscli.errors import InputError
from losscli.readers.storage import opened

MANIFEST = "manifest.json"
_DATE = (1980, 1, 1, 0, 0, 0)
_UNIX = 3

# What the zip, inflate, npy and JSON readers, and our own checks, raise on damaged bytes.
DAMAGE = (
    BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    OverflowError,
    NotImplementedError,
    RecursionError,
    RuntimeError,
    SyntaxError,
)


class StateWriter:
    """Writes the members of a state to a stream that can seek; a context that writes their directory at its end."""

    def __init__(self, stream: BinaryIO, manifest: Mapping[str, Any]) -> None:
        self._zip = ZipFile(stream, "w")
        text = json.dumps(manifest, separators=(",", ":"), allow_nan=False)
        self._zip.writestr(_member(MANIFEST, ZIP_DEFLATED), text)

    def array(self, name: str, array: NDArray[Any]) -> None:
        """Write a whole array."""
        content = io.BytesIO()
        npy.write_array(content, array, version=(1, 0), allow_pickle=False)
        self._zip.writestr(_member(f"{name}.npy", ZIP_DEFLATED), content.getvalue())

    def floats(self, name: str, rows: int, parts: Iterable[NDArray[np.float64]]) -> None:
        """Write `rows` float64 values that come in parts; as they are, for losses have no pattern to compress."""
        header = io.BytesIO()
        npy.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (rows,)})
        member = _member(f"{name}.npy", ZIP_STORED)
        member.file_size = len(header.getvalue()) + 8 * rows
        with self._zip.open(member, "w") as stream:
            stream.write(header.getvalue())
            for part in parts:
                stream.write(part.astype("<f8", copy=False).tobytes())

    def __enter__(self) -> StateWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            # What was written goes with its file; when it is collected, the zip must not try to finish it.
            self._zip.fp = None
        self._zip.close()


class StateReader:
    """Reads the members of a state; what is not as expected is a ValueError or another of `DAMAGE`."""

    def __init__(self, file: ZipFile) -> None:
        self._zip = file

    def digest(self) -> bytes:
        """The same for states of the same content: the checksums of all members."""
        return repr([(one.filename, one.file_size, one.CRC) for one in self._zip.infolist()]).encode()

    def manifest(self) -> Any:
        """The JSON document."""
        return json.loads(self._zip.read(MANIFEST))

    def array(self, name: str, kind: str, dimensions: int = 1) -> NDArray[Any]:
        """The array of a member, which must be of this type."""
        content = io.BytesIO(self._zip.read(f"{name}.npy"))
        array: NDArray[Any] = npy.read_array(content, allow_pickle=False)
        if array.dtype.str != kind or array.ndim != dimensions or content.read(1):
            raise ValueError(f"{name} is no array of {kind} with {dimensions} axes")
        return np.ascontiguousarray(array)


@contextmanager
def reading(path: str) -> Iterator[StateReader]:
    """The members of the state at `path`; whatever is wrong with it inside is an InputError."""
    try:
        file = opened(path)
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else "cannot be read"
        raise InputError(f"{path}: {reason}", "a state that -o state=FILE wrote") from error
    with file:
        try:
            with ZipFile(file) as members:
                yield StateReader(members)
        except DAMAGE as error:
            raise InputError(
                f"{path}: not a readable state",
                "a complete file that -o state=FILE wrote",
                "write it again; it may be another file, or damaged or cut off",
            ) from error


def _member(name: str, compression: int) -> ZipInfo:
    member = ZipInfo(name, _DATE)
    member.compress_type = compression
    member.create_system = _UNIX
    member.external_attr = 0o644 << 16
    return member
