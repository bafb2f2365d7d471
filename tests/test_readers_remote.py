"""Files behind URIs: S3 through a server of this test, other storage through fsspec in memory."""

from __future__ import annotations

import bz2
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import losscli
from losscli.errors import InputError, NothingToEvaluate, UsageError
from losscli.readers import open_sources, storage
from losscli.readers.filesystems import refusal

ROWS = 20_000
SECRET = "not-to-be-shown"


@pytest.fixture(scope="module")
def table() -> pa.Table:
    rng = np.random.default_rng(20_260_801)
    return pa.table({"unread": rng.normal(size=ROWS), "y_true": rng.normal(size=ROWS), "y_pred": rng.normal(size=ROWS)})


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory, table: pa.Table) -> Path:
    """The table as files in every format and as a partitioned folder."""
    folder = tmp_path_factory.mktemp("local")
    rows = table.to_pylist()
    text = "\n".join([",".join(table.schema.names), *(",".join(map(repr, row.values())) for row in rows)]) + "\n"
    (folder / "t.csv").write_text(text)
    (folder / "t.csv.bz2").write_bytes(bz2.compress(text.encode()))
    (folder / "t.ndjson").write_text("\n".join(map(json.dumps, rows)))
    pq.write_table(table, folder / "t.parquet", row_group_size=6_000)
    with pa.ipc.new_file(str(folder / "t.arrow"), table.schema) as writer:
        writer.write_table(table, max_chunksize=7_000)
    for day in (1, 2):
        part = folder / "parts" / f"day={day}" / "a.parquet"
        part.parent.mkdir(parents=True)
        pq.write_table(table.slice((day - 1) * 5_000, 5_000), part)
    (folder / "parts" / "_SUCCESS").write_text("")
    (folder / "parts" / "notes.txt").write_text("no data")
    return folder


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Credentials of nobody, and connections that are not kept for the next test."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    storage._located.cache_clear()
    storage._file_system.cache_clear()
    yield monkeypatch
    storage._located.cache_clear()
    storage._file_system.cache_clear()


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The address of an S3 server on this machine."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(environment: pytest.MonkeyPatch, endpoint: str, local: Path) -> str:
    """The URI of a bucket that holds the local files."""
    from pyarrow import fs

    environment.setenv("AWS_ENDPOINT_URL", endpoint)
    target = fs.S3FileSystem(endpoint_override=endpoint, allow_bucket_creation=True)
    target.create_dir("bucket")
    for path in local.rglob("*"):
        if path.is_file():
            key = f"bucket/{path.relative_to(local).as_posix()}"
            # Arrow would compress what is called .bz2 once more.
            with target.open_output_stream(key, compression=None) as stream:
                stream.write(path.read_bytes())
    return "s3://bucket"


def results(data: Any, **request: Any) -> Any:
    return losscli.evaluate(data, ["mae", "rmse"], **request).to_dict()["results"]


@pytest.mark.parametrize("name", ["t.csv", "t.csv.bz2", "t.ndjson", "t.parquet", "t.arrow"])
def test_objects_of_every_format_give_what_files_give(name: str, bucket: str, local: Path) -> None:
    assert results(f"{bucket}/{name}") == results(local / name)
    (described,) = losscli.evaluate(f"{bucket}/{name}", "mae").to_dict()["inputs"]
    assert described["path"] == f"s3://bucket/{name}"
    assert described["bytes"] == (local / name).stat().st_size


@pytest.mark.parametrize(
    "pattern",
    ["parts", "parts/", "parts/day=*", "parts/**/*.parquet", "parts/day=*/**/a.parquet", "**/day=*/a.parquet"],
)
def test_folders_and_patterns_are_partitioned_tables(pattern: str, bucket: str, local: Path) -> None:
    assert results(f"{bucket}/{pattern}", by="day") == results(local / "parts", by="day")


