"""The plan of one file: which column feeds which input of the losses, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from losscli.columns.find import Choice, Finder
from losscli.columns.labels import canonical
from losscli.columns.names import LABELS, VALUES
from losscli.columns.need import BINARY_READINGS, CLASS_READINGS, Need
from losscli.columns.request import PREDICTION_KINDS, ColumnRequest, PredictionKind
from losscli.errors import InputError, UsageError, nearest
from losscli.readers import Column, ColumnType
from losscli.readers.text_lists import SHORTENED, WRITE_WHOLE_LISTS
from losscli.roles import SHAPES, Reading

LISTS = ("vector", "matrix")
FLAGS = {"label": "-y COLUMN", "pred": "-p COLUMN"}


@dataclass(frozen=True)
class ColumnPlan:
    """The columns of one file and their meaning.

    `input_columns` has the columns of every input, predictions in class order;
    `lengths` the list lengths (k,) or (m, k) of list columns; `classes` the
    labels in prediction order, None where the losses have no fixed classes.
    `class_input` is the label that gives each row its class, None when there
    is none.  `detected` are the roles found by name; `ambiguities` say where
    another mapping was plausible, for the caller to warn about or refuse.
    """

    path: str
    input_columns: Mapping[str, tuple[str, ...]]
    lengths: Mapping[str, tuple[int, ...]]
    types: Mapping[str, ColumnType]
    weight: str | None
    by: tuple[tuple[str, ...], ...]
    id: str | None
    keep: tuple[str, ...]
    classes: tuple[str, ...] | None
    pos_label: str | None
    pred_kind: PredictionKind
    binary: bool
    class_input: tuple[str, Reading] | None
    roles: Mapping[str, tuple[str, ...]]
    detected: frozenset[str]
    ambiguities: tuple[str, ...]

    @property
    def has_classes(self) -> bool:
        """Whether every row has a class to group by."""
        return self.class_input is not None

    def line(self) -> str:
        """The mapping in one line, ``label=y_true pred=y_pred by=region``, with what was found by name."""
        parts = [f"{role}={_shown(columns)}" for role, columns in self.roles.items()]
        if self.weight:
            parts.append(f"weight={self.weight}")
        parts.extend(f"by={','.join(cross)}" for cross in self.by)
        if self.id:
            parts.append(f"id={self.id}")
        if self.classes:
            parts.append(f"classes={_shown(self.classes)}")
        if self.pos_label is not None:
            parts.append(f"pos_label={self.pos_label}")
        if self.pred_kind != "auto":
            parts.append(f"pred_kind={self.pred_kind}")
        found = [role for role in self.roles if role in self.detected]
        return " ".join(parts) + (f" ({', '.join(found)} found by name)" if found else "")

    def to_dict(self) -> dict[str, Any]:
        """The mapping for the JSON key `columns`."""
        mapping: dict[str, Any] = {"label": None, "pred": None}
        for role, columns in self.roles.items():
            mapping[role] = columns[0] if len(columns) == 1 else list(columns)
        return {
            **mapping,
            "weight": self.weight,
            "by": [list(cross) for cross in self.by],
            "id": self.id,
            "keep": list(self.keep),
            "classes": None if self.classes is None else list(self.classes),
            "pos_label": self.pos_label,
            "pred_kind": self.pred_kind,
            "detected": sorted(self.detected),
        }


def plan_columns(columns: Sequence[Column], request: ColumnRequest, needs: Sequence[Need], path: str) -> ColumnPlan:
    """Choose the columns of a file for the inputs of the selected losses.

    What the request names wins; the rest is found by conventional names.
    Raises InputError for a column that is missing, not to be found or of the
    wrong shape, and UsageError for options that fit no selected loss.
    """
    return _Planner(columns, request, needs, path).plan()


class _Planner:
    def __init__(self, columns: Sequence[Column], request: ColumnRequest, needs: Sequence[Need], path: str) -> None:
        self.request = request
        self.needs = needs
        self.path = path
        self.finder = Finder(columns, path)
        self.label_needs = [need for need in needs if need.role == "label"]
        self.pred_needs = [need for need in needs if need.role == "pred"]
        self.others = self._others()
        self.roles: dict[str, Choice] = {}

    def plan(self) -> ColumnPlan:
        self._check_request()
        self._choose()
        classes = self._classes()
        inputs = {need.input: self.roles[need.role or need.input].columns for need in self.needs}
        self._check_shapes(inputs)
        self._check_label_options(classes)
        by = tuple(tuple(self._single(name) for name in cross) for cross in self.request.by)
        weight = self.finder.named(self.request.weight) if self.request.weight is not None else None
        identity = self._single(self.request.id) if self.request.id is not None else None
        keep = tuple(self.finder.named(name) for name in self.request.keep)
        used = [name for chosen in inputs.values() for name in chosen]
        return ColumnPlan(
            path=self.path,
            input_columns=inputs,
            lengths={name: self._length(name) for name in dict.fromkeys([*used, *keep]) if self._kind(name) in LISTS},
            types=self._types(inputs, weight, by, identity, keep),
            weight=weight,
            by=by,
            id=identity,
            keep=keep,
            classes=classes,
            pos_label=self._positive(),
            pred_kind=self.request.pred_kind,
            binary=self._either_is_binary(),
            class_input=self._class_input(),
            roles={role: choice.columns for role, choice in self.roles.items()},
            detected=frozenset(role for role, choice in self.roles.items() if choice.detected),
            ambiguities=tuple(self.finder.ambiguities),
        )

    def _check_request(self) -> None:
        request = self.request
        if request.pred_kind not in PREDICTION_KINDS:
            raise UsageError(f'no kind of prediction "{request.pred_kind}"', "one of " + ", ".join(PREDICTION_KINDS))
        if request.label and not self.label_needs:
            raise UsageError("a label column is given, but no selected loss reads a label")
        if request.pred and not self.pred_needs:
            raise UsageError("a prediction column is given, but no selected loss reads a prediction")

    def _others(self) -> dict[str, tuple[str, ...]]:
        """The columns of ``--col`` by the name of the input, which may be given by an alias."""
        inputs = list(dict.fromkeys(need.input for need in self.needs))
        owners = {alias: need.input for need in self.needs for alias in need.aliases}
        others: dict[str, tuple[str, ...]] = {}
        for role, columns in self.request.others.items():
            name = role if role in inputs else owners.get(role)
            if name is None:
                near = nearest(role, [*inputs, *owners])
                raise UsageError(
                    f'no selected loss has an input "{role}"',
                    "one of " + ", ".join(inputs),
                    near and f"--col {near}=COLUMN",
                )
            if others.setdefault(name, columns) != columns:
                raise UsageError(f"the input {name} is given twice, with different columns", f"--col {name}=COLUMN")
        return others

    def _choose(self) -> None:
        """Fill `roles`: explicit columns first, so that detection leaves them alone."""
        for need in self.needs:
            role = need.role or need.input
            asked = {"label": self.request.label, "pred": self.request.pred}.get(role, ())
            wanted = asked or self.others.get(need.input, ())
            if wanted and role not in self.roles:
                self.roles[role] = self.finder.explicit(wanted)
        if self.label_needs and self.pred_needs and not {"label", "pred"} & set(self.roles):
            pair = self.finder.pair()
            if pair and not self._wants_classes():
                self.roles["label"] = Choice((pair[0],), detected=True)
                self.roles["pred"] = Choice((pair[1],), detected=True)
        for need in self.needs:
            role = need.role or need.input
            if role not in self.roles:
                self.roles[role] = self._detected(role)
        self.roles = {role: self.roles[role] for role in dict.fromkeys(need.role or need.input for need in self.needs)}

    def _wants_classes(self) -> bool:
        return any(need.reading in CLASS_READINGS for need in self.label_needs)

    def _detected(self, role: str) -> Choice:
        # The predictions themselves may be penalised.
        penalised = {need.input for need in self.needs if need.shape == "any"}
        taken = [name for role, choice in self.roles.items() if role not in penalised for name in choice.columns]
        if role == "label":
            choice = self.finder.label(self.label_needs, taken)
            expected = "a column named " + ", ".join(LABELS[:6]) + ", …"
        elif role == "pred":
            choice = self.finder.prediction(self.label_needs, self.pred_needs, taken)
            expected = "a column named " + ", ".join(VALUES[:6]) + ", …, or several such as prob_<class>"
        else:
            choice = self.finder.other(role, taken)
            expected = f'a column named "{role}"'
        if choice is None:
            what = {"label": "the label", "pred": "the prediction"}.get(role, f'"{role}"')
            flag = FLAGS.get(role, f"--col {role}=COLUMN")
            fix = f"{flag}; the columns are {self.finder.listed()}"
            raise InputError(f"{self.path}: no column found for {what}", expected, fix)
        return choice

    def _kind(self, name: str) -> str:
        return self.finder.by_name[name].kind

    def _single(self, name: str) -> str:
        """`name`, which must be a column of single values."""
        column = self.finder.by_name[self.finder.named(name)]
        if column.kind in (*LISTS, "other") and not column.as_text:
            raise InputError(f'{self.path}: column "{name}" holds {column.type}', "a column of single values")
        return name

    def _length(self, name: str) -> tuple[int, ...]:
        column = self.finder.by_name[name]
        lengths = (column.width, column.inner_width) if column.kind == "matrix" else (column.width,)
        known = tuple(length for length in lengths if length is not None)
        if len(known) < len(lengths) and column.as_text:
            raise InputError(
                f'{self.path}: column "{name}" holds {SHORTENED}', "every number of each list", WRITE_WHOLE_LISTS
            )
        if len(known) < len(lengths):
            raise InputError(f'{self.path}: column "{name}" holds no list in its first rows', "lists of one length")
        return known

    def _count(self, columns: Sequence[str]) -> int | None:
        """How many numbers a row has in these columns; None for one plain column."""
        if len(columns) > 1:
            return len(columns)
        return self._length(columns[0])[-1] if self._kind(columns[0]) in LISTS else None

    def _check_shapes(self, inputs: Mapping[str, tuple[str, ...]]) -> None:
        for need in self.needs:
            columns = inputs[need.input]
            count, kind = self._count(columns), self._kind(columns[0])
            sets = kind == "matrix" or (kind == "vector" and len(columns) > 1)
            fits = {
                "row": count is None,
                "element": not sets,
                "vector": need.reading in ("one_hot",) or (count is not None and not sets),
                "embedding": not sets,
                "vectors": sets,
                "any": True,
            }[need.shape]
            if not fits:
                raise self._misfit(need, columns)
        for need in self.needs:
            if need.role == "label" and need.reading in ("number", *BINARY_READINGS) and need.shape == "element":
                for other in self.pred_needs:
                    if other.loss == need.loss and other.shape == "element":
                        self._check_counts(need.loss, inputs[need.input], inputs[other.input])

    def _check_counts(self, loss: str, labels: tuple[str, ...], predictions: tuple[str, ...]) -> None:
        ours, theirs = self._count(labels), self._count(predictions)
        if ours != theirs:
            raise InputError(
                f"{self.path}: {loss} compares each label with one prediction, "
                f"but label={_shown(labels)} and pred={_shown(predictions)}",
                "as many predictions as labels",
                "-y and -p with one column each, or as many in each",
            )

    def _misfit(self, need: Need, columns: tuple[str, ...]) -> InputError:
        shown = _shown(columns)
        expected = {
            "row": "one column of single values",
            "vector": "one column for each class or component, or a list column",
            "vectors": "a column of lists of lists, or several list columns",
        }.get(need.shape, f"values of shape {SHAPES[need.shape]}")
        fix = None
        if need.role == "pred" and need.shape == "vector" and self._wants_classes():
            fix = "-p 'prob_*', or a loss for one score, such as binary_crossentropy"
        return InputError(f"{self.path}: {need.loss} cannot read {need.input} from {shown}", expected, fix)

    def _either_is_binary(self) -> bool:
        """Whether losses with a binary and a multiclass form take the binary one: one score a row."""
        if "pred" not in self.roles or not any(need.reading == "either" for need in self.label_needs):
            return False
        return self._count(self.roles["pred"].columns) is None

    def _by_class(self, need: Need) -> bool:
        """Whether this label is one column of class names."""
        if need.role != "label" or self._count(self.roles["label"].columns) is not None:
            return False
        return need.reading in CLASS_READINGS or (need.reading == "either" and not self._either_is_binary())

    def _two_class(self) -> bool:
        readings = {need.reading for need in self.label_needs}
        return bool(readings & set(BINARY_READINGS)) or ("either" in readings and self._either_is_binary())

    def _classes(self) -> tuple[str, ...] | None:
        """The classes in the order of the predictions."""
        predictions = self.roles.get("pred")
        named = any(need.reading in (*CLASS_READINGS, "either") for need in self.label_needs)
        scored = any(need.shape == "vector" for need in self.pred_needs)
        either = any(need.reading == "either" for need in self.label_needs)
        if predictions is None or not named or not (scored or either):
            return None
        count = self._count(predictions.columns)
        if count is None:
            return None
        if self.request.classes is not None:
            return self._asked_classes(self.request.classes, count)
        if predictions.classes is not None:
            return tuple(canonical(one) for one in predictions.classes)
        if any(self._by_class(need) for need in self.label_needs):
            self._require_indices(predictions.columns)
        return tuple(str(one) for one in range(count))

    def _asked_classes(self, asked: tuple[str, ...], count: int) -> tuple[str, ...]:
        predictions = self.roles["pred"]
        classes = tuple(canonical(one) for one in asked)
        if len(classes) != count:
            raise UsageError(
                f"--classes names {len(classes)} classes, but pred={_shown(predictions.columns)} has {count}",
                f"{count} classes in the order of the predictions",
            )
        if len(set(classes)) < len(classes):
            raise UsageError("--classes names a class twice", "distinct classes")
        carried = tuple(canonical(one) for one in predictions.classes or ())
        if carried != classes and set(carried) == set(classes):
            if predictions.ordered:
                place = dict(zip(carried, predictions.columns, strict=True))
                columns = tuple(place[one] for one in classes)
                self.roles["pred"] = Choice(columns, classes, True, predictions.detected)
            else:
                self.finder.ambiguities.append(
                    f"{self.path}: --classes {_shown(classes)} contradicts the order of "
                    f"pred={_shown(predictions.columns)}; taking --classes"
                )
        return classes

    def _require_indices(self, predictions: tuple[str, ...]) -> None:
        """Without names for the classes, labels must be their places."""
        label = self.finder.by_name[self.roles["label"].columns[0]]
        if label.kind in ("text", "boolean"):
            raise InputError(
                f'{self.path}: the labels in "{label.name}" are {label.kind}, '
                f"and pred={_shown(predictions)} does not name its classes",
                "class names in the order of the predictions",
                "--classes a,b,c",
            )

    def _check_label_options(self, classes: tuple[str, ...] | None) -> None:
        asked = self.request.classes
        pair = asked is not None and len(asked) == 2 and self._two_class()
        if asked is not None and classes is None and not pair:
            raise UsageError(
                "--classes is given, but no selected loss has a prediction for each class",
                "--classes with several prediction columns or a list column",
            )
        if self.request.pos_label is not None and not self._two_class():
            raise UsageError("--pos-label is given, but no selected loss has a positive class")

    def _positive(self) -> str | None:
        """The positive label: as asked, or the second of two classes."""
        if self.request.pos_label is not None:
            return canonical(self.request.pos_label)
        if self.request.classes is not None and self._two_class() and len(self.request.classes) == 2:
            return canonical(self.request.classes[1])
        return None

    def _class_input(self) -> tuple[str, Reading] | None:
        for need in self.label_needs:
            if need.reading != "number" and self._count(self.roles["label"].columns) is None:
                return need.input, need.reading
        return None

    def _types(
        self,
        inputs: Mapping[str, tuple[str, ...]],
        weight: str | None,
        by: tuple[tuple[str, ...], ...],
        identity: str | None,
        keep: tuple[str, ...],
    ) -> dict[str, ColumnType]:
        """The type to read each column in; text where any use wants text."""
        types: dict[str, ColumnType] = {}
        for need in self.needs:
            for name in inputs[need.input]:
                wanted = self._type(need, name)
                if types.get(name) != "text":
                    types[name] = wanted
        if weight is not None:
            types.setdefault(weight, "number")
        for name in [*(name for cross in by for name in cross), *([identity] if identity is not None else [])]:
            types[name] = "text"
        for name in keep:
            types.setdefault(name, self._list_type(name) or "text")
        return types

    def _list_type(self, name: str) -> ColumnType | None:
        """The type to read a column of lists in; None for single values."""
        column = self.finder.by_name[name]
        if column.kind not in LISTS:
            return None
        return "text" if column.as_text else "vector" if column.kind == "vector" else "matrix"

    def _type(self, need: Need, name: str) -> ColumnType:
        lists = self._list_type(name)
        if lists is not None:
            return lists
        kind = self._kind(name)
        if self._by_class(need) or need.reading == "class":
            return "text"
        binary = need.reading in BINARY_READINGS or (need.reading == "either" and self._either_is_binary())
        words = kind not in ("number", "integer") or self._positive() is not None
        return "text" if binary and words else "number"


def _shown(columns: Sequence[str]) -> str:
    if len(columns) <= 3:
        return ",".join(columns)
    return f"{columns[0]},…,{columns[-1]} ({len(columns)})"
