"""One rule of a gate: what is compared with which limit, for which rows.

A rule is a table of the configuration, or the text of ``--rule``, which is
such a table on one line: ``max=0.42`` or ``max_increase=2%,by=region,severity=warn``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from losscli.errors import UsageError
from losscli.gates.keys import RULE, checked
from losscli.gates.limits import Bound, Change, ChangeKind, parse_bound, parse_change
from losscli.gates.verdicts import Severity
from losscli.records import dataclass

Test = Literal["regression", "non-inferior", "point"]

CLASSES = "@class"

# A comma ends a value when the name of a key follows; so those of a cross or of a condition do not.
_NEXT_KEY = re.compile(r",(?=\s*[A-Za-z_][\w-]*\s*=(?!=))")


@dataclass(frozen=True)
class Rule:
    """A rule with its limits.

    `by` are groupings, each a column, a cross or bins as ``--by`` takes them,
    or "@class"; without one the rule is about all rows.  `metric` names the
    loss where several are computed; `line` is that of the configuration.
    """

    name: str
    bounds: tuple[Bound, ...] = ()
    changes: tuple[Change, ...] = ()
    by: tuple[str, ...] = ()
    where: str | None = None
    metric: str | None = None
    severity: Severity = "fail"
    optional: bool = False
    test: Test = "regression"
    line: int | None = None

    @property
    def by_class(self) -> bool:
        return CLASSES in self.by

    @property
    def slicings(self) -> tuple[str, ...]:
        """The groupings that are not the classes."""
        return tuple(one for one in self.by if one != CLASSES)

    @property
    def needs_baseline(self) -> bool:
        return bool(self.changes)

    @property
    def limits(self) -> str:
        """Its limits in words."""
        return "; ".join(map(str, (*self.bounds, *self.changes)))


def rule_of(table: Mapping[str, Any], where: str, line: int | None = None) -> Rule:
    """The rule of a checked table; `where` names the table in messages."""
    bounds = _bounds(table, where)
    kinds: tuple[ChangeKind, ...] = ("max_increase", "max_decrease")
    changes = tuple(parse_change(kind, table[kind], f"{where} {kind}") for kind in kinds if kind in table)
    if not bounds and not changes:
        raise UsageError(f"{where}: no limit", "max, min, warn, max_increase or max_decrease")
    if "test" in table and not changes:
        raise UsageError(f"{where}: test without max_increase or max_decrease", "a limit against the baseline")
    by = table.get("by", ())
    rule = Rule(
        name=table.get("name", ""),
        bounds=bounds,
        changes=changes,
        by=tuple(dict.fromkeys((by,) if isinstance(by, str) else by)),
        where=table.get("where"),
        metric=table.get("metric"),
        severity=table.get("severity", "fail"),
        optional=table.get("optional", False),
        test=table.get("test", "regression"),
        line=line,
    )
    return rule if rule.name else _named(rule)


def parse_rule(text: str) -> Rule:
    """The rule of a ``--rule`` text; UsageError names what is wrong in it."""
    where = f'--rule "{text}"'
    table: dict[str, Any] = {}
    for part in _NEXT_KEY.split(text):
        key, equals, value = part.partition("=")
        key = key.strip().replace("-", "_")
        if not equals or not value.strip():
            raise UsageError(f'{where}: "{part.strip()}" is not KEY=VALUE', "such as --rule max=0.42")
        if key in table:
            raise UsageError(f"{where}: {key} is given twice", "one value")
        table[key] = _value(key, value.strip())
    return rule_of(checked(table, RULE, where), where)


def _value(key: str, text: str) -> Any:
    """A value of the command line in the type that the configuration file gives it."""
    if key in ("max", "min", "warn"):
        return _number(text)
    if key in ("max_increase", "max_decrease"):
        return [_number(part.strip()) for part in text.split(",")]
    if key == "optional":
        return {"true": True, "false": False}.get(text.lower(), text)
    return text


def _number(text: str) -> float | str:
    """The number that `text` is; the text itself where it is none, for what reads it to refuse."""
    try:
        return float(text)
    except ValueError:
        return text


def _bounds(table: Mapping[str, Any], where: str) -> tuple[Bound, ...]:
    """The absolute limits; a warning belongs to `max`, or to `min` when that stands alone."""
    values = {key: parse_bound(table[key], f"{where} {key}") for key in ("max", "min", "warn") if key in table}
    high, low, warn = values.get("max"), values.get("min"), values.get("warn")
    warns_low = low is not None and high is None
    bounds = []
    if high is not None or (warn is not None and not warns_low):
        if high is not None and warn is not None and warn > high:
            raise UsageError(f"{where}: warn {warn:g} is above max {high:g}", "a warning before the limit")
        bounds.append(Bound("max", high, warn))
    if low is not None:
        if warns_low and warn is not None and warn < low:
            raise UsageError(f"{where}: warn {warn:g} is below min {low:g}", "a warning before the limit")
        bounds.append(Bound("min", low, warn if warns_low else None))
    return tuple(bounds)


def _named(rule: Rule) -> Rule:
    """A rule without a name is called by what it says."""
    parts = [rule.metric] if rule.metric else []
    parts.append(rule.limits)
    if rule.by:
        parts.append("by " + " and by ".join("class" if one == CLASSES else one for one in rule.by))
    if rule.where:
        parts.append(f"where {rule.where}")
    return replace(rule, name=" ".join(parts))
