"""The rows whose loss has grown most: a bounded, mergeable list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field

import numpy as np

from losscli.comparison.result import WorstRow
from losscli.records import dataclass
from losscli.roles import FloatArray, IntArray

# The labels and the ids of some rows.
Namer = Callable[[IntArray], tuple[Sequence[str | None], Sequence[str | None]]]


@dataclass
class WorstRows:
    """At most `size` rows with an increase above 0, the largest first, earlier rows before later ones of the same."""

    size: int
    rows: list[WorstRow] = field(default_factory=list)

    def update(self, base: FloatArray, cand: FloatArray, rows: IntArray, namer: Namer) -> None:
        """Look at the losses (n,) of rows numbered `rows` from 0, of which `namer` tells what is shown."""
        increase = cand - base
        least = self.rows[-1].diff if len(self.rows) == self.size else 0.0
        # A later row of the same increase may still stand before: other threads have other parts of the file.
        chosen = np.flatnonzero((increase >= least) & (increase > 0.0))
        if len(chosen) > self.size:
            chosen = chosen[np.lexsort((rows[chosen], -increase[chosen]))[: self.size]]
        if not len(chosen):
            return
        labels, ids = namer(chosen)
        found = [
            WorstRow(int(rows[one]) + 1, ids[place], labels[place], float(base[one]), float(cand[one]), float(diff))
            for place, (one, diff) in enumerate(zip(chosen.tolist(), increase[chosen].tolist(), strict=True))
        ]
        self._keep([*self.rows, *found])

    def merge(self, other: WorstRows) -> None:
        """Take over the rows of another list."""
        self._keep([*self.rows, *other.rows])

    def _keep(self, rows: list[WorstRow]) -> None:
        self.rows = sorted(rows, key=lambda one: (-one.diff, one.row))[: self.size]
