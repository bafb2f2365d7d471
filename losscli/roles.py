"""What a column may mean to a loss.

A role says how the numbers of one input are read from a file, which shape
they have and which values they may take.  Losses name roles by annotating
their positional arguments; a second annotation narrows the domain::

    def poisson(y_true: Annotated[Target, "[0, inf)"], y_pred: ...)

Shapes: ``n`` rows, ``k`` outputs, classes or labels, ``d`` vector components.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from losscli.domains import REAL, UNIT, Domain, Given, Integers, NumberSet
from losscli.records import dataclass

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.intp]
BoolArray: TypeAlias = NDArray[np.bool_]

Reading = Literal["number", "binary", "margin", "class", "one_hot", "either"]
Shape = Literal["element", "row", "vector", "embedding", "vectors", "any"]

SHAPES: dict[Shape, str] = {
    "element": "(n,) or (n, k)",
    "row": "(n,)",
    "vector": "(n, k)",
    "embedding": "(n, k), or (n,) for k = 1",
    "vectors": "(n, m, k)",
    "any": "any",
}


@dataclass(frozen=True)
class Role:
    """The meaning of one input of a loss.

    `reading` decides what may stand in the file: plain numbers; a binary label
    (0/1, or two words and a positive one); a margin label (0/1 or -1/1); a
    class label; a class label or one column per class; or, for losses with a
    binary and a multiclass form, whichever fits the predictions.
    """

    name: str
    meaning: str
    shape: Shape
    domain: Domain | Given
    reading: Reading = "number"


Target: TypeAlias = Annotated[FloatArray, Role("target", "the true value", "element", REAL)]
Prediction: TypeAlias = Annotated[FloatArray, Role("prediction", "the predicted value", "element", REAL)]
Score: TypeAlias = Annotated[
    FloatArray, Role("score", "a real-valued score, positive for the positive class", "element", REAL)
]
Probability: TypeAlias = Annotated[
    FloatArray, Role("probability", "the predicted probability of the positive class", "element", UNIT)
]
BinaryTarget: TypeAlias = Annotated[
    FloatArray, Role("binary target", "the true label, 0 or 1, or its probability", "element", UNIT, "binary")
]
MarginTarget: TypeAlias = Annotated[
    FloatArray,
    Role("margin target", "the true label, 0/1 or -1/1", "element", NumberSet((-1, 0, 1)), "margin"),
]
ClassTarget: TypeAlias = Annotated[
    IntArray, Role("class", "the index of the true class, 0 to k - 1", "row", Integers(0), "class")
]
ClassProbabilityTarget: TypeAlias = Annotated[
    FloatArray, Role("class distribution", "the true class, one-hot or as probabilities", "vector", UNIT, "one_hot")
]
AnyTarget: TypeAlias = Annotated[
    FloatArray,
    Role(
        "label",
        "the true label: 0/1 with one prediction a row; a class index, one-hot or soft labels with one for each class",
        "element",
        Integers(0),
        "either",
    ),
]
ClassProbabilities: TypeAlias = Annotated[
    FloatArray, Role("class probabilities", "the predicted probability of each class", "vector", UNIT)
]
ClassScores: TypeAlias = Annotated[
    FloatArray, Role("class scores", "a real-valued score for each class", "vector", REAL)
]
Vector: TypeAlias = Annotated[FloatArray, Role("vector", "a vector, such as an embedding", "vector", REAL)]
Embedding: TypeAlias = Annotated[FloatArray, Role("embedding", "an embedding vector", "embedding", REAL)]
VectorSet: TypeAlias = Annotated[FloatArray, Role("vectors", "several vectors for each row", "vectors", REAL)]
Values: TypeAlias = Annotated[FloatArray, Role("values", "numbers of any shape", "any", REAL)]
