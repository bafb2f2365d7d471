"""``losscli compare``: its outputs, its gate and its exit codes."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import losscli
from losscli.__main__ import run
from losscli.comparison import Comparison
from losscli.comparison.conditions import failures_of, parse_condition
from losscli.comparison.rendering import FORMATS
from losscli.errors import Exit, InputError, NothingToEvaluate, UsageError
from losscli.renderers import RenderOptions

ROWS = 400

DIFF = {"count", "base", "cand", "diff", "relative", "ci", "p", "p_adjusted", "verdict", "improved", "worsened"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A baseline, a candidate that is worse in the north, and one in which nothing is known to have changed."""
    folder = tmp_path_factory.mktemp("compare")
    rng = np.random.default_rng(11)
    y = rng.normal(size=ROWS)
    error = rng.normal(size=ROWS)
    region = rng.choice(["north", "south"], ROWS)
    shared = {"id": [f"r{place}" for place in range(ROWS)], "region": region, "y_true": y}
    worse = error * np.where(region == "north", 1.3, 1.0) + 0.05 * rng.normal(size=ROWS)
    predictions = {"base": error, "worse": worse, "alike": error + 0.05 * rng.normal(size=ROWS)}
    for name, errors in predictions.items():
        pd.DataFrame({**shared, "y_pred": y + errors}).to_csv(folder / f"{name}.csv", index=False)
    return folder


