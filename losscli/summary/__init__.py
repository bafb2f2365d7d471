"""Mergeable statistics whose digits do not depend on the order of rows.

An accumulator has ``update`` for rows, ``merge`` for another of its kind and
reads out for a group (an index) or for all groups together (None).  Groups are
an array axis: `codes` (n,) holds the group of each row.  Sums are exact, or
rounded once per row; none is rounded per block.
"""

from __future__ import annotations

from losscli.summary.exact import ExactSums
from losscli.summary.intervals import confidence_interval
from losscli.summary.readings import Statistics
from losscli.summary.statistics import GROUP_ERROR, TOTAL_ERROR, LossSummary

__all__ = [
    "GROUP_ERROR",
    "TOTAL_ERROR",
    "ExactSums",
    "LossSummary",
    "Statistics",
    "confidence_interval",
]
