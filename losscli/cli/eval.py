"""Losses of a prediction file, per class, per slice and in all.

    losscli eval FILE... -l SPEC [-l SPEC...] [options]

Reads label and prediction columns, computes every selected loss in one pass,
and prints count, loss, share, interval, spread and quantiles for each class,
each slice of --by, and in all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from losscli.cli import options as given
from losscli.cli.parameters import selected_losses
from losscli.cli.verdict import Limit, parse_limits, verdict

ORDER = 10


@given.takes(
    f"loss {given.SELECTED} reduction {given.READ}"
    f" output_format output quiet top {given.STATISTICS} fail_above {given.RUN} debug"
)
def command(
    files: given.Files,
    *,
    output_format: str,
    output: list[str] | None,
    quiet: bool,
    top: int,
    fail_above: list[str] | None,
    **options: Any,
) -> int:
    """Losses of a prediction file, per class, per slice and in all."""
    expressions = selected_losses(options)
    limits = parse_limits(fail_above or (), expressions)

    from losscli.preparation import prepare

    job = prepare(files, expressions, *given.request_and_settings(options), options["format"])
    return _run(job, output_format, output or (), quiet, top, limits)


def _run(job: Any, output_format: str, outputs: Sequence[str], quiet: bool, top: int, limits: Sequence[Limit]) -> int:
    from losscli.cli.delivery import Delivery, say, say_mapping, say_skipped
    from losscli.cli.progress import watched

    with Delivery(job.paths, output_format, outputs, quiet=quiet, top=top, job=job) as delivery:
        say_mapping(job)
        say("warning", job.warnings)
        told = len(job.warnings)
        with watched(job):
            partial = job.run()
        say("warning", job.warnings[told:])
        outcome = job.outcome(partial)
        report = outcome.report()
        say_skipped(report)
        code = verdict(report, limits)
        delivery.write_files(outcome, report)
    # Standard output comes last: it shows nothing unless every file is in its place.
    delivery.show(report)
    return code
