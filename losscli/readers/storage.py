"""Files wherever they are: on this machine, or in object storage under a URI such as s3://bucket/key.

Credentials, regions and endpoints are found as pyarrow's file systems find
them: in the environment, the usual configuration files, or the URI's query.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from typing import Any

import pyarrow as pa

from losscli.errors import InputError
from losscli.readers.filesystems import NO_BUCKET, answering, connected, has_bucket, refused

_URI = r"[A-Za-z][A-Za-z0-9+.-]+://"


def is_uri(path: str) -> bool:
    """Whether `path` stands for something in object storage; ``C://`` is a drive."""
    return "://" in path and re.match(_URI, path) is not None


def without_secrets(path: str) -> str:
    """A path as it may stand in messages and results: a URI without its query and the keys before its bucket."""
    return re.sub(r"//[^/]*@", "//", path.partition("?")[0]) if is_uri(path) else path


def opened(path: str) -> pa.NativeFile:
    """The bytes of a local file or of an object, for reading at any position; OSError when it cannot be opened."""
    if not is_uri(path):
        return pa.OSFile(path)
    storage, key, _ = _located(path)
    return storage.open_input_file(key)


def size_of(path: str) -> int:
    """The stored bytes of a local file or of an object."""
    if not is_uri(path):
        return os.path.getsize(path)
    storage, key, _ = _located(path)
    return int(storage.get_file_info(key).size)


def objects_below(uri: str) -> dict[str, int] | None:
    """The URIs of all objects below a folder with their bytes, in the order of their names.

    An object is the only one below itself; None when nothing is there.  Raises
    InputError when the storage does not answer or refuses.
    """
    from pyarrow.fs import FileSelector, FileType

    with answering(without_secrets(uri)):
        storage, key, rest = _located(uri)
        found = storage.get_file_info(key)
        if found.type == FileType.File:
            return {uri: found.size}
        if found.type != FileType.Directory:
            if not has_bucket(storage, key):
                raise refused(without_secrets(uri), NO_BUCKET)
            return None
        below = storage.get_file_info(FileSelector(key, recursive=True))
    start = uri.removesuffix(rest).rstrip("/")
    files = {one.path.removeprefix(key).lstrip("/"): one.size for one in below if one.type == FileType.File}
    return {f"{start}/{name}{rest}": files[name] for name in sorted(files, key=lambda name: name.split("/"))}


@lru_cache(maxsize=256)
def _located(uri: str) -> tuple[Any, str, str]:
    """The file system of a URI, the key in it, and the URI's query with its question mark."""
    plain, mark, query = uri.partition("?")
    scheme_and_bucket = "/".join(plain.split("/", 3)[:3])
    storage, root = _file_system(f"{scheme_and_bucket}/{mark}{query}")
    key = plain.removeprefix(scheme_and_bucket).strip("/")
    return storage, f"{root.rstrip('/')}/{key}", mark + query


@lru_cache(maxsize=16)
def _file_system(uri: str) -> tuple[Any, str]:
    """One connection for all objects of a bucket."""
    try:
        return connected(uri)
    except pa.ArrowInvalid as error:
        raise InputError(
            f"{without_secrets(uri)}: no storage that can be read", "a path, or a URI of s3, gs or abfs"
        ) from error
