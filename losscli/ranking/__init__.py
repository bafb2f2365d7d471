"""The rows with the largest loss: found in one pass, in memory for these rows alone."""

from __future__ import annotations

from losscli.ranking.search import Worst, worst

__all__ = ["Worst", "worst"]
