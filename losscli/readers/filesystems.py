"""Connections to object storage, and its failures in words that help.

The schemes that Arrow knows, such as s3 and gs, are Arrow's own file systems;
every further one is fsspec's, where that is installed.  Credentials come from
the environment or the configuration files of the stores.  AWS_ENDPOINT_URL and
STORAGE_EMULATOR_HOST name other servers than Amazon's and Google's.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from losscli.errors import InputError, LosscliError, UsageError

# Arrow's own limit for Google's store is 15 minutes, in which nothing is printed.
RETRY_LIMIT = "retry_limit_seconds"
RETRY_SECONDS = 20

NO_BUCKET = "there is no such bucket"
NO_OBJECT = "there is no such object"
DENIED = "access is denied"
SILENT = "the storage does not answer"

# What stands in the messages of the stores, and what it means: the first that fits.
CAUSES = (
    (r"NO_SUCH_BUCKET|NoSuchBucket|bucket does not exist", NO_BUCKET),
    (
        r"ACCESS_DENIED|AccessDenied|INVALID_ACCESS_KEY_ID|SIGNATURE_DOES_NOT_MATCH|UNAUTHENTICATED|PERMISSION_DENIED"
        r"|Forbidden|Unauthorized|OAuth2|[Cc]redentials",
        DENIED,
    ),
    (r"NO_SUCH_KEY|NoSuchKey|RESOURCE_NOT_FOUND|NOT_FOUND|Path does not exist|FileNotFoundError", NO_OBJECT),
    (r"NETWORK_CONNECTION|curlCode|UNAVAILABLE|DEADLINE|[Cc]onnection", SILENT),
)
ADVICE = {
    NO_BUCKET: ("a bucket that exists", "AWS_ENDPOINT_URL=URL, if the storage is not Amazon's"),
    NO_OBJECT: ("an object that exists", None),
    DENIED: ("credentials that may read it", "AWS_PROFILE=NAME, or GOOGLE_APPLICATION_CREDENTIALS=FILE"),
    SILENT: ("a connection to the storage", "AWS_ENDPOINT_URL or STORAGE_EMULATOR_HOST, for a server of your own"),
}

# Their values are never printed, whatever a store writes into its messages.
SECRETS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def connected(uri: str) -> tuple[Any, str]:
    """The file system of a URI and the path in it.

    Raises UsageError for a scheme that nothing here reads, or whose package
    is not installed, and OSError when the storage does not answer.
    """
    from pyarrow.fs import FileSystem

    scheme = uri.partition("://")[0]
    found: tuple[Any, str]
    try:
        found = FileSystem.from_uri(_of_google(uri) if scheme in ("gs", "gcs") else uri)
    except pa.ArrowInvalid as error:
        if "Unrecognized filesystem" not in str(error):
            raise
        found = _through_fsspec(uri, scheme)
    return found


@contextmanager
def answering(name: str) -> Iterator[None]:
    """Turn what a storage raises inside into InputErrors about `name`, a URI without secrets."""
    try:
        yield
    except (LosscliError, MemoryError):
        raise
    except ImportError as error:
        raise UsageError(f"{name}: {error}", "the package that reads such URIs") from error
    except Exception as error:  # fsspec lets through what the libraries below it raise
        raise refusal(name, error) from error


def refusal(name: str, error: BaseException) -> InputError:
    """The InputError for what a storage said about `name`."""
    text = f"{type(error).__name__}: {error}"
    for pattern, cause in CAUSES:
        if re.search(pattern, text):
            return refused(name, cause)
    return InputError(f"{name}: cannot be read: {_without_secrets(str(error) or type(error).__name__)}")


def refused(name: str, cause: str) -> InputError:
    """The InputError for one of the known causes."""
    return InputError(f"{name}: {cause}", *ADVICE[cause])


def is_answer(error: BaseException) -> bool:
    """Whether an error of Arrow is what a storage answered, not what a reader found in the data."""
    return re.search("AWS Error|google::cloud::Status|curlCode", str(error)) is not None


def has_bucket(storage: Any, path: str) -> bool:
    """Whether the bucket of a path is there; True for storage without buckets."""
    if storage.type_name not in ("s3", "gcs"):
        return True
    found = storage.get_file_info(path.lstrip("/").partition("/")[0])
    return bool(found.type.name != "NotFound")


def _of_google(uri: str) -> str:
    """The URI with the limit for retries, and with the emulator's address."""
    plain, _, query = uri.partition("?")
    options = [query] if query else []
    if RETRY_LIMIT not in query:
        options.append(f"{RETRY_LIMIT}={RETRY_SECONDS}")
    emulator = os.environ.get("STORAGE_EMULATOR_HOST")
    if emulator and not query:
        scheme, _, host = emulator.rstrip("/").rpartition("://")
        options += [f"scheme={scheme or 'http'}", f"endpoint_override={host}"]
        plain = plain.replace("://", "://anonymous@", 1)
    return plain + "?" + "&".join(options)


def _through_fsspec(uri: str, scheme: str) -> tuple[Any, str]:
    from pyarrow.fs import FSSpecHandler, PyFileSystem

    try:
        import fsspec
    except ImportError:
        raise UsageError(
            f"URIs with {scheme}:// need fsspec", "a path, s3://, gs://, or fsspec", "pip install 'losscli[fsspec]'"
        ) from None
    if scheme not in fsspec.available_protocols():
        raise UsageError(f"no storage has URIs with {scheme}://", "a path, s3://, gs://, or a scheme of fsspec")
    storage, root = fsspec.url_to_fs(uri)
    return PyFileSystem(FSSpecHandler(storage)), str(root)


def _without_secrets(text: str) -> str:
    line = text.splitlines()[0].rstrip(". ")
    for name in SECRETS:
        secret = os.environ.get(name)
        line = line.replace(secret, "…") if secret else line
    return re.sub(r"//[^/\s]*@", "//", line)
