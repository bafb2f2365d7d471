"""A filtered evaluation is the evaluation of the filtered rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import losscli
from losscli.errors import InputError, NothingToEvaluate

RNG = np.random.default_rng(20_260_104)
ROWS = 5_000
COLUMNS: dict[str, Any] = {
    "y_true": RNG.integers(0, 2, ROWS).astype(float),
    "prob": RNG.uniform(size=ROWS),
    "split": RNG.choice(["train", "test"], ROWS),
    "age": np.where(RNG.random(ROWS) < 0.1, np.nan, RNG.integers(0, 90, ROWS).astype(float)),
    "w": RNG.uniform(size=ROWS),
}


def masked(keep: Any) -> pa.Table:
    return pa.table({name: column[keep] for name, column in COLUMNS.items()})


FILTERS = {
    "split == 'test'": COLUMNS["split"] == "test",
    "age >= 18 and age < 65": (COLUMNS["age"] >= 18) & (COLUMNS["age"] < 65),
    "not (split = 'test') or age is null": (COLUMNS["split"] != "test") | np.isnan(COLUMNS["age"]),
    "y_true == 1": COLUMNS["y_true"] == 1,
}


@pytest.mark.parametrize("text", FILTERS)
@pytest.mark.parametrize("weight", [None, "w"])
def test_the_filter_is_a_choice_of_rows(text: str, weight: str | None) -> None:
    request = {"loss": ["bce", "brier", "dice"], "by": "split", "weight": weight}
    filtered = losscli.evaluate(pa.table(COLUMNS), **request, where=text, chunk_rows=333).to_dict()
    chosen = losscli.evaluate(masked(FILTERS[text]), **request).to_dict()
    assert filtered["results"] == chosen["results"]
    count = int(FILTERS[text].sum())
    assert filtered["rows"] == {"read": ROWS, "used": count, "skipped": 0, "filtered": ROWS - count}


def test_rows_that_are_left_out_have_no_faults() -> None:
    table = pa.table({"y_true": [1.0, 0.0, None], "prob": [0.5, 7.0, 0.5], "split": ["test", "train", "train"]})
    assert losscli.evaluate(table, loss="bce", where="split == 'test'").results[0].total.count == 1
    with pytest.raises(InputError, match="row 2: 7 is not a probability"):
        losscli.evaluate(table, loss="bce", where="split == 'train'", nan="skip")


def test_a_filter_that_no_row_passes_leaves_nothing_to_evaluate() -> None:
    with pytest.raises(NothingToEvaluate, match=r"0 of 5,000 rows match .*; values of split: test, train"):
        losscli.evaluate(pa.table(COLUMNS), loss="bce", where="split == 'tset'")
