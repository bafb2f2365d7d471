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
from losscli.errors import Interrupted, UsageError

ORDER = 10

NAN_POLICIES = ("error", "skip", "propagate")


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
    format: given.Format = "auto",
    strict: given.Strict = False,
    output_format: Annotated[
        str,
        Option(
            "-f",
            "--output-format",
            metavar="NAME",
            help="table, plain, json, ndjson, csv, tsv or md.",
            rich_help_panel=given.OUTPUT,
        ),
    ] = "table",
    output: Annotated[
        list[str] | None,
        Option(
            "-o", "--output", metavar="KIND=PATH", help="Also write a file; repeatable.", rich_help_panel=given.OUTPUT
        ),
    ] = None,
    quiet: Annotated[
        bool,
        Option("-q", "--quiet", help="Print only the reduced loss, full precision.", rich_help_panel=given.OUTPUT),
    ] = False,
    top: Annotated[
        int, Option("--top", metavar="N", help="Rows of a long table; 0 shows all.", rich_help_panel=given.OUTPUT)
    ] = 20,
    per_class: Annotated[
        bool, Option("--per-class/--no-per-class", help="Rows for the classes.", rich_help_panel=given.OUTPUT)
    ] = True,
    ci: Annotated[
        str,
        Option("--ci", metavar="METHOD", help="Interval: hall, normal or none.", rich_help_panel=given.OUTPUT),
    ] = "hall",
    level: Annotated[
        float,
        Option("--level", metavar="P", help="Confidence level of the interval.", rich_help_panel=given.OUTPUT),
    ] = 0.95,
    fail_above: Annotated[
        list[str] | None,
        Option(
            "--fail-above",
            metavar="X|LOSS=X",
            help="Exit 1 when the reduced loss is above X.",
            rich_help_panel=given.GATE,
        ),
    ] = None,
    chunk_rows: given.ChunkRows = 65_536,
    threads: given.Threads = None,
    engine: given.EngineName = "threads",
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
    if nan not in NAN_POLICIES:
        raise UsageError(f"no policy {nan} for missing values", "one of " + ", ".join(NAN_POLICIES))

    from losscli.columns import ColumnRequest
    from losscli.job import Settings
    from losscli.preparation import prepare

    request = ColumnRequest(
        label=given.names(label),
        pred=given.names(pred),
        weight=weight,
        others=given.role_columns(col),
        classes=given.class_names(classes),
        pos_label=pos_label,
        pred_kind=pred_kind,  # type: ignore[arg-type]  # plan_columns refuses other words
        by=tuple(given.names([one]) for one in by or ()),
        id=id,
        keep=given.names(keep),
    )
    settings = Settings(
        reduction=reduction,
        nan=nan,  # type: ignore[arg-type]  # checked above
        level=level,
        ci=ci,  # type: ignore[arg-type]  # prepare refuses other words
        per_class=per_class,
        chunk_rows=chunk_rows,
        threads=threads,
        engine=engine,
        scheduler=scheduler,
        where=where,
        strict=strict or bool(os.environ.get("CI")),
    )
    job = prepare(files, expressions, request, settings, format)
    return _run(job, output_format, output or (), quiet, top, limits)


def _run(job: Any, output_format: str, outputs: Sequence[str], quiet: bool, top: int, limits: Sequence[Limit]) -> int:
    from losscli.cli.delivery import Delivery
    from losscli.cli.progress import Progress

    with Delivery(job, output_format, outputs, quiet=quiet, top=top) as delivery:
        sys.stderr.write(f"losscli: {job.mapping}\n")
        for warning in job.warnings:
            sys.stderr.write(f"losscli: warning: {warning}\n")
        job.progress = progress = Progress(job.total_rows)
        try:
            partial = job.run()
        except KeyboardInterrupt:
            raise Interrupted(f"interrupted at {progress.describe()}") from None
        finally:
            progress.close()
        report = job.report(partial)
        _say_skipped(report)
        outcome = verdict(report, limits)
        delivery.write_files(report)
    # Standard output comes last: it shows nothing unless every file is in its place.
    delivery.show(report)
    return outcome


def _say_skipped(report: Any) -> None:
    """Rows that were left out are told whatever the output format."""
    notes = (note for note in report.results[0].notes if note.code == "missing")
    for note in notes:
        sys.stderr.write(f"losscli: note: {note.message}\n")
