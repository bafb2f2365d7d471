"""The Dask engine gives the bits of the serial one, whatever happens to its workers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import losscli
from losscli.columns import ColumnRequest
from losscli.engines import Engine, find_engine
from losscli.engines.dask import NO_DASHBOARD
from losscli.errors import InputError, UsageError
from losscli.expression import select_losses
from losscli.job import Settings
from losscli.preparation import prepare
from losscli.readers import parquet

distributed = pytest.importorskip("distributed", reason="the dask extra is not installed")

ROWS = 12_000
FILES = 3
SECONDS = 60.0
PROGRAM = [sys.executable, "-m", "losscli", "eval"]


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running scheduler with two workers, which work in another folder."""
    folder = tmp_path_factory.mktemp("cluster")
    with distributed.LocalCluster(n_workers=0, scheduler_kwargs=NO_DASHBOARD) as cluster:
        command = [sys.executable, "-m", "distributed.cli.dask_worker", cluster.scheduler_address]
        options = ["--no-dashboard", "--nworkers=2", "--nthreads=1", f"--local-directory={folder}"]
        paths = os.pathsep.join(path for path in sys.path if path)
        workers = subprocess.Popen(
            command + options, cwd=folder, env={**os.environ, "PYTHONPATH": paths}, stderr=subprocess.DEVNULL
        )
        try:
            yield cluster.scheduler_address
        finally:
            workers.terminate()
            workers.wait()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of several row groups; each file brings classes and slices that others lack."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(20_260_412)
    for part in range(FILES):
        truth = rng.normal(size=ROWS)
        scores = rng.dirichlet([0.1, 0.4, 1.0], ROWS)
        columns = {
            "y_true": truth,
            "y_pred": truth + rng.normal(size=ROWS) * 10.0 ** rng.integers(-9, 6, ROWS),
            "label": rng.choice([["ant", "bee"], ["bee", "cat"], ["cat", "ant"]][part], ROWS),
            **{f"prob_{name}": scores[:, place] for place, name in enumerate(("ant", "bee", "cat"))},
            "region": rng.choice([f"r{part}", f"r{part + 1}", ""], ROWS),
            "w": rng.lognormal(size=ROWS),
        }
        pq.write_table(pa.table(columns), folder / f"{part}.parquet", row_group_size=ROWS // 5)
    return folder


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "SHARD_ROWS", ROWS // 5)


NUMBERS: dict[str, Any] = {"label": "y_true", "pred": "y_pred"}
CLASSES: dict[str, Any] = {"label": "label", "pred": ["prob_ant", "prob_bee", "prob_cat"], "classes": "ant,bee,cat"}


@pytest.mark.parametrize(
    "request_",
    [
        {"loss": ["huber:delta=2", "rmse", "wape", "mix=0.5*mae+2*log_cosh"], **NUMBERS},
        {"loss": ["mae", "rmse", "wape"], "by": ["region", "region,label"], "weight": "w", **NUMBERS},
        {"loss": ["scce", "zero_one"], "by": "region", "weight": "w", **CLASSES},
    ],
    ids=["totals", "slices", "classes"],
)
def test_engine_agrees_with_serial_bit_for_bit(request_: dict[str, Any], data: Path, scheduler: str) -> None:
    request = {name: value.split(",") if name == "classes" else value for name, value in request_.items()}
    expected = losscli.evaluate(data, engine="serial", **request)
    actual = losscli.evaluate(data, engine="dask", scheduler=scheduler, **request)
    assert json.dumps(actual.to_dict()) == json.dumps(expected.to_dict())


def test_paths_are_those_of_the_caller(data: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(data)
    expected = losscli.evaluate("*.parquet", "mae", **NUMBERS)
    actual = losscli.evaluate("*.parquet", "mae", engine="dask", scheduler=scheduler, **NUMBERS)
    assert actual.to_dict() == expected.to_dict()


def test_command_line_starts_its_own_workers(data: Path, tmp_path: Path) -> None:
    options = ["-l", "mae", "--by", "region", "-f", "json", "-y", "y_true", "-p", "y_pred"]
    serial, clustered = (
        subprocess.run(
            [*PROGRAM, str(data), *options, "--engine", engine],
            capture_output=True,
            env=environment(tmp_path),
            check=True,
            timeout=SECONDS,
        )
        for engine in ("serial", "dask")
    )
    assert (clustered.stdout, clustered.stderr) == (serial.stdout, serial.stderr)
    assert list(tmp_path.iterdir()) == []


SLOW_LOSS = """
import time
from pathlib import Path
from losscli import declare
from losscli.roles import Prediction, Target

@declare(formula="0")
def slow(y_true: Target, y_pred: Prediction):
    \"\"\"Never done.\"\"\"
    Path("STARTED").touch()
    time.sleep(600)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="console events reach every process of the console")
def test_interrupt_ends_everything_at_once(data: Path, tmp_path: Path) -> None:
    temporary, started, plugin = tmp_path / "temporary", tmp_path / "started", tmp_path / "slow.py"
    temporary.mkdir()
    plugin.write_text(SLOW_LOSS.replace("STARTED", str(started)))
    report = tmp_path / "report.json"
    options = ["-l", "slow", "--plugin", str(plugin), "-y", "y_true", "-p", "y_pred", "-o", f"json={report}"]
    running = subprocess.Popen(
        [*PROGRAM, str(data), *options, "--engine", "dask"],
        env=environment(temporary),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for(started.exists)
    # As a terminal does it: the signal goes to the whole group.
    os.killpg(running.pid, signal.SIGINT)
    interrupted = time.monotonic()
    output, messages = running.communicate(timeout=SECONDS)
    assert time.monotonic() - interrupted < 2
    assert (running.returncode, output) == (130, "")
    assert messages.splitlines()[1:] == ["losscli: interrupted at 0 % (0 rows)"]
    assert [path.name for path in tmp_path.iterdir() if path not in (temporary, started, plugin)] == []
    assert list(temporary.iterdir()) == []


# The engine alone: numbers to be collected in a list.


def collect(piece: int, result: list[int], progress: Callable[[int], None]) -> None:
    result.append(piece)
    progress(piece)


def extend(result: list[int], other: list[int]) -> None:
    result.extend(other)
    # A merge may use up what it is given.
    other.clear()


def run(engine: Engine, step: Any, pieces: Sequence[Any], seen: list[int] | None = None) -> list[int]:
    return engine(list, step, extend, pieces, 2, (seen if seen is not None else []).append)


@pytest.mark.parametrize("count", [0, 1, 2, 33, 700])
def test_every_piece_is_folded_once_and_reported(count: int, scheduler: str) -> None:
    seen: list[int] = []
    result = run(find_engine("dask", scheduler=scheduler), collect, range(count), seen)
    assert sorted(result) == list(range(count))
    assert sum(seen) == sum(range(count))


def die_once(piece: tuple[int, str], result: list[int], progress: Callable[[int], None]) -> None:
    """Kills its worker in the middle, the first time it meets the number 20."""
    number, mark = piece
    progress(number)
    if number == 20 and not Path(mark).exists():
        # Others have ended by now, so finished results are lost as well.
        time.sleep(0.5)
        Path(mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    result.append(number)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
@pytest.mark.parametrize("local", [True, False], ids=["own workers", "cluster"])
def test_worker_that_dies_changes_nothing(local: bool, scheduler: str, tmp_path: Path) -> None:
    mark = tmp_path / "died"
    seen: list[int] = []
    engine = find_engine("dask", scheduler=None if local else scheduler)
    result = run(engine, die_once, [(number, str(mark)) for number in range(40)], seen)
    assert mark.exists()
    assert sorted(result) == list(range(40))
    assert sum(seen) == sum(range(40))


def die(piece: int, result: list[int], progress: Callable[[int], None]) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_workers_that_always_die_are_an_error() -> None:
    with pytest.raises(InputError, match="died 4 times over the same part of the data"):
        run(find_engine("dask"), die, [1])


def refuse(piece: int, result: list[int], progress: Callable[[int], None]) -> None:
    if piece == 7:
        raise UsageError("seven", "eight", "nine")


def test_refusal_of_a_step_comes_through(scheduler: str) -> None:
    with pytest.raises(UsageError, match="seven") as caught:
        run(find_engine("dask", scheduler=scheduler), refuse, range(30))
    assert (caught.value.expected, caught.value.fix) == ("eight", "nine")


def fail(piece: int, result: list[int], progress: Callable[[int], None]) -> None:
    raise ZeroDivisionError(piece)


def test_bug_in_a_step_keeps_its_name(scheduler: str) -> None:
    with pytest.raises(ZeroDivisionError):
        run(find_engine("dask", scheduler=scheduler), fail, [1])


def job_of(data: Any, **settings: Any) -> Any:
    request = ColumnRequest(label=("y_true",), pred=("y_pred",))
    return prepare(data, select_losses(["mae"], {}, "losscli"), request, Settings(engine="dask", **settings))


def test_file_that_workers_do_not_see_is_named_with_the_worker(data: Path, scheduler: str, tmp_path: Path) -> None:
    path = tmp_path / "here.parquet"
    path.write_bytes((data / "0.parquet").read_bytes())
    job = job_of(str(path), scheduler=scheduler)
    path.unlink()
    with pytest.raises(InputError, match=r"here\.parquet: .*says the worker tcp://") as caught:
        job.run()
    assert caught.value.expected == "files that every worker sees under the same path"


def test_bad_value_is_the_error_of_the_serial_engine(data: Path, scheduler: str, tmp_path: Path) -> None:
    table = pq.read_table(data / "1.parquet")
    labels = table.column("y_true").to_pylist()
    labels[-1] = None
    pq.write_table(table.set_column(0, "y_true", pa.array(labels)), tmp_path / "bad.parquet")
    with pytest.raises(InputError, match="missing") as expected:
        losscli.evaluate(tmp_path / "bad.parquet", "mae", engine="serial", **NUMBERS)
    with pytest.raises(InputError, match="missing") as actual:
        losscli.evaluate(tmp_path / "bad.parquet", "mae", engine="dask", scheduler=scheduler, **NUMBERS)
    assert str(actual.value) == str(expected.value)


def test_scheduler_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("losscli.engines.dask.CONNECT_SECONDS", 0.2)
    for address in ("tcp://127.0.0.1:9", "nonsense", "ftp://127.0.0.1:9"):
        with pytest.raises(InputError, match=f"no Dask scheduler answers at {address}"):
            run(find_engine("dask", scheduler=address), collect, [1])


def test_cluster_without_workers_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("losscli.engines.dask.WORKER_SECONDS", 0.2)
    monkeypatch.setattr("losscli.engines.dask.CHECK_SECONDS", 0.1)
    with distributed.LocalCluster(n_workers=0, scheduler_kwargs=NO_DASHBOARD) as cluster:
        engine = find_engine("dask", scheduler=cluster.scheduler_address)
        with pytest.raises(InputError, match="has had no worker for"):
            run(engine, collect, [1])


def test_workers_that_cannot_start_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false" if Path("/bin/false").exists() else "/usr/bin/false")
    monkeypatch.setattr("losscli.engines.dask.CHECK_SECONDS", 0.1)
    with pytest.raises(InputError, match="the worker processes ended: exit code 1"):
        run(find_engine("dask"), collect, [1])


def test_losscli_of_another_version_is_refused(scheduler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("losscli.engines.dask.__version__", "0.0.0")
    with pytest.raises(UsageError, match=f"has losscli {losscli.__version__}, this is 0.0.0"):
        run(find_engine("dask", scheduler=scheduler), collect, [1])


def test_data_in_memory_stays_here(scheduler: str) -> None:
    table = pa.table({"y_true": np.zeros(3), "y_pred": np.ones(3)})
    with pytest.raises(UsageError, match="data in memory"):
        losscli.evaluate(table, "mae", engine="dask", scheduler=scheduler)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_pipe_is_read_by_own_workers_only(data: Path, scheduler: str, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.parquet"
    os.mkfifo(pipe)
    for address, expected in ((None, None), (scheduler, "cannot read a pipe")):
        writer = threading.Thread(target=pipe.write_bytes, args=[(data / "0.parquet").read_bytes()])
        writer.start()
        if expected is None:
            actual = losscli.evaluate(pipe, "mae", engine="dask", scheduler=address, **NUMBERS)
            assert actual.loss == losscli.evaluate(data / "0.parquet", "mae", **NUMBERS).loss
        else:
            with pytest.raises(UsageError, match=expected):
                losscli.evaluate(pipe, "mae", engine="dask", scheduler=address, **NUMBERS)
        writer.join()


def test_threads_say_nothing_to_a_cluster(data: Path, scheduler: str) -> None:
    with pytest.raises(UsageError, match="--threads has no effect with --scheduler"):
        job_of(str(data), scheduler=scheduler, threads=2)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def environment(temporary: Path) -> dict[str, str]:
    """The environment of a command whose temporary files go to a folder."""
    return {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(Path(losscli.__file__).parent.parent)}
