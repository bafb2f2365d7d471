"""One table gives the same results, byte for byte, in every format and compression."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import losscli

ROWS = 5_000
COMPRESSIONS = {"": None, ".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}
REQUEST: dict[str, Any] = {
    "loss": ["scce", "zero_one", "cce:label_smoothing=0.1"],
    "label": "species",
    "pred": ["prob_ant", "prob_bee", "prob_cat"],
    "by": ["region", "region,day"],
    "weight": "w",
}


def columns() -> dict[str, list[Any]]:
    """Labels, probabilities over many decades, slices of words and whole numbers, missing ones among them."""
    rng = np.random.default_rng(20_260_715)
    probabilities = rng.dirichlet([0.02, 0.1, 1.0], ROWS)
    regions = ["north", "NA", "007", 'é\n"x", y', "\t", None]
    return {
        "unread": [None] * ROWS,
        "species": rng.choice(["ant", "bee", "cat"], ROWS, p=[0.1, 0.3, 0.6]).tolist(),
        **{f"prob_{name}": probabilities[:, place].tolist() for place, name in enumerate(("ant", "bee", "cat"))},
        "region": [regions[place] for place in rng.integers(0, len(regions), ROWS)],
        "day": rng.integers(-1, 12, ROWS).tolist(),
        "w": rng.lognormal(size=ROWS).tolist(),
    }


def delimited(table: dict[str, list[Any]], delimiter: str) -> str:
    def field(value: Any) -> str:
        if isinstance(value, str):
            return f'"{value.replace(chr(34), chr(34) * 2)}"'
        return "" if value is None else repr(value)

    lines = [delimiter.join(table)]
    lines += [delimiter.join(map(field, row)) for row in zip(*table.values(), strict=True)]
    return "\n".join(lines) + "\n"


def objects(table: dict[str, list[Any]]) -> str:
    rows = (dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True))
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


TEXTS: dict[str, Callable[[dict[str, list[Any]]], str]] = {
    "csv": lambda table: delimited(table, ","),
    "tsv": lambda table: delimited(table, "\t"),
    "ndjson": objects,
}


def write_arrow(table: pa.Table, path: Path, kind: str, compression: str | None) -> None:
    new = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
    with new(str(path), table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table, max_chunksize=1_300)


def results(path: Path) -> str:
    return json.dumps(losscli.evaluate(path, **REQUEST).to_dict()["results"], allow_nan=False)


@pytest.fixture(scope="module")
def case() -> tuple[dict[str, list[Any]], pa.Table, str]:
    table = columns()
    in_memory = pa.table(table)
    return table, in_memory, json.dumps(losscli.evaluate(in_memory, **REQUEST).to_dict()["results"], allow_nan=False)


Case = tuple[dict[str, list[Any]], pa.Table, str]


@pytest.mark.parametrize("suffix", COMPRESSIONS)
@pytest.mark.parametrize("format", TEXTS)
def test_text_gives_the_same_in_every_compression(case: Case, format: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"table.{format}{suffix}"
    compression = COMPRESSIONS[suffix]
    text = TEXTS[format](case[0]).encode()
    if compression is None:
        path.write_bytes(text)
    else:
        with pa.CompressedOutputStream(str(path), compression) as stream:
            stream.write(text)
    assert results(path) == case[2]


@pytest.mark.parametrize("dictionary", [True, False])
@pytest.mark.parametrize("compression", ["zstd", "snappy", "none"])
def test_parquet_gives_the_same(case: Case, compression: str, dictionary: bool, tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    pq.write_table(case[1], path, compression=compression, use_dictionary=dictionary, row_group_size=1_700)
    assert results(path) == case[2]


@pytest.mark.parametrize("compression", ["zstd", "lz4", None])
@pytest.mark.parametrize("kind", ["file", "stream"])
def test_arrow_gives_the_same(case: Case, kind: str, compression: str | None, tmp_path: Path) -> None:
    write_arrow(case[1], tmp_path / "table.arrow", kind, compression)
    assert results(tmp_path / "table.arrow") == case[2]
