"""Every loss of the catalogue keeps the laws and has its golden values."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from losscli.declaration import Loss
from losscli.errors import InputError, UsageError
from losscli.registry import all_losses, find_loss, fold
from losscli.testing import LAWS

GOLDEN = Path(__file__).parent / "golden"
LOSSES = {loss.name: loss for loss in all_losses()}
# Below it float64 has no relative precision: the last bit of 1e-320 is worth 5e-4 of it.
SMALLEST_NORMAL = float(np.finfo(np.float64).tiny)


def has_no_mean(case: dict[str, Any]) -> bool:
    """Whether no row or weight is left to divide by: Keras says 0 then, losscli refuses."""
    weights = case["weights"] if case.get("reduction") == "mean_with_sample_weight" else None
    return not any(case.get("mask") or [True]) or not any(weights or [1.0])


def golden_cases() -> Iterator[Any]:
    """The cases of all files about losses that are in the catalogue."""
    for path in sorted(GOLDEN.glob("golden_*.json")):
        for number, case in enumerate(json.loads(path.read_text(encoding="utf-8"))):
            # Class weights act on rows in the program, before a loss is called.
            if case["loss"] in LOSSES and not case.get("class_weight"):
                yield pytest.param(case, id=f"{path.stem}-{number}-{case['loss']}")


CASES = list(golden_cases())


def numbers(value: Any) -> Any:
    """JSON with numbers for the words inf and -inf, which JSON cannot write."""
    return [numbers(item) for item in value] if isinstance(value, list) else float(value)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("loss", LOSSES.values(), ids=lambda loss: loss.name)
def test_loss_keeps_the_law(loss: Loss, law: Callable[[Loss], None]) -> None:
    law(loss)


@pytest.mark.parametrize("case", CASES)
def test_golden_value_holds_at_1e_12(case: dict[str, Any]) -> None:
    loss = LOSSES[case["loss"]].bind(**case["params"])
    inputs = {name: np.array(numbers(values)) for name, values in case["inputs"].items()}
    weights = case["weights"]
    if "expected_per_row" in case:
        rows = loss(**inputs, sample_weight=weights, reduction="none")
        np.testing.assert_allclose(rows, numbers(case["expected_per_row"]), rtol=1e-12, atol=SMALLEST_NORMAL)
    if "expected" in case and has_no_mean(case):
        with pytest.raises(InputError, match="a mean does not exist"):
            loss(**inputs, sample_weight=weights, reduction=case.get("reduction", "auto"))
    elif "expected" in case:
        value = loss(**inputs, sample_weight=weights, reduction=case.get("reduction", "auto"))
        np.testing.assert_allclose(value, numbers(case["expected"]), rtol=1e-12, atol=SMALLEST_NORMAL)


def test_every_case_of_a_golden_file_states_an_expectation() -> None:
    assert len(CASES) > 0
    assert all(case.values[0].keys() & {"expected", "expected_per_row"} for case in CASES)


def test_every_loss_has_golden_values() -> None:
    counts = Counter(case.values[0]["loss"] for case in CASES)
    assert sorted(set(LOSSES) - set(counts)) == []


def test_every_golden_loss_is_in_the_catalogue() -> None:
    named = {
        case["loss"] for path in GOLDEN.glob("golden_*.json") for case in json.loads(path.read_text(encoding="utf-8"))
    }
    assert sorted(named - set(LOSSES)) == []


@pytest.mark.parametrize("loss", LOSSES.values(), ids=lambda loss: loss.name)
def test_every_name_finds_its_loss(loss: Loss) -> None:
    for name in (loss.name, *loss.aliases):
        spellings = (name, name.upper(), name.replace("_", "-"), name.title().replace("_", ""), f"loss_{name}")
        assert [find_loss(spelling).name for spelling in spellings] == [loss.name] * len(spellings)


def test_no_name_belongs_to_two_losses() -> None:
    owners = Counter(fold(name) for loss in LOSSES.values() for name in {loss.name, *loss.aliases})
    assert [name for name, count in owners.items() if count > 1] == []


def test_tweedie_power_between_0_and_1_is_refused() -> None:
    with pytest.raises(UsageError, match=r"power=0\.5 is outside its domain"):
        LOSSES["tweedie_deviance"].bind(power=0.5)([1.0], [1.0])


def test_keras_log_cosh_is_lower_by_the_rounding_of_log_2() -> None:
    keras = LOSSES["log_cosh"].bind(dialect="keras")
    np.testing.assert_allclose(keras([0.0], [0.0]), np.log(2.0) - float(np.float32(np.log(2.0))), rtol=1e-6)


def test_residuals_that_overflow_cost_infinity() -> None:
    largest = float(np.finfo(np.float64).max)
    unbounded = ("mean_absolute_error", "huber", "pseudo_huber", "log_cosh", "fair", "charbonnier", "smooth_l1")
    assert [LOSSES[name]([largest], [-largest]) for name in unbounded] == [np.inf] * len(unbounded)
