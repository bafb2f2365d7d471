"""Dask's distributed scheduler: the pieces are folded by processes, here or on a cluster.

Every task folds a run of pieces; a tree of tasks merges what came of them, so
only the final result travels back.  Results pass between tasks as pickles: a
merge that runs again after a worker died must find its inputs as they were.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from losscli import __version__
from losscli.engines import Piece, Progress, Result
from losscli.errors import InputError, LosscliError, UsageError

if TYPE_CHECKING:
    from distributed import Client

# Runs for each worker thread: the last ones to finish, and those lost with a worker, cost little.
RUNS_PER_THREAD = 16

# Results that one task merges: few levels, and few results in memory at a time.
FAN_IN = 8

CONNECT_SECONDS = 15.0

# A cluster that starts workers on demand takes a while; a dead one takes for ever.
WORKER_SECONDS = 120.0
CHECK_SECONDS = 2.0

# Workers tell how far they are; more often than this nobody can read.
TELL_SECONDS = 0.5

# Dask's own setting gives memory back at every chance, and the C library then maps every temporary array anew:
# 1.9 times the processor time for a Huber loss, against 1.15 with these.
ALLOCATOR = {"MALLOC_TRIM_THRESHOLD_": str(1 << 28), "MALLOC_MMAP_THRESHOLD_": str(1 << 25)}

# Without a dashboard the web server starts all the same; its default address is open to the network.
NO_DASHBOARD = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}

# Raises InputError when the cluster has no worker any more.
Check: TypeAlias = Callable[[], None]

NOT_VISIBLE = (FileNotFoundError, NotADirectoryError, PermissionError)


def run(
    start: Callable[[], Result],
    step: Callable[[Piece, Result, Progress], None],
    merge: Callable[[Result, Result], None],
    pieces: Sequence[Piece],
    workers: int,
    progress: Progress,
    *,
    scheduler: str | None = None,
) -> Result:
    """The fold of all pieces on the cluster at `scheduler`, or on `workers` processes of this machine.

    With a scheduler its own workers do the work, however many there are.  A
    worker that dies is survived: the scheduler runs its tasks again elsewhere.
    Raises UsageError when Dask is not installed here or losscli not there, and
    InputError when the cluster fails or a worker does not see a file; what a
    step raises comes through.
    """
    if not pieces:
        return start()
    job = pickle.dumps((start, step, merge))
    # The command line does without the collector, but the scheduler makes cycles for as long as it runs.
    gc.enable()
    if scheduler is None:
        workers = min(workers, len(pieces))
        cluster = _local_cluster(workers)
    else:
        cluster = _connection(scheduler)
    with cluster as (client, check), _as_losscli_errors(scheduler):
        threads = workers if scheduler is None else max(1, sum(client.nthreads().values()))
        runs = _packed(pieces, RUNS_PER_THREAD * threads)
        result: Result = pickle.loads(_fold(client, job, runs, progress, check))
    return result


def _packed(pieces: Sequence[Any], most: int) -> list[bytes]:
    """The pieces in at most `most` runs of neighbours; pickled together they share what they have in common."""
    length = -(-len(pieces) // most)
    return [pickle.dumps(pieces[first : first + length]) for first in range(0, len(pieces), length)]


def _fold(client: Client, job: bytes, runs: Sequence[bytes], progress: Progress, check: Check) -> bytes:
    """The pickled result; the futures of it die with this call, and so does the work."""
    from distributed import wait

    topic = f"losscli-{uuid.uuid4().hex}"
    client.subscribe_topic(topic, _Meter(progress))
    # As a task's result the job reaches each worker once, and is made again when it is lost.
    functions = client.submit(_unpacked, job, key=f"{topic}-job")
    level = [
        client.submit(_read, functions, run, topic, __version__, key=(f"{topic}-read", number))
        for number, run in enumerate(runs)
    ]
    depth = 0
    while len(level) > 1:
        depth += 1
        # Merging comes first, or every worker would collect results until all is read.
        level = [
            client.submit(
                _merged, functions, level[first : first + FAN_IN], key=(f"{topic}-merge-{depth}", first), priority=depth
            )
            for first in range(0, len(level), FAN_IN)
        ]
    while not level[0].done():
        with client.as_current(), suppress(TimeoutError):
            wait(level, timeout=CHECK_SECONDS)
        check()
    result: bytes = level[0].result()
    return result


def _unpacked(job: bytes) -> Any:
    """On a worker: the functions of an engine."""
    try:
        return pickle.loads(job)
    except (AttributeError, ImportError) as error:
        raise UsageError(
            f"the workers cannot import what they are to run: {error}", "modules that are installed on every worker"
        ) from error


def _read(functions: tuple[Any, Any, Any], pieces: bytes, topic: str, version: str) -> bytes:
    """On a worker: the pickled fold of a run of pieces."""
    from distributed import get_worker

    worker = get_worker()
    if version != __version__:
        raise UsageError(
            f"the worker {worker.address} has losscli {__version__}, this is {version}", "one version everywhere"
        )
    start, step, _ = functions
    result = start()
    teller = _Teller(worker, topic)
    try:
        for piece in pickle.loads(pieces):
            step(piece, result, teller)
    except InputError as error:
        if isinstance(error.__cause__, NOT_VISIBLE):
            raise InputError(
                f"{error.problem}, says the worker {worker.address}",
                "files that every worker sees under the same path",
                "shared or object storage; without --scheduler the workers run on this machine",
            ) from error
        raise
    teller.tell()
    return pickle.dumps(result, pickle.HIGHEST_PROTOCOL)


def _merged(functions: tuple[Any, Any, Any], results: Sequence[bytes]) -> bytes:
    """On a worker: the pickled merge of several results."""
    _, _, merge = functions
    total = pickle.loads(results[0])
    for result in results[1:]:
        merge(total, pickle.loads(result))
    return pickle.dumps(total, pickle.HIGHEST_PROTOCOL)


class _Teller:
    """On a worker: tells the client how much a task has done, twice a second and at its end."""

    def __init__(self, worker: Any, topic: str) -> None:
        self.worker = worker
        self.topic = topic
        self.task = str(worker.get_current_task())
        self.done = 0
        self.told = time.monotonic()

    def __call__(self, amount: int) -> None:
        self.done += amount
        if time.monotonic() - self.told >= TELL_SECONDS:
            self.tell()

    def tell(self) -> None:
        self.worker.log_event(self.topic, (self.task, self.done))
        self.told = time.monotonic()


class _Meter:
    """On the client: adds up what the tasks tell; a task that runs again counts once."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.done: dict[str, int] = {}

    def __call__(self, event: tuple[float, tuple[str, int]]) -> None:
        _, (task, done) = event
        more = done - self.done.get(task, 0)
        if more > 0:
            self.done[task] = done
            self.progress(more)


