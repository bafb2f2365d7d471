"""Losses from outside: plugin files, installed distributions, and the worked example of the README."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from losscli import evaluate, registry
from losscli.declaration import Loss
from losscli.errors import UsageError
from losscli.testing import LAWS

ROOT = Path(__file__).parent.parent
PLUGINS = Path(__file__).parent / "plugins"
CAPPED = str(PLUGINS / "capped.py")
DIABETES = str(ROOT / "sample_data" / "diabetes.parquet")
README = (ROOT / "README.md").read_text(encoding="utf-8")

HALF = '''
from losscli import declare
from losscli.roles import FloatArray, Prediction, Target


@declare(formula="|y_true - y_pred| / 2")
def {name}(y_true: Target, y_pred: Prediction) -> FloatArray:
    """Half of the absolute error."""
    return abs(y_true - y_pred) / 2
'''


def run(*arguments: str, path: Path = ROOT, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """The program with `path` among the places where packages are installed."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {"PYTHONPATH": os.pathsep.join([str(ROOT), str(path)]), "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def losscli(*arguments: str, path: Path = ROOT, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return run("losscli", *arguments, path=path, folder=folder)


def install(site: Path, package: str, version: str, points: dict[str, str], **modules: str) -> None:
    """A distribution as an installer leaves it: modules and metadata with entry points."""
    info = site / f"{package}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
    lines = [f"{name} = {value}" for name, value in points.items()]
    (info / "entry_points.txt").write_text("\n".join(["[losscli.losses]", *lines, ""]))
    for name, source in modules.items():
        (site / f"{name}.py").write_text(source)


@pytest.fixture
def own_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalogue of this test's own, so that what it loads is gone afterwards."""
    monkeypatch.setattr(registry, "_loaded", None)


@pytest.fixture
def capped(own_catalogue: None) -> Loss:
    registry.load_plugin(CAPPED)
    return registry.find_loss("capped_error")


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_a_loss_of_a_plugin_file_keeps_the_laws(law: Callable[[Loss], None], capped: Loss) -> None:
    law(capped)


def test_a_plugin_loss_is_evaluated_like_any_other() -> None:
    done = losscli("eval", DIABETES, "--plugin", CAPPED, "-l", "miss:slack=0", "-l", "0.5*capped-error:cap=1e300", "-q")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "1.0")
    absolute = losscli("eval", DIABETES, "-l", "mae", "-q")
    np.testing.assert_allclose(float(done.stdout.splitlines()[1]), 0.5 * float(absolute.stdout), rtol=1e-15)


def test_p_sets_a_parameter_and_inline_wins() -> None:
    done = losscli(
        *("eval", DIABETES, "--plugin", CAPPED, "-P", "cap=1e300", "-q"),
        *("-l", "capped_error", "-l", "capped_error:cap=1e-300", "-l", "mae"),
    )
    free, inline, absolute = (float(line) for line in done.stdout.split())
    assert (free, inline) == (absolute, 1e-300)


def test_a_plugin_is_a_keyword_in_python(own_catalogue: None) -> None:
    result = evaluate(DIABETES, ["capped_error", "mae"], plugin=CAPPED, cap=1e300)
    assert result.losses["capped_error"] == result.losses["mae"]


