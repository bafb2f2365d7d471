"""Check the rules of losscli.toml; the exit code is the verdict.

    losscli gate [FILE...] [--config FILE] [--rule RULE...] [--baseline FILE] [options]

Holds losses against limits, and their change against a baseline, in all, per
class or per slice. Exit 0 is a pass, with or without warnings, 1 a failure, 4
an inconclusive run where the configuration asks for that. Whatever can be said
of the input on the command line wins over the configuration.

Checks against a baseline are tests of the paired differences, corrected
together for their number: a rule fails on evidence that the change exceeds its
limit, not because chance had it so. Slices of fewer than min_slice rows are
shown and decide nothing.

Under GitHub Actions, the gravest checks become annotations, and the whole
report the summary of the step.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any

from losscli.cli import options as given
from losscli.cli.declared import Argument, Option
from losscli.cli.parameters import given_parameters
from losscli.errors import InputError, Interrupted

ORDER = 30

# What means the same as for eval and compare, but is None where it is not given, so that the configuration holds.
_EVALUATION = f"loss {given.SELECTED} reduction {given.READ} {given.RUN}"
_PAIRING = "cluster allow_missing"


@given.takes(
    f"config rule baseline correction level min_slice {_PAIRING} on_inconclusive dry_run output_format quiet output "
    f"top debug {_EVALUATION}",
    but="by keep",
    unset=f"{_PAIRING} {_EVALUATION}",
)
def command(
    files: Annotated[
        list[str] | None, Argument(metavar="FILE", help="The predictions to check, in the place of [input] path.")
    ] = None,
    *,
    config: Annotated[
        str | None,
        Option("--config", metavar="FILE", help="The configuration; losscli.toml here.", rich_help_panel=given.GATE),
    ] = None,
    rule: Annotated[
        list[str] | None,
        Option(
            "--rule",
            metavar="KEY=VALUE,...",
            help="A rule in the place of those of the configuration, such as max=0.42 or "
            "max_increase=2%,by=region,severity=warn; repeatable.",
            rich_help_panel=given.GATE,
        ),
    ] = None,
    baseline: Annotated[
        str | None,
        Option("--baseline", metavar="FILE", help="The predictions to compare with.", rich_help_panel=given.GATE),
    ] = None,
    correction: Annotated[
        str | None,
        Option(
            "--correction",
            metavar="NAME",
            help="Of p values for the number of checks: holm, bh or none.",
            rich_help_panel=given.GATE,
        ),
    ] = None,
    level: Annotated[
        float | None,
        Option(
            "--level",
            metavar="P",
            help="Confidence level; a false alarm has the probability 1 - P.",
            rich_help_panel=given.GATE,
        ),
    ] = None,
    min_slice: Annotated[
        int | None,
        Option(
            "--min-slice",
            metavar="N",
            help="Slices with fewer rows are not compared with the baseline.",
            rich_help_panel=given.GATE,
        ),
    ] = None,
    on_inconclusive: Annotated[
        str | None,
        Option(
            "--on-inconclusive",
            metavar="VERDICT",
            help="What an inconclusive run means: pass, warn, or fail for exit 4.",
            rich_help_panel=given.GATE,
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        Option("--dry-run", help="Show what would be checked, and read no rows.", rich_help_panel=given.GATE),
    ] = False,
    output_format: Annotated[
        str,
        Option(
            "-f",
            "--output-format",
            metavar="NAME",
            help="table, plain, json, ndjson, csv, tsv, md, or any other report.",
            rich_help_panel=given.OUTPUT,
        ),
    ] = "table",
    quiet: Annotated[
        bool, Option("-q", "--quiet", help="Print only the verdict.", rich_help_panel=given.OUTPUT)
    ] = False,
    output: list[str] | None,
    top: int,
    debug: bool,
    **options: Any,
) -> int:
    """Check the rules of losscli.toml; the exit code is the verdict."""
    from losscli.gates.gating import prepare_gate

    parameters, spelled = given_parameters(options)
    options |= {
        "correction": correction,
        "level": level,
        "min_slice": min_slice,
        "on_inconclusive": on_inconclusive,
    }
    keywords = {name: value for name, value in given.keywords(options).items() if value is not None}
    gate = prepare_gate(
        files,
        config=config,
        rules=rule or (),
        baseline=baseline,
        losses=keywords.pop("loss", None),
        dialect=keywords.pop("dialect", None),
        plugins=keywords.pop("plugin", ()),
        options={**keywords, **parameters},
        spelled=spelled,
        # How eval runs when nothing is said; it changes no digit.
        defaults={"engine": given.SHARED["engine"].default},
    )
    if dry_run:
        from losscli.cli.delivery import standard_output
        from losscli.gates.preview import preview

        gate.look()
        with standard_output():
            sys.stdout.write(preview(gate))
        return 0
    return _run(gate, "quiet" if quiet else output_format, output or (), top)


def _run(gate: Any, output_format: str, outputs: Sequence[str], top: int) -> int:
    from losscli.cli.delivery import parse_outputs, render_options, say, standard_output
    from losscli.output import OutputSet
    from losscli.renderers import RenderOptions
    from losscli.reports import find_report, report_names

    shown = find_report(output_format)
    options = render_options(top)
    files = parse_outputs(outputs, [name for name in report_names() if name != "quiet"])
    report = None
    try:
        with OutputSet(gate.paths) as results:
            streams = {kind: results.open(path) for kind, path in files.items()}
            with _Watch(gate) as watch:
                report = gate.run(watch)
            _tell_github(report, annotated=shown.name == "github")
            for kind, stream in streams.items():
                stream.write(_encoded(find_report(kind).render(report, RenderOptions(top=0))))
        with standard_output():
            sys.stdout.write(_encoded(shown.render(report, options)).decode())
    except InputError:
        if report is not None:
            # What was found is told even when it cannot be written down.
            sys.stderr.write(f"losscli: gate {report.headline}\n")
        raise
    say("warning", report.warnings)
    if shown.name != "table":
        sys.stderr.write(f"losscli: gate {report.headline}\n")
    return int(report.exit_code)


def _encoded(text: str) -> bytes:
    """UTF-8; the bytes of a file name that is not are spelt out."""
    return text.encode("utf-8", "backslashreplace")


class _Watch:
    """Says which columns are read, and how far every pass is."""

    def __init__(self, gate: Any) -> None:
        self.first = gate.jobs[0]
        self.progress: Any = None

    def __enter__(self) -> _Watch:
        from losscli.cli.delivery import say_mapping

        say_mapping(self.first)
        return self

    def __call__(self, job: Any) -> Any:
        from losscli.cli.progress import Progress

        self.close()
        self.progress = Progress(job.total_rows)
        return self.progress

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if isinstance(error, KeyboardInterrupt):
            where = "" if self.progress is None else f" at {self.progress.describe()}"
            raise Interrupted(f"interrupted{where}") from None

    def close(self) -> None:
        if self.progress is not None:
            self.progress.close()


def _tell_github(report: Any, *, annotated: bool, environment: Mapping[str, str] = os.environ) -> None:
    """Annotations and the summary of the step, where GitHub Actions runs this.

    Commands to the runner go to standard error, which it reads too, so that
    standard output holds results and nothing else; not where these are the
    results, which are `annotated` already.
    """
    if environment.get("GITHUB_ACTIONS") != "true":
        return
    from losscli.reports.github import commands
    from losscli.reports.md import summary

    if not annotated:
        sys.stderr.write(commands(report))
    path = environment.get("GITHUB_STEP_SUMMARY")
    if not path:
        return
    try:
        # Appended, for other programs of the step write there too.
        with Path(path).open("ab") as stream:
            stream.write(_encoded(summary(report)))
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise InputError(f"{path}: the summary of the step cannot be written: {reason}") from None
