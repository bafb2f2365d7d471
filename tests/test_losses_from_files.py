"""Every loss is reachable from the command line: the number of a file is that of the arrays."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from losscli.__main__ import run
from losscli.columns.scores import reads_probabilities
from losscli.declaration import Input, Loss
from losscli.registry import all_losses
from losscli.testing import random_inputs
from losscli.testing.sampling import Layout, layouts

ROWS = 40


def cases() -> Iterator[Any]:
    for loss in all_losses():
        for layout in layouts(loss):
            kind = "index" if layout.index else "matrix" if layout.columns else "single"
            yield pytest.param(loss, layout, id=f"{loss.name}-{kind}")


def command_line(*arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of one command."""
    output, messages = io.StringIO(), io.StringIO()
    with redirect_stdout(output), redirect_stderr(messages):
        code = run(arguments)
    return code, output.getvalue(), messages.getvalue()


def option_of(one: Input) -> str:
    return {"y_true": "--label", "label": "--label", "y_pred": "--pred"}.get(one.name, "--col")


def write(path: Path, loss: Loss, inputs: dict[str, Any], *, lists: bool) -> list[str]:
    """Write the inputs as columns and return the options that name them.

    Vectors are list columns in Parquet and one column for each component in
    CSV; sets of vectors are lists of lists, as JSON in CSV.
    """
    columns: dict[str, Any] = {}
    # Random numbers need not look like probabilities: those of several classes do not sum to 1.
    options = ["--pred-kind", "prob"] if reads_probabilities(loss) else []
    for one in loss.inputs:
        array = inputs[one.name]
        if array.ndim == 1 or lists:
            names = [one.name]
            columns[one.name] = array.tolist()
        elif array.ndim == 2:
            names = [f"{one.name}_{column}" for column in range(array.shape[1])]
            columns |= {name: array[:, column].tolist() for column, name in enumerate(names)}
        else:
            names = [one.name]
            columns[one.name] = [json.dumps(matrix) for matrix in array.tolist()]
        option = option_of(one)
        options += [option, ",".join(names) if option != "--col" else f"{one.name}={','.join(names)}"]
    table = pa.table(columns)
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=7)
    else:
        lines = [",".join(columns)]
        rows = zip(*columns.values(), strict=True)
        lines += [",".join(f'"{value}"' if isinstance(value, str) else repr(value) for value in row) for row in rows]
        path.write_text("\n".join(lines) + "\n")
    return options


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
@pytest.mark.parametrize(("loss", "layout"), list(cases()))
def test_a_file_gives_the_bits_of_the_arrays(loss: Loss, layout: Layout, suffix: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(20_260_101)
    inputs = random_inputs(loss, ROWS, rng, layout)
    path = tmp_path / f"rows{suffix}"
    options = write(path, loss, inputs, lists=suffix == ".parquet")
    code, output, messages = command_line("eval", str(path), "-l", loss.name, "-q", "--chunk-rows", "11", *options)
    assert code == 0, messages
    # JSON and tables have no infinity: they say that the number is beyond float64.
    assert (math.inf if output == "overflow\n" else float(output)) == loss(**inputs)


@pytest.mark.parametrize("loss", all_losses(), ids=lambda loss: loss.name)
def test_rows_of_a_file_are_those_of_the_arrays(loss: Loss, tmp_path: Path) -> None:
    if loss.is_set_level or loss.power or loss.whole:
        code, output, _ = command_line("eval", "sample_data/wine.csv", "-l", loss.name, "--reduction", "none")
        assert (code, output) == (2, "")
        return
    rng = np.random.default_rng(20_260_102)
    inputs = random_inputs(loss, ROWS, rng)
    path = tmp_path / "rows.parquet"
    options = write(path, loss, inputs, lists=True)
    rows = tmp_path / "losses.csv"
    code, _, messages = command_line(
        "eval", str(path), "-l", loss.name, "--reduction", "none", "-o", f"rows={rows}", *options
    )
    assert code == 0, messages
    written = [float(line.split(",")[1]) for line in rows.read_text().splitlines()[1:]]
    np.testing.assert_array_equal(written, loss(**inputs, reduction="none"))