@pytest.mark.parametrize(
    ("options", "problem", "hint"),
    [
        (["-P", "cap=1"], "-P cap is not a parameter of mean_absolute_error", "-P cap with one of capped_error"),
        (["-P", "slak=1"], "-P slak: no loss has a parameter slak", "try: -P slack"),
        (["-P", "cap"], '-P "cap" is not NAME=VALUE', "such as -P"),
        (["-P", "cap=1", "-P", "cap=2"], "the parameter cap is given twice", "one value"),
        (["-P", "delta=1", "--delta", "2"], "the parameter delta is given twice", "one value"),
    ],
)
def test_a_parameter_that_fits_nothing_is_refused(options: list[str], problem: str, hint: str) -> None:
    done = losscli("eval", DIABETES, "--plugin", CAPPED, "-l", "mae", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert problem in done.stderr and hint in done.stderr


def test_a_value_outside_the_domain_names_the_plugin_loss() -> None:
    done = losscli("eval", DIABETES, "--plugin", CAPPED, "-l", "capped_error", "-P", "cap=0")
    assert (done.returncode, "capped_error: cap=0.0 is outside its domain" in done.stderr) == (2, True)


def test_the_catalogue_tells_plugin_losses_and_their_file() -> None:
    listed = losscli("losses", "--plugin", CAPPED).stdout
    assert f"capped (plugin {CAPPED})\n  capped_error " in listed
    page = losscli("losses", "--plugin", CAPPED, "talwar-absolute").stdout
    assert page.startswith("capped_error - Absolute error up to a cap.")


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("import no_such_module_anywhere\n", "line 1: the plugin failed: ModuleNotFoundError"),
        ("x = 1\n\ndef f(:\n", "line 3: the plugin failed: SyntaxError"),
        ("x = {}\nx['cap']\n", "line 2: the plugin failed: KeyError: 'cap'"),
        ("import sys\nsys.exit(0)\n", "line 2: the plugin failed: SystemExit"),
        ("from losscli.catalogue.robust import huber\n", "the plugin declares no loss"),
        (HALF.format(name="huber"), "there is a loss huber already"),
        (HALF.format(name="mse"), "the name mse of mse already belongs to mean_squared_error"),
        (HALF.format(name="half").replace(": Prediction", ""), "half: the input y_pred has no role"),
    ],
)
def test_a_plugin_file_that_fails_is_an_error_that_says_where(tmp_path: Path, source: str, problem: str) -> None:
    path = tmp_path / "failing.py"
    path.write_text(source)
    for command in (("eval", DIABETES, "-l", "mae"), ("losses",)):
        done = losscli(*command, "--plugin", str(path))
        assert (done.returncode, done.stdout) == (2, "")
        assert re.search(rf"{path}(, |: ){re.escape(problem)}", done.stderr), done.stderr


def test_a_missing_plugin_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"absent\.py: no such plugin file"):
        registry.load_plugin(str(tmp_path / "absent.py"))


def test_a_plugin_adds_all_of_its_losses_or_none(tmp_path: Path, own_catalogue: None) -> None:
    path = tmp_path / "partly.py"
    path.write_text(HALF.format(name="first_half") + HALF.format(name="huber"))
    before = registry.all_losses()
    with pytest.raises(UsageError, match="there is a loss huber already"):
        registry.load_plugin(str(path))
    assert registry.all_losses() == before
    with pytest.raises(UsageError, match='no loss "first_half"'):
        registry.find_loss("first_half")


def test_a_plugin_file_may_be_loaded_again_and_namesakes_are_apart(tmp_path: Path, own_catalogue: None) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / "half.py"
        path.write_text(HALF.format(name=f"half_{folder}"))
        registry.load_plugin(str(path))
        registry.load_plugin(str(path))
    one, two = registry.find_loss("half_one"), registry.find_loss("half_two")
    assert (one.family, two.family) == ("half", "half")
    assert one.kernel.__module__ != two.kernel.__module__


def test_a_plugin_loss_survives_pickling_to_another_process(capped: Loss) -> None:
    pickled = pickle.dumps(capped.bind(cap=0.25))
    program = f"import pickle; print(pickle.loads({pickled!r})([0.0, 0.0], [3.0, 0.0]))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert float(done.stdout) == 0.125


def test_installed_losses_are_there_with_flags_of_their_own(tmp_path: Path) -> None:
    source = Path(CAPPED).read_text(encoding="utf-8")
    install(tmp_path, "capped-losses", "1.2", {"capped": "capped_losses"}, capped_losses=source)
    done = losscli("eval", DIABETES, "-l", "capped_error", "--cap", "1e-300", "-q", path=tmp_path)
    assert (done.returncode, done.stdout) == (0, "1e-300\n")
    assert "warning" not in done.stderr
    assert "capped_losses (plugin capped of capped-losses 1.2)" in losscli("losses", path=tmp_path).stdout


def test_an_entry_point_may_be_one_loss_or_a_package(tmp_path: Path) -> None:
    install(tmp_path, "single", "1", {"half": "single_half:half"}, single_half=HALF.format(name="half"))
    (tmp_path / "many").mkdir()
    (tmp_path / "many" / "inner.py").write_text(HALF.format(name="inner_half"))
    (tmp_path / "many" / "__init__.py").write_text("from many.inner import inner_half\n")
    install(tmp_path, "package", "1", {"many": "many"})
    done = losscli("eval", DIABETES, "-l", "2*half", "-l", "2*inner_half", "-l", "mae", "-q", path=tmp_path)
    assert (done.returncode, len(set(done.stdout.split()))) == (0, 1)


