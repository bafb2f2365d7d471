"""Imports point down only."""

from __future__ import annotations

import ast
from pathlib import Path

import losscli

PACKAGE = Path(losscli.__file__).parent

# Floor of every module of the package; a package's modules share its floor unless they are named.
FLOORS = {
    "errors": 0,
    "records": 0,
    "arguments": 0,
    "class_lists": 1,
    "distinct": 1,
    "domains": 1,
    "faults": 1,
    "roles": 2,
    "arrays": 3,
    "summary": 3,
    "declaration": 4,
    "reduction": 5,
    "catalogue": 5,
    "registry": 6,
    "validation": 6,
    "calling": 7,
    "expression": 7,
    "readers": 7,
    "bins": 4,
    "columns": 8,
    "engines": 8,
    "measures": 8,
    "checks": 9,
    "where": 9,
    "joining": 9,
    "work": 9,
    "estimand": 8,
    "resampling": 10,
    "report": 9,
    "describe": 10,
    "assembly": 10,
    "renderers": 10,
    "output": 11,
    "outcome": 11,
    "plotting": 11,
    "rows": 11,
    "job": 12,
    "bin_edges": 10,
    "state": 12,
    "scouting": 12,
    "preparation": 13,
    "evaluation": 14,
    "inspection": 14,
    "ranking": 14,
    "comparison": 15,
    "testing": 12,
    "gates": 16,
    "slicing": 16,
    "reports": 17,
    "cli": 18,
    "simulations": 17,
    "benchmarks": 15,
    "docs": 19,
    "__main__": 20,
}


def floor_of(module: str) -> int:
    """The floor of ``losscli.a.b``."""
    parts = module.split(".")
    return FLOORS[parts[1]] if len(parts) > 1 else -1


def imports_of(path: Path, *, also_inside_functions: bool) -> list[str]:
    """The losscli modules that a file imports for use at run time."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    nodes = ast.walk(tree) if also_inside_functions else iter(tree.body)
    found = []
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("losscli."):
            found.append(node.module)
        elif isinstance(node, ast.Import):
            found += [name.name for name in node.names if name.name.startswith("losscli.")]
    return found


def test_every_module_has_a_floor() -> None:
    names = {path.stem if path.is_file() else path.name for path in PACKAGE.iterdir() if not path.name.startswith("__")}
    assert names - {"py"} == set(FLOORS) - {"__main__"}


def test_imports_point_down() -> None:
    upward = []
    for path in PACKAGE.rglob("*.py"):
        module = ".".join(["losscli", *path.relative_to(PACKAGE).with_suffix("").parts])
        if module == "losscli.__init__":
            continue
        for imported in imports_of(path, also_inside_functions=False):
            same_package = imported.split(".")[1] == module.split(".")[1]
            if not same_package and floor_of(imported) >= floor_of(module):
                upward.append(f"{module} imports {imported}")
    assert upward == []


def test_heavy_libraries_are_imported_inside_functions_only() -> None:
    heavy = {"pandas", "matplotlib", "dask", "distributed", "scipy", "sklearn", "pyarrow.dataset"}
    found = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = []
            if isinstance(node, ast.Import):
                names = [name.name for name in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            found += [f"{path.name}: {name}" for name in names if name in heavy or name.split(".")[0] in heavy]
    assert found == []


def test_files_are_short_and_named_for_what_is_in_them() -> None:
    long = [path.name for path in PACKAGE.rglob("*.py") if len(path.read_text(encoding="utf-8").splitlines()) > 500]
    vague = [
        path.name
        for path in PACKAGE.rglob("*.py")
        if path.stem in ("utils", "util", "helpers", "common", "misc", "base")
    ]
    assert (long, vague) == ([], [])
