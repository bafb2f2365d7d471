"""Layouts of tools in which a usual name means something else, or nothing that can be evaluated.

Each rule knows one layout by its names alone.  A rule that asks raises the
InputError with the question; the flag that answers it always wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from losscli.columns.names import RAW, STRONGER_THAN_LABEL, first_named, folded
from losscli.errors import InputError

PROBABILITIES = ("probability", "probabilities")


def truths(found: Sequence[str], names: Iterable[str], path: str) -> list[str]:
    """The columns of `found`, named like labels, that may be the truth, given all `names`.

    Raises InputError for PyCaret 2, whose Label and Score are both predictions.
    """
    folds = {folded(name) for name in names}
    left = list(found)
    if folds & set(STRONGER_THAN_LABEL):
        left = [name for name in left if folded(name) not in ("label", "labels")]
    if folds & set(PROBABILITIES) and "labels" in folds and len(left) > 1:
        # SageMaker Autopilot: the classes of the probabilities, in every row.
        left = [name for name in left if folded(name) != "labels"]
    scores = any(fold.partition(":")[0] in ("rawformulaval", "probability") for fold in folds)
    if scores and {"class", "label"} <= folds:
        # CatBoost: Class is the prediction, Label the truth.
        left = [name for name in left if folded(name) != "class"]
    if left[:1] == ["Label"] and any(name == "Score" or name.startswith("Score_") for name in names):
        raise InputError(
            f'{path}: "Label" and "Score" are both predictions, as PyCaret 2 writes them',
            "the column of the true label",
            "-y COLUMN, with the name of the target; -y Label, if that is the truth",
        )
    return left


def suspicious_label(label: str, columns: Sequence[str], names: Sequence[str]) -> str | None:
    """Why a label is likely to be a prediction, by its place and the names beside it; None if nothing says so."""
    # MLJAR writes p_<class>, ..., label and nothing else; the truth is in another file.
    scores = [name for name in columns if folded(name).startswith("p_")]
    others = [name for name in names if name not in columns and name != label]
    if folded(label) == "label" and scores and len(scores) == len(columns) and not others and names[-1] == label:
        return f'"{label}" may be the prediction, as MLJAR writes it behind {columns[0]}..{columns[-1]}'
    return None


def refuse_score_of_predicted_class(names: Sequence[str], label: str | None, path: str) -> None:
    """Raise InputError where the only score of a row is that of the class that was predicted, whichever it is."""
    known = {folded(name): name for name in names}
    if {"Label", "Score"} <= set(names) and label != "Label":
        raise InputError(
            f'{path}: "Score" beside "Label" is the score of the predicted class, as PyCaret 2 writes it, '
            "not of one class",
            "a score of the positive class, or one for each class",
            "predict_model(..., raw_score=True) writes them; -p Score, if it is that of the positive class",
        )
    if "predicted_label" in known and "probability" in known and "probabilities" not in known:
        score = known["probability"]
        raise InputError(
            f'{path}: "{score}" beside "{known["predicted_label"]}" is the score of the positive class or of the '
            "predicted one: SageMaker Autopilot writes either",
            "a score of one class",
            f"-p {score}, if it is that of the positive class",
        )
    wide = any(fold.startswith("prediction_score_") for fold in known)
    if "prediction_label" in known and "prediction_score" in known and not wide:
        score = known["prediction_score"]
        raise InputError(
            f'{path}: "{score}" beside "{known["prediction_label"]}" is the score of the predicted class, '
            "as PyCaret writes it, not of one class",
            "a score of the positive class, or one for each class",
            f"predict_model(..., raw_score=True) writes them; -p {score}, if it is that of the positive class",
        )


def without_doubtful(found: Sequence[str], names: Iterable[str]) -> list[str]:
    """`found` without the probability of SageMaker Autopilot, where its probabilities tell whose they are.

    In ensembling mode it is that of the predicted class, in HPO mode that of the positive one.
    """
    if {"probability", "probabilities", "labels"} <= {folded(name) for name in names}:
        return [name for name in found if folded(name) != "probability"]
    return list(found)


def without_raw(found: Sequence[str], *, margins: bool) -> list[str]:
    """`found` with only one of the probabilities and the raw scores of the same prediction.

    Spark and CatBoost write both; losses of `margins` take the raw ones.
    """
    raw = first_named(RAW, found)
    probabilities = first_named(PROBABILITIES, found)
    if not raw or not probabilities:
        return list(found)
    dropped = probabilities if margins else raw
    return [name for name in found if name not in dropped]
