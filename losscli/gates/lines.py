"""Where a key stands in a TOML file: tomllib does not tell."""

from __future__ import annotations

import re

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([\w-]+))\s*[=.]""")


def line_of(text: str, section: str, position: int = 0, key: str | None = None) -> int | None:
    """The 1-based line of a key, or of the header of its table, in a TOML text that is valid.

    `position` counts tables of one name, ``[[rule]]``, from 0.  None where the
    key is written in a way that is not looked for, such as in an inline table.
    """
    current, seen, header = "", -1, None
    for number, line in enumerate(text.splitlines(), start=1):
        found = _HEADER.fullmatch(line)
        if found:
            current = found[2].strip().strip("\"'")
            if current == section:
                seen += 1
            if current == section and seen == position:
                header = number
                if key is None:
                    return number
            continue
        named = _KEY.match(line)
        if named is None:
            continue
        name = next(group for group in named.groups() if group is not None)
        if key is None:
            # A table may also be written as a key of the file: input.label = "y", or input = {…}.
            if not current and name == section:
                return number
        elif name == key and ((current == section and seen == position) or (not current and not section)):
            return number
    return header
