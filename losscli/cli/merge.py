"""Saved states as one result.

    losscli merge STATE... [options]

Adds up what ``-o state=FILE`` of `eval`, or of this command, has saved from
parts of the data, and prints what one pass over all of it would: the same
digits, to the last.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any

from losscli.cli import options as given
from losscli.cli.declared import Argument

ORDER = 70


def build() -> Any:
    """The Typer command."""
    return command


def command(
    states: Annotated[list[str], Argument(metavar="STATE", help="Files that -o state=FILE wrote, or globs.")],
    *,
    plugin: given.Plugins = None,
    output_format: given.OutputFormat = "table",
    output: given.Outputs = None,
    quiet: given.Quiet = False,
    top: given.Top = 20,
    per_class: Annotated[bool | None, given.PER_CLASS] = None,
    ci: Annotated[str | None, given.INTERVAL] = None,
    level: Annotated[float | None, given.LEVEL] = None,
    fail_above: given.FailAbove = None,
    debug: given.Debug = False,
) -> int:
    """Saved states as one result."""
    from losscli.cli.delivery import Delivery, say_skipped
    from losscli.cli.plugins import load_plugins
    from losscli.cli.verdict import parse_limits, verdict
    from losscli.state import found_states, merge_states, shown_as

    load_plugins(plugin)
    paths = found_states(states)
    with Delivery(paths, output_format, output or (), quiet=quiet, top=top) as delivery:
        outcome = shown_as(merge_states(paths), level=level, ci=ci, per_class=per_class)
        limits = parse_limits(fail_above or (), outcome.provenance.expressions)
        for warning in outcome.provenance.warnings:
            sys.stderr.write(f"losscli: warning: {warning}\n")
        report = outcome.report()
        say_skipped(report)
        code = verdict(report, limits)
        delivery.write_files(outcome, report)
    delivery.show(report)
    return code
