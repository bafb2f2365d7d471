"""Reading a plain command line from a command's declarations, without the parser.

Only what is certain is read: options and switches spelled out, their values,
and files.  Anything else, a mistake above all, is left to Typer, which reads
the same declarations, so that errors and help come from one place.
"""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Annotated, Any, get_args, get_origin

from losscli.cli.declared import Argument, Declared
from losscli.records import dataclass

_NUMBERS: dict[type, str] = {
    int: r"[0-9]+",
    float: r"[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?",
}


@dataclass(frozen=True)
class _Slot:
    """Where a word goes: the parameter, the value that a switch sets, the type of others, whether it repeats."""

    name: str
    switch: bool | None
    kind: type
    repeats: bool


def read_words(
    command: Callable[..., Any],
    words: Sequence[str],
    switches: Collection[str] = (),
    values: Collection[str] = (),
) -> dict[str, Any] | None:
    """The arguments that `words` stand for; None when a word is not understood or one is missing.

    `switches` and `values` are names of further options, ``--name/--no-name``
    and ``--name VALUE``; they are taken only where `command` has ``**options``.
    """
    parameters = inspect.signature(command, eval_str=True).parameters.values()
    slots: dict[str, _Slot] = {}
    files = None
    for one in parameters:
        if one.kind is one.VAR_KEYWORD:
            slots |= _further(switches, values)
            continue
        base, *notes = get_args(one.annotation) if get_origin(one.annotation) is Annotated else (None,)
        if not notes or not isinstance(notes[0], Declared):
            return None
        kind, repeats = _kind(base)
        if isinstance(notes[0], Argument):
            if files is not None or not repeats:
                return None
            files = one.name
        slots |= _slots(one.name, notes[0].flags, kind, repeats)
    given = _read(words, slots, files)
    if given is None:
        return None
    for one in parameters:
        if one.kind is one.VAR_KEYWORD:
            continue
        if one.default is one.empty and one.name not in given:
            return None
        given.setdefault(one.name, one.default)
    return given


def _read(words: Sequence[str], slots: Mapping[str, _Slot], files: str | None) -> dict[str, Any] | None:
    given: dict[str, Any] = {}
    queue = iter(words)
    for word in queue:
        if word == "-" or not word.startswith("-"):
            if files is None or not _is_text(word):
                return None
            given.setdefault(files, []).append(word)
            continue
        flag, equals, text = word.partition("=") if word.startswith("--") else (word, "", "")
        slot = slots.get(flag)
        if slot is None:
            return None
        if slot.switch is not None:
            if equals:
                return None
            given[slot.name] = slot.switch
            continue
        value = _value(text if equals else next(queue, "-"), slot.kind)
        if value is None:
            return None
        if slot.repeats:
            given.setdefault(slot.name, []).append(value)
        else:
            given[slot.name] = value
    return given


def _value(text: str, kind: type) -> Any:
    """A word as a value, or None where it might be an option or be read in another way."""
    if text.startswith("-") or not _is_text(text):
        return None
    if kind is str:
        return text
    pattern = _NUMBERS.get(kind)
    return kind(text) if pattern is not None and re.fullmatch(pattern, text) else None


def _is_text(word: str) -> bool:
    # Bytes of a file name that are no text come as lone surrogates.
    return word.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in word)


def _kind(base: Any) -> tuple[type, bool]:
    """The type of the values of an option, and whether they make a list."""
    if get_origin(base) in (types.UnionType, typing.Union):
        base = next(member for member in get_args(base) if member is not type(None))
    return (get_args(base)[0], True) if get_origin(base) is list else (base, False)


def _slots(name: str, flags: Sequence[str], kind: type, repeats: bool) -> dict[str, _Slot]:
    found = {}
    for flag in flags:
        on, slash, off = flag.partition("/")
        found[on] = _Slot(name, True if kind is bool else None, kind, repeats)
        if slash:
            found[off] = _Slot(name, False, kind, repeats)
    return found


def _further(switches: Collection[str], values: Collection[str]) -> dict[str, _Slot]:
    found: dict[str, _Slot] = {}
    for name in switches:
        flag = name.replace("_", "-")
        found |= _slots(f"parameter_{name}", [f"--{flag}/--no-{flag}"], bool, False)
    for name in values:
        found |= _slots(f"parameter_{name}", ["--" + name.replace("_", "-")], str, False)
    return found
