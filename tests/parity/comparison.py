"""Comparing a loss with an expression on the same inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from expressions import Expression
from libraries import Tolerance

from losscli.declaration import Loss


def compare(
    loss: Loss,
    expression: Expression,
    inputs: Mapping[str, Any],
    triples: set[str],
    tolerance: Tolerance | None = None,
) -> None:
    """Fail unless the expression gives the loss of every row, or of the whole where it gives one number.

    The triple of loss, expression and parameter values is added to `triples`.
    """
    theirs = expression.evaluate(inputs, loss.values)
    allowed = tolerance or expression.tolerance
    if theirs.ndim == 0:
        ours = np.asarray(loss(**inputs))
    else:
        ours = np.asarray(loss(**inputs, reduction="none"))
        theirs = _rows(loss, theirs, ours)
    np.testing.assert_allclose(
        theirs,
        ours,
        rtol=allowed.relative,
        atol=allowed.absolute,
        err_msg=f"{expression.text} at {dict(loss.values)}",
    )
    triples.add(f"{expression.library}: {loss.name} {loss.dialect} {expression.text} {dict(loss.values)}")


def _rows(loss: Loss, theirs: Any, ours: Any) -> Any:
    """The values of the elements of each row combined as the loss combines them."""
    if theirs.size == ours.size or loss.across is None:
        return theirs.reshape(ours.shape)
    elements = theirs.reshape(len(ours), -1)
    return elements.mean(axis=1) if loss.across == "mean" else elements.sum(axis=1)
