"""Are the predictions of a log loss decisions instead of probabilities?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from losscli.checks.check import Check, Evidence, Finding, Rows, Setting
from losscli.columns.kinds import HARD_ROWS
from losscli.columns.scores import needs_soft_predictions


class Hardness(Evidence):
    """Whether every prediction is exactly 0 or 1."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.rows = 0
        self.all_hard = True

    def see(self, rows: Rows) -> None:
        if self.all_hard:
            values = rows.predictions
            self.rows += len(values)
            self.all_hard = bool(((values == 0.0) | (values == 1.0)).all())

    def merge(self, other: Self) -> None:
        self.rows += other.rows
        self.all_hard &= other.all_hard


class HardPredictions(Check):
    """All predictions are 0 or 1, and a loss takes their logarithm: a miss costs what clipping makes of infinity."""

    evidence = Hardness

    def applies(self, setting: Setting) -> bool:
        return setting.decision.origin != "flag" and any(map(needs_soft_predictions, setting.losses))

    def finding(self, evidence: Hardness, labels: Sequence[str]) -> Finding | None:  # noqa: ARG002
        if not evidence.all_hard or evidence.rows < HARD_ROWS:
            return None
        unfit = next(loss for loss in evidence.setting.losses if needs_soft_predictions(loss))
        return Finding(
            f"all {evidence.rows:,} predictions are exactly 0 or 1, and {unfit.name} takes their logarithm",
            "probabilities",
            "-l zero_one, or --pred-kind prob if these are probabilities all the same",
        )


CHECKS = (HardPredictions(),)
