"""Weighted sums of losses: their grammar, their values, their rows."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import losscli
from losscli.__main__ import run
from losscli.errors import UsageError
from losscli.expression import Expression, Term, parse_expression, select_losses
from losscli.registry import all_losses, find_loss

DIABETES = str(Path(__file__).parent.parent / "sample_data" / "diabetes.parquet")
NAMES = sorted(loss.name for loss in all_losses())
TITLES = st.text(st.characters(codec="ascii", categories=["L", "N", "Zs"], include_characters="_-.,/()%"), min_size=1)

# One row has a value, and all rows have: no term of the second kind has a value for a row.
ROW_TERMS = ("mse", "mae", "huber:delta=0.5", "quantile:quantile=0.9", "log_cosh", "barron:alpha=-2")
SET_TERMS = ("rmse", "wape", "l1_penalty", "l2_penalty:factor=0.5")
CLASS_TERMS = ("binary_crossentropy", "brier", "binary_focal_crossentropy:gamma=1", "binary_crossentropy:pos_weight=2")
FACTORS = st.sampled_from([1.0, -1.0, 0.5, 1e-3, 1e3, 0.1, 1 / 3]) | st.floats(-10, 10).filter(lambda x: abs(x) > 1e-6)


@st.composite
def terms(draw: st.DrawFn) -> Term:
    """Any loss at random parameters, with any finite factor."""
    loss = find_loss(draw(st.sampled_from(NAMES)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = {one.name: one.domain.sample(rng) for one in loss.parameters}
    return Term(draw(st.floats(allow_nan=False, allow_infinity=False)), loss.bind(None, **values))


@settings(max_examples=200)
@given(st.lists(terms(), min_size=1, max_size=4))
def test_an_expression_is_what_its_text_says(parts: list[Term]) -> None:
    written = Expression("any", tuple(parts))
    read = parse_expression(written.text)
    assert [(term.factor, term.loss) for term in read.terms] == [(term.factor, term.loss) for term in parts]
    assert (read.text, read.name) == (written.text, written.name)


@settings(max_examples=100)
@given(TITLES, st.lists(terms(), min_size=1, max_size=3), st.sampled_from(["", " ", "  "]))
def test_a_title_and_blanks_change_nothing_else(title: str, parts: list[Term], blank: str) -> None:
    body = Expression("any", tuple(parts))
    if not title.strip() or "," in title:
        title = "title"
    spaced = body.text.replace("*", f"{blank}*{blank}").replace(":", f"{blank}:{blank}")
    read = parse_expression(f"{blank}{title}{blank}={blank}{spaced}{blank}")
    assert (read.title, read.text) == (title.strip(), body.text)


@pytest.mark.parametrize(
    ("spec", "factors"),
    [
        ("-1e-3*mae", [-1e-3]),
        ("1e+5*mae+1E+2*mse", [1e5, 1e2]),
        ("+2*mae", None),
        ("mae++2*mse", None),
        ("mae+-2*mse", [1.0, -2.0]),
        (".5*mae+5.*mse+0.25*huber:delta=1e+3", [0.5, 5.0, 0.25]),
        ("2nd=2*mae+3*mse", [2.0, 3.0]),
        ("0.1*mae+0.2*mae+0.1*mae", [0.1, 0.2, 0.1]),
    ],
)
def test_factors_have_signs_and_exponents(spec: str, factors: list[float] | None) -> None:
    if factors is None:
        with pytest.raises(UsageError, match="has an empty term"):
            parse_expression(spec)
    else:
        assert [term.factor for term in parse_expression(spec).terms] == factors


@pytest.mark.parametrize(
    ("spec", "problem", "expected"),
    [
        ("", "empty term", "NAME"),
        ("0.5*", "empty term", "NAME"),
        ("mae+", "empty term", "NAME"),
        ("mae*2", "not a term", "0.5*mae"),
        ("mse-0.1*mae", "not a term", "minus is +-0.5*mae"),
        ("=mae", "not a term", "TITLE="),
        ("1e999*mae", '"1e999" in "1e999*mae" is not a finite number', "NUMBER*NAME"),
        ("1..2*mae", '"1..2" in "1..2*mae" is not a finite number', "NUMBER*NAME"),
        ("huber,delta=2", "parameters after a comma", "huber:PARAM=VALUE"),
        ("huber:delta", '"delta" in "huber:delta" is not a setting', "huber:PARAM=VALUE"),
        ("huber:", "is not a setting", "huber:PARAM=VALUE"),
        ("huber:delta=1,,delta=2", "is not a setting", "huber:PARAM=VALUE"),
        ("huber:delta=1,delta=2", "sets delta of huber twice", "one value"),
        ("huber:delta=-1", "delta=-1.0 is outside its domain", "a finite number > 0"),
        ("huber:delta=two", "delta=two is outside its domain", "a finite number > 0"),
        ("huber:dleta=1", "huber has no parameter dleta", "one of delta"),
        ("mae:delta=1", "has no parameters, so no delta", ""),
        ("hubber", 'no loss "hubber"', "catalogue"),
    ],
)
def test_a_bad_spec_is_refused_with_its_reason(spec: str, problem: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_expression(spec)
    assert problem in caught.value.problem
    assert expected in (caught.value.expected or "")


def test_signatures_tell_factors_apart_to_the_last_bit() -> None:
    one, other = (
        parse_expression(f"{factor!r}*mae").signature("mean", "error") for factor in (0.1, math.nextafter(0.1, 1))
    )
    assert one != other


def test_params_of_a_loss_that_stands_twice_are_both_told() -> None:
    params = parse_expression("0.5*huber:delta=1+0.5*huber:delta=2").params
    assert params == {"huber.delta": 1.0, "huber#2.delta": 2.0}


def test_a_flag_reaches_every_term_that_does_not_set_it_inline() -> None:
    (expression,) = select_losses(["0.5*huber+0.3*pseudo_huber:delta=3+mae"], {"delta": "2"})
    assert expression.params == {"huber.delta": 2.0, "pseudo_huber.delta": 3.0}


def table(seed: int, rows: int, binary: bool) -> pa.Table:
    """Predictions with weights and a slice."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, rows).astype(float) if binary else rng.normal(size=rows)
    truth[:2] = (0.0, 1.0)
    prediction = rng.uniform(0.01, 0.99, rows) if binary else truth + rng.standard_t(3, rows)
    columns = {
        "y_true": truth,
        "y_pred": prediction,
        "w": rng.integers(1, 5, rows).astype(float),
        "group": rng.choice(["a", "b", "c"], rows),
        "values": rng.normal(size=rows),
    }
    return pa.table({name: values.tolist() for name, values in columns.items()})


