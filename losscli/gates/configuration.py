"""``losscli.toml``: read strictly, for a misspelt rule that is skipped would pass every model."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from losscli.class_lists import listed_classes
from losscli.declaration import DEFAULT_DIALECT
from losscli.errors import InputError, UsageError, nearest
from losscli.expression import DIALECTS, Expression, parse_expression, select_losses
from losscli.gates.keys import LOSS, SECTIONS, Key, checked
from losscli.gates.lines import line_of
from losscli.gates.rules import Rule, rule_of
from losscli.gates.verdicts import Correction, OnInconclusive
from losscli.records import dataclass

FILE_NAME = "losscli.toml"
SCHEMA_VERSION = 1

MIN_SLICE = 30


@dataclass(frozen=True)
class LossTable:
    """A ``[loss]``: a SPEC of the loss grammar, its dialect, and parameters for its terms."""

    spec: str
    dialect: str = DEFAULT_DIALECT
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Configuration:
    """A gate as its file or its options describe it; paths are those that can be opened from here.

    `inputs` are keywords of `losscli.evaluate`, and `level` to `cluster`
    the statistics of the checks against the baseline.
    """

    path: str | None = None
    data: tuple[str, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    losses: tuple[LossTable, ...] = ()
    rules: tuple[Rule, ...] = ()
    level: float = 0.95
    correction: Correction = "holm"
    min_slice: int = MIN_SLICE
    cluster: str | None = None
    baseline: str | None = None
    baseline_required: bool = True
    allow_missing: bool = False
    on_inconclusive: OnInconclusive = "warn"


def read_configuration(path: str) -> Configuration:
    """The configuration of a file; whatever is wrong in it is a UsageError naming file, line and key."""
    try:
        # Editors on Windows put a mark before the first byte, which TOML does not know.
        text = Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file", "a gate configuration", "losscli init") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"{path}: cannot be read: {reason}", "a gate configuration") from None
    return parse_configuration(text, path)


def parse_configuration(text: str, path: str = FILE_NAME) -> Configuration:
    """The configuration written as `text`; `path` names it in messages, and paths in it are relative to that file."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason = str(error)
        raise UsageError(f"{path}: {reason[:1].lower() + reason[1:]}", "a TOML file") from None
    return _Reading(text, path).configuration(document)


