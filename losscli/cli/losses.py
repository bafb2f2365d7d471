"""The catalogue of losses; with a name, everything about one.

    losscli losses [NAME] [--search WORDS] [--plot FILE] [-f table|json|md]

On a terminal the page of a loss has a plot of it, wherever one axis can show
it; --plot - prints it elsewhere too.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import textwrap
from collections.abc import Sequence
from itertools import groupby
from typing import Annotated

import typer

from losscli.cli.plugins import load_plugins
from losscli.declaration import Loss
from losscli.describe import Section, catalogue_entry, matches, paragraphs, sections_of, signature_of
from losscli.errors import NothingToEvaluate, UsageError
from losscli.output import atomic_write
from losscli.plotting import Plot, plot_of
from losscli.plotting.braille import draw
from losscli.plotting.figure import picture, picture_format
from losscli.registry import all_losses, catalogue, find_loss

ORDER = 60

FORMATS = ("table", "json", "md")
TEXT = "-"

# Lines of running text that are longer are hard to read.
_PAGE_WIDTH = 110
_PIPE_WIDTH = 100


def command(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="A loss, by any of its names.")] = None,
    search: Annotated[
        str | None, typer.Option("-s", "--search", metavar="WORDS", help="Only losses in whose entry all words occur.")
    ] = None,
    plot: Annotated[
        str | None,
        typer.Option(
            "--plot", metavar="FILE", help="Draw the loss to a .png or .svg file (extra plot); - is text in the page."
        ),
    ] = None,
    output_format: Annotated[
        str, typer.Option("-f", "--output-format", metavar="NAME", help="table, json or md.")
    ] = "table",
    plugin: Annotated[
        list[str] | None,
        typer.Option("--plugin", metavar="FILE.py", help="A file that declares more losses; repeatable."),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback for internal errors.")] = False,
) -> int:
    """The catalogue of losses; with a name, everything about one."""
    if output_format not in FORMATS:
        raise UsageError(f"no output format {output_format} for the catalogue", "one of " + ", ".join(FORMATS))
    if name and search:
        raise UsageError("a name and --search are given", "one of them")
    load_plugins(plugin)
    if name:
        _print_loss(find_loss(name), output_format, plot)
        return 0
    if plot:
        raise UsageError(f"--plot {plot} without a loss", "losscli losses NAME --plot FILE")
    chosen = [loss for loss in all_losses() if not search or matches(loss, search)]
    if not chosen:
        raise NothingToEvaluate(f'no loss matches "{search}"', None, "fewer or shorter words")
    if output_format == "json":
        _print_json(chosen)
    else:
        sys.stdout.write(_table_markdown(chosen) if output_format == "md" else _table_text(chosen))
    return 0


def _print_loss(loss: Loss, output_format: str, target: str | None) -> None:
    """One loss in full; its plot goes to a file, into the page, or on a terminal into the page unasked."""
    if target == TEXT and output_format == "json":
        raise UsageError("--plot - is text, which JSON has no place for", "--plot FILE.png, or another -f")
    asked_format = picture_format(target) if target not in (None, TEXT) else None
    shows = target == TEXT or (target is None and output_format == "table" and sys.stdout.isatty())
    plot = plot_of(loss) if target or shows else None
    if target and plot is None:
        raise UsageError(f"{loss.name} has no plot: its value does not depend on a single number", None, None)
    if asked_format and plot:
        content = picture(plot, loss.name, asked_format)
        with atomic_write(str(target)) as stream:
            stream.write(content)
    shown = plot if shows else None
    if output_format == "json":
        _print_json([loss])
    else:
        sys.stdout.write(_page_markdown(loss, shown) if output_format == "md" else _page_text(loss, shown))


def _print_json(losses: Sequence[Loss]) -> None:
    sys.stdout.write(json.dumps([catalogue_entry(loss) for loss in losses], indent=2, ensure_ascii=False) + "\n")


def _page_text(loss: Loss, plot: Plot | None) -> str:
    width = min(shutil.get_terminal_size().columns, _PAGE_WIDTH) if sys.stdout.isatty() else _PIPE_WIDTH
    lines = [f"{loss.name} - {loss.summary}", "", "    " + signature_of(loss)]
    for section in _with_plot(sections_of(loss), plot, width - 4):
        lines += ["", section.title, *_section_lines(section, width)]
    return "\n".join(lines) + "\n"


def _with_plot(sections: list[Section], plot: Plot | None, width: int) -> list[Section]:
    """The sections with the plot before the inputs."""
    if plot is None:
        return sections
    place = next(position for position, section in enumerate(sections) if section.title == "Inputs")
    return [*sections[:place], Section("Plot", verbatim=draw(plot, width)), *sections[place:]]


def _section_lines(section: Section, width: int) -> list[str]:
    lines: list[str] = []
    for paragraph in paragraphs(section.text) if section.text else ():
        lines += [*([""] if lines else []), *_wrapped(paragraph, width, "    ", "    ")]
    lines += ["    " + line for line in section.verbatim.splitlines()]
    gutter = max((len(term) for term, _ in section.items), default=0)
    for term, text in section.items:
        if gutter > 30:
            lines.append(f"    {term}")
            lines += _wrapped(text, width, "        ", "        ")
            continue
        first = f"    {term:<{gutter}}  " if gutter else "    "
        lines += _wrapped(text, width, first, " " * len(first))
    return lines


def _wrapped(text: str, width: int, first: str, rest: str) -> list[str]:
    """Lines of at most `width` characters; an interval such as (0, inf) stays on one line."""
    joined = _INTERVAL.sub(lambda found: found.group().replace(" ", _GLUE), text)
    lines = textwrap.wrap(joined, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
    return [line.replace(_GLUE, " ") for line in lines]


_INTERVAL = re.compile(r"[\[(][-\w.]+, [-\w.]+[\])]")
_GLUE = "\0"


def _table_text(losses: Sequence[Loss]) -> str:
    """The losses by family; wrapped on a terminal, elsewhere one line for each, for grep."""
    gutter = max(len(loss.name) for loss in losses)
    width = max(shutil.get_terminal_size().columns, gutter + 30) if sys.stdout.isatty() else None
    origins = catalogue().origins
    lines: list[str] = []
    for (family, origin), members in groupby(losses, key=lambda loss: (loss.family, origins.get(loss.name))):
        lines += [*([""] if lines else []), f"{family} (plugin {origin})" if origin else family]
        for loss in members:
            first = f"  {loss.name:<{gutter}}  "
            text = loss.summary + (f" ({', '.join(loss.aliases)})" if loss.aliases else "")
            lines += _wrapped(text, width, first, " " * len(first)) if width else [first + text]
    losses_text = "1 loss" if len(losses) == 1 else f"{len(losses)} losses"
    lines += ["", f"{losses_text}; losscli losses NAME tells everything about one"]
    return "\n".join(lines) + "\n"


def _table_markdown(losses: Sequence[Loss]) -> str:
    lines = ["| family | loss | what it is | parameters | other names |", "| --- | --- | --- | --- | --- |"]
    for loss in losses:
        parameters = ", ".join(f"`{one.name}={one.default}`" for one in loss.parameters)
        aliases = ", ".join(loss.aliases)
        lines.append(f"| {loss.family} | `{loss.name}` | {loss.summary} | {parameters} | {aliases} |")
    return "\n".join(lines) + "\n"


def _page_markdown(loss: Loss, plot: Plot | None) -> str:
    lines = [f"# {loss.name}", "", loss.summary, "", f"`{signature_of(loss)}`"]
    for section in _with_plot(sections_of(loss), plot, _PIPE_WIDTH):
        lines += ["", f"## {section.title}", ""]
        lines += ["\n\n".join(paragraphs(section.text))] if section.text else []
        lines += ["```", section.verbatim, "```"] if section.verbatim else []
        lines += [f"* `{term}`: {text}" if term else f"* {text}" for term, text in section.items]
    return "\n".join(lines) + "\n"
