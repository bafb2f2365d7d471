"""How labels of two classes go with one score, which several checks read."""

from __future__ import annotations

from typing import Self

import numpy as np

from losscli.checks.check import Evidence, Rows, Setting
from losscli.roles import IntArray


class TwoClass(Evidence):
    """`table` ``(2, 2)``: the rows by label (negative, positive) and by score (up to the cut, above it).

    `none_below`: whether no score at all lies below the cut; `unsure`: the rows
    whose score is for neither class above `Setting.unsure`.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.table: IntArray = np.zeros((2, 2), np.intp)
        self.none_below = True
        self.unsure = 0
        self._within = None if setting.unsure is None else setting.unsure - setting.cut

    def see(self, rows: Rows) -> None:
        scores = rows.predictions
        above = scores > self.setting.cut
        positive = rows.labels > 0.5
        both = int(np.count_nonzero(above & positive))
        positives, aboves = int(np.count_nonzero(positive)), int(np.count_nonzero(above))
        self.table[1] += (positives - both, both)
        self.table[0] += (len(above) - positives - aboves + both, aboves - both)
        if self.none_below:
            self.none_below = bool(scores.min() >= self.setting.cut)
        if self._within is not None:
            self.unsure += int(np.count_nonzero(np.abs(scores - self.setting.cut) <= self._within))

    def merge(self, other: Self) -> None:
        self.table += other.table
        self.none_below &= other.none_below
        self.unsure += other.unsure

    @property
    def rows(self) -> int:
        return int(self.table.sum())

    @property
    def agreement(self) -> int:
        """The rows on the side of the cut that their label asks for."""
        return int(np.trace(self.table))

    @property
    def positives(self) -> int:
        return int(self.table[1].sum())