def test_only_the_columns_asked_for_are_fetched(bucket: str, local: Path, endpoint: str) -> None:
    fetched = []

    class Proxy(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.forward()

        def do_GET(self) -> None:
            self.forward()

        def forward(self) -> None:
            import http.client

            connection = http.client.HTTPConnection(endpoint.removeprefix("http://"))
            connection.request(self.command, self.path, headers=dict(self.headers))
            answer = connection.getresponse()
            body = answer.read()
            fetched.append(len(body))
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "connection", "date", "server"):
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    with pytest.MonkeyPatch.context() as patch, served(Proxy) as address:
        patch.setenv("AWS_ENDPOINT_URL", address)
        storage._located.cache_clear()
        storage._file_system.cache_clear()
        assert results(f"{bucket}/t.parquet") == results(local / "t.parquet")
    size = (local / "t.parquet").stat().st_size
    # Two of three columns, and the end of the file for each of the few times that it is opened.
    assert 2 / 3 * size < sum(fetched) < size


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "s3://nobody-has-this/t.csv",
            r"s3://nobody-has-this/t\.csv: there is no such bucket\nexpected: a bucket",
        ),
        ("s3://bucket/t.cvs", r"no such object: s3://bucket/t\.cvs"),
        ("s3://nobody-has-this/*.csv", "there is no such bucket"),
    ],
)
def test_what_is_not_there_is_named(path: str, message: str, bucket: str) -> None:
    with pytest.raises(InputError, match=message):
        open_sources([path])


def test_patterns_without_a_match_are_nothing_to_evaluate(bucket: str) -> None:
    with pytest.raises(NothingToEvaluate, match="no object with data"):
        open_sources([f"{bucket}/*.tsv"])


class served:  # noqa: N801  # used as a function
    """A server on this machine for the time of a ``with`` block."""

    def __init__(self, handler: type[http.server.BaseHTTPRequestHandler]) -> None:
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self) -> str:
        self.thread.start()
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Denying(http.server.BaseHTTPRequestHandler):
    """Answers every request with 403."""

    def do_HEAD(self) -> None:
        self.send_response(403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD  # noqa: N815

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


@pytest.mark.parametrize("path", ["s3://bucket/t.csv", "s3://bucket/*.csv", "gs://bucket/t.csv"])
def test_denied_access_is_told_without_credentials(path: str, environment: pytest.MonkeyPatch) -> None:
    with served(Denying) as address:
        environment.setenv("AWS_ENDPOINT_URL", address)
        environment.setenv("STORAGE_EMULATOR_HOST", address)
        with pytest.raises(InputError, match=f"{path[:5]}bucket.*: access is denied\nexpected: credentials") as caught:
            open_sources([path])
    assert SECRET not in str(caught.value)


def test_silence_is_told(environment: pytest.MonkeyPatch) -> None:
    with served(Denying) as address:
        pass
    environment.setenv("AWS_ENDPOINT_URL", address)
    with pytest.raises(InputError, match=r"s3://bucket/t\.csv: the storage does not answer"):
        open_sources(["s3://bucket/t.csv"])


def test_secrets_are_never_part_of_a_message(environment: pytest.MonkeyPatch) -> None:
    error = OSError(f"AWS Error UNKNOWN for {SECRET} at https://user:password@host/path. \nmore")
    assert (
        str(refusal("s3://b/k", error))
        == "losscli: s3://b/k: cannot be read: AWS Error UNKNOWN for … at https://host/path"
    )


@pytest.fixture
def in_memory(local: Path) -> Iterator[str]:
    fsspec = pytest.importorskip("fsspec")
    files = fsspec.filesystem("memory")
    for path in local.rglob("*"):
        if path.is_file():
            files.pipe(f"/bucket/{path.relative_to(local).as_posix()}", path.read_bytes())
    yield "memory://bucket"
    files.rm("/bucket", recursive=True)


@pytest.mark.parametrize("name", ["t.csv", "t.csv.bz2", "t.ndjson", "t.parquet", "t.arrow", "parts", "parts/day=*"])
def test_other_schemes_are_read_through_fsspec(name: str, in_memory: str, local: Path) -> None:
    expected = local / name if "parts" not in name else local / "parts"
    assert results(f"{in_memory}/{name}") == results(expected)


def test_missing_file_of_other_schemes_is_named(in_memory: str) -> None:
    with pytest.raises(InputError, match="no such object: memory://bucket/nothing"):
        open_sources([f"{in_memory}/nothing"])


def test_scheme_without_fsspec_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "fsspec", None)
    with pytest.raises(UsageError, match=r"other:// need fsspec\n.*\ntry: pip install 'losscli\[fsspec\]'"):
        open_sources(["other://host/x.csv"])


def test_scheme_that_nobody_knows_is_refused() -> None:
    pytest.importorskip("fsspec")
    with pytest.raises(UsageError, match="no storage has URIs with other://"):
        open_sources(["other://host/x.csv"])
