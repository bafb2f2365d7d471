"""Progress on stderr: a bar on a terminal after a second, else a line a minute."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from losscli.errors import Interrupted

if TYPE_CHECKING:
    from losscli.job import Job

BAR_AFTER_SECONDS = 1.0
LINE_EVERY_SECONDS = 60.0


class Progress:
    """Counts rows from any thread and shows them when a run takes long."""

    def __init__(self, total_rows: int | None) -> None:
        self.total = total_rows
        self.rows = 0
        self._lock = threading.Lock()
        self._started = self._said = time.monotonic()
        self._terminal = sys.stderr.isatty()
        self._bar: Any = None
        self._task: Any = None

    def __call__(self, rows: int) -> None:
        with self._lock:
            self.rows += rows
            now = time.monotonic()
            if not self._terminal:
                if now - self._said >= LINE_EVERY_SECONDS:
                    self._said = now
                    sys.stderr.write(f"losscli: {self.describe()} read\n")
            elif self._bar is not None:
                self._bar.update(self._task, completed=self.rows)
            elif now - self._started >= BAR_AFTER_SECONDS:
                self._show()

    def describe(self) -> str:
        """How far the run is, such as ``61 % (12,300,000 rows)``."""
        rows = f"{self.rows:,} rows"
        return f"{100 * self.rows / self.total:.0f} % ({rows})" if self.total else rows

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, ProgressColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar
        from rich.text import Text

        class Rate(ProgressColumn):
            def render(self, task: Any) -> Text:
                speed = task.finished_speed or task.speed
                return Text(f"{speed / 1e6:.2f} M rows/s" if speed else "")

        self._bar = Bar(
            TextColumn("{task.completed:,.0f} rows"),
            BarColumn(),
            Rate(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._bar.start()
        self._task = self._bar.add_task("rows", total=self.total, completed=self.rows)


@contextmanager
def watched(job: Job) -> Iterator[None]:
    """A block that reads the rows of a job: shows how far it is, and says so when it is interrupted."""
    job.progress = progress = Progress(job.total_rows)
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted at {progress.describe()}") from None
    finally:
        progress.close()
