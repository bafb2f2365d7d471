"""A command line that is read without Typer is read as Typer reads it."""

from __future__ import annotations

import inspect
import random
from importlib import import_module
from typing import Any

import pytest
import typer

from losscli.catalogue.index import SWITCHES, VALUES
from losscli.cli import command_names, full_signature
from losscli.cli import eval as eval_command
from losscli.cli.declared import Option, typed
from losscli.cli.words import read_words

PLAIN = ["preds.csv", "-l", "mae"]
SAMPLES = {int: ["7", "0"], float: ["0.5", "1e-3", "2"], str: ["a", "a,b", "x=1", "", "prob_*", "ü", "1"]}


def by_typer(words: list[str]) -> dict[str, Any]:
    """What Typer gives to the command, without the loss parameters that are not set."""
    received: dict[str, Any] = {}

    def record(**options: Any) -> None:
        received.update(options)

    record.__signature__ = typed(full_signature(eval_command.command))  # type: ignore[attr-defined]
    app = typer.Typer(add_completion=False)
    app.command()(record)
    app(args=words, standalone_mode=False)
    return {name: value for name, value in received.items() if value is not None or not name.startswith("parameter_")}


def read(words: list[str]) -> dict[str, Any] | None:
    return read_words(eval_command.command, words, SWITCHES, VALUES)


def spellings() -> list[list[str]]:
    """Every flag of eval, alone or with each of its sample values, in both spellings of a value."""
    found = []
    for parameter in full_signature(eval_command.command).parameters.values():
        base, note = parameter.annotation.__args__[0], parameter.annotation.__metadata__[0]
        if not isinstance(note, Option):
            continue
        kinds = [kind for kind in (bool, int, float, str) if kind.__name__ in str(base)]
        for flag in (part for one in note.flags for part in one.split("/")):
            if kinds == [bool]:
                found.append([flag])
                continue
            for value in SAMPLES[kinds[0]]:
                found.append([flag, value])
                if flag.startswith("--"):
                    found.append([f"{flag}={value}"])
    return found


@pytest.mark.parametrize("half", range(8))
def test_every_flag_is_read_as_typer_reads_it(half: int) -> None:
    chosen = spellings()[half::8]
    for words in chosen:
        line = [*PLAIN, *words]
        assert read(line) == by_typer(line), line


def test_any_mixture_is_read_as_typer_reads_it() -> None:
    rng = random.Random(20_260_101)
    known = spellings()
    for _ in range(40):
        parts = [*rng.choices(known, k=rng.randrange(1, 6)), ["b.parquet"], ["-"], ["-l", "huber:delta=2"]]
        rng.shuffle(parts)
        line = [word for part in [PLAIN, *parts] for word in part]
        assert read(line) == by_typer(line), line


@pytest.mark.parametrize(
    "words",
    [
        ["preds.csv"],
        ["-l", "mae"],
        [*PLAIN, "--help"],
        [*PLAIN, "--unknown"],
        [*PLAIN, "--unknown=1"],
        [*PLAIN, "--threads", "many"],
        [*PLAIN, "--threads", "-1"],
        [*PLAIN, "--threads"],
        [*PLAIN, "--threads="],
        [*PLAIN, "--level", "nan"],
        [*PLAIN, "--strict=yes"],
        [*PLAIN, "--by", "--strict"],
        [*PLAIN, "--thread", "2"],
        [*PLAIN, "-lhuber"],
        [*PLAIN, "-qf", "json"],
        [*PLAIN, "--", "-l"],
        [*PLAIN, "--label", "\udcff"],
    ],
    ids=" ".join,
)
def test_what_is_not_plain_is_left_to_typer(words: list[str]) -> None:
    assert read(words) is None


@pytest.mark.parametrize("name", command_names())
def test_a_command_offers_every_option_that_it_declares(name: str) -> None:
    command = import_module(f"losscli.cli.{name}").command
    code = command.__code__
    declared = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    assert set(declared) <= set(inspect.signature(command).parameters)
