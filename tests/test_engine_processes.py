"""The engine of forked processes: the same fold, and nothing left behind whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux only")

PRELUDE = """
import os, signal, threading, time
from losscli.engines import processes
from losscli.errors import InputError

def start():
    return {"sum": 0, "by": set()}

def step(piece, result, progress):
    result["sum"] += piece
    result["by"].add(os.getpid())
    progress(piece)

def merge(one, other):
    one["sum"] += other["sum"]
    one["by"] |= other["by"]

def fold(step=step, pieces=range(1, 101), workers=3):
    seen = []
    result = processes.run(start, step, merge, pieces, workers, seen.append)
    return result, seen

def children():
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return "no child"
    return "a child"
"""

# As the program sets them before anything is imported: no thread but the first.
ALONE = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}


def told(script: str) -> list[str]:
    """What a process of its own prints, line by line."""
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **ALONE},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_every_piece_is_folded_once_by_other_processes() -> None:
    lines = told(
        """
        result, seen = fold()
        print(result["sum"], sorted(seen) == list(range(1, 101)), os.getpid() in result["by"])
        print(children())
        """
    )
    assert lines == ["5050 True False", "no child"]


def test_a_failing_step_is_raised_here() -> None:
    lines = told(
        """
        def bad(piece, result, progress):
            if piece == 7:
                raise InputError("piece 7 is bad", "another")
            time.sleep(60 if piece > 7 else 0)

        try:
            fold(bad)
        except InputError as error:
            print(error.problem, error.expected)
        print(children())
        """
    )
    assert lines == ["piece 7 is bad another", "no child"]


@pytest.mark.parametrize("number", ["SIGKILL", "SIGSEGV", "SIGTERM"])
def test_a_worker_that_dies_is_an_error(number: str) -> None:
    lines = told(
        f"""
        def dying(piece, result, progress):
            os.kill(os.getpid(), signal.{number})

        try:
            fold(dying)
        except InputError as error:
            print(error.problem)
        print(children())
        """
    )
    assert lines == ["a worker process has died", "no child"]


def test_a_process_with_threads_does_not_fork() -> None:
    lines = told(
        """
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        result, _ = fold()
        print(result["sum"], result["by"] == {os.getpid()}, flush=True)
        os._exit(0)
        """
    )
    assert lines == ["5050 True"]


def test_an_interrupt_ends_the_workers() -> None:
    lines = told(
        """
        def slow(piece, result, progress):
            time.sleep(60)

        signal.setitimer(signal.ITIMER_REAL, 0.5)
        def interrupt(number, frame):
            raise KeyboardInterrupt
        signal.signal(signal.SIGALRM, interrupt)
        try:
            fold(slow)
        except KeyboardInterrupt:
            print("interrupted")
        print(children())
        """
    )
    assert lines == ["interrupted", "no child"]


def test_workers_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    file = tmp_path / "workers"
    script = f"""
    def slow(piece, result, progress):
        with open({str(file)!r}, "a") as names:
            names.write(f"{{os.getpid()}}\\n")
        time.sleep(0.2)

    fold(slow, range(1000), 2)
    """
    with subprocess.Popen(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(script)], env={**os.environ, **ALONE}
    ) as parent:
        deadline = time.monotonic() + 30
        while (not file.exists() or len(set(file.read_text().split())) < 2) and time.monotonic() < deadline:
            time.sleep(0.05)
        parent.send_signal(signal.SIGKILL)
    workers = {int(line) for line in file.read_text().split()}
    assert len(workers) == 2
    while any(_runs(one) for one in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [one for one in workers if _runs(one)]


def _runs(process: int) -> bool:
    try:
        # A process that has ended stays in the table as a zombie until somebody asks for its result.
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
