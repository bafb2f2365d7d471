"""Which rules share a pass over the data: all of one filter, with all their slices and losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from losscli.bins import parse_by
from losscli.errors import UsageError
from losscli.expression import Expression
from losscli.gates.metrics import title_of
from losscli.gates.rules import Rule
from losscli.records import dataclass


@dataclass
class Pass:
    """Rules that are about the same rows: those for which `where` holds, or all.

    `slicings` has the text of each grouping by its columns: two ways to bin one
    column would give slices that cannot be told apart, so they are not in one pass.
    """

    where: str | None
    rules: list[tuple[Rule, Expression]] = field(default_factory=list)
    slicings: dict[tuple[str, ...], str] = field(default_factory=dict)

    def fits(self, rule: Rule) -> bool:
        """Whether `rule` is about these rows and has no other bins for the same columns."""
        return self.where == rule.where and all(
            self.slicings.get(columns_of(text), text) == text for text in rule.slicings
        )

    def add(self, rule: Rule, expression: Expression) -> None:
        """Take in a rule that fits."""
        self.rules.append((rule, expression))
        self.slicings |= {columns_of(text): text for text in rule.slicings}

    @property
    def by_class(self) -> bool:
        return any(rule.by_class for rule, _ in self.rules)

    def expressions(self, *, against_baseline: bool) -> tuple[Expression, ...]:
        """The losses that rules with such limits are about, each once."""
        wanted = [
            expression
            for rule, expression in self.rules
            if (rule.needs_baseline if against_baseline else bool(rule.bounds))
        ]
        return tuple({expression.title: expression for expression in wanted}.values())


def columns_of(text: str) -> tuple[str, ...]:
    """The columns that the text of a grouping names."""
    return tuple(part.column for part in parse_by(text))


def passes_of(rules: Sequence[Rule], expressions: Sequence[Expression]) -> list[Pass]:
    """The passes that `rules` need, as few as can be; a UsageError for a rule that names no loss."""
    for rule in rules:
        _refuse_two_binnings(rule)
    passes: list[Pass] = []
    by_title: Mapping[str, Expression] = {expression.title: expression for expression in expressions}
    for rule in rules:
        expression = by_title[_metric_of(rule, expressions)]
        chosen = next((one for one in passes if one.fits(rule)), None)
        if chosen is None:
            chosen = Pass(rule.where)
            passes.append(chosen)
        chosen.add(rule, expression)
    return passes


def _refuse_two_binnings(rule: Rule) -> None:
    columns = [columns_of(text) for text in rule.slicings]
    for place, one in enumerate(columns):
        if one in columns[:place]:
            raise UsageError(f'rule "{rule.name}": two groupings by {",".join(one)}', "a rule for each")


def _metric_of(rule: Rule, expressions: Sequence[Expression]) -> str:
    """The title of the loss that a rule is about; with several it has to say which."""
    titles = [expression.title for expression in expressions]
    if rule.metric is None:
        if len(titles) > 1:
            raise UsageError(
                f'rule "{rule.name}" could mean any of {len(titles)} losses', "metric, one of " + ", ".join(titles)
            )
        return titles[0]
    return title_of(rule.metric, expressions, f'rule "{rule.name}": metric {rule.metric}', "metric = {}")
