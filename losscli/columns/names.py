"""The names that columns have in prediction files, and what they mean.

Compared as `folded`: without case, with ``-``, blank and ``.`` as ``_``.
Earlier names are the more telling ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LABELS = (
    "y_true", "target", "label", "labels", "truth", "ground_truth", "gt", "actual", "actuals", "observed", "y", "class",
    "answer", "reference", "references", "actual_label", "expected",
)  # fmt: skip

VALUES = (
    "y_pred", "pred", "preds", "prediction", "predictions", "predicted", "yhat", "y_hat", "forecast", "output",
    "outputs", "predict", "scored_labels", "prediction_label",
)  # fmt: skip

SCORES = (
    "y_prob", "y_proba", "y_score", "y_pred_proba", "prob", "proba", "probability", "score", "p1", "p", "confidence",
    "prediction_score", "scored_probabilities", "prediction_probas", "positive_prob", "logit", "y_logit",
    "rawformulaval", "decision_function",
)  # fmt: skip

LISTS = ("probabilities", "probs", "probas", "scores", "logits", "rawprediction", "predicted_probs")

# MLJAR and PyCaret write the prediction as "label" next to the true "target".
STRONGER_THAN_LABEL = ("y_true", "target", "actual")

WIDE_LABELS = ("y_true_", "target_", "label_", "labels_")

# "<c>" is the class; the first that fits at least two columns wins.
WIDE_PREDICTIONS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?:y[_. -])?prob(?:a|as|s|ability|abilities)?[_. -](.+)",
        r"pred(?:iction|icted)?[_. -](?:prob|proba|score)[_. -](.+)",
        r'scored probabilities(?: for class)?[: ]+"?(.+?)"?',
        r"probability:class=(.+)",
        r"(?:y[_. -])?pred(?:iction|s)?[_. -](\d+)",
        r"(?:y[_. -])?score[_. -](.+)",
        r"(?:y[_. -])?logits?[_. -](.+)",
        r"p[_. -](.+)",
        r"p(\d+)",
        r"class[_. -](.+)",
    )
)

_IDENTITIES = ("", "index", "unnamed:_0", "__index_level_0__", "id", "uuid", "key", "row", "sampleid", "docid")


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


def paired(names: Sequence[str]) -> list[tuple[str, str]]:
    """The (x, prediction) pairs where the prediction is called predicted_x, x_pred or x_prediction.

    A conventional name such as y_pred says nothing about a column y.
    """
    by_fold = {folded(name): name for name in names}
    pairs = []
    for fold, name in by_fold.items():
        for pattern in ("predicted_{}", "{}_pred", "{}_prediction"):
            prediction = by_fold.get(pattern.format(fold))
            if prediction is not None and folded(prediction) not in VALUES:
                pairs.append((name, prediction))
    return pairs


def wide_groups(names: Sequence[str]) -> list[WideGroup]:
    """Groups of at least two columns that fit one pattern of `WIDE_PREDICTIONS`, in class order."""
    groups = []
    free = [name for name in names if not is_identity(name)]
    for pattern in WIDE_PREDICTIONS:
        found = [(name, match.group(1)) for name in free if (match := pattern.fullmatch(name.strip()))]
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
        matches = [pattern.fullmatch(name.strip()) for name in columns]
        if all(matches):
            return tuple(match.group(1) for match in matches if match)
    return None
