"""Write a commented losscli.toml to start from.

    losscli init [--from FILE] [-l SPEC] [-o losscli.toml] [--force]

With --from, the columns of these predictions are filled in, a loss that fits
them, and a limit a little above what they reach; the file is read once or twice.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

from losscli.cli import options as given
from losscli.cli.declared import Option
from losscli.errors import UsageError

ORDER = 90

STDOUT = "-"


@given.takes("source loss pos_label output force format debug")
def command(
    *,
    source: Annotated[
        str | None, Option("--from", metavar="FILE", help="Predictions whose columns are filled in.")
    ] = None,
    loss: Annotated[
        str | None,
        Option("-l", "--loss", metavar="SPEC", help="The loss of the rules; by default one that fits the predictions."),
    ] = None,
    pos_label: str | None,
    output: Annotated[
        str, Option("-o", "--output", metavar="FILE", help="Where to write; - is standard output.")
    ] = "losscli.toml",
    force: Annotated[bool, Option("--force", help="Replace the file if it is there.")] = False,
    format: str,
    debug: bool,
) -> int:
    """Write a commented losscli.toml to start from."""
    from losscli.cli.delivery import standard_output
    from losscli.gates.template import Findings, template
    from losscli.output import atomic_write

    if output != STDOUT and not force and os.path.lexists(output):
        raise UsageError(f"{output} is there already", "a new file", "--force, to replace it; or -o FILE")
    if source is not None:
        from dataclasses import replace

        from losscli.gates.detection import findings

        found = findings(source, loss, pos_label=pos_label, format=format)
        place = Path() if output == STDOUT else Path(output).parent
        found = replace(found, inputs={"path": _seen_from(place, source), **found.inputs})
    else:
        from losscli.expression import parse_expression

        # Only to refuse what is no loss.
        parse_expression(loss or "huber")
        found = Findings(loss=loss or "huber")
    text = template(found)
    if output == STDOUT:
        with standard_output():
            sys.stdout.write(text)
        return 0
    with atomic_write(output, inputs=[] if source is None else [source]) as stream:
        stream.write(text.encode())
    told = "losscli gate --dry-run" if output == "losscli.toml" else f"losscli gate --config {output} --dry-run"
    sys.stderr.write(f"losscli: wrote {output}; {told} shows what it checks\n")
    return 0


def _seen_from(folder: Path, path: str) -> str:
    """`path` relative to `folder`, where it is a path and not absolute."""
    if "://" in path or Path(path).is_absolute() or path == "-":
        return path
    return os.path.relpath(path, folder)
