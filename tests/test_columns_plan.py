"""Which columns are chosen, and what is said when none can be."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest

from losscli.columns import ColumnPlan, ColumnRequest, Need, plan_columns
from losscli.columns.plan import rows_at_once
from losscli.errors import InputError, UsageError
from losscli.readers import Column

HUBER = (Need("y_true", "number", "element", "huber"), Need("y_pred", "number", "element", "huber"))
BCE = (Need("y_true", "binary", "element", "bce"), Need("y_pred", "number", "element", "bce"))
SCCE = (Need("y_true", "class", "row", "scce"), Need("y_pred", "number", "vector", "scce"))
FOCAL = (Need("y_true", "either", "element", "focal"), Need("y_pred", "number", "element", "focal"))
TRIPLET = tuple(Need(name, "number", "embedding", "triplet") for name in ("anchor", "positive", "negative"))
EMPTY = ColumnRequest()


def columns_of(text: str) -> list[Column]:
    """Columns written as "name", "name:text", "name:vector3"."""
    columns = []
    for word in text.split():
        name, _, kind = word.partition(":")
        width = int(kind[6:]) if kind.startswith("vector") and kind[6:] else None
        columns.append(Column(name, kind.rstrip("0123456789") or "number", width, kind or "double"))  # type: ignore[arg-type]
    return columns


def plan(text: str, needs: tuple[Need, ...] = HUBER, request: ColumnRequest = EMPTY) -> ColumnPlan:
    return plan_columns(columns_of(text), request, needs, "preds.csv")


@pytest.mark.parametrize(
    ("columns", "label", "pred"),
    [
        ("id y_pred y_true", "y_true", "y_pred"),
        ("Target Prediction", "Target", "Prediction"),
        ("ground-truth yhat", "ground-truth", "yhat"),
        ("index label pred", "label", "pred"),
        ("price predicted_price", "price", "predicted_price"),
        ("price price_pred target_id", "price", "price_pred"),
        ("target label", "target", "label"),
        ("y score", "y", "score"),
        ("actual forecast weight", "actual", "forecast"),
    ],
)
def test_conventional_names_are_found(columns: str, label: str, pred: str) -> None:
    found = plan(columns)
    assert found.input_columns == {"y_true": (label,), "y_pred": (pred,)}
    assert found.ambiguities == ()
    assert found.detected == {"label", "pred"}


def test_explicit_names_win_over_conventions() -> None:
    found = plan("y_true y_pred a b", request=ColumnRequest(label=("a",), pred=("b",)))
    assert found.input_columns == {"y_true": ("a",), "y_pred": ("b",)}
    assert found.detected == frozenset()


def test_line_and_dict_tell_the_mapping() -> None:
    found = plan("y_true p w region", request=ColumnRequest(pred=("p",), weight="w", by=(("region",),)))
    assert found.line() == "label=y_true pred=p weight=w by=region (label found by name)"
    described = found.to_dict()
    assert (described["label"], described["pred"], described["weight"], described["by"]) == (
        "y_true",
        "p",
        "w",
        [["region"]],
    )
    assert found.types == {"y_true": "number", "p": "number", "w": "number", "region": "text"}
    assert pickle.loads(pickle.dumps(found)) == found


@pytest.mark.parametrize(
    ("columns", "needs", "part"),
    [
        ("y_true y target y_pred", HUBER, 'label could be "y_true" or "target" or "y"'),
        ("y_true pred prediction", HUBER, 'pred could be "pred" or "prediction"'),
        ("y_true prob_0 prob_1 logit_0 logit_1", SCCE, 'pred could be "prob_0..prob_1" or "logit_0..logit_1"'),
        ("y_true y_prob y_pred", BCE, 'pred could be "y_prob" or "y_pred"'),
    ],
)
def test_second_plausible_mapping_is_an_ambiguity(columns: str, needs: tuple[Need, ...], part: str) -> None:
    assert any(part in text for text in plan(columns, needs).ambiguities)


def test_wide_columns_stand_in_class_order() -> None:
    names = " ".join(f"prob_{one}" for one in sorted(range(12), key=str))
    found = plan("label:integer " + names, SCCE)
    assert found.input_columns["y_pred"] == tuple(f"prob_{one}" for one in range(12))
    assert found.classes == tuple(str(one) for one in range(12))
    assert found.types["label"] == "text"


def test_suffixes_name_the_classes() -> None:
    assert plan("label:text prob_dog prob_cat", SCCE).classes == ("dog", "cat")
    assert plan("label:text p:x:dog p:x:cat".replace(":x:", "_"), SCCE).classes == ("dog", "cat")


def test_pattern_takes_the_columns_it_matches() -> None:
    found = plan("y:text m_10_x m_9_x m_2_x", SCCE, ColumnRequest(label=("y",), pred=("m_*_x",)))
    assert found.input_columns["y_pred"] == ("m_2_x", "m_9_x", "m_10_x")
    assert found.classes == ("2", "9", "10")
    with pytest.raises(InputError, match=r'no column matches "q_\*"'):
        plan("y m_1", SCCE, ColumnRequest(pred=("q_*",)))


def test_classes_reorder_columns_that_carry_names() -> None:
    request = ColumnRequest(pred=("prob_*",), classes=("dog", "cat"))
    found = plan("label:text prob_cat prob_dog", SCCE, request)
    assert found.input_columns["y_pred"] == ("prob_dog", "prob_cat")
    contradiction = plan("label:text prob_cat prob_dog", SCCE, replace(request, pred=("prob_cat", "prob_dog")))
    assert contradiction.classes == ("dog", "cat")
    assert contradiction.ambiguities == ()
    assert "contradicts the names of pred=prob_cat,prob_dog; taking --classes" in contradiction.notes[0]


def test_list_column_has_the_classes_0_to_k_minus_1() -> None:
    found = plan("label:integer probs:vector3", SCCE)
    assert (found.input_columns["y_pred"], found.classes, found.lengths) == (
        ("probs",),
        ("0", "1", "2"),
        {"probs": (3,)},
    )
    assert plan("label:text probs:vector2", SCCE, ColumnRequest(classes=("b", "a"))).classes == ("b", "a")
    with pytest.raises(InputError, match='labels in "label" are text, and pred=probs does not name its classes'):
        plan("label:text probs:vector3", SCCE)


def test_one_prediction_makes_an_either_loss_binary() -> None:
    one, many = plan("label:integer prob", FOCAL), plan("label:integer prob_0 prob_1", FOCAL)
    assert (one.binary, one.classes, one.types["label"]) == (True, None, "number")
    assert (many.binary, many.classes, many.types["label"]) == (False, ("0", "1"), "text")
    assert one.has_classes
    assert many.has_classes
    assert not plan("y_true y_pred").has_classes


def test_two_class_labels_are_text_unless_they_are_plain_numbers() -> None:
    assert plan("y_true:integer p", BCE).types["y_true"] == "number"
    assert plan("y_true:text p", BCE).types["y_true"] == "text"
    assert plan("y_true:integer p", BCE, ColumnRequest(pos_label="2")).types["y_true"] == "text"
    assert plan("y_true:text p", BCE, ColumnRequest(classes=("ok", "bad"))).pos_label == "bad"


def test_label_read_as_number_and_as_slice_is_read_as_text() -> None:
    assert plan("y_true y_pred", request=ColumnRequest(by=(("y_true",),))).types["y_true"] == "text"
    for needs in ((*BCE, *HUBER), (*HUBER, *BCE)):
        assert plan("y_true:text y_pred", needs).types["y_true"] == "text"


def test_other_inputs_are_found_by_their_own_name() -> None:
    found = plan("Anchor:vector4 positive:vector4 neg:vector4", TRIPLET, ColumnRequest(others={"negative": ("neg",)}))
    assert found.input_columns == {"anchor": ("Anchor",), "positive": ("positive",), "negative": ("neg",)}
    assert found.line() == "anchor=Anchor positive=positive negative=neg (anchor, positive found by name)"
    with pytest.raises(InputError, match=r'no column found for "negative"(.|\n)*try: --col negative=COLUMN'):
        plan("anchor:vector4 positive:vector4", TRIPLET)


@pytest.mark.parametrize(
    ("columns", "needs", "request_", "match"),
    [
        ("a y_prediction", HUBER, ColumnRequest(pred=("y_pred",)), 'no column "y_pred"; closest: "y_prediction"'),
        (
            "a b",
            HUBER,
            EMPTY,
            r"no column found for the label(.|\n)*y_true, target(.|\n)*-y COLUMN; the columns are a, b",
        ),
        ("y_true b", HUBER, EMPTY, "no column found for the prediction"),
        ("y_true y_pred", HUBER, ColumnRequest(weight="w"), 'no column "w"'),
        ("y_true y_pred", HUBER, ColumnRequest(by=(("regoin",),)), 'no column "regoin"'),
        ("y_true y_pred v:vector2", HUBER, ColumnRequest(by=(("v",),)), 'column "v" holds vector2'),
        ("y_true y_pred", SCCE, EMPTY, r"scce cannot read y_pred from y_pred(.|\n)*prob_\*"),
        ("y_true a b", HUBER, ColumnRequest(pred=("a", "b")), "label=y_true and pred=a,b"),
        ("y_true probs:vector", SCCE, EMPTY, "holds no list in its first rows"),
        (
            "a b c",
            (Need("y_pred", "class", "row", "zero_one"),),
            ColumnRequest(pred=("a", "b")),
            "zero_one cannot read",
        ),
    ],
)
def test_columns_that_do_not_fit_are_refused(
    columns: str, needs: tuple[Need, ...], request_: ColumnRequest, match: str
) -> None:
    with pytest.raises(InputError, match=match):
        plan(columns, needs, request_)


@pytest.mark.parametrize(
    ("needs", "request_", "match"),
    [
        (SCCE, ColumnRequest(classes=("a", "b", "c")), r"--classes names 3 classes, but pred=prob_0,prob_1 has 2"),
        (SCCE, ColumnRequest(classes=("1", "1.0")), "names a class twice"),
        (HUBER, ColumnRequest(pred=("prob_0",), classes=("a", "b")), "--classes is given"),
        (HUBER, ColumnRequest(pred=("prob_0",), pos_label="a"), "--pos-label is given"),
        (SCCE, ColumnRequest(pos_label="0"), "--pos-label is given"),
        (TRIPLET, ColumnRequest(label=("y_true",)), "no selected loss reads a label"),
        (HUBER, ColumnRequest(others={"ancor": ("a",)}), 'no selected loss has an input "ancor"'),
        (HUBER, ColumnRequest(pred=("prob_0", "prob_0")), "named twice"),
        (HUBER, ColumnRequest(pred_kind="odds"), 'no kind of prediction "odds"'),  # type: ignore[arg-type]
    ],
)
def test_options_that_fit_no_loss_are_usage_errors(
    needs: tuple[Need, ...], request_: ColumnRequest, match: str
) -> None:
    with pytest.raises(UsageError, match=match):
        plan("y_true:integer prob_0 prob_1", needs, request_)


def test_identities_are_never_chosen() -> None:
    with pytest.raises(InputError, match="no column found for the prediction"):
        plan("y_true pred_id index id")


@pytest.mark.parametrize(
    ("columns", "needs", "rows"),
    [
        ("y_true y_pred", HUBER, 1 << 20),
        ("y_true " + " ".join(f"prob_{place}" for place in range(10)), SCCE, 1 << 17),
        ("anchor:vector128 positive:vector128 negative:vector128", TRIPLET, 1 << 12),
        ("anchor:vector3000000 positive:vector3000000 negative:vector3000000", TRIPLET, 1),
    ],
    ids=["two columns", "ten classes", "embeddings", "long lists"],
)
def test_rows_are_read_in_lots_that_fit_the_memory(columns: str, needs: tuple[Need, ...], rows: int) -> None:
    assert rows_at_once(plan(columns, needs), 4) == rows
    assert rows_at_once(plan(columns, needs), 32) == max(rows // 8, 1)
