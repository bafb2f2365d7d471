"""Is the score that of the predicted class, whichever that is, and not of the positive one?"""

from __future__ import annotations

from collections.abc import Sequence

from losscli.checks.check import Check, Finding, Setting, percentage
from losscli.checks.of_classes.two_class import TwoClass
from losscli.columns.names import VALUES, first_named
from losscli.columns.scores import reads_probabilities

LEAST_ROWS = 1_000

# A calibrated model of mostly positive rows may honestly give all of them more than one half.
MOST_POSITIVE = 0.5
MOST_POSITIVE_BESIDE_A_PREDICTION = 0.9


class PredictedClassScore(Check):
    """No score is below one half, although many rows are negative.

    AutoML tools write the probability of the class that they predict: PyCaret,
    and SageMaker Autopilot in its ensembling mode.
    """

    evidence = TwoClass

    def applies(self, setting: Setting) -> bool:
        told = setting.decision.origin == "flag"
        return setting.two_class and not told and any(map(reads_probabilities, setting.losses))

    def finding(self, evidence: TwoClass, labels: Sequence[str]) -> Finding | None:  # noqa: ARG002
        rows, positives, setting = evidence.rows, evidence.positives, evidence.setting
        if rows < LEAST_ROWS or not evidence.none_below or positives in (0, rows):
            return None
        used = {*setting.plan.roles["label"], *setting.plan.roles["pred"]}
        beside = first_named((*VALUES, "label"), [name for name in setting.columns if name not in used])
        if positives > (MOST_POSITIVE_BESIDE_A_PREDICTION if beside else MOST_POSITIVE) * rows:
            return None
        name = setting.plan.roles["pred"][0]
        return Finding(
            f'no score in "{name}" is below {setting.cut:g} in {rows:,} rows, and {percentage(positives, rows)} of the '
            "labels are positive: it looks like the score of the predicted class",
            "the score of the positive class",
            f"-p with another column, or --pred-kind prob if {name} is the score of the positive class",
        )


CHECKS = (PredictedClassScore(),)
