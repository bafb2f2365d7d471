"""Choosing columns: explicit names and patterns first, then the names of `losscli.columns.names`.

Where names leave several columns, or none, the first rows decide: columns of
one value are no choice, and columns that are called exactly as the labels hold
the scores of these classes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field

from losscli.columns import conventions, names
from losscli.columns.labels import canonical
from losscli.columns.look import Sight
from losscli.columns.need import BINARY_READINGS, CLASS_READINGS, Need
from losscli.errors import InputError, UsageError, nearest, one_line
from losscli.readers import Column
from losscli.records import dataclass

LISTED = 12
LISTS = ("vector", "matrix", "labelled")
NUMBERS = ("number", "integer")

# What is neither a label nor a prediction.
USELESS = ("moment", "other")

# What a column may hold that has the score of one class in each row.
ONE_SCORE = (*NUMBERS, "text", "null")

Looking = Callable[[Sequence[str]], Mapping[str, Sight]]


@dataclass(frozen=True)
class Choice:
    """The columns of one role; `classes` when their names carry classes, `ordered` when we chose the order.

    `why` is the reason in words, and `others` are what else would have been possible.
    """

    columns: tuple[str, ...]
    classes: tuple[str, ...] | None = None
    ordered: bool = False
    detected: bool = False
    why: str = "as asked"
    others: tuple[str, ...] = ()


@dataclass
class Finder:
    """The columns of one file; collects what was ambiguous in `ambiguities`."""

    columns: Sequence[Column]
    path: str
    look: Looking = lambda _: {}
    ambiguities: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.by_name = {column.name: column for column in self.columns}

    def named(self, name: str) -> str:
        """`name`, which must be a column."""
        if name in self.by_name:
            return name
        near = nearest(name, self.by_name)
        raise InputError(
            f'{self.path}: no column "{name}"' + (f'; closest: "{near}"' if near else ""),
            f"one of the {len(self.by_name)} columns: {self.listed()}",
        )

    def listed(self) -> str:
        """The first columns, for messages."""
        shown = ", ".join(map(one_line, list(self.by_name)[:LISTED]))
        return shown + (", …" if len(self.by_name) > LISTED else "")

    def unreadable(self, known: Sequence[str]) -> str | None:
        """Which column has one of the names `known`, but holds what cannot be read as numbers or labels."""
        found = [self.by_name[name] for name in names.first_named(known, self.by_name)]
        return next((f'"{one.name}" holds {one.type}' for one in found if one.kind in USELESS), None)

    def sight(self, name: str) -> Sight | None:
        """What the first rows of a column hold; None where they cannot be looked at."""
        return self.look([name]).get(name)

    def explicit(self, wanted: Sequence[str]) -> Choice:
        """The columns that the user named, patterns expanded."""
        if len(wanted) == 1 and wanted[0] not in self.by_name and "*" in wanted[0]:
            return self._matching(wanted[0])
        chosen = tuple(self.named(name) for name in wanted)
        if len(set(chosen)) < len(chosen):
            raise UsageError(f"a column is named twice in {','.join(chosen)}", "distinct columns")
        return Choice(chosen, self._carried(chosen))

    def _carried(self, columns: tuple[str, ...]) -> tuple[str, ...] | None:
        """The classes that the columns themselves name."""
        if len(columns) > 1:
            return names.classes_in(columns)
        column = self.by_name[columns[0]]
        return column.names if column.kind == "labelled" else None

    def _matching(self, pattern: str) -> Choice:
        if pattern.count("*") > 1:
            raise UsageError(f'the pattern "{pattern}" has more than one *', "one *, which stands for the class")
        before, after = pattern.split("*")
        expression = re.compile(re.escape(before) + "(.+)" + re.escape(after))
        found = [(name, match.group(1)) for name in self.by_name if (match := expression.fullmatch(name))]
        if not found:
            raise InputError(f'{self.path}: no column matches "{pattern}"', f"the columns are {self.listed()}")
        group = names.in_class_order(found)
        return Choice(group.columns, group.classes if len(found) > 1 else None, ordered=True)

    def pair(self) -> tuple[str, str] | None:
        """The label x and its prediction, where the prediction is named after x."""
        pairs = [pair for pair in names.paired(list(self.by_name)) if not names.is_identity(pair[0])]
        self._note("label", list(dict.fromkeys(label for label, _ in pairs)))
        return pairs[0] if pairs else None

    def label(self, needs: Sequence[Need], taken: Sequence[str]) -> Choice | None:
        """The label by its name."""
        free = [name for name in self.by_name if name not in taken]
        found = conventions.truths(names.first_named(names.LABELS, free), list(self.by_name), self.path)
        lists = any(need.shape in ("vector", "vectors") for need in needs)
        found = self._of_kind([name for name in found if self.by_name[name].kind not in ("labelled", *USELESS)], lists)
        found = self._varying(found)
        if found:
            self._note("label", found)
            return self._chosen(found, names.BY_NAME)
        for prefix in names.WIDE_LABELS:
            wide = [(name, name[len(prefix) :]) for name in free if names.folded(name).startswith(prefix)]
            if len(wide) > 1:
                return Choice(names.in_class_order(wide).columns, detected=True, why=f'named "{prefix}*"')
        return None

    def prediction(
        self,
        label_needs: Sequence[Need],
        needs: Sequence[Need],
        taken: Sequence[str],
        label: str | None = None,
    ) -> Choice | None:
        """The prediction by its name: several columns or a list where the losses want classes, else one."""
        free = [name for name in self.by_name if name not in taken]
        readings = {need.reading for need in label_needs}
        classes = bool(readings & set(CLASS_READINGS))
        wide_first = classes or any(need.shape == "vector" for need in needs)
        two_classes = bool(readings & set(BINARY_READINGS))
        if classes or two_classes or "either" in readings:
            conventions.refuse_score_of_predicted_class(list(self.by_name), label, self.path)
        level = self._quantile(needs, free)
        if level is not None:
            return level
        if wide_first or "either" in readings:
            choice = self._wide(free, label)
            if choice is not None:
                return choice
        if two_classes or "either" in readings:
            choice = self._score(free, label, margins=readings == {"margin"}, pairs=two_classes)
        else:
            choice = self._value(free, label)
        return choice or (None if wide_first else self._wide(free, label))

    def _quantile(self, needs: Sequence[Need], free: Sequence[str]) -> Choice | None:
        """The column that is named by the one quantile that the losses are of."""
        levels = {need.quantile for need in needs}
        level = levels.pop() if len(levels) == 1 else None
        found = [] if level is None else names.quantiles_named(level, free)
        return self._chosen(found, f"named by the quantile {level:g}") if found and level is not None else None

    def _score(self, free: Sequence[str], label: str | None, *, margins: bool, pairs: bool) -> Choice | None:
        """One score a row; where `pairs` are allowed, that of one of two classes."""
        usable = [name for name in free if self.by_name[name].kind not in ("matrix", *USELESS)]
        groups = names.wide_groups([name for name in usable if self.by_name[name].kind in ONE_SCORE])
        in_groups = {name for group in groups for name in group.columns}
        singles = [name for name in names.first_named(names.SCORES, usable) if name not in in_groups or not pairs]
        lists = [name for name in self._lists(free, label) if self.by_name[name].width == 2] if pairs else []
        scores = conventions.without_doubtful([*dict.fromkeys([*singles, *lists])], self.by_name)
        scores = self._varying(conventions.without_raw(scores, margins=margins))
        two = [group for group in groups if pairs and len(group.columns) == 2]
        if not scores and two:
            group = two[0]
            self._note("pred", [_spanned(one.columns) for one in two])
            return Choice(group.columns, group.classes, ordered=True, detected=True, why=names.BY_NAMES)
        values = names.first_named(names.VALUES, usable)
        if label is not None:
            values = list(dict.fromkeys([*names.predictions_of(label, usable), *values]))
        values = [name for name in values if self.by_name[name].kind != "labelled" and name not in lists]
        if not scores and pairs and label is not None and not any(not self._is_hard(name) for name in values):
            exact = self._named_as_labels(free, label)
            if exact is not None and len(exact.columns) == 2:
                return exact
        # A column of hard labels is no rival of the score that they were made of.
        hard = [name for name in values if scores and self._is_hard(name)]
        found = [*scores, *(name for name in values if name not in hard)]
        if len(scores) == 1:
            self._doubt_score(scores[0], [*hard, *names.first_named(("label", "labels"), free)])
        if not found:
            found = self._last_resort(free)
        if found:
            self._note("pred", found)
            return self._chosen(found, names.BY_NAME, [name for name in values if name not in found])
        return None

    def _doubt_score(self, score: str, beside: Sequence[str]) -> None:
        """Remember it where a score of one half or more goes with either prediction of a column beside it."""
        for name in beside:
            classes, seen = self.sight(name), self.sight(score)
            both = classes is not None and classes.words is not None and len(classes.words) == 2
            if both and seen is not None and seen.low is not None and seen.low >= 0.5 and (seen.high or 0.0) <= 1.0:
                self.ambiguities.append(
                    f'{self.path}: "{score}" is 0.5 or more whichever class "{name}" predicts: it looks like the '
                    f"score of the predicted class; -p {score}, if it is that of the positive class"
                )
                return

    def _value(self, free: Sequence[str], label: str | None) -> Choice | None:
        """One predicted value a row."""
        found = names.first_named(names.VALUES, free)
        if label is not None:
            found = list(dict.fromkeys([*names.predictions_of(label, free), *found]))
        found = [name for name in found if self.by_name[name].kind not in ("labelled", *USELESS)]
        if not found:
            models = [model for side in ("lower", "upper") for _, model, _ in names.bounds_of(side, free)]
            found = [name for name in dict.fromkeys(models) if name in free]
            if found:
                self._note("pred", found)
                return self._chosen(found, "by the bounds that are named after it")
        if not found:
            found = names.first_named((*names.SCORES, *names.LISTS), free)
            found = [name for name in found if self.by_name[name].kind not in ("labelled", *USELESS)]
        found = self._varying(found or self._last_resort(free))
        if not found:
            return None
        self._note("pred", found)
        return self._chosen(found, names.BY_NAME)

    def _last_resort(self, free: Sequence[str]) -> list[str]:
        """A list, or "label" where something else is the truth."""
        lists = names.first_named(names.LISTS, free)
        if not lists and names.first_named(names.STRONGER_THAN_LABEL, self.by_name):
            lists = names.first_named(("label", "labels"), free)
        return [name for name in lists if self.by_name[name].kind not in USELESS]

    def _lists(self, free: Sequence[str], label: str | None) -> list[str]:
        known = names.first_named((*names.LISTS, *names.SCORES, *names.VALUES), free)
        if label is not None:
            known = [*names.predictions_of(label, free), *known]
        ends = [name for name in free if names.folded(name).endswith(("_scores", "_probs", "_probabilities"))]
        kinds = ("vector", "labelled")
        return [name for name in dict.fromkeys([*known, *ends]) if self.by_name[name].kind in kinds]

    def _wide(self, free: Sequence[str], label: str | None) -> Choice | None:
        lists = conventions.without_raw(self._lists(free, label), margins=False)
        usable = [name for name in free if self.by_name[name].kind in ONE_SCORE]
        groups = names.wide_groups(usable)
        raw = [group for group in groups if names.folded(group.columns[0]).startswith(names.RAW)]
        if raw and len(raw) < len(groups):
            groups = [group for group in groups if group not in raw]
        spans = [_spanned(group.columns) for group in groups]
        if not lists and label is not None:
            exact = self._named_as_labels(free, label)
            if exact is not None and (not groups or set(exact.columns) != set(groups[0].columns)):
                self._note("pred", [_spanned(exact.columns), *spans])
                return exact
        self._note("pred", [*lists, *spans])
        if lists:
            chosen = self.by_name[lists[0]]
            return Choice((lists[0],), self._carried((lists[0],)), detected=True, why=_why_list(chosen), others=(
                *lists[1:], *spans))  # fmt: skip
        if groups:
            first = groups[0]
            return Choice(first.columns, first.classes, ordered=True, detected=True, why=names.BY_NAMES, others=tuple(
                spans[1:]))  # fmt: skip
        return None

    def _named_as_labels(self, free: Sequence[str], label: str) -> Choice | None:
        """Columns of numbers that are called as the values of the label, alone or with its name around them."""
        columns = [name for name in free if self.by_name[name].kind in NUMBERS and name != label]
        seen = self.sight(label) if len(columns) > 1 else None
        words = {canonical(word) for word in (seen.words or ())} if seen else set()
        if len(words) < 2:
            return None
        for before, after in names.around_classes(label):
            inner = {name: canonical(one) for name in columns if (one := names.between(before, name, after))}
            found = [(name, one) for name, one in inner.items() if one in words]
            if {one for _, one in found} == words:
                pairs = names.in_class_order(found)
                why = f'named "{before}<label>{after}"' if before or after else "named as the labels"
                return Choice(pairs.columns, pairs.classes, ordered=True, detected=True, why=why)
        return None

    def _of_kind(self, found: Sequence[str], lists: bool) -> list[str]:
        """Lists before single values where a loss wants lists."""
        if not lists:
            return list(found)
        return sorted(found, key=lambda name: self.by_name[name].kind not in ("vector", "matrix"))

    def _varying(self, found: Sequence[str]) -> list[str]:
        """`found` without columns of one value, if there are others."""
        if len(found) < 2:
            return list(found)
        seen = self.look(found)
        varying = [name for name in found if not (name in seen and seen[name].constant)]
        return varying or list(found)

    def _is_hard(self, name: str) -> bool:
        """Whether the first rows hold labels: words, or two whole numbers."""
        if self.by_name[name].kind in LISTS:
            return False
        seen = self.sight(name)
        if seen is None or seen.words is None:
            return False
        return not seen.is_number or (seen.whole and len(seen.words) <= 2)

    def _chosen(self, found: Sequence[str], why: str, others: Sequence[str] = ()) -> Choice:
        column = self.by_name[found[0]]
        carried = self._carried((column.name,))
        return Choice((column.name,), carried, detected=True, why=why, others=(*found[1:], *others))

    def other(self, name: str, taken: Sequence[str]) -> Choice | None:
        """A further input by its own name, or another that tools use."""
        found = [column for column in names.others_named(name, self.by_name) if column not in taken]
        if not found:
            return None
        if names.folded(found[0]) != names.folded(name):
            self._note(name, found)
        return self._chosen(found, names.BY_NAME)

    def _note(self, role: str, found: Sequence[str]) -> None:
        """Remember that there was more than one plausible column."""
        if len(found) > 1:
            rest = " or ".join(f'"{name}"' for name in found[1:3])
            self.ambiguities.append(f'{self.path}: {role} could be "{found[0]}" or {rest}; taking the first')


def _why_list(column: Column) -> str:
    if column.kind == "labelled":
        return "by its name, with a class beside every score"
    return "by its name, a list in every row"


def _spanned(columns: Sequence[str]) -> str:
    return columns[0] if len(columns) == 1 else f"{columns[0]}..{columns[-1]}"
