"""Some rows as arrays."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from losscli.faults import Faults
from losscli.records import dataclass
from losscli.roles import BoolArray, FloatArray, IntArray, Reading


@dataclass
class Tile:
    """Some rows of a file as the losses read them.

    inputs: by (input, reading): float64 (n,), (n, k) with contiguous columns
    or (n, m, k) C-contiguous; intp (n,) for class labels.  class_codes and
    slice_codes index the keys of the decoder.  missing: the rows where a label,
    a prediction, another input or the weight is null or NaN, None when there
    are none.  excluded: the rows that a filter leaves out, None when there is no
    filter.  faulty: the rows with a fault, None when there are none.  Rows in any
    of these hold NaN or class 0 and are not to be evaluated.
    """

    first_row: int
    rows: int
    inputs: dict[tuple[str, Reading], Any]
    weights: FloatArray | None
    class_codes: IntArray | None
    slice_codes: tuple[IntArray, ...]
    missing: BoolArray | None
    missing_by_column: dict[str, BoolArray]
    faults: Faults
    excluded: BoolArray | None = None
    faulty: BoolArray | None = None
    # The least and the greatest value of some inputs, nan where one is missing; they need not be looked for again.
    ends: dict[tuple[str, Reading], tuple[float, float]] = field(default_factory=dict)

    def missing_column(self, row: int) -> str | None:
        """The first column that is missing in a row of this tile; None when none is."""
        return next((name for name, missing in self.missing_by_column.items() if missing[row]), None)
