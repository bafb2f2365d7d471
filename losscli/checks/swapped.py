"""Are the label and the prediction swapped?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np

from losscli.checks.check import Check, Evidence, Finding, Rows, Setting, percentage

LEAST_ROWS = 100


class Wholeness(Evidence):
    """Whether all predictions are whole numbers, and how many labels are."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.rows = 0
        self.whole_predictions = True
        self.whole_labels = 0
        self.labels_inside = True
        self.low, self.high = float("inf"), float("-inf")

    def see(self, rows: Rows) -> None:
        if not self.whole_predictions:
            return
        values, labels = rows.predictions, rows.labels
        self.whole_predictions = bool((values == np.rint(values)).all())
        self.rows += len(values)
        self.whole_labels += int(np.count_nonzero(labels == np.rint(labels)))
        self.labels_inside &= bool(labels.min() > 0.0 and labels.max() < 1.0)
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))

    def merge(self, other: Self) -> None:
        self.rows += other.rows
        self.whole_predictions &= other.whole_predictions
        self.whole_labels += other.whole_labels
        self.labels_inside &= other.labels_inside
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)


class Swapped(Check):
    """Whole numbers are predicted for labels that are none, or 0 and 1 for labels that are probabilities.

    Most losses of a difference are symmetric: only the slices, the bias and the
    shares would show it.
    """

    evidence = Wholeness

    def applies(self, setting: Setting) -> bool:
        one_column = setting.width is None and len(setting.plan.roles["label"]) == 1
        numbers = setting.label[1] == "number" or setting.two_class
        lists = any(name in setting.plan.lengths for name in setting.plan.roles["label"])
        return one_column and numbers and not lists and not setting.settled("label", "pred")

    def finding(self, evidence: Wholeness, labels: Sequence[str]) -> Finding | None:  # noqa: ARG002
        if evidence.rows < LEAST_ROWS or not evidence.whole_predictions or evidence.low == evidence.high:
            return None
        roles = evidence.setting.plan.roles
        label, prediction = roles["label"][0], roles["pred"][0]
        if evidence.setting.two_class:
            if not (evidence.labels_inside and evidence.low == 0.0 and evidence.high == 1.0):
                return None
            what = "is 0 or 1, and every label is a probability between them"
        else:
            fractions = evidence.rows - evidence.whole_labels
            if 2 * fractions < evidence.rows:
                return None
            what = f"is a whole number, and {percentage(fractions, evidence.rows)} of the labels are none"
        return Finding(
            f'every prediction in "{prediction}" {what}: label and prediction may be swapped',
            "the truth as label and the model's output as prediction",
            f"-y {prediction} -p {label}, or -y {label} -p {prediction} if that is right",
        )


CHECKS = (Swapped(),)
