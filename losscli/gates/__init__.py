"""Gates: rules about losses, and a verdict that people trust.

::

    losscli.toml ─ configuration ─▶ rules ─ passes ─▶ evaluations and comparisons
                                                          │
                       verdict ◀─ result ◀─ checks ◀──────┘

A rule limits a loss itself (max, min, warn) or its change against a baseline
(max_increase, max_decrease), in all, per class or per slice.  Each limit on
each row of a table is a `Check`.  Those against a baseline are tests of
paired differences, corrected together for their number.
"""

from __future__ import annotations
