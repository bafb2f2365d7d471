"""Tiles: the same arrays from CSV and Parquet and for every chunk size, and every fault named."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from losscli.columns import ColumnRequest, Decoder, Keys, MarginSeen, Need, Tile, plan_columns
from losscli.faults import Fault, Faults
from losscli.readers import open_sources

NUMBER = (Need("y_true", "number", "element", "huber"), Need("y_pred", "number", "element", "huber"))
BINARY = (Need("y_true", "binary", "element", "bce"), Need("y_pred", "number", "element", "bce"))
MARGIN = (Need("y_true", "margin", "element", "hinge"), Need("y_pred", "number", "element", "hinge"))
CLASS = (Need("y_true", "class", "row", "scce"), Need("y_pred", "number", "vector", "scce"))
ONE_HOT = (Need("y_true", "one_hot", "vector", "cce"), Need("y_pred", "number", "vector", "cce"))
SETS = (Need("anchor", "number", "embedding", "npair"), Need("negatives", "number", "vectors", "npair"))

FORMATS = pytest.mark.parametrize("format", ["csv", "parquet"])


def write(folder: Path, columns: dict[str, Any], format: str) -> str:
    path = folder / f"preds.{format}"
    if format == "parquet":
        pq.write_table(pa.table(columns), path, row_group_size=3)
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
    return str(path)


def tiles(
    path: str, needs: Sequence[Need], request: ColumnRequest, chunk_rows: int = 100
) -> tuple[list[Tile], Decoder]:
    source = open_sources([path])[0]
    decoder = Decoder(plan_columns(source.columns, request, needs, path), needs, 0)
    found = []
    for shard in source.shards():
        for first_row, batch in shard.batches(decoder.plan.types, chunk_rows):
            found.append(decoder.tile(batch, first_row))
    return found, decoder


class Decoded:
    """All tiles of a file as one, with codes resolved to their names."""

    def __init__(self, found: list[Tile], decoder: Decoder) -> None:
        self.inputs = {key: np.concatenate([tile.inputs[key] for tile in found]) for key in found[0].inputs}
        self.weights = None if found[0].weights is None else np.concatenate([tile.weights for tile in found])  # type: ignore[misc]
        self.missing = np.concatenate(
            [np.zeros(tile.rows, bool) if tile.missing is None else tile.missing for tile in found]
        )
        self.classes = None
        if found[0].class_codes is not None:
            self.classes = [decoder.class_keys[code] for tile in found for code in tile.class_codes]  # type: ignore[union-attr]
        self.slices = [
            [keys[code] for tile in found for code in tile.slice_codes[axis]]
            for axis, keys in enumerate(decoder.slice_keys)
        ]
        self.faults = Faults()
        for tile in found:
            self.faults.merge(tile.faults)
        self.margin_seen = decoder.margin_seen


def decode(
    folder: Path,
    columns: dict[str, Any],
    needs: Sequence[Need],
    request: ColumnRequest,
    format: str = "parquet",
    rows: int = 2,
) -> Decoded:
    return Decoded(*tiles(write(folder, columns, format), needs, request, rows))


def only_fault(faults: Faults) -> Fault:
    (fault,) = faults.by_key.values()
    return fault


TABLE: dict[str, Any] = {
    "y_true": ["dog", "cat", "bird", "dog", "cat", "dog", "bird"],
    "prob_cat": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7],
    "prob_dog": [0.5, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125],
    "prob_bird": [0.4, 0.3, 0.2, 0.35, 0.25, 0.275, 0.175],
    "region": ["eu", None, "us", "eu", "eu", None, "us"],
    "day": [1, 2, 1, 2, 1, 2, 1],
    "w": [1.0, 2.0, 0.0, 0.5, 1.0, 1.0, 3.0],
}


@FORMATS
@pytest.mark.parametrize("rows", [1, 2, 3, 7])
def test_tiles_do_not_depend_on_chunks_and_format(tmp_path: Path, format: str, rows: int) -> None:
    request = ColumnRequest(weight="w", by=(("region",), ("day", "region")))
    found = decode(tmp_path, TABLE, (*CLASS, *ONE_HOT), request, format, rows)
    probabilities = np.array([TABLE[name] for name in ("prob_cat", "prob_dog", "prob_bird")]).T
    places = [["cat", "dog", "bird"].index(label) for label in TABLE["y_true"]]
    np.testing.assert_array_equal(found.inputs["y_pred", "number"], probabilities)
    np.testing.assert_array_equal(found.inputs["y_true", "class"], places)
    np.testing.assert_array_equal(found.inputs["y_true", "one_hot"], np.eye(3)[places])
    np.testing.assert_array_equal(found.weights, TABLE["w"])
    assert found.classes == TABLE["y_true"]
    assert found.slices[0] == [(region,) for region in TABLE["region"]]
    assert found.slices[1] == [(str(day), region) for day, region in zip(TABLE["day"], TABLE["region"], strict=True)]
    assert not found.missing.any()
    assert not found.faults


def test_matrices_have_contiguous_columns(tmp_path: Path) -> None:
    (tile, *_), _ = tiles(write(tmp_path, TABLE, "parquet"), (*CLASS, *ONE_HOT), ColumnRequest())
    assert tile.inputs["y_pred", "number"].T.flags.c_contiguous
    assert tile.inputs["y_true", "one_hot"].T.flags.c_contiguous
    assert tile.inputs["y_true", "class"].dtype == np.intp


def test_columns_without_nulls_are_not_copied(tmp_path: Path) -> None:
    path = write(tmp_path, {"y_true": [1.0, 2.0], "y_pred": [1.5, 2.5]}, "parquet")
    (tile,), _ = tiles(path, NUMBER, ColumnRequest())
    assert not tile.inputs["y_true", "number"].flags.owndata
    assert tile.missing is None


@FORMATS
def test_labels_are_matched_by_value(tmp_path: Path, format: str) -> None:
    columns = {"y_true": ["1", "1.0", "01", "0"], "prob_0": [0.1] * 4, "prob_1": [0.1] * 4, "prob_01": [0.8] * 4}
    found = decode(tmp_path, columns, CLASS, ColumnRequest(pred=("prob_0", "prob_1", "prob_01")), format)
    assert found.classes == ["1", "1", "01", "0"]


@pytest.mark.parametrize(
    "values", [[1, 0, 1], [1.0, 0.0, 1.0], [True, False, True]], ids=["integers", "floats", "booleans"]
)
@FORMATS
def test_labels_of_any_type_are_binary(tmp_path: Path, values: list[Any], format: str) -> None:
    found = decode(tmp_path, {"y_true": values, "p": [0.1, 0.2, 0.3]}, BINARY, ColumnRequest(), format)
    np.testing.assert_array_equal(found.inputs["y_true", "binary"], [1.0, 0.0, 1.0])
    assert found.classes == (["true", "false", "true"] if values[0] is True else ["1", "0", "1"])


@FORMATS
def test_soft_labels_are_kept_and_have_a_class_of_their_own(tmp_path: Path, format: str) -> None:
    found = decode(
        tmp_path, {"y_true": [0.0, 0.25, 1.0, 0.75], "p": [0.5] * 4}, BINARY, ColumnRequest(), format, rows=4
    )
    np.testing.assert_array_equal(found.inputs["y_true", "binary"], [0.0, 0.25, 1.0, 0.75])
    assert found.classes == ["0", "soft", "1", "soft"]


@pytest.mark.parametrize(
    "labels", [["No", "Yes"], ["neg", "pos"], ["negative", "positive"], ["false", "true"], ["-1", "1"]]
)
@FORMATS
def test_known_pairs_need_no_positive_label(tmp_path: Path, labels: list[str], format: str) -> None:
    columns = {"y_true": [labels[1], labels[0], labels[1]], "p": [0.5] * 3}
    found = decode(tmp_path, columns, (*BINARY, MARGIN[0]), ColumnRequest(), format)
    np.testing.assert_array_equal(found.inputs["y_true", "binary"], [1.0, 0.0, 1.0])
    np.testing.assert_array_equal(found.inputs["y_true", "margin"], [1.0, -1.0, 1.0])
    assert found.classes == columns["y_true"]
    assert not found.margin_seen.faults({0: 3})


@FORMATS
def test_positive_label_decides_between_two_words(tmp_path: Path, format: str) -> None:
    columns = {"y_true": ["dog", "cat", "dog"], "p": [0.5] * 3}
    found = decode(tmp_path, columns, BINARY, ColumnRequest(pos_label="cat"), format)
    np.testing.assert_array_equal(found.inputs["y_true", "binary"], [0.0, 1.0, 0.0])
    fault = only_fault(decode(tmp_path, columns, BINARY, ColumnRequest(), format).faults)
    assert (fault.value, fault.problem, fault.row, fault.count) == ('"dog"', "is not 0 or 1", 0, 3)
    assert "--pos-label" in str(fault.fix)


@FORMATS
def test_third_label_beside_a_positive_one_is_a_fault(tmp_path: Path, format: str) -> None:
    columns = {"y_true": ["dog", "cat", "dog", "bird"], "p": [0.5] * 4}
    found = decode(tmp_path, columns, BINARY, ColumnRequest(pos_label="cat"), format)
    fault = only_fault(found.margin_seen.faults({0: 4}))
    assert (fault.value, fault.row, fault.count) == ('"bird"', 3, 1)


@FORMATS
@pytest.mark.parametrize("order", [1, -1])
def test_margin_labels_mixing_0_and_minus_1_are_found_after_merging(tmp_path: Path, format: str, order: int) -> None:
    columns = {"y_true": [1, -1, 1, 0, -1, 0], "p": [0.5] * 6}
    path = write(tmp_path, columns, format)
    source = open_sources([path])[0]
    plan = plan_columns(source.columns, ColumnRequest(), MARGIN, path)
    parts = []
    for shard in source.shards():
        for first_row, batch in shard.batches(plan.types, 1):
            decoder = Decoder(plan, MARGIN, 0)
            assert not decoder.tile(batch, first_row).faults
            assert not decoder.margin_seen.faults({0: 6})
            parts.append(decoder.margin_seen)
    merged = MarginSeen()
    for part in parts[::order]:
        merged.merge(part)
    fault = only_fault(merged.faults({0: 6}))
    assert (fault.column, fault.value, fault.row, fault.count) == ("y_true", "0", 3, 2)


@FORMATS
def test_numbers_that_are_no_binary_labels_are_faults(tmp_path: Path, format: str) -> None:
    found = decode(tmp_path, {"y_true": [0, 1, 2, 1, 2], "p": [0.5] * 5}, BINARY, ColumnRequest(), format)
    fault = only_fault(found.faults)
    assert (fault.value, fault.row, fault.count, fault.problem) == ("2", 2, 2, "is not 0 or 1")


@FORMATS
def test_label_outside_the_classes_is_a_fault(tmp_path: Path, format: str) -> None:
    columns = {**TABLE, "y_true": ["dog", "cow", "bird", "dog", "cow", "dog", "bird"]}
    fault = only_fault(decode(tmp_path, columns, CLASS, ColumnRequest(), format).faults)
    assert (fault.column, fault.value, fault.row, fault.count) == ("y_true", '"cow"', 1, 2)
    assert fault.expected == "one of cat, dog, bird"


def test_words_of_a_dictionary_that_no_row_has_are_no_classes_and_no_faults(tmp_path: Path) -> None:
    labels = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0], pa.int8()), pa.array(["cat", "dog", "cow", "eel"]))
    columns = {"y_true": labels, "prob_cat": [0.5] * 3, "prob_dog": [0.5] * 3, "g": labels}
    found, decoder = tiles(write(tmp_path, columns, "parquet"), CLASS, ColumnRequest(by=(("g",),)))
    assert not found[0].faults
    assert list(decoder.class_keys) == ["cat", "dog"]
    assert list(decoder.slice_keys[0]) == [("cat",), ("dog",)]


@FORMATS
def test_missing_values_are_marked_and_not_reported_twice(tmp_path: Path, format: str) -> None:
    columns = {
        "y_true": ["dog", None, "cat", "cow", "dog"],
        "prob_cat": [0.5, 0.5, None, float("nan"), 0.5],
        "prob_dog": [0.5] * 5,
        "w": [1.0, 1.0, 1.0, 1.0, None],
    }
    found, decoder = tiles(write(tmp_path, columns, format), CLASS, ColumnRequest(weight="w"), 100)
    whole = Decoded(found, decoder)
    np.testing.assert_array_equal(whole.missing, [False, True, True, True, True])
    assert not whole.faults
    assert whole.classes is not None
    assert whole.classes[:3] == ["dog", None, "cat"]
    columns_of_rows = [tile.missing_column(row) for tile in found for row in range(tile.rows)]
    assert columns_of_rows == [None, "y_true", "prob_cat", "prob_cat", "w"]


@FORMATS
def test_weights_must_be_finite_and_not_negative(tmp_path: Path, format: str) -> None:
    columns = {"y_true": [1.0] * 4, "y_pred": [1.0] * 4, "w": [1.0, -1.0, -0.5, float("inf")]}
    faults = decode(tmp_path, columns, NUMBER, ColumnRequest(weight="w"), format, rows=4).faults
    described = {(fault.problem, fault.value, fault.row, fault.count) for fault in faults.by_key.values()}
    assert described == {("is a negative weight", "-1", 1, 2), ("is not a finite weight", "inf", 3, 1)}


@FORMATS
def test_one_column_may_be_number_label_and_slice(tmp_path: Path, format: str) -> None:
    columns = {"y_true": [1, 0, 1], "y_pred": [0.5, 0.25, 0.75]}
    found = decode(tmp_path, columns, (*NUMBER, BINARY[0]), ColumnRequest(by=(("y_true",),)), format)
    np.testing.assert_array_equal(found.inputs["y_true", "number"], [1.0, 0.0, 1.0])
    np.testing.assert_array_equal(found.inputs["y_true", "binary"], [1.0, 0.0, 1.0])
    assert found.slices == [[("1",), ("0",), ("1",)]]


def test_text_read_as_number_is_checked(tmp_path: Path) -> None:
    columns = {"y_true": ["1", "abc", None], "y_pred": [0.5] * 3}
    found = decode(tmp_path, columns, NUMBER, ColumnRequest(by=(("y_true",),)), "csv", rows=3)
    fault = only_fault(found.faults)
    assert (fault.value, fault.problem, fault.row) == ('"abc"', "is not a number", 1)
    np.testing.assert_array_equal(found.missing, [False, False, True])


@pytest.mark.parametrize("kind", ["percent", "log-prob", "logit"])
def test_predictions_of_any_kind_stay_as_they_stand(tmp_path: Path, kind: Any) -> None:
    columns = {"y_true": [1, 0], "p": [50.0, 25.0]}
    found = decode(tmp_path, columns, BINARY, ColumnRequest(pred_kind=kind))
    np.testing.assert_array_equal(found.inputs["y_pred", "number"], columns["p"])


@pytest.mark.parametrize(
    "type", [pa.list_(pa.float32()), pa.list_(pa.float64(), 2), pa.large_list(pa.int16())], ids=str
)
@pytest.mark.parametrize("rows", [1, 2, 5])
def test_list_columns_become_matrices(tmp_path: Path, type: pa.DataType, rows: int) -> None:
    lists = pa.array([[1, 2], None, [3, 4], [5, 6], [7, 8]], type)
    columns = {"y_true": [0, 1, 1, 0, 1], "probs": lists}
    found, decoder = tiles(write(tmp_path, columns, "parquet"), CLASS, ColumnRequest(), rows)
    whole = Decoded(found, decoder)
    wanted = [[1, 2], [np.nan, np.nan], [3, 4], [5, 6], [7, 8]]
    np.testing.assert_array_equal(whole.inputs["y_pred", "number"], wanted)
    np.testing.assert_array_equal(whole.missing, [False, True, False, False, False])
    assert all(tile.inputs["y_pred", "number"].T.flags.c_contiguous for tile in found)


def test_list_of_another_length_is_a_fault_and_a_null_inside_is_missing(tmp_path: Path) -> None:
    columns = {"y_true": [0, 1, 1, 0], "probs": [[0.5, 0.5], [1.0], [None, 0.5], []]}
    found = decode(tmp_path, columns, CLASS, ColumnRequest())
    fault = only_fault(found.faults)
    assert (fault.problem, fault.row, fault.count) == ("is not a list of 2 numbers", 1, 2)
    np.testing.assert_array_equal(found.missing, [False, False, True, False])


@pytest.mark.parametrize("type", [pa.list_(pa.list_(pa.float32())), pa.list_(pa.list_(pa.float64(), 2), 3)], ids=str)
def test_lists_of_lists_become_three_axes(tmp_path: Path, type: pa.DataType) -> None:
    values = np.arange(24.0).reshape(4, 3, 2)
    columns = {"anchor": [[1.0, 2.0]] * 4, "negatives": pa.array([*values.tolist()[:3], None], type)}
    found, decoder = tiles(write(tmp_path, columns, "parquet"), SETS, ColumnRequest(), 2)
    whole = Decoded(found, decoder)
    np.testing.assert_array_equal(whole.inputs["negatives", "number"][:3], values[:3])
    np.testing.assert_array_equal(whole.missing, [False, False, False, True])
    assert all(tile.inputs["negatives", "number"].flags.c_contiguous for tile in found)


def test_uneven_lists_of_lists_are_faults(tmp_path: Path) -> None:
    columns = {"anchor": [[1.0]] * 3, "negatives": [[[1.0], [2.0]], [[1.0]], [[1.0], [2.0, 3.0]]]}
    fault = only_fault(decode(tmp_path, columns, SETS, ColumnRequest()).faults)
    assert (fault.problem, fault.row, fault.count) == ("is not a list of 2 x 1 numbers", 1, 2)


def test_several_list_columns_stand_side_by_side(tmp_path: Path) -> None:
    columns = {"anchor": [[1.0, 2.0]], "n1": [[3.0, 4.0]], "n2": [[5.0, 6.0]]}
    found = decode(tmp_path, columns, SETS, ColumnRequest(others={"negatives": ("n1", "n2")}))
    np.testing.assert_array_equal(found.inputs["negatives", "number"], [[[3.0, 4.0], [5.0, 6.0]]])


def test_several_label_columns_are_read_one_by_one(tmp_path: Path) -> None:
    columns = {"a": ["yes", "no"], "b": [0, 1], "pa": [0.5, 0.25], "pb": [0.75, 1.0]}
    found = decode(tmp_path, columns, BINARY, ColumnRequest(label=("a", "b"), pred=("pa", "pb")))
    np.testing.assert_array_equal(found.inputs["y_true", "binary"], [[1.0, 0.0], [0.0, 1.0]])
    assert found.classes is None


def test_keys_merge_two_at_a_time() -> None:
    ours, theirs = Keys(slices=1, by_class=True), Keys(slices=1, by_class=True)
    for name in ("cat", "dog"):
        ours.classes.code(name)
    for label in ("cow", "dog"):
        theirs.classes.code(label)
    theirs.slices[0].code((None,))
    maps = ours.merge(theirs)
    assert list(ours.classes) == ["cat", "dog", "cow"]
    np.testing.assert_array_equal(maps[0], [2, 1])
    np.testing.assert_array_equal(maps[1], [0])
    assert list(ours.slices[0]) == [(None,)]
