"""`losscli losses`: the table, the pages, and the plots."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from losscli.__main__ import run
from losscli.declaration import Loss, Require, declare
from losscli.domains import Interval
from losscli.errors import UsageError
from losscli.plotting import Curve, Plot, plot_of
from losscli.plotting.braille import ROWS, draw
from losscli.registry import all_losses, find_loss
from losscli.roles import FloatArray, Prediction, Target

LOSSES = all_losses()
PLOTS = {loss.name: plot for loss in LOSSES if (plot := plot_of(loss)) is not None}
every_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
every_plot = pytest.mark.parametrize("name", PLOTS)

BRAILLE = re.compile("[\u2801-\u28ff]")


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert run(["losses", *arguments]) == 0
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = run(["losses", *arguments])
    out, error = capsys.readouterr()
    assert out == ""
    return code, error


def test_a_piped_catalogue_has_one_line_for_each_loss(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line for line in printed(capsys).splitlines() if line.startswith("  ")]
    assert [line.split()[0] for line in lines] == [loss.name for loss in LOSSES]
    for line, loss in zip(lines, LOSSES, strict=True):
        assert all(alias in line for alias in (loss.summary, *loss.aliases))


def test_a_family_stands_together(capsys: pytest.CaptureFixture[str]) -> None:
    families = re.findall(r"^(\w+)$", printed(capsys), re.MULTILINE)
    assert families == sorted({loss.family for loss in LOSSES})


def test_a_catalogue_on_a_terminal_keeps_to_its_width(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    for columns in (80, 200):
        monkeypatch.setenv("COLUMNS", str(columns))
        longest = max(len(line) for line in printed(capsys).splitlines())
        assert columns - 40 < longest <= columns


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("huber linear", {"huber", "modified_huber"}),
        ("HuberLoss", {"huber"}),
        ("girshick", {"smooth_l1"}),
        ("mape", {"mean_absolute_percentage_error", "symmetric_mean_absolute_percentage_error"}),
    ],
)
def test_search_finds_names_words_and_references(
    capsys: pytest.CaptureFixture[str], words: str, names: set[str]
) -> None:
    found = {one["name"] for one in json.loads(printed(capsys, "--search", words, "-f", "json"))}
    assert names <= found
    assert len(found) <= len(names) + 3


def test_json_has_the_keys_of_the_contract(capsys: pytest.CaptureFixture[str]) -> None:
    entries = json.loads(printed(capsys, "-f", "json"))
    assert [one["name"] for one in entries] == [loss.name for loss in LOSSES]
    keys = {"name", "family", "kind", "summary", "inputs", "parameters", "aliases", "dialects", "same_as", "related"}
    for entry in entries:
        assert keys | {"references"} <= set(entry)
        assert all(set(one) >= {"role", "shape", "domain"} for one in entry["inputs"])
        assert all(set(one) == {"name", "type", "default", "domain", "help"} for one in entry["parameters"])


def test_markdown_lists_every_loss_in_one_table(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "-f", "md").splitlines()
    assert len(lines) == 2 + len(LOSSES)
    assert {line.count(" | ") for line in lines} == {4}


@every_loss
def test_a_page_says_everything_that_is_declared(capsys: pytest.CaptureFixture[str], loss: Loss) -> None:
    page = printed(capsys, loss.name)
    words = " ".join(page.split())
    told = [loss.summary, loss.range, *loss.aliases, *loss.known_as.values(), *loss.same_as, *loss.references]
    told += [one.role.meaning for one in loss.inputs] + [one.help for one in loss.parameters]
    told += [example.why for example in loss.examples] + [str(example.loss) for example in loss.examples]
    told += [part for relative in loss.related for part in relative.split(": ", 1)]
    assert [text for text in told if " ".join(text.split()) not in words] == []
    assert f"losscli eval FILE -l {loss.name}" in page
    assert not BRAILLE.search(page)
    assert not re.search(r"[\[(][-\w.]+,\n|``| +\n|true\|false", page)


@every_loss
def test_only_code_is_wider_than_a_page(capsys: pytest.CaptureFixture[str], loss: Loss) -> None:
    page = printed(capsys, loss.name)
    code = [line.strip() for line in (*loss.same_as, *loss.formula.splitlines())]
    wide = [line for line in page.splitlines() if len(line) > 100 and line.strip() not in code]
    assert all(line.startswith((f"{loss.name} - ", f"    {loss.name}(", "    losscli eval FILE")) for line in wide)


@every_loss
def test_a_loss_has_a_plot_exactly_where_one_number_decides_its_value(loss: Loss) -> None:
    if loss.finish is not None or loss.whole or len(loss.inputs) > 2:
        assert loss.name not in PLOTS
    elif loss.family in ("robust", "redescending", "deviance", "binary"):
        assert loss.name in PLOTS


@every_plot
def test_curves_lie_on_the_axis_and_in_the_range(name: str) -> None:
    loss, plot = find_loss(name), PLOTS[name]
    assert 1 <= len(plot.curves) <= 3
    assert (np.diff(plot.x) > 0).all()
    low, high = (float(bound) for bound in loss.range.strip("[]()").split(","))
    for curve in plot.curves:
        assert curve.values.shape == plot.x.shape
        assert low <= curve.values.min() and curve.values.max() <= high
    assert len({curve.label for curve in plot.curves}) == len(plot.curves)
    domain = loss.domain(loss.inputs[-1])
    if "-" not in plot.x_label:
        assert isinstance(domain, Interval)
        assert domain.all_inside(plot.x)


def curve(name: str, label: str) -> tuple[np.ndarray, np.ndarray]:
    return PLOTS[name].x, next(one.values for one in PLOTS[name].curves if one.label == label)


def test_a_curve_is_the_loss_of_single_rows() -> None:
    error, values = curve("huber", "delta = 0.5")
    np.testing.assert_array_equal(values, find_loss("huber").bind(delta=0.5)(0.0 * error, error, reduction="none"))
    probability, values = curve("binary_crossentropy", "y_true = 0")
    np.testing.assert_allclose(values, -np.log(1 - probability), rtol=1e-9)
    probability, values = curve("categorical_crossentropy", "categorical_crossentropy")
    np.testing.assert_allclose(values, -np.log(probability), rtol=1e-9)
    margin, values = curve("hinge", "hinge")
    np.testing.assert_array_equal(values, np.maximum(0.0, 1.0 - margin))
    target, values = curve("mean_absolute_percentage_error", "mean_absolute_percentage_error")
    np.testing.assert_allclose(values, 100 * np.abs(target - 1), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "x_label", "labels"),
    [
        ("huber", "y_pred - y_true", ["delta = 0.5", "delta = 1.0", "delta = 2.0"]),
        ("quantile", "y_pred - y_true", ["quantile = 0.25", "quantile = 0.5", "quantile = 0.75"]),
        ("mean_squared_error", "y_pred - y_true", ["mean_squared_error"]),
        ("root_mean_squared_error", "y_pred - y_true", ["root_mean_squared_error"]),
        ("binary_crossentropy", "y_pred", ["y_true = 1", "y_true = 0"]),
        (
            "binary_focal_crossentropy",
            "y_pred where y_true = 1, 1 - y_pred where it is 0",
            ["gamma = 1.0", "gamma = 2.0", "gamma = 4.0"],
        ),
        ("logistic", "y_pred where y_true = 1, -y_pred where it is -1", ["logistic"]),
        ("spherical", "probability of the true class", ["spherical"]),
        ("multi_margin", "y_pred of the true class, 0 of the other", ["margin = 0.5", "margin = 1.0", "margin = 2.0"]),
        ("poisson_deviance", "y_pred, at y_true = 1", ["poisson_deviance"]),
        ("lsgan_generator", "fake", ["lsgan_generator"]),
        ("hamming", "y_pred", ["y_true = 1", "y_true = 0"]),
    ],
)
def test_axis_and_curves_follow_from_roles_and_domains(name: str, x_label: str, labels: list[str]) -> None:
    assert PLOTS[name].x_label == x_label
    assert [one.label for one in PLOTS[name].curves] == labels


def test_a_plot_is_of_the_bound_parameters() -> None:
    plot = plot_of(find_loss("huber").bind(delta=4.0))
    assert plot is not None
    assert [one.label for one in plot.curves] == ["delta = 2.0", "delta = 4.0", "delta = 8.0"]
    np.testing.assert_allclose(plot.x[[0, -1]], [-8.0, 8.0])


def dots(text: str) -> np.ndarray:
    """The dots of a drawing, ``(4 * ROWS, 2 * columns)``, top row first."""
    lines = [line.split("┤" if "┤" in line else "│", 1)[1] for line in text.splitlines()[:ROWS]]
    columns = max(map(len, lines))
    codes = np.array([[ord(one) - 0x2800 if one != " " else 0 for one in line.ljust(columns)] for line in lines])
    bits = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
    return (codes[:, None, :, None] & bits[None, :, None, :] > 0).reshape(4 * ROWS, 2 * columns)


def test_dots_stand_where_the_curve_is() -> None:
    x = np.linspace(0.0, 4.0, 601)
    for values in (x, 4.0 - x, 2.0 + 2.0 * np.sin(9 * x)):
        grid = dots(draw(Plot("x", x, (Curve("curve", values),)), 60))
        drawn = np.interp(np.linspace(0.0, 4.0, grid.shape[1]), x, values)
        heights = (4 * ROWS - 1) * (1.0 - drawn / 4.0)
        assert grid.any(axis=0).all()
        for column, height in enumerate(heights):
            rows = np.flatnonzero(grid[:, column])
            # A column of dots is the nearest of the points, which may be half a column away.
            assert rows.min() - 2 <= height <= rows.max() + 2
            assert len(rows) == np.ptp(rows) + 1


def test_a_steep_line_is_joined_and_one_dot_thick() -> None:
    x = np.linspace(0.0, 4.0, 601)
    for values in (x, 4.0 - x):
        grid = dots(draw(Plot("x", x, (Curve("curve", values),)), 10))
        assert grid.shape[1] < grid.shape[0]
        np.testing.assert_array_equal(grid.sum(axis=1), 1)


def test_what_is_not_finite_leaves_a_gap() -> None:
    x = np.linspace(0.0, 1.0, 601)
    grid = dots(draw(Plot("x", x, (Curve("curve", np.where((x > 0.25) & (x < 0.75), np.inf, x)),)), 60))
    filled = grid.any(axis=0)
    assert filled[:20].all() and filled[-20:].all() and not filled[40:-40].any()


def test_a_tower_at_the_edge_does_not_flatten_the_rest() -> None:
    low, high = PLOTS["gamma_deviance"].limits
    tallest = max(one.values.max() for one in PLOTS["gamma_deviance"].curves)
    assert high < tallest / 2
    np.testing.assert_allclose(low, 0.0, atol=1e-4)


@every_plot
def test_a_drawing_fits_its_width_and_names_its_curves(name: str) -> None:
    for width in (40, 76, 200):
        text = draw(PLOTS[name], width)
        picture = text.splitlines()[: ROWS + 2]
        assert max(map(len, picture)) <= width
        assert text.splitlines()[ROWS + 2].strip() == PLOTS[name].x_label
        several = len(PLOTS[name].curves) > 1
        for letter, one in zip("abc", PLOTS[name].curves, strict=False):
            assert (f"{letter}: {one.label}" in text) is several
            assert any(letter in line for line in picture) is several


def test_a_page_has_its_plot_on_a_terminal_or_when_asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not BRAILLE.search(printed(capsys, "huber"))
    assert BRAILLE.search(printed(capsys, "huber", "--plot", "-"))
    assert BRAILLE.search(printed(capsys, "huber", "--plot", "-", "-f", "md"))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert BRAILLE.search(printed(capsys, "huber"))
    assert "Plot" not in printed(capsys, "triplet")
    assert not BRAILLE.search(printed(capsys, "huber", "-f", "md"))
    assert json.loads(printed(capsys, "huber", "-f", "json"))[0]["name"] == "huber"


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["triplet", "--plot", "-"], "triplet has no plot"),
        (["huber", "--plot", "-", "-f", "json"], "--plot - is text"),
        (["huber", "--plot", "huber.gif"], "--plot huber.gif: no format for this name"),
        (["huber", "--plot", "huber"], "--plot huber: no format for this name"),
        (["--plot", "-"], "--plot - without a loss"),
        (["huber", "--search", "x"], "a name and --search"),
        (["hubber"], 'no loss "hubber"'),
        (["-f", "yaml"], "no output format yaml"),
    ],
)
def test_a_call_that_makes_no_sense_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: list[str], problem: str
) -> None:
    code, error = refused(capsys, *arguments)
    assert (code, error.startswith(f"losscli: {problem}")) == (2, True), error


@pytest.mark.parametrize(
    ("name", "losses", "fix"),
    [
        (
            "log_loss",
            "binary_crossentropy or categorical_crossentropy or sparse_categorical_crossentropy",
            "--loss binary_crossentropy --dialect sklearn",
        ),
        (
            "CrossEntropyLoss",
            "categorical_crossentropy or sparse_categorical_crossentropy or info_nce",
            "--loss categorical_crossentropy --dialect torch",
        ),
        ("l1-loss", "mean_absolute_error", "--loss mean_absolute_error --dialect torch"),
    ],
)
def test_a_name_of_another_library_leads_to_ours(name: str, losses: str, fix: str) -> None:
    with pytest.raises(UsageError) as raised:
        find_loss(name)
    assert (raised.value.expected, raised.value.fix) == (f"{losses}, which others call {name}", fix)


def test_a_search_without_results_is_exit_5(capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys, "--search", "no-such-word-anywhere")[0] == 5


def test_a_missing_matplotlib_is_named_with_its_install_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    code, error = refused(capsys, "huber", "--plot", str(tmp_path / "huber.png"))
    assert (code, "pip install 'losscli[plot]'" in error) == (2, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("suffix", "start"), [("png", b"\x89PNG\r\n"), ("svg", b"<?xml")])
def test_a_picture_is_the_same_for_every_run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, suffix: str, start: bytes
) -> None:
    pytest.importorskip("matplotlib")
    paths = [tmp_path / f"{number}.{suffix}" for number in (1, 2)]
    for path in paths:
        assert printed(capsys, "huber", "--plot", str(path)).startswith("huber - ")
    contents = [path.read_bytes() for path in paths]
    assert contents[0].startswith(start)
    assert contents[0] == contents[1]


@every_plot
def test_every_plot_has_a_picture(name: str) -> None:
    pytest.importorskip("matplotlib")
    from losscli.plotting.figure import picture

    assert b"<svg" in picture(PLOTS[name], name, "svg")


def test_a_picture_in_a_missing_directory_is_an_error_of_output(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    code, error = refused(capsys, "huber", "--plot", str(tmp_path / "absent" / "huber.png"))
    assert (code, "does not exist" in error) == (3, True)


def test_a_condition_that_holds_nowhere_means_no_plot() -> None:
    never = Require(lambda y_true: np.zeros(len(y_true), dtype=bool), "y_true", "is never right", "nothing")

    @declare(formula="y_pred - y_true", range="(-inf, inf)", require=(never,))
    def impossible(y_true: Target, y_pred: Prediction) -> FloatArray:
        """Difference of what cannot be."""
        return y_pred - y_true

    assert plot_of(impossible) is None
    with pytest.raises(UsageError, match="no loss"):
        find_loss("impossible")