def command(folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of ``losscli compare base.csv …``."""
    files = [str(folder / one) if one.endswith(".csv") else one for one in arguments]
    code = run(["compare", str(folder / "base.csv"), *files])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.fixture(scope="module")
def comparison(folder: Path) -> Comparison:
    paths = (str(folder / f"{name}.csv") for name in ("base", "worse", "alike"))
    return losscli.compare(*paths, loss=["mae", "rmse"], by="region", worst=3, id="id")


def test_json_is_the_document_of_the_contract(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = command(folder, capsys, "worse.csv", "-l", "mae", "--by", "region", "--worst", "2", "-f", "json")
    document = json.loads(out)
    assert code == Exit.DONE
    assert {"schema", "version", "base", "candidates", "warnings"} <= set(document)
    assert document["schema"] == "losscli/1"
    candidate = document["candidates"][0]
    assert {"path", "results"} <= set(candidate)
    result = candidate["results"][0]
    assert {"loss", "signature", "total", "classes", "slices", "worst"} <= set(result)
    assert set(result["total"]) >= DIFF
    assert [one["by"] for one in result["slices"]] == [{"region": "north"}, {"region": "south"}]
    assert set(result["slices"][0]) >= DIFF | {"by"}
    assert len(result["worst"]) == 2
    assert document["base"]["inputs"][0]["rows"] == ROWS


def test_the_way_rows_are_paired_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, _, told = command(folder, capsys, "worse.csv", "-l", "mae")
    assert "rows paired by position; labels and id must agree row by row" in told
    _, _, told = command(folder, capsys, "worse.csv", "-l", "mae", "--on", "id")
    assert "rows joined on id; rows are in the same order" in told


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_holds_every_row(comparison: Comparison, name: str) -> None:
    text = FORMATS[name](comparison, RenderOptions(top=0))
    assert text.endswith("\n") and not text.endswith("\n\n")
    for word in ("north", "south", "worse"):
        assert word in text
    assert "\x1b" not in text


def test_delimited_formats_hold_the_numbers_in_full(comparison: Comparison) -> None:
    lines = FORMATS["tsv"](comparison, RenderOptions()).splitlines()
    header = lines[0].split("\t")
    assert len(lines) == 1 + 2 * 2 * 3
    total = dict(zip(header, lines[3].split("\t"), strict=True))
    expected = comparison.candidates[0].results[0].total
    assert (total["level"], float(total["diff"]), float(total["p_adjusted"])) == (
        "total",
        expected.diff,
        expected.p_adjusted,
    )
    lines = FORMATS["ndjson"](comparison, RenderOptions()).splitlines()
    assert [json.loads(line)["region"] for line in lines[:3]] == ["north", "south", None]


def test_a_narrow_terminal_shows_fewer_columns_and_all_digits(comparison: Comparison) -> None:
    render = FORMATS["table"]
    wide, narrow = (render(comparison, RenderOptions(width=width, terminal=True)) for width in (300, 60))
    assert "not shown" not in wide
    assert "not shown: count" in narrow
    rows = [line for line in narrow.splitlines() if line.startswith(("north", "south", "total"))]
    assert rows and max(map(len, rows)) <= 60
    colored = render(comparison, RenderOptions(width=300, terminal=True, color=True))
    assert "\x1b[" in colored


def test_a_long_table_shows_the_largest_increases(comparison: Comparison) -> None:
    text = FORMATS["table"](comparison, RenderOptions(top=1))
    assert "… 1 more (--top 0 shows all)" in text
    assert "north" in text
    assert "south" not in text.partition("rmse")[0].partition("…")[0]


def test_files_are_written_beside_standard_output(
    folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    target = tmp_path / "out.json"
    code, out, _ = command(folder, capsys, "alike.csv", "-l", "mae", "-o", f"json={target}", "-f", "csv")
    assert code == Exit.DONE
    assert out.startswith("candidate,loss,")
    assert json.loads(target.read_text())["candidates"][0]["results"][0]["total"]["count"] == ROWS


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ("worse", Exit.GATE_FAILED),
        ("any worse", Exit.GATE_FAILED),
        ("slice worse and relative > 20%", Exit.GATE_FAILED),
        ("slice worse and relative > 90%", Exit.DONE),
        ("diff>0.01 and diff<0.02", Exit.DONE),
        ("better", Exit.DONE),
        ("not better", Exit.GATE_FAILED),
        ("diff>0.01", Exit.GATE_FAILED),
        ("mae: diff<=-0.01", Exit.DONE),
        ("rmse: p_adjusted < 0.01", Exit.GATE_FAILED),
        ("worsened>50%", Exit.GATE_FAILED),
        ("worsened>1000", Exit.DONE),
    ],
)
def test_fail_if_decides_the_exit_code(folder: Path, capsys: pytest.CaptureFixture[str], rule: str, code: int) -> None:
    found, out, told = command(
        folder, capsys, "worse.csv", "-l", "mae", "-l", "rmse", "--by", "region", "--fail-if", rule
    )
    assert found == code
    assert (f"losscli: FAIL {rule}: " in told) == (code == Exit.GATE_FAILED)
    assert "verdict" in out


def test_a_model_that_is_alike_passes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, _ = command(folder, capsys, "alike.csv", "-l", "mae", "--by", "region", "--fail-if", "any worse")
    assert code == Exit.DONE


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("dif>0.1", "there is no dif"),
        ("diff>", "is no condition"),
        ("diff>1e999", "is not a number"),
        ("wors", "is no condition"),
        ("", "is no condition"),
        ("huber: worse", "huber is not one of the selected losses"),
        ("worse and", "is no condition"),
        ("worse or better", "is no condition"),
    ],
)
def test_a_rule_that_is_none_is_refused(rule: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_condition(rule, ["mae"])


def test_a_difference_that_does_not_exist_cannot_pass() -> None:
    base = pd.DataFrame({"y_true": [0.0, 0.0], "y_pred": [1.0, 2.0]})
    cand = pd.DataFrame({"y_true": [0.0, 0.0], "y_pred": [math.nan, 2.5]})
    comparison = losscli.compare(base, cand, loss="mae", nan="propagate")
    with pytest.raises(InputError, match=r"does not exist \(nan\)"):
        parse_condition("worse", ["mae"]).failures(comparison)


def frame(base: Sequence[float], **more: Any) -> pd.DataFrame:
    return pd.DataFrame({"y_true": 0.0, "y_pred": base, **more})


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("relative>2%", r"^losscli: --fail-if relative>2%: the baseline mae is 0, so a share of it means nothing"),
        ("any relative>2% and worse", r"g=[ab]: the baseline mae is 0"),
        ("dice: worsened>2%", "rows have no dice of their own"),
    ],
)
def test_a_condition_that_cannot_be_told_is_refused(rule: str, problem: str) -> None:
    base, cand = frame([0.0, 0.0, 0.0], g=list("aab")), frame([0.5, 0.25, 0.25], g=list("aab"))
    comparison = losscli.compare(base, cand, loss=["mae", "dice=dice:axis=none"], by="g")
    with pytest.raises(InputError, match=problem):
        parse_condition(rule, ["mae", "dice"]).failures(comparison)
    assert parse_condition("relative>2% and better", ["mae"]).failures(comparison) == []
    assert len(parse_condition("mae: slice diff>0.3", ["mae"]).failures(comparison)) == 1


@pytest.mark.parametrize("rule", ["worse", "not better", "p<0.05", "any p_adjusted<0.05"])
def test_a_total_without_a_test_cannot_pass(rule: str) -> None:
    comparison = losscli.compare(frame([1.0]), frame([2.0]), loss="mae")
    with pytest.raises(InputError, match=r"the difference of mae is not tested \(too_few\)"):
        parse_condition(rule, ["mae"]).failures(comparison)
    # Of a slice the rows are too few; the total has enough.
    comparison = losscli.compare(
        frame([1.0, 1.0, 2.0], g=list("aab")), frame([1.5, 1.0, 4.0], g=list("aab")), loss="mae", by="g"
    )
    assert parse_condition(f"slice {rule.removeprefix('any ')}", ["mae"]).failures(comparison)[1:] == []


@pytest.mark.parametrize("rule", ["class worse", "slice diff>0", "mae: slice worse"])
def test_a_condition_on_rows_that_there_are_not_matches_nothing(rule: str) -> None:
    comparison = losscli.compare(frame([1.0, 2.0]), frame([2.0, 2.5]), loss="mae")
    condition = parse_condition(rule, ["mae"])
    with pytest.raises(NothingToEvaluate, match=f"{rule} matches nothing: there is no"):
        failures_of([condition], comparison)
    # What cannot be told outranks what is not there.
    alone = losscli.compare(frame([1.0]), frame([2.0]), loss="mae")
    with pytest.raises(InputError, match="is not tested"):
        failures_of([condition, parse_condition("worse", ["mae"])], alone)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("-l", "mae"), Exit.USAGE, "nothing to compare with"),
        (("worse.csv", "-l", "mae", "--nan", "drop"), Exit.USAGE, "no policy drop"),
        (("worse.csv", "-l", "mae", "--worst=-1"), Exit.USAGE, "--worst takes a whole number"),
        (("worse.csv", "-l", "mae", "-f", "jsn"), Exit.USAGE, "no output format jsn"),
        (("base.csv", "-l", "mae"), Exit.INPUT, "the candidate is the baseline itself"),
        (("none.csv", "-l", "mae"), Exit.INPUT, "no such file"),
        (("worse.csv", "-l", "mae", "--on", "nr"), Exit.INPUT, 'no column "nr"'),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_refusals_leave_standard_output_empty(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, message: str
) -> None:
    found, out, told = command(folder, capsys, *arguments)
    assert (found, out) == (code, "")
    assert message in told


def test_the_table_of_python_has_a_row_for_each_line(comparison: Comparison) -> None:
    table: Any = comparison.table()
    assert len(table) == 2 * 2 * 3
    first = table.iloc[0]
    row = comparison.candidates[0].results[0].slices[0]
    assert (first.level, first.region, first["diff"], first.ci_low) == ("slice", "north", row.diff, row.ci[0])
