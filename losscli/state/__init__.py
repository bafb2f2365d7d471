"""Saved states: what came of an evaluation, in exact numbers, to be merged with others or read again.

A state is a zip file (`losscli-state/1`) of ``manifest.json`` and of arrays in
NumPy's format, all little-endian; ``numpy.load`` reads it.  The manifest names
losses with their signatures, settings, columns, inputs, and the classes and
slices in order.  Each array has an entry, or some, for each group:

- ``counts`` (groups, 5): rows, finite rows with a weight above 0, nan, -inf, +inf;
- ``ends`` (groups, 2): least and greatest finite loss;
- ``exponents``, ``sizes``, ``digits``: exact numbers, two's complement integers
  of so many bytes times a power of two.  For a group these are its sums of x,
  x^2, x^3 and |x|^3, or with weights those of w^i x^j, and the weights of rows
  that are not finite;
- ``values`` (and ``weights``): all losses of a group of at most 10,000 rows;
- ``bins`` (groups,), ``middles``, ``masses``: for larger groups the bins of the
  quantile sketch in use, their middles and what they hold.

States of the same rows are the same bytes, in whatever order and by however
many workers these were read.
"""

from __future__ import annotations

from losscli.state.merging import found_states, merge_states, shown_as
from losscli.state.reports import SavedResult, load_state
from losscli.state.saving import read_state, refuse_unsaved, write_state

__all__ = [
    "SavedResult",
    "found_states",
    "load_state",
    "merge_states",
    "read_state",
    "refuse_unsaved",
    "shown_as",
    "write_state",
]
