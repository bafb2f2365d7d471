"""The command line: Typer, one command per file, no arithmetic.

Every module of this package with a constant ``ORDER`` is a command of its
name, its function ``command``.  Only the command that was asked for is built
with its options; for the others a summary is enough, and it is their
docstring's first line.
"""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.util
import os
import pkgutil
import sys
from collections.abc import Callable, Sequence
from inspect import Signature, signature
from typing import Annotated, Any

from losscli.cli.declared import Option, typed
from losscli.cli.words import read_words
from losscli.errors import Exit, Interrupted, UsageError, nearest

# A line with a backspace keeps the lines that follow as they are.
EXAMPLES = """\
\b
three examples:
  losscli eval preds.parquet --loss huber --delta 1.0
  losscli eval preds.csv -l sparse_categorical_crossentropy -p 'prob_*' -f json
  losscli eval preds.csv -l mae --by region --fail-above 0.42
"""


def command_names() -> list[str]:
    """The commands, a module each, in the order of their `ORDER`."""
    names = []
    for found in pkgutil.iter_modules(__path__):
        order = _constant(found.name, "ORDER")
        if order is not None:
            names.append((order, found.name))
    return [name for _, name in sorted(names)]


def summary_of(name: str) -> str:
    """The first line of a command's module, read without importing it."""
    document = ast.get_docstring(_tree(name)) or ""
    return document.partition("\n")[0]


def dispatch(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; errors are raised."""
    if not arguments and "_LOSSCLI_COMPLETE" not in os.environ:
        arguments = ["--help"]
    completing = "_LOSSCLI_COMPLETE" in os.environ
    if not completing and list(arguments) == ["--version"]:
        # Typer takes longer to run a command than all of this.
        _print_version()
        return Exit.DONE
    understood = None if completing else _understood(arguments)
    if understood is not None:
        command, options = understood
        return int(_guarded(command)(**options) or Exit.DONE)

    import typer

    words = [word for word in arguments if not word.startswith("-")]
    app = build_app(None if completing else (words[0] if words else ""))
    try:
        code = app(args=list(arguments), prog_name="losscli", standalone_mode=False)
    except typer.Exit as leaving:
        return leaving.exit_code
    except typer.Abort as stopped:
        raise KeyboardInterrupt from stopped
    except typer.TyperException as error:
        raise _usage_error(error, words) from error
    return int(code or Exit.DONE)


def _understood(arguments: Sequence[str]) -> tuple[Callable[..., int | None], dict[str, Any]] | None:
    """The command and its arguments, where the command line is plain enough to be read without Typer."""
    name = arguments[0]
    if not name.isidentifier() or importlib.util.find_spec(f"{__name__}.{name}") is None:
        return None
    command = getattr(importlib.import_module(f"{__name__}.{name}"), "command", None)
    if command is None:
        return None
    from losscli.catalogue.index import SWITCHES, VALUES
    from losscli.registry import has_installed_plugins

    # Losses that were installed beside ours bring options of their own.
    if has_installed_plugins():
        return None
    options = read_words(command, arguments[1:], SWITCHES, VALUES)
    return None if options is None else (command, options)


def build_app(selected: str | None) -> Any:
    """The Typer application, with the options of the `selected` command (None: of all)."""
    import typer

    app = typer.Typer(
        name="losscli",
        help="How good are these predictions? Losses of prediction files, per class, per slice and in all.",
        epilog=None,
        no_args_is_help=False,
        add_completion=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    )

    def top(
        version: Annotated[bool, Option("--version", help="Print the version.", is_eager=True)] = False,
        debug: Annotated[bool, Option("--debug", help="Show a traceback for internal errors.")] = False,
    ) -> None:
        if version:
            _print_version()
            raise typer.Exit

    app.callback(invoke_without_command=True, epilog=EXAMPLES)(_interruptible(top))
    for name in command_names():
        if selected is None or name == selected:
            command = importlib.import_module(f"{__name__}.{name}").command
        else:
            command = _placeholder(name)
        app.command(name, help=None if name == selected else summary_of(name))(_interruptible(command))
    return app


def full_signature(command: Callable[..., int | None]) -> Signature:
    """The signature of a command, with a flag for every loss parameter where it takes ``**options``."""
    found = signature(command, eval_str=True)
    own = [one for one in found.parameters.values() if one.kind is not one.VAR_KEYWORD]
    if len(own) == len(found.parameters):
        return found
    from losscli.cli.parameters import parameter_options

    return found.replace(parameters=[*own, *parameter_options()])


def _print_version() -> None:
    from losscli import __version__

    sys.stdout.write(f"losscli {__version__}\n")


def _interruptible(command: Callable[..., int | None]) -> Callable[..., int | None]:
    """`command` guarded, and with the declarations that Typer knows."""
    guarded = _guarded(command)
    guarded.__signature__ = typed(full_signature(command))  # type: ignore[attr-defined]
    return guarded


def _guarded(command: Callable[..., int | None]) -> Callable[..., int | None]:
    """`command` with interrupts as errors of ours, before the parser turns them into its own."""

    @functools.wraps(command)
    def guarded(*arguments: Any, **options: Any) -> int | None:
        try:
            return command(*arguments, **options)
        except KeyboardInterrupt:
            raise Interrupted("interrupted") from None

    return guarded


def _placeholder(name: str) -> Callable[[], None]:
    """A command without options, for the list of commands."""

    def command() -> None:
        raise AssertionError(name)

    return command


def _usage_error(error: Any, words: Sequence[str]) -> UsageError:
    """The parser's complaint in the form of every other error."""
    message = str(error.format_message()).rstrip(".")
    fix = None
    possibilities = getattr(error, "possibilities", None)
    if possibilities:
        fix = possibilities[0]
    elif words and words[0] not in command_names() and "command" in message:
        message = f'no command "{words[0]}"'
        near = nearest(words[0], command_names())
        fix = f"losscli {near}" if near else "losscli --help"
    command = words[0] if words and words[0] in command_names() else ""
    fix = fix or f"losscli {command} --help".replace("  ", " ")
    return UsageError(message[:1].lower() + message[1:], None, fix)


def _tree(name: str) -> ast.Module:
    from pathlib import Path

    return ast.parse((Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8"))


def _constant(module: str, constant: str) -> int | None:
    """An integer constant of a sibling module, read without importing it."""
    for node in _tree(module).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == constant:
            value = ast.literal_eval(node.value)
            return int(value)
    return None
