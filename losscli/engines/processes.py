"""Worker processes that are forked and take the next piece; each sends its result at the end.

Threads take turns at the interpreter lock, which costs a fifth of the time of a
cheap loss; forked processes share nothing but the cores, and need no start-up of
their own.  A process can only be forked safely while it has a single thread, so
where it has more, or the system has no fork, this is the engine of threads.
"""

from __future__ import annotations

import os
import pickle
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from losscli.engines import Piece, Progress, Result
from losscli.engines.serial import run as run_serial
from losscli.errors import InputError

# A worker has its next piece at hand when it ends one.
_PIECES_AHEAD = 2

_SIGNALS = frozenset(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM") if hasattr(signal, name)
)

_PROGRESS, _NEXT, _RESULT, _FAILURE = range(4)

# Every word of how far a worker is takes a core from one of them for a moment.
_PROGRESS_EVERY_SECONDS = 0.1

_LENGTH_BYTES = 8


def run(
    start: Callable[[], Result],
    step: Callable[[Piece, Result, Progress], None],
    merge: Callable[[Result, Result], None],
    pieces: Sequence[Piece],
    workers: int,
    progress: Progress,
) -> Result:
    """The fold of all pieces by `workers` processes (at most one a piece).

    Raises what a step raises, and InputError when a worker dies.
    """
    workers = min(workers, len(pieces))
    if workers <= 1:
        return run_serial(start, step, merge, pieces, 1, progress)
    if not _can_fork():
        from losscli.engines.threads import run as run_threads

        return run_threads(start, step, merge, pieces, workers, progress)
    with _workers(workers, start, step) as connections:
        results: list[Result] = _served(connections, pieces, progress)
        # While they end.
        total = results[0]
        for result in results[1:]:
            merge(total, result)
    return total


def _can_fork() -> bool:
    """Whether the process has one thread, Arrow's included; Linux alone tells."""
    try:
        return sys.platform == "linux" and len(os.listdir("/proc/self/task")) == 1
    except OSError:
        return False


@contextmanager
def _workers(
    count: int, start: Callable[[], Result], step: Callable[[Piece, Result, Progress], None]
) -> Iterator[list[socket.socket]]:
    """`count` forked workers and the connections to them; none outlives the block."""
    known: list[socket.socket] = []
    children: list[int] = []
    try:
        for _ in range(count):
            ours, theirs = socket.socketpair()
            # No interrupt may find a child that still has the handlers of its parent, or one that is not in the list.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
            try:
                child = os.fork()
                if child == 0:
                    for other in [*known, ours]:
                        other.close()
                    _work(theirs, start, step, before)
                children.append(child)
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
            theirs.close()
            known.append(ours)
        yield known
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        for one in known:
            one.close()


def _served(connections: Sequence[socket.socket], pieces: Sequence[Any], progress: Progress) -> list[Any]:
    """Hand out the pieces and collect the results, in the order of the workers."""
    queue = iter(pieces)
    results: dict[socket.socket, Any] = {}
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection, selectors.EVENT_READ)
        for _ in range(_PIECES_AHEAD):
            for connection in connections:
                _send(connection, next(queue, None))
        while len(results) < len(connections):
            for key, _ in selector.select():
                worker: Any = key.fileobj
                kind, content = _received(worker)
                if kind == _PROGRESS:
                    progress(content)
                elif kind == _NEXT:
                    _send(worker, next(queue, None))
                    progress(content)
                elif kind == _FAILURE:
                    raise content
                else:
                    results[worker] = content
                    selector.unregister(worker)
    return [results[connection] for connection in connections]


def _send(connection: socket.socket, piece: Any) -> None:
    try:
        _write(connection, piece)
    except OSError:
        # The worker has gone; what it has said, or that it says nothing, is still to be received.
        return


def _received(connection: socket.socket) -> tuple[int, Any]:
    try:
        message: tuple[int, Any] = _read(connection)
    except (EOFError, OSError):
        raise InputError(
            "a worker process has died",
            "enough memory for all workers",
            "--threads 1, or fewer groups; --engine threads has no worker processes",
        ) from None
    return message


def _write(connection: socket.socket, message: Any) -> None:
    content = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    connection.sendall(len(content).to_bytes(_LENGTH_BYTES, "little"))
    connection.sendall(content)


def _read(connection: socket.socket) -> Any:
    return pickle.loads(_bytes(connection, int.from_bytes(_bytes(connection, _LENGTH_BYTES), "little")))


def _bytes(connection: socket.socket, size: int) -> bytearray:
    """Exactly `size` bytes; EOFError when the other side has gone."""
    content = bytearray(size)
    left = memoryview(content)
    while left:
        count = connection.recv_into(left)
        if not count:
            raise EOFError
        left = left[count:]
    return content


class _Unsaid:
    """The rows of which the parent has not been told; `say` tells it of them, from time to time."""

    def __init__(self, say: Progress) -> None:
        self._say = say
        self._rows = 0
        self._said = time.monotonic()

    def add(self, rows: int) -> None:
        self._rows += rows
        now = time.monotonic()
        if now - self._said >= _PROGRESS_EVERY_SECONDS:
            self._said = now
            self._say(self.taken())

    def taken(self) -> int:
        """What has not been told, which is told now."""
        rows, self._rows = self._rows, 0
        return rows


def _work(
    connection: socket.socket,
    start: Callable[[], Result],
    step: Callable[[Piece, Result, Progress], None],
    mask: Collection[int],
) -> NoReturn:
    """Take pieces until there is none, send the result, and end the process without its exit handlers."""

    def say(kind: int, content: Any) -> None:
        _write(connection, (kind, content))

    # An interrupt is answered by the parent, which ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in _SIGNALS - {signal.SIGINT}:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    code = 1
    try:
        try:
            result = start()
            unsaid = _Unsaid(lambda rows: say(_PROGRESS, rows))
            while (piece := _read(connection)) is not None:
                step(piece, result, unsaid.add)
                say(_NEXT, unsaid.taken())
            say(_RESULT, result)
            code = 0
        except Exception as failure:
            say(_FAILURE, failure)
    finally:
        os._exit(code)
