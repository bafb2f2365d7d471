"""The flags that inspect prints give the result that a bare evaluation gives."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from layouts import LAYOUTS, Layout

import losscli
from losscli.__main__ import run

# How a choice was made differs, for with the flags it was asked for.
ORIGINS = ("detected", "pred_kind_from")


def evaluated(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The JSON of an evaluation, without what tells how its columns were found."""
    code = run(["eval", *arguments, "-f", "json"])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    document: dict[str, Any] = json.loads(printed.out)
    for key in ORIGINS:
        del document["columns"][key]
    return document


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_printed_flags_give_the_same_result(layout: Layout, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(layout.write(tmp_path))
    assert run(["inspect", path, "-l", layout.spec, "--flags"]) == 0
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    bare = evaluated([path, "-l", layout.spec], capsys)
    pinned = evaluated([path, "-l", layout.spec, "--strict", *shlex.split(line)], capsys)
    assert pinned == bare


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_loss_is_among_those_that_fit(layout: Layout, tmp_path: Path) -> None:
    found = losscli.inspect(str(layout.write(tmp_path)))
    if layout.others or ":" in layout.spec:
        pytest.skip("a loss with parameters, which is never proposed")
    losses = {name for names in found.fits.values() for name in names}
    assert layout.spec in losses
    likeliest = found.mapping.plan.roles
    assert likeliest["label"] == (layout.label,)
