"""The rows with the largest loss.

    losscli worst FILE... -l SPEC -n N [--per-class] [--keep COL,...] [options]

Reads the data once and prints the worst rows for every loss: where each
stands, its identity, label, prediction and loss, and the columns of --keep.
Ties go to the row that stands first.
"""

from __future__ import annotations

from typing import Annotated, Any

from losscli.cli import options as given
from losscli.cli.declared import Option
from losscli.cli.parameters import selected_losses

ORDER = 40


@given.takes(
    f"loss n per_class {given.SELECTED} {given.READ} output_format output {given.RUN} debug",
    but="weight",
)
def command(
    files: given.Files,
    *,
    n: Annotated[
        int, Option("-n", "--rows", metavar="N", help="How many rows to show.", rich_help_panel=given.OUTPUT)
    ] = 10,
    per_class: Annotated[
        bool, Option("--per-class", help="So many rows of every class.", rich_help_panel=given.OUTPUT)
    ] = False,
    output_format: str,
    output: list[str] | None,
    **options: Any,
) -> int:
    """The rows with the largest loss."""
    from losscli.cli.delivery import FindingDelivery, say, say_mapping
    from losscli.cli.progress import watched
    from losscli.ranking.rendering import FORMATS
    from losscli.ranking.search import prepare_ranking, rank

    expressions = selected_losses(options)
    request, settings = given.request_and_settings(options)
    delivery = FindingDelivery(FORMATS, output_format, output)
    job = prepare_ranking(files, expressions, request, settings, options["format"])
    with delivery.written(job.paths) as write:
        say_mapping(job)
        told = len(job.notes), len(job.warnings)
        say("note", (note.message for note in job.notes))
        say("warning", job.warnings)
        with watched(job):
            report = rank(job, n, per_class=per_class)
        say("note", (note.message for note in job.notes[told[0] :]))
        say("warning", job.warnings[told[1] :])
        write(report)
    delivery.show(report)
    return 0
