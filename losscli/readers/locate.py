"""From what stands on the command line to opened sources."""

from __future__ import annotations

import importlib
import importlib.util
import os
import pkgutil
import re
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from typing import IO, Any

from losscli.errors import InputError, NothingToEvaluate, UsageError, nearest
from losscli.readers.source import Format, Source
from losscli.readers.storage import is_uri, objects_below, without_secrets
from losscli.readers.streams import COMPRESSED_SUFFIXES, Place, first_sentence, head_of, is_compressed
from losscli.readers.text_options import PLAIN, TextOptions
from losscli.readers.unchanged import version_of

# Enough for the header of a text file and the magic bytes of any format.
HEAD_BYTES = 1 << 12

_PACKAGE = "losscli.readers"

# Spooled input lives as long as the process.
_spools: list[Any] = []
_read_to_end: list[Any] = []


def open_sources(paths: Sequence[str], format: str = "auto", options: TextOptions = PLAIN) -> list[Source]:
    """Open files, globs, directories of parts and ``-`` for standard input.

    The parts of a directory and the matches of a glob come in the order of
    their names; empty parts among others are passed over.  `format` is the
    name of a format, or "auto" for magic bytes and suffix; `options` say how
    delimited text is written, which no other file may be.  Raises InputError
    for a path that does not exist or cannot be read, and NothingToEvaluate
    when there is no data.
    """
    if format != "auto" and format_named(format) is None:
        near = nearest(format, formats())
        raise UsageError(
            f'there is no format "{format}"', ", ".join(["auto", *sorted(formats())]), near and f"--format {near}"
        )
    sources: list[Source] = []
    for path in paths:
        for place in _places(path, format):
            try:
                sources.append(_open(len(sources), place, format, options))
            except OSError as error:
                # Between being found and being opened it went away.
                raise InputError(f"{place}: cannot be read: {first_sentence(error)}") from error
    return sources


@cache
def formats() -> dict[str, Format]:
    """The formats by name: those of every module of this package that defines `FORMATS`."""
    package = importlib.import_module(_PACKAGE)
    modules = pkgutil.iter_modules(package.__path__)
    return {one.name: one for module in modules for one in _formats_of(module.name)}


def format_named(name: str) -> Format | None:
    """The format called `name`, None if there is none; mostly it is all that its module of the same name has."""
    if name.isidentifier() and importlib.util.find_spec(f"{_PACKAGE}.{name}") is not None:
        for one in _formats_of(name):
            if one.name == name:
                return one
    return formats().get(name)


def _formats_of(module: str) -> Sequence[Format]:
    found: Sequence[Format] = getattr(importlib.import_module(f"{_PACKAGE}.{module}"), "FORMATS", ())
    return found


def _open(index: int, place: Place, format: str, options: TextOptions) -> Source:
    if place.size == 0:
        raise NothingToEvaluate(f"{place}: the file is empty", "a header and rows")
    found = (format_named(format) if format != "auto" else None) or _format_of(place)
    if not options.given:
        return _with_partitions(found.open(index, place))
    if found.open_text is None:
        raise UsageError(
            f"{', '.join(options.given)}: {place} is {found.name}, not delimited text",
            "CSV or TSV files",
            "--format csv, if it is one",
        )
    return _with_partitions(found.open_text(index, place, options))


def _format_of(place: Place) -> Format:
    """Binary magic wins over the suffix, and the suffix over the look of the text."""
    head = head_of(place, HEAD_BYTES)
    named = format_named(_stored_name(place.name).rpartition(".")[2])
    if named is not None and named.recognise(head) and not (named.text and b"\0" in head):
        # No other format need be loaded: text without such a byte has no magic.
        return _whole(named, place)
    known = formats().values()
    for one in known:
        if not one.text and one.recognise(head):
            return _whole(one, place)
    by_suffix = _by_suffix(place.name)
    if by_suffix:
        return by_suffix
    for one in known:
        if one.text and one.recognise(head):
            return one
    raise InputError(f"{place}: the format is not known", "one of " + ", ".join(sorted(formats())), "--format NAME")


def _whole(found: Format, place: Place) -> Format:
    """`found`, unless it is binary and the file is compressed as a whole."""
    if not found.text and is_compressed(place):
        raise InputError(f"{place}: a {found.name} file, compressed as a whole", fix="decompress it first")
    return found


def _by_suffix(path: str) -> Format | None:
    name = _stored_name(path)
    return next((one for one in formats().values() if name.endswith(one.suffixes)), None)


