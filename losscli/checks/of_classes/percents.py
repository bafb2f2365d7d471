"""Are the scores percents, where a loss expects another scale?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from losscli.checks.check import Check, Evidence, Finding, Rows, Setting

LEAST_ROWS = 100

# Margins are seldom that large, and never when none is negative; some row is more than half certain.
LEAST_HIGH = 50.0


class Scale(Evidence):
    """The least and the largest score, and which labels occur."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.rows = 0
        self.low, self.high = float("inf"), float("-inf")
        self.lowest_label, self.highest_label = float("inf"), float("-inf")

    def see(self, rows: Rows) -> None:
        scores = rows.predictions
        self.rows += len(scores)
        self.low, self.high = min(self.low, float(scores.min())), max(self.high, float(scores.max()))
        if self.low >= 0.0:
            labels = rows.labels
            self.lowest_label = min(self.lowest_label, float(labels.min()))
            self.highest_label = max(self.highest_label, float(labels.max()))

    def merge(self, other: Self) -> None:
        self.rows += other.rows
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self.lowest_label = min(self.lowest_label, other.lowest_label)
        self.highest_label = max(self.highest_label, other.highest_label)


class Percents(Check):
    """Scores of both classes lie between 0 and 100, where a loss sees the sign of a margin or a share.

    For losses of probabilities the kind of the predictions settles the same before the pass.
    """

    evidence = Scale

    def applies(self, setting: Setting) -> bool:
        return setting.two_class and setting.decision.kind == "auto"

    def finding(self, evidence: Scale, labels: Sequence[str]) -> Finding | None:  # noqa: ARG002
        if evidence.rows < LEAST_ROWS or evidence.lowest_label == evidence.highest_label:
            return None
        if evidence.low < 0.0 or not LEAST_HIGH < evidence.high <= 100.0:
            return None
        return Finding(
            f"the scores of both classes reach from {evidence.low:g} to {evidence.high:g} in {evidence.rows:,} rows: "
            "they look like percents",
            "probabilities, or scores that are negative for the negative class",
            "--pred-kind percent, or --pred-kind logit if the scale is right",
        )


CHECKS = (Percents(),)
