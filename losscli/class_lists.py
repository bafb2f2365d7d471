"""Files that list the classes of predictions, ``--classes @FILE``."""

from __future__ import annotations

from losscli.errors import InputError

EXPECTED = "a UTF-8 file with one class on each line"


def listed_classes(path: str) -> tuple[str, ...]:
    """The classes of a file with one on each line; raises InputError."""
    from pathlib import Path

    try:
        # Some editors put a byte order mark in front, which is no part of the first class.
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}", EXPECTED) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8: byte 0x{error.object[error.start]:02x}", EXPECTED) from error
    return tuple(line.strip() for line in text.splitlines() if line.strip())
