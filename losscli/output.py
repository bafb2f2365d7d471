"""Writing results: files that appear whole or not at all.

A file is written under a temporary name beside its destination and renamed
when everything has succeeded, so an error or an interrupt leaves whatever was
there before.  Several outputs are renamed together, after the last is written.
"""

from __future__ import annotations

import io
import os
import shutil
import signal
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from losscli.errors import InputError, UsageError


class OutputFile(io.FileIO):
    """A file under a temporary name; every failure to write is an InputError that names `path`.

    `made` is told of the file before it is there, so that an interrupt cannot leave it behind.
    """

    def __init__(self, path: str, made: Callable[[OutputFile], None]) -> None:
        self.path = path
        try:
            self._mode, self._direct = _destination(path)
            # Through links, so that a link to a file stays one.
            self._target = Path(path) if self._direct else Path(os.path.realpath(path))
            folder = Path(tempfile.gettempdir()) if self._direct else self._target.parent
            self.temporary = folder / f".losscli-{os.urandom(8).hex()}.tmp"
            made(self)
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
        self._files: list[OutputFile] = []
        self._streams: list[BinaryIO] = []

    def open(self, path: str) -> BinaryIO:
        """A binary stream whose content will stand at `path`."""
        for source in self._inputs:
            if _same_file(source, path):
                raise UsageError(f"{path}: the output is also an input", "another file name")
        if any(_same_file(file.path, path) for file in self._files):
            raise UsageError(f"{path}: two outputs go to this file", "a file name for each output")
        stream = io.BufferedWriter(OutputFile(path, self._files.append), 1 << 18)
        self._streams.append(stream)
        return stream

    def write(self, path: str, content: str | bytes) -> None:
        """A whole output at once; text is written as UTF-8."""
        self.open(path).write(content if isinstance(content, bytes) else content.encode())

    def __enter__(self) -> OutputSet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _undisturbed():
            try:
                if kind is None:
                    for stream in self._streams:
                        stream.close()
                    for file in self._files:
                        file.publish()
            finally:
                for stream in self._streams:
                    # A stream that failed once fails again at its close, for the same reason.
                    with suppress(InputError, ValueError):
                        stream.close()
                for file in self._files:
                    file.discard()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let no signal come between: when results are put in place it is too late to stop, and what is removed goes."""
    if threading.current_thread() is not threading.main_thread():
        # Signals go to the main thread, and only there may they be turned off.
        yield
        return
    numbers = [getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM")]
    heeded = {number: signal.getsignal(number) for number in numbers if number is not None}
    for number in heeded:
        signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in heeded.items():
            if handler is not None:
                signal.signal(number, handler)


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
