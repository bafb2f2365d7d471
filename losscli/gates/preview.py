"""What a gate would check, before it reads a row."""

from __future__ import annotations

from losscli.gates.gate import Gate
from losscli.gates.rules import CLASSES, Rule
from losscli.renderers.layout import printable


def preview(gate: Gate) -> str:
    """The configuration, the files, the columns and the rules, a line each."""
    statistics = gate.statistics
    lines = [
        f"config    {gate.config or 'none; the rules are those of the command line'}",
        "input     " + ", ".join(source.path for source in gate.jobs[0].sources),
        f"columns   {gate.jobs[0].mapping}",
    ]
    if gate.baseline is not None:
        lines.append(f"baseline  {gate.baseline.name}")
        lines.append(
            f"tests     level {statistics.level:g}, correction {statistics.correction}, "
            f"slices of at least {statistics.min_slice:,} rows, "
            + ("" if statistics.cluster is None else f"clustered by {statistics.cluster}, ")
            + f"inconclusive means {gate.on_inconclusive}"
        )
    elif gate.missing_baseline is not None:
        lines.append(f"baseline  none: {gate.missing_baseline}")
    lines.append(f"passes    {len(gate.passes)} over the input")
    metrics = {id(rule): expression.title for one in gate.passes for rule, expression in one.rules}
    lines += ["", *(f"rule      {_described(rule, metrics[id(rule)])}" for rule in gate.rules)]
    return "".join(printable(line) + "\n" for line in lines)


def _described(rule: Rule, metric: str) -> str:
    """A rule in one line."""
    parts = [f"{rule.name}: {metric} {rule.limits}"]
    if rule.by:
        parts.append("by " + " and by ".join("class" if one == CLASSES else one for one in rule.by))
    if rule.where:
        parts.append(f"where {rule.where}")
    if rule.needs_baseline:
        parts.append(f"test {rule.test}")
    if rule.severity != "fail":
        parts.append(f"severity {rule.severity}")
    return ", ".join(parts) + (" (optional)" if rule.optional else "")
