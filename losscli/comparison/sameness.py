"""Refusing a baseline that is the candidate."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from losscli.errors import InputError
from losscli.readers import Source
from losscli.readers.memory import MemorySource
from losscli.readers.storage import is_uri
from losscli.records import dataclass

_BLOCK = 1 << 20

Inputs = Sequence[Sequence[Mapping[str, Any]]]
"""The arrays that every term of every loss is computed from, by name."""


def refuse_same(base: Sequence[Source], cand: Sequence[Source]) -> None:
    """Raise an InputError when both sides are the same files, or hold the same bytes or tables.

    Equal files are nearly always a mistake in a script, and would pass every gate.
    """
    if len(base) == len(cand) and all(_same(one, other) for one, other in zip(base, cand, strict=True)):
        one, other = base[0].path, cand[0].path
        what = "is the baseline itself" if one == other else f"has the same content as the baseline {one}"
        raise InputError(f"{other}: the candidate {what}", "the predictions of two models")


@dataclass
class Likeness:
    """Whether the candidate's predictions are the baseline's in every row seen so far, and all of them whole numbers.

    Two models may agree in every label or count, but not in every score: then
    one file is the other, in another format or order.  Merges two at a time.
    """

    alike: bool = True
    whole: bool = True

    def note(self, base: Inputs, cand: Inputs, labels: Collection[str]) -> None:
        """Look at the inputs of some rows, but for the `labels`, which must agree anyway."""
        if not self.alike:
            # As a rule the first rows tell, and the others need not be looked at.
            return
        for ours, theirs in zip(chain.from_iterable(base), chain.from_iterable(cand), strict=True):
            for name in ours.keys() - labels:
                self.alike = self.alike and np.array_equal(ours[name], theirs[name])
                self.whole = self.whole and bool(np.all(ours[name] == np.trunc(ours[name])))

    def merge(self, other: Likeness) -> None:
        """Take over what `other` saw."""
        self.alike &= other.alike
        self.whole &= other.whole


def _same(one: Source, other: Source) -> bool:
    if isinstance(one, MemorySource) and isinstance(other, MemorySource):
        return _same_tables(one, other)
    if isinstance(one, MemorySource) or isinstance(other, MemorySource):
        return False
    if one.place.path == other.place.path:
        return True
    if is_uri(one.place.path) or is_uri(other.place.path) or one.bytes != other.bytes:
        return False
    return _same_bytes(Path(one.place.path), Path(other.place.path))


def _same_bytes(one: Path, other: Path) -> bool:
    """Whether two files of one size hold the same bytes; different ones differ early as a rule."""
    try:
        if one.samefile(other):
            return True
        with one.open("rb") as ours, other.open("rb") as theirs:
            return all(
                before == after
                for before, after in zip_longest(
                    iter(lambda: ours.read(_BLOCK), b""), iter(lambda: theirs.read(_BLOCK), b"")
                )
            )
    except OSError as error:
        raise InputError(f"{one}: cannot be read: {error.strerror}") from error


def _same_tables(one: MemorySource, other: MemorySource) -> bool:
    if one.data is other.data:
        return True
    if not isinstance(one.data, list) or not isinstance(other.data, list) or one.rows != other.rows:
        return False
    if not one.data or one.data[0].schema != other.data[0].schema:
        return not one.data and not other.data
    return bool(pa.Table.from_batches(one.data).equals(pa.Table.from_batches(other.data)))
