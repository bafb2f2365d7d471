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
    """`matrix` ``(k, k)``: the rows with label i whose largest score, the first of equals, is that of class j.

    `unsure`: the rows with no score above `Setting.unsure`.
    """

    # With ten classes, finding the largest of every row took a tenth of the whole evaluation.
    every_row = False

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.classes = len(setting.plan.classes or ())
        self.matrix: IntArray = np.zeros((self.classes, self.classes), np.intp)
        self.unsure = 0
        self._up_to = setting.unsure

    def see(self, rows: Rows) -> None:
        places, scores = rows.places, rows.predictions
        if places.min(initial=0) < 0:
            known = np.flatnonzero(places >= 0)
            places, scores = places[known], scores[known]
        largest, best = _largest(scores)
        pairs = np.bincount(places * self.classes + largest, minlength=self.classes**2)
        self.matrix += pairs.reshape(self.classes, self.classes)
        if self._up_to is not None:
            self.unsure += int(np.count_nonzero(best <= self._up_to))

    def merge(self, other: Self) -> None:
        self.matrix += other.matrix
        self.unsure += other.unsure

    @property
    def rows(self) -> int:
        return int(self.matrix.sum())

    @property
    def agreement(self) -> int:
        """The rows whose largest score is that of their label."""
        return int(np.trace(self.matrix))


def _largest(scores: FloatArray) -> tuple[NDArray[np.uint8], FloatArray]:
    """The column of the largest value of each row, the first of equals, and that value.

    A third of the time of ``argmax(axis=1)``.
    """
    largest = np.zeros(len(scores), np.uint8)
    best = scores[:, 0].copy()
    for place in range(1, scores.shape[1]):
        column = scores[:, place]
        higher = (column > best).view(np.uint8)
        higher *= np.uint8(place)
        # Places ascend, so the last column that was higher is the larger number.
        np.maximum(largest, higher, out=largest)
        np.maximum(best, column, out=best)
    return largest, best
