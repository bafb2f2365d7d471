"""An axis of too many groups is an error that names the column, however the rows are shared out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import losscli.work
from losscli import evaluate
from losscli.errors import Exit, InputError


def run_apart(start: Any, step: Any, merge: Any, pieces: Any, workers: int, progress: Any) -> Any:
    """An engine with a result of its own for every piece, as with as many threads."""
    results = []
    for piece in pieces:
        results.append(start())
        step(piece, results[-1], progress)
    for result in results[1:]:
        merge(results[0], result)
    return results[0]


@pytest.mark.parametrize("apart", [False, True])
def test_slices_by_an_identifier_are_refused(apart: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losscli.work, "MOST_GROUPS", 60)
    monkeypatch.setattr("losscli.readers.parquet.SHARD_ROWS", 40)
    if apart:
        monkeypatch.setattr("losscli.job.find_engine", lambda *_, **__: run_apart)
    path = tmp_path / "ids.parquet"
    numbers = np.arange(80)
    table = pa.table({"y_true": numbers / 2.0, "y_pred": numbers / 3.0, "user": numbers})
    pq.write_table(table, path, row_group_size=40)
    with pytest.raises(InputError, match=r"--by user: 80 different values in 80 rows") as raised:
        evaluate(str(path), "mae", by="user", threads=1)
    assert raised.value.exit_code == Exit.INPUT
