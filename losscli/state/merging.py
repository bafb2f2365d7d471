"""Several states as one: what they must share, and what they add up to."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from losscli.errors import InputError, UsageError
from losscli.outcome import Outcome, Provenance, Shown
from losscli.readers import RowCounts
from losscli.state.saving import read_state
from losscli.work import refuse_many_groups

# Of the columns' mapping these say how it was found, not what it is.
_HOW_FOUND = ("detected", "id", "keep", "pred_kind_from")


def found_states(patterns: Sequence[str]) -> list[str]:
    """The paths that `patterns` stand for, the matches of a glob by name."""
    paths: list[str] = []
    for pattern in patterns:
        matches = sorted(glob.glob(pattern)) if glob.has_magic(pattern) and not Path(pattern).exists() else [pattern]  # noqa: PTH207  # Path.glob takes no absolute pattern
        if not matches:
            raise InputError(f"no file matches {pattern}", "at least one state")
        paths += matches
    return paths


def shown_as(outcome: Outcome, *, level: float | None, ci: str | None, per_class: bool | None) -> Outcome:
    """An outcome with other intervals, or with or without classes; None leaves what the states say."""
    shown = outcome.provenance.shown
    given = {"level": level, "ci": ci, "per_class": per_class}
    shown = replace(shown, **{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]  # Shown refuses other words
    return replace(outcome, provenance=replace(outcome.provenance, shown=shown))


def merge_states(paths: Sequence[str]) -> Outcome:
    """The states at `paths` as one: bit for bit the outcome of one pass over all their data.

    Raises UsageError for no path and for one that is there twice, InputError
    for what is no state, for states that do not belong together, and for too
    many groups.
    """
    if not paths:
        raise UsageError("no states to merge", "files that -o state=FILE wrote")
    _refuse_same_path(paths)
    contents: dict[bytes, str] = {}
    merged: Outcome | None = None
    for path in paths:
        outcome, content = read_state(path)
        if content in contents:
            raise InputError(
                f"{path}: the same state as {contents[content]}, byte for byte",
                "each part of the data once",
            )
        contents[content] = path
        merged = outcome if merged is None else _plus(merged, outcome, paths[0], path)
    assert merged is not None
    return merged


def _plus(whole: Outcome, part: Outcome, first: str, path: str) -> Outcome:
    mine, theirs = whole.provenance, part.provenance
    for what, ours, other in _differences(mine, theirs):
        raise InputError(
            f"{first} and {path} do not belong together: {what} is {ours} in the first and {other} in the second",
            "states of one evaluation, cut by rows",
        )
    known = {one for one in mine.inputs if one.rows and one.path != "-"}
    twice = [
        f"{one.path} ({one.rows:,} rows) is an input of {path} and of a state before it"
        for one in theirs.inputs
        if one in known
    ]
    # Files are numbered on.
    part.partial.counts = RowCounts(
        {(len(mine.inputs) + file, row): rows for (file, row), rows in part.partial.counts.shards.items()}
    )
    whole.partial.merge(part.partial)
    refuse_many_groups(whole.partial, mine.by, by_class=mine.by_class)
    provenance = replace(
        mine,
        shown=mine.shown if mine.shown == theirs.shown else Shown(),
        inputs=(*mine.inputs, *theirs.inputs),
        warnings=tuple(dict.fromkeys((*mine.warnings, *theirs.warnings, *twice))),
        notes=tuple(dict.fromkeys((*mine.notes, *theirs.notes))),
    )
    return Outcome(whole.partial, provenance)


def _differences(mine: Provenance, theirs: Provenance) -> Iterator[tuple[str, str, str]]:
    """What differs between two provenances although it defines the numbers, and its two values."""
    pairs: list[tuple[str, Any, Any]] = [
        ("the list of losses", _titles(mine), _titles(theirs)),
        ("the reduction", mine.reduction.value, theirs.reduction.value),
        ("--nan", mine.nan, theirs.nan),
        ("the signature", _signatures(mine), _signatures(theirs)),
        ("--by", _crosses(mine), _crosses(theirs)),
        ("the list of classes", mine.classes, theirs.classes),
    ]
    columns = [one for one in (*mine.columns, *theirs.columns) if one not in _HOW_FOUND]
    pairs += [(f'"{one}"', mine.columns.get(one), theirs.columns.get(one)) for one in dict.fromkeys(columns)]
    pairs += [
        ("the use of weights", mine.weighted, theirs.weighted),
        ("having classes", mine.by_class, theirs.by_class),
    ]
    for what, ours, other in pairs:
        if ours != other:
            yield what, _shown(ours), _shown(other)


def _titles(source: Provenance) -> list[str]:
    return [expression.title for expression in source.expressions]


def _signatures(source: Provenance) -> list[str]:
    return [expression.signature(source.reduction, source.nan) for expression in source.expressions]


def _crosses(source: Provenance) -> list[str]:
    return [",".join(cross) for cross in source.by]


def _shown(value: Any) -> str:
    if value is None or value in ([], ()):
        return "none"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _refuse_same_path(paths: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    for path in paths:
        place = str(Path(path).resolve())
        if place in seen:
            again = path if path == seen[place] else f"{path}, which is {seen[place]},"
            raise UsageError(f"{again} is there twice", "each state once")
        seen[place] = path
