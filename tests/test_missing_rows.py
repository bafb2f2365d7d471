"""Rows in which a value is missing: counted for each class, whatever is made of them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

import losscli
from losscli.errors import InputError

COLUMNS: dict[str, Any] = {
    "label": ["ant", "bee", "ant", None, "cat", "bee"],
    "score_ant": [0.5, None, 0.1, 0.1, 0.2, 0.3],
    "score_bee": [0.5, 0.5, None, 0.5, 0.2, 0.3],
    "score_cat": [0.0, 0.5, None, 0.4, 0.6, float("nan")],
    "w": [1.0, 1.0, 1.0, 1.0, None, 1.0],
}


@pytest.mark.parametrize("chunk_rows", [1, 2, 65_536])
def test_an_error_counts_the_rows_of_every_class_and_names_the_first(chunk_rows: int) -> None:
    with pytest.raises(InputError) as refusal:
        losscli.evaluate(pa.table(COLUMNS), "scce", weight="w", chunk_rows=chunk_rows)
    assert refusal.value.problem == (
        'data: column "score_ant", row 2: the value is missing or NaN; '
        "5 of 6 rows are affected (ant: 1, bee: 2, cat: 1, no label: 1)"
    )
    assert "--nan skip" in str(refusal.value.fix)


@pytest.mark.parametrize(("policy", "what"), [("skip", "skipped"), ("propagate", "counted as NaN")])
def test_a_note_tells_both_numbers(policy: Any, what: str) -> None:
    document = losscli.evaluate(pa.table(COLUMNS), "scce", nan=policy).to_dict()
    (note,) = (note for note in document["results"][0]["notes"] if note["code"] == "missing")
    assert note["message"] == f"4 of 6 rows {what}: a value is missing (ant: 1, bee: 2, no label: 1)"
    assert document["rows"] == {"read": 6, "used": 2, "skipped": 4, "filtered": 0}


def test_many_classes_are_not_all_listed() -> None:
    table = pa.table({"label": list(range(40)), "probs": [[1.0] + [0.0] * 39, *[None] * 39]})
    with pytest.raises(InputError, match=r"39 of 40 rows are affected \(1: 1, 2: 1, .*, 12: 1, …\)"):
        losscli.evaluate(table, "scce")
