"""Writing results: files that appear whole or not at all.

A file is written under a temporary name beside its destination and renamed
when everything has succeeded, so an error or an interrupt leaves whatever was
there before.  Several outputs are renamed together, after the last is written.
"""

from __future__ import annotations

import io
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from losscli.errors import InputError, UsageError


class OutputFile(io.FileIO):
    """A file under a temporary name; every failure to write is an InputError that names `path`."""

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self._mode, self._direct = _destination(path)
            # Through links, so that a link to a file stays one.
            self._target = Path(path) if self._direct else Path(os.path.realpath(path))
            folder = Path(tempfile.gettempdir()) if self._direct else self._target.parent
            self.temporary = folder / f".losscli-{secrets.token_hex(8)}.tmp"
            super().__init__(self.temporary, "xb")
        except OSError as error:
            raise _refusal(path, error) from None

    def write(self, data: object) -> int:
        try:
            return super().write(data)  # type: ignore[arg-type]  # io.FileIO takes every buffer
        except OSError as error:
            raise _refusal(self.path, error) from None

    def close(self) -> None:
        try:
            super().close()
        except OSError as error:
            raise _refusal(self.path, error) from None

    def publish(self) -> None:
        """Put the closed file in the place of its destination."""
        try:
            if self._direct:
                with self.temporary.open("rb") as source, self._target.open("wb") as target:
                    shutil.copyfileobj(source, target)
                self.temporary.unlink()
                return
            if self._mode is not None:
                self.temporary.chmod(self._mode)
            self.temporary.replace(self._target)
        except OSError as error:
            raise _refusal(self.path, error) from None

    def discard(self) -> None:
        """Remove the temporary file if it is still there."""
        with suppress(InputError):
            self.close()
        with suppress(OSError):
            self.temporary.unlink()


def _destination(path: str) -> tuple[int | None, bool]:
    """The permissions of the file that is there, and whether it is a device or pipe, which no rename may replace."""
    if path.endswith("/"):
        raise IsADirectoryError
    try:
        found = Path(path).stat()
    except FileNotFoundError:
        return None, False
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError
    if not os.access(path, os.W_OK):
        raise PermissionError
    return stat.S_IMODE(found.st_mode), not stat.S_ISREG(found.st_mode)


def _refusal(path: str, error: OSError) -> InputError:
    problem = f"{path}: cannot be written"
    if isinstance(error, FileNotFoundError):
        folder = Path(path).parent
        missing = f"the directory {folder} does not exist"
        return InputError(f"{problem}: {missing}", "an existing directory", f"mkdir -p {folder}")
    if isinstance(error, IsADirectoryError):
        return InputError(f"{problem}: it is a directory", "a file name")
    if isinstance(error, PermissionError):
        return InputError(f"{problem}: permission denied", "a place where you may write")
    reason = (error.strerror or type(error).__name__).lower()
    return InputError(f"{problem}: {reason}")


class OutputSet:
    """Several outputs that appear together when the ``with`` block succeeds.

    `inputs` are the files that are read; an output that is one of them, or
    two outputs of one name, are a UsageError before anything is written.
    """

    def __init__(self, inputs: Sequence[str] = ()) -> None:
        self._inputs = list(inputs)
        self._opened: list[tuple[OutputFile, BinaryIO]] = []

    def open(self, path: str) -> BinaryIO:
        """A binary stream whose content will stand at `path`."""
        for source in self._inputs:
            if _same_file(source, path):
                raise UsageError(f"{path}: the output is also an input", "another file name")
        if any(_same_file(file.path, path) for file, _ in self._opened):
            raise UsageError(f"{path}: two outputs go to this file", "a file name for each output")
        file = OutputFile(path)
        stream = io.BufferedWriter(file, 1 << 18)
        self._opened.append((file, stream))
        return stream

    def write(self, path: str, content: str | bytes) -> None:
        """A whole output at once; text is written as UTF-8."""
        self.open(path).write(content if isinstance(content, bytes) else content.encode())

    def __enter__(self) -> OutputSet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                for _, stream in self._opened:
                    stream.close()
                for file, _ in self._opened:
                    file.publish()
        finally:
            for file, stream in self._opened:
                # A stream that failed once fails again at its close, for the same reason.
                with suppress(InputError, ValueError):
                    stream.close()
                file.discard()


@contextmanager
def atomic_write(path: str, *, inputs: Sequence[str] = ()) -> Iterator[BinaryIO]:
    """A binary stream whose content replaces `path` when the block succeeds.

    Raises InputError when the file cannot be written and UsageError when it
    is one of `inputs`.
    """
    with OutputSet(inputs) as outputs:
        yield outputs.open(path)


def _same_file(one: str, other: str) -> bool:
    try:
        return Path(one).samefile(other)
    except OSError:
        return os.path.realpath(one) == os.path.realpath(other)
