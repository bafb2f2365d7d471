"""Which column plays which role, and how its values become arrays."""

from __future__ import annotations

from losscli.columns.decode import Decoder
from losscli.columns.files import plan_files
from losscli.columns.keys import Keys, MarginSeen
from losscli.columns.labels import SOFT
from losscli.columns.look import Look
from losscli.columns.need import Need, needs_of
from losscli.columns.plan import ColumnPlan
from losscli.columns.planner import plan_columns
from losscli.columns.request import ColumnRequest
from losscli.columns.tile import Tile

__all__ = [
    "SOFT",
    "ColumnPlan",
    "ColumnRequest",
    "Decoder",
    "Keys",
    "Look",
    "MarginSeen",
    "Need",
    "Tile",
    "needs_of",
    "plan_columns",
    "plan_files",
]
