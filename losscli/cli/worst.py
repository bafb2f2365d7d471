"""The rows with the largest loss.

    losscli worst FILE... -l SPEC -n N [--per-class] [--keep COL,...] [options]

Reads the data once and prints the worst rows for every loss: where each
stands, its identity, label, prediction and loss, and the columns of --keep.
Ties go to the row that stands first.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

from losscli.cli import options as given
from losscli.cli.declared import Option
from losscli.cli.parameters import given_parameters, parameter_options
from losscli.errors import Interrupted

if TYPE_CHECKING:
    from losscli.job import Job

ORDER = 40


def build() -> Any:
    """The Typer command, with a flag for every loss parameter."""
    return given.with_options(command, parameter_options())


def command(
    files: given.Files,
    *,
    loss: given.Losses,
    n: Annotated[
        int, Option("-n", "--rows", metavar="N", help="How many rows to show.", rich_help_panel=given.OUTPUT)
    ] = 10,
    per_class: Annotated[
        bool, Option("--per-class", help="So many rows of every class.", rich_help_panel=given.OUTPUT)
    ] = False,
    dialect: given.Dialect = "losscli",
    plugin: given.Plugins = None,
    plugin_parameters: given.PluginParameters = None,
    label: given.Label = None,
    pred: given.Prediction = None,
    col: given.Others = None,
    classes: given.Classes = None,
    pos_label: given.PositiveLabel = None,
    pred_kind: given.PredictionKind = "auto",
    by: given.By = None,
    id: given.Identity = None,
    keep: given.Keep = None,
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
    chunk_rows: given.ChunkRows = 131_072,
    threads: given.Threads = None,
    engine: given.EngineName = "processes",
    scheduler: given.Scheduler = None,
    debug: given.Debug = False,
    **options: Any,
) -> int:
    """The rows with the largest loss."""
    from losscli.cli.delivery import parse_outputs, render_options, standard_output
    from losscli.cli.plugins import load_plugins
    from losscli.cli.progress import Progress
    from losscli.columns import ColumnRequest
    from losscli.expression import select_losses
    from losscli.job import Settings
    from losscli.output import OutputSet
    from losscli.ranking.rendering import FORMATS, find_format
    from losscli.ranking.search import prepare_ranking, rank
    from losscli.readers.text_options import TextOptions
    from losscli.renderers import RenderOptions

    load_plugins(plugin)
    flags = given_parameters(options)
    named = given.named_values(plugin_parameters, flags)
    expressions = select_losses(loss, {**flags, **named}, dialect, {name: f"-P {name}" for name in named})
    request = ColumnRequest.of(
        label=given.names(label),
        pred=given.names(pred),
        by=by,
        columns=given.role_columns(col),
        classes=given.class_names(classes),
        pos_label=pos_label,
        pred_kind=pred_kind,
        id=id,
        keep=given.names(keep),
    )
    settings = Settings(
        nan=nan,  # type: ignore[arg-type]  # prepare refuses other words
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
    render = find_format(output_format)
    paths = parse_outputs(output or (), tuple(FORMATS))
    shown = render_options(0)
    job = prepare_ranking(files, expressions, request, settings, format)
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
