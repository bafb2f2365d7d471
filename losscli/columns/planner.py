"""Planning: the columns of a file for the inputs of the selected losses, with a reason for each choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from losscli.columns import conventions
from losscli.columns.classes import (
    Naming,
    PositiveLabelError,
    bare,
    classes_written,
    coercion,
    labels_of,
    match_classes,
    number_classes,
    positive_label,
    positive_place,
    truth_names,
)
from losscli.columns.find import LISTS, Choice, Finder, Looking
from losscli.columns.labels import canonical, number_of
from losscli.columns.names import LABELS, SCORES, VALUES, folded
from losscli.columns.need import BINARY_READINGS, CLASS_READINGS, Need
from losscli.columns.plan import ColumnPlan, shown
from losscli.columns.request import PREDICTION_KINDS, ColumnRequest
from losscli.columns.shapes import Shapes
from losscli.errors import InputError, UsageError, nearest
from losscli.readers import Column, ColumnType
from losscli.roles import Reading

FLAGS = {"label": "-y COLUMN", "pred": "-p COLUMN"}


def plan_columns(
    columns: Sequence[Column],
    request: ColumnRequest,
    needs: Sequence[Need],
    path: str,
    look: Looking = lambda _: {},
) -> ColumnPlan:
    """Choose the columns of a file for the inputs of the selected losses.

    What the request names wins; then what the file's metadata says; the rest is
    found by conventional names, and by a `look` at the first rows where these
    leave a question.  Raises InputError for a column that is missing, not to be found or of the
    wrong shape, and UsageError for options that fit no selected loss.
    """
    return _Planner(columns, request, needs, path, look).plan()


class _Planner:
    def __init__(
        self, columns: Sequence[Column], request: ColumnRequest, needs: Sequence[Need], path: str, look: Looking
    ) -> None:
        self.request = request
        self.needs = needs
        self.path = path
        self.finder = Finder(columns, path, look)
        self.label_needs = [need for need in needs if need.role == "label"]
        self.pred_needs = [need for need in needs if need.role == "pred"]
        self.others = self._others()
        self.roles: dict[str, Choice] = {}
        self.naming: Naming | None = None
        self.shapes = Shapes(self.finder.by_name, path)
        self.scores: dict[str, tuple[str, ...]] = {}
        self.constants: dict[str, str] = {}
        self.notes: list[str] = []

    def plan(self) -> ColumnPlan:
        self._check_request()
        self._choose()
        positive = self._positive()
        self._pick(positive)
        classes = self._classes()
        inputs = {need.input: self.roles[need.role or need.input].columns for need in self.needs}
        self.shapes.check(self.needs, inputs)
        self._check_label_options(classes)
        by = tuple(tuple(self._single(name) for name in cross) for cross in self.request.by)
        weight = self._single(self.request.weight) if self.request.weight is not None else None
        identity = self._single(self.request.id) if self.request.id is not None else None
        keep = tuple(self._kept(name) for name in self.request.keep)
        used = [name for chosen in inputs.values() for name in chosen]
        for name in used:
            if self.shapes.kind(name) == "labelled":
                own = self.finder.by_name[name].names or ()
                self.scores.setdefault(name, tuple(canonical(one) for one in own))
        blank = [column for name in used if (column := self.finder.by_name[name]).header is not None]
        if blank:
            self.notes.append(f'the header "{blank[0].header}" is read as "{blank[0].name}", without the blanks')
        lists = [name for name in dict.fromkeys([*used, *keep]) if self.shapes.kind(name) in LISTS]
        return ColumnPlan(
            path=self.path,
            input_columns=inputs,
            lengths={name: self.shapes.length(name) for name in lists},
            types=self._types(inputs, weight, by, identity, keep),
            weight=weight,
            by=by,
            id=identity,
            keep=keep,
            classes=classes,
            pos_label=self._read_as_positive(),
            pred_kind=self.request.pred_kind,
            binary=self._either_is_binary(),
            class_input=self._class_input(),
            roles={role: choice.columns for role, choice in self.roles.items()},
            detected=frozenset(role for role, choice in self.roles.items() if choice.detected),
            ambiguities=tuple(self.finder.ambiguities),
            positive=positive,
            picks=self.shapes.picks,
            scores=self.scores,
            label_names=self._label_names(),
            constants=self.constants,
            why={role: choice.why for role, choice in self.roles.items()} | self._why_classes(),
            alternatives={role: choice.others for role, choice in self.roles.items() if choice.others},
            notes=tuple(self.notes),
            unmatched=self.naming.unmatched if self.naming else None,
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
            if pair:
                why = f'as "{pair[1]}" is named after it'
                self.roles["label"] = Choice((pair[0],), detected=True, why=why)
        for need in self.needs:
            role = need.role or need.input
            if role not in self.roles:
                self.roles[role] = self._detected(role)
        self.roles = {role: self.roles[role] for role in dict.fromkeys(need.role or need.input for need in self.needs)}
        label, predictions = self.roles.get("label"), self.roles.get("pred")
        if label is not None and predictions is not None and label.detected:
            names = list(self.finder.by_name)
            suspicion = conventions.suspicious_label(label.columns[0], predictions.columns, names)
            if suspicion is not None:
                self.finder.ambiguities.append(f"{self.path}: {suspicion}; -y {label.columns[0]}, if it is the truth")

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
            label = self._label_column()
            choice = self.finder.prediction(self.label_needs, self.pred_needs, taken, label.name if label else None)
            expected = "a column named " + ", ".join(VALUES[:6]) + ", …, or several such as prob_<class>"
        else:
            choice = self.finder.other(role, taken)
            expected = f'a column named "{role}"'
        if choice is None:
            what = {"label": "the label", "pred": "the prediction"}.get(role, f'"{role}"')
            flag = FLAGS.get(role, f"--col {role}=COLUMN")
            unreadable = self.finder.unreadable({"label": LABELS, "pred": (*VALUES, *SCORES)}.get(role, (role,)))
            listed = f"the columns are {self.finder.listed()}" if self.finder.by_name else "the file has no columns"
            fix = f"{flag}; {unreadable or listed}"
            raise InputError(f"{self.path}: no column found for {what}", expected, fix)
        return choice

    def _single(self, name: str) -> str:
        """`name`, which must be a column of single values."""
        column = self.finder.by_name[self.finder.named(name)]
        if column.kind in (*LISTS, "other") and not column.as_text:
            raise InputError(f'{self.path}: column "{name}" holds {column.type}', "a column of single values")
        return name

    def _kept(self, name: str) -> str:
        """`name`, which must be a column that can be written."""
        column = self.finder.by_name[self.finder.named(name)]
        if column.kind == "labelled":
            raise InputError(f'{self.path}: column "{name}" holds {column.type}', "single values or lists of numbers")
        return name

    def _either_is_binary(self) -> bool:
        """Whether losses with a binary and a multiclass form take the binary one: one score a row."""
        if "pred" not in self.roles or not any(need.reading == "either" for need in self.label_needs):
            return False
        return self.shapes.count(self.roles["pred"].columns) is None

    def _by_class(self, need: Need) -> bool:
        """Whether this label is one column of class names."""
        if need.role != "label" or self.shapes.count(self.roles["label"].columns) is not None:
            return False
        return need.reading in CLASS_READINGS or (need.reading == "either" and not self._either_is_binary())

    def _two_class(self) -> bool:
        readings = {need.reading for need in self.label_needs}
        return bool(readings & set(BINARY_READINGS)) or ("either" in readings and self._either_is_binary())

    def _label_column(self) -> Column | None:
        """The label where it is one column of single values."""
        choice = self.roles.get("label")
        if choice is None or len(choice.columns) > 1 or self.shapes.kind(choice.columns[0]) in LISTS:
            return None
        return self.finder.by_name[choice.columns[0]]

    def _classes(self) -> tuple[str, ...] | None:
        """The classes in the order of the predictions."""
        predictions = self.roles.get("pred")
        named = any(need.reading in (*CLASS_READINGS, "either") for need in self.label_needs)
        scored = any(need.shape == "vector" for need in self.pred_needs)
        either = any(need.reading == "either" for need in self.label_needs)
        if predictions is None or not named or not (scored or either):
            return None
        count = self.shapes.count(predictions.columns)
        if count is None:
            return None
        if self.request.classes is not None:
            self._order_as_asked(self.request.classes, count)
        by_class = any(self._by_class(need) for need in self.label_needs)
        self.naming = self._naming(count, self._label_column() if by_class else None)
        if self.shapes.kind(self.roles["pred"].columns[0]) == "labelled":
            self.scores[self.roles["pred"].columns[0]] = self._named_scores(self.naming)
        if self.naming.note:
            self.notes.append(self.naming.note)
        if self.naming.ambiguity:
            self.finder.ambiguities.append(self.naming.ambiguity)
        return self.naming.classes

    def _named_scores(self, naming: Naming) -> tuple[str, ...]:
        """The classes of labelled scores as these call them, in the order of the classes."""
        own = [canonical(one) for one in self.finder.by_name[self.roles["pred"].columns[0]].names or ()]
        by_bare = {bare(one): one for one in own}
        return tuple(one if one in own else by_bare.get(one, one) for one in naming.scores)

    def _naming(self, count: int, label: Column | None) -> Naming:
        """The names of `count` classes: as asked, as the predictions carry them, or as the label's metadata says."""
        predictions = self.roles["pred"]
        carried = self.request.classes or predictions.classes or self._written_beside(predictions.columns)
        if carried is None:
            if label is not None:
                seen = self.finder.sight(label.name)
                return number_classes(count, label, seen, shown(predictions.columns), self.path)
            places = tuple(str(one) for one in range(count))
            return Naming(places, places, why="0 to k - 1")
        if label is None:
            own = tuple(canonical(one) for one in carried)
            return Naming(own, own)
        numbers = label.kind == "integer" and all(number_of(one) is not None for one in carried)
        seen = None if numbers else self.finder.sight(label.name)
        columns = () if self.request.classes else predictions.columns
        return match_classes(carried, columns, label, seen, self._ignored())

    def _ignored(self) -> set[str]:
        return {str(need.ignored) for need in self.needs if need.ignored is not None}

    def _written_beside(self, predictions: Sequence[str]) -> tuple[str, ...] | None:
        """The classes that SageMaker Autopilot writes into every row, in a column "labels" beside "probabilities"."""
        if len(predictions) > 1 or folded(predictions[0]) != "probabilities":
            return None
        beside = next((name for name in self.finder.by_name if folded(name) == "labels"), None)
        seen = self.finder.sight(beside) if beside else None
        if beside is None or seen is None or not seen.words:
            return None
        written = [classes_written(word) for word in seen.words]
        if written[0] is None:
            return None
        if len(set(written)) > 1:
            raise InputError(
                f'{self.path}: the classes in "{beside}" differ between rows',
                "one order of the classes in all rows",
                "write the file with a column for each class",
            )
        count = self.shapes.count(predictions)
        if len(written[0]) != count:
            raise InputError(
                f'{self.path}: "{beside}" has {len(written[0])} classes, and "{predictions[0]}" {count or 1} scores',
                "a class for each score",
                "--classes, in the order of the predictions",
            )
        self.constants[beside] = seen.words[0]
        return written[0]

    def _check_number_of_classes(self, count: int) -> None:
        """Raise UsageError where other than `count` classes were asked for."""
        asked = self.request.classes
        if asked is not None and len(asked) != count:
            raise UsageError(
                f"--classes names {len(asked)} {'class' if len(asked) == 1 else 'classes'}, "
                f"but pred={shown(self.roles['pred'].columns)} has {count}",
                f"{count} classes in the order of the predictions",
            )

    def _order_as_asked(self, asked: tuple[str, ...], count: int) -> None:
        """Check the classes that were asked for, and put columns that carry them in their order."""
        predictions = self.roles["pred"]
        classes = tuple(canonical(one) for one in asked)
        labelled = self.shapes.kind(predictions.columns[0]) == "labelled"
        if not labelled:
            self._check_number_of_classes(count)
        if len(set(classes)) < len(classes):
            raise UsageError("--classes names a class twice", "distinct classes")
        carried = tuple(canonical(one) for one in predictions.classes or ())
        if carried != classes and set(carried) == set(classes) and not labelled:
            if predictions.ordered:
                place = dict(zip(carried, predictions.columns, strict=True))
                self.roles["pred"] = replace(predictions, columns=tuple(place[one] for one in classes), classes=classes)
            else:
                # Both were said outright, so nothing is ambiguous.
                names = shown(predictions.columns)
                self.notes.append(f"--classes {shown(classes)} contradicts the names of pred={names}; taking --classes")

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

    def _asked_positive(self) -> str | None:
        """The positive label as asked: by name, or as the second of two classes."""
        if self.request.pos_label is not None:
            asked = canonical(self.request.pos_label)
            return self._class_labels().get(asked, asked)
        if self.request.classes is not None and self._two_class() and len(self.request.classes) == 2:
            return canonical(self.request.classes[1])
        return None

    def _class_labels(self) -> dict[str, str]:
        """The names of two numbers as labels, where the metadata of the label names them."""
        label = self._label_column()
        if not self._two_class() or label is None or label.named_by != "ClassLabel" or len(label.names or ()) != 2:
            return {}
        return {str(place): canonical(name) for place, name in enumerate(label.names or ())}

    def _read_as_positive(self) -> str | None:
        """The positive label, where labels have to be read as text to find it."""
        return self._asked_positive() or self._class_labels().get("1")

    def _positive(self) -> str | None:
        """The positive label, if there is one."""
        label = self._label_column()
        found = self._read_as_positive()
        if found is not None or label is None or not self._two_class():
            return found
        seen = self.finder.sight(label.name) if label.kind in ("text", "boolean") else None
        return positive_label(label, seen, self.path)

    def _label_names(self) -> dict[str, str]:
        if self.naming:
            return dict(self.naming.label_names)
        return self._class_labels() or self._truth_names()

    def _truth_names(self) -> dict[str, str]:
        """The classes of truth values in a two-class label that is written as 0 and 1 elsewhere, or the reverse."""
        label = self._label_column()
        if label is None or not self._two_class() or label.kind not in ("text", "boolean"):
            return {}
        seen = self.finder.sight(label.name)
        found = truth_names(seen)
        mixed = bool(found.keys() & (labels_of(seen) or set()))
        note = coercion(label, seen, found) if mixed else None
        if note is not None and note not in self.notes:
            self.notes.append(note)
        return found

    def _why_classes(self) -> dict[str, str]:
        return {"classes": "as asked" if self.request.classes else self.naming.why} if self.naming else {}

    def _pick(self, positive: str | None) -> None:
        """Where the losses read one score a row, take that of the positive class of two."""
        predictions = self.roles.get("pred")
        two_classes = any(need.reading in BINARY_READINGS for need in self.label_needs)
        several = self._wants_classes() or any(need.shape not in ("element", "any") for need in self.pred_needs)
        if predictions is None or not two_classes or several or self._label_column() is None:
            return
        if self.shapes.count(predictions.columns) != 2:
            return
        self._check_number_of_classes(2)
        carried = self.request.classes or predictions.classes or self._written_beside(predictions.columns)
        classes = tuple(canonical(one) for one in carried or ("0", "1"))
        place = positive_place([self._bare(one) for one in classes], positive)
        if place is None:
            raise PositiveLabelError(
                f"{self.path}: which of the two scores in pred={shown(predictions.columns)} is that of the positive "
                f"class{'' if positive is None else f' {positive}'} is not known",
                "the classes in the order of the predictions" if carried is None else "the positive class by name",
                "--classes NEGATIVE,POSITIVE" if carried is None else f"--pos-label {classes[1]}",
            )
        why = f"{predictions.why}, for the positive class" if predictions.detected else predictions.why
        if len(predictions.columns) == 2:
            kept, other = predictions.columns[place], predictions.columns[1 - place]
            self.roles["pred"] = replace(
                predictions, columns=(kept,), classes=None, why=why, others=(other, *predictions.others)
            )
        else:
            column = predictions.columns[0]
            self.shapes.picks[column] = place
            if self.shapes.kind(column) == "labelled":
                self.scores[column] = classes
            self.roles["pred"] = replace(predictions, why=why)

    def _bare(self, name: str) -> str:
        """A class of the predictions as labels that are numbers call it."""
        label = self._label_column()
        names = dict(enumerate(label.names or ())) if label is not None and label.named_by == "ClassLabel" else {}
        number = bare(name)
        return name if number == name else canonical(names.get(int(number), number))

    def _class_input(self) -> tuple[str, Reading] | None:
        for need in self.label_needs:
            if need.reading != "number" and self.shapes.count(self.roles["label"].columns) is None:
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
        for name in self.constants:
            types[name] = "text"
        for name in keep:
            types.setdefault(name, self._list_type(name) or "text")
        return types

    def _list_type(self, name: str) -> ColumnType | None:
        """The type to read a column of lists in; None for single values."""
        column = self.finder.by_name[name]
        if column.kind not in LISTS:
            return None
        return "text" if column.as_text else column.kind  # type: ignore[return-value]  # LISTS are types

    def _type(self, need: Need, name: str) -> ColumnType:
        lists = self._list_type(name)
        if lists is not None:
            return lists
        kind = self.shapes.kind(name)
        if self._by_class(need) or need.reading == "class":
            return "text"
        binary = need.reading in BINARY_READINGS or (need.reading == "either" and self._either_is_binary())
        words = kind not in ("number", "integer") or self._read_as_positive() is not None
        return "text" if binary and words else "number"
