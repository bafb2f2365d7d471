"""``losscli gate`` and ``losscli init`` as commands: exit codes, streams, files, GitHub Actions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from losscli.gates.configuration import read_configuration

ROOT = Path(__file__).parent.parent
SAMPLES = ROOT / "sample_data"
OUTSIDE = ("CI", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "NO_COLOR", "FORCE_COLOR")


def run(*arguments: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """The command in a folder, outside of any CI unless `more` says so."""
    environment = {name: value for name, value in os.environ.items() if name not in OUTSIDE}
    return subprocess.run(
        [sys.executable, "-m", "losscli", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**environment, "PYTHONPATH": str(ROOT), **more},
        check=False,
        timeout=60,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Predictions of a baseline and of two candidates, of which one is worse in the south, and a configuration."""
    place = tmp_path_factory.mktemp("gate")
    rng = np.random.default_rng(0)
    regions = np.repeat(["north", "south"], 300)
    errors = rng.gamma(4.0, 0.25, 600)
    models = {
        "base": errors,
        "good": np.abs(errors - 0.1 + rng.normal(0, 0.02, 600)),
        "noisy": np.abs(errors + np.tile([0.05, -0.04], 300)),
        "bad": errors + np.where(regions == "south", 0.1, 0.0) + np.abs(rng.normal(0, 0.01, 600)),
    }
    for name, values in models.items():
        columns = {"id": np.arange(600), "y_true": np.zeros(600), "y_pred": values, "region": regions}
        pq.write_table(pa.table(columns), place / f"{name}.parquet")
    (place / "losscli.toml").write_text(
        """
[input]
path = "good.parquet"
id = "id"
[loss]
name = "mae"
[baseline]
path = "base.parquet"
[[rule]]
name = "level"
max = 2
[[rule]]
name = "regions"
by = ["region"]
max_increase = "2%"
"""
    )
    return place


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), 0),
        (("bad.parquet",), 1),
        (("--rule", "max=0.1"), 1),
        (("--rule", "max=0.1,severity=warn"), 0),
        (("--rule", "max=2"), 0),
        (("--rule", "maximum=2"), 2),
        (("--config", "none.toml"), 2),
        (("--delta", "1"), 2),
        (("--correction", "sidak"), 2),
        (("-f", "pdf"), 2),
        (("-o", "pdf=x.pdf"), 2),
        (("-o", "json=good.parquet"), 2),
        (("-o", "json=losscli.toml"), 2),
        (("-o", "json=base.parquet"), 2),
        (("none.parquet",), 3),
        (("base.parquet",), 3),
        (("--baseline", "none.parquet"), 3),
        (("bad.parquet", "-o", "json=none/x.json"), 3),
        (("--label", "none"), 3),
        (("--rule", "max=2,by=none"), 3),
        (("--rule", "max=2,where=region == 'east'"), 5),
        (("--rule", "max=0.1", "--rule", "max=2,where=region == 'east'"), 5),
        (("--rule", "max=2,where=region == 'east',optional=true", "--rule", "max=0.1"), 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_the_exit_code_is_the_verdict_and_errors_outrank_it(
    folder: Path, arguments: tuple[str, ...], code: int
) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    done = run("gate", *arguments, cwd=folder)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert before == {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    if code in (2, 3, 5):
        assert done.stdout == ""
        assert "losscli: " in done.stderr
    else:
        assert done.stdout.startswith(("PASS", "WARN") if code == 0 else "FAIL")


def test_an_inconclusive_run_is_4_only_where_the_configuration_asks(folder: Path) -> None:
    few = ("gate", "noisy.parquet", "--where", "id < 40", "--rule", "max_increase=0")
    codes = {one: run(*few, "--on-inconclusive", one, cwd=folder).returncode for one in ("pass", "warn", "fail")}
    assert codes == {"pass": 0, "warn": 0, "fail": 4}
    # A failure outranks it.
    assert run(*few, "--rule", "max=0.1", "--on-inconclusive", "fail", cwd=folder).returncode == 1


def test_flags_win_over_the_file(folder: Path) -> None:
    done = run("gate", "-l", "mse", "--baseline", "bad.parquet", "-f", "json", cwd=folder)
    document = json.loads(done.stdout)
    assert {rule["metric"] for rule in document["rules"]} == {"mse"}
    assert document["baseline"]["path"] == "bad.parquet"
    assert document["inputs"][0]["path"] == "good.parquet"


def test_a_dialect_wins_over_that_of_the_file(folder: Path, tmp_path: Path) -> None:
    config = tmp_path / "losscli.toml"
    config.write_text('[loss]\nname = "log_cosh"\n[[rule]]\nmax = 9\n')
    found = {}
    for dialect in ("losscli", "keras"):
        done = run("gate", str(folder / "good.parquet"), "--dialect", dialect, "-f", "json", cwd=tmp_path)
        found[dialect] = json.loads(done.stdout)["rules"][0]["checks"][0]["cand"]
    # Keras rounds log 2 to float32.
    rounded = float(np.float32(np.log(2.0))) - np.log(2.0)
    np.testing.assert_allclose(found["losscli"] - found["keras"], rounded, rtol=1e-6)
    assert run("gate", str(folder / "good.parquet"), "--dialect", "jax", cwd=tmp_path).returncode == 2


def test_no_configuration_and_no_rule_is_an_error_of_the_call(tmp_path: Path) -> None:
    done = run("gate", str(SAMPLES / "diabetes.parquet"), "-l", "mae", cwd=tmp_path)
    assert done.returncode == 2
    assert "no losscli.toml here, and no --rule" in done.stderr
    assert run("gate", str(SAMPLES / "diabetes.parquet"), "-l", "mae", "--rule", "max=50", cwd=tmp_path).returncode == 0


def test_paths_are_relative_to_the_configuration(folder: Path, tmp_path: Path) -> None:
    assert run("gate", "--config", str(folder / "losscli.toml"), cwd=tmp_path).returncode == 0


def test_standard_input_can_be_gated_in_one_pass(folder: Path, tmp_path: Path) -> None:
    command = f"{sys.executable} -m losscli gate - -l mae --rule max=2 --rule max=0.1,severity=warn -q"
    text = "y_true,y_pred\n0,1\n0,1.5\n"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command.split(), input=text, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False
    )
    assert (done.returncode, done.stdout) == (0, "WARN\n")
    assert run("gate", "-", cwd=folder).returncode == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("{pipe}", "--rule", "max=1", "--rule", "max=1,where=id > 3"),
        ("{pipe}",),
        ("--baseline", "{pipe}", "--rule", "max_increase=9", "--rule", "max_increase=9,where=id > 3"),
        ("--baseline", "-", "--rule", "max_increase=9", "--rule", "max_increase=9,where=id > 3"),
    ],
)
def test_a_pipe_that_would_be_read_twice_is_refused(arguments: tuple[str, ...], folder: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    done = run("gate", *(one.format(pipe=pipe) for one in arguments), cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "can be read once, and these rules take" in done.stderr


def test_files_are_read_as_eval_reads_them(tmp_path: Path) -> None:
    (tmp_path / "preds.csv").write_text("key;guess;split\na;1,5;x\nb;2,5;x\nc;9,0;y\n")
    (tmp_path / "truth.csv").write_text("key,y_true\nc,0\nb,0\na,0\n")
    (tmp_path / "losscli.toml").write_text(
        """
[input]
path = "preds.csv"
pred = "guess"
labels = "truth.csv"
on = "key"
delimiter = ";"
decimal = ","
where = "split == 'x'"
[loss]
name = "mae"
[[rule]]
max = 2
"""
    )
    done = run("gate", "-f", "json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rules"][0]["checks"][0]["cand"] == 2.0
    assert run("gate", "--where", "split == 'y'", cwd=tmp_path).returncode == 1
    assert run("gate", "--no-header", cwd=tmp_path).returncode == 3


def test_a_dry_run_shows_what_would_be_checked_and_finds_what_is_wrong(folder: Path) -> None:
    done = run("gate", "--dry-run", "bad.parquet", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    for words in ("bad.parquet", "label=y_true", "base.parquet", "correction holm", "level: mae at most 2"):
        assert words in done.stdout
    assert "regions: mae increase at most 2%, by region, test regression" in done.stdout
    assert run("gate", "--dry-run", "--rule", "max=1,by=none", cwd=folder).returncode == 3
    for wrong in (("--baseline", "none.parquet"), ("--baseline", "losscli.toml"), ("--cluster", "none")):
        done = run("gate", "--dry-run", *wrong, cwd=folder)
        assert (done.returncode, done.stdout) == (3, "")


def test_the_verdict_survives_a_closed_pipe(folder: Path) -> None:
    command = f"{sys.executable} -m losscli gate bad.parquet -f json | head -c 5 > /dev/null; exit ${{PIPESTATUS[0]}}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, cwd=folder, env=environment, check=False
    )
    assert done.returncode == 1
    assert "losscli: gate FAIL" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [("gate", "bad.parquet"), ("eval", "bad.parquet", "-l", "mae", "--fail-above=0")])
@pytest.mark.parametrize("full", [False, True])
def test_the_verdict_survives_messages_that_nobody_reads(arguments: tuple[str, ...], full: bool, folder: Path) -> None:
    if full and not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    reader, writer = os.pipe()
    os.close(reader)
    if full:
        os.close(writer)
        writer = os.open("/dev/full", os.O_WRONLY)
    done = subprocess.run(
        [sys.executable, "-m", "losscli", *arguments],
        stdout=subprocess.PIPE,
        stderr=writer,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    os.close(writer)
    assert done.returncode == 1
    assert done.stdout


def test_a_report_that_cannot_be_written_is_3_and_the_verdict_is_told(folder: Path, tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    done = run("gate", "bad.parquet", "-o", "junit=/dev/full", "-o", f"json={tmp_path / 'x.json'}", cwd=folder)
    assert (done.returncode, done.stdout) == (3, "")
    assert "losscli: gate FAIL" in done.stderr
    assert "/dev/full: cannot be written: no space left on device" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_many_reports_come_of_one_run(folder: Path, tmp_path: Path) -> None:
    kinds = ("json", "junit", "github", "openmetrics", "codequality", "metrics", "html", "md", "csv")
    outputs = [word for kind in kinds for word in ("-o", f"{kind}={tmp_path / kind}")]
    done = run("gate", "bad.parquet", "-q", *outputs, cwd=folder)
    assert (done.returncode, done.stdout) == (1, "FAIL\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kinds)
    assert all(path.stat().st_size for path in tmp_path.iterdir())


def test_github_actions_get_annotations_and_a_summary_and_standard_output_stays_clean(
    folder: Path, tmp_path: Path
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    github = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary), "FORCE_COLOR": "1"}
    done = run("gate", "bad.parquet", "-f", "json", cwd=folder, **github)
    assert done.returncode == 1
    assert json.loads(done.stdout)["verdict"] == "FAIL"
    commands = [line for line in done.stderr.splitlines() if line.startswith("::")]
    assert commands[0].startswith("::error file=losscli.toml,line=12,title=FAIL%3A regions::region=south: ")
    assert commands[-1] == "::error title=losscli gate::FAIL: of 3 checks 1 fails, 2 pass"
    assert summary.read_text().startswith("before\n## ❌ losscli gate: FAIL")
    # No summary is asked for, or it cannot be written.
    assert run("gate", cwd=folder, GITHUB_ACTIONS="true").returncode == 0
    lost = run("gate", "bad.parquet", cwd=folder, **{**github, "GITHUB_STEP_SUMMARY": str(tmp_path)})
    assert lost.returncode == 3
    assert "losscli: gate FAIL" in lost.stderr
    assert "::" not in run("gate", "bad.parquet", cwd=folder).stderr


def test_github_gets_every_annotation_once(folder: Path) -> None:
    done = run("gate", "bad.parquet", "-f", "github", cwd=folder, GITHUB_ACTIONS="true")
    assert "::error " in done.stdout
    assert "::" not in done.stderr


def test_ambiguous_columns_are_refused_in_ci(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("y_true,target,y_pred\n1,2,3\n2,3,4\n")
    command = ("gate", "rows.csv", "-l", "mae", "--rule", "max=9")
    assert run(*command, cwd=tmp_path).returncode == 0
    assert run(*command, cwd=tmp_path, CI="true").returncode == 3


@pytest.mark.parametrize(
    ("file", "options", "loss"),
    [
        ("diabetes.parquet", (), "huber"),
        ("wine.csv", (), "sparse_categorical_crossentropy"),
        ("digits.csv", (), "sparse_categorical_crossentropy"),
        ("breast_cancer.csv", ("--pos-label", "malignant"), "binary_crossentropy"),
        ("diabetes.parquet", ("-l", "mae"), "mae"),
    ],
)
def test_what_init_writes_passes_its_own_gate(file: str, options: tuple[str, ...], loss: str, tmp_path: Path) -> None:
    (tmp_path / "preds").mkdir()
    (tmp_path / "preds" / file).symlink_to(SAMPLES / file)
    done = run("init", "--from", f"preds/{file}", *options, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    found = read_configuration(str(tmp_path / "losscli.toml"))
    assert (found.losses[0].spec, found.inputs["id"], found.inputs["label"]) == (loss, "id", "y_true")
    dry = run("gate", "--dry-run", cwd=tmp_path)
    assert dry.returncode == 0, dry.stderr
    assert f"preds/{file}" in dry.stdout
    assert run("gate", cwd=tmp_path).returncode == 0


def test_init_never_overwrites_unless_it_is_told_to(tmp_path: Path) -> None:
    assert run("init", cwd=tmp_path).returncode == 0
    config = tmp_path / "losscli.toml"
    first = config.read_text()
    config.write_text("schema = 1\n")
    refused = run("init", cwd=tmp_path)
    assert refused.returncode == 2
    assert "losscli.toml is there already" in refused.stderr
    assert config.read_text() == "schema = 1\n"
    assert run("init", "--force", cwd=tmp_path).returncode == 0
    assert config.read_text() == first
    assert run("init", "-o", "-", cwd=tmp_path).stdout == first


def test_init_from_what_cannot_be_evaluated_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    assert run("init", "--from", "rows.csv", cwd=tmp_path).returncode == 3
    assert run("init", "--from", "none.csv", cwd=tmp_path).returncode == 3
    assert run("init", "-l", "hubber", cwd=tmp_path).returncode == 2
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def test_the_project_passes_its_own_gate() -> None:
    done = run("gate", "--config", "sample_data/losscli.toml", "-f", "json", cwd=ROOT)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["verdict"], len(document["rules"])) == ("PASS", 4)
