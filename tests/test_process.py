"""The program as a process: signals, pipes, terminals, exit codes."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).parent.parent
LOSSCLI = [sys.executable, "-m", "losscli"]
DIABETES = str(ROOT / "sample_data" / "diabetes.parquet")
SLOW = [
    flag for name in ("mae", "mse", "fair", "cauchy", "log_cosh", "tweedie_deviance:power=0") for flag in ("-l", name)
]


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "NO_COLOR", "FORCE_COLOR")}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


def run(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*LOSSCLI, *arguments], capture_output=True, text=True, env=environment(**more), check=False, timeout=60
    )


@pytest.fixture(scope="module")
def long_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough rows for some seconds of work."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("long") / "rows.parquet"
    values = rng.lognormal(size=400_000)
    with pq.ParquetWriter(path, pa.schema([("y_true", pa.float64()), ("y_pred", pa.float64())])) as writer:
        for _ in range(25):
            writer.write_table(pa.table({"y_true": values, "y_pred": values * rng.uniform()}))
    return path


@pytest.fixture
def running(long_file: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A run in the middle of its work."""
    process = subprocess.Popen(
        [*LOSSCLI, "eval", str(long_file), *SLOW, "-o", f"json={tmp_path / 'result.json'}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stderr is not None
    # The mapping is printed when reading starts.
    assert process.stderr.readline().startswith("losscli: label=")
    time.sleep(0.3)
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing_behind(
    running: subprocess.Popen[str], number: signal.Signals, tmp_path: Path
) -> None:
    running.send_signal(number)
    output, messages = running.communicate(timeout=10)
    assert running.returncode == 130
    assert output == ""
    assert "losscli: interrupted at" in messages
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_while_waiting_for_input_is_heeded(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*LOSSCLI, "eval", "-", "-l", "mae"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    _, messages = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "interrupted" in messages
    assert "Traceback" not in messages


@pytest.mark.parametrize("arguments", [("-f", "json"), ("--reduction", "none")], ids=["json", "rows"])
def test_a_reader_that_goes_away_is_no_error(arguments: tuple[str, ...], long_file: Path) -> None:
    command = " ".join([*LOSSCLI, "eval", str(long_file), "-l", "mae", *arguments])
    done = subprocess.run(
        ["bash", "-c", f"{command} | head -c 20 >/dev/null; echo ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        env=environment(),
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == "0"
    assert done.stderr.count("\n") == 1, done.stderr


def test_a_full_disk_is_an_error_of_the_output() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    done = run("eval", DIABETES, "-l", "mae", "-o", "json=/dev/full")
    assert done.returncode == 3
    assert done.stdout == ""
    assert "/dev/full: cannot be written: no space left on device" in done.stderr


def test_standard_output_that_cannot_be_written_is_an_error() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*LOSSCLI, "eval", DIABETES, "-l", "mae"], stdout=full, stderr=subprocess.PIPE, text=True, env=environment()
        )
    assert done.returncode == 3
    assert "standard output" in done.stderr


def on_a_terminal(*arguments: str, columns: int, **more: str) -> str:
    """What a command prints to a terminal of so many columns."""
    import fcntl
    import struct
    import termios

    main, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        [*LOSSCLI, *arguments], stdout=other, stderr=subprocess.PIPE, env=environment(TERM="xterm-256color", **more)
    )
    os.close(other)
    pieces = []
    while True:
        try:
            piece = os.read(main, 65_536)
        except OSError:
            break
        if not piece:
            break
        pieces.append(piece)
    process.communicate(timeout=30)
    return b"".join(pieces).decode()


def test_a_terminal_has_colour_and_a_width() -> None:
    shown = on_a_terminal("eval", DIABETES, "-l", "mae", "--by", "sex", columns=70)
    assert "\x1b[1m" in shown
    assert "not shown: " in shown
    plain = shown.replace("\r", "").translate({27: None})
    assert "44.2662" in plain


def test_no_color_is_honoured() -> None:
    assert "\x1b" not in on_a_terminal("eval", DIABETES, "-l", "mae", columns=200, NO_COLOR="1")


@pytest.mark.parametrize("format", ["json", "ndjson", "csv", "tsv", "md", "plain"])
def test_machine_formats_never_have_colour(format: str) -> None:
    forced = {"FORCE_COLOR": "1", "GITHUB_ACTIONS": "true", "CLICOLOR_FORCE": "1"}
    assert "\x1b" not in run("eval", DIABETES, "-l", "mae", "-f", format, **forced).stdout
    assert "\x1b" not in on_a_terminal("eval", DIABETES, "-l", "mae", "-f", format, columns=80, **forced)


def test_internal_errors_are_70_without_a_traceback(tmp_path: Path) -> None:
    plugin = tmp_path / "broken.py"
    plugin.write_text(
        "from losscli import declare\n"
        "from losscli.roles import FloatArray, Prediction, Target\n"
        "@declare(formula='1 / 0')\n"
        "def broken(y_true: Target, y_pred: Prediction) -> FloatArray:\n"
        '    """A loss whose kernel fails."""\n'
        "    raise ZeroDivisionError('kernel')\n"
    )
    done = run("eval", DIABETES, "-l", "broken", "--plugin", str(plugin))
    assert done.returncode == 70
    assert "internal error: ZeroDivisionError: kernel" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Traceback" in run("eval", DIABETES, "-l", "broken", "--plugin", str(plugin), "--debug").stderr


def test_ci_makes_ambiguous_columns_an_error(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("y_true,target,y_pred\n1,2,3\n2,3,4\n")
    warned = run("eval", str(path), "-l", "mae", "-q")
    assert (warned.returncode, "warning" in warned.stderr) == (0, True)
    refused = run("eval", str(path), "-l", "mae", "-q", CI="true")
    assert (refused.returncode, refused.stdout) == (3, "")
    assert run("eval", str(path), "-l", "mae", "-q", "-y", "target", CI="true").returncode == 0
