"""What is in a file, which columns would be used and why, and the flags that pin the choice."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from losscli.arguments import named_by
from losscli.columns import ColumnPlan, ColumnRequest, Look, needs_of, plan_columns, plan_files
from losscli.columns.classes import PositiveLabelError
from losscli.columns.kinds import Decision
from losscli.columns.labels import binary_value, canonical
from losscli.columns.look import LOOKED_ROWS, Sight
from losscli.columns.names import SLICES, WEIGHTS, first_named, is_identity
from losscli.columns.need import BINARY_READINGS, CLASS_READINGS
from losscli.columns.pinning import Pinning
from losscli.declaration import DEFAULT_DIALECT, Loss
from losscli.errors import LosscliError, NothingToEvaluate, one_line
from losscli.expression import Expression, select_losses
from losscli.readers import Source, open_sources
from losscli.readers.locate import format_named
from losscli.readers.text_options import NO_QUOTES, TextOptions
from losscli.records import dataclass
from losscli.registry import all_losses, load_plugin
from losscli.report import SCHEMA
from losscli.scouting import decide_kind

# A loss of each task, by which a file without a chosen loss is planned; the most demanding first.
TASKS: Mapping[str, str] = {
    "multiclass": "sparse_categorical_crossentropy",
    "binary": "binary_crossentropy",
    "regression": "mean_squared_error",
}

# Integer labels of so few values are classes when the predictions lie in [0, 1].
MOST_CLASSES = 20

# More slices are no table to look at.
MOST_GROUPS = 50

SHOWN_VALUES = 6


@dataclass(frozen=True)
class SeenColumn:
    """A column of the file: its type, and what its first rows hold."""

    name: str
    type: str
    kind: str
    sight: Sight | None

    @property
    def values(self) -> str:
        """Its values in a few words: all when they are few, else a range or the first."""
        if self.sight is None:
            return ""
        words = self.sight.words
        if words is not None and len(words) <= SHOWN_VALUES:
            return ", ".join(map(one_line, words))
        if self.sight.low is not None and self.sight.high is not None:
            return f"{self.sight.low:.6g} to {self.sight.high:.6g}"
        return ", ".join(map(one_line, (words or ())[:3])) + ", …" if words else "many"

    def to_dict(self) -> dict[str, Any]:
        """The column for JSON."""
        seen = self.sight
        return {
            "name": self.name,
            "type": self.type,
            "kind": self.kind,
            "missing": None if seen is None else seen.missing,
            "distinct": None if seen is None or seen.words is None else len(seen.words),
            "values": None if seen is None or seen.words is None else list(seen.words[:SHOWN_VALUES]),
            "min": None if seen is None else seen.low,
            "max": None if seen is None else seen.high,
        }


@dataclass(frozen=True)
class Interpretation:
    """One way to read the file: the task, the plan, and the kind of the predictions."""

    task: str
    plan: ColumnPlan
    decision: Decision
    flags: tuple[str, ...]

    @property
    def shell_flags(self) -> str:
        """The flags that pin it, quoted for a shell."""
        return shlex.join(self.flags)

    @property
    def warnings(self) -> list[str]:
        """What else the file could mean."""
        doubt = self.decision.doubt
        return [*self.plan.ambiguities, *([] if doubt is None else [str(doubt)])]


@dataclass(frozen=True)
class Inspection:
    """What `inspect` found; `mappings` are the ways to read the file, the likeliest first.

    `questions` say why there is none, by task; `typed` says that the files store
    the types of their columns; `looked` is how many rows were looked at; `fits` are the losses of each task.
    """

    version: str
    inputs: Sequence[Mapping[str, Any]]
    typed: bool
    columns: Sequence[SeenColumn]
    looked: int
    mappings: Sequence[Interpretation]
    questions: Mapping[str, LosscliError]
    fits: Mapping[str, Sequence[str]]

    @property
    def mapping(self) -> Interpretation:
        """The likeliest way to read the file; raises the question when there is none."""
        if self.mappings:
            return self.mappings[0]
        raise next(iter(self.questions.values()))

    @property
    def flags(self) -> str:
        """The flags that pin the mapping, quoted for a shell; raises the question when there is none."""
        return self.mapping.shell_flags

    @property
    def offers(self) -> dict[str, list[str]]:
        """Columns that are never used unasked, by the option that would."""
        names = [column.name for column in self.columns if column.kind not in ("vector", "matrix", "labelled", "other")]
        used = {name for one in self.mappings[:1] for chosen in one.plan.roles.values() for name in chosen}
        free = [name for name in names if name not in used]
        return {
            "--weight": first_named(WEIGHTS, free),
            "--id": [name for name in free if name and is_identity(name)],
            "--by": list(dict.fromkeys([*first_named(SLICES, free), *self._groups(free)])),
        }

    def _groups(self, free: Sequence[str]) -> list[str]:
        """The columns of words of which there are a few, each for several rows."""
        texts = [one for one in self.columns if one.name in free and one.kind == "text" and one.sight is not None]
        return [
            one.name
            for one in texts
            if one.sight and one.sight.words and 1 < len(one.sight.words) <= min(MOST_GROUPS, one.sight.rows // 2)
        ]

    def to_dict(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "schema": SCHEMA,
            "version": self.version,
            "inputs": [dict(one) for one in self.inputs],
            "rows_looked_at": self.looked,
            "table": [column.to_dict() for column in self.columns],
            "mappings": [_mapping_dict(one) for one in self.mappings],
            "questions": {
                task: {"problem": one.problem, "expected": one.expected, "fix": one.fix}
                for task, one in self.questions.items()
            },
            "offers": self.offers,
            "losses": {task: list(names) for task, names in self.fits.items()},
        }


def _mapping_dict(one: Interpretation) -> dict[str, Any]:
    plan = one.plan
    return {
        "task": one.task,
        "columns": {
            role: {
                "columns": list(columns),
                "why": plan.why.get(role),
                "alternatives": list(plan.alternatives.get(role, ())),
            }
            for role, columns in plan.roles.items()
        },
        "classes": None if plan.classes is None else list(plan.classes),
        "pos_label": plan.positive,
        "pred_kind": one.decision.kind,
        "pred_kind_from": one.decision.origin,
        "notes": list(plan.notes),
        "warnings": one.warnings,
        "flags": one.shell_flags,
    }


def inspect(
    paths: str | Sequence[str],
    loss: str | Sequence[str] | None = None,
    *,
    label: str | Sequence[str] | None = None,
    pred: str | Sequence[str] | None = None,
    weight: str | None = None,
    by: str | Sequence[str | Sequence[str]] | None = None,
    columns: Mapping[str, str | Sequence[str]] | None = None,
    classes: Sequence[str] | None = None,
    pos_label: str | None = None,
    pred_kind: str = "auto",
    id: str | None = None,
    dialect: str = DEFAULT_DIALECT,
    plugin: str | Sequence[str] | None = None,
    format: str = "auto",
    delimiter: str | None = None,
    quote: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    header: bool = True,
) -> Inspection:
    """What is in the files, and how `evaluate` would read them.

    paths: files, globs or directories.  loss: the losses to read the columns
    for; without any, the tasks that fit are found.  The other keywords are those
    of `evaluate`, for what is chosen already.

    Reads the first 100,000 rows.  Raises InputError or UsageError where a
    `loss` is given and cannot be read, and NothingToEvaluate without rows.
    """
    keywords = locals()
    from losscli import __version__

    for path in [plugin] if isinstance(plugin, str) else plugin or ():
        load_plugin(path)
    text = TextOptions.of(**named_by(TextOptions.of, keywords))
    sources = open_sources([paths] if isinstance(paths, str) else list(paths), format, text)
    if not sources:
        raise NothingToEvaluate("no input files", "a file, a glob or a directory with data")
    request = ColumnRequest.of(**named_by(ColumnRequest.of, keywords))
    opened = _opening_words(format, text)
    look = Look(sources[0])
    seen = look([column.name for column in sources[0].columns])
    looked = max((one.rows for one in seen.values()), default=0)
    if not looked:
        raise NothingToEvaluate(f"{sources[0].path}: no rows", "at least one row of data")
    mappings: list[Interpretation] = []
    questions: dict[str, LosscliError] = {}
    if loss:
        specs = [loss] if isinstance(loss, str) else list(loss)
        mappings.append(
            _reading_for(", ".join(specs), select_losses(specs, {}, dialect), sources, request, look, opened)
        )
    else:
        for task, spec in TASKS.items():
            try:
                mapping = _reading_for(task, select_losses([spec], {}, dialect), sources, request, look, opened)
            except LosscliError as error:
                questions[task] = error
                continue
            if _fits(task, mapping, seen):
                mappings.append(mapping)
    return Inspection(
        __version__,
        _inputs(sources, look, looked),
        not getattr(format_named(sources[0].format), "text", False),
        [SeenColumn(one.name, one.type, one.kind, seen.get(one.name)) for one in sources[0].columns],
        looked,
        mappings,
        _asked(questions, mappings),
        {} if loss else {one.task: _losses_of(one.task) for one in mappings},
    )


def _inputs(sources: Sequence[Source], look: Look, looked: int) -> list[dict[str, Any]]:
    """The files, with their rows where they say so or all were looked at."""
    seen = {look.source.index: looked} if looked < LOOKED_ROWS else {}
    return [
        {
            "path": one.path,
            "format": one.format,
            "rows": seen.get(one.index) if one.rows is None else one.rows,
            "bytes": one.bytes,
        }
        for one in sources
    ]


def _reading_for(
    task: str,
    expressions: Sequence[Expression],
    sources: Sequence[Source],
    request: ColumnRequest,
    look: Look,
    opened: Sequence[str],
) -> Interpretation:
    """How the files are read for these losses; `opened` are the flags by which they were opened."""
    needs = needs_of(expressions)
    plans = plan_files(sources, request, needs, look)
    losses = [term.loss for expression in expressions for term in expression.terms]
    decision = decide_kind(losses, request, needs, sources, plans, None)
    ours = plans[0]

    def reads_the_same(flags: ColumnRequest) -> bool:
        """Whether these flags alone give the plan."""
        try:
            pinned = plan_columns(sources[0].columns, flags, needs, sources[0].path, look)
        except LosscliError:
            return False
        theirs = (pinned.input_columns, pinned.classes, pinned.positive, pinned.picks, pinned.scores)
        return theirs == (ours.input_columns, ours.classes, ours.positive, ours.picks, ours.scores)

    pinning = Pinning(ours, decision, request, [column.name for column in sources[0].columns], _hard(ours, look))
    return Interpretation(task, ours, decision, (*pinning.words(reads_the_same), *opened))


def _opening_words(format: str, text: TextOptions) -> list[str]:
    """The flags that say how files are written, as far as they were given."""
    given = {
        "--format": None if format == "auto" else format,
        "--delimiter": {"\t": "tab"}.get(text.delimiter or "", text.delimiter),
        "--quote": NO_QUOTES if text.quote == "" else text.quote,
        "--decimal": text.decimal,
        "--encoding": text.encoding,
    }
    words = [word for flag, value in given.items() if value is not None for word in (flag, value)]
    return words if text.header else [*words, "--no-header"]


def _hard(plan: ColumnPlan, look: Look) -> bool:
    """Whether the labels are classes: probabilities as labels have no positive one among them."""
    labels = plan.roles.get("label", ())
    seen = look(labels).get(labels[0]) if len(labels) == 1 else None
    return seen is not None and seen.words is not None and (seen.whole or not seen.is_number)


def _fits(task: str, mapping: Interpretation, seen: Mapping[str, Sight]) -> bool:
    """Whether the values of label and prediction are those of the task."""
    labels = mapping.plan.roles["label"]
    label = seen.get(labels[0]) if len(labels) == 1 else None
    # A list that is written as text is no number in the eyes of a look.
    predictions = [
        seen[name] for name in mapping.plan.roles["pred"] if name in seen and name not in mapping.plan.lengths
    ]
    if label is None:
        return True
    words = None if label.words is None else {canonical(word) for word in label.words}
    if task == "regression":
        classes = label.whole and words is not None and len(words) <= MOST_CLASSES
        unit = all(
            one.low is not None and one.high is not None and 0 <= one.low <= one.high <= 1 for one in predictions
        )
        numbers = label.is_number and all(one.is_number for one in predictions)
        return bool(predictions) and numbers and not (classes and (unit or len(predictions) > 1))
    if words is None:
        return False
    if task == "binary":
        positive = mapping.plan.positive
        pair = len(words) <= 2 and (positive in words or all(binary_value(word, None) is not None for word in words))
        return pair and all(one.is_number for one in predictions)
    names = mapping.plan.label_names
    return words <= {*(mapping.plan.classes or ()), *names}


def _asked(questions: Mapping[str, LosscliError], mappings: Sequence[Interpretation]) -> dict[str, LosscliError]:
    """The questions that a user should see: of the unanswered ones, that for the positive class before all."""
    positive: dict[str, LosscliError] = {
        task: error for task, error in questions.items() if isinstance(error, PositiveLabelError)
    }
    if positive or mappings:
        return positive
    distinct = {error.problem: (task, error) for task, error in reversed(list(questions.items()))}
    # That one column is not several is no question where another task asks one.
    telling = [(task, error) for task, error in distinct.values() if "cannot read" not in error.problem]
    return dict(reversed(telling or list(distinct.values())))


def _losses_of(task: str) -> list[str]:
    """The losses of a task that need a label and a prediction and nothing else, the best known first."""
    found = [loss.name for loss in all_losses() if _is_of(task, loss)]
    return sorted(found, key=lambda name: name != TASKS[task])


def _is_of(task: str, loss: Loss) -> bool:
    if {one.name for one in loss.inputs} != {"y_true", "y_pred"}:
        return False
    label, prediction = (next(one for one in loss.inputs if one.name == name) for name in ("y_true", "y_pred"))
    reading = label.role.reading
    if task == "multiclass":
        return reading in (*CLASS_READINGS, "either")
    if task == "binary":
        return reading in (*BINARY_READINGS, "either")
    return reading == "number" and label.shape == prediction.shape == "element"
