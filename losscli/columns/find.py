"""Choosing columns: explicit names and patterns first, then the names of `losscli.columns.names`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from losscli.columns import names
from losscli.columns.need import BINARY_READINGS, CLASS_READINGS, Need
from losscli.errors import InputError, UsageError, nearest
from losscli.readers import Column

LISTED = 12


@dataclass(frozen=True)
class Choice:
    """The columns of one role; `classes` when their names carry classes, `ordered` when we chose the order."""

    columns: tuple[str, ...]
    classes: tuple[str, ...] | None = None
    ordered: bool = False
    detected: bool = False


@dataclass
class Finder:
    """The columns of one file; collects what was ambiguous in `ambiguities`."""

    columns: Sequence[Column]
    path: str
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
        shown = ", ".join(list(self.by_name)[:LISTED])
        return shown + (", …" if len(self.by_name) > LISTED else "")

    def explicit(self, wanted: Sequence[str]) -> Choice:
        """The columns that the user named, patterns expanded."""
        if len(wanted) == 1 and wanted[0] not in self.by_name and "*" in wanted[0]:
            return self._matching(wanted[0])
        chosen = tuple(self.named(name) for name in wanted)
        if len(set(chosen)) < len(chosen):
            raise UsageError(f"a column is named twice in {','.join(chosen)}", "distinct columns")
        return Choice(chosen, names.classes_in(chosen) if len(chosen) > 1 else None)

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
        self._note("label", [label for label, _ in pairs])
        return pairs[0] if pairs else None

    def label(self, needs: Sequence[Need], taken: Sequence[str]) -> Choice | None:
        """The label by its name."""
        free = [name for name in self.by_name if name not in taken]
        found = names.first_named(names.LABELS, free)
        strong = names.first_named(names.STRONGER_THAN_LABEL, free)
        if strong:
            found = [name for name in found if names.folded(name) not in ("label", "labels")]
        found = self._of_kind(found, lists=any(need.shape in ("vector", "vectors") for need in needs))
        if found:
            self._note("label", found)
            return Choice((found[0],), detected=True)
        for prefix in names.WIDE_LABELS:
            wide = [(name, name[len(prefix) :]) for name in free if names.folded(name).startswith(prefix)]
            if len(wide) > 1:
                return Choice(names.in_class_order(wide).columns, detected=True)
        return None

    def prediction(self, label_needs: Sequence[Need], needs: Sequence[Need], taken: Sequence[str]) -> Choice | None:
        """The prediction by its name: several columns or a list where the losses want classes, else one."""
        free = [name for name in self.by_name if name not in taken]
        readings = {need.reading for need in label_needs}
        wide_first = bool(readings & set(CLASS_READINGS)) or any(need.shape == "vector" for need in needs)
        if wide_first or "either" in readings:
            choice = self._wide(free)
            if choice is not None:
                return choice
        scores_first = bool(readings & set(BINARY_READINGS)) or "either" in readings
        found = names.first_named(names.SCORES, free) if scores_first else []
        found += names.first_named(names.VALUES, free)
        if not found:
            found = names.first_named((*names.SCORES, *names.LISTS), free)
        if not found and names.first_named(names.STRONGER_THAN_LABEL, self.by_name):
            found = names.first_named(("label", "labels"), free)
        if found:
            self._note("pred", found)
            return Choice((found[0],), detected=True)
        return None if wide_first else self._wide(free)

    def _wide(self, free: Sequence[str]) -> Choice | None:
        known = names.first_named((*names.LISTS, *names.SCORES, *names.VALUES), free)
        lists = [name for name in known if self.by_name[name].kind == "vector"]
        usable = [name for name in free if self.by_name[name].kind in ("number", "integer", "text")]
        groups = names.wide_groups(usable)
        self._note("pred", [*lists, *(_spanned(group.columns) for group in groups)])
        if lists:
            return Choice((lists[0],), detected=True)
        if groups:
            return Choice(groups[0].columns, groups[0].classes, ordered=True, detected=True)
        return None

    def _of_kind(self, found: Sequence[str], lists: bool) -> list[str]:
        """Lists before single values where a loss wants lists."""
        if not lists:
            return list(found)
        return sorted(found, key=lambda name: self.by_name[name].kind not in ("vector", "matrix"))

    def other(self, name: str, taken: Sequence[str]) -> Choice | None:
        """A further input by its own name."""
        wanted = names.folded(name)
        found = [column for column in self.by_name if names.folded(column) == wanted and column not in taken]
        return Choice((found[0],), detected=True) if found else None

    def _note(self, role: str, found: Sequence[str]) -> None:
        """Remember that there was more than one plausible column."""
        if len(found) > 1:
            rest = " or ".join(f'"{name}"' for name in found[1:3])
            self.ambiguities.append(f'{self.path}: {role} could be "{found[0]}" or {rest}; taking the first')


def _spanned(columns: Sequence[str]) -> str:
    return columns[0] if len(columns) == 1 else f"{columns[0]}..{columns[-1]}"
