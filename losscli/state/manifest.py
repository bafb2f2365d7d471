"""Where the numbers of a state come from, as its JSON document says it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeVar, get_args

from losscli.columns import Keys
from losscli.errors import InputError, LosscliError, UsageError
from losscli.expression import Expression, Term
from losscli.outcome import Outcome, Provenance, Shown
from losscli.readers import RowCounts
from losscli.reduction import Reduction
from losscli.registry import find_loss, is_known
from losscli.report import InputFile, Note, plain_value
from losscli.state.measures import Codes, whole
from losscli.work import NanPolicy, Partial

SCHEMA = "losscli-state/1"

KindT = TypeVar("KindT")


def written(outcome: Outcome, codes: Codes, measures: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The JSON document of an outcome, whose groups are saved in the order of `codes`."""
    partial, source = outcome.partial, outcome.provenance
    classes, slices = (codes[0], codes[1:]) if source.by_class else ((), codes)
    return {
        "schema": SCHEMA,
        "losses": [
            {
                "title": expression.title,
                "signature": expression.signature(source.reduction, source.nan),
                "terms": [_term(term) for term in expression.terms],
            }
            for expression in source.expressions
        ],
        "reduction": source.reduction.value,
        "nan": source.nan,
        "weighted": source.weighted,
        "by": [list(cross) for cross in source.by],
        "by_class": source.by_class,
        "classes": None if source.classes is None else list(source.classes),
        "columns": dict(source.columns),
        "shown": asdict(source.shown),
        "inputs": [[one.path, one.format, one.rows, one.bytes] for one in source.inputs],
        "warnings": list(source.warnings),
        "notes": [[note.code, note.message, note.rows, note.share] for note in source.notes],
        "rows": {
            "used": partial.rows_used,
            "skipped": partial.rows_skipped,
            "skipped_by_class": sorted(
                ([name, rows] for name, rows in partial.skipped_by_class.items()),
                key=lambda one: (one[0] is None, one[0] or ""),
            ),
            "filter": None if partial.census is None else [partial.census.rows, partial.census.matched],
        },
        "keys": {
            "classes": [partial.keys.classes[code] for code in classes],
            "slices": [
                [list(names[code]) for code in used] for names, used in zip(partial.keys.slices, slices, strict=True)
            ],
        },
        "measures": list(measures),
    }


def check_schema(manifest: Any, path: str) -> None:
    """Refuse, as an InputError, what is no state or one of a later format."""
    name = manifest.get("schema") if isinstance(manifest, dict) else None
    kind, _, version = str(name).partition("/")
    if kind != SCHEMA.partition("/")[0]:
        raise InputError(f"{path}: not a state of losscli", "a file that -o state=FILE wrote")
    if name != SCHEMA:
        raise InputError(
            f"{path}: a state of format {version}, which a newer losscli wrote",
            f"a state of format {SCHEMA.partition('/')[2]}",
            "pip install --upgrade losscli",
        )


def provenance_of(manifest: Mapping[str, Any], path: str) -> Provenance:
    """The provenance that a JSON document describes; what does not fit is a ValueError or a LosscliError."""
    nan = manifest["nan"]
    if nan not in get_args(NanPolicy):
        raise ValueError("a policy is unknown")
    reduction = Reduction(manifest["reduction"])
    classes = manifest["classes"]
    return Provenance(
        expressions=tuple(_expression(one, reduction, nan, path) for one in _list(manifest["losses"], dict)),
        reduction=reduction,
        nan=nan,
        weighted=_of(manifest["weighted"], bool),
        by=tuple(tuple(_list(cross, str)) for cross in _list(manifest["by"], list)),
        by_class=_of(manifest["by_class"], bool),
        classes=None if classes is None else tuple(_list(classes, str)),
        columns=_of(manifest["columns"], dict),
        inputs=tuple(_input(one) for one in _list(manifest["inputs"], list)),
        warnings=tuple(_list(manifest["warnings"], str)),
        notes=tuple(_note(one) for one in _list(manifest["notes"], list)),
        shown=_shown(manifest["shown"]),
    )


