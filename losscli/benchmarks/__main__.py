"""``python -m losscli.benchmarks [--rows MILLIONS] [--quick] [--repeats N] [--data DIR] [JOB...]``."""

from __future__ import annotations

import argparse
import ast
import importlib.util
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from losscli.benchmarks.jobs import JOBS, Job
from losscli.benchmarks.peers import NEEDED, PEERS, Means

# Peers add up rounded numbers; ours are exact.
TOLERANCE = 1e-9


def main(arguments: list[str]) -> int:
    """Make the data, run everything in turn, print a table; 1 when two tools disagree about a mean."""
    parser = argparse.ArgumentParser(prog="python -m losscli.benchmarks", description=__doc__)
    parser.add_argument("jobs", nargs="*", metavar="JOB", help=", ".join(JOBS))
    parser.add_argument("--rows", type=float, default=20.0, metavar="MILLIONS", help="rows of the largest files")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, three repeats")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--data", type=Path, help="where the files are kept; a temporary directory by default")
    options = parser.parse_args(arguments)
    scale = options.rows / 20.0 * (0.1 if options.quick else 1.0)
    repeats = 3 if options.quick else options.repeats
    unknown = [name for name in options.jobs if name not in JOBS]
    if unknown:
        parser.error(f"no job {unknown[0]}; the jobs are " + "; ".join(JOBS))
    with tempfile.TemporaryDirectory(prefix="losscli-benchmarks-") as temporary:
        folder = (options.data or Path(temporary)) / f"{scale:g}"
        # In a process of its own: a child's peak memory starts at what its parent holds.
        subprocess.run([sys.executable, "-m", "losscli.benchmarks.data", str(folder), str(scale)], check=True)
        return _measure({name: JOBS[name] for name in options.jobs or JOBS}, folder, repeats)


def _measure(jobs: dict[str, Job], folder: Path, repeats: int) -> int:
    peers = ["losscli", *(peer for peer in PEERS if peer not in NEEDED or importlib.util.find_spec(NEEDED[peer]))]
    for peer in PEERS.keys() - set(peers):
        sys.stdout.write(f"{peer} is skipped: {NEEDED[peer]} is not installed\n")
    sys.stdout.write(f"| job | losscli | {' | '.join(f'to {peer}' for peer in peers[1:])} | peak MiB |\n")
    sys.stdout.write(f"| --- |{' --: |' * (len(peers) + 1)}\n")
    agree = True
    for name, job in jobs.items():
        able = [peer for peer in peers if peer != "decode" or job.file.endswith(".parquet")]
        runs: dict[str, list[tuple[float, float]]] = {peer: [] for peer in able}
        means: dict[str, Means] = {}
        # The first round warms the caches and is not counted.
        for round_number in range(repeats + 1):
            for peer in able:
                seconds, memory, means[peer] = _run(peer, name, folder / job.file)
                if round_number:
                    runs[peer].append((seconds, memory))
        cells = [name, f"{statistics.median(one[0] for one in runs['losscli']):.2f} s"]
        for peer in peers[1:]:
            pairs = zip(runs["losscli"], runs.get(peer, []), strict=False)
            ratios = [ours[0] / one[0] for ours, one in pairs]
            cells.append(f"{statistics.median(ratios):.2f}" if ratios else "")
        cells.append(" / ".join(f"{max(one[1] for one in runs[peer]):.0f}" if peer in runs else "" for peer in peers))
        sys.stdout.write(f"| {' | '.join(cells)} |\n")
        for peer in able:
            agree &= _agrees(name, peer, means[peer], means["losscli"])
        sys.stdout.flush()
    return 0 if agree else 1


def _run(peer: str, job: str, path: Path) -> tuple[float, float, Means]:
    """Seconds, peak memory in MiB and the means of one process."""
    words = [sys.executable, "-m", "losscli", "eval", str(path), *JOBS[job].options, "-f", "json"]
    if peer != "losscli":
        words = [sys.executable, "-m", "losscli.benchmarks.peers", peer, job, str(path)]
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(words, stdout=output, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{peer} failed at {job} with exit code {process.returncode}")
        output.seek(0)
        text = output.read().decode()
    return seconds, usage.ru_maxrss / 1024, _means(json.loads(text)) if peer == "losscli" else ast.literal_eval(text)


def _means(report: dict[str, Any]) -> Means:
    """The means of a report of ours, as those of the peers are named."""
    means: Means = {}
    for place, result in enumerate(report["results"]):
        rows = [(str(row["class"]), row) for row in result["classes"]]
        rows += [(next(iter(row["by"].values())), row) for row in result["slices"]]
        means |= {f"{group}/{place}": row["mean"] for group, row in rows or [("", result["total"])]}
    return means


def _agrees(job: str, peer: str, found: Means, ours: Means) -> bool:
    wrong = [key for key, mean in found.items() if not math.isclose(mean, ours.get(key, math.nan), rel_tol=TOLERANCE)]
    for key in wrong:
        sys.stdout.write(f"{job}: {peer} has the mean {found[key]} where losscli has {ours.get(key)} ({key})\n")
    return not wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
