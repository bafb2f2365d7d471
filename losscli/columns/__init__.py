"""Which column plays which role, and how its values become arrays."""

from __future__ import annotations

from losscli.columns.decode import Decoder, Tile
from losscli.columns.keys import Keys, MarginSeen
from losscli.columns.labels import SOFT
from losscli.columns.need import Need
from losscli.columns.plan import ColumnPlan, plan_columns
from losscli.columns.request import ColumnRequest

__all__ = ["SOFT", "ColumnPlan", "ColumnRequest", "Decoder", "Keys", "MarginSeen", "Need", "Tile", "plan_columns"]
