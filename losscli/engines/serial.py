"""One piece after the other, in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from losscli.engines import Piece, Progress, Result


def run(
    start: Callable[[], Result],
    step: Callable[[Piece, Result, Progress], None],
    merge: Callable[[Result, Result], None],
    pieces: Sequence[Piece],
    workers: int,
    progress: Progress,
) -> Result:
    """The fold of all pieces by the calling thread."""
    result = start()
    for piece in pieces:
        step(piece, result, progress)
    return result
