"""Columns of a shape that their role does not have are refused, however odd the choice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import losscli
from losscli.errors import InputError, UsageError


def ndjson(folder: Path, *rows: dict[str, Any]) -> str:
    path = folder / "a.ndjson"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.mark.parametrize("loss", ["bce", "hinge"])
@pytest.mark.parametrize(("classes", "told"), [(["a"], "names 1 class, "), (["a", "b", "c"], "names 3 classes, ")])
def test_two_scores_take_two_classes(loss: str, classes: list[str], told: str, tmp_path: Path) -> None:
    path = ndjson(tmp_path, {"label": "a", "probs": [0.2, 0.8]}, {"label": "b", "probs": [0.7, 0.3]})
    with pytest.raises(UsageError, match=told) as refused:
        losscli.evaluate(path, loss, classes=classes, pos_label="a")
    assert refused.value.expected == "2 classes in the order of the predictions"


def test_a_list_is_no_weight_even_where_it_is_the_label(tmp_path: Path) -> None:
    path = ndjson(tmp_path, {"label": [0.1, 0.9], "pred": [0.2, 0.8]})
    with pytest.raises(InputError, match='column "label" holds list of numbers'):
        losscli.evaluate(path, "mse", weight="label")


@pytest.mark.parametrize("format", ["ndjson", "parquet"])
@pytest.mark.parametrize("loss", ["mse", "sparse_categorical_crossentropy", "bce"])
def test_empty_lists_are_no_predictions(format: str, loss: str, tmp_path: Path) -> None:
    rows = [{"label": 0, "pred": []}, {"label": 1, "pred": []}]
    path = ndjson(tmp_path, *rows)
    if format == "parquet":
        path = str(tmp_path / "a.parquet")
        lists = pa.array([[], []], pa.list_(pa.float64()))
        pq.write_table(pa.table({"label": [0, 1], "pred": lists}), path)
    with pytest.raises(InputError, match='column "pred" starts with an empty list'):
        losscli.evaluate(path, loss)


@pytest.mark.parametrize("loss", ["bce", "sparse_categorical_crossentropy"])
def test_classes_beside_the_scores_are_as_many(loss: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("target,probabilities,labels\n" + """yes,"[0.2, 0.8]","['no']"\n""" * 2)
    with pytest.raises(InputError, match='"labels" has 1 classes, and "probabilities" 2 scores'):
        losscli.evaluate(str(path), loss, pos_label="yes" if loss == "bce" else None)


def test_dense_vectors_of_inferred_types_are_lists(tmp_path: Path) -> None:
    vectors = [{"type": 1, "size": None, "indices": None, "values": [1 - one, one]} for one in (0.8, 0.25)]
    path = str(tmp_path / "a.parquet")
    pq.write_table(pa.table({"label": [1.0, 0.0], "probability": vectors}), path)
    loss = losscli.evaluate(path, "brier", strict=True).loss
    np.testing.assert_allclose(loss or 0.0, (0.2**2 + 0.25**2) / 2, rtol=1e-12)
