"""A plugin whose module fails while it loads."""

from __future__ import annotations

SETTINGS: dict[str, float] = {}
CAP = SETTINGS["cap"]
