"""Refusing a baseline that is the candidate."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

import pyarrow as pa

from losscli.errors import InputError
from losscli.readers import Source
from losscli.readers.memory import MemorySource
from losscli.readers.storage import is_uri

_BLOCK = 1 << 20


def refuse_same(base: Sequence[Source], cand: Sequence[Source]) -> None:
    """Raise an InputError when both sides are the same files, or hold the same bytes or tables.

    Equal files are nearly always a mistake in a script, and would pass every gate.
    """
    if len(base) == len(cand) and all(_same(one, other) for one, other in zip(base, cand, strict=True)):
        one, other = base[0].path, cand[0].path
        what = "is the baseline itself" if one == other else f"has the same content as the baseline {one}"
        raise InputError(f"{other}: the candidate {what}", "the predictions of two models")


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