@contextmanager
def _connection(scheduler: str) -> Iterator[tuple[Client, Check]]:
    """A client of the running scheduler at an address."""
    distributed = _distributed()
    _refuse_silence(scheduler)
    client = distributed.Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
    seen = time.monotonic()

    def check() -> None:
        nonlocal seen
        if client.nthreads():
            seen = time.monotonic()
        elif time.monotonic() - seen > WORKER_SECONDS:
            raise InputError(
                f"the scheduler at {scheduler} has had no worker for {WORKER_SECONDS:g} seconds",
                "a cluster with workers",
                f"dask worker {scheduler}",
            )

    with client:
        yield client, check


def _refuse_silence(scheduler: str) -> None:
    """Raise InputError unless a scheduler answers: a client that cannot connect is never closed."""
    from distributed import Security, rpc

    async def ask() -> str:
        security = Security().get_connection_args("client")
        async with rpc(scheduler, timeout=CONNECT_SECONDS, connection_args=security) as remote:
            identity = await remote.identity()
        return str(identity["type"])

    # In a notebook this thread has a running loop already.  Nobody waits for the other after an interrupt.
    asking = ThreadPoolExecutor(1)
    try:
        kind = asking.submit(lambda: asyncio.run(ask())).result()
        if kind != "Scheduler":
            raise ValueError(kind)
    except (OSError, ValueError) as error:
        raise InputError(
            f"no Dask scheduler answers at {scheduler}", "the address of a running one, such as tcp://10.0.0.1:8786"
        ) from error
    finally:
        asking.shutdown(wait=False)


@contextmanager
def _local_cluster(workers: int) -> Iterator[tuple[Client, Check]]:
    """A client of a scheduler in this process, with worker processes that live as long as this context.

    Workers started by Dask's own local cluster would run a caller's script
    again, and answer Ctrl-C with a traceback each.
    """
    distributed = _distributed()
    with (
        tempfile.TemporaryDirectory(prefix="losscli-", ignore_cleanup_errors=True) as folder,
        distributed.LocalCluster(
            n_workers=0,
            scheduler_kwargs={**NO_DASHBOARD, "local_directory": folder},
            silence_logs=logging.CRITICAL,
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
        _worker_processes(cluster.scheduler_address, workers, Path(folder)) as check,
    ):
        yield client, check


@contextmanager
def _worker_processes(scheduler: str, workers: int, folder: Path) -> Iterator[Check]:
    """Worker processes with one thread each, under one that replaces those that die."""
    command = [sys.executable, "-m", "distributed.cli.dask_worker", scheduler, "--no-dashboard"]
    # A worker near a memory limit would pause, and the run would hang instead of failing.
    options = {"nworkers": workers, "nthreads": 1, "memory-limit": 0, "local-directory": folder}
    log = folder / "log"
    with log.open("wb") as messages:
        watch = subprocess.Popen(
            [*command, *(f"--{name}={value}" for name, value in options.items())],
            env={**ALLOCATOR, **os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=messages,
            # Ctrl-C is for this process, which ends the workers.
            start_new_session=True,
        )

    def check() -> None:
        if watch.poll() is not None:
            last = log.read_text(errors="replace").strip().rpartition("\n")[2]
            raise InputError(f"the worker processes ended: {last or f'exit code {watch.returncode}'}")

    try:
        yield check
    finally:
        if sys.platform == "win32":
            watch.kill()
        else:
            # The group outlives a watching process that was killed.
            with suppress(ProcessLookupError):
                os.killpg(watch.pid, signal.SIGKILL)
        watch.wait()


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise UsageError("--engine dask needs Dask", None, "pip install 'losscli[dask]'") from error
    return distributed


@contextmanager
def _as_losscli_errors(scheduler: str | None) -> Iterator[None]:
    """Failures of the cluster itself as errors that say what to do."""
    from distributed import CancelledError, KilledWorker

    where = "of this machine" if scheduler is None else f"of {scheduler}"
    try:
        yield
    except LosscliError:
        raise
    except KilledWorker as error:
        raise InputError(
            f"the workers {where} died {error.allowed_failures + 1} times over the same part of the data",
            "workers that survive it",
            "more memory for each worker, fewer groups, or a smaller --chunk-rows",
        ) from error
    except ModuleNotFoundError as error:
        raise UsageError(
            f"the workers {where} have no module {error.name}", "this version of losscli on every worker"
        ) from error
    except (CancelledError, OSError) as error:
        raise InputError(f"the workers {where} cannot be reached any more: {error}", "a cluster that stays") from error
