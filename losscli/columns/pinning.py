"""The flags that pin a plan: given to the next command, they leave nothing to be found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import takewhile

from losscli.columns.kinds import Decision
from losscli.columns.plan import ColumnPlan
from losscli.columns.request import ColumnRequest
from losscli.records import dataclass

# A line with more classes is read by nobody, and names that carry them say the same.
PINNED_CLASSES = 50


@dataclass(frozen=True)
class Pinning:
    """A plan that was made for `request`, among the columns `names`; `hard` says that its labels are classes."""

    plan: ColumnPlan
    decision: Decision
    request: ColumnRequest
    names: Sequence[str]
    hard: bool

    def words(self, reads_the_same: Callable[[ColumnRequest], bool]) -> tuple[str, ...]:
        """The flags as words of a command line.

        `reads_the_same` tells whether a request gives the plan; of the spellings
        that do, the shortest is taken.
        """
        spellings = {role: self._pattern(columns) or ",".join(columns) for role, columns in self.plan.roles.items()}
        if not reads_the_same(self._request(spellings)):
            spellings = {role: ",".join(columns) for role, columns in self.plan.roles.items()}
        words: list[str] = []
        for role, text in spellings.items():
            short, long = {"label": ("-y", "--label"), "pred": ("-p", "--pred")}.get(role, ("--col", "--col"))
            words += _option(short, long, text if role in ("label", "pred") else f"{role}={text}")
        if self.request.weight is not None:
            words += _option("-w", "--weight", self.request.weight)
        classes = self._classes()
        without = replace(self._request(spellings), classes=None)
        if classes and (len(classes) <= PINNED_CLASSES or not reads_the_same(without)):
            words += _option("--classes", "--classes", ",".join(classes))
        if self._positive() is not None:
            words += _option("--pos-label", "--pos-label", str(self._positive()))
        if self.decision.origin is not None and self.decision.kind != "auto":
            words += ["--pred-kind", self.decision.kind]
        for axis, cross in enumerate(self.request.by):
            bins = (self.request.bins.get((axis, place)) for place in range(len(cross)))
            parts = (name if one is None else f"{name}:{one}" for name, one in zip(cross, bins, strict=True))
            words += _option("--by", "--by", ",".join(parts))
        if self.request.id is not None:
            words += _option("--id", "--id", self.request.id)
        return tuple(words)

    def _request(self, spellings: dict[str, str]) -> ColumnRequest:
        names = {role: tuple(text.split(",")) for role, text in spellings.items()}
        return replace(
            self.request,
            label=names.pop("label", ()),
            pred=names.pop("pred", ()),
            others=names,
            classes=self._classes(),
            pos_label=self._positive(),
        )

    def _positive(self) -> str | None:
        """The positive label; labels that are probabilities have none to be named."""
        return self.plan.positive if self.hard else self.request.pos_label

    def _classes(self) -> tuple[str, ...] | None:
        """The classes, unless a comma in one forbids a list of them."""
        found = self.plan.classes or self.request.classes
        if found is None and self.plan.picks:
            found = self.plan.scores.get(self.plan.roles["pred"][0])
        return None if found is None or any("," in one for one in found) else found

    def _pattern(self, columns: Sequence[str]) -> str | None:
        """A pattern for all of these columns and no other; a name with a comma is only to be had by one."""
        if len(columns) > 1:
            before = _shared(columns)
            after = _shared([name[len(before) :][::-1] for name in columns])[::-1]
        else:
            before, comma, after = columns[0].partition(",")
            if not comma:
                return None
        if not before + after or "," in before + after:
            return None
        return f"{before}*{after}" if self._matches(before, after) == set(columns) else None

    def _matches(self, before: str, after: str) -> set[str]:
        shortest = len(before) + len(after) + 1
        return {
            name for name in self.names if len(name) >= shortest and name.startswith(before) and name.endswith(after)
        }


def _shared(names: Sequence[str]) -> str:
    """The characters with which all names start."""
    return "".join(letters[0] for letters in takewhile(lambda found: len(set(found)) == 1, zip(*names, strict=False)))


def _option(short: str, long: str, value: str) -> list[str]:
    """An option with its value, in one word where the value might be taken for an option."""
    return [f"{long}={value}"] if value.startswith("-") else [short, value]
