"""The peers: ``python -m losscli.benchmarks.peers PEER JOB FILE`` prints the mean of every loss in every group.

A peer pays for its own library and for nothing else: each function imports it
itself, and what stands above is what Python has loaded anyway.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from losscli.benchmarks.jobs import BINARY, CATEGORICAL, CLASSES, HUBER, JOBS, QUANTILES, Job, query

# Group, "" for none, and place of the loss -> mean.
Means = dict[str, float]


def duckdb(job: Job, path: Path) -> Means:
    """DuckDB, in SQL; its quantiles are approximate too."""
    import duckdb  # type: ignore[import-not-found,unused-ignore]

    rows = duckdb.sql(query(job, str(path))).fetchall()
    width = 7 if job.quantiles else 4
    means: Means = {}
    for row in rows:
        group, numbers = (str(row[0]), row[2:]) if job.by else ("", row[1:])
        means |= {f"{group}/{place}": float(numbers[place * width]) for place in range(len(job.losses))}
    return means


def polars(job: Job, path: Path) -> Means:
    """Polars, lazy and streaming; its quantiles are exact."""
    import polars as pl  # type: ignore[import-not-found,unused-ignore]

    error = (pl.col("y_true") - pl.col("y_pred")).abs()
    inner = pl.min_horizontal(error, pl.lit(1.0))
    label = pl.col("label")
    picked = pl.when(label == 0).then(pl.col("prob_0"))
    for one in range(1, CLASSES):
        picked = picked.when(label == one).then(pl.col(f"prob_{one}"))
    total = pl.sum_horizontal([pl.col(f"prob_{one}").cast(pl.Float64) for one in range(CLASSES)])
    expressions = {
        HUBER: inner * (error - 0.5 * inner),
        BINARY: -pl.when(label == 1).then(pl.col("prob")).otherwise(1.0 - pl.col("prob")).clip(1e-7, 1 - 1e-7).log(),
        CATEGORICAL: -(picked.otherwise(None).cast(pl.Float64) / total).clip(1e-7, 1 - 1e-7).log(),
    }
    expressions |= {loss: error if loss.startswith("abs") else error * error for loss in job.losses[1:]}
    frame = pl.scan_csv(path) if path.suffix == ".csv" else pl.scan_parquet(path)
    names = [f"l{place}" for place in range(len(job.losses))]
    carried = [one for one in (job.by, job.weight) if one]
    rows = frame.select(
        *carried, *(expressions[loss].alias(name) for loss, name in zip(job.losses, names, strict=True))
    )
    readings = [pl.len()]
    for name in names:
        column = pl.col(name)
        mean, spread = column.mean(), column.std()
        if job.weight:
            weight = pl.col(job.weight)
            mean, spread = (weight * column).sum() / weight.sum(), (weight * column * column).sum() / weight.sum()
        readings += [mean.alias(name), spread.alias(f"{name}_spread")]
        readings += [column.min().alias(f"{name}_min"), column.max().alias(f"{name}_max")]
        if job.quantiles:
            readings += [column.quantile(p, "lower").alias(f"{name}_{p}") for p in QUANTILES]
    found = (rows.group_by(job.by).agg(readings) if job.by else rows.select(readings)).collect(engine="streaming")
    groups = [str(one) for one in found[job.by]] if job.by else [""]
    return {
        f"{group}/{place}": found[name][row] for row, group in enumerate(groups) for place, name in enumerate(names)
    }


def pandas(job: Job, path: Path) -> Means:
    """pandas with NumPy, and scikit-learn where it has the loss: everything in memory."""
    import numpy as np
    import pandas as pd

    frame = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    if job.losses == (BINARY,):
        from sklearn.metrics import log_loss  # type: ignore[import-not-found,import-untyped,unused-ignore]

        parts = frame.groupby("label")
        return {f"{label}/0": float(log_loss(part["label"], part["prob"], labels=[0, 1])) for label, part in parts}
    if job.losses == (CATEGORICAL,):
        scores = frame[[f"prob_{one}" for one in range(CLASSES)]].to_numpy(np.float64)
        picked = scores[np.arange(len(frame)), frame["label"]] / scores.sum(axis=1)
        losses = [-np.log(np.clip(picked, 1e-7, 1 - 1e-7))]
    else:
        error = (frame["y_true"] - frame["y_pred"]).abs().to_numpy()
        inner = np.minimum(error, 1.0)
        losses = [inner * (error - 0.5 * inner), error, error * error][: len(job.losses)]
    means: Means = {}
    for place, loss in enumerate(losses):
        if job.weight:
            means[f"/{place}"] = float(np.average(loss, weights=frame[job.weight]))
            continue
        series = pd.Series(loss)
        grouped: Any = series.groupby(frame[job.by]) if job.by else series
        table = grouped.agg(["count", "mean", "std", "min", "max"])
        if job.quantiles:
            grouped.quantile(list(QUANTILES))
        found = table["mean"].items() if job.by else [("", table["mean"])]
        means |= {f"{group}/{place}": float(mean) for group, mean in found}
    return means


def decode(job: Job, path: Path) -> Means:
    """Reading the columns of a Parquet file with two threads and doing nothing: the floor."""
    import threading

    from pyarrow.parquet import ParquetFile

    groups = iter(range(ParquetFile(path).metadata.num_row_groups))
    lock = threading.Lock()

    def work() -> None:
        dictionaries = [job.by] if job.by == "region" else []
        file = ParquetFile(path, pre_buffer=False, buffer_size=1 << 18, read_dictionary=dictionaries)
        while True:
            with lock:
                group = next(groups, None)
            if group is None:
                return
            for _ in file.iter_batches(1 << 17, [group], use_threads=False):
                pass

    threads = [threading.Thread(target=work) for _ in range(os.cpu_count() or 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {}


PEERS: dict[str, Callable[[Job, Path], Means]] = {one.__name__: one for one in (duckdb, polars, pandas, decode)}
NEEDED = {"duckdb": "duckdb", "polars": "polars", "pandas": "sklearn"}


if __name__ == "__main__":
    sys.stdout.write(repr(PEERS[sys.argv[1]](JOBS[sys.argv[2]], Path(sys.argv[3]))))
