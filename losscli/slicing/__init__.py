"""Slices of the rows on which a loss is significantly higher than on the others."""

from __future__ import annotations

from losscli.slicing.interface import Slices, slices

__all__ = ["Slices", "slices"]
