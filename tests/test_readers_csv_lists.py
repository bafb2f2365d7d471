"""Lists written as text: the forms that are read, and what is refused in which words."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import losscli
from losscli.errors import InputError
from losscli.readers import open_sources
from losscli.readers.text_lists import lengths_of, read_lists

NUMBERS = st.floats(width=64)
SHAPES = st.one_of(
    st.tuples(st.integers(1, 9), st.integers(1, 30)),
    st.tuples(st.integers(1, 6), st.integers(1, 4), st.integers(1, 5)),
)


def numpy_text(one: Any) -> str:
    """As NumPy prints an array, lines broken at 75 characters, but with all digits."""
    return np.array2string(one, floatmode="unique", threshold=10**6)


def tuples(one: Any) -> Any:
    return tuple(map(tuples, one)) if isinstance(one, list) else one


def wrapped(one: Any) -> Any:
    return [wrapped(part) for part in one] if one.ndim > 1 else list(one)


def nested_arrays(one: Any) -> Any:
    """What pandas holds after reading lists of lists from Parquet: an object array of arrays."""
    if one.ndim == 1:
        return one
    outer = np.empty(len(one), object)
    outer[:] = list(one)
    return outer


WRITERS: dict[str, Callable[[Any], str]] = {
    "json": lambda one: json.dumps(one.tolist()),
    "compact json": lambda one: json.dumps(one.tolist(), separators=(",", ":")),
    "python": lambda one: str(one.tolist()),
    "tuples": lambda one: str(tuples(one.tolist())),
    "numpy": numpy_text,
    "numpy repr": lambda one: f"array({one.tolist()}, dtype=float64)",
    "tensor": lambda one: f"tensor({one.tolist()}, device='cuda:0', dtype=torch.float64)",
    "numpy numbers": lambda one: repr(wrapped(one)),
    "list of arrays": lambda one: str(list(one)),
    "array of arrays": lambda one: str(nested_arrays(one)),
}
SHORTENING = ("list of arrays", "array of arrays")


@pytest.mark.parametrize("writer", WRITERS)
@given(SHAPES.flatmap(lambda shape: arrays(np.float64, shape, elements=NUMBERS)))
def test_every_form_of_a_list_gives_its_numbers(writer: str, lists: Any) -> None:
    with np.printoptions(floatmode="unique", threshold=10**6):
        texts = [WRITERS[writer](one) for one in lists]
    assert {lengths_of(text) for text in texts} == {lists.shape[1:]}
    read = read_lists(pa.array(["x", *texts, "y"]).slice(1, len(texts)), lists.shape[1:])
    np.testing.assert_array_equal(read.values, lists)
    assert not read.shortened.any()
    assert not read.wrong.any()


def test_json_and_python_words_for_missing_and_infinite_numbers_are_read() -> None:
    read = read_lists(pa.array(["[null, -Infinity, NaN]", "[None, -inf, nan]"]), (3,))
    np.testing.assert_array_equal(read.values, [[np.nan, -np.inf, np.nan]] * 2)


@pytest.mark.parametrize(
    "text",
    [
        "[1, 2, 3]", "[1]", "[]", "1, 2", "1", "[1, 2", "1, 2]", "[1], 2", "[1, 2], [3, 4]", "[[1, 2]]", "]1, 2[",
        "[1,, 2]", "[1, two]", "['1', '2']", "[1, 0x2]", "[1, true]", "[1; 2]", "{1, 2}", "[1, 2] 3",
    ],
)  # fmt: skip
def test_text_that_is_no_list_of_that_length_is_wrong_and_harms_no_other(text: str) -> None:
    read = read_lists(pa.array(["[1, 2]", text, "[3 4]"]), (2,))
    np.testing.assert_array_equal(read.values, [[1, 2], [np.nan, np.nan], [3, 4]])
    np.testing.assert_array_equal(read.wrong, [False, True, False])


@pytest.mark.parametrize(
    "text",
    [
        "[[1, 2], [3]]",
        "[[1, 2, 3], [4]]",
        "[1, 2, 3, 4]",
        "[[1, 2], 3, 4, []]",
        "[[1, 2] [3, 4, 5]]",
        "[[1, 2, [3, 4]]]",
    ],
)
def test_uneven_lists_of_lists_are_wrong(text: str) -> None:
    read = read_lists(pa.array([text, "[[1, 2], [3, 4]]"]), (2, 2))
    np.testing.assert_array_equal(read.wrong, [True, False])
    np.testing.assert_array_equal(read.values[1], [[1, 2], [3, 4]])


@pytest.mark.parametrize("text", ["", " ", "nan", "None", "null", "NaN", "NA"])
def test_words_for_missing_are_missing_lists(text: str) -> None:
    read = read_lists(pa.array([text, "[1]"]), (1,))
    np.testing.assert_array_equal(read.values, [[np.nan], [1.0]])
    assert not read.wrong.any()


def test_only_lists_of_numbers_are_taken_for_lists() -> None:
    texts = ["x", "1 2", "[x]", "[link] text", "", "{1}", "['a']", "(see 1)", "[1", "1]", "[1] [2]"]
    assert [lengths_of(text) for text in texts] == [None] * len(texts)


def write(path: Path, columns: dict[str, list[Any]]) -> str:
    if path.suffix == ".parquet":
        pq.write_table(pa.table(columns), path)
    else:
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
    return str(path)


@pytest.fixture(params=[".csv", ".parquet"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / f"rows{request.param}"


@pytest.mark.parametrize("chunk_rows", [1, 7, 1000])
def test_text_lists_give_the_numbers_of_lists(path: Path, tmp_path: Path, chunk_rows: int) -> None:
    rng = np.random.default_rng(20_260_103)
    scores = rng.dirichlet(np.ones(3), 30)
    labels = rng.integers(0, 3, 30).tolist()
    native = tmp_path / "lists.parquet"
    pq.write_table(pa.table({"y_true": labels, "probs": scores.tolist()}), native)
    # One text in two rows: in memory it stands once.
    texts = [json.dumps(one) for one in scores.tolist()]
    written = write(path, {"y_true": labels * 2, "probs": texts * 2})
    loss = "sparse_categorical_crossentropy"
    wanted = losscli.evaluate([str(native)] * 2, loss).to_dict()["results"]
    assert losscli.evaluate(written, loss, chunk_rows=chunk_rows).to_dict()["results"] == wanted


def test_lists_written_as_text_are_described_as_lists(path: Path) -> None:
    columns = {"a": ["", "[1 2]"], "b": ["[[1, 2, 3]]", ""], "c": ["[]", "(1,)"], "d": ["[x]", "[1]"], "e": ["", ""]}
    found = open_sources([write(path, columns)])[0].columns
    described = [(column.kind, column.width, column.inner_width, column.as_text) for column in found]
    assert described == [
        ("vector", 2, None, True),
        ("matrix", 1, 3, True),
        ("vector", 1, None, True),
        ("text", None, None, False),
        ("text", None, None, False),
    ]


def refusal(path: str, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        losscli.evaluate(path, "categorical_crossentropy", label="t", pred="p", **options)
    return str(caught.value)


def test_shortened_lists_are_refused_with_their_rows(path: Path) -> None:
    few = numpy_text(np.ones(1200) / 1200)
    many = str(np.ones(1200) / 1200)
    assert "..." in many
    written = write(path, {"t": [few] * 4, "p": [few, many, few, many]})
    message = refusal(written, chunk_rows=1)
    assert f'{written}: column "p", row 2' in message
    assert "is one of the lists of which their writer left numbers out; 2 of 4 rows are affected" in message
    assert "expected: all 1200 numbers\ntry: write each list with json.dumps, or the file as Parquet" in message
    if path.suffix == ".csv":
        # The header, then the first row with its two lists over several lines.
        assert f"row 2 (line {1 + (2 * few.count(chr(10)) + 1) + 1})" in message


def test_columns_of_shortened_lists_alone_are_refused(path: Path) -> None:
    many = np.array2string(np.ones((2, 1200)), threshold=10)
    written = write(path, {"t": [json.dumps([[1] * 1200] * 2)], "p": [many]})
    assert 'column "p" holds lists of which their writer left numbers out' in refusal(written)


def test_list_of_another_length_is_refused_with_its_row(path: Path) -> None:
    written = write(path, {"t": ["[1, 0]"] * 3, "p": ["[0.5, 0.5]", "[0.5, 0.5]", "[0.2, 0.3, 0.5]"]})
    assert (
        'column "p", row 3' in (message := refusal(written))
        and '"[0.2, 0.3, 0.5]" is not a list of 2 numbers; 1 of 3 rows is affected' in message
    )


def test_missing_lists_are_missing_rows(path: Path) -> None:
    written = write(path, {"t": ["[1, 0]"] * 4, "p": ["[0.5, 0.5]", "", "[0.5, null]", "nan"]})
    assert 'column "p", row 2' in refusal(written)
    report = losscli.evaluate(written, "categorical_crossentropy", label="t", pred="p", nan="skip").to_dict()
    assert [report["rows"][kind] for kind in ("read", "used", "skipped")] == [4, 1, 3]


def test_column_of_text_lists_still_serves_as_text(path: Path) -> None:
    written = write(path, {"y_true": [1, 2], "y_pred": [2, 2], "tags": ["[1, 2]", "[3, 4]"]})
    report = losscli.evaluate(written, "mean_absolute_error", by="tags").to_dict()
    assert [(one["by"], one["loss"]) for one in report["results"][0]["slices"]] == [
        ({"tags": "[1, 2]"}, 1.0),
        ({"tags": "[3, 4]"}, 0.0),
    ]
