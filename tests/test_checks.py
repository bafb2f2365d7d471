"""Checks of the mapping against the data: every planted mistake is found, and honest models are left alone."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import losscli
from losscli.checks.of_classes.assignment import best_assignment
from losscli.errors import InputError

Columns = dict[str, Any]

ROOT = Path(__file__).parent.parent

NAMES = ("ant", "bee", "cat", "dog")


def warnings_of(columns: Columns, loss: str | list[str], **settings: Any) -> list[str]:
    """The warnings of an evaluation."""
    found = losscli.evaluate(pa.table(columns), loss, engine="serial", **settings).to_dict()["warnings"]
    assert isinstance(found, list)
    return found


def several(rng: np.random.Generator, rows: int, skill: float, prior: Any) -> tuple[Any, Any]:
    """Labels ``(n,)`` drawn with `prior`, and the probabilities ``(n, k)`` of a model of this skill for them."""
    prior = np.asarray(prior) / np.sum(prior)
    truth = rng.choice(len(prior), rows, p=prior)
    scores = rng.normal(size=(rows, len(prior))) + skill * np.eye(len(prior))[truth] + np.log(prior)
    powers = np.exp(scores)
    return truth, powers / powers.sum(axis=1, keepdims=True)


def two(rng: np.random.Generator, rows: int, skill: float, rate: float) -> tuple[Any, Any]:
    """Labels 0 and 1, of which `rate` are positive, and the score of a model of this skill."""
    truth = (rng.random(rows) < rate).astype(np.float64)
    logit = rng.normal(size=rows) + skill * (truth - 0.5) + np.log(rate / (1 - rate))
    return truth, 1 / (1 + np.exp(-logit))


def wide(probabilities: Any, names: Any = NAMES) -> Columns:
    """One column for each class, named as the classes are."""
    return {f"score_{name}": probabilities[:, place] for place, name in enumerate(names[: probabilities.shape[1]])}


# What must not be suspected.


@pytest.mark.parametrize("skill", [0.0, 0.5, 2.0, 8.0])
@pytest.mark.parametrize("prior", [(1, 1, 1, 1), (90, 8, 1, 1), (1, 1), (99, 1)], ids=str)
def test_honest_class_probabilities_are_not_suspected(skill: float, prior: Any) -> None:
    for seed, rows in itertools.product(range(3), (1, 5, 30, 200, 3_000)):
        truth, probabilities = several(np.random.default_rng(seed), rows, skill, prior)
        columns = {"label": np.array(NAMES)[truth], **wide(probabilities)}
        assert warnings_of(columns, ["scce", "brier"], strict=True) == [], (seed, rows)


@pytest.mark.parametrize("skill", [0.0, 0.5, 2.0, 8.0])
@pytest.mark.parametrize("rate", [0.5, 0.01, 0.99, 0.2])
def test_honest_scores_are_not_suspected(skill: float, rate: float) -> None:
    for seed, rows in itertools.product(range(3), (1, 5, 30, 200, 3_000)):
        truth, score = two(np.random.default_rng(seed), rows, skill, rate)
        columns = {"target": truth, "score": score, "label": (score > 0.5).astype(int)}
        assert warnings_of(columns, ["bce", "zero_one"], strict=True) == [], (seed, rows)
        with np.errstate(divide="ignore"):
            margin = np.clip(np.log(score / (1 - score)), -30, 30)
        assert warnings_of({"target": truth, "score": margin}, "hinge", strict=True) == [], (seed, rows)


@pytest.mark.parametrize("rows", [200, 3_000])
def test_a_label_that_sure_scores_predict_is_not_suspected(rows: int) -> None:
    truth, _ = several(np.random.default_rng(0), rows, 0.0, (1, 1, 1))
    certain = np.where(np.eye(3)[truth] == 1, 0.96, 0.02)
    assert warnings_of({"label": np.array(NAMES)[truth], **wide(certain)}, "scce", strict=True) == []
    side = (truth == 0).astype(int)
    assert warnings_of({"label": side, "score": 0.04 + 0.92 * side}, "bce", strict=True) == []


@pytest.mark.parametrize("bias", [0.0, 40.0])
def test_honest_predictions_of_numbers_are_not_suspected(bias: float) -> None:
    for seed, rows in itertools.product(range(3), (1, 5, 150, 3_000)):
        rng = np.random.default_rng(seed)
        truth = rng.normal(50.0, 10.0, rows)
        for label in (truth, np.rint(truth)):
            columns = {"y_true": label, "y_pred": truth + bias + rng.normal(size=rows)}
            assert warnings_of(columns, "mse", strict=True) == [], (seed, rows)


@pytest.mark.parametrize("seed", range(3))
def test_a_constant_model_is_not_suspected(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, _ = several(rng, 2_000, 0.0, (5, 3, 1, 1))
    columns = {"label": np.array(NAMES)[truth], **wide(np.tile([0.1, 0.2, 0.3, 0.4], (2_000, 1)))}
    assert warnings_of(columns, "scce", strict=True) == []
    binary = {"target": (truth == 0).astype(int), "score": np.full(2_000, 0.9)}
    assert warnings_of({**binary, "score": np.full(2_000, 0.4)}, "bce", strict=True) == []


@pytest.mark.parametrize(
    ("file", "request_"),
    [
        ("digits.csv", {"loss": ["scce", "brier", "zero_one"]}),
        ("wine.csv", {"loss": ["cce", "brier"]}),
        ("breast_cancer.csv", {"loss": ["bce", "zero_one"], "pos_label": "malignant"}),
        ("diabetes.parquet", {"loss": ["mse", "huber"]}),
    ],
)
def test_the_sample_data_are_not_suspected(file: str, request_: Any) -> None:
    assert losscli.evaluate(f"sample_data/{file}", strict=True, **request_).to_dict()["warnings"] == []


# What must be found: each returns the columns, the loss, what the warning says, and the keywords that settle it.

Mistake = tuple[Columns, str, str, dict[str, Any]]


def share(agrees: Any) -> str:
    return f"{100 * float(np.mean(agrees)):.1f} %"


def other_order(rng: np.random.Generator) -> Mistake:
    truth, probabilities = several(rng, 500, 3.0, (1, 1, 1, 1))
    order = ["cat", "ant", "dog", "bee"]
    written = probabilities[:, [NAMES.index(name) for name in order]]
    text = (
        f"argmax agrees with the label in {share(written.argmax(axis=1) == truth)} of 500 rows; with the classes in "
        f"the order cat,ant,dog,bee in {share(probabilities.argmax(axis=1) == truth)}; try "
        "-p score_ant,score_bee,score_cat,score_dog --classes cat,ant,dog,bee, or ant,bee,cat,dog"
    )
    settled = {"pred": "score_ant,score_bee,score_cat,score_dog", "classes": order}
    return {"label": np.array(NAMES)[truth], **wide(written)}, "scce", text, settled


def reversed_list(rng: np.random.Generator) -> Mistake:
    truth, probabilities = several(rng, 500, 3.0, (1, 1, 1))
    columns = {"label": truth, "probs": list(probabilities[:, ::-1])}
    text = f"the order 2,1,0 in {share(probabilities.argmax(axis=1) == truth)}; try --classes 2,1,0, or 0,1,2"
    return columns, "scce", text, {"classes": ["2", "1", "0"]}


def predicted_label(rng: np.random.Generator) -> Mistake:
    truth, probabilities = several(rng, 2_000, 1.0, (1, 1, 1))
    names = np.array(NAMES)
    columns = {"label": names[probabilities.argmax(axis=1)], "class": names[truth], **wide(probabilities)}
    return columns, "scce", "it is probably the predicted label; try -y class, or -y label", {"label": "label"}


def predicted_side(rng: np.random.Generator) -> Mistake:
    truth, score = two(rng, 2_000, 1.0, 0.4)
    columns = {"label": (score > 0.5).astype(int), "actuals": truth, "score": score}
    text = 'the label in "label" is what the scores predict in 100.0 % of 2,000 rows'
    return columns, "bce", text, {"label": "label"}


def predicted_label_alone(rng: np.random.Generator) -> Mistake:
    _, probabilities = several(rng, 2_000, 1.0, (1, 1, 1))
    columns = {"label": np.array(NAMES)[probabilities.argmax(axis=1)], **wide(probabilities)}
    unsure = int(np.count_nonzero(probabilities.max(axis=1) <= 0.9))
    text = f"in 100.0 % of 2,000 rows, {unsure:,} of them unsure: it is probably the predicted label; try -y COLUMN"
    return columns, "scce", text, {"label": "label"}


def predicted_side_alone(rng: np.random.Generator) -> Mistake:
    _, score = two(rng, 2_000, 1.0, 0.4)
    columns = {"label": (score > 0.5).astype(int), "score": score}
    unsure = int(np.count_nonzero(np.abs(score - 0.5) <= 0.4))
    text = f"in 100.0 % of 2,000 rows, {unsure:,} of them unsure: it is probably the predicted label; try -y COLUMN"
    return columns, "bce", text, {"label": "label"}


def predicted_class_score(rng: np.random.Generator) -> Mistake:
    truth, score = two(rng, 2_000, 1.0, 0.3)
    columns = {"target": truth, "score": np.maximum(score, 1 - score), "label": (score > 0.5).astype(int)}
    text = f'no score in "score" is below 0.5 in 2,000 rows, and {share(truth)} of the labels are positive'
    return columns, "bce", text, {"pred_kind": "prob"}


def positive_class(rng: np.random.Generator) -> Mistake:
    truth, score = two(rng, 2_000, 3.0, 0.4)
    right = (score > 0.5) == truth
    text = (
        f"the score agrees with the label in {share(~right)} of 2,000 rows, and its opposite in {share(right)}: "
        "the positive class may be the other one; try --pos-label 0"
    )
    return {"target": truth, "score": 1 - score}, "bce", text, {"pos_label": "0"}


def percent_scores(rng: np.random.Generator) -> Mistake:
    truth, score = two(rng, 500, 3.0, 0.4)
    text = f"reach from {100 * score.min():g} to {100 * score.max():g} in 500 rows: they look like percents"
    return {"target": truth, "score": 100 * score}, "hinge", text, {"pred_kind": "percent"}


def constant_decision(rng: np.random.Generator) -> Mistake:
    columns = {"target": rng.integers(0, 2, 50), "score": np.zeros(50)}
    return columns, "bce", "all 50 predictions are exactly 0 or 1", {"pred_kind": "prob"}


def swapped_numbers(rng: np.random.Generator) -> Mistake:
    truth = rng.integers(0, 50, 300)
    columns = {"y_true": truth + rng.normal(size=300), "y_pred": truth}
    text = 'every prediction in "y_pred" is a whole number, and 100.0 % of the labels are none'
    return columns, "mse", text, {"label": "y_true", "pred": "y_pred"}


def swapped_probabilities(rng: np.random.Generator) -> Mistake:
    truth, score = two(rng, 300, 3.0, 0.4)
    text = "is 0 or 1, and every label is a probability between them: label and prediction may be swapped"
    return {"y_true": score, "y_pred": truth}, "brier", text, {"label": "y_true", "pred": "y_pred"}


MISTAKES = (
    other_order,
    reversed_list,
    predicted_label,
    predicted_side,
    predicted_label_alone,
    predicted_side_alone,
    predicted_class_score,
    positive_class,
    percent_scores,
    constant_decision,
    swapped_numbers,
    swapped_probabilities,
)


@pytest.fixture(params=MISTAKES, ids=lambda one: one.__name__)
def mistake(request: pytest.FixtureRequest) -> Mistake:
    made: Mistake = request.param(np.random.default_rng(7))
    return made


def test_a_mistake_is_a_warning_that_a_flag_settles(mistake: Mistake) -> None:
    columns, loss, text, flags = mistake
    assert any(text in one for one in warnings_of(columns, loss))
    assert not any(text in one for one in warnings_of(columns, loss, **flags))


def test_a_mistake_is_refused_where_nobody_reads_warnings(mistake: Mistake) -> None:
    columns, loss, _, _ = mistake
    with pytest.raises(InputError) as refusal:
        losscli.evaluate(pa.table(columns), loss, strict=True)
    assert refusal.value.expected is not None
    assert refusal.value.fix is not None


def test_warnings_do_not_depend_on_the_way_of_reading(mistake: Mistake, tmp_path: Path) -> None:
    columns, loss, _, _ = mistake
    table = pa.table(columns)
    expected = warnings_of(columns, loss)
    order = np.random.default_rng(1).permutation(table.num_rows)
    shuffled = table.take(pa.array(order))
    for part in range(3):
        rows = slice(part * table.num_rows // 3, (part + 1) * table.num_rows // 3)
        pq.write_table(shuffled[rows], tmp_path / f"{part}.parquet", row_group_size=100)
    for settings in ({"chunk_rows": 7}, {"threads": 3, "engine": "threads"}):
        found = losscli.evaluate(tmp_path, loss, **settings).to_dict()["warnings"]
        assert [_without_path(one) for one in found] == [_without_path(one) for one in expected]


def _without_path(text: str) -> str:
    """A warning without the file, which those about columns name."""
    return text.partition(": ")[2] if text.startswith(("data", "/")) else text


def test_the_command_warns_and_refuses_after_reading(tmp_path: Path) -> None:
    columns, loss, text, _ = positive_class(np.random.default_rng(7))
    pq.write_table(pa.table(columns), tmp_path / "preds.parquet")
    command = [sys.executable, "-m", "losscli", "eval", "preds.parquet", "-l", loss, "-o", "json=out.json"]
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    environment["PYTHONPATH"] = str(ROOT)
    for extra, code in (({}, 0), ({"CI": "1"}, 3)):
        done = subprocess.run(
            command, cwd=tmp_path, env={**environment, **extra}, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stderr
        assert text.partition(";")[0] in done.stderr
        assert (tmp_path / "out.json").exists() == (code == 0)
        assert bool(done.stdout) == (code == 0)
        (tmp_path / "out.json").unlink(missing_ok=True)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6])
def test_the_best_assignment_is_that_of_a_search(size: int) -> None:
    rng = np.random.default_rng(size)
    for high in (2, 10, 1_000_000):
        profit = rng.integers(0, high, (size, size))
        chosen = best_assignment(profit)
        assert sorted(chosen) == list(range(size))
        searched = max(int(profit[np.arange(size), order].sum()) for order in itertools.permutations(range(size)))
        assert int(profit[np.arange(size), chosen].sum()) == searched


def test_the_best_assignment_is_that_of_scipy() -> None:
    optimize = pytest.importorskip("scipy.optimize")
    rng = np.random.default_rng(0)
    for size in (17, 64):
        profit = rng.integers(0, 1_000, (size, size))
        rows, columns = optimize.linear_sum_assignment(profit, maximize=True)
        assert int(profit[np.arange(size), best_assignment(profit)].sum()) == int(profit[rows, columns].sum())
