"""The catalogue of losses; with a name, everything about one.

losscli losses [NAME] [--search WORDS] [-f table|json|md]
"""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Sequence
from itertools import groupby
from typing import Annotated, Any

import typer

from losscli.declaration import Loss
from losscli.describe import Section, catalogue_entry, matches, paragraphs, sections_of, signature_of
from losscli.errors import NothingToEvaluate, UsageError
from losscli.registry import catalogue, find_loss, load_plugin

ORDER = 60

FORMATS = ("table", "json", "md")


def build() -> Any:
    """The Typer command."""
    return command


def command(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="A loss, by any of its names.")] = None,
    search: Annotated[
        str | None, typer.Option("-s", "--search", metavar="WORDS", help="Only losses in whose entry all words occur.")
    ] = None,
    output_format: Annotated[
        str, typer.Option("-f", "--output-format", metavar="NAME", help="table, json or md.")
    ] = "table",
    plugin: Annotated[
        list[str] | None,
        typer.Option("--plugin", metavar="FILE.py", help="A file that declares more losses; repeatable."),
    ] = None,
) -> int:
    """The catalogue of losses; with a name, everything about one."""
    if output_format not in FORMATS:
        raise UsageError(f"no output format {output_format} for the catalogue", "one of " + ", ".join(FORMATS))
    for path in plugin or ():
        load_plugin(path)
    known = catalogue()
    for origin, reason in known.failures.items():
        sys.stderr.write(f"losscli: warning: plugin {origin} failed: {reason}\n")
    chosen = (
        [find_loss(name)] if name else [loss for loss in known.losses.values() if not search or matches(loss, search)]
    )
    if not chosen:
        raise NothingToEvaluate(f'no loss matches "{search}"', None, "fewer or shorter words")
    if output_format == "json":
        sys.stdout.write(json.dumps([catalogue_entry(loss) for loss in chosen], indent=2, ensure_ascii=False) + "\n")
    elif output_format == "md":
        sys.stdout.write(_page_markdown(chosen[0]) if name else _table_markdown(chosen))
    else:
        sys.stdout.write(page_text(chosen[0], _width()) if name else _table_text(chosen, _width()))
    return 0


def page_text(loss: Loss, width: int) -> str:
    """The page of a loss as plain text."""
    lines = [f"{loss.name} - {loss.summary}", "", "    " + signature_of(loss)]
    for section in sections_of(loss):
        lines += ["", section.title, *_section_lines(section, width)]
    return "\n".join(lines) + "\n"


def _section_lines(section: Section, width: int) -> list[str]:
    lines: list[str] = []
    for paragraph in paragraphs(section.text) if section.text else ():
        lines += [
            *([""] if lines else []),
            *textwrap.wrap(paragraph, width, initial_indent="    ", subsequent_indent="    "),
        ]
    lines += ["    " + line for line in section.verbatim.splitlines()]
    gutter = max((len(term) for term, _ in section.items), default=0)
    for term, text in section.items:
        if gutter > 30:
            lines.append(f"    {term}")
            lines += textwrap.wrap(text, width, initial_indent="        ", subsequent_indent="        ")
            continue
        indent = "    " + " " * (gutter + 2 if gutter else 0)
        first = f"    {term:<{gutter}}  " if gutter else "    "
        lines += textwrap.wrap(text, width, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False)
    return lines


def _table_text(losses: Sequence[Loss], width: int) -> str:
    gutter = max(len(loss.name) for loss in losses)
    lines: list[str] = []
    for family, members in groupby(losses, key=lambda loss: loss.family):
        lines += [*([""] if lines else []), family]
        for loss in members:
            first = f"  {loss.name:<{gutter}}  "
            text = loss.summary + (f" ({', '.join(loss.aliases[:3])})" if loss.aliases else "")
            lines += textwrap.wrap(
                text, max(width, gutter + 30), initial_indent=first, subsequent_indent=" " * len(first)
            )
    lines += ["", f"{len(losses)} losses; losscli losses NAME tells everything about one"]
    return "\n".join(lines) + "\n"


def _table_markdown(losses: Sequence[Loss]) -> str:
    lines = ["| family | loss | what it is | parameters | other names |", "| --- | --- | --- | --- | --- |"]
    for loss in losses:
        parameters = ", ".join(f"`{one.name}={one.default}`" for one in loss.parameters)
        aliases = ", ".join(loss.aliases)
        lines.append(f"| {loss.family} | `{loss.name}` | {loss.summary} | {parameters} | {aliases} |")
    return "\n".join(lines) + "\n"


def _page_markdown(loss: Loss) -> str:
    lines = [f"# {loss.name}", "", loss.summary, "", f"`{signature_of(loss)}`"]
    for section in sections_of(loss):
        lines += ["", f"## {section.title}", ""]
        lines += ["\n\n".join(paragraphs(section.text))] if section.text else []
        lines += ["```", section.verbatim, "```"] if section.verbatim else []
        lines += [f"* `{term}`: {text}" if term else f"* {text}" for term, text in section.items]
    return "\n".join(lines) + "\n"


def _width() -> int:
    return min(shutil.get_terminal_size().columns, 110) if sys.stdout.isatty() else 100
