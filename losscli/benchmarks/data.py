"""The files that are measured, random but always the same: ``python -m losscli.benchmarks.data DIR SCALE``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from losscli.benchmarks.jobs import CLASSES

ROW_GROUPS = 20
REGIONS = 50

# Rows of a whole run in millions, by file; --rows scales them.
FILES = {
    "regression.parquet": 20.0,
    "single.parquet": 20.0,
    "regions.parquet": 20.0,
    "weights.parquet": 20.0,
    "binary.parquet": 20.0,
    "classes.parquet": 4.0,
    "regression.csv": 5.0,
    "tiny.csv": 0.0,
}
TINY_ROWS = 100


def make_files(folder: Path, scale: float) -> None:
    """Write every file that is not there yet, with `scale` times the rows of a whole run."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, millions in FILES.items():
        path = folder / name
        if not path.exists():
            unfinished = path.with_suffix(".part")
            _write(unfinished, name, max(int(millions * 1e6 * scale), TINY_ROWS))
            unfinished.rename(path)


def _write(path: Path, name: str, rows: int) -> None:
    rng = np.random.default_rng(20_260_101)
    parts = [rows // ROW_GROUPS] * (ROW_GROUPS - 1)
    batches = (_batch(name, count, rng) for count in [*parts, rows - sum(parts)])
    if name.endswith(".csv"):
        _write_csv(path, batches)
    else:
        _write_parquet(path, batches, rows if name == "single.parquet" else parts[0])


def _batch(name: str, rows: int, rng: np.random.Generator) -> pa.RecordBatch:
    columns: dict[str, Any] = {}
    if name.startswith("binary"):
        columns = {"label": (rng.random(rows) < 0.3).astype(np.int64), "prob": rng.beta(2.0, 4.0, rows)}
    elif name.startswith("classes"):
        scores = rng.random((rows, CLASSES), dtype=np.float32) ** 3
        scores /= scores.sum(axis=1, keepdims=True)
        columns = {"label": rng.integers(0, CLASSES, rows)}
        columns |= {f"prob_{one}": np.ascontiguousarray(scores[:, one]) for one in range(CLASSES)}
    else:
        truth = rng.normal(100.0, 15.0, rows)
        columns = {"y_true": truth, "y_pred": truth + rng.normal(0.0, 1.5, rows)}
    if name.startswith("weights"):
        columns["w"] = rng.exponential(1.0, rows)
    if name.startswith("regions"):
        names = pa.array([f"region_{one:02d}" for one in range(REGIONS)])
        indices = pa.array(rng.integers(0, REGIONS, rows).astype(np.int32))
        columns["region"] = pa.DictionaryArray.from_arrays(indices, names).cast(pa.string())
    return pa.RecordBatch.from_pydict({column: pa.array(values) for column, values in columns.items()})


def _write_parquet(path: Path, batches: Iterator[pa.RecordBatch], group_rows: int) -> None:
    from pyarrow.parquet import ParquetWriter

    first = next(batches)
    with ParquetWriter(path, first.schema, compression="zstd") as writer:
        if group_rows > first.num_rows:
            writer.write_table(pa.Table.from_batches([first, *batches]), row_group_size=group_rows)
            return
        writer.write_batch(first)
        for batch in batches:
            writer.write_batch(batch)


def _write_csv(path: Path, batches: Iterator[pa.RecordBatch]) -> None:
    from pyarrow.csv import CSVWriter

    first = next(batches)
    with CSVWriter(path, first.schema) as writer:
        writer.write_batch(first)
        for batch in batches:
            writer.write_batch(batch)


if __name__ == "__main__":
    make_files(Path(sys.argv[1]), float(sys.argv[2]))
