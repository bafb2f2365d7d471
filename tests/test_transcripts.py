"""Real commands with their whole output: command in, text and exit code out.

A transcript is a file with a comment, a command, the exit code and both
streams.  ``pytest tests/test_transcripts.py --record`` writes them anew; the
change is then read like any other.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))

_VERSION = re.compile(r'("version": ")[^"]+(")')


def run(command: str, folder: Path) -> str:
    """The transcript of a command, run in a shell with the project's files at hand."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in ("PATH", "HOME", "LANG", "SYSTEMROOT", "VIRTUAL_ENV")
    }
    environment |= {"PYTHONPATH": str(ROOT), "COLUMNS": "100", "PYTHONUTF8": "1"}
    program = f"{shlex.quote(sys.executable)} -m losscli"
    script = f'losscli() {{ {program} "$@"; }}; {command}'
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    parts = [f"$ {command}", f"--- exit {done.returncode}"]
    for name, text in (("stdout", done.stdout), ("stderr", done.stderr)):
        if text:
            parts += [f"--- {name}", _VERSION.sub(r"\g<1>VERSION\g<2>", text).rstrip("\n")]
    return "\n".join(parts) + "\n"


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_transcript_is_what_the_program_prints(path: Path, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    recorded = path.read_text(encoding="utf-8")
    comment = "".join(line for line in recorded.splitlines(keepends=True) if line.startswith("# "))
    command = next(line[2:] for line in recorded.splitlines() if line.startswith("$ "))
    for name in ("sample_data", "tests"):
        (tmp_path / name).symlink_to(ROOT / name)
    actual = comment + run(command, tmp_path)
    if request.config.getoption("--record"):
        path.write_text(actual, encoding="utf-8")
    assert actual == recorded


def test_there_are_transcripts() -> None:
    assert len(TRANSCRIPTS) >= 25
