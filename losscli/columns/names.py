"""The names that columns have in prediction files, and what they mean.

Compared as `folded`: without case, with ``-``, blank and ``.`` as ``_``.
Earlier names are the more telling ones.  They are those of scikit-learn's
habits, Keras, XGBoost, LightGBM, CatBoost, H2O, AutoGluon, PyCaret, MLJAR,
Spark ML, BigQuery ML, Vertex AI, SageMaker, Azure ML, Hugging Face, Kaggle,
Prophet, Nixtla, NannyML, Evidently, Arize, RapidMiner, KNIME and R's caret and
tidymodels.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from losscli.records import dataclass

# The common reasons for a choice, as they are told.
BY_NAME, BY_NAMES = "by its name", "by their names"

LABELS = (
    "y_true", "target", "label", "labels", "truth", "ground_truth", "gt", "actual", "actuals", "observed", "y", "class",
    "answer", "reference", "references", "actual_label", "expected", "y_test", "true_label", "true_class", "y_actual",
    "obs",
)  # fmt: skip

VALUES = (
    "y_pred", "pred", "preds", "prediction", "predictions", "predicted", "yhat", "y_hat", "forecast", "output",
    "outputs", "predict", "scored_labels", "prediction_label", "predicted_label", "predictedlabel",
    "prediction_value", "predicted_value", "predicted_class", "pred_class", "pred_label", "y_predicted", "_pred",
    "_pred_class", "estimate", "mean",
)  # fmt: skip

SCORES = (
    "y_prob", "y_proba", "y_score", "y_pred_proba", "prob", "proba", "probability", "score", "p1", "p", "confidence",
    "prediction_score", "scored_probabilities", "prediction_probas", "positive_prob", "logit", "y_logit",
    "rawformulaval", "decision_function", "raw_score", "margin",
)  # fmt: skip

LISTS = ("probabilities", "probs", "probas", "scores", "logits", "predicted_probs", "rawprediction")

# MLJAR, PyCaret and pipelines of Hugging Face write the prediction as "label" next to the truth.
STRONGER_THAN_LABEL = (
    "y_true", "target", "actual", "actual_label", "truth", "ground_truth", "gt", "reference", "references", "y_test",
    "true_label", "true_class", "y_actual",
)  # fmt: skip

# Scores before the link function, which Spark and CatBoost write beside the probabilities of the same prediction.
RAW = ("rawprediction", "rawformulaval")

WIDE_LABELS = ("y_true_", "target_", "label_", "labels_")

# "<c>" is the class; the first that fits at least two columns wins.
WIDE_PREDICTIONS = (
    r"(?:y[_. -])?prob(?:a|as|s|ability|abilities)?[_. -](.+)",
    r"(?:y[_. -])?pred(?:iction|icted)?[_. -](?:prob|proba|probability|score)[_. -](.+)",
    r'scored probabilities(?: for class)?[: ]+"?(.+?)"?',
    r"probability:class=(.+)",
    r"rawformulaval:class=(.+)",
    r"(?:y[_. -])?pred(?:iction|s)?[_. -](\d+)",
    r"(?:y[_. -])?score[_. -](.+)",
    r"(?:y[_. -])?logits?[_. -](.+)",
    r"\.pred_(?!class$)(.+)",
    r"confidence\((.+)\)",
    r"p \(.+=(.+)\)",
    r"p[_. -](.+)",
    r"p(\d+)",
    r"class[_. -](.+)",
)

# How the prediction of x is called; a struct of Vertex AI holds it as its value.
_PREDICTIONS_OF = (
    "predicted_{}", "{}_pred", "{}_prediction", "{}_predicted", "predicted_{}_probs", "predicted_{}_value",
    "prediction({})", "prediction_({})",
)  # fmt: skip

_SCORE_ENDS = ("_prob", "_proba", "_probability", "_score")

# Further inputs of losses, by the names that tools give them.
_OTHERS = {
    "lower": ("yhat_lower", "lower_bound", "lo", "lcl", "prediction_lower"),
    "upper": ("yhat_upper", "upper_bound", "hi", "ucl", "prediction_upper"),
    "mean": ("mu", "loc", "yhat"),
    "std": ("sigma", "stddev", "sd", "yhat_std"),
    "variance": ("var", "sigma2", "yhat_var"),
}

# Nixtla: <model>-lo-90 and <model>-hi-90 are the bounds of the 90 % interval of <model>.
_BOUND = r"(.+)[-_](lo|hi)[-_](\d+(?:\.\d+)?)"
_SIDES = {"lower": "lo", "upper": "hi"}

_IDENTITIES = (
    "", "index", "unnamed:_0", "__index_level_0__", "id", "uuid", "key", "row", "rownum", "row_number", "row_id",
    "sampleid", "docid", "unique_id",
)  # fmt: skip

WEIGHTS = ("sample_weight", "weight", "weights", "w", "example_weight", "instance_weight")

SLICES = ("split", "fold", "dataset", "group", "segment", "region", "timestamp", "ds", "date")


@dataclass(frozen=True)
class WideGroup:
    """Prediction columns of one pattern and the classes that their names carry."""

    columns: tuple[str, ...]
    classes: tuple[str, ...]


def folded(name: str) -> str:
    """`name` as names are compared."""
    return re.sub(r"[-. ]", "_", name.strip().lstrip("\ufeff").lower())


def is_identity(name: str) -> bool:
    """Whether a column names rows and so is never a label or a prediction."""
    return folded(name) in _IDENTITIES or folded(name).endswith("_id")


def first_named(table: Sequence[str], names: Iterable[str]) -> list[str]:
    """The columns whose names stand in `table`, in its order."""
    by_fold: dict[str, list[str]] = {}
    for name in names:
        by_fold.setdefault(folded(name), []).append(name)
    return [name for known in table for name in by_fold.get(known, ())]


def predictions_of(label: str, names: Iterable[str]) -> list[str]:
    """The columns that are named as predictions of `label`, such as predicted_<label>."""
    return first_named([pattern.format(folded(label)) for pattern in _PREDICTIONS_OF], names)


def around_classes(label: str) -> tuple[tuple[str, str], ...]:
    """What may stand before and after a class in the name of the column of its scores.

    AutoGluon calls the columns as the classes, Azure ML as the target and the class, DataRobot
    <target>_<c>_PREDICTION, Vertex AI <target>_<c>_scores.
    """
    around = ((f"{label}_", ""), (f"{label}_", "_PREDICTION"), (f"{label}_", "_scores"), ("pred_", ""))
    return ("", ""), *around, *(("", end) for end in _SCORE_ENDS)


def between(before: str, name: str, after: str) -> str | None:
    """The part of `name` between these two, whatever their case; None where it does not have them or nothing else."""
    lower = name.lower()
    fits = lower.startswith(before.lower()) and lower.endswith(after.lower())
    return name[len(before) : len(name) - len(after)] or None if fits else None


def paired(names: Sequence[str]) -> list[tuple[str, str]]:
    """The (x, prediction) pairs where the prediction is named after x.

    y_pred is so common that it says nothing about a column y.
    """
    return [(name, prediction) for name in names if folded(name) != "y" for prediction in predictions_of(name, names)]


def bounds_of(side: str, names: Iterable[str]) -> list[tuple[str, str, float]]:
    """The (bound, model, level in percent) of the "lower" or "upper" bounds of intervals, the widest first."""
    found = [(name, match) for name in names if (match := re.fullmatch(_BOUND, name.strip(), re.IGNORECASE))]
    bounds = [(name, match[1], float(match[3])) for name, match in found if match[2].lower() == _SIDES.get(side)]
    return sorted(bounds, key=lambda bound: -bound[2])


def others_named(role: str, names: Iterable[str]) -> list[str]:
    """The columns for a further input, by its own name or another that tools use."""
    names = list(names)
    found = first_named((folded(role), *_OTHERS.get(role, ())), names)
    ends = [name for name in names if role in _SIDES and folded(name).endswith(f"_{role}_bound")]
    return found or ends or [bound for bound, _, _ in bounds_of(role, names)]


def quantiles_named(level: float, names: Iterable[str]) -> list[str]:
    """The columns that are named by a quantile such as 0.9, as a fraction or in percent."""
    fractions = [prefix + f"{level:g}" for prefix in ("", "q", "q_", "quantile_")]
    percents = [prefix + f"{100 * level:g}" for prefix in ("q", "q_", "p")]
    return first_named([folded(word) for word in fractions + percents], names)


def wide_groups(names: Sequence[str]) -> list[WideGroup]:
    """Groups of at least two columns that fit one pattern of `WIDE_PREDICTIONS`, in class order."""
    groups = []
    free = [name for name in names if not is_identity(name)]
    for pattern in WIDE_PREDICTIONS:
        found = [
            (name, match.group(1)) for name in free if (match := re.fullmatch(pattern, name.strip(), re.IGNORECASE))
        ]
        if len(found) > 1:
            groups.append(in_class_order(found))
            taken = {name for name, _ in found}
            free = [name for name in free if name not in taken]
    return groups


def in_class_order(found: Sequence[tuple[str, str]]) -> WideGroup:
    """(column, class) pairs in numeric order when all classes are numbers, else as they stand in the file."""
    pairs = list(found)
    if all(re.fullmatch(r"-?\d+(\.\d+)?", one) for _, one in pairs):
        pairs.sort(key=lambda pair: float(pair[1]))
    return WideGroup(tuple(column for column, _ in pairs), tuple(one for _, one in pairs))


def classes_in(columns: Sequence[str]) -> tuple[str, ...] | None:
    """The classes that these column names carry, in the order given; None when they carry none."""
    for pattern in WIDE_PREDICTIONS:
        matches = [re.fullmatch(pattern, name.strip(), re.IGNORECASE) for name in columns]
        if all(matches):
            return tuple(match.group(1) for match in matches if match)
    return None
