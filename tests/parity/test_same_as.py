"""Every expression of `same_as` gives the losses of the rows.

An expression speaks for the parameters that it names, which are varied; at the
others' defaults it must hold as it stands.  It takes columns ``(n,)`` where
the loss does.
"""

from __future__ import annotations

import numpy as np
import pytest
from cases import ordinary_inputs, settings
from comparison import compare
from expressions import Expression

from losscli.registry import all_losses, find_loss

_CASES = [(loss.name, text) for loss in all_losses() for text in loss.same_as]


@pytest.mark.parametrize(("name", "text"), _CASES, ids=lambda part: part)
def test_expression_gives_the_losses_of_the_rows(name: str, text: str, triples: set[str]) -> None:
    expression = Expression(text)
    for bound in settings(find_loss(name), expression.names, text):
        inputs = ordinary_inputs(bound, f"{text} {dict(bound.values)}")
        values = expression.evaluate(inputs, bound.values)
        assert values.ndim or bound.is_set_level, f"{text} is one number, not one for each row"
        compare(bound, expression, inputs, triples)


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("keras.losses.poisson(x[:, None], x[:, None])", "x - x * np.log(x + 1e-7)"),
        ("torch.exp(x)", "np.exp(x)"),
        ("optax.losses.squared_error(x)", "x * x"),
    ],
)
def test_library_computes_in_float64(text: str, exact: str) -> None:
    # An array of float64 is no proof: Keras also returns what it has rounded to float32 as float64.
    inputs = {"x": np.array([1 / 3, 1 / 7])}
    np.testing.assert_allclose(
        Expression(text).evaluate(inputs, {}), Expression(exact).evaluate(inputs, {}), rtol=1e-15
    )
