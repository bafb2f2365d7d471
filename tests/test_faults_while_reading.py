"""Files that change, vanish or end while they are read, and runs that are stopped: never a number, nothing left."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import losscli
from losscli.__main__ import run as run_command
from losscli.errors import InputError
from losscli.job import Job
from losscli.readers import csv_shards, locate
from losscli.work import Work

ROOT = Path(__file__).parent.parent
ROWS = 3_000
LONG_AGO = 1_000_000_000
# Far more than an interrupt takes, also on a busy machine, and far less than the runs that are interrupted.
PROMPTLY = 30.0


def table(rows: int = ROWS) -> pa.Table:
    rng = np.random.default_rng(4)
    return pa.table({"y_true": rng.normal(size=rows), "y_pred": rng.normal(size=rows)})


def as_csv(path: Path, data: pa.Table) -> None:
    lines = [",".join(data.column_names)]
    lines += [f"{a!r},{b!r}" for a, b in zip(*(column.to_pylist() for column in data.columns), strict=True)]
    path.write_text("\n".join(lines) + "\n")


def as_ndjson(path: Path, data: pa.Table) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in data.to_pylist()))


def as_parquet(path: Path, data: pa.Table) -> None:
    pq.write_table(data, path, row_group_size=100)


def as_arrow(path: Path, data: pa.Table) -> None:
    with pa.ipc.new_file(path, data.schema) as writer:
        writer.write_table(data, max_chunksize=100)


def as_stream(path: Path, data: pa.Table) -> None:
    with pa.ipc.new_stream(path, data.schema) as writer:
        writer.write_table(data)


FORMATS: dict[str, Callable[[Path, pa.Table], None]] = {
    "csv": as_csv,
    "ndjson": as_ndjson,
    "parquet": as_parquet,
    "arrow": as_arrow,
    "arrows": as_stream,
}


def shrink(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 4)


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"0.5,0.5\n")


def touch(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data)


def replace(path: Path) -> None:
    other = path.with_name("other")
    shutil.copy2(path, other)
    other.replace(path)


def remove(path: Path) -> None:
    path.unlink()


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """A way to do something once, after the first rows of a run have been read."""
    read = Work.run

    def meanwhile(change: Callable[[], None]) -> None:
        waiting = [change]

        def noticed(self: Work, shard: Any, partial: Any, progress: Any = None, sink: Any = None) -> None:
            def counted(rows: int) -> None:
                if waiting:
                    waiting.pop()()

            read(self, shard, partial, counted, sink)

        monkeypatch.setattr(Work, "run", noticed)

    return meanwhile


def file_of(format: str, folder: Path) -> Path:
    path = folder / f"rows.{format}"
    FORMATS[format](path, table())
    # Clocks of file systems tick slowly: a change may come at the same time as this.
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


@pytest.mark.parametrize("change", [shrink, grow, touch, replace, remove])
@pytest.mark.parametrize("format", FORMATS)
def test_a_file_that_changes_while_it_is_read_is_refused(
    format: str,
    change: Callable[[Path], None],
    tmp_path: Path,
    meanwhile: Callable[[Callable[[], None]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(csv_shards, "RANGE_BYTES", 10_000)
    path = file_of(format, tmp_path)
    expected = losscli.evaluate(path, "mae", engine="serial", chunk_rows=50).loss
    assert expected == losscli.evaluate(table(), "mae").loss
    meanwhile(lambda: change(path))
    wanted = "it vanished while it was read" if change is remove else "changed while it was read"
    with pytest.raises(InputError, match=f"rows.{format}: {wanted}"):
        losscli.evaluate(path, "mae", engine="serial", chunk_rows=50)


def test_a_change_before_the_rows_are_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = file_of("csv", tmp_path)
    run = Job.run

    def changed(self: Job) -> Any:
        partial = run(self)
        grow(path)
        return partial

    monkeypatch.setattr(Job, "run", changed)
    rows = tmp_path / "rows.out"
    assert run_command(["eval", str(path), "-l", "mae", "-o", f"rows={rows}"]) == 3
    assert "changed while it was read" in capsys.readouterr().err
    assert not rows.exists()


def test_the_other_files_of_a_run_are_watched_too(
    tmp_path: Path, meanwhile: Callable[[Callable[[], None]], None]
) -> None:
    paths = [tmp_path / name for name in ("a.csv", "b.csv")]
    for path in paths:
        as_csv(path, table(100))
    meanwhile(lambda: grow(paths[0]))
    with pytest.raises(InputError, match=r"a.csv: changed while it was read, from [\d,]+ to [\d,]+ bytes"):
        losscli.evaluate(paths, "mae", engine="serial")


CUT = """
import os, sys
import losscli
from losscli.errors import InputError
from losscli.work import Work

