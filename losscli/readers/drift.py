"""What the columns of two files of one evaluation differ in, as far as it matters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from losscli.readers.source import ColumnType, Source

LISTS: tuple[Literal["vector", "matrix", "labelled"], ...] = ("vector", "matrix", "labelled")


def drift(first: Source, other: Source, types: Mapping[str, ColumnType]) -> str | None:
    """Why `other` cannot go on where `first` ends, given the columns that are read; None if it can.

    Only what a file says for sure counts: the kinds of text formats are hints.
    """
    ours = {column.name: column for column in first.columns}
    theirs = {column.name: column for column in other.columns}
    missing = [f'"{name}"' for name in types if name not in theirs]
    if missing:
        return f"no column {', '.join(missing)}, which {first.path} has"
    for name in types:
        mine, its = ours[name], theirs[name]
        lists = [one.kind if one.kind in LISTS else "no list" for one in (mine, its)]
        if lists[0] != lists[1]:
            return f'column "{name}" holds {its.type}, but {mine.type} in {first.path}'
        lengths = [(one.width, one.inner_width) for one in (mine, its)]
        if mine.kind in LISTS and None not in (mine.width, its.width) and lengths[0] != lengths[1]:
            return f'column "{name}" holds lists of {_shown(lengths[1])}, but of {_shown(lengths[0])} in {first.path}'
    return None


def _shown(lengths: tuple[int | None, int | None]) -> str:
    return " x ".join(str(length) for length in lengths if length is not None)
