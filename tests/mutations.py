"""Damaged input files: whatever stands in a file, the outcome is a result or a refusal with its exit code.

``python -m tests.mutations --count 10000`` runs so many damaged files of every
format and prints what came of them.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import io
import json
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import losscli
from losscli.errors import Exit, LosscliError

ROWS = 60
LIMIT_SECONDS = 20
# In the calling thread, so that a file without end can be interrupted.
WIDE: dict[str, Any] = {
    "loss": "scce",
    "label": "label",
    "pred": ["prob_a", "prob_b"],
    "by": "region",
    "engine": "serial",
}
LISTS = {**WIDE, "pred": "probs", "classes": ["a", "b"]}
NAMELESS = {**WIDE, "label": "c1", "pred": ["c2", "c3"], "classes": ["a", "b"], "by": "c4", "header": False}
BINS = {**WIDE, "by": ["gap:q3", "day:1,3,region"]}


def table() -> dict[str, list[Any]]:
    """A small table with text, numbers, lists and nulls."""
    rng = np.random.default_rng(7)
    scores = rng.dirichlet([1.0, 1.0], ROWS)
    return {
        "label": rng.choice(["a", "b"], ROWS).tolist(),
        "prob_a": scores[:, 0].tolist(),
        "prob_b": scores[:, 1].tolist(),
        "region": rng.choice(["north", 'é "x", y', "z\n"], ROWS).tolist(),
        "day": rng.integers(0, 5, ROWS).tolist(),
        "gap": [None, 1.5] * (ROWS // 2),
        "on": [True, False] * (ROWS // 2),
    }


def _delimited(delimiter: str, *, decimal: str = ".", header: bool = True, encoding: str = "utf-8") -> bytes:
    columns = table()
    lines = [delimiter.join(columns)] if header else []
    for row in zip(*columns.values(), strict=True):
        quoted = [f'"{one.replace(chr(34), chr(34) * 2)}"' if isinstance(one, str) else one for one in row]
        texts = ["" if one is None else str(one) for one in quoted]
        numbers = [isinstance(one, float) for one in row]
        texts = [text.replace(".", decimal) if number else text for text, number in zip(texts, numbers, strict=True)]
        lines.append(delimiter.join(texts))
    return ("\n".join(lines) + "\n").encode(encoding)


def _objects() -> bytes:
    columns = {**table(), "probs": _lists()}
    rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _array() -> bytes:
    rows = [json.loads(line) for line in _objects().splitlines()]
    return json.dumps(rows, indent=1, ensure_ascii=False).encode()


def _lists() -> list[list[float]]:
    columns = table()
    return [list(pair) for pair in zip(columns["prob_a"], columns["prob_b"], strict=True)]


def _in_memory() -> pa.Table:
    names = pa.array(table()["region"]).dictionary_encode()
    return pa.table({**table(), "region": names, "probs": _lists()})


def _parquet(compression: str) -> bytes:
    stream = io.BytesIO()
    pq.write_table(_in_memory(), stream, compression=compression, row_group_size=25)
    return stream.getvalue()


def _arrow(new: Callable[..., Any], compression: str | None) -> bytes:
    stream = io.BytesIO()
    with new(stream, _in_memory().schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(_in_memory(), max_chunksize=25)
    return stream.getvalue()


def _zstd(data: bytes) -> bytes:
    return pa.Codec("zstd").compress(data, asbytes=True)


# For every kind of file its suffix, what a sound one holds, and what is asked of it.
FORMATS: dict[str, tuple[str, Callable[[], bytes], dict[str, Any]]] = {
    "csv": (".csv", lambda: _delimited(","), WIDE),
    "tsv": (".tsv", lambda: _delimited("\t"), WIDE),
    "csv.gz": (".csv.gz", lambda: gzip.compress(_delimited(",")), WIDE),
    "csv.bz2": (".csv.bz2", lambda: bz2.compress(_delimited(",")), WIDE),
    "csv.zst": (".csv.zst", lambda: _zstd(_delimited(",")), WIDE),
    "csv-semicolon": (".csv", lambda: _delimited(";", decimal=","), WIDE),
    "csv-utf-16": (".csv", lambda: _delimited(";", decimal=",", encoding="utf-16"), WIDE),
    "csv-utf-16-be": (".csv", lambda: _delimited(",", encoding="utf-16-be"), WIDE),
    "csv-latin-1": (".csv", lambda: _delimited("|", encoding="latin-1"), {**WIDE, "encoding": "latin-1"}),
    "csv-nameless": (".csv", lambda: _delimited(",", header=False), NAMELESS),
    "csv-bins": (".csv", lambda: _delimited(","), BINS),
    "tsv.gz": (".tsv.gz", lambda: gzip.compress(_delimited("\t")), WIDE),
    "json": (".json", _array, LISTS),
    "json.gz": (".json.gz", lambda: gzip.compress(_array()), LISTS),
    "ndjson": (".ndjson", _objects, LISTS),
    "ndjson.zst": (".ndjson.zst", lambda: _zstd(_objects()), LISTS),
    "parquet": (".parquet", lambda: _parquet("none"), LISTS),
    "parquet-zstd": (".parquet", lambda: _parquet("zstd"), LISTS),
    "parquet-snappy": (".parquet", lambda: _parquet("snappy"), LISTS),
    "arrow-file": (".arrow", lambda: _arrow(pa.ipc.new_file, None), LISTS),
    "arrow-file-lz4": (".arrow", lambda: _arrow(pa.ipc.new_file, "lz4"), LISTS),
    "arrow-stream": (".arrows", lambda: _arrow(pa.ipc.new_stream, None), LISTS),
    "arrow-stream-zstd": (".arrows", lambda: _arrow(pa.ipc.new_stream, "zstd"), LISTS),
}


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """`data` with some bits flipped, bytes overwritten, removed, repeated or inserted, or its end cut off."""
    changed = bytearray(data)
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        at = int(rng.integers(0, len(changed) + 1))
        length = int(rng.integers(1, 40))
        noise = rng.integers(0, 256, length, np.uint8).tobytes()
        match int(rng.integers(0, 8)):
            case 0 | 1 | 2:
                for place in rng.integers(0, max(len(changed), 1), int(rng.integers(1, 5))).tolist():
                    if place < len(changed):
                        changed[place] ^= 1 << int(rng.integers(0, 8))
            case 3:
                changed[at : at + length] = noise
            case 4:
                del changed[at : at + length]
            case 5:
                changed[at:at] = changed[at : at + length] * int(rng.integers(1, 4))
            case 6:
                changed[at:at] = noise
            case 7:
                del changed[at:]
    return bytes(changed)


def outcome(path: Path, request: dict[str, Any]) -> str:
    """What comes of evaluating a file: "result", or the name of the exit code of its refusal.

    Anything but these is raised, a file that takes too long as TimeoutError.
    """
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(LIMIT_SECONDS)
    try:
        evaluated = losscli.evaluate(path, **request)
        json.dumps(evaluated.to_dict(), allow_nan=False).encode()
        return "result"
    except LosscliError as error:
        str(error).encode()
        if error.exit_code not in (Exit.INPUT, Exit.EMPTY):
            raise
        return error.exit_code.name.lower()
    finally:
        signal.alarm(0)


def run(name: str, seeds: range, folder: Path) -> Counter[str]:
    """What came of one damaged file for every seed; the failing seed is part of what is raised."""
    suffix, make, request = FORMATS[name]
    data = make()
    path = folder / f"damaged{suffix}"
    path.write_bytes(data)
    if outcome(path, request) != "result":
        raise AssertionError(f"the sound {name} file is refused")
    found: Counter[str] = Counter()
    for seed in seeds:
        path.write_bytes(mutated(data, np.random.default_rng([seed, *name.encode()])))
        try:
            found[outcome(path, request)] += 1
        except Exception as error:
            raise AssertionError(f"{name}, seed {seed}: {type(error).__name__}: {error}") from error
    return found


def _too_long(number: int, frame: FrameType | None) -> None:
    raise TimeoutError(f"no answer within {LIMIT_SECONDS} s")


def main() -> int:
    """Run and print the counts; 1 when a file was neither read nor refused."""
    parser = argparse.ArgumentParser(description="Evaluate damaged files of every format.")
    parser.add_argument("--count", type=int, default=300, help="damaged files of each format")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--format", choices=list(FORMATS), action="append")
    options = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for name in options.format or FORMATS:
            start = options.first
            while start < options.first + options.count:
                seeds = range(start, options.first + options.count)
                try:
                    counts = run(name, seeds, Path(folder))
                    print(f"{name:18}{sum(counts.values()):8,} files: {dict(sorted(counts.items()))}", flush=True)
                    break
                except AssertionError as error:
                    failed = True
                    print(error, flush=True)
                    start = int(str(error).partition("seed ")[2].partition(":")[0] or options.count) + 1
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
