"""Input files, a format per module: found by suffix and magic bytes, read as shards of typed batches."""

from __future__ import annotations

from losscli.readers.locate import open_sources
from losscli.readers.row_counts import RowCounts
from losscli.readers.source import Column, ColumnType, Shard, Shards, Source

__all__ = ["Column", "ColumnType", "RowCounts", "Shard", "Shards", "Source", "open_sources"]
