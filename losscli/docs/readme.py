"""The generated tables of README.md, between marker comments."""

from __future__ import annotations

import re
from itertools import groupby

from losscli.cli import command_names, summary_of
from losscli.describe import FRAMEWORKS
from losscli.docs.man import EXIT_MEANINGS
from losscli.registry import builtin_losses

_BLOCK = re.compile(r"(<!-- generated: (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def renew(text: str) -> str:
    """README text with every generated block written anew; KeyError for an unknown block."""
    return _BLOCK.sub(lambda found: found.group(1) + _BLOCKS[found.group("name")]() + found.group(3), text)


def _commands() -> str:
    lines = ["| command | what it does |", "| --- | --- |"]
    lines += [f"| `losscli {name}` | {summary_of(name)} |" for name in command_names()]
    return "\n".join(lines) + "\n"


def _exit_codes() -> str:
    lines = ["| code | meaning |", "| --- | --- |"]
    lines += [f"| {int(code)} | {meaning} |" for code, meaning in EXIT_MEANINGS.items()]
    return "\n".join(lines) + "\n"


def _losses() -> str:
    lines = ["| family | losses |", "| --- | --- |"]
    for family, members in groupby(builtin_losses(), key=lambda loss: loss.family):
        lines.append(f"| {family} | {', '.join(f'`{loss.name}`' for loss in members)} |")
    return "\n".join(lines) + "\n"


def _names_elsewhere() -> str:
    lines = ["| loss | " + " | ".join(FRAMEWORKS.values()) + " |", "| --- " * (len(FRAMEWORKS) + 1) + "|"]
    for loss in builtin_losses():
        if not loss.known_as:
            continue
        cells = [loss.known_as.get(framework, "").replace("|", "\\|") for framework in FRAMEWORKS]
        lines.append(f"| `{loss.name}` | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


_BLOCKS = {
    "commands": _commands,
    "exit-codes": _exit_codes,
    "losses": _losses,
    "names-elsewhere": _names_elsewhere,
}
