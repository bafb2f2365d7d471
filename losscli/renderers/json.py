"""The JSON document of schema losscli/1."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from losscli.renderers.renderer import Renderer, RenderOptions
from losscli.report import Report

if TYPE_CHECKING:
    from losscli.renderers.flat import Flat


def render(report: Report, options: RenderOptions) -> str:
    """The whole report as one indented document."""
    return json_text(report.to_dict(), indent=2) + "\n"


def json_text(document: Any, indent: int | None = None) -> str:
    """`document` as JSON: floats in shortest form, text as it is, no NaN or infinity."""
    text = json.dumps(document, indent=indent, ensure_ascii=False, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        # A path that is not UTF-8 carries lone surrogates, which only an escape can hold.
        return json.dumps(document, indent=indent, allow_nan=False)
    return text


def json_lines(table: Flat) -> str:
    """A flat table, one JSON object a line; infinity is a text, for JSON has none."""
    return "".join(
        json_text({name: _finite(value) for name, value in zip(table.columns, row, strict=True)}) + "\n"
        for row in table.rows()
    )


def _finite(value: Any) -> Any:
    return str(value) if isinstance(value, float) and math.isinf(value) else value


RENDERER = Renderer(
    name="json",
    summary="the whole result with its provenance, schema losscli/1",
    render=render,
    suffixes=(".json",),
)
