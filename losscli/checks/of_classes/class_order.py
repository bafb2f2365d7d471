"""Are the predictions in another order than their classes?"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from losscli.checks.check import Check, Finding, Setting, percentage
from losscli.checks.of_classes.assignment import best_assignment
from losscli.checks.of_classes.confusion import MOST_CLASSES, Confusion
from losscli.columns.labels import number_of
from losscli.roles import IntArray

# A model that is merely bad at some classes stays within this of the best order.
FAR_BELOW = 0.25

# Odds against chance, in nats, that an order must have after all k! orders were tried: one in a million.
CERTAINTY = 6.0 * math.log(10.0)


class ClassOrder(Check):
    """Argmax agrees with the label far more often when the predictions are named in another order."""

    evidence = Confusion

    def applies(self, setting: Setting) -> bool:
        classes = setting.plan.classes or ()
        return setting.several_classes and 2 <= len(classes) <= MOST_CLASSES and setting.request.classes is None

    def finding(self, evidence: Confusion, labels: Sequence[str]) -> Finding | None:  # noqa: ARG002
        matrix, rows = evidence.matrix, evidence.rows
        if not rows:
            return None
        order, agreement = _best_order(matrix, evidence.setting.plan.classes or ())
        if agreement - evidence.agreement < FAR_BELOW * rows or not _certain(matrix, order):
            return None
        classes = evidence.setting.plan.classes or ()
        named = [classes[place] for place in order]
        columns = evidence.setting.plan.roles["pred"]
        pinned = f"-p {','.join(columns)} " if len(columns) > 1 else ""
        return Finding(
            f"argmax agrees with the label in {percentage(evidence.agreement, rows)} of {rows:,} rows; "
            f"with the classes in the order {','.join(named)} in {percentage(agreement, rows)}",
            "predictions in the order of their classes",
            f"{pinned}--classes {','.join(named)}, or {','.join(classes)} if the order is right",
        )


def _best_order(matrix: IntArray, classes: Sequence[str]) -> tuple[IntArray, int]:
    """The class of each prediction in the best order, and in how many rows argmax then agrees.

    An order that has a reason, sorted or reversed, is preferred to one that is as good but for a few rows.
    """
    best = np.argsort(best_assignment(matrix))
    most = _agreement(matrix, best)
    for order in _orders(classes):
        if _agreement(matrix, order) >= 0.99 * most:
            return order, _agreement(matrix, order)
    return best, most


def _orders(classes: Sequence[str]) -> list[IntArray]:
    keys: list[Callable[[int], tuple[float, str]]] = [
        lambda place: (0.0, classes[place]),
        lambda place: (number_of(classes[place]) or 0.0, classes[place]),
    ]
    sortings = [np.array(sorted(range(len(classes)), key=key), dtype=np.intp) for key in keys]
    return [*sortings, *(order[::-1] for order in sortings), np.arange(len(classes))[::-1]]


def _agreement(matrix: IntArray, order: IntArray) -> int:
    return int(matrix[order, np.arange(len(order))].sum())


def _certain(matrix: IntArray, order: IntArray) -> bool:
    """Whether chance cannot explain the agreement of the best of all orders.

    Chernoff's bound for labels that have nothing to do with the predictions,
    times the number of orders.
    """
    rows = matrix.sum()
    share = _agreement(matrix, order) / rows
    expected = float((matrix.sum(axis=1)[order] * matrix.sum(axis=0)).sum()) / float(rows) ** 2
    if share <= expected:
        return False
    divergence = share * math.log(share / expected)
    if share < 1.0:
        divergence += (1.0 - share) * math.log((1.0 - share) / (1.0 - expected))
    return bool(rows * divergence > CERTAINTY + math.lgamma(len(order) + 1))


CHECKS = (ClassOrder(),)
