"""Saved states as one result.

    losscli merge STATE... [options]

Adds up what ``-o state=FILE`` of `eval`, or of this command, has saved from
parts of the data, and prints what one pass over all of it would: the same
digits, to the last.
"""

from __future__ import annotations

from typing import Annotated

from losscli.cli import options as given
from losscli.cli.declared import Argument

ORDER = 70


@given.takes("plugin output_format output quiet top per_class ci level fail_above debug", unset="per_class ci level")
def command(
    states: Annotated[list[str], Argument(metavar="STATE", help="Files that -o state=FILE wrote, or globs.")],
    *,
    plugin: list[str] | None,
    output_format: str,
    output: list[str] | None,
    quiet: bool,
    top: int,
    per_class: bool | None,
    ci: str | None,
    level: float | None,
    fail_above: list[str] | None,
    debug: bool,
) -> int:
    """Saved states as one result."""
    from losscli.cli.delivery import Delivery, say, say_skipped
    from losscli.cli.plugins import load_plugins
    from losscli.cli.verdict import parse_limits, verdict
    from losscli.state import found_states, merge_states, shown_as

    load_plugins(plugin)
    paths = found_states(states)
    with Delivery(paths, output_format, output or (), quiet=quiet, top=top) as delivery:
        outcome = shown_as(merge_states(paths), level=level, ci=ci, per_class=per_class)
        limits = parse_limits(fail_above or (), outcome.provenance.expressions)
        say("warning", outcome.provenance.warnings)
        report = outcome.report()
        say_skipped(report)
        code = verdict(report, limits)
        delivery.write_files(outcome, report)
    delivery.show(report)
    return code
