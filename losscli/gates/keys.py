"""The keys of a gate's configuration, declared once.

The parser refuses what is not here, and ``losscli init`` writes its comments
from here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

from losscli.columns.request import PREDICTION_KINDS
from losscli.errors import UsageError, nearest
from losscli.gates.limits import CHANGE_EXPECTED
from losscli.gates.verdicts import Correction, OnInconclusive, Severity
from losscli.records import dataclass
from losscli.work import NanPolicy


@dataclass(frozen=True)
class Key:
    """A key of a table: what may stand there, in words and as a test, and what it means."""

    name: str
    expected: str
    accepts: Callable[[Any], bool]
    help: str


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_texts(value: Any) -> bool:
    return _is_text(value) or (isinstance(value, list) and bool(value) and all(map(_is_text, value)))


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_positive_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_limit(value: Any) -> bool:
    return _is_number(value) or _is_text(value) or (isinstance(value, list) and all(map(_is_limit, value)))


def _text(name: str, help: str) -> Key:
    return Key(name, "a text", _is_text, help)


def _texts(name: str, help: str) -> Key:
    return Key(name, "a text or a list of texts", _is_texts, help)


def _flag(name: str, help: str) -> Key:
    return Key(name, "true or false", _is_flag, help)


def _count(name: str, help: str) -> Key:
    return Key(name, "a whole number above 0", _is_positive_whole, help)


def _number(name: str, help: str) -> Key:
    return Key(name, "a number", _is_number, help)


def _choice(name: str, values: Sequence[str], help: str) -> Key:
    return Key(name, "one of " + ", ".join(values), lambda value: isinstance(value, str) and value in values, help)


INPUT = (
    _texts("path", "the file to check, unless the command line names one; relative to this file"),
    _texts("label", "the column of the labels"),
    _texts("pred", "the column of the predictions; several in class order, or a pattern such as 'prob_*'"),
    _text("weight", "the column of the row weights"),
    Key(
        "col",
        "a table of ROLE = column",
        lambda value: isinstance(value, dict) and all(map(_is_texts, value.values())),
        "columns of any other input of a loss",
    ),
    _texts("classes", "the classes in the order of the prediction columns, or '@FILE'"),
    Key(
        "pos_label",
        "a label",
        lambda value: _is_text(value) or isinstance(value, bool) or _is_number(value),
        "the label of the positive class",
    ),
    _choice("pred_kind", PREDICTION_KINDS, "what the scores are"),
    _text("id", "the column that identifies a row, by which the baseline is joined"),
    _text("where", "only the rows for which it holds"),
    _choice("nan", get_args(NanPolicy), "missing values"),
    _text("labels", "another file with the labels, joined by `on`; relative to this file"),
    _text("on", "the column that joins the rows of two files; `id` if it is not given"),
    _text("format", "the format of the files"),
    _text("delimiter", "between CSV values: , ; tab or |"),
    _text("quote", "around CSV values; none for no quotes"),
    _text("decimal", "the decimal point of CSV numbers: . or a comma"),
    _text("encoding", "the encoding of CSV text"),
    _flag("header", "whether CSV text starts with the names"),
    _text("reduction", "how the losses of the rows become one number"),
    _texts("plugin", "files that declare more losses; relative to this file"),
    _flag("strict", "refuse ambiguous columns"),
    _count("chunk_rows", "rows read at a time; changes no digit"),
    _count("threads", "worker processes or threads; changes no digit"),
    _text("engine", "processes, threads, serial or dask; changes no digit"),
    _text("scheduler", "the address of a Dask scheduler"),
)
LOSS = (
    _text("name", "a loss of the catalogue, or a sum such as '0.7*huber+0.3*mae'"),
    _text("title", "what it is called in the report and by the metric of a rule"),
    _text("dialect", "whose constants it has: losscli, keras, torch or sklearn"),
)
STATS = (
    Key(
        "level",
        "a number between 0 and 1",
        lambda value: _is_number(value) and 0 < value < 1,
        "of the intervals; a false alarm has the probability 1 - level",
    ),
    _choice("correction", get_args(Correction), "for the number of checks against the baseline in this run"),
    _count("min_slice", "slices and classes with fewer rows are not compared with the baseline"),
    _text("cluster", "a column of the baseline: rows of equal values depend on each other"),
)
ALLOW_MISSING = _flag("allow_missing", "leave out and count rows that one of both files lacks")
BASELINE = (
    _text("path", "the predictions to compare with; relative to this file"),
    _flag("required", "whether it is an error when there is no such file"),
    ALLOW_MISSING,
)
GATE = (_choice("on_inconclusive", get_args(OnInconclusive), "what a run means that decides nothing: fail is exit 4"),)
RULE = (
    _text("name", "what the report calls the rule"),
    _number("max", "the largest loss that passes"),
    _number("min", "the smallest loss that passes"),
    _number("warn", "beyond it a loss passes with a warning"),
    Key("max_increase", CHANGE_EXPECTED, _is_limit, "the largest increase over the baseline"),
    Key("max_decrease", CHANGE_EXPECTED, _is_limit, "the largest decrease below the baseline"),
    _texts("by", "for each slice: columns, crosses 'a,b', bins 'age:q5', or '@class' for each class"),
    _text("where", "only for rows for which it holds"),
    _text("metric", "the title or name of the loss, where there are several"),
    _choice("severity", get_args(Severity), "the gravest verdict: fail, warn, or info for none"),
    _flag("optional", "a rule that matches no row is no error"),
    _choice(
        "test",
        ("regression", "non-inferior", "point"),
        "regression fails on evidence of harm, non-inferior passes only on evidence of no harm, "
        "point compares the points",
    ),
)

SECTIONS: Mapping[str, Sequence[Key]] = {
    "input": INPUT,
    "loss": LOSS,
    "stats": STATS,
    "baseline": BASELINE,
    "gate": GATE,
    "rule": RULE,
}


def checked(
    table: Mapping[str, Any], keys: Sequence[Key], where: str, *, others: Sequence[str] = (), near: Sequence[str] = ()
) -> dict[str, Any]:
    """`table` when every key is known and holds what it should, else a UsageError naming the nearest key.

    `where` names the table in messages.  `others` are keys that are taken as
    they are, such as the parameters of a loss; `near` are worth suggesting.
    """
    known = {key.name: key for key in keys}
    for name, value in table.items():
        if name in others:
            continue
        if name not in known:
            raise unknown_key(name, where, [*known, *others, *near])
        if not known[name].accepts(value):
            raise UsageError(f"{where}: {name} = {_toml(value)}", f"{name}: {known[name].expected}")
    return dict(table)


def unknown_key(name: str, where: str, known: Sequence[str]) -> UsageError:
    """The refusal of a key that is not one of `known`."""
    return UsageError(f'{where}: no key "{name}"', "one of " + ", ".join(known), nearest(name, known))


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
