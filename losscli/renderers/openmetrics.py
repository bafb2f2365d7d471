"""OpenMetrics text, for GitLab's metrics reports, Prometheus and whatever reads these.

Gauges of the reduced loss, its interval and the number of rows, with the loss,
the level, the class and the slice columns as labels.  OpenMetrics 1.0,
https://prometheus.io/docs/specs/om/open_metrics_spec/.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from losscli.records import dataclass
from losscli.renderers.flat import distinct
from losscli.renderers.renderer import Renderer, RenderOptions
from losscli.report import Report, Row

_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_]")

Labels = Mapping[str, str | None]
Sample = tuple[Labels, float | None]


@dataclass(frozen=True)
class Gauge:
    """A family of samples; one whose value does not exist is left out."""

    name: str
    help: str
    samples: Sequence[Sample]


def render(report: Report, options: RenderOptions) -> str:
    """The gauges of an evaluation."""
    rows = [(result.title, row) for result in report.results for row in result.rows]
    names = label_names(
        {name for _, row in rows if row.level == "slice" for name in row.key}, ("loss", "level", "class")
    )

    def samples(values: Iterable[float | None]) -> list[Sample]:
        return [(_labels(title, row, names), value) for (title, row), value in zip(rows, values, strict=True)]

    low, high = ([row.ci[side] if row.ci else None for _, row in rows] for side in (0, 1))
    return exposition(
        [
            Gauge("losscli_loss", "The reduced loss.", samples(row.loss for _, row in rows)),
            Gauge("losscli_loss_ci_low", "The lower end of its confidence interval.", samples(low)),
            Gauge("losscli_loss_ci_high", "The upper end of its confidence interval.", samples(high)),
            Gauge("losscli_rows", "Rows that count.", samples(row.count for _, row in rows)),
        ]
    )


def _labels(title: str, row: Row, names: Mapping[str, str]) -> Labels:
    if row.level == "class":
        return {"loss": title, "level": row.level, "class": row.key["class"]}
    return {"loss": title, "level": row.level, **{names[name]: value for name, value in row.key.items()}}


def label_names(columns: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """A label name for each column: only letters, digits and underscores, and none that is `taken` or used twice."""
    known = sorted(columns)
    plain = [_NOT_IN_NAMES.sub("_", name) for name in known]
    # A name may not begin with a digit, and those with two underscores are reserved.
    fitting = [name if re.match(r"[a-zA-Z]|_(?!_)", name) else f"by_{name.lstrip('_')}" for name in plain]
    return dict(zip(known, distinct(fitting, set(taken)), strict=True))


def exposition(gauges: Iterable[Gauge]) -> str:
    """The text of several gauges."""
    lines: list[str] = []
    for gauge in gauges:
        lines += [f"# TYPE {gauge.name} gauge", f"# HELP {gauge.name} {gauge.help}"]
        lines += [
            f"{gauge.name}{_label_text(labels)} {value!r}" for labels, value in gauge.samples if value is not None
        ]
    return "\n".join([*lines, "# EOF"]) + "\n"


def _label_text(labels: Labels) -> str:
    pairs = (f'{name}="{_escaped("(null)" if value is None else value)}"' for name, value in labels.items())
    return "{" + ",".join(pairs) + "}"


def _escaped(text: str) -> str:
    shown = text.encode("utf-8", "replace").decode()
    return shown.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


RENDERER = Renderer(
    name="openmetrics",
    summary="OpenMetrics text for GitLab's metrics reports and Prometheus",
    render=render,
    suffixes=(".prom",),
)