def partial_of(manifest: Mapping[str, Any], source: Provenance) -> Partial:
    """A partial result with the keys and counts of a JSON document, and without measures."""
    rows, names = manifest["rows"], manifest["keys"]
    keys = Keys(slices=len(source.by), by_class=source.by_class)
    for name in names["classes"]:
        keys.classes.code(_text(name))
    for known, slices, cross in zip(keys.slices, names["slices"], source.by, strict=True):
        for parts in slices:
            if len(parts) != len(cross):
                raise ValueError("a slice does not fit its columns")
            known.code(tuple(_text(part) for part in parts))
    if [len(names["classes"]), *map(len, names["slices"])] != [len(keys.classes), *map(len, keys.slices)]:
        raise ValueError("a group is there twice")
    partial = Partial(
        [],
        keys,
        counts=RowCounts({(file, 0): one.rows for file, one in enumerate(source.inputs)}),
        rows_used=whole(rows["used"]),
        rows_skipped=whole(rows["skipped"]),
        skipped_by_class={_text(name): whole(count) for name, count in rows["skipped_by_class"]},
    )
    if rows["filter"] is not None:
        from losscli.where import Census

        partial.census = Census(_of(source.columns["where"], str), (), ())
        partial.census.rows, partial.census.matched = map(whole, rows["filter"])
    return partial


def _term(term: Term) -> dict[str, Any]:
    loss = term.loss
    return {
        "loss": loss.name,
        "factor": term.factor,
        "dialect": loss.dialect,
        "params": {name: plain_value(value) for name, value in loss.values.items()},
    }


def _expression(described: Mapping[str, Any], reduction: Reduction, nan: str, path: str) -> Expression:
    terms = []
    for one in _list(described["terms"], dict):
        name, factor = _of(one["loss"], str), float(one["factor"])
        if not is_known(name):
            raise UsageError(
                f"{path}: its loss {name} is not known here", "the plugin that declares it", "--plugin FILE.py"
            )
        if not math.isfinite(factor):
            raise ValueError("a factor is no number")
        try:
            loss = find_loss(name).bind(dialect=_of(one["dialect"], str), **_of(one["params"], dict))
        except LosscliError as error:
            raise InputError(f"{path}: {error.problem}", "a state of this version's losses") from error
        terms.append(Term(factor, loss))
    expression = Expression(_of(described["title"], str), tuple(terms))
    signature = expression.signature(reduction, nan)
    if not terms or signature != described["signature"]:
        raise InputError(
            f"{path}: the loss {expression.title} was {described['signature']} and is {signature} here",
            "a state of this version's losses",
            "write the state again with this version",
        )
    return expression


def _shown(described: Mapping[str, Any]) -> Shown:
    try:
        return Shown(_of(described["level"], float), described["ci"], _of(described["per_class"], bool))
    except UsageError as error:
        raise ValueError(error.problem) from error


def _input(described: Sequence[Any]) -> InputFile:
    path, format, rows, size = described
    return InputFile(_of(path, str), _of(format, str), whole(rows), None if size is None else whole(size))


def _note(described: Sequence[Any]) -> Note:
    code, message, rows, share = described
    return Note(
        _of(code, str),
        _of(message, str),
        None if rows is None else whole(rows),
        None if share is None else _of(share, float),
    )


def _text(value: Any) -> str | None:
    return None if value is None else _of(value, str)


def _list(value: Any, kind: type[KindT]) -> list[KindT]:
    return [_of(one, kind) for one in _of(value, list)]


def _of(value: Any, kind: type[KindT]) -> KindT:
    if type(value) is not kind:
        raise ValueError(f"{value} is no {kind.__name__}")
    return value
