"""Checks of the mapping against the data, made in the same pass: does the file hold what it was read as?

A check is a small class in a module of its own, here or with those of classes, listed there in `CHECKS`; it
says when it applies, which evidence it needs and what that evidence shows.
Evidence is counts and yes-or-no facts, which merge in any order.  An honest
evaluation is never suspected: a check speaks only where no plausible model of
the classes as they were read gives the counts that were seen, and it is silent
about what the user settled by a flag.
"""

from __future__ import annotations

from losscli.checks.watch import Watch, watch_over

__all__ = ["Watch", "watch_over"]