path, read = sys.argv[1], Work.run

def noticed(self, shard, partial, progress=None, sink=None):
    read(self, shard, partial, lambda rows: os.truncate(path, 4096), sink)

Work.run = noticed
try:
    losscli.evaluate(path, "mae", engine="serial", chunk_rows=1000)
except InputError as refusal:
    print(refusal.problem)
"""


@pytest.mark.parametrize("format", ["arrow", "arrows"])
def test_a_mapped_file_that_is_cut_off_does_not_end_the_process(format: str, tmp_path: Path) -> None:
    path = tmp_path / f"long.{format}"
    FORMATS[format](path, table(200_000))
    done = subprocess.run([sys.executable, "-c", CUT, str(path)], capture_output=True, text=True, env=environment())
    assert done.returncode == 0, done.returncode
    assert "changed while it was read, from 3," in done.stdout


def test_a_directory_that_vanishes_before_its_files_are_opened_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    for name in ("a.csv", "b.csv"):
        as_csv(folder / name, table(10))
    open_one = locate._open

    def vanishing(index: int, *arguments: Any) -> Any:
        source = open_one(index, *arguments)
        shutil.rmtree(folder)
        return source

    monkeypatch.setattr(locate, "_open", vanishing)
    with pytest.raises(InputError, match=r"b.csv: cannot be read"):
        losscli.evaluate(folder, "mae")


def test_a_directory_that_vanishes_while_it_is_read_is_refused(
    tmp_path: Path, meanwhile: Callable[[Callable[[], None]], None]
) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    for name in ("a.parquet", "b.parquet"):
        as_parquet(folder / name, table(100))
    meanwhile(lambda: shutil.rmtree(folder))
    with pytest.raises(InputError, match=r"a.parquet: it vanished while it was read"):
        losscli.evaluate(folder, "mae", engine="serial", chunk_rows=10)


def without_privileges() -> None:
    """Let permissions hold for the superuser too: drop CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH for what is run."""
    drop_from_bounding_set = 24
    for capability in (1, 2):
        ctypes.CDLL(None).prctl(drop_from_bounding_set, capability, 0, 0, 0)


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_without_permission_is_refused(format: str, tmp_path: Path) -> None:
    path = file_of(format, tmp_path)
    path.chmod(0)
    if subprocess.run(["cat", str(path)], capture_output=True, preexec_fn=without_privileges).returncode == 0:
        pytest.skip("permissions do not hold here")
    done = subprocess.run(
        [sys.executable, "-m", "losscli", "eval", str(path), "-l", "mae"],
        capture_output=True,
        text=True,
        env=environment(),
        preexec_fn=without_privileges,
    )
    assert (done.returncode, done.stdout) == (3, ""), done.stderr
    assert f"{path}: cannot be read" in done.stderr or "ermission denied" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_output_directory_that_vanishes_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, folder = file_of("csv", tmp_path), tmp_path / "out"
    folder.mkdir()
    run = Job.run

    def vanishing(self: Job) -> Any:
        shutil.rmtree(folder)
        return run(self)

    monkeypatch.setattr(Job, "run", vanishing)
    outputs = ["-o", f"json={folder / 'result.json'}", "-o", f"state={folder / 'a.state'}"]
    assert run_command(["eval", str(path), "-l", "mae", *outputs]) == 3
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"result.json: cannot be written: the directory {folder} does not exist" in shown.err


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "CI"} | {"PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with enough rows for many seconds of work, and states of many groups."""
    folder = tmp_path_factory.mktemp("long")
    rng = np.random.default_rng(0)
    values = rng.lognormal(size=400_000)
    names = {"y_true": pa.float64(), "y_pred": pa.float64()}
    with pq.ParquetWriter(folder / "rows.parquet", pa.schema(names)) as writer:
        for _ in range(15):
            writer.write_table(pa.table({"y_true": values, "y_pred": values * rng.uniform()}))
    for name in "ab":
        columns = {"y_true": rng.normal(size=20_000), "y_pred": rng.normal(size=20_000)}
        grouped = pa.table({**columns, "g": rng.integers(0, 1_500, 20_000)})
        losscli.evaluate(grouped, ["mae", "mse", "log_cosh"], by="g").save(folder / f"{name}.state")
    return folder


