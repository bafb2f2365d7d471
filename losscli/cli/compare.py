"""Paired comparison of models: the first file is the baseline.

    losscli compare BASE CAND [CAND...] -l SPEC [--on COL] [options]

Pairs the rows of both files by a key, or by position when labels and ids agree
row by row, and prints the difference of the losses with its interval, p value
and verdict, in all, for each class and each slice.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

from losscli.cli import options as given
from losscli.cli.declared import Argument, Option
from losscli.cli.parameters import given_parameters, parameter_options
from losscli.errors import Exit, Interrupted, UsageError

ORDER = 20


def build() -> Any:
    """The Typer command, with a flag for every loss parameter."""
    return given.with_options(command, parameter_options())


def command(
    files: Annotated[list[str], Argument(metavar="BASE CAND", help="The baseline, then one or several candidates.")],
    *,
    loss: given.Losses,
    on: Annotated[
        str | None,
        Option(
            "--on",
            metavar="COL",
            help="Join the rows on this column, in any order; without it they are paired by position.",
            rich_help_panel=given.READING,
        ),
    ] = None,
    allow_missing: Annotated[bool, given.ALLOW_MISSING] = False,
    cluster: Annotated[str | None, given.CLUSTER] = None,
    worst: Annotated[
        int,
        Option("--worst", metavar="N", help="Also the N rows with the largest increase.", rich_help_panel=given.OUTPUT),
    ] = 0,
    dialect: given.Dialect = "losscli",
    plugin: given.Plugins = None,
    plugin_parameters: given.PluginParameters = None,
    reduction: Annotated[
        str,
        Option(
            "--reduction",
            metavar="NAME",
            help="auto, mean, sum, sum_over_batch_size or mean_with_sample_weight.",
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
    where: given.Filter = None,
    nan: given.Missing = "error",
    format: given.Format = "auto",
    delimiter: given.Delimiter = None,
    quote: given.Quote = None,
    decimal: given.Decimal = None,
    encoding: given.Encoding = None,
    header: given.Header = True,
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
    output: given.Outputs = None,
    top: given.Top = 20,
    per_class: Annotated[bool, given.PER_CLASS] = True,
    ci: Annotated[str, given.INTERVAL] = "hall",
    level: Annotated[float, given.LEVEL] = 0.95,
    seed: given.Seed = 0,
    replicates: given.Replicates = 1000,
    fail_if: Annotated[
        list[str] | None,
        Option(
            "--fail-if",
            metavar="RULE",
            help="Exit 1 when it holds: worse, any worse, diff>0.01, relative>2%, with and; repeatable.",
            rich_help_panel=given.GATE,
        ),
    ] = None,
    chunk_rows: given.ChunkRows = 131_072,
    threads: given.Threads = None,
    engine: given.EngineName = "processes",
    scheduler: given.Scheduler = None,
    debug: given.Debug = False,
    **options: Any,
) -> int:
    """Paired comparison of models: the first file is the baseline."""
    from losscli.cli.plugins import load_plugins
    from losscli.expression import select_losses

    if len(files) < 2:
        raise UsageError(
            "nothing to compare with", "a baseline and at least one candidate", "losscli compare BASE CAND"
        )
    if worst < 0:
        raise UsageError("--worst takes a whole number")
    load_plugins(plugin)
    flags = given_parameters(options)
    named = given.named_values(plugin_parameters, flags)
    expressions = select_losses(loss, {**flags, **named}, dialect, {name: f"-P {name}" for name in named})

    from losscli.columns import ColumnRequest
    from losscli.comparison.conditions import parse_condition
    from losscli.job import Settings
    from losscli.readers.text_options import TextOptions

    conditions = [parse_condition(text, [one.title for one in expressions]) for text in fail_if or ()]
    request = ColumnRequest.of(
        label=given.names(label),
        pred=given.names(pred),
        weight=weight,
        by=by,
        columns=given.role_columns(col),
        classes=given.class_names(classes),
        pos_label=pos_label,
        pred_kind=pred_kind,
        id=id,
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
        text=TextOptions.of(delimiter, quote, decimal, encoding, header),
        seed=seed,
        replicates=replicates,
        strict=strict or bool(os.environ.get("CI")),
    )
    asked = {
        "losses": expressions,
        "request": request,
        "settings": settings,
        "on": on if on is not None else id,
        "allow_missing": allow_missing,
        "cluster": cluster,
        "worst": worst,
        "format": format,
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
    from losscli.cli.delivery import parse_outputs, render_options, standard_output
    from losscli.cli.progress import Progress
    from losscli.comparison import compare
    from losscli.comparison.conditions import failures_of
    from losscli.comparison.rendering import FORMATS, find_format
    from losscli.output import OutputSet
    from losscli.renderers import RenderOptions

    render, options = find_format(output_format), render_options(top)
    written = parse_outputs(outputs, list(FORMATS))
    bars: list[Progress] = []

    def announce(job: Any, note: str) -> None:
        while bars:
            bars.pop().close()
        sys.stderr.write(f"losscli: {job.sources[0].path}: {job.mapping}; {note}\n")
        bars.append(Progress(job.total_rows))

    with OutputSet(files) as results:
        streams = {kind: results.open(path) for kind, path in written.items()}
        try:
            comparison = compare(files[0], files[1:], announce=announce, progress=lambda rows: bars[-1](rows), **asked)
        except KeyboardInterrupt:
            where = f" at {bars[-1].describe()}" if bars else ""
            raise Interrupted(f"interrupted{where}") from None
        finally:
            for bar in bars:
                bar.close()
        for warning in comparison.warnings:
            sys.stderr.write(f"losscli: warning: {warning}\n")
        failures = failures_of(conditions, comparison)
        for kind, stream in streams.items():
            stream.write(find_format(kind)(comparison, RenderOptions(top=0)).encode())
    for text, found in failures:
        sys.stderr.write(f"losscli: FAIL {text}: {found}\n")
    with standard_output():
        sys.stdout.write(render(comparison, options))
    return Exit.GATE_FAILED if failures else Exit.DONE
