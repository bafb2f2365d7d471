"""How a loss reads predictions of each kind: through a parameter of its own, or converted before it sees them.

A loss of probabilities reads logits by itself where it has `from_logits`, and
compares scores with a threshold in their own units; elsewhere logits become
probabilities here, by a sigmoid or, for the classes of one label, a softmax.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from losscli.arrays import divide_by_sum, log_softmax_last, max_last, sigmoid
from losscli.columns.kinds import SUM_TOLERANCE, Decision
from losscli.columns.need import CLASS_READINGS, PREDICTION_INPUTS
from losscli.declaration import DEFAULT_DIALECT, Input, Loss
from losscli.domains import REAL, Interval, NumberSet
from losscli.errors import UsageError
from losscli.records import dataclass
from losscli.roles import FloatArray

# Rounding may lift the logarithm of 1, and a share, by a few units of float32.
LOG_PROBABILITY = Interval(-np.inf, 1e-6, closed_low=True, closed_high=True)
PERCENT = Interval(0.0, 100.0, closed_low=True, closed_high=True)
POSITIVE_PROBABILITY = Interval(0.0, 1.0, closed_high=True)
POSITIVE_PERCENT = Interval(0.0, 100.0, closed_high=True)
ABOUT_PROBABILITY = Interval(0.0, 1.0 + SUM_TOLERANCE, closed_low=True, closed_high=True)
HARD_LABEL = NumberSet((-1, 0, 1))

# Cut-off of losses that turn a score into a class; between two logits stands 0.
PROBABILITY_THRESHOLD = 0.5


@dataclass(frozen=True)
class Conversion:
    """What the predictions of a loss must be in the file, and what the loss is given instead.

    A value outside `domain` is a fault: it "is not `noun`".  Without `convert`
    the loss is given the values as they are.
    """

    input: str
    domain: Interval | NumberSet
    noun: str
    fix: str | None = None
    convert: Callable[[FloatArray], FloatArray] | None = None


def prediction_of(loss: Loss) -> Input | None:
    """The input of a loss that ``--pred`` gives; None when it has none."""
    return next((one for one in loss.inputs if one.name in PREDICTION_INPUTS), None)


def reads_probabilities(loss: Loss) -> bool:
    """Whether the predictions of a loss are probabilities, so that it matters what else they might be."""
    prediction = prediction_of(loss)
    return prediction is not None and "probabilit" in prediction.role.name and not loss.values.get("from_logits")


def reads_logits(loss: Loss) -> bool:
    """Whether a loss was told that its predictions are logits."""
    return prediction_of(loss) is not None and loss.values.get("from_logits") is True


def needs_soft_predictions(loss: Loss) -> bool:
    """Whether hard labels would give a loss nothing but 0 and its largest value: logarithms are clipped."""
    return reads_probabilities(loss) and loss.clipped is not None


def has_classes(loss: Loss) -> bool:
    """Whether several predictions of a row are those of the classes of one label."""
    return loss.label_reading in (*CLASS_READINGS, "either")


def bound_to(loss: Loss, decision: Decision) -> Loss:
    """`loss` with the parameters that predictions of this kind ask for.

    Raises UsageError when the kind that the user named contradicts a parameter
    that the user set.
    """
    if decision.kind == "logit":
        if "from_logits" in loss.values:
            return loss.bind(from_logits=True)
        if loss.values.get("threshold") == PROBABILITY_THRESHOLD:
            return loss.bind(threshold=0.0)
    elif decision.origin == "flag" and decision.kind != "auto" and reads_logits(loss):
        by_dialect = loss.dialect != DEFAULT_DIALECT and "from_logits" in loss.dialects.get(loss.dialect, {})
        if not by_dialect:
            raise UsageError(
                f"{loss.name}: from_logits contradicts --pred-kind {decision.kind}",
                "one of the two, or --pred-kind logit",
            )
        return loss.bind(from_logits=False)
    return loss


def conversion(loss: Loss, decision: Decision) -> Conversion | None:
    """How `loss` reads predictions of the kind decided; None where it reads them as they are."""
    one = prediction_of(loss)
    if one is None:
        return None
    domain = loss.domain(one)
    if isinstance(domain, Interval) and domain.high < 1.0 and decision.origin == "flag":
        return _to_logarithms(one.name, decision)
    return _to_probabilities(one.name, decision, loss)


def _to_logarithms(name: str, decision: Decision) -> Conversion | None:
    """For losses of log-probabilities, which only a flag tells that they get something else."""
    if decision.kind == "prob":
        return Conversion(name, POSITIVE_PROBABILITY, "a probability with a logarithm", None, np.log)
    if decision.kind == "percent":
        return Conversion(name, POSITIVE_PERCENT, "a percentage with a logarithm", None, _logarithms_of_percents)
    if decision.kind == "logit":
        return Conversion(name, REAL, "a finite number", None, log_softmax_last)
    return None


def _to_probabilities(name: str, decision: Decision, loss: Loss) -> Conversion | None:
    kind, told = decision.kind, decision.origin == "flag"
    probabilities = reads_probabilities(loss)
    otherwise = None if told else "--pred-kind KIND, to say what the predictions are"
    if kind == "percent":
        return Conversion(name, PERCENT if probabilities else REAL, "a percentage", otherwise, _shares_of_percents)
    if kind == "log-prob" and (told or probabilities):
        domain = LOG_PROBABILITY if probabilities else REAL
        return Conversion(name, domain, "a log-probability", otherwise, _shares_of_logarithms)
    if not probabilities:
        return None
    if kind == "logit":
        return Conversion(name, REAL, "a finite number", None, _softmax if has_classes(loss) else sigmoid)
    if kind == "label":
        fix = None if told else "--pred-kind prob, if these are probabilities"
        return Conversion(name, HARD_LABEL, "a hard label", fix, _shares_of_labels)
    if kind == "prob" and decision.bounded and not _is_bounded(loss):
        fix = "--pred-kind prob to normalise all rows, or --pred-kind logit if these are logits"
        return Conversion(name, ABOUT_PROBABILITY, "a probability", fix)
    return None


def _is_bounded(loss: Loss) -> bool:
    """Whether a loss refuses by itself what is no probability."""
    one = prediction_of(loss)
    domain = None if one is None else loss.domain(one)
    return isinstance(domain, Interval) and domain.high <= 1.0


def _shares_of_percents(values: FloatArray) -> FloatArray:
    return values / 100.0


def _logarithms_of_percents(values: FloatArray) -> FloatArray:
    return np.log(values / 100.0)


def _shares_of_logarithms(values: FloatArray) -> FloatArray:
    with np.errstate(under="ignore"):
        return np.minimum(np.exp(values), 1.0)


def _shares_of_labels(values: FloatArray) -> FloatArray:
    return np.maximum(values, 0.0)


def _softmax(values: FloatArray) -> FloatArray:
    """Shares of the classes; one score a row has no rivals and takes the sigmoid."""
    if values.ndim == 1:
        return sigmoid(values)
    powers = np.exp(values - max_last(values)[..., None])
    return divide_by_sum(powers, powers)
