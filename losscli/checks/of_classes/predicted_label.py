"""Is the label in truth the predicted label?"""

from __future__ import annotations

from collections.abc import Sequence

from losscli.checks.check import Check, Finding, Setting, percentage
from losscli.checks.of_classes.confusion import MOST_CLASSES, Confusion
from losscli.checks.of_classes.two_class import TwoClass
from losscli.columns.names import LABELS, STRONGER_THAN_LABEL, first_named, folded

LEAST_ROWS = 1_000
MOST_ERRORS = 0.001

# In so many rows with scores up to 0.9 a calibrated model errs ten times or more.
LEAST_UNSURE = 100


class _PredictedLabel(Check):
    """The label agrees with the predictions in nearly all rows, and does so for no good reason.

    Another column looks like the truth, or the scores themselves say that many
    rows should be wrong.
    """

    def applies(self, setting: Setting) -> bool:
        suspicious = bool(_truths(setting)) or _says_prediction(setting) or setting.unsure is not None
        return not setting.settled("label") and suspicious

    def finding(self, evidence: Confusion | TwoClass, labels: Sequence[str]) -> Finding | None:  # noqa: ARG002
        rows, errors = evidence.rows, evidence.rows - evidence.agreement
        if rows < LEAST_ROWS or errors >= MOST_ERRORS * rows:
            return None
        name = evidence.setting.plan.roles["label"][0]
        truths = _truths(evidence.setting)
        if not truths and not _says_prediction(evidence.setting) and evidence.unsure < LEAST_UNSURE:
            return None
        other = truths[0] if truths else "COLUMN"
        unsure = f", {evidence.unsure:,} of them unsure" if evidence.unsure >= LEAST_UNSURE else ""
        return Finding(
            f'the label in "{name}" is what the scores predict in {percentage(rows - errors, rows)} of {rows:,} rows'
            f"{unsure}: it is probably the predicted label",
            "the true label",
            f"-y {other}, or -y {name} if it is the truth",
        )


class PredictedClass(_PredictedLabel):
    """The same for a score of each class."""

    evidence = Confusion

    def applies(self, setting: Setting) -> bool:
        return setting.several_classes and len(setting.plan.classes or ()) <= MOST_CLASSES and super().applies(setting)


class PredictedSide(_PredictedLabel):
    """The same for one score."""

    evidence = TwoClass

    def applies(self, setting: Setting) -> bool:
        return setting.two_class and super().applies(setting)


def _truths(setting: Setting) -> list[str]:
    """Other columns named like a true label, unless the label itself can be nothing else."""
    label = setting.plan.roles["label"][0]
    if folded(label) in STRONGER_THAN_LABEL:
        return []
    used = {label, *setting.plan.roles["pred"]}
    found = first_named(LABELS, [name for name in setting.columns if name not in used])
    return [name for name in found if folded(name) not in ("label", "labels")]


def _says_prediction(setting: Setting) -> bool:
    return "pred" in folded(setting.plan.roles["label"][0])


CHECKS = (PredictedClass(), PredictedSide())
