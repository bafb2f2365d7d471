"""No damaged file ends in anything but a result or a refusal; `tests.mutations` runs as many as you like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import losscli
from losscli.errors import InputError
from tests.mutations import FORMATS, mutated, run


@pytest.mark.skipif("not hasattr(__import__('signal'), 'SIGALRM')", reason="an alarm finds files without end")
@pytest.mark.parametrize("name", list(FORMATS))
def test_damaged_files_are_read_or_refused(name: str, tmp_path: Path) -> None:
    counts = run(name, range(200), tmp_path)
    assert sum(counts.values()) == 200
    assert set(counts) <= {"result", "input", "empty"}


def test_text_of_parquet_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    data = [None, pa.py_buffer(np.array([0, 1, 3], np.int32)), pa.py_buffer(b"a\xff\xfe")]
    words = pa.Array.from_buffers(pa.string(), 2, data)
    for dictionary in (True, False):
        path = tmp_path / f"{dictionary}.parquet"
        pq.write_table(
            pa.table({"y_true": [0.0, 0.0], "y_pred": [0.0, 1.0], "g": words}), path, use_dictionary=dictionary
        )
        with pytest.raises(InputError, match="UTF"):
            losscli.evaluate(path, "mae", by="g")


def test_mutations_of_a_seed_are_the_same() -> None:
    data = bytes(range(200))
    assert len({mutated(data, np.random.default_rng(seed)) for seed in range(50)}) > 40
    assert mutated(data, np.random.default_rng(3)) == mutated(data, np.random.default_rng(3))
