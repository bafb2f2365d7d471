"""Where a loss is significantly higher than elsewhere.

    losscli slices FILE... -l SPEC [--columns A,B,...] [--max-order 1|2] [options]

Tests every value or bin of a column, and every cross of two, that has enough
rows against the rest of the rows, corrects for their number, and prints those
that are worse, ranked by how much and on how many rows.
"""

from __future__ import annotations

from typing import Annotated, Any

from losscli.cli import options as given
from losscli.cli.declared import Option
from losscli.cli.parameters import selected_losses

ORDER = 45

SEARCH = "Search"


@given.takes(
    f"loss among max_order bins min_slice level score_alpha {given.SELECTED} {given.READ}"
    f" output_format output top {given.RUN} debug",
    but="by keep",
)
def command(
    files: given.Files,
    *,
    among: Annotated[
        list[str] | None,
        Option(
            "--columns",
            metavar="COL,...",
            help="Columns to slice by; all that play no other part, by default.",
            rich_help_panel=SEARCH,
        ),
    ] = None,
    max_order: Annotated[
        int, Option("--max-order", metavar="1|2", help="Columns of a slice, at most.", rich_help_panel=SEARCH)
    ] = 2,
    bins: Annotated[
        int, Option("--bins", metavar="N", help="Quantile bins of a column of numbers.", rich_help_panel=SEARCH)
    ] = 5,
    min_slice: Annotated[
        int, Option("--min-slice", metavar="N", help="Rows of a slice, at least.", rich_help_panel=SEARCH)
    ] = 30,
    level: Annotated[
        float,
        Option("--level", metavar="P", help="Confidence level of all tests together (Holm).", rich_help_panel=SEARCH),
    ] = 0.95,
    score_alpha: Annotated[
        float,
        Option(
            "--score-alpha",
            metavar="A",
            help="Weight of the effect in SliceLine's score, the rest is that of the size.",
            rich_help_panel=SEARCH,
        ),
    ] = 0.95,
    # Declared to be refused with the reason.
    weight: Annotated[str | None, Option("-w", "--weight", metavar="COL", hidden=True)] = None,
    output_format: str,
    output: list[str] | None,
    top: Annotated[
        int,
        Option("--top", metavar="N", help="Slices to show, the best first; 0 for all.", rich_help_panel=given.OUTPUT),
    ] = 20,
    **options: Any,
) -> int:
    """Slices on which a loss is significantly higher than on the rest."""
    from losscli.cli.delivery import FindingDelivery, say, say_mapping
    from losscli.cli.progress import watched
    from losscli.slicing.rendering import FORMATS
    from losscli.slicing.search import Search, find_slices, prepare_search

    expressions = selected_losses(options)
    request, settings = given.request_and_settings({**options, "weight": weight, "level": level})
    search = Search(
        columns=None if among is None else given.names(among),
        max_order=max_order,
        bins=bins,
        min_slice=min_slice,
        level=level,
        weight=score_alpha,
        top=top,
    )
    delivery = FindingDelivery(FORMATS, output_format, output, top)
    job = prepare_search(files, expressions, request, settings, options["format"])
    with delivery.written(job.paths) as write:
        say_mapping(job)
        told = len(job.warnings)
        say("warning", job.warnings)
        with watched(job):
            report = find_slices(job, search)
        say("warning", report.warnings[told:])
        say("note", report.notes)
        write(report)
    delivery.show(report)
    return 0
