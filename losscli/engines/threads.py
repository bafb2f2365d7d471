"""Worker threads that take the next piece; each has one result, merged at the end.

Decoding and NumPy's loops release the interpreter lock, so two threads keep
two cores busy.  The first failure stops the others at their next piece and is
raised in the calling thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from losscli.engines import Piece, Progress, Result
from losscli.engines.serial import run as run_serial


def run(
    start: Callable[[], Result],
    step: Callable[[Piece, Result, Progress], None],
    merge: Callable[[Result, Result], None],
    pieces: Sequence[Piece],
    workers: int,
    progress: Progress,
) -> Result:
    """The fold of all pieces by `workers` threads (at most one a piece)."""
    workers = min(workers, len(pieces))
    if workers <= 1:
        return run_serial(start, step, merge, pieces, 1, progress)
    queue = iter(pieces)
    lock = threading.Lock()
    results: list[Result] = []
    failures: list[BaseException] = []

    def work() -> None:
        result = start()
        try:
            while not failures:
                with lock:
                    piece = next(queue, None)
                if piece is None:
                    break
                step(piece, result, progress)
        except BaseException as failure:
            failures.append(failure)
        with lock:
            results.append(result)

    # Daemon threads: an interrupt must end the process without waiting for a long read.
    threads = [threading.Thread(target=work, daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            # A join without a limit cannot be interrupted on every platform.
            while thread.is_alive():
                thread.join(0.1)
    except BaseException as interrupt:
        failures.append(interrupt)
        raise
    if failures:
        raise failures[0]
    total = results[0]
    for result in results[1:]:
        merge(total, result)
    return total