class _Reading:
    """One text on its way to a `Configuration`, with what messages need."""

    def __init__(self, text: str, path: str) -> None:
        self.text = text
        self.path = path
        self.folder = Path(path).parent

    def configuration(self, document: Mapping[str, Any]) -> Configuration:
        for name in document:
            if name != "schema" and name not in SECTIONS:
                known = ["schema", *SECTIONS]
                line = self._at(name)
                raise UsageError(f'{line}: no key "{name}"', "one of " + ", ".join(known), nearest(name, known))
        version = document.get("schema", SCHEMA_VERSION)
        if version != SCHEMA_VERSION or isinstance(version, bool):
            place = line_of(self.text, "", key="schema")
            raise UsageError(
                f"{self.path}:{place}: schema = {version}", f"schema = {SCHEMA_VERSION}, which this version reads"
            )
        inputs = self._table(document, "input")
        data = self._paths(inputs.pop("path", ()))
        stats, baseline = self._table(document, "stats"), self._table(document, "baseline")
        return Configuration(
            path=self.path,
            data=data,
            inputs=self._inputs(inputs),
            losses=tuple(self._loss(table, position) for position, table in enumerate(self._tables(document, "loss"))),
            rules=tuple(self._rule(table, position) for position, table in enumerate(self._tables(document, "rule"))),
            baseline=next(iter(self._paths(baseline.get("path", ()))), None),
            baseline_required=baseline.get("required", True),
            allow_missing=baseline.get("allow_missing", False),
            **stats,
            **self._table(document, "gate"),
        )

    def _table(self, document: Mapping[str, Any], name: str) -> dict[str, Any]:
        table = document.get(name, {})
        if not isinstance(table, dict):
            raise UsageError(f"{self._at(name)}: {name} is not a table", f"[{name}]")
        return self._checked(table, SECTIONS[name], name, 0)

    def _tables(self, document: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
        """``[name]`` once or ``[[name]]`` several times."""
        tables = document.get(name, [])
        tables = [tables] if isinstance(tables, dict) else tables
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise UsageError(f"{self._at(name)}: {name} is not a table", f"[[{name}]]")
        return tables

    def _checked(
        self, table: Mapping[str, Any], keys: Sequence[Key], section: str, position: int, others: Sequence[str] = ()
    ) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in table.items():
            where = f"{self._at(section, position, name)}: [{section}]"
            found |= checked({name: value}, keys, where, others=others)
        return found

    def _inputs(self, table: dict[str, Any]) -> dict[str, Any]:
        """The keys of ``[input]`` as keywords of `losscli.evaluate`."""
        inputs = dict(table)
        if "col" in inputs:
            inputs["columns"] = inputs.pop("col")
        if "plugin" in inputs:
            inputs["plugin"] = self._paths(inputs["plugin"])
        if "labels" in inputs:
            (inputs["labels"],) = self._paths(inputs["labels"])
        if isinstance(inputs.get("classes"), str):
            inputs["classes"] = self._classes(inputs["classes"])
        if "pos_label" in inputs and not isinstance(inputs["pos_label"], str):
            label = inputs["pos_label"]
            inputs["pos_label"] = str(label).lower() if isinstance(label, bool) else f"{label:.17g}"
        return inputs

    def _classes(self, text: str) -> list[str]:
        """The classes of ``a,b,c`` or of a file ``@FILE`` with one on each line."""
        if not text.startswith("@"):
            return [name.strip() for name in text.split(",")]
        try:
            return list(listed_classes(self._paths(text[1:])[0]))
        except InputError as error:
            raise UsageError(f"{self._at('input', 0, 'classes')}: {error.problem}", error.expected) from None

    def _loss(self, table: Mapping[str, Any], position: int) -> LossTable:
        where = self._at("loss", position)
        if not isinstance(table.get("name"), str):
            raise UsageError(f"{where}: [loss] without a name", 'name = "huber", such as losscli losses lists')
        dialect = table.get("dialect", DEFAULT_DIALECT)
        if dialect not in DIALECTS:
            raise UsageError(f"{self._at('loss', position, 'dialect')}: no dialect {dialect}", ", ".join(DIALECTS))
        try:
            terms = parse_expression(table["name"], dialect).terms
        except UsageError as error:
            where = self._at("loss", position, "name")
            raise UsageError(f"{where}: {error.problem}", error.expected, error.fix) from None
        parameters = list(dict.fromkeys(one.name for term in terms for one in term.loss.parameters))
        self._checked(table, LOSS, "loss", position, parameters)
        given = {name: value for name, value in table.items() if name in parameters}
        for name, value in given.items():
            for term in terms:
                if any(one.name == name for one in term.loss.parameters):
                    self._domain(term.loss.parameter(name), value, term.loss.name, position)
        title = table.get("title")
        return LossTable(f"{title}={table['name']}" if title else table["name"], dialect, given)

    def _domain(self, parameter: Any, value: Any, loss: str, position: int) -> None:
        try:
            parameter.check(value, loss)
        except UsageError as error:
            where = self._at("loss", position, parameter.name)
            raise UsageError(f"{where}: {error.problem}", error.expected, error.fix) from None

    def _rule(self, table: Mapping[str, Any], position: int) -> Rule:
        where = f"{self._at('rule', position)}: [[rule]]"
        known = self._checked(table, SECTIONS["rule"], "rule", position)
        return rule_of(known, where, line_of(self.text, "rule", position))

    def _paths(self, value: str | Sequence[str]) -> tuple[str, ...]:
        """Paths of the file as seen from here; addresses and standard input stay what they are."""
        paths = [value] if isinstance(value, str) else value
        return tuple(path if path == "-" or "://" in path else str(self.folder / path) for path in paths)

    def _at(self, section: str, position: int = 0, key: str | None = None) -> str:
        line = line_of(self.text, section, position, key)
        return f"{self.path}:{line}" if line else self.path


def configured_losses(
    tables: Sequence[LossTable], flags: Mapping[str, Any], spelled: Mapping[str, str] | None = None
) -> tuple[Expression, ...]:
    """The losses of the configuration, parameters of the command line winning over those of their tables."""
    # For the refusals only: a flag that none of the losses has, and two losses of one title.
    select_losses([table.spec for table in tables], flags, spelled=spelled)
    expressions: list[Expression] = []
    for table in tables:
        alone = parse_expression(table.spec, table.dialect)
        known = {one.name for term in alone.terms for one in term.loss.parameters}
        winning = {name: value for name, value in flags.items() if name in known}
        expressions += select_losses([table.spec], {**table.parameters, **winning}, table.dialect)
    return tuple(expressions)


def with_rules(configuration: Configuration, rules: Sequence[Rule]) -> Configuration:
    """`configuration` with `rules` in the place of its own, when there are any."""
    return replace(configuration, rules=tuple(rules)) if rules else configuration
