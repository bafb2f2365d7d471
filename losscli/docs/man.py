"""The manual pages: losscli(1), a page per command, and losscli-losses(7)."""

from __future__ import annotations

import importlib
import inspect
from itertools import groupby
from typing import Any

import typer.main

from losscli import __version__
from losscli.cli import EXAMPLES, build_app, command_names, summary_of
from losscli.describe import FRAMEWORKS, paragraphs, sections_of, signature_of
from losscli.docs.roff import Page
from losscli.errors import Exit
from losscli.registry import builtin_losses

EXIT_MEANINGS = {
    Exit.DONE: "done; a gate passed",
    Exit.GATE_FAILED: "a gate failed; nothing else ever returns 1",
    Exit.USAGE: "usage or configuration error, or a missing optional dependency",
    Exit.INPUT: "the input cannot be evaluated, or an output cannot be written",
    Exit.INCONCLUSIVE: "a gate was inconclusive and the configuration asks to fail then",
    Exit.EMPTY: "nothing to evaluate",
    Exit.INTERNAL: "internal error; --debug shows where",
    Exit.INTERRUPTED: "interrupted; no partial result, no half-written file",
}

DESCRIPTION = (
    "losscli reads label and prediction columns from files of any size, picks losses by name from a catalogue, "
    "computes them chunk by chunk, and prints tables per class, per slice and in all. Sums are exact: every digit is "
    "the same for any order of the rows, any chunk size, any number of threads, and for CSV and Parquet.",
    "Results go to standard output, messages to standard error.",
)

ENVIRONMENT = {
    "CI": "when set, ambiguous columns are an error, as with --strict",
    "NO_COLOR": "when set, tables have no colour",
    "GITHUB_ACTIONS": "when true, gate annotates the run",
    "GITHUB_STEP_SUMMARY": "the file to which gate then appends its report",
    "GITHUB_WORKSPACE": "the folder from which annotations name the configuration",
    "CI_PROJECT_DIR": "the same for GitLab's code quality report",
}


def pages() -> dict[str, str]:
    """Path below man/ -> the source of the page."""
    application = typer.main.get_command(build_app(None))
    commands: dict[str, Any] = application.commands  # type: ignore[attr-defined]
    made = {"man1/losscli.1": _main_page(application)}
    for name in command_names():
        made[f"man1/losscli-{name}.1"] = _command_page(name, commands[name])
    made["man7/losscli-losses.7"] = _catalogue_page()
    return made


def _main_page(application: Any) -> str:
    page = Page("losscli", 1, __version__, "losses of prediction files")
    page.heading("Synopsis")
    page.verbatim("losscli COMMAND [OPTIONS] [FILE...]")
    page.heading("Description")
    page.paragraphs(DESCRIPTION)
    page.heading("Commands")
    for name in command_names():
        page.item([name], f"{summary_of(name)} See losscli-{name}(1).")
    page.heading("Options")
    _options(page, application)
    page.heading("Exit status")
    for code, meaning in EXIT_MEANINGS.items():
        page.item([str(int(code))], meaning + ".")
    page.heading("Environment")
    for name, meaning in ENVIRONMENT.items():
        page.item([name], meaning + ".")
    page.heading("Examples")
    page.verbatim(inspect.cleandoc(EXAMPLES.partition("examples:\n")[2]))
    page.heading("See also")
    others = [f"losscli-{name}(1)" for name in command_names()]
    page.paragraphs([", ".join([*others, "losscli-losses(7)"])])
    return page.text()


def _command_page(name: str, command: Any) -> str:
    module = importlib.import_module(f"losscli.cli.{name}")
    document = inspect.getdoc(module) or ""
    summary, *rest = document.split("\n\n")
    page = Page(f"losscli-{name}", 1, __version__, summary.rstrip("."))
    page.heading("Synopsis")
    page.verbatim(rest[0])
    if rest[1:]:
        page.heading("Description")
        page.paragraphs(paragraphs("\n\n".join(rest[1:])))
    page.heading("Options")
    _options(page, command)
    page.heading("See also")
    page.paragraphs(["losscli(1), losscli-losses(7)"])
    return page.text()


def _options(page: Page, command: Any) -> None:
    def panel_of(parameter: Any) -> str:
        return getattr(parameter, "rich_help_panel", None) or ""

    panels: dict[str, list[Any]] = {}
    for parameter in command.params:
        panels.setdefault(panel_of(parameter), []).append(parameter)
    for panel, parameters in panels.items():
        if panel:
            page.subheading(panel)
        for parameter in parameters:
            page.item(_spellings(parameter), _help(parameter))


def _spellings(parameter: Any) -> list[str]:
    if parameter.param_type_name == "argument":
        return [parameter.metavar or parameter.name.upper()]
    metavar = "" if getattr(parameter, "is_flag", False) else f" {parameter.metavar or 'VALUE'}"
    return [spelling + metavar for spelling in (*parameter.opts, *parameter.secondary_opts)]


def _help(parameter: Any) -> str:
    text = parameter.help or ""
    default = parameter.default
    shown = default is not None and not callable(default) and not isinstance(default, bool) and parameter.metavar
    return f"{text} Default: {default}." if shown and not isinstance(default, list | tuple) else text


def _catalogue_page() -> str:
    losses = builtin_losses()
    page = Page("losscli-losses", 7, __version__, "the catalogue of losses")
    page.heading("Description")
    page.paragraphs(
        [
            f"The {len(losses)} losses of losscli by family. A loss is found by its name or any of its other names, "
            "without case and separators. losscli losses NAME prints the entry of one.",
            "Shapes: n rows, k outputs, classes or labels. (n, k) inputs of elementwise losses give the mean over k.",
        ]
    )
    for family, members in groupby(losses, key=lambda loss: loss.family):
        page.heading(family)
        for loss in members:
            page.subheading(loss.name)
            page.paragraphs([loss.summary])
            page.verbatim(signature_of(loss))
            for section in sections_of(loss):
                page.lines += [".PP", f"\\fI{section.title}\\fR"]
                if section.text:
                    page.paragraphs(paragraphs(section.text))
                if section.verbatim:
                    page.verbatim(section.verbatim)
                for term, text in section.items:
                    if term:
                        page.item([term], text)
                    else:
                        page.paragraphs([text])
    page.heading("Names elsewhere")
    page.paragraphs(["What other software calls these losses, and in brackets the settings at which they agree."])
    for loss in losses:
        if loss.known_as:
            page.item([loss.name], "; ".join(f"{FRAMEWORKS[name]}: {text}" for name, text in loss.known_as.items()))
    page.heading("See also")
    page.paragraphs(["losscli(1), losscli-losses(1)"])
    return page.text()