def row_values(rows: Sequence[Any]) -> dict[str, float]:
    return {json.dumps(dict(row.key)): row.loss for row in rows}


def check_sum(data: pa.Table, factors: list[float], names: Sequence[str], **options: Any) -> None:
    """The sum is the weighted sum of single runs: in all, for every class, and for every slice."""
    spec = "+".join(f"{factor!r}*{name}" for factor, name in zip(factors, names, strict=True))
    singles = [f"t{number}={name}" for number, name in enumerate(names)]
    total, *parts = losscli.evaluate(data, [f"sum={spec}", *singles], by="group", threads=1, **options).results
    for read in (lambda one: [one.total], lambda one: one.classes, lambda one: one.slices):
        # Terms without rows have no classes, and then the sum has none.
        for key, value in row_values(read(total)).items():
            scaled = [factor * row_values(read(part))[key] for factor, part in zip(factors, parts, strict=True)]
            size = sum(abs(one) for one in scaled)
            np.testing.assert_allclose(value, math.fsum(scaled), rtol=1e-12, atol=1e-12 * size)
    assert [term["value"] for term in total.terms] == [part.total.loss for part in parts]
    assert [term["factor"] for term in total.terms] == factors


@settings(max_examples=40)
@given(
    st.integers(0, 2**32),
    st.integers(5, 60),
    st.lists(st.tuples(FACTORS, st.sampled_from(ROW_TERMS)), min_size=2, max_size=4),
    st.sampled_from([None, "w"]),
    st.sampled_from(["auto", "mean", "sum", "sum_over_batch_size"]),
)
def test_a_sum_is_the_weighted_sum_of_single_runs(
    seed: int, rows: int, parts: list[tuple[float, str]], weight: str | None, reduction: str
) -> None:
    factors, names = [factor for factor, _ in parts], [name for _, name in parts]
    check_sum(table(seed, rows, binary=False), factors, names, weight=weight, reduction=reduction)


@settings(max_examples=25)
@given(
    st.integers(0, 2**32),
    st.lists(st.tuples(FACTORS, st.sampled_from(CLASS_TERMS)), min_size=2, max_size=3),
    st.sampled_from([None, "w"]),
)
def test_a_sum_of_classifications_holds_for_every_class(
    seed: int, parts: list[tuple[float, str]], weight: str | None
) -> None:
    data = table(seed, 40, binary=True)
    check_sum(data, [factor for factor, _ in parts], [name for _, name in parts], weight=weight)
    (result,) = losscli.evaluate(data, "0.5*binary_crossentropy+0.5*brier").results
    assert [row.key["class"] for row in result.classes] == ["0", "1"]


