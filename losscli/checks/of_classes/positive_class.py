"""Is the other class the positive one?"""

from __future__ import annotations

import math
from collections.abc import Sequence

from losscli.checks.check import Check, Finding, Setting, percentage
from losscli.checks.of_classes.two_class import TwoClass
from losscli.columns.labels import binary_value

LEAST_ROWS = 1_000
FAR_BELOW = 0.2

# Standard errors by which positive rows must score lower than negative ones: no chance gives so many.
CERTAINTY = 6.0


class PositiveClass(Check):
    """Scores are high for negative rows and low for positive ones."""

    evidence = TwoClass

    def applies(self, setting: Setting) -> bool:
        return setting.two_class and setting.request.pos_label is None and setting.request.classes is None

    def finding(self, evidence: TwoClass, labels: Sequence[str]) -> Finding | None:
        rows, agreement = evidence.rows, evidence.agreement
        if rows < LEAST_ROWS or rows - 2 * agreement < FAR_BELOW * rows or not _reversed(evidence):
            return None
        negative = next((label for label in labels if binary_value(label, evidence.setting.plan.pos_label) == 0), "V")
        return Finding(
            f"the score agrees with the label in {percentage(agreement, rows)} of {rows:,} rows, and its opposite in "
            f"{percentage(rows - agreement, rows)}: the positive class may be the other one",
            "a score of the positive class",
            f"--pos-label {negative}, or the present positive label if it is right",
        )


def _reversed(evidence: TwoClass) -> bool:
    """Whether fewer positive than negative rows lie above the cut, beyond chance: two proportions, pooled."""
    (below_of_negative, above_of_negative), (below_of_positive, above_of_positive) = evidence.table.tolist()
    negatives, positives = below_of_negative + above_of_negative, below_of_positive + above_of_positive
    if not negatives or not positives:
        return False
    pooled = (above_of_negative + above_of_positive) / (negatives + positives)
    error = math.sqrt(pooled * (1.0 - pooled) * (1.0 / negatives + 1.0 / positives))
    return bool(above_of_negative / negatives - above_of_positive / positives > CERTAINTY * error)


CHECKS = (PositiveClass(),)
