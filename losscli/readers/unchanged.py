"""Whether files stay as they are while they are read: numbers of half of one file and half of another are none."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from losscli.errors import InputError

if TYPE_CHECKING:
    from losscli.readers.streams import Place


class Version(NamedTuple):
    """What changes when a local file is written, cut off or replaced."""

    device: int
    file: int
    size: int
    modified: int


def version_of(path: str) -> Version:
    """The version of a local file; raises OSError when it is not there."""
    found = os.stat(path)
    return Version(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def refuse_changes(places: Iterable[Place]) -> None:
    """Raise an InputError for the first local file that is another one than when it was found."""
    for place in places:
        if place.version is None:
            continue
        try:
            now = version_of(place.path)
        except OSError as error:
            raise InputError(f"{place}: it vanished while it was read", "a file that stays until the end") from error
        if now != place.version:
            before, after = place.version.size, now.size
            how = f", from {before:,} to {after:,} bytes" if before != after else ""
            raise InputError(
                f"{place}: changed while it was read{how}",
                "a file that stays as it is until the end",
                "again, once it is written; or a copy of it",
            )