Condition = Callable[["subprocess.Popen[str]", Path], bool]


def loads_numpy(process: subprocess.Popen[str], _: Path) -> bool:
    return "_multiarray_umath" in Path(f"/proc/{process.pid}/maps").read_text()


def spools_input(process: subprocess.Popen[str], _: Path) -> bool:
    # Standard input is copied to a file without a name.
    return any(target_of(one).endswith("(deleted)") for one in Path(f"/proc/{process.pid}/fd").iterdir())


def target_of(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:
        # Closed since it was listed.
        return ""


def has_opened_output(_: subprocess.Popen[str], folder: Path) -> bool:
    return any(folder.iterdir())


def writes_output(_: subprocess.Popen[str], folder: Path) -> bool:
    return any(path.stat().st_size for path in folder.iterdir())


STOPS: dict[str, tuple[list[str], Condition]] = {
    "start-up": (["eval", "rows.parquet", "-l", "mae"], loads_numpy),
    "waiting for input": (["eval", "-", "-l", "mae"], spools_input),
    "reading": (
        ["eval", "rows.parquet", "-l", "mae", "-l", "tweedie_deviance:power=0", "-o", "json=R"],
        has_opened_output,
    ),
    "merging": (["merge", "a.state", "b.state", "-o", "json=R", "-o", "state=S"], has_opened_output),
    "writing rows": (["eval", "rows.parquet", "-l", "mae", "-o", "rows=R"], writes_output),
}


@pytest.fixture
def started(long: Path, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts the program in the folder of long files and waits for a moment of its run."""
    if not Path("/proc/self/maps").exists():
        pytest.skip("what a process does is told by /proc")
    processes: list[subprocess.Popen[str]] = []

    def start(stop: str, **options: Any) -> subprocess.Popen[str]:
        words, moment = STOPS[stop]
        words = [word.replace("=R", f"={tmp_path / 'R'}").replace("=S", f"={tmp_path / 'S'}") for word in words]
        process = subprocess.Popen(
            [sys.executable, "-m", "losscli", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=long,
            env=environment(),
            **options,
        )
        processes.append(process)
        deadline = time.monotonic() + 60.0
        while not moment(process, tmp_path):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.002)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("stop", STOPS)
def test_a_run_can_be_stopped_at_any_point(
    stop: str, number: signal.Signals, started: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = started(stop)
    before = time.monotonic()
    process.send_signal(number)
    output, messages = process.communicate(timeout=30)
    assert time.monotonic() - before < PROMPTLY
    assert (process.returncode, output) == (130, ""), messages
    assert messages.splitlines()[-1].startswith("losscli: interrupted")
    assert "Traceback" not in messages
    assert list(tmp_path.iterdir()) == []


def test_a_second_interrupt_does_not_disturb_the_first(
    started: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = started("writing rows")
    for _ in range(20):
        process.send_signal(signal.SIGINT)
        time.sleep(0.001)
    _, messages = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in messages
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_waits_for_the_end_of_an_import(long: Path, tmp_path: Path) -> None:
    # As an extension does that is initialised: it turns any exception into an ImportError.
    module = tmp_path / "extension.py"
    module.write_text(
        "import os, signal, time\n"
        "try:\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    time.sleep(0.05)\n"
        "except BaseException as error:\n"
        "    raise ImportError('could not be loaded') from error\n"
    )
    plugin = tmp_path / "plugin.py"
    plugin.write_text(f"import sys\nsys.path.append({str(tmp_path)!r})\nimport extension, time\ntime.sleep(10)\n")
    assert interrupted_by(plugin, long) == (130, "", "losscli: interrupted\n")


def test_an_interrupt_that_was_dropped_comes_again(long: Path, tmp_path: Path) -> None:
    plugin = tmp_path / "plugin.py"
    plugin.write_text(
        "import os, signal, time\n"
        "try:\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    time.sleep(0.01)\n"
        "except BaseException:\n"
        "    pass\n"
        "time.sleep(10)\n"
    )
    assert interrupted_by(plugin, long) == (130, "", "losscli: interrupted\n")


def interrupted_by(plugin: Path, folder: Path) -> tuple[int, str, str]:
    words = [sys.executable, "-m", "losscli", "eval", "rows.parquet", "-l", "mae", "--plugin", str(plugin)]
    done = subprocess.run(words, cwd=folder, env=environment(), capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def test_signals_that_are_ignored_stay_so(started: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    process = started("merging", preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["R", "S"]
