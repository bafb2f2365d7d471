"""The confusion matrix of labels and largest scores, which several checks read."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from losscli.checks.check import Evidence, Rows, Setting
from losscli.roles import FloatArray, IntArray

# Beyond so many classes the matrix would be sparse and its best assignment slow.
MOST_CLASSES = 64


class Confusion(Evidence):
    """`matrix` ``(k, k)``: the rows with label i whose largest score, the first of equals, is that of class j."""

    # With ten classes, finding the largest of every row took a tenth of the whole evaluation.
    every_row = False

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.classes = len(setting.plan.classes or ())
        self.matrix: IntArray = np.zeros((self.classes, self.classes), np.intp)

    def see(self, rows: Rows) -> None:
        places, scores = rows.places, rows.predictions
        if places.min(initial=0) < 0:
            known = np.flatnonzero(places >= 0)
            places, scores = places[known], scores[known]
        pairs = np.bincount(places * self.classes + _largest(scores), minlength=self.classes**2)
        self.matrix += pairs.reshape(self.classes, self.classes)

    def merge(self, other: Self) -> None:
        self.matrix += other.matrix

    @property
    def rows(self) -> int:
        return int(self.matrix.sum())

    @property
    def agreement(self) -> int:
        """The rows whose largest score is that of their label."""
        return int(np.trace(self.matrix))


def _largest(scores: FloatArray) -> NDArray[np.uint8]:
    """The column of the largest value of each row, the first of equals; a third of the time of ``argmax(axis=1)``."""
    largest = np.zeros(len(scores), np.uint8)
    best = scores[:, 0].copy()
    for place in range(1, scores.shape[1]):
        column = scores[:, place]
        higher = (column > best).view(np.uint8)
        higher *= np.uint8(place)
        # Places ascend, so the last column that was higher is the larger number.
        np.maximum(largest, higher, out=largest)
        np.maximum(best, column, out=best)
    return largest