@settings(max_examples=25)
@given(
    st.integers(0, 2**32),
    st.lists(st.tuples(FACTORS, st.sampled_from(SET_TERMS)), min_size=1, max_size=2),
    st.tuples(FACTORS, st.sampled_from(ROW_TERMS)),
    st.sampled_from([None, "w"]),
)
def test_terms_without_rows_add_up_too(
    seed: int, parts: list[tuple[float, str]], other: tuple[float, str], weight: str | None
) -> None:
    parts = [*parts, other]
    check_sum(table(seed, 30, binary=False), [one for one, _ in parts], [name for _, name in parts], weight=weight)


def test_rows_of_a_sum_are_the_sums_of_rows_and_add_up(capsys: pytest.CaptureFixture[str]) -> None:
    specs = ["sum=0.7*huber:delta=20+-0.3*mae", "a=huber:delta=20", "b=mae"]
    selected = [argument for spec in specs for argument in ("-l", spec)]
    assert run(["eval", DIABETES, *selected, "--reduction", "none"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    values = {title: np.array([float(row[title]) for row in rows]) for title in ("sum", "a", "b")}
    np.testing.assert_allclose(values["sum"], 0.7 * values["a"] - 0.3 * values["b"], rtol=1e-14, atol=1e-13)
    assert run(["eval", DIABETES, "-l", specs[0], "--reduction", "sum", "-q"]) == 0
    assert float(capsys.readouterr().out) == math.fsum(values["sum"])


def test_terms_stand_in_the_json_and_in_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eval", DIABETES, "-l", "barron:alpha=-inf+0.5*mae", "-f", "json"]) == 0
    (result,) = json.loads(capsys.readouterr().out)["results"]
    barron, absolute = result["terms"]
    assert (barron["loss"], barron["factor"], barron["params"]) == ("barron", 1.0, {"alpha": "-inf", "scale": 1.0})
    np.testing.assert_allclose(result["total"]["loss"], barron["value"] + 0.5 * absolute["value"], rtol=1e-14)
    assert run(["eval", DIABETES, "-l", "barron:alpha=-inf+0.5*mae"]) == 0
    shown = capsys.readouterr().out
    assert f"term: 1.0 * barron (alpha=-inf, scale=1.0): {barron['value']:.6g}\n" in shown
    assert f"term: 0.5 * mean_absolute_error: {absolute['value']:.6g}\n" in shown


@pytest.mark.parametrize("role", ["values", "penalty", "l1_penalty"])
def test_a_penalty_is_found_by_its_input_its_family_or_its_name(role: str) -> None:
    data = table(7, 20, binary=False)
    result = losscli.evaluate(data, "mse+l1_penalty:factor=0.01", columns={role: "values,w"})
    squared = np.square(np.array(data["y_true"].to_pylist()) - data["y_pred"].to_pylist()).mean()
    size = np.abs(data["values"].to_pylist()).sum() + np.abs(data["w"].to_pylist()).sum()
    np.testing.assert_allclose(result.loss, squared + 0.01 * size, rtol=1e-12)


def test_the_predictions_themselves_may_be_penalised() -> None:
    data = table(8, 20, binary=False)
    result = losscli.evaluate(data, "l2_penalty:factor=1+0*mae", columns={"penalty": "y_pred"})
    np.testing.assert_allclose(result.loss, np.square(data["y_pred"].to_pylist()).sum(), rtol=1e-12)


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"penalties": "w"}, 'no selected loss has an input "penalties"'),
        ({"l2_penalty": "w"}, 'no selected loss has an input "l2_penalty"'),
        ({"penalty": "w", "values": "values"}, "the input values is given twice, with different columns"),
    ],
)
def test_columns_of_a_penalty_that_fit_nothing_are_refused(columns: dict[str, str], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        losscli.evaluate(table(9, 20, binary=False), "mse+l1_penalty", columns=columns)


def test_a_loss_with_other_inputs_has_no_role_of_its_name() -> None:
    with pytest.raises(UsageError, match='no selected loss has an input "mean_squared_error"'):
        losscli.evaluate(table(9, 20, binary=False), "mse", columns={"mean_squared_error": "w"})
