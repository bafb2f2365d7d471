"""What each command may import: start-up time is a feature."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Modules that cost more than a few milliseconds, and what may load them.
HEAVY = (
    "numpy", "pyarrow", "pandas", "rich", "scipy", "pyarrow.dataset", "pyarrow.compute", "pyarrow.parquet", "dask",
    "matplotlib", "ssl", "multiprocessing.connection", "numpy.ma", "numpy.random",
)  # fmt: skip

SCRIPT = """
import sys
sys.argv = ["losscli", *sys.argv[1:]]
from losscli.__main__ import run
code = run(sys.argv[1:])
sys.stdout.flush()
sys.stderr.write("imported:" + ",".join(sorted(sys.modules)))
sys.exit(code)
"""


def imported_by(*arguments: str) -> set[str]:
    """The heavy modules that are loaded at the end of a command."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
        cwd=ROOT,
    )
    modules = done.stderr.rpartition("imported:")[2].split(",")
    return set(HEAVY) & set(modules)


@pytest.mark.parametrize(
    ("arguments", "allowed"),
    [
        (("--version",), set()),
        (("--help",), set()),
        ((), set()),
        (("eval", "--help"), {"numpy"}),
        (("losses",), {"numpy"}),
        (("losses", "huber"), {"numpy"}),
        (("inspect", "sample_data/wine.csv"), {"numpy", "pyarrow"}),
        (("inspect", "sample_data/diabetes.parquet", "-l", "mae", "--flags"), {"numpy", "pyarrow"}),
        (("eval", "sample_data/wine.csv", "-l", "zero_one", "-q"), {"numpy", "pyarrow"}),
        (("eval", "sample_data/wine.csv", "-l", "zero_one", "-f", "json"), {"numpy", "pyarrow"}),
        (("eval", "sample_data/diabetes.parquet", "-l", "mae", "--by", "sex"), {"numpy", "pyarrow"}),
        (("merge", "tests/golden/state-1.state"), {"numpy", "pyarrow"}),
        (
            ("compare", "sample_data/diabetes_baseline.parquet", "sample_data/diabetes.parquet", "-l", "mae"),
            {"numpy", "pyarrow", "pyarrow.compute"},
        ),
        (("eval", "sample_data/diabetes.parquet", "-l", "mae", "--by", "y_true:q3"), {"numpy", "pyarrow"}),
        (("worst", "--help"), {"numpy"}),
        (("worst", "sample_data/wine.csv", "-l", "zero_one", "-n", "3"), {"numpy", "pyarrow"}),
        (("worst", "sample_data/diabetes.parquet", "-l", "mae", "-f", "json"), {"numpy", "pyarrow"}),
        (("slices", "sample_data/wine.csv", "-l", "zero_one"), {"numpy", "pyarrow"}),
        (("slices", "sample_data/diabetes.parquet", "-l", "mae", "-f", "json"), {"numpy", "pyarrow"}),
        (("gate", "sample_data/wine.csv", "-l", "cce", "--rule", "max=1", "-q"), {"numpy", "pyarrow"}),
        (("gate", "--config", "sample_data/losscli.toml", "-q"), {"numpy", "pyarrow", "pyarrow.compute"}),
        (("init", "--from", "sample_data/wine.csv", "-o", "-"), {"numpy", "pyarrow"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_command_imports_only_what_it_needs(arguments: tuple[str, ...], allowed: set[str]) -> None:
    assert imported_by(*arguments) <= allowed


def test_importing_the_package_loads_nothing_heavy() -> None:
    script = "import sys, losscli; print(','.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not set(HEAVY) & set(done.stdout.strip().split(","))


def test_data_classes_are_declared_without_compiling() -> None:
    package = ROOT / "losscli"
    others = [
        str(path.relative_to(ROOT))
        for path in package.rglob("*.py")
        if path.name != "records.py" and re.search(r"^from dataclasses import .*\bdataclass\b", path.read_text(), re.M)
    ]
    assert others == []
