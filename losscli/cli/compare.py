"""Paired comparison of models: the first file is the baseline.

    losscli compare BASE CAND [CAND...] -l SPEC [--on COL] [options]

Pairs the rows of both files by a key, or by position when labels and ids agree
row by row, and prints the difference of the losses with its interval, p value
and verdict, in all, for each class and each slice.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

from losscli.cli import options as given
from losscli.cli.declared import Argument, Option
from losscli.cli.parameters import selected_losses
from losscli.errors import Exit, Interrupted, UsageError

ORDER = 20


@given.takes(
    f"loss on allow_missing cluster worst {given.SELECTED} reduction {given.READ}"
    f" output_format output top {given.STATISTICS} fail_if {given.RUN} debug",
    but="keep labels",
)
def command(
    files: Annotated[list[str], Argument(metavar="BASE CAND", help="The baseline, then one or several candidates.")],
    *,
    on: Annotated[
        str | None,
        Option(
            "--on",
            metavar="COL",
            help="Join the rows on this column, in any order; without it they are paired by position.",
            rich_help_panel=given.READING,
        ),
    ] = None,
    allow_missing: bool,
    cluster: str | None,
    worst: Annotated[
        int,
        Option("--worst", metavar="N", help="Also the N rows with the largest increase.", rich_help_panel=given.OUTPUT),
    ] = 0,
    reduction: Annotated[
        str,
        Option(
            "--reduction",
            metavar="NAME",
            help="auto, mean, sum, sum_over_batch_size or mean_with_sample_weight.",
            rich_help_panel=given.SELECTING,
        ),
    ] = "auto",
    output_format: str,
    output: list[str] | None,
    top: int,
    fail_if: Annotated[
        list[str] | None,
        Option(
            "--fail-if",
            metavar="RULE",
            help="Exit 1 when it holds: worse, any worse, diff>0.01, relative>2%, with and; repeatable.",
            rich_help_panel=given.GATE,
        ),
    ] = None,
    **options: Any,
) -> int:
    """Paired comparison of models: the first file is the baseline."""
    if len(files) < 2:
        raise UsageError(
            "nothing to compare with", "a baseline and at least one candidate", "losscli compare BASE CAND"
        )
    if worst < 0:
        raise UsageError("--worst takes a whole number")
    expressions = selected_losses(options)

    from losscli.comparison.conditions import parse_condition

    conditions = [parse_condition(text, [one.title for one in expressions]) for text in fail_if or ()]
    request, settings = given.request_and_settings({**options, "reduction": reduction})
    asked = {
        "losses": expressions,
        "request": request,
        "settings": settings,
        "on": on if on is not None else options["id"],
        "allow_missing": allow_missing,
        "cluster": cluster,
        "worst": worst,
        "format": options["format"],
    }
    return _run(files, asked, output_format, output or (), top, conditions)


def _run(
    files: Sequence[str],
    asked: dict[str, Any],
    output_format: str,
    outputs: Sequence[str],
    top: int,
    conditions: Sequence[Any],
) -> int:
    from losscli.cli.delivery import FindingDelivery, say
    from losscli.cli.progress import Progress
    from losscli.comparison import compare
    from losscli.comparison.conditions import failures_of
    from losscli.comparison.rendering import FORMATS

    delivery = FindingDelivery(FORMATS, output_format, outputs, top)
    bars: list[Progress] = []

    def announce(job: Any, note: str) -> None:
        while bars:
            bars.pop().close()
        sys.stderr.write(f"losscli: {job.sources[0].path}: {job.mapping}; {note}\n")
        bars.append(Progress(job.total_rows))

    with delivery.written(files) as write:
        try:
            comparison = compare(files[0], files[1:], announce=announce, progress=lambda rows: bars[-1](rows), **asked)
        except KeyboardInterrupt:
            where = f" at {bars[-1].describe()}" if bars else ""
            raise Interrupted(f"interrupted{where}") from None
        finally:
            for bar in bars:
                bar.close()
        say("warning", comparison.warnings)
        failures = failures_of(conditions, comparison)
        write(comparison)
    for text, found in failures:
        sys.stderr.write(f"losscli: FAIL {text}: {found}\n")
    delivery.show(comparison)
    return Exit.GATE_FAILED if failures else Exit.DONE
