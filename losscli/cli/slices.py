"""Where a loss is significantly higher than elsewhere.

    losscli slices FILE... -l SPEC [--columns A,B,...] [--max-order 1|2] [options]

Tests every value or bin of a column, and every cross of two, that has enough
rows against the rest of the rows, corrects for their number, and prints those
that are worse, ranked by how much and on how many rows.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

from losscli.cli import options as given
from losscli.cli.declared import Option
from losscli.cli.parameters import given_parameters, parameter_options
from losscli.errors import Interrupted

ORDER = 45

SEARCH = "Search"


def build() -> Any:
    """The Typer command, with a flag for every loss parameter."""
    return given.with_options(command, parameter_options())


def command(
    files: given.Files,
    *,
    loss: given.Losses,
    columns: Annotated[
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
    dialect: given.Dialect = "losscli",
    plugin: given.Plugins = None,
    plugin_parameters: given.PluginParameters = None,
    label: given.Label = None,
    pred: given.Prediction = None,
    # Declared to be refused with the reason.
    weight: Annotated[str | None, Option("-w", "--weight", metavar="COL", hidden=True)] = None,
    col: given.Others = None,
    classes: given.Classes = None,
    pos_label: given.PositiveLabel = None,
    pred_kind: given.PredictionKind = "auto",
    id: given.Identity = None,
    where: given.Filter = None,
    nan: given.Missing = "error",
    labels: given.LabelFile = None,
    on: given.JoinKey = None,
    format: given.Format = "auto",
    delimiter: given.Delimiter = None,
    quote: given.Quote = None,
    decimal: given.Decimal = None,
    encoding: given.Encoding = None,
    header: given.Header = True,
    strict: given.Strict = False,
    output_format: given.OutputFormat = "table",
    output: given.Outputs = None,
    top: Annotated[
        int,
        Option("--top", metavar="N", help="Slices to show, the best first; 0 for all.", rich_help_panel=given.OUTPUT),
    ] = 20,
    chunk_rows: given.ChunkRows = 131_072,
    threads: given.Threads = None,
    engine: given.EngineName = "processes",
    scheduler: given.Scheduler = None,
    debug: given.Debug = False,
    **options: Any,
) -> int:
    """Slices on which a loss is significantly higher than on the rest."""
    from losscli.cli.delivery import parse_outputs, render_options, standard_output
    from losscli.cli.plugins import load_plugins
    from losscli.cli.progress import Progress
    from losscli.columns import ColumnRequest
    from losscli.expression import select_losses
    from losscli.job import Settings
    from losscli.output import OutputSet
    from losscli.readers.text_options import TextOptions
    from losscli.renderers import RenderOptions
    from losscli.slicing.rendering import FORMATS, find_format
    from losscli.slicing.search import Search, find_slices, prepare_search

    load_plugins(plugin)
    flags = given_parameters(options)
    named = given.named_values(plugin_parameters, flags)
    expressions = select_losses(loss, {**flags, **named}, dialect, {name: f"-P {name}" for name in named})
    request = ColumnRequest.of(
        label=given.names(label),
        pred=given.names(pred),
        weight=weight,
        columns=given.role_columns(col),
        classes=given.class_names(classes),
        pos_label=pos_label,
        pred_kind=pred_kind,
        id=id,
    )
    settings = Settings(
        nan=nan,  # type: ignore[arg-type]  # prepare refuses other words
        level=level,
        chunk_rows=chunk_rows,
        threads=threads,
        engine=engine,
        scheduler=scheduler,
        where=where,
        labels=labels,
        on=on,
        text=TextOptions.of(delimiter, quote, decimal, encoding, header),
        strict=strict or bool(os.environ.get("CI")),
    )
    search = Search(
        columns=None if columns is None else given.names(columns),
        max_order=max_order,
        bins=bins,
        min_slice=min_slice,
        level=level,
        weight=score_alpha,
        top=top,
    )
    render = find_format(output_format)
    paths = parse_outputs(output or (), tuple(FORMATS))
    shown = render_options(top)
    job = prepare_search(files, expressions, request, settings, format)
    with OutputSet(job.paths) as outputs:
        streams = {kind: outputs.open(path) for kind, path in paths.items()}
        sys.stderr.write(f"losscli: {job.mapping}\n")
        for note in job.work.plans[0].notes:
            sys.stderr.write(f"losscli: note: {note}\n")
        for warning in job.warnings:
            sys.stderr.write(f"losscli: warning: {warning}\n")
        told = len(job.warnings)
        job.progress = progress = Progress(job.total_rows)
        try:
            report = find_slices(job, search)
        except KeyboardInterrupt:
            raise Interrupted(f"interrupted at {progress.describe()}") from None
        finally:
            progress.close()
        for warning in report.warnings[told:]:
            sys.stderr.write(f"losscli: warning: {warning}\n")
        for text in report.notes:
            sys.stderr.write(f"losscli: note: {text}\n")
        for kind, stream in streams.items():
            stream.write(FORMATS[kind](report, RenderOptions()).encode())
    with standard_output():
        sys.stdout.write(render(report, shown))
    return 0
