"""Two models on the same rows: paired differences, their tests and their table.

    compare(base, candidates, losses, request=…, settings=…, on=…) -> Comparison

A comparison needs no model of its own: rows are paired by a key or by their
place, and the joint moments of both losses of a row carry every estimate,
interval and test of a `Difference`, for any margin.
"""

from __future__ import annotations

from losscli.comparison.difference import Difference, JointEstimate, holm
from losscli.comparison.result import ComparedCandidate, ComparedLoss, ComparedRows, Comparison, WorstRow
from losscli.comparison.run import compare

__all__ = [
    "ComparedCandidate",
    "ComparedLoss",
    "ComparedRows",
    "Comparison",
    "Difference",
    "JointEstimate",
    "WorstRow",
    "compare",
    "holm",
]
