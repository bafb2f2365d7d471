"""Where results go: standard output, files that appear whole, rows as a stream."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO

from losscli.errors import InputError, UsageError, nearest
from losscli.job import Job
from losscli.outcome import Outcome
from losscli.reduction import Reduction
from losscli.renderers import RenderOptions, find_renderer, renderer_names
from losscli.report import Report

if TYPE_CHECKING:
    from losscli.renderers.formats import Render
    from losscli.rows import RowFormat, RowWriter

ROWS = "rows"
STATE = "state"

# Notes that are told whatever the output format: rows left out, labels that are not written as their class.
# What is known of the rows only when all are read.
TOLD = ("missing", "labels", "bins")


class Delivery:
    """The outputs of one evaluation; a context that publishes files when it succeeds.

    `inputs` are the paths that are read; `job` gives the rows where rows are
    wanted, and is None for a result that was not made from rows.
    """

    def __init__(
        self,
        inputs: Sequence[str],
        output_format: str,
        outputs: Sequence[str],
        *,
        quiet: bool,
        top: int,
        job: Job | None = None,
    ) -> None:
        self.job = job
        self.files = parse_outputs(outputs)
        if job is None and ROWS in self.files:
            raise UsageError("-o rows: states hold no rows", "-o rows with losscli eval")
        if job is not None and STATE in self.files:
            from losscli.state import refuse_unsaved

            refuse_unsaved(job.work.expressions, job.reduction)
        self.renderer = find_renderer("quiet" if quiet else output_format)
        if self.renderer.binary:
            raise UsageError(f"{output_format} is not text for standard output", f"-o {output_format}=PATH")
        self.options = render_options(top)
        self._opened = opened(inputs, self.files)
        for kind in self.files:
            if kind not in (ROWS, STATE):
                find_renderer(kind)

    def __enter__(self) -> Delivery:
        # Opened before anything is read: a directory that is not there should not be found after minutes.
        self.streams = self._opened.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.__exit__(kind, error, trace)

    def write_files(self, outcome: Outcome, report: Report) -> None:
        """Write every file; they appear when the context is left."""
        for kind, stream in self.streams.items():
            if kind == ROWS and self.job is not None:
                from losscli.rows import row_format

                self._write_rows(self.job, stream, row_format(self.files[ROWS]))
            elif kind == STATE:
                from losscli.state import write_state

                write_state(stream, outcome)
            else:
                content = find_renderer(kind).render(report, RenderOptions(top=0))
                stream.write(content if isinstance(content, bytes) else content.encode())

    def show(self, report: Report) -> None:
        """Print the report, or the rows, to standard output; a reader that goes away is not an error."""
        with standard_output():
            if self.job is None or self.job.reduction is not Reduction.NONE:
                sys.stdout.write(str(self.renderer.render(report, self.options)))
            elif ROWS not in self.files:
                self._write_rows(self.job, sys.stdout.buffer, "csv")

    def _write_rows(self, job: Job, stream: BinaryIO, format: RowFormat) -> None:
        """A second pass that writes row by row: the first has found that every row is valid."""
        from losscli.rows import open_rows

        titles = [expression.title for expression in job.work.expressions if expression.has_rows]
        writer = open_rows(stream, format, ["loss"] if len(titles) == 1 else titles, job.request.keep)
        job.stream(_numbered(writer, job))
        writer.close()


class FindingDelivery:
    """The outputs of what a command finds beside losses, in any of its `formats`; checked before anything is read."""

    def __init__(
        self, formats: Mapping[str, Render[Any]], output_format: str, outputs: Sequence[str] | None, top: int = 0
    ) -> None:
        from losscli.renderers.formats import find_format

        self.formats = formats
        self.render = find_format(output_format, formats)
        self.options = render_options(top)
        self.files = parse_outputs(outputs or (), tuple(formats))

    @contextmanager
    def written(self, inputs: Sequence[str]) -> Iterator[Callable[[Any], None]]:
        """A block that writes the files with what it is given; they appear when it succeeds."""
        with opened(inputs, self.files) as streams:

            def write(found: Any) -> None:
                for kind, stream in streams.items():
                    stream.write(self.formats[kind](found, RenderOptions(top=0)).encode())

            yield write

    def show(self, found: Any) -> None:
        """Print it to standard output, which comes last."""
        with standard_output():
            sys.stdout.write(self.render(found, self.options))


@contextmanager
def opened(inputs: Sequence[str], files: Mapping[str, str]) -> Iterator[dict[str, BinaryIO]]:
    """A stream for each path in `files`, which may be none of the `inputs`; they appear when the block succeeds."""
    if not files:
        # Nothing that writes files need be loaded.
        yield {}
        return
    from losscli.output import OutputSet

    with OutputSet(inputs) as outputs:
        yield {kind: outputs.open(path) for kind, path in files.items()}


def say(kind: str, messages: Iterable[object]) -> None:
    """A line on standard error for each, whatever the output format."""
    for message in messages:
        sys.stderr.write(f"losscli: {kind}: {message}\n")


def say_mapping(job: Job) -> None:
    """The chosen columns in one line, and what is to be known of them."""
    sys.stderr.write(f"losscli: {job.mapping}\n")
    say("note", job.work.plans[0].notes)


def say_skipped(report: Report) -> None:
    """Rows that were left out are told whatever the output format, and what else was found on the way."""
    say("note", (note.message for note in report.results[0].notes if note.code in TOLD))


def parse_outputs(texts: Sequence[str], known: Sequence[str] = ()) -> dict[str, str]:
    """``KIND=PATH`` options as a mapping; one file for each kind, among those that are `known`."""
    if not texts:
        # The names are those of modules that need not be loaded for this.
        return {}
    known = known or [*(name for name in renderer_names() if name != "quiet"), ROWS, STATE]
    files: dict[str, str] = {}
    for text in texts:
        kind, equals, path = text.partition("=")
        if not equals or not path:
            raise UsageError(f'-o "{text}" is not KIND=PATH', "such as -o json=report.json")
        if kind not in known:
            from losscli.reports import report_names

            near = nearest(kind, known)
            fix = f"-o {near}={path}" if near else None
            if kind in report_names():
                fix = f"losscli gate --rule max=LIMIT -o {text}, for that is a report of verdicts"
            raise UsageError(f"no output kind {kind}", "one of " + ", ".join(known), fix)
        if kind in files:
            raise UsageError(f"two outputs of kind {kind}", "one file for each kind")
        files[kind] = path
    return files


def _numbered(writer: RowWriter, job: Job) -> Any:
    """Rows of several files are numbered on, in the order of the files."""
    rows_before: dict[int, int] = {}
    total = 0
    for source in job.sources:
        rows_before[source.index] = total
        total += job.rows_of(source.index)

    def sink(file: int, rows: Any, values: Any, kept: Any) -> None:
        writer.write(rows + rows_before[file], values, kept)

    return sink


def render_options(top: int) -> RenderOptions:
    if top < 0:
        raise UsageError("--top takes a whole number, 0 for all")
    terminal = sys.stdout.isatty()
    width = None
    if terminal:
        from shutil import get_terminal_size

        width = get_terminal_size().columns
    color = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return RenderOptions(width=width, color=color, top=top, terminal=terminal)


@contextmanager
def standard_output() -> Iterator[None]:
    """A block that prints results: a reader that goes away is not an error, one that cannot be written to is."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_stdout()
    except OSError as error:
        _forget_stdout()
        reason = (error.strerror or type(error).__name__).lower()
        raise InputError(f"standard output cannot be written: {reason}") from error


def _forget_stdout() -> None:
    """Send what is still buffered nowhere, so that the exit code survives a closed pipe."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
