"""Which class a label and a score belong to: names from metadata and from columns, matched by value.

The labels of the file decide between the names that predictions could carry;
what remains unsettled is a question, never a guess.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from dataclasses import field

from losscli.columns.labels import binary_value, canonical, number_of
from losscli.columns.look import Sight
from losscli.columns.names import folded
from losscli.errors import InputError, one_line
from losscli.readers import Column
from losscli.records import dataclass

# The names that transformers give to classes without names.
_UNNAMED = "label_"

_TRUTHS = {"true": "1", "false": "0"}

LISTED = 10


class PositiveLabelError(InputError):
    """There are two classes, and which one is the positive has to be said."""


@dataclass(frozen=True)
class Naming:
    """The classes in the order of the predictions, and how labels find them.

    `scores` are the classes as the predictions themselves name them;
    `label_names` has the class of each label that is not its name; `unmatched`
    tells which labels and classes have no partner in the first rows.
    """

    classes: tuple[str, ...]
    scores: tuple[str, ...]
    label_names: Mapping[str, str] = field(default_factory=dict)
    why: str = "by their names"
    note: str | None = None
    unmatched: str | None = None
    ambiguity: str | None = None


def bare(name: str) -> str:
    """The number of a class that transformers named LABEL_<number>; another name as it is."""
    number = name[len(_UNNAMED) :]
    return number if name.lower().startswith(_UNNAMED) and number.isdigit() else name


def labels_of(seen: Sight | None, ignored: Collection[str] = ()) -> set[str] | None:
    """The labels in the first rows by value; None where these were not looked at or are too many for classes."""
    if seen is None or seen.words is None:
        return None
    return {canonical(word) for word in seen.words} - set(ignored)


def match_classes(
    carried: Sequence[str], columns: Sequence[str], label: Column, seen: Sight | None, ignored: Collection[str]
) -> Naming:
    """The classes that prediction columns, or the scores of a row, name, as the labels call them."""
    own = tuple(canonical(one) for one in carried)
    whole = tuple(canonical(one) for one in columns) if len(columns) == len(own) else own
    plain = tuple(bare(one) for one in own)
    declared = _declared(plain, own, label)
    if declared is not None:
        return declared
    labels = labels_of(seen, ignored)
    if labels is None:
        return Naming(plain if label.kind == "integer" else own, own)
    for classes in (own, whole, plain):
        if labels <= set(classes):
            return Naming(classes, own, note=coercion(label, seen, {}))
    for classes in (own, plain):
        translated = _translated(labels, classes)
        if translated is not None:
            return Naming(classes, own, translated, note=coercion(label, seen, translated))
    return Naming(own, own, unmatched=_unmatched(labels, own))


def number_classes(count: int, label: Column, seen: Sight | None, shown: str, path: str) -> Naming:
    """The `count` classes of predictions that name none: those of the label's metadata, else 0 to count - 1.

    Raises InputError where the labels are not these numbers; `shown` are the
    predictions in words.
    """
    places = tuple(str(one) for one in range(count))
    if label.names is not None and len(label.names) == count:
        names = tuple(canonical(one) for one in label.names)
        if label.named_by == "ClassLabel":
            return Naming(names, places, dict(zip(places, names, strict=True)), "by the ClassLabel of the label")
        unsure = None
        if label.named_by == "dictionary" and list(names) != sorted(names):
            unsure = (
                f'{path}: the classes of pred={shown} are taken in the order of the dictionary of "{label.name}", '
                f"{_listed(names)}; --classes settles it"
            )
        return Naming(names, places, why=f"by the {label.named_by} of the label", ambiguity=unsure)
    labels = labels_of(seen)
    if labels is not None and labels <= set(places):
        return Naming(places, places, why="0 to k - 1", note=coercion(label, seen, {}))
    if count == 2 and labels is not None and labels <= set(_TRUTHS):
        return Naming(places, places, dict(_TRUTHS), "0 to k - 1", coercion(label, seen, _TRUTHS))
    whole = labels is not None and all(_is_whole(one) for one in labels)
    if (label.kind in ("text", "boolean") and not whole) or (labels is not None and len(labels) == count):
        raise _unnamed(count, label, labels, shown, path)
    return Naming(places, places, why="0 to k - 1")


def _declared(plain: tuple[str, ...], own: tuple[str, ...], label: Column) -> Naming | None:
    """The names that a ClassLabel gives to labels, which are numbers."""
    if label.named_by != "ClassLabel" or label.names is None:
        return None
    names = tuple(canonical(one) for one in label.names)
    places = {str(place): name for place, name in enumerate(names)}
    if set(own) == set(names):
        return Naming(own, own, places, "by their names and the ClassLabel of the label")
    if set(plain) == set(places):
        return Naming(tuple(places[one] for one in plain), own, places, "by the ClassLabel of the label")
    return None


def _translated(labels: Collection[str], classes: tuple[str, ...]) -> dict[str, str] | None:
    """The class of each label where these are truth values and 0 and 1, or differ in case and separators only."""
    known = set(classes)
    for table in (_TRUTHS, {number: word for word, number in _TRUTHS.items()}):
        if set(labels) <= set(table) and known == set(table.values()):
            return dict(table)
    by_fold = {folded(one): one for one in classes}
    found = {label: by_fold[folded(label)] for label in labels if folded(label) in by_fold}
    distinct = len(by_fold) == len(classes) and len(set(found.values())) == len(found)
    return found if len(found) == len(set(labels)) and distinct else None


def coercion(label: Column, seen: Sight | None, translated: Mapping[str, str]) -> str | None:
    """One line on labels that are not written as the class that they are."""
    if seen is None or seen.words is None:
        return None
    for word in seen.words:
        label_value = canonical(word)
        name = translated.get(label_value, label_value)
        written = f"{word}.0" if label.kind == "number" and "." not in word else word
        if name != written:
            return f'labels are matched by value: "{written}" in "{label.name}" is the class {name}'
    return None


def _unmatched(labels: Collection[str], classes: Sequence[str]) -> str:
    without = sorted(set(labels) - set(classes))
    unused = [one for one in classes if one not in labels]
    text = f"labels without a prediction: {_listed(without)}"
    return text + (f"; predictions without a label: {_listed(unused)}" if unused else "")


def _unnamed(count: int, label: Column, labels: set[str] | None, shown: str, path: str) -> InputError:
    what: str = label.kind
    if labels and len(labels) == count:
        numbers = all(number_of(one) is not None for one in labels)
        order = sorted(labels, key=float) if numbers else sorted(labels)
        fix = (
            f"--classes {','.join(map(one_line, order))}, if this is the order of the predictions"
            if count <= LISTED
            else None
        )
        what = f"{what}, not 0 to {count - 1}" if numbers else what
    else:
        fix = None
    return InputError(
        f'{path}: the labels in "{label.name}" are {what}, and pred={shown} does not name its classes',
        "class names in the order of the predictions",
        fix or "--classes a,b,c",
    )


def positive_label(label: Column, seen: Sight | None, path: str) -> str | None:
    """The label of the positive class where it is known: of 0 and 1, -1 and 1, or two words such as no and yes.

    Raises PositiveLabelError for two other labels.
    """
    labels = labels_of(seen)
    if labels is None:
        return {"number": "1", "integer": "1", "boolean": "true"}.get(label.kind)
    values = {one: binary_value(one, None) for one in labels}
    if all(value is not None for value in values.values()):
        hard = [one for one, value in values.items() if value == 1]
        return hard[0] if len(hard) == 1 else "1" if "1" in hard or label.kind in ("number", "integer") else None
    if len(labels) != 2:
        return None
    one, other = sorted(labels)
    raise PositiveLabelError(
        f'{path}: the labels in "{label.name}" are {_quoted(one)} and {_quoted(other)}, '
        "and either may be the positive class",
        "the positive label by name",
        f"--pos-label {one_line(other)}, or --pos-label {one_line(one)}",
    )


def truth_names(seen: Sight | None) -> dict[str, str]:
    """The names of truth values as labels of two classes where the first rows write 0 and 1, and the reverse."""
    labels = labels_of(seen) or set()
    tables = (_TRUTHS, {number: word for word, number in _TRUTHS.items()})
    return next((table for table in tables if labels & set(table.values())), {})


def positive_place(classes: Sequence[str], positive: str | None) -> int | None:
    """Which of two classes is the positive one; None when that is not known."""
    if positive is not None and positive in classes:
        return list(classes).index(positive)
    values = [binary_value(one, None) for one in classes]
    return values.index(1.0) if positive in ("1", "true") and sorted(map(str, values)) == ["0.0", "1.0"] else None


def classes_written(text: str) -> tuple[str, ...] | None:
    """The words of a list that is written as text, ``["a", "b"]`` or ``['a', 'b']``; None when it is none."""
    try:
        words = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if not isinstance(words, list | tuple) or not all(isinstance(word, str | int | float) for word in words):
        return None
    return tuple(canonical(str(word)) for word in words)


def _is_whole(label: str) -> bool:
    value = number_of(label)
    return value is not None and value.is_integer()


def _listed(words: Sequence[str]) -> str:
    return ", ".join(map(one_line, words[:LISTED])) + (f", … ({len(words)})" if len(words) > LISTED else "")


def _quoted(label: str) -> str:
    return label if number_of(label) is not None else one_line(f'"{label}"')