def _stored_name(path: str) -> str:
    """The name of a file in lower case, without the suffix of its compression."""
    name = path.lower()
    for suffix in COMPRESSED_SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def _places(path: str, format: str) -> list[Place]:
    """The files that `path` stands for."""
    if not path:
        raise UsageError("the name of a file is empty", "a file, a folder or a pattern")
    try:
        if is_uri(path):
            from losscli.readers.filesystems import answering

            with answering(without_secrets(path)):
                return _objects(path, format)
        if path == "-":
            return [Place(path, _spooled(_standard_input()), spooled=True)]
        if os.path.isdir(path):
            return [_file(part) for part in _parts(path, format)]
        if os.path.exists(path):
            if os.path.isfile(path):
                return [_file(path)]
            with open(path, "rb") as pipe:
                return [Place(path, _spooled(pipe), spooled=True)]
        from glob import has_magic

        if has_magic(path):
            return [_file(match) for match in _matches(path, format)]
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {first_sentence(error)}") from error
    folder, name = os.path.split(path.rstrip("/"))
    near = nearest(name, os.listdir(folder or ".")) if os.path.isdir(folder or ".") else None
    raise InputError(f"no such file: {path}", "a file, a folder or a pattern", near and os.path.join(folder, near))


def _objects(uri: str, format: str) -> list[Place]:
    """The objects that a URI stands for: one, all below a folder, or the matches of ``*`` and ``**``."""
    plain, mark, query = uri.partition("?")
    folder = plain.partition("*")[0].rpartition("/")[0] if "*" in plain else plain
    sizes = objects_below(folder + mark + query)
    if sizes is None:
        raise InputError(f"no such object: {without_secrets(uri)}", "an object, a folder of objects or a pattern")
    if list(sizes) != [uri]:
        parts = re.split(r"(\*\*/|\*\*|\*)", plain.rstrip("/"))
        wanted = re.compile("".join(_WILDCARDS.get(part, re.escape(part)) for part in parts) + "(/.*)?")
        for one in list(sizes):
            name = one.partition("?")[0]
            hidden = any(part.startswith((".", "_")) for part in name.removeprefix(folder).split("/"))
            found = wanted.fullmatch(name)
            # Of folders only the files that look like data count.
            if hidden or not found or (found[1] and format == "auto" and not _by_suffix(name)):
                del sizes[one]
    with_data = [one for one, size in sizes.items() if size]
    if not with_data:
        raise NothingToEvaluate(
            f"{without_secrets(uri)}: no object with data", "files with suffixes such as .parquet or .csv"
        )
    names = map(without_secrets, with_data)
    return [Place(name, one, partitions=_partitions(name)) for name, one in zip(names, with_data, strict=True)]


_WILDCARDS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"}


def _file(path: str) -> Place:
    # Another process may have another working directory.
    return Place(path, os.path.join(os.getcwd(), path), partitions=_partitions(path), version=version_of(path))


def _partitions(name: str) -> tuple[tuple[str, str | None], ...]:
    """The columns and values in the names of a file's folders; most have none, and what reads them is not loaded."""
    if "=" not in name:
        return ()
    from losscli.readers.partitions import partitions_of

    return partitions_of(name)


def _with_partitions(source: Source) -> Source:
    if not source.place.partitions:
        return source
    from losscli.readers.partitions import with_partitions

    return with_partitions(source)


def _parts(folder: str, format: str) -> list[str]:
    """The data files below a folder; hidden files and markers such as _SUCCESS are none."""
    parts = [part for part in _walk(folder) if format != "auto" or _by_suffix(part)]
    return _not_empty(parts, f"{folder}: the directory holds no data", "files with suffixes such as .parquet or .csv")


def _walk(folder: str) -> Iterator[str]:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.startswith((".", "_")):
            continue
        if entry.is_dir():
            yield from _walk(entry.path)
        else:
            yield entry.path


def _matches(pattern: str, format: str) -> list[str]:
    found: list[str] = []
    # Path.glob takes no absolute pattern.
    from glob import glob

    for match in sorted(glob(pattern, recursive=True)):
        if not os.path.isdir(match):
            found.append(match)
        elif "**" not in pattern:
            found.extend(_parts(match, format))
    return _not_empty(found, f"no file matches {pattern}", "at least one file")


def _not_empty(files: list[str], problem: str, expected: str) -> list[str]:
    with_data = [file for file in files if os.path.getsize(file)]
    if not with_data:
        raise NothingToEvaluate(problem if not files else f"{files[0]}: the file is empty", expected)
    return with_data


def _standard_input() -> IO[bytes]:
    """Standard input, which somebody may have asked for before: then nothing is left of it."""
    if any(one is sys.stdin for one in _read_to_end):
        raise UsageError("standard input is asked for twice", "- once: what was read from it is gone")
    _read_to_end.append(sys.stdin)
    return sys.stdin.buffer


def _spooled(pipe: IO[bytes]) -> str:
    """The path of a temporary file with everything that comes through the pipe.

    Errors name the line of a bad row and statistics may need a second pass, and
    a pipe gives neither.
    """
    from shutil import copyfileobj

    from losscli.readers.scratch import scratch_file

    spool, path = scratch_file()
    _spools.append(spool)
    copyfileobj(pipe, spool, 1 << 20)
    spool.flush()
    return path
