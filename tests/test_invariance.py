"""The results of a file are the same bytes for every way of reading the same rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import losscli

ROWS = 30_000


def regression(rng: np.random.Generator) -> dict[str, Any]:
    """Errors over many decades, slices of very different size, weights with zeros."""
    truth = rng.normal(size=ROWS)
    return {
        "y_true": truth,
        "y_pred": truth + rng.normal(size=ROWS) * 10.0 ** rng.integers(-12, 6, ROWS),
        "region": rng.choice(["north", "south", "", 'é\n"x"'], ROWS, p=[0.9, 0.09, 0.005, 0.005]),
        "day": rng.integers(0, 40, ROWS),
        "w": np.where(rng.random(ROWS) < 0.1, 0.0, rng.lognormal(size=ROWS)),
    }


def classification(rng: np.random.Generator) -> dict[str, Any]:
    """Three classes with their probabilities, some of them 0 and 1."""
    probabilities = rng.dirichlet([0.05, 0.1, 1.0], ROWS)
    label = rng.choice(["ant", "bee", "cat"], ROWS, p=[0.1, 0.3, 0.6])
    wide = {f"prob_{name}": probabilities[:, place] for place, name in enumerate(("cat", "ant", "bee"))}
    return {"label": label, **wide, "region": rng.choice(["a", "b"], ROWS), "w": rng.lognormal(size=ROWS)}


REQUESTS: dict[str, tuple[Callable[[np.random.Generator], dict[str, Any]], dict[str, Any]]] = {
    "regression": (regression, {"loss": ["mse", "huber:delta=2", "rmse", "wape", "mix=0.5*mae+2*log_cosh"]}),
    "by": (regression, {"loss": ["mae", "rmse", "wape"], "by": ["region", "region,day"]}),
    "weighted": (regression, {"loss": ["mae", "rmse", "wape"], "by": "region", "weight": "w"}),
    "classes": (classification, {"loss": ["scce", "cce:label_smoothing=0.1", "zero_one"], "by": "region"}),
    "weighted-classes": (classification, {"loss": ["scce"], "by": "region", "weight": "w"}),
}


def write_csv(columns: dict[str, Any], path: Path) -> None:
    def field(value: Any) -> str:
        return f'"{value.replace(chr(34), chr(34) * 2)}"' if isinstance(value, str) else repr(value)

    lines = [",".join(columns)]
    lines += [",".join(map(field, row)) for row in zip(*(column.tolist() for column in columns.values()), strict=True)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_parquet(columns: dict[str, Any], path: Path, row_group_size: int = ROWS) -> None:
    pq.write_table(pa.table(columns), path, row_group_size=row_group_size)


def results(data: Any, request: dict[str, Any], **settings: Any) -> str:
    """The results, with everything but what names the way of reading."""
    return json.dumps(losscli.evaluate(data, **request, **settings).to_dict()["results"], allow_nan=False)


@pytest.fixture(scope="module", params=REQUESTS)
def case(request: pytest.FixtureRequest) -> Iterator[tuple[dict[str, Any], dict[str, Any], str]]:
    make, wanted = REQUESTS[request.param]
    columns = make(np.random.default_rng(20_260_103))
    return columns, wanted, results(pa.table(columns), wanted, chunk_rows=ROWS, engine="serial")


Case = tuple[dict[str, Any], dict[str, Any], str]


@pytest.mark.parametrize("chunk_rows", [7, 1000, 65_536])
def test_chunks_change_nothing(case: Case, chunk_rows: int) -> None:
    columns, request, expected = case
    if chunk_rows == 7:
        columns = {name: column[:2000] for name, column in columns.items()}
        expected = results(pa.table(columns), request)
    assert results(pa.table(columns), request, chunk_rows=chunk_rows) == expected


@pytest.mark.parametrize(
    ("engine", "threads"), [("serial", 1), ("threads", 1), ("threads", 2), ("threads", 5), ("processes", 3)]
)
def test_engines_and_threads_change_nothing(case: Case, engine: str, threads: int, tmp_path: Path) -> None:
    columns, request, expected = case
    for part in range(6):
        rows = slice(part * ROWS // 6, (part + 1) * ROWS // 6)
        write_parquet({name: column[rows] for name, column in columns.items()}, tmp_path / f"{part}.parquet")
    assert results(tmp_path, request, engine=engine, threads=threads) == expected


def test_row_order_changes_nothing(case: Case) -> None:
    columns, request, expected = case
    order = np.random.default_rng(1).permutation(ROWS)
    assert results(pa.table({name: column[order] for name, column in columns.items()}), request) == expected


def test_csv_and_parquet_give_the_same(case: Case, tmp_path: Path) -> None:
    columns, request, expected = case
    write_csv(columns, tmp_path / "rows.csv")
    write_parquet(columns, tmp_path / "rows.parquet", row_group_size=777)
    assert results(tmp_path / "rows.csv", request) == expected
    assert results(tmp_path / "rows.parquet", request) == expected


def test_data_frames_and_batches_give_the_same(case: Case) -> None:
    columns, request, expected = case
    table = pa.table(columns)
    assert results(table.to_pandas(), request) == expected
    assert results(iter(table.to_batches(max_chunksize=999)), request) == expected


def test_the_total_does_not_depend_on_the_groups(case: Case) -> None:
    columns, request, expected = case
    totals = [result["total"] for result in json.loads(expected)]
    alone = json.loads(results(pa.table(columns), {**request, "by": None}, per_class=False))
    # Quantiles of the total come from the same sketch with and without groups.
    assert [result["total"] for result in alone] == totals
