"""Labels by value: "1", "1.0", 1 and 1.0 are one label, "007" is another."""

from __future__ import annotations

import re

from losscli.readers.number_text import MISSING, NUMBER

_WHOLE = r"([+-]?)(0|[1-9][0-9]*)(\.0*)?"

# Two words that mean negative and positive in every data set that has them.
_WORDS = {
    "no": 0.0,
    "neg": 0.0,
    "negative": 0.0,
    "false": 0.0,
    "yes": 1.0,
    "pos": 1.0,
    "positive": 1.0,
    "true": 1.0,
}

# The class of labels between 0 and 1, which are probabilities of a class and no class.
SOFT = "soft"


def canonical(text: str) -> str:
    """The one spelling of a label among those of equal value."""
    text = text.strip()
    whole = re.fullmatch(_WHOLE, text)
    if whole:
        sign = "-" if whole[1] == "-" and whole[2] != "0" else ""
        return sign + whole[2]
    return text.lower() if text.lower() in ("true", "false") else text


def number_of(text: str) -> float | None:
    """The number that a text stands for; NaN for a missing one, None when it is not a number."""
    text = text.strip()
    if text in MISSING:
        return float("nan")
    return float(text) if re.fullmatch(NUMBER, text) else None


def binary_value(label: str, positive: str | None) -> float | None:
    """A canonical label as the probability of the positive class, in [0, 1]; None when it is no binary label.

    Without a `positive` label these are 0/1, -1/1, probabilities and the known
    pairs of words; NaN is a missing label.
    """
    if positive is not None:
        return float(label == positive)
    word = _WORDS.get(label.lower())
    if word is not None:
        return word
    value = number_of(label)
    if value is None:
        return None
    if value == -1:
        return 0.0
    return None if value < 0 or value > 1 else value


def class_of(label: str, value: float) -> str:
    """The class under which a binary label is reported."""
    return label if value in (0, 1) else SOFT
