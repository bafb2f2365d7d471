"""An axis of too many groups is an error that names the column, for any number of threads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import losscli.work
from losscli import evaluate
from losscli.errors import Exit, InputError


@pytest.mark.parametrize("threads", [1, 2])
def test_slices_by_an_identifier_are_refused(threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(losscli.work, "MOST_GROUPS", 60)
    monkeypatch.setattr("losscli.readers.parquet.SHARD_ROWS", 40)
    path = tmp_path / "ids.parquet"
    numbers = np.arange(80)
    table = pa.table({"y_true": numbers / 2.0, "y_pred": numbers / 3.0, "user": numbers})
    pq.write_table(table, path, row_group_size=40)
    with pytest.raises(InputError, match=r"--by user: 80 different values in 80 rows") as raised:
        evaluate(str(path), "mae", by="user", threads=threads)
    assert raised.value.exit_code == Exit.INPUT
