"""Layouts that can be read in two ways, or in none, are refused with the question that settles it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from layouts import FLOAT, TEXT, WHOLE, Layout, dense, feather_of, log_loss, parquet_of
from layouts import VECTOR as SPARK_VECTOR

import losscli
from losscli.columns import look
from losscli.errors import InputError, NothingToEvaluate

BCE, SCCE = "binary_crossentropy", "sparse_categorical_crossentropy"
LISTS = pa.list_(FLOAT)
LABELLED = pa.list_(pa.struct([("label", TEXT), ("prob", FLOAT)]))


def written(content: str | Callable[[Path], None], folder: Path, suffix: str = ".csv") -> str:
    """The path of a file with this content."""
    layout = Layout("preds", suffix, content, "", 0.0, "", "", "")
    return str(layout.write(folder))


def refused(path: str, loss: str, **options: Any) -> tuple[str, str | None, str | None]:
    """The error of an evaluation as problem, expected and fix, the path left out."""
    with pytest.raises(InputError) as caught:
        losscli.evaluate(path, loss, **options)
    return caught.value.problem.replace(path, "FILE"), caught.value.expected, caught.value.fix


# From: PyCaret issues 1842, 968, 886; docs.aws.amazon.com autopilot-container-output; mljar-supervised issue 199.
@pytest.mark.parametrize(
    ("content", "loss", "problem", "expected", "fix"),
    [
        pytest.param(
            "target,prediction_label,prediction_score\n1,1,0.8\n0,0,0.75\n",
            BCE,
            'FILE: "prediction_score" beside "prediction_label" is the score of the predicted class, '
            "as PyCaret writes it, not of one class",
            "a score of the positive class, or one for each class",
            "predict_model(..., raw_score=True) writes them; -p prediction_score, if it is that of the positive class",
            id="pycaret 3",
        ),
        pytest.param(
            "age,Purchase,Label,Score\n31,1,1,0.8\n40,0,0,0.75\n",
            BCE,
            'FILE: "Label" and "Score" are both predictions, as PyCaret 2 writes them',
            "the column of the true label",
            "-y COLUMN, with the name of the target; -y Label, if that is the truth",
            id="pycaret 2",
        ),
        pytest.param(
            "age,target,Label,Score\n31,1,1,0.8\n40,0,0,0.75\n",
            BCE,
            'FILE: "Score" beside "Label" is the score of the predicted class, as PyCaret 2 writes it, '
            "not of one class",
            "a score of the positive class, or one for each class",
            "predict_model(..., raw_score=True) writes them; -p Score, if it is that of the positive class",
            id="pycaret 2 with the target",
        ),
        pytest.param(
            "text,label,score,reference\na,POS,0.9,POS\nb,NEG,0.8,NEG\nc,NEG,0.6,POS\n",
            BCE,
            'FILE: "score" is 0.5 or more whichever class "label" predicts: it looks like the score of the predicted '
            "class; -p score, if it is that of the positive class",
            "one plausible mapping of the columns",
            "--label and --pred name the columns",
            id="hugging face pipeline",
        ),
        pytest.param(
            "target,predicted_label,probability\nyes,yes,0.8\nno,no,0.75\n",
            BCE,
            'FILE: "probability" beside "predicted_label" is the score of the positive class or of the predicted one: '
            "SageMaker Autopilot writes either",
            "a score of one class",
            "-p probability, if it is that of the positive class",
            id="sagemaker without probabilities",
        ),
        pytest.param(
            "p_0,p_1,label\n0.2,0.8,1\n0.75,0.25,0\n",
            BCE,
            'FILE: "label" may be the prediction, as MLJAR writes it behind p_0..p_1; -y label, if it is the truth',
            "one plausible mapping of the columns",
            "--label and --pred name the columns",
            id="mljar",
        ),
        pytest.param(
            "y_true,prob\nbad,0.8\ngood,0.25\n",
            BCE,
            'FILE: the labels in "y_true" are "bad" and "good", and either may be the positive class',
            "the positive label by name",
            "--pos-label good, or --pos-label bad",
            id="two words",
        ),
        pytest.param(
            "y_true,target,y_pred\n1,1.5,2\n2,1.0,2\n",
            "mean_squared_error",
            'FILE: label could be "y_true" or "target"; taking the first',
            "one plausible mapping of the columns",
            "--label and --pred name the columns",
            id="two labels",
        ),
        pytest.param(
            "target,prob_a,prob_b,logit_a,logit_b\na,0.5,0.5,0,0\nb,0.5,0.5,0,0\n",
            SCCE,
            'FILE: pred could be "prob_a..prob_b" or "logit_a..logit_b"; taking the first',
            "one plausible mapping of the columns",
            "--label and --pred name the columns",
            id="two groups of scores",
        ),
        pytest.param(
            "label,label,prob\n1,1,0.5\n",
            BCE,
            'FILE: two columns are named "label"',
            "distinct column names",
            "rename one of them",
            id="a name twice",
        ),
        pytest.param(
            'label,probs\ncat,"[0.2, 0.8]"\nant,"[0.6, 0.4]"\n',
            SCCE,
            'FILE: the labels in "label" are text, and pred=probs does not name its classes',
            "class names in the order of the predictions",
            "--classes ant,cat, if this is the order of the predictions",
            id="list without names",
        ),
        pytest.param(
            'label,probs\n1,"[0.2, 0.8]"\n2,"[0.6, 0.4]"\n',
            SCCE,
            'FILE: the labels in "label" are integer, not 0 to 1, and pred=probs does not name its classes',
            "class names in the order of the predictions",
            "--classes 1,2, if this is the order of the predictions",
            id="labels from 1",
        ),
        pytest.param(
            "label,probs\n1,[0.1 ... 0.8]\n0,[0.6 ... 0.4]\n",
            SCCE,
            'FILE: column "probs" holds lists of which their writer left numbers out',
            "every number of each list",
            "write each list with json.dumps, or the file as Parquet",
            id="numpy left numbers out",
        ),
        pytest.param(
            "id,target\n1,0.5\n2,0.4\n",
            "mean_squared_error",
            "FILE: no column found for the prediction",
            "a column named y_pred, pred, preds, prediction, predictions, predicted, …, "
            "or several such as prob_<class>",
            "-p COLUMN; the columns are id, target",
            id="kaggle submission without truth",
        ),
        pytest.param(
            "target,prob_a,prob_b,prob_c\na,0.5,0.3,0.2\nd,0.5,0.3,0.2\n",
            SCCE,
            'FILE: column "target", row 2 (line 3): "d" is not one of the classes; 1 of 2 rows is affected',
            "one of a, b, c (labels without a prediction: d; predictions without a label: b, c)",
            "--classes, with the classes in the order of the predictions",
            id="label without a prediction",
        ),
    ],
)
def test_ambiguous_layout_is_a_question(
    content: str, loss: str, problem: str, expected: str, fix: str, tmp_path: Path
) -> None:
    assert refused(written(content, tmp_path), loss, strict=True) == (problem, expected, fix)


def test_second_mapping_is_only_a_warning_where_nobody_is_strict(tmp_path: Path) -> None:
    path = written("y_true,target,y_pred\n1,9,2\n2,9.5,2\n", tmp_path)
    result = losscli.evaluate(path, "mean_squared_error")
    assert result.loss == 0.5
    assert result.to_dict()["warnings"] == [f'{path}: label could be "y_true" or "target"; taking the first']


def test_constants_and_identities_are_no_choice(tmp_path: Path) -> None:
    text = "Unnamed: 0,__index_level_0__,row_id,y_true,target,y_pred,forecast\n0,0,5,1,7,2.5,3\n1,1,6,2,7,2,3\n"
    columns = losscli.evaluate(written(text, tmp_path), "mean_squared_error", strict=True).to_dict()["columns"]
    assert (columns["label"], columns["pred"]) == ("y_true", "y_pred")


@pytest.mark.parametrize(
    ("labels", "note"),
    [
        (["1.0", "0.0", "2.0"], 'labels are matched by value: "0.0" in "label" is the class 0'),
        (["1", "0", "2"], None),
    ],
)
def test_labels_are_matched_by_value_and_it_is_said(labels: list[str], note: str | None, tmp_path: Path) -> None:
    rows = "\n".join(f"{label},0.2,0.5,0.3" for label in labels)
    result = losscli.evaluate(written(f"label,prob_0,prob_1,prob_2\n{rows}\n", tmp_path), SCCE)
    np.testing.assert_allclose(result.loss or 0.0, log_loss(0.5, 0.2, 0.3), rtol=1e-12)
    assert result.to_dict()["columns"].get("notes", []) == ([note] if note else [])


def test_blanks_around_a_header_are_dropped_and_it_is_said(tmp_path: Path) -> None:
    path = written("\ufeff y_true , y_pred\n1,2\n3,3\n", tmp_path)
    columns = losscli.evaluate(path, "mean_squared_error", strict=True).to_dict()["columns"]
    assert (columns["label"], columns["pred"]) == ("y_true", "y_pred")
    assert columns["notes"] == ['the header " y_true " is read as "y_true", without the blanks']


def test_truth_values_are_the_classes_0_and_1(tmp_path: Path) -> None:
    path = written("label,prob_0,prob_1\nTrue,0.2,0.8\nFalse,0.6,0.4\n", tmp_path)
    result = losscli.evaluate(path, SCCE, strict=True)
    np.testing.assert_allclose(result.loss or 0.0, log_loss(0.8, 0.6), rtol=1e-12)
    assert list(result.classes) == ["0", "1"]


def test_leading_zeros_are_text(tmp_path: Path) -> None:
    path = written("label,prob_007,prob_7\n007,0.25,0.75\n7,0.5,0.5\n", tmp_path)
    np.testing.assert_allclose(losscli.evaluate(path, SCCE).loss or 0.0, log_loss(0.25, 0.5), rtol=1e-12)


def test_classes_in_another_order_than_the_rows_of_a_struct(tmp_path: Path) -> None:
    content = parquet_of({
        "species": (["ant", "cat"], TEXT),
        "predicted_species_probs": (
            [
                [{"label": "cat", "prob": 0.25}, {"label": "ant", "prob": 0.75}],
                [{"label": "ant", "prob": 0.4}, {"label": "cat", "prob": 0.6}],
            ],
            LABELLED,
        ),
    })  # fmt: skip
    path = written(content, tmp_path, ".parquet")
    for classes in (None, ["ant", "cat"], ["cat", "ant"]):
        result = losscli.evaluate(path, SCCE, classes=classes, strict=True)
        np.testing.assert_allclose(result.loss or 0.0, log_loss(0.75, 0.6), rtol=1e-12)


@pytest.mark.parametrize(
    "probs",
    [
        [{"label": "cat", "prob": 1.0}],
        [{"label": "cat", "prob": 0.5}, {"label": "cat", "prob": 0.5}],
        [{"label": "cat", "prob": 0.5}, {"label": "owl", "prob": 0.5}],
    ],
    ids=["a class is missing", "a class is there twice", "another class"],
)
def test_row_without_a_score_for_each_class_is_named(
    probs: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("losscli.readers.parquet.PEEKED_ROWS", 1)
    whole = [{"label": "cat", "prob": 0.25}, {"label": "ant", "prob": 0.75}]
    path = written(
        parquet_of({"species": (["ant", "cat"], TEXT), "predicted_species_probs": ([whole, probs], LABELLED)}),
        tmp_path,
        ".parquet",
    )
    problem, expected, _ = refused(path, SCCE)
    assert problem == (
        'FILE: column "predicted_species_probs", row 2: the list does not hold one score for each of the 2 classes; '
        "1 of 2 rows is affected"
    )
    assert expected == "a score for each of ant, cat"


def test_order_of_classes_must_be_that_of_the_first_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = """ant,"[0.75, 0.25]","['ant', 'cat']"\nant,"[0.25, 0.75]","['cat', 'ant']"\n"""
    path = written("target,probabilities,labels\n" + rows, tmp_path)
    assert refused(path, SCCE)[0] == 'FILE: the classes in "labels" differ between rows'
    monkeypatch.setattr(look, "LOOKED_ROWS", 1)
    assert refused(path, SCCE)[:2] == (
        """FILE: column "labels", row 2 (line 3): "['cat', 'ant']" is not "['ant', 'cat']", as in the rows before; """
        "1 of 2 rows is affected",
        "the same in every row",
    )


def test_dictionary_is_an_order_only_if_it_is_sorted_or_declared(tmp_path: Path) -> None:
    probs = pa.array([[0.7, 0.3], [0.4, 0.6]], LISTS)
    met = feather_of({"label": pa.array(["low", "high"]).dictionary_encode(), "probs": probs})
    path = written(met, tmp_path, ".arrow")
    assert refused(path, SCCE, strict=True)[0] == (
        'FILE: the classes of pred=probs are taken in the order of the dictionary of "label", low, high; '
        "--classes settles it"
    )
    assert losscli.evaluate(path, SCCE, classes=["low", "high"], strict=True).loss == log_loss(0.7, 0.6)


def test_positive_class_of_two_without_names_is_the_second(tmp_path: Path) -> None:
    content = parquet_of({
        "label": (["no", "yes"], TEXT),
        "probability": ([dense(0.75, 0.25), dense(0.4, 0.6)], SPARK_VECTOR),
    })  # fmt: skip
    path = written(content, tmp_path, ".parquet")
    assert refused(path, BCE) == (
        "FILE: which of the two scores in pred=probability is that of the positive class yes is not known",
        "the classes in the order of the predictions",
        "--classes NEGATIVE,POSITIVE",
    )
    result = losscli.evaluate(path, BCE, classes=["no", "yes"])
    np.testing.assert_allclose(result.loss or 0.0, log_loss(0.75, 0.6), rtol=1e-12)


def test_class_labels_of_metadata_name_the_positive_class(tmp_path: Path) -> None:
    features = {"label": {"names": ["spam", "ham"], "_type": "ClassLabel"}}
    content = parquet_of(
        {"label": ([1, 0], WHOLE), "prob": ([0.8, 0.25], FLOAT)}, {"huggingface": {"info": {"features": features}}}
    )
    path = written(content, tmp_path, ".parquet")
    for positive, truths in ((None, (0.8, 0.75)), ("ham", (0.8, 0.75)), ("1", (0.8, 0.75)), ("spam", (0.2, 0.25))):
        result = losscli.evaluate(path, BCE, pos_label=positive)
        np.testing.assert_allclose(result.loss or 0.0, log_loss(*truths), rtol=1e-12)
        assert sorted(result.classes) == ["ham", "spam"]


def test_file_without_rows_has_nothing_to_evaluate(tmp_path: Path) -> None:
    with pytest.raises(NothingToEvaluate, match="no rows"):
        losscli.evaluate(written("y_true,prob\n", tmp_path), BCE)


def test_score_on_both_sides_of_one_half_is_that_of_one_class(tmp_path: Path) -> None:
    path = written("reference,label,score\nPOS,POS,0.9\nNEG,NEG,0.2\nPOS,NEG,0.4\n", tmp_path)
    result = losscli.evaluate(path, BCE, pos_label="POS", strict=True)
    np.testing.assert_allclose(result.loss or 0.0, log_loss(0.9, 0.8, 0.4), rtol=1e-12)
