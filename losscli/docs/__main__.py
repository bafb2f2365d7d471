"""``python -m losscli.docs [--check]``, from the project's root."""

from __future__ import annotations

import sys
from pathlib import Path

from losscli.docs.index import index
from losscli.docs.man import pages
from losscli.docs.readme import renew


def main(arguments: list[str]) -> int:
    """Write every generated file, or with --check name those that are stale and return 1."""
    root = Path.cwd()
    readme = root / "README.md"
    if not readme.is_file():
        sys.stderr.write("losscli.docs: run it in the project's root, where README.md is\n")
        return 2
    wanted = {root / "man" / path: text for path, text in pages().items()}
    wanted[readme] = renew(readme.read_text(encoding="utf-8"))
    wanted[root / "losscli" / "catalogue" / "index.py"] = index()
    obsolete = [path for path in (root / "man").glob("man*/*") if path not in wanted]
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    if "--check" in arguments:
        for path in [*stale, *obsolete]:
            sys.stderr.write(f"stale: {path.relative_to(root)}\n")
        return 1 if stale or obsolete else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
        sys.stdout.write(f"wrote {path.relative_to(root)}\n")
    for path in obsolete:
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
