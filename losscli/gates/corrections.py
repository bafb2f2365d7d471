"""Corrections of p values for the number of checks in a run.

Without one, every check alone raises a false alarm with probability
1 - level, and among twenty checks of equal models one usually does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from losscli.comparison.difference import holm
from losscli.gates.verdicts import Correction

PValues = Sequence[float | None]


def benjamini_hochberg(p_values: PValues) -> list[float | None]:
    """p values corrected for all of them that exist; they bound the share of false alarms among all alarms.

    Benjamini, Y. and Hochberg, Y. (1995). Controlling the False Discovery
    Rate. J. R. Statist. Soc. B 57:289-300.
    doi:10.1111/j.2517-6161.1995.tb02031.x.  For independent or positively
    dependent checks.
    """
    order = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    smallest = 1.0
    for rank in range(len(order), 0, -1):
        p, place = order[rank - 1]
        smallest = min(smallest, len(order) / rank * p)
        adjusted[place] = smallest
    return adjusted


def uncorrected(p_values: PValues) -> list[float | None]:
    """The p values as they are."""
    return list(p_values)


CORRECTIONS: Mapping[Correction, Callable[[PValues], list[float | None]]] = {
    "holm": holm,
    "bh": benjamini_hochberg,
    "none": uncorrected,
}
