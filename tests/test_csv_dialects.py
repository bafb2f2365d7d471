"""A table is the same in every way of writing delimited text and JSON, found out or told."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import losscli
from losscli.columns import ColumnRequest
from losscli.errors import InputError, NothingToEvaluate, UsageError
from losscli.expression import select_losses
from losscli.job import Settings
from losscli.preparation import prepare
from losscli.readers import csv as csv_module
from losscli.readers import open_sources
from losscli.readers.csv_dialect import decimal_of, delimiter_of
from losscli.readers.decoding import Decoded
from losscli.readers.json_array import ArrayLines
from losscli.readers.streams import Place
from losscli.readers.text_options import PLAIN, TextOptions

ROWS = 300
REQUEST: dict[str, Any] = {"loss": ["mae", "mse"], "by": ["region", "size", "y_true:q3"]}


def columns() -> dict[str, list[Any]]:
    rng = np.random.default_rng(13)
    truth = rng.normal(size=ROWS)
    return {
        "y_true": truth.tolist(),
        "y_pred": (truth + rng.normal(size=ROWS) * 10.0 ** rng.integers(-9, 9, ROWS)).tolist(),
        "region": rng.choice(["north", "süd", 'a "b"; c|d', "x,\ty\nz"], ROWS).tolist(),
        "size": rng.choice([0.5, 2.25, 1e-7], ROWS).tolist(),
    }


def delimited(delimiter: str = ",", decimal: str = ".", quote: str = '"', header: bool = True, end: str = "\n") -> str:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter, quotechar=quote, lineterminator=end)
    table = columns()
    if header:
        writer.writerow(table)
    for row in zip(*table.values(), strict=True):
        writer.writerow([repr(one).replace(".", decimal) if isinstance(one, float) else one for one in row])
    return stream.getvalue()


def objects() -> list[dict[str, Any]]:
    table = columns()
    return [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]


# The name of a file, its bytes and the options that it needs.
WRITTEN: dict[str, tuple[str, Callable[[], bytes], dict[str, Any]]] = {
    "plain": ("a.csv", lambda: delimited().encode(), {}),
    "semicolon": ("a.csv", lambda: delimited(";").encode(), {}),
    "tab": ("a.csv", lambda: delimited("\t").encode(), {}),
    "pipe": ("a.csv", lambda: delimited("|").encode(), {}),
    "tsv": ("a.tsv", lambda: delimited("\t").encode(), {}),
    "tab suffix": ("a.tab", lambda: delimited("\t").encode(), {}),
    "tsv.gz": ("a.tsv.gz", lambda: gzip.compress(delimited("\t").encode()), {}),
    "decimal comma": ("a.csv", lambda: delimited(";", ",").encode(), {}),
    "decimal comma, tab": ("a.tsv", lambda: delimited("\t", ",").encode(), {}),
    "decimal comma in commas": ("a.csv", lambda: delimited(",", ",").encode(), {"decimal": ",", "delimiter": None}),
    "byte order mark": ("a.csv", lambda: delimited(";").encode("utf-8-sig"), {}),
    "carriage returns": ("a.csv", lambda: delimited(";", end="\r\n").encode(), {}),
    "utf-16": ("a.csv", lambda: delimited(";", ",").encode("utf-16"), {}),
    "utf-16-be": ("a.csv", lambda: delimited().encode("utf-16-be"), {}),
    "utf-16-le, mark, tab": ("a.csv", lambda: ("\ufeff" + delimited("\t")).encode("utf-16-le"), {}),
    "utf-16.bz2": ("a.csv.bz2", lambda: bz2.compress(delimited().encode("utf-16")), {}),
    "latin-1": ("a.csv", lambda: delimited().encode("latin-1"), {"encoding": "latin1"}),
    "cp1252": ("a.csv", lambda: delimited(";", ",").encode("cp1252"), {"encoding": "cp1252"}),
    "single quotes": ("a.csv", lambda: delimited(quote="'").encode(), {"quote": "'"}),
    "caret": ("a.csv", lambda: delimited("^").encode(), {"delimiter": "^"}),
    "zst": ("a.csv.zst", lambda: pa.Codec("zstd").compress(delimited(";").encode(), asbytes=True), {}),
    "ndjson": ("a.ndjson", lambda: "".join(json.dumps(one) + "\n" for one in objects()).encode(), {}),
    "array": ("a.json", lambda: json.dumps(objects()).encode(), {}),
    "array over lines": ("a.json", lambda: json.dumps(objects(), indent=2, ensure_ascii=False).encode(), {}),
    "array in jsonl.gz": ("a.jsonl.gz", lambda: gzip.compress(json.dumps(objects(), indent=1).encode()), {}),
    "lines in json": ("a.json", lambda: "\n".join(json.dumps(one) for one in objects()).encode(), {}),
}


def results(path: Path, **options: Any) -> str:
    return json.dumps(losscli.evaluate(path, **REQUEST, **options).to_dict()["results"], allow_nan=False)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("table") / "a.parquet"
    pq.write_table(pa.table(columns()), path)
    return results(path)


@pytest.mark.parametrize("name", WRITTEN)
def test_every_way_of_writing_gives_the_same_bytes(name: str, expected: str, tmp_path: Path) -> None:
    file, make, options = WRITTEN[name]
    path = tmp_path / file
    path.write_bytes(make())
    if options.get("decimal") and "delimiter" in options:
        # Commas in both places are ambiguous however they are quoted, so the delimiter has to be another.
        with pytest.raises(UsageError, match='--delimiter and --decimal are both ","'):
            results(path, decimal=",", delimiter=",")
        return
    assert results(path, **options) == expected
    assert results(path, **options, chunk_rows=7, engine="serial") == expected


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_file_without_names_has_columns_by_number(end: str, mark: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes((mark + delimited(header=False, end=end)).encode())
    request = {**REQUEST, "by": ["c3", "c4", "c1:q3"], "label": "c1", "pred": "c2", "header": False}
    found = json.dumps(losscli.evaluate(path, **request).to_dict()["results"])
    assert found == expected.replace('"region"', '"c3"').replace('"size"', '"c4"').replace('"y_true"', '"c1"')


def test_a_file_without_names_is_named_by_row_and_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('1,2,"a\nb"\n1,2,c\n1,x,d\n')
    request = {"loss": "mae", "label": "c1", "pred": "c2", "header": False}
    with pytest.raises(InputError, match=r'column "c2", row 3 .line 4.: "x" is not a number; 1 of 3 rows'):
        losscli.evaluate(path, **request)
    path.write_text("1,2\n1,2\n1\n")
    with pytest.raises(InputError, match=r"row 3 .line 3. has 1 value, but the first row has 2"):
        losscli.evaluate(path, **request)


def test_a_first_row_that_never_ends_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('1,2,"x')
    with pytest.raises(InputError, match="the row of line 1 opens a quote that is never closed"):
        losscli.evaluate(path, "mae", label="c1", pred="c2", header=False)


def test_quotes_can_be_characters_like_any_other(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('y_true,y_pred,name\n1,2,"open\n1,4,b\n')
    found = losscli.evaluate(path, "mae", by="name", quote="none")
    assert [row.key["name"] for row in found.slices] == ['"open', "b"]
    with pytest.raises(InputError, match="opens a quote that is never closed"):
        losscli.evaluate(path, "mae", by="name")


def mapping(path: Path) -> str:
    settings = Settings()
    return prepare(path, select_losses(["mae"], {}, "losscli"), ColumnRequest(), settings).mapping


def test_what_was_seen_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(delimited(";", ",").encode("utf-16"))
    assert mapping(path).endswith("semicolon-separated, decimal comma, UTF-16-LE")
    document = losscli.evaluate(path, **REQUEST).to_dict()
    assert document["inputs"][0]["text"] == {"delimiter": ";", "decimal": ",", "encoding": "utf-16-le"}
    path.write_bytes(delimited().encode())
    assert "comma" not in mapping(path)
    assert "text" not in losscli.evaluate(path, **REQUEST).to_dict()["inputs"][0]


@pytest.mark.parametrize(
    ("head", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1;2\n", ";"),
        ("a\n1\n", ","),
        ("a|b\n1|2\n", "|"),
        ("a;b\n1,5;2,5\n", ";"),
        ("id;name,full;y\n1;x;2\n", ";"),
        ('id;"name,full";y\n1;"x,y";2\n', ";"),
        ('id,"a;b",y\n1,"x;y",2\n', ","),
        ("a,b;c,d\n1,2;3,4\n", ","),
    ],
)
def test_the_delimiter_is_the_one_that_parts_all_lines_alike(head: str, delimiter: str) -> None:
    assert delimiter_of(head, PLAIN) == delimiter


@pytest.mark.parametrize(
    ("sample", "decimal"),
    [
        ([["1,5", "2"], ["x", "y"]], ","),
        ([["1.5", "2.5"], ["x", "y"]], "."),
        ([["1", "2"]], "."),
        ([["1,5", "2,5"], ["0.5", "1.5"]], "."),
        ([["a,b", "2,5"]], "."),
        ([["1,5", "", "NA"]], ","),
    ],
)
def test_a_decimal_comma_is_seen_where_a_whole_column_has_it(sample: list[list[str]], decimal: str) -> None:
    assert decimal_of(";", sample, PLAIN) == decimal
    assert decimal_of(",", sample, PLAIN) == "."


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ('y_true,y_pred\n1,"1,200"\n', 'write numbers without "," between thousands'),
        ('y_true,y_pred\n1,"1,200,300"\n', 'write numbers without "," between thousands'),
        ("y_true,y_pred\n1,95%\n", "write percents without the sign; --pred-kind percent"),
        ('y_true,y_pred\n1,"0,5"\n', 'write decimals with "."'),
        ("y_true;y_pred\n1.5;2\n1.5;0,25\n", "--decimal ,"),
    ],
)
def test_numbers_as_people_write_them_are_explained(text: str, advice: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(InputError, match="is not a number") as refused:
        losscli.evaluate(path, "mae", label="y_true", pred="y_pred")
    assert advice in str(refused.value)


def test_text_of_western_europe_is_read_only_when_told(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(delimited().encode("latin-1"))
    with pytest.raises(InputError, match="is not UTF-8: byte 0xfc") as refused:
        results(path)
    assert refused.value.fix is not None and "--encoding latin-1" in refused.value.fix


def test_text_that_is_not_in_its_encoding_is_refused_with_the_place(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("y_true,y_pred\n1,2\n".encode("utf-16") + b"1")
    with pytest.raises(InputError, match="the text is not utf-16-le: truncated data at offset 38"):
        losscli.evaluate(path, "mae")
    path.write_bytes(b"y_true,y_pred,n\n1,2,\x81\n")
    with pytest.raises(InputError, match=r"the text is not cp1252: .* at offset 20"):
        losscli.evaluate(path, "mae", encoding="cp1252")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"delimiter": "::"}, '--delimiter "::" cannot stand between values'),
        ({"delimiter": '"'}, "cannot stand between values"),
        ({"quote": "ab"}, '--quote "ab" cannot stand around values'),
        ({"decimal": ";"}, '--decimal ";" is no decimal point'),
        ({"encoding": "latin-one"}, "no encoding latin-one"),
        ({"encoding": "base64"}, "no encoding base64"),
        ({"delimiter": "|", "quote": "|"}, r'--delimiter and --quote are both "\|"'),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, str], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        TextOptions.of(**options)  # type: ignore[arg-type]  # all of them are texts


def test_options_of_text_are_refused_for_other_files(tmp_path: Path) -> None:
    pq.write_table(pa.table(columns()), tmp_path / "a.parquet")
    with pytest.raises(UsageError, match=r"--delimiter, --no-header: .*a.parquet is parquet, not delimited text"):
        results(tmp_path / "a.parquet", delimiter=";", header=False)
    with pytest.raises(UsageError, match="--encoding: data in memory is not delimited text"):
        losscli.evaluate(pa.table(columns()), "mae", encoding="utf-16")


def test_names_of_delimiters_are_their_characters() -> None:
    assert TextOptions.of("tab").delimiter == TextOptions.of("\\t").delimiter == "\t"


json_values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.sampled_from(['\\"', "[{", "},{", "\\"])
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=6,
)


@given(
    rows=st.lists(st.dictionaries(st.text(max_size=4), json_values, max_size=4), max_size=6),
    indent=st.sampled_from([None, 1]),
    ascii_=st.booleans(),
    piece=st.integers(1, 40),
)
def test_an_array_becomes_a_line_for_each_object(
    rows: list[dict[str, Any]], indent: int | None, ascii_: bool, piece: int
) -> None:
    text = json.dumps(rows, indent=indent, ensure_ascii=ascii_).encode("utf-8", "surrogatepass")

    class Pieces(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:  # noqa: ARG002  # short reads, whatever was asked for
            return super().read(piece)

    lines = ArrayLines(Pieces(text), "a.json").read().split(b"\n")
    assert [json.loads(line) for line in lines if line.strip()] == rows


@example(text="\ufeff\ufeffa", piece=3, encoding="utf-16-le")
@given(
    text=st.text(st.characters(exclude_categories=["Cs"])),
    piece=st.integers(1, 9),
    encoding=st.sampled_from(["utf-16-le", "utf-16-be", "utf-32-le"]),
)
def test_text_of_another_encoding_is_the_same_text(text: str, piece: int, encoding: str) -> None:
    class Pieces(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:  # noqa: ARG002  # short reads, whatever was asked for
            return super().read(piece)

    decoded = Decoded(Pieces(text.encode(encoding)), "a.csv", encoding).read().decode()
    assert decoded == text.removeprefix("\ufeff")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[{"y_true": 1, "y_pred": 2}', "the array is never closed"),
        ('[{"y_true": 1, "y_pred": 2}] x', "there is more behind the end of the array"),
        ('[{"y_true": 1, "y_pred": 2}, 7]', "row 2: 7 is not a JSON object: 7 is not an object"),
        ('[{"y_true": 1, "y_pred": 2}, {"y_true": 1, "y_pred": "x"}]', 'column "y_pred", row 2: "x" is not a number'),
    ],
)
def test_arrays_that_are_none_are_refused(text: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match=problem):
        losscli.evaluate(tmp_path / "a.json", "mae")


def test_an_empty_array_has_nothing_to_evaluate(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(" [ ]\n")
    with pytest.raises(NothingToEvaluate, match="the file is empty"):
        losscli.evaluate(tmp_path / "a.json", "mae")


def test_files_of_one_evaluation_may_be_written_differently(tmp_path: Path) -> None:
    text = delimited().encode()
    (tmp_path / "a.csv").write_bytes(text)
    (tmp_path / "b.csv").write_bytes(delimited(";", ",").encode("utf-16"))
    (tmp_path / "c.csv").write_bytes(text)
    same = tmp_path / "same"
    same.mkdir()
    for name in "abc":
        (same / f"{name}.csv").write_bytes(text)
    sources = open_sources([str(tmp_path / f"{name}.csv") for name in "abc"])
    assert [dict(source.written).get("delimiter") for source in sources] == [None, ";", None]
    assert results(tmp_path.joinpath("same")) == json.dumps(
        losscli.evaluate([tmp_path / f"{name}.csv" for name in "abc"], **REQUEST).to_dict()["results"]
    )


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_text_without_the_mark_of_its_encoding_is_refused(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("y_true,y_pred\n1,2\n")
    with pytest.raises(InputError, match=f"the text is not {encoding}: "):
        losscli.evaluate(path, "mae", encoding=encoding)


@pytest.mark.parametrize("header", ["y_true,y_pred,,,", ",,y_true,,y_pred", 'y_true,y_pred, ,"",'])
def test_columns_without_names_are_no_obstacle(header: str, tmp_path: Path) -> None:
    names = header.split(",")
    row = ",".join({"y_true": "1", "y_pred": "3"}.get(name, "") for name in names)
    path = tmp_path / "a.csv"
    path.write_text(f"{header}\n" + f"{row}\n" * 500)
    assert losscli.evaluate(path, "mae").loss == 2.0
    assert [column.name for column in open_sources([str(path)])[0].columns if column.name] == ["y_true", "y_pred"]
    path.write_text(f"{header}\n{row}\n" + row.replace("3", "x") + "\n")
    with pytest.raises(InputError, match=r'column "y_pred", row 2 \(line 3\): "x" is not a number'):
        losscli.evaluate(path, "mae")


@settings(max_examples=600)
@given(
    text=st.lists(
        st.sampled_from(["a", "1", "é", ",", ";", '"', "\n", "\r\n", "\r", " ", "\t", ".5", '""', '","']), max_size=40
    ),
    delimiter=st.sampled_from([",", ";", "\t"]),
    quote=st.sampled_from(['"', "", "'"]),
    header=st.booleans(),
)
def test_the_first_rows_are_those_of_the_reader_of_all_rows(
    text: list[str], delimiter: str, quote: str, header: bool
) -> None:
    head = "".join(text).lstrip("\r\n").encode() + b"\n"
    plain = csv_module._plain_sample(head, delimiter, quote, header=header)
    if plain is not None:
        place = Place("head.csv", "head.csv")
        assert plain == csv_module._arrow_sample(place, head, delimiter, quote, header=header)
