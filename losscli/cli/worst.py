"""The rows with the largest loss.

    losscli worst FILE... -l SPEC -n N [--per-class] [--keep COL,...] [options]

Reads the data once and prints the worst rows for every loss: where each
stands, its identity, label, prediction and loss, and the columns of --keep.
Ties go to the row that stands first.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

from losscli.cli import options as given
from losscli.cli.declared import Option
from losscli.cli.parameters import selected_losses
from losscli.errors import Interrupted

if TYPE_CHECKING:
    from losscli.job import Job

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
    from losscli.cli.delivery import parse_outputs, render_options, standard_output
    from losscli.cli.progress import Progress
    from losscli.output import OutputSet
    from losscli.ranking.rendering import FORMATS, find_format
    from losscli.ranking.search import prepare_ranking, rank
    from losscli.renderers import RenderOptions

    expressions = selected_losses(options)
    request, settings = given.request_and_settings(options)
    render = find_format(output_format)
    paths = parse_outputs(output or (), tuple(FORMATS))
    shown = render_options(0)
    job = prepare_ranking(files, expressions, request, settings, options["format"])
    with OutputSet(job.paths) as outputs:
        streams = {kind: outputs.open(path) for kind, path in paths.items()}
        sys.stderr.write(f"losscli: {job.mapping}\n")
        for note in job.work.plans[0].notes:
            sys.stderr.write(f"losscli: note: {note}\n")
        told = _tell(job, (0, 0))
        job.progress = progress = Progress(job.total_rows)
        try:
            report = rank(job, n, per_class=per_class)
        except KeyboardInterrupt:
            raise Interrupted(f"interrupted at {progress.describe()}") from None
        finally:
            progress.close()
        _tell(job, told)
        for kind, stream in streams.items():
            stream.write(FORMATS[kind](report, RenderOptions()).encode())
    with standard_output():
        sys.stdout.write(render(report, shown))
    return 0


def _tell(job: Job, told: tuple[int, int]) -> tuple[int, int]:
    """Say the notes and warnings of a job beyond those that were told before; returns how many there are."""
    for note in job.notes[told[0] :]:
        sys.stderr.write(f"losscli: note: {note.message}\n")
    for warning in job.warnings[told[1] :]:
        sys.stderr.write(f"losscli: warning: {warning}\n")
    return len(job.notes), len(job.warnings)
