"""Losses of a prediction file, per class, per slice and in all.

    losscli eval FILE... -l SPEC [-l SPEC...] [options]

Reads label and prediction columns, computes every selected loss in one pass,
and prints count, loss, share, interval, spread and quantiles for each class,
each slice of --by, and in all.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

from losscli.cli import options as given
from losscli.cli.declared import Option
from losscli.cli.parameters import given_parameters, parameter_options
from losscli.cli.verdict import Limit, parse_limits, verdict
from losscli.errors import Interrupted

ORDER = 10


def build() -> Any:
    """The Typer command, with a flag for every loss parameter."""
    return given.with_options(command, parameter_options())


def command(
    files: given.Files,
    *,
    loss: given.Losses,
    dialect: given.Dialect = "losscli",
    plugin: given.Plugins = None,
    plugin_parameters: given.PluginParameters = None,
    reduction: Annotated[
        str,
        Option(
            "--reduction",
            metavar="NAME",
            help="auto, mean, sum, none, sum_over_batch_size or mean_with_sample_weight.",
            rich_help_panel=given.SELECTING,
        ),
    ] = "auto",
    label: given.Label = None,
    pred: given.Prediction = None,
    weight: given.Weight = None,
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
    quiet: given.Quiet = False,
    top: given.Top = 20,
    per_class: Annotated[bool, given.PER_CLASS] = True,
    ci: Annotated[str, given.INTERVAL] = "hall",
    level: Annotated[float, given.LEVEL] = 0.95,
    seed: given.Seed = 0,
    replicates: given.Replicates = 1000,
    fail_above: given.FailAbove = None,
    chunk_rows: given.ChunkRows = 131_072,
    threads: given.Threads = None,
    engine: given.EngineName = "processes",
    scheduler: given.Scheduler = None,
    debug: given.Debug = False,
    **options: Any,
) -> int:
    """Losses of a prediction file, per class, per slice and in all."""
    from losscli.cli.plugins import load_plugins
    from losscli.expression import select_losses

    load_plugins(plugin)
    flags = given_parameters(options)
    named = given.named_values(plugin_parameters, flags)
    expressions = select_losses(loss, {**flags, **named}, dialect, {name: f"-P {name}" for name in named})
    limits = parse_limits(fail_above or (), expressions)

    from losscli.columns import ColumnRequest
    from losscli.job import Settings
    from losscli.preparation import prepare
    from losscli.readers.text_options import TextOptions

    request = ColumnRequest.of(
        label=given.names(label),
        pred=given.names(pred),
        weight=weight,
        columns=given.role_columns(col),
        classes=given.class_names(classes),
        pos_label=pos_label,
        pred_kind=pred_kind,
        by=by,
        id=id,
        keep=given.names(keep),
    )
    settings = Settings(
        reduction=reduction,
        nan=nan,  # type: ignore[arg-type]  # prepare refuses other words
        level=level,
        ci=ci,  # type: ignore[arg-type]  # prepare refuses other words
        per_class=per_class,
        chunk_rows=chunk_rows,
        threads=threads,
        engine=engine,
        scheduler=scheduler,
        where=where,
        labels=labels,
        on=on,
        text=TextOptions.of(delimiter, quote, decimal, encoding, header),
        seed=seed,
        replicates=replicates,
        strict=strict or bool(os.environ.get("CI")),
    )
    job = prepare(files, expressions, request, settings, format)
    return _run(job, output_format, output or (), quiet, top, limits)


def _run(job: Any, output_format: str, outputs: Sequence[str], quiet: bool, top: int, limits: Sequence[Limit]) -> int:
    from losscli.cli.delivery import Delivery, say_skipped
    from losscli.cli.progress import Progress

    with Delivery(job.paths, output_format, outputs, quiet=quiet, top=top, job=job) as delivery:
        sys.stderr.write(f"losscli: {job.mapping}\n")
        for note in job.work.plans[0].notes:
            sys.stderr.write(f"losscli: note: {note}\n")
        for warning in job.warnings:
            sys.stderr.write(f"losscli: warning: {warning}\n")
        told = len(job.warnings)
        job.progress = progress = Progress(job.total_rows)
        try:
            partial = job.run()
        except KeyboardInterrupt:
            raise Interrupted(f"interrupted at {progress.describe()}") from None
        finally:
            progress.close()
        for warning in job.warnings[told:]:
            sys.stderr.write(f"losscli: warning: {warning}\n")
        outcome = job.outcome(partial)
        report = outcome.report()
        say_skipped(report)
        code = verdict(report, limits)
        delivery.write_files(outcome, report)
    # Standard output comes last: it shows nothing unless every file is in its place.
    delivery.show(report)
    return code
