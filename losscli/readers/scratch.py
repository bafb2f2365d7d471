"""Temporary files that leave nothing behind, however the process ends."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import IO, Any


def scratch_file() -> tuple[IO[bytes], str]:
    """A new file for writing and reading, and the path under which every local process can open it.

    On Linux it has no name, so it is gone with the process; its path goes
    through the process's open files.  The file must be kept as long as the
    path is in use.
    """
    unnamed = Path("/proc/self/fd").is_dir()
    file: Any = (tempfile.TemporaryFile if unnamed else tempfile.NamedTemporaryFile)(prefix="losscli-")
    return file, f"/proc/{os.getpid()}/fd/{file.fileno()}" if unnamed else str(file.name)
