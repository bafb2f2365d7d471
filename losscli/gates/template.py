"""A commented ``losscli.toml`` to start from, made of the declared keys."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any

from losscli.declaration import Parameter
from losscli.gates.keys import BASELINE, GATE, INPUT, LOSS, RULE, STATS, Key
from losscli.records import dataclass

# What stands behind a comment sign where nothing better is known: examples, each valid as it stands.
_EXAMPLES: Mapping[str, Any] = {
    "path": "preds.parquet",
    "label": "y_true",
    "pred": "y_pred",
    "weight": "weight",
    "id": "id",
    "where": "split == 'test'",
    "nan": "error",
    "title": "risk",
    "dialect": "losscli",
    "cluster": "user",
}
_SHOWN_INPUT = ("path", "label", "pred", "classes", "weight", "id", "where", "nan")

# The first limit is a tenth above what the file shows, in two digits.
_ROOM = 1.1


@dataclass(frozen=True)
class Findings:
    """What is known of the predictions: keys of ``[input]``, the loss that fits, and its value."""

    inputs: Mapping[str, Any] = field(default_factory=dict)
    loss: str = "huber"
    parameters: Sequence[Parameter] = ()
    value: float | None = None
    slices: str | None = None


def template(found: Findings) -> str:
    """A configuration that parses; keys that nothing is known of stand behind a comment sign."""
    limit = 0.42 if found.value is None else first_limit(found.value)
    lines = [
        "# What predictions must keep to. losscli gate checks it; losscli gate --dry-run shows what would be checked.",
        "# Paths are relative to this file. Misspelt keys are errors.",
        "schema = 1",
        *_section("[input]", INPUT, found.inputs, _SHOWN_INPUT),
        *_section("[loss]", LOSS, {"name": found.loss}),
        *(f"# {one.name} = {_toml(one.default)}  # {one.help}" for one in found.parameters if _is_plain(one.default)),
        *_section("[stats]", STATS, {"level": 0.95, "correction": "holm", "min_slice": 30}),
        *_section("[gate]", GATE, {"on_inconclusive": "warn"}),
        "",
        "# A rule about all rows."
        + ("" if found.value is None else f" The loss of these predictions is {found.value!r}."),
        "[[rule]]",
        'name = "overall level"',
        *_lines(RULE, {"max": limit}, ("max",)),
        "",
        "# A rule for each slice.",
        *_commented(["[[rule]]", 'name = "no slice is far worse"']),
        *_lines(RULE, {}, ("by", "max"), {"by": [found.slices or "region"], "max": first_limit(2 * limit)}),
        "",
        "# Rules against a baseline are tests of the paired differences; they need its predictions of the same rows.",
        *_commented(["[baseline]"]),
        *_lines(
            BASELINE,
            {},
            ("path", "required", "allow_missing"),
            {"path": "main.parquet", "required": True, "allow_missing": False},
        ),
        "#",
        *_commented(["[[rule]]", 'name = "no slice regresses"']),
        *_lines(
            RULE,
            {},
            ("by", "max_increase", "test", "severity", "optional"),
            {
                "by": [found.slices or "region"],
                "max_increase": "2%",
                "test": "regression",
                "severity": "fail",
                "optional": False,
            },
        ),
    ]
    return "\n".join(lines) + "\n"


def first_limit(value: float) -> float:
    """A limit with some room above `value`, rounded to two digits."""
    if value == 0 or not math.isfinite(value):
        return 0.1
    room = value * _ROOM if value > 0 else value / _ROOM
    step = 10.0 ** (math.floor(math.log10(abs(room))) - 1)
    return float(f"{math.ceil(room / step) * step:.2g}")


def _section(header: str, keys: Sequence[Key], values: Mapping[str, Any], shown: Sequence[str] = ()) -> Iterator[str]:
    yield ""
    yield header
    yield from _lines(keys, values, shown or [key.name for key in keys])


def _lines(
    keys: Sequence[Key], values: Mapping[str, Any], shown: Sequence[str], examples: Mapping[str, Any] = _EXAMPLES
) -> Iterator[str]:
    """A line for each key: as it is where there is a value, else an example behind a comment sign."""
    for key in keys:
        if key.name in values:
            yield f"{key.name} = {_toml(values[key.name])}  # {key.help}"
        elif key.name in shown and key.name in examples:
            yield f"# {key.name} = {_toml(examples[key.name])}  # {key.help}"


def _is_plain(value: Any) -> bool:
    """Whether a default can be written in TOML: None and infinity cannot be given there as numbers."""
    return isinstance(value, bool | str) or (isinstance(value, int | float) and math.isfinite(value))


def _commented(lines: Sequence[str]) -> list[str]:
    return [f"# {line}" for line in lines]


def _toml(value: Any) -> str:
    """A value as TOML: its texts are those of JSON, but for the character DEL."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_toml(name)} = {_toml(one)}" for name, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
    return str(value).lower() if isinstance(value, bool) else repr(value)
