"""Objects are read like files; pyarrow's file system for file:// stands for those of object storage."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

import losscli
from losscli.errors import InputError, NothingToEvaluate, UsageError
from losscli.readers import open_sources
from losscli.readers.storage import is_uri, without_secrets

pytestmark = pytest.mark.skipif("sys.platform == 'win32'", reason="a drive letter in file:// URIs")


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    """Parts of two days, in every format, and files that are none."""
    rng = np.random.default_rng(20_260_514)
    table = pa.table({"y_true": rng.normal(size=500), "y_pred": rng.normal(size=500)})
    lines = [f"{truth!r},{guess!r}" for truth, guess in zip(*(one.to_pylist() for one in table.columns), strict=True)]
    text = "\n".join(["y_true,y_pred", *lines]) + "\n"
    for folder in ("a b", "day=2", "_temporary"):
        (tmp_path / folder).mkdir()
    pq.write_table(table, tmp_path / "a b" / "x%20y.parquet", row_group_size=70)
    feather.write_feather(table, str(tmp_path / "a b" / "x.arrow"))
    (tmp_path / "day=2" / "x.csv").write_text(text)
    (tmp_path / "day=2" / "x.csv.gz").write_bytes(gzip.compress(text.encode()))
    for name in ("_SUCCESS", "notes.txt", "_temporary/x.csv", "empty.csv"):
        (tmp_path / name).write_text("" if "empty" in name else text)
    return tmp_path


def names(uri: str, bucket: Path) -> list[str]:
    return [source.path.removeprefix(f"file://{bucket}/") for source in open_sources([uri])]


@pytest.mark.parametrize("name", ["a b/x%20y.parquet", "a b/x.arrow", "day=2/x.csv", "day=2/x.csv.gz"])
def test_object_is_read_like_the_file(name: str, bucket: Path) -> None:
    of_file = losscli.evaluate(bucket / name, "mae").to_dict()
    of_object = losscli.evaluate(f"file://{bucket}/{name}", "mae").to_dict()
    assert of_object["results"] == of_file["results"]
    assert of_object["inputs"] == [{**of_file["inputs"][0], "path": f"file://{bucket}/{name}"}]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("", ["a b/x%20y.parquet", "a b/x.arrow", "day=2/x.csv", "day=2/x.csv.gz"]),
        ("/", ["a b/x%20y.parquet", "a b/x.arrow", "day=2/x.csv", "day=2/x.csv.gz"]),
        ("/day=2", ["day=2/x.csv", "day=2/x.csv.gz"]),
        ("/day=*/*.csv", ["day=2/x.csv"]),
        ("/*/x.*", ["a b/x.arrow", "day=2/x.csv", "day=2/x.csv.gz"]),
        ("/**/*.csv", ["day=2/x.csv"]),
        ("/*.txt", ["notes.txt"]),
    ],
)
def test_folders_and_patterns_of_objects(pattern: str, found: list[str], bucket: Path) -> None:
    assert names(f"file://{bucket}{pattern}", bucket) == found


def test_missing_object_is_named(bucket: Path) -> None:
    with pytest.raises(InputError, match=r"no such object: file://.*/nowhere\.csv"):
        open_sources([f"file://{bucket}/nowhere.csv"])


def test_nothing_below_a_uri_is_told(bucket: Path) -> None:
    for pattern in ("/*.parquet", "/empty.csv", "/_temporary/*.txt"):
        with pytest.raises(NothingToEvaluate, match="no object with data"):
            open_sources([f"file://{bucket}{pattern}"])


def test_storage_that_is_not_known_is_refused() -> None:
    with pytest.raises(UsageError, match="nothing://"):
        open_sources(["nothing://host/x.csv"])


def test_keys_are_not_shown() -> None:
    assert without_secrets("s3://id:secret@bucket/a@b.csv?session=1") == "s3://bucket/a@b.csv"
    assert without_secrets("C://x@y?.csv") == "C://x@y?.csv"


def test_drives_and_relative_paths_are_no_uris() -> None:
    assert [is_uri(path) for path in ("s3://b/k", "C://x", "a/b://c", "-", "://x")] == [
        True,
        False,
        False,
        False,
        False,
    ]
