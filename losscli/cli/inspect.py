"""What is in a file, how it would be read, and why.

    losscli inspect FILE... [-l SPEC] [--flags] [-f table|json]

Reads the header and the first 100,000 rows.  Without a loss it says which kinds
of losses fit.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from losscli.cli import options as given
from losscli.cli.declared import Option
from losscli.errors import UsageError

if TYPE_CHECKING:
    from losscli.inspection import Inspection, Interpretation, SeenColumn

ORDER = 50

FORMATS = ("table", "json")

# Of more losses only the number is told.
SHOWN_LOSSES = 8


@given.takes(f"loss dialect plugin {given.COLUMNS} {given.TEXT} flags output_format debug")
def command(
    files: given.Files,
    *,
    loss: Annotated[
        list[str] | None,
        Option(
            "-l",
            "--loss",
            metavar="SPEC",
            help="The loss to read the columns for; repeatable. Without any, those that fit are told.",
            rich_help_panel=given.SELECTING,
        ),
    ] = None,
    flags: Annotated[
        bool,
        Option("--flags", help="Print only the flags that pin the choice, on one line.", rich_help_panel=given.OUTPUT),
    ] = False,
    output_format: Annotated[
        str,
        Option("-f", "--output-format", metavar="NAME", help="table or json.", rich_help_panel=given.OUTPUT),
    ] = "table",
    debug: bool,
    **options: Any,
) -> int:
    """What is in a file, which columns would be used and why, and the flags that pin the choice."""
    from losscli.cli.plugins import load_plugins
    from losscli.inspection import inspect

    if output_format not in FORMATS:
        raise UsageError(f"no output format {output_format} for inspect", "one of " + ", ".join(FORMATS))
    load_plugins(options.pop("plugin"))
    found = inspect(files, loss, **given.keywords(options))
    if flags:
        sys.stdout.write(found.flags + "\n")
    elif output_format == "json":
        sys.stdout.write(json.dumps(found.to_dict(), indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(_page(found))
    return 0


def _page(found: Inspection) -> str:
    """The inspection as text: the file, its columns, and each way to read it."""
    lines = []
    for one in found.inputs:
        rows = "more than 100,000 rows" if one["rows"] is None else f"{one['rows']:,} rows"
        size = "" if one["bytes"] is None else f", {one['bytes']:,} bytes"
        lines.append(f"{one['path']}: {one['format']}, {rows}, {len(found.columns)} columns{size}")
    if len(found.inputs) > 1:
        lines.append(f"columns of {found.inputs[0]['path']}:")
    header = ("column", "type", "missing", "distinct", f"values of the first {found.looked:,} rows")
    lines += ["", *_aligned([header, *(_cells(column, found.typed) for column in found.columns)])]
    for mapping in found.mappings:
        lines += ["", *_mapping(mapping, found.fits.get(mapping.task, ()))]
    for task, question in found.questions.items():
        lines += ["", f"{task}: {question.problem}"]
        lines += [f"  expected: {question.expected}"] if question.expected else []
        lines += [f"  try: {question.fix}"] if question.fix else []
    offers = [f"{flag} {', '.join(names)}" for flag, names in found.offers.items() if names]
    if offers:
        lines += ["", "never used unasked: " + "; ".join(offers)]
    return "\n".join(lines) + "\n"


def _cells(column: SeenColumn, typed: bool) -> tuple[str, ...]:
    seen = column.sight
    stored = column.type if typed else column.kind
    if seen is None:
        return column.name, stored, "", "", ""
    distinct = f"{len(seen.words):,}" if seen.words is not None else "many"
    return column.name, stored, f"{seen.missing:,}", distinct, column.values


def _mapping(mapping: Interpretation, losses: Sequence[str]) -> list[str]:
    """One way to read the file, with the reason for each choice."""
    plan = mapping.plan
    shown = ", ".join(losses[:SHOWN_LOSSES]) + (
        f" and {len(losses) - SHOWN_LOSSES} more" if len(losses) > SHOWN_LOSSES else ""
    )
    lines = [mapping.task + (f": {shown}" if shown else "")]
    rows = []
    for role, columns in plan.roles.items():
        others = plan.alternatives.get(role, ())
        also = f"; also possible: {', '.join(others)}" if others else ""
        rows.append((f"  {role}", ", ".join(columns), plan.why.get(role, "") + also))
    if plan.classes is not None:
        rows.append(("  classes", ", ".join(plan.classes), plan.why.get("classes", "")))
    if plan.positive is not None:
        rows.append(("  positive", plan.positive, "the label whose score is predicted"))
    if mapping.decision.origin is not None:
        rows.append(("  scores", mapping.decision.kind, f"by {mapping.decision.origin}"))
    lines += _aligned(rows)
    lines += [f"  note: {note}" for note in plan.notes]
    lines += [f"  warning: {warning}" for warning in mapping.warnings]
    return [*lines, f"  flags: {mapping.shell_flags}"]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as lines, with the columns under each other."""
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