def test_installed_plugins_that_fail_are_named_and_stop_nothing(tmp_path: Path) -> None:
    broken = (PLUGINS / "broken.py").read_text(encoding="utf-8")
    points = {"bad": "broken_plugin", "gone": "no_such_module_anywhere", "number": "broken_number:NUMBER"}
    install(tmp_path, "broken", "0.1", points, broken_plugin=broken, broken_number="NUMBER = 1\n")
    install(tmp_path, "thief", "0.1", {"thief": "thief"}, thief=HALF.format(name="huber"))
    install(tmp_path, "good", "0.1", {"good": "good_half"}, good_half=HALF.format(name="half"))
    done = losscli("eval", DIABETES, "-l", "2*half", "-l", "mae", "-q", path=tmp_path)
    assert (done.returncode, len(set(done.stdout.split()))) == (0, 1)
    for warning in (
        "warning: the plugin bad of broken 0.1 failed and is left out: KeyError: 'cap'",
        "warning: the plugin gone of broken 0.1 failed and is left out: ModuleNotFoundError",
        "warning: the plugin number of broken 0.1 failed and is left out: broken_number:NUMBER is neither",
        "warning: the plugin thief of thief 0.1 failed and is left out: there is a loss huber already",
    ):
        assert done.stderr.count(warning) == 1, done.stderr
    wanted = losscli("eval", DIABETES, "-l", "capped_error", path=tmp_path)
    assert (wanted.returncode, "bad of broken 0.1" in wanted.stderr.partition('no loss "')[2]) == (2, True)


def test_generated_documents_have_no_plugin_losses(capped: Loss) -> None:
    from losscli.docs.man import pages
    from losscli.docs.readme import renew

    assert "capped" in {loss.family for loss in registry.all_losses()}
    assert "capped_error" not in pages()["man7/losscli-losses.7"]
    assert "capped_error" not in renew(README)


def test_the_example_of_the_readme_runs_as_it_stands(tmp_path: Path) -> None:
    files = dict(re.findall(r"<!-- file: (\S+) -->\n```python\n(.*?)```", README, re.DOTALL))
    assert set(files) == {"newsvendor.py", "test_newsvendor.py"}
    for name, source in files.items():
        (tmp_path / name).write_text(source, encoding="utf-8")
    (tmp_path / "sample_data").symlink_to(ROOT / "sample_data")
    section = README.partition("## Own losses")[2].partition("\n## ")[0]
    (session,) = re.findall(r"```console\n(.*?)```", section, re.DOTALL)
    commands = re.findall(r"^\$ losscli (.*)\n((?:(?!\$ ).*\n)*)", session, re.MULTILINE)
    assert len(commands) == 2
    for command, expected in commands:
        script = f'losscli() {{ {sys.executable} -m losscli "$@"; }}; losscli {command}'
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
        done = subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (0, expected), done.stderr
    laws = run("pytest", "-q", "-p", "no:cacheprovider", "test_newsvendor.py", path=tmp_path, folder=tmp_path)
    assert laws.returncode == 0, laws.stdout
    assert f"{len(LAWS)} passed" in laws.stdout


def test_the_installed_example_of_the_readme_is_an_entry_point(tmp_path: Path) -> None:
    import tomllib

    block = README.partition("## Own losses")[2].partition("```toml\n")[2].partition("```")[0]
    groups = tomllib.loads(block)["project"]["entry-points"]
    assert list(groups) == [registry.ENTRY_POINTS]
    source = re.findall(r"<!-- file: newsvendor.py -->\n```python\n(.*?)```", README, re.DOTALL)[0]
    install(tmp_path, "newsvendor", "1.0", groups[registry.ENTRY_POINTS], newsvendor=source)
    done = losscli("eval", DIABETES, "-l", "newsvendor", "--under", "5", "-q", path=tmp_path)
    assert (done.returncode, done.stdout) == (0, "133.1818552036199\n")
