"""Laws of the renderers: nothing is lost, nothing is invented, nothing is cut."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from losscli import renderers
from losscli.errors import UsageError
from losscli.renderers import RenderOptions, find_renderer, renderer_names
from losscli.renderers.layout import blocks, cut_middle, significant, text_width
from losscli.report import InputFile, Level, Note, Report, Result, Row

SCHEMA = json.loads((Path(__file__).parent / "schema" / "losscli-1.schema.json").read_text())
ANSI = re.compile(r"\x1b\[[0-9;]*m")
TEXT_FORMATS = ("table", "plain", "json", "ndjson", "csv", "tsv", "md", "quiet")
WEIRD = (
    *("cat|dog", "two\nlines", 'a "quoted", one', "tab\there", "漢字クラス"),
    *("\x1b[31mred", "", "null", "-", "a\\b", "`*_x_*`"),
)


def row(level: Level, key: Mapping[str, str | None], count: int, loss: float, **changes: Any) -> Row:
    plain = Row(
        level=level,
        key=key,
        count=count,
        weight=None,
        loss=loss,
        mean=loss,
        std=loss / 3,
        sem=loss / 30,
        ci=(loss * 0.9, loss * 1.1),
        minimum=loss / 1e7,
        maximum=loss * 7,
        quantiles={"p50": loss * 0.7, "p90": loss * 2.1, "p99": loss * 5.3},
        sum=loss * count,
        share=0.123456,
    )
    return replace(plain, **changes)


def total(loss: float = 0.4242424242, **changes: Any) -> Row:
    return row("total", {}, 123_456, loss, share=1.0, **changes)


def result(name: str = "huber", **changes: Any) -> Result:
    plain = Result(name, name, {"delta": 1.0}, f"{name}|delta=1.0|losscli|mean|nan=error|v1", "mean", total())
    return replace(plain, **changes)


def report(*results: Result, **changes: Any) -> Report:
    plain = Report(
        version="0.1.0",
        inputs=[InputFile("preds.csv", "csv", 123_456, 4_096), InputFile("-", "parquet", 1, None)],
        columns={"label": "y_true", "pred": ["p_0", "p_1"]},
        rows_read=123_457,
        rows_used=123_456,
        rows_skipped=1,
        results=results,
        quantile_error={"total": 0.004, "groups": 0.016},
    )
    return replace(plain, **changes)


def absent(name: str) -> Row:
    return Row("class", {"class": name}, 0, None, None, status="absent")


REGRESSION = report(result("huber"), result("mean_squared_error", title="risk", params={}, total=total(3005.27)))
CLASSES = report(
    result(
        "sparse_categorical_crossentropy",
        params={"from_logits": False},
        classes=[row("class", {"class": str(number)}, 10, (number * 37 % 100 + 1) / 33) for number in range(100)],
        macro=Row("macro", {}, 100, None, 1.5),
        notes=[Note("clipped", "12 rows were clipped at 1e-07 and carry 3.2 % of the loss", 12, 0.032)],
    ),
    warnings=["two columns could be the label: label, target"],
)
SLICES = report(
    result(
        slices=[
            *(row("slice", {"region": name}, 5, 0.25) for name in ("north", None, "", "null")),
            *(row("slice", {"region": "north", "count": sex}, 5, 1e-5) for sex in ("f", "m")),
        ],
        classes=[row("class", {"class": "cat"}, 3, 12.5), absent("bird")],
        macro=Row("macro", {}, 1, None, 12.5),
        absent_classes=("bird", "fish"),
    )
)
WEIGHTED = report(
    result(
        reduction="mean_with_sample_weight",
        total=total(weight=1234.5),
        classes=[row("class", {"class": name}, 7, 0.5 + place, weight=3.25) for place, name in enumerate(WEIRD)],
    )
)
MISSING = report(
    result(
        total=Row("total", {}, 2, 0.0, None, status="undefined"),
        classes=[
            row("class", {"class": "one"}, 1, 0.5, std=None, sem=None, ci=None, status="too_few"),
            Row("class", {"class": "big"}, 9, None, None, status="overflow"),
        ],
        terms=[{"loss": "huber", "factor": 0.7, "params": {"delta": 1.0}, "value": 0.123456789}],
    )
)
REPORTS = {"regression": REGRESSION, "classes": CLASSES, "slices": SLICES, "weighted": WEIGHTED, "missing": MISSING}
every_report = pytest.mark.parametrize("one", REPORTS.values(), ids=REPORTS.keys())


def text(name: str, one: Report, **options: Any) -> str:
    rendered = find_renderer(name).render(one, RenderOptions(**options))
    assert isinstance(rendered, str)
    return rendered


@pytest.mark.parametrize("name", renderer_names())
def test_a_renderer_is_found_under_the_name_of_its_module(name: str) -> None:
    found = find_renderer(name)
    assert found.name == name
    assert found.render.__module__ == f"{renderers.__name__}.{name}"
    assert 10 <= len(found.summary) <= 80
    assert all(suffix.startswith(".") for suffix in found.suffixes)


def test_no_suffix_belongs_to_two_renderers() -> None:
    suffixes = [suffix for name in renderer_names() for suffix in find_renderer(name).suffixes]
    assert len(suffixes) == len(set(suffixes))


def test_the_formats_of_the_contract_are_there() -> None:
    assert {*TEXT_FORMATS, "parquet"} <= set(renderer_names())


@pytest.mark.parametrize(("wrong", "near"), [("jsn", "json"), ("layout", None), ("tabel", "table")])
def test_an_unknown_format_suggests_the_nearest(wrong: str, near: str | None) -> None:
    with pytest.raises(UsageError, match=f"no output format {wrong}") as refusal:
        find_renderer(wrong)
    assert refusal.value.fix == near


@pytest.mark.parametrize("name", renderer_names())
@every_report
def test_output_ends_in_one_newline_and_is_the_same_twice(name: str, one: Report) -> None:
    first = find_renderer(name).render(one, RenderOptions())
    assert first == find_renderer(name).render(one, RenderOptions())
    if isinstance(first, str):
        assert first.endswith("\n")
        assert not first.endswith("\n\n")


@pytest.mark.parametrize("name", [name for name in TEXT_FORMATS if name != "table"])
@every_report
def test_machine_formats_ignore_the_terminal_and_carry_no_escape_codes(name: str, one: Report) -> None:
    plain = text(name, one)
    assert text(name, one, width=40, color=True, terminal=True) == plain
    # JSON escapes control characters; only CSV and TSV must hold a class name byte for byte.
    if name not in ("csv", "tsv"):
        assert "\x1b" not in plain


@every_report
def test_json_follows_the_schema_and_reads_back_as_the_report(one: Report) -> None:
    rendered = text("json", one)
    document = json.loads(rendered, parse_constant=pytest.fail)
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert document == json.loads(json.dumps(one.to_dict()))
    assert json.dumps(document, indent=2, ensure_ascii=False) + "\n" == rendered


@pytest.mark.parametrize(
    "broken",
    [
        {"loss": None, "status": "ok"},
        {"loss": "0.5"},
        {"std": -1.0},
        {"ci": [0.1]},
        {"status": "fine"},
        {"quantiles": {"50": 1.0}},
        {"n_samples": 3},
    ],
)
def test_the_schema_refuses_a_wrong_row(broken: dict[str, Any]) -> None:
    document = json.loads(text("json", REGRESSION))
    document["results"][0]["total"].update(broken)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)


def test_json_refuses_a_number_that_is_not_finite() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        text("json", report(result(total=total(float("nan")))))


def test_json_survives_a_path_that_is_not_utf8() -> None:
    path = b"preds-\xff.csv".decode("utf-8", "surrogateescape")
    rendered = text("json", replace(REGRESSION, inputs=[InputFile(path, "csv", 1, None)]))
    rendered.encode()
    assert json.loads(rendered)["inputs"][0]["path"] == path


def expected_rows(one: Report) -> list[dict[str, Any]]:
    """What the flat formats say of identity and values, written down independently of them."""
    found = []
    for each in one.results:
        for entry in each.rows:
            is_slice = entry.level == "slice"
            found.append(
                {
                    "loss": each.loss,
                    "title": each.title,
                    "reduction": each.reduction,
                    "level": entry.level,
                    "by": ",".join(entry.key) if is_slice else None,
                    "class": entry.key["class"] if entry.level == "class" else None,
                    "count": entry.count,
                    "weight": entry.weight,
                    "value": entry.loss,
                    "mean": entry.mean,
                    "std": entry.std,
                    "sem": entry.sem,
                    "ci_low": entry.ci[0] if entry.ci else None,
                    "ci_high": entry.ci[1] if entry.ci else None,
                    "min": entry.minimum,
                    "max": entry.maximum,
                    **{name: entry.quantiles.get(name) for name in ("p50", "p90", "p99") if has_quantiles(one)},
                    "sum": entry.sum,
                    "share": entry.share,
                    "status": entry.status,
                    "signature": each.signature,
                }
            )
    return found


def field(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else repr(value)


def has_quantiles(one: Report) -> bool:
    return any(entry.quantiles for each in one.results for entry in each.rows)


def without_slices(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in ("region", "by_count")}


@pytest.mark.parametrize(("name", "delimiter"), [("csv", ","), ("tsv", "\t")])
@every_report
def test_delimited_text_reads_back_equal(name: str, delimiter: str, one: Report) -> None:
    read = list(csv.DictReader(io.StringIO(text(name, one), newline=""), delimiter=delimiter, strict=True))
    expected = [{column: field(value) for column, value in each.items()} for each in expected_rows(one)]
    assert [without_slices(each) for each in read] == expected


@every_report
def test_ndjson_reads_back_equal(one: Report) -> None:
    read = [json.loads(line, parse_constant=pytest.fail) for line in text("ndjson", one).splitlines()]
    assert [without_slices(each) for each in read] == expected_rows(one)


@every_report
def test_parquet_reads_back_equal(one: Report) -> None:
    rendered = find_renderer("parquet").render(one, RenderOptions())
    assert isinstance(rendered, bytes)
    read = pq.ParquetFile(io.BytesIO(rendered), pre_buffer=False).read(use_threads=False).to_pylist()
    assert [without_slices(each) for each in read] == expected_rows(one)


@pytest.mark.parametrize("name", ["ndjson", "parquet"])
def test_a_null_slice_differs_from_an_empty_one_and_from_no_slice(name: str) -> None:
    rendered = find_renderer(name).render(SLICES, RenderOptions())
    if isinstance(rendered, str):
        read = [json.loads(line) for line in rendered.splitlines()]
    else:
        read = pq.ParquetFile(io.BytesIO(rendered), pre_buffer=False).read(use_threads=False).to_pylist()
    assert [(each["by"], each["region"], each["by_count"]) for each in read] == [
        *[(None, None, None)] * 2,
        ("region", "north", None),
        ("region", None, None),
        ("region", "", None),
        ("region", "null", None),
        ("region,count", "north", "f"),
        ("region,count", "north", "m"),
        *[(None, None, None)] * 2,
    ]


def test_csv_quotes_the_empty_text_and_leaves_null_empty() -> None:
    lines = text("csv", SLICES).splitlines()
    assert lines[4].startswith("huber,huber,mean,slice,region,,,,5,")
    assert lines[5].startswith('huber,huber,mean,slice,region,,"",,5,')


@given(st.floats(allow_nan=False, allow_infinity=False), st.text(st.characters(codec="utf-8"), min_size=1))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_any_number_and_any_name_survive_csv_and_ndjson(number: float, name: str) -> None:
    one = report(result(classes=[row("class", {"class": name}, 1, 1.0, maximum=number)]))
    first = next(csv.DictReader(io.StringIO(text("csv", one), newline=""), strict=True))
    assert (float(first["max"]), first["class"]) == (number, name)
    object_ = json.loads(text("ndjson", one).split("\n")[0])
    assert (object_["max"], object_["class"]) == (number, name)


def test_numpy_numbers_are_written_as_plain_numbers() -> None:
    one = report(result(total=total(np.float64(0.1), maximum=np.float64(2.5))))
    for name in TEXT_FORMATS:
        assert "float64" not in text(name, one)


@every_report
def test_quiet_prints_one_shortest_number_or_a_status_per_loss(one: Report) -> None:
    lines = text("quiet", one, precision=3).splitlines()
    assert len(lines) == len(one.results)
    for line, each in zip(lines, one.results, strict=True):
        assert line == (each.total.status if each.total.loss is None else repr(each.total.loss))


@every_report
def test_plain_has_as_many_fields_before_the_name_in_every_line(one: Report) -> None:
    header, *lines = text("plain", one).splitlines()
    fields = header.split()
    assert fields[-1] == "name"
    assert len(lines) == sum(len(each.rows) for each in one.results)
    for line, entry in zip(lines, [entry for each in one.results for entry in each.rows], strict=True):
        values = dict(zip(fields, line.split(maxsplit=len(fields) - 1), strict=True))
        assert (values["level"], values["count"], values["status"]) == (entry.level, str(entry.count), entry.status)
        assert values["value"] == ("-" if entry.loss is None else f"{entry.loss:.6g}")


def test_plain_fields_can_be_counted_even_with_blanks_in_a_title() -> None:
    _, line = text("plain", report(result(title="my own risk"))).splitlines()
    assert line.split()[:2] == ["my_own_risk", "total"]


def test_plain_keeps_every_row_whatever_top_says() -> None:
    assert text("plain", CLASSES, top=3) == text("plain", CLASSES, top=0)


@every_report
def test_markdown_rows_have_as_many_cells_as_their_header(one: Report) -> None:
    for table in re.findall(r"(?:^\|.*\n)+", text("md", one, top=0), re.MULTILINE):
        cells = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(cells) == 1


def test_markdown_escapes_pipes_and_markup() -> None:
    rendered = text("md", WEIGHTED)
    assert r"cat\|dog" in rendered
    assert r"two\\nlines" in rendered
    assert r"\`\*\_x\_\*\`" in rendered
    assert "sparse_categorical_crossentropy" in text("md", CLASSES)


@every_report
@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_colour_only_paints_the_table(one: Report, width: int) -> None:
    plain = text("table", one, width=width, terminal=True)
    painted = text("table", one, width=width, terminal=True, color=True)
    assert "\x1b" not in plain
    assert painted.startswith("\x1b[1m")
    assert ANSI.sub("", painted) == plain


@every_report
def test_a_table_that_is_not_on_a_terminal_is_complete_and_colourless(one: Report) -> None:
    rendered = text("table", one, width=40, color=True)
    assert rendered == text("table", one)
    assert "not shown" not in rendered
    assert "\x1b" not in rendered


FOOTNOTE = re.compile(r"(not shown|note|absent classes|term): ")


def grids(rendered: str) -> list[list[list[str]]]:
    """The cells of every line of every table, from its header to its total; the last part is no table."""
    found = []
    for part in rendered.split("\n\n")[:-1]:
        lines = takewhile(lambda line: not FOOTNOTE.match(line), part.splitlines()[2:])
        found.append([re.split(r" {2,}", line.strip()) for line in lines])
    return found


@given(st.integers(40, 200), st.sampled_from(sorted(REPORTS)))
@settings(max_examples=80, deadline=None, derandomize=True)
def test_a_narrow_table_drops_whole_columns_and_names_them(width: int, name: str) -> None:
    one = REPORTS[name]
    rendered = text("table", one, width=width, terminal=True)
    assert max(map(text_width, rendered.splitlines())) <= width
    for narrow, wide in zip(grids(rendered), grids(text("table", one)), strict=True):
        assert len(narrow) == len(wide)
        for few, all_ in zip(narrow, wide, strict=True):
            assert set(few[1:]) <= set(all_)
    for part, wide in zip(rendered.split("\n\n")[:-1], grids(text("table", one)), strict=True):
        dropped = re.search(r"not shown: (.*?) \(a terminal", part.replace("\n  ", " "))
        named = dropped[1].split(", ") if dropped else []
        header = re.split(r" {2,}", part.splitlines()[2].strip())
        assert sorted([*named, *header]) == sorted(wide[0])


@given(st.floats(-1e300, 1e300), st.integers(40, 200))
@settings(max_examples=80, deadline=None, derandomize=True)
def test_the_loss_stands_whole_in_a_table_of_any_width(number: float, width: int) -> None:
    name = "a class name much longer than any terminal of forty columns"
    one = report(result(classes=[row("class", {"class": name}, 123_456_789, number)]))
    line = next(line for line in text("table", one, width=width, terminal=True).splitlines() if "123,456,789" in line)
    assert f"{number:.6g}" in line.split()


def test_long_parameters_wrap_between_words() -> None:
    params = {"from_logits": False, "ignore_class": None, "epsilon": 1e-7, "normalize": True}
    lines = text("table", report(result(params=params)), width=40, terminal=True).splitlines()
    assert lines[1:3] == ["mean, from_logits=False,", "  ignore_class=None, epsilon=1e-07,"]
    assert max(map(text_width, lines)) <= 40


def test_columns_give_way_in_the_order_of_their_priority() -> None:
    order = ["count", "loss", "status", "share", "95% ci", "std", "p50", "p90", "max", "min", "sem", "p99"]
    order += ["weight", "sum"]
    known = [row("class", {"class": "a"}, 7, 0.5, weight=2.5, status="too_few")]
    one = report(result(classes=known, total=total(weight=3.5)))
    seen = []
    for width in range(30, 250):
        header = text("table", one, width=width, terminal=True).splitlines()[2]
        shown = [title for title in order if re.search(rf"(?<!\S){re.escape(title)}(?!\S)", header)]
        assert shown == order[: len(shown)]
        seen.append(len(shown))
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (2, len(order))


def test_columns_that_say_nothing_are_left_out() -> None:
    header = text("table", REGRESSION).splitlines()[2].split()
    assert "weight" not in header
    assert "mean" not in header
    assert "status" not in header
    assert "weight" in text("table", WEIGHTED).splitlines()[2].split()
    by_sum = report(result(reduction="sum", total=total(loss=9.0, mean=0.5, sum=9.0)))
    assert {"mean"} == {"mean", "sum"} & set(text("table", by_sum).splitlines()[2].split())


@pytest.mark.parametrize(("top", "shown"), [(1, 1), (5, 5), (99, 99), (100, 100), (0, 100), (500, 100)])
def test_top_keeps_the_worst_and_says_how_many_it_leaves_out(top: int, shown: int) -> None:
    block = blocks(CLASSES.results[0], top)[0]
    everything = sorted((entry.loss or 0.0 for entry in CLASSES.results[0].classes), reverse=True)
    assert sorted((entry.loss or 0.0 for entry in block.rows), reverse=True) == everything[:shown]
    rendered = text("table", CLASSES, top=top)
    assert ("more (--top 0 shows all)" in rendered) == (shown < 100)
    if shown < 100:
        assert f"… {100 - shown} more (--top 0 shows all)" in rendered
    else:
        assert list(block.rows) == list(CLASSES.results[0].classes)


def test_the_table_reads_as_intended() -> None:
    assert text("table", SLICES, width=64, terminal=True) == (
        "huber\n"
        "mean, delta=1.0\n"
        "                     count       loss    share  status\n"
        "by class\n"
        "  cat                    3  12.5        12.35%      ok\n"
        "  bird                   0   -               -  absent\n"
        "by region\n"
        "  north                  5   0.25       12.35%      ok\n"
        "  (null)                 5   0.25       12.35%      ok\n"
        '  ""                     5   0.25       12.35%      ok\n'
        "  null                   5   0.25       12.35%      ok\n"
        "by region × count\n"
        "  north × f              5   1e-05      12.35%      ok\n"
        "  north × m              5   1e-05      12.35%      ok\n"
        "──────────────────────────────────────────────────────\n"
        "macro over 1 of 3           12.5             -      ok\n"
        "total              123,456   0.424242  100.00%      ok\n"
        "not shown: 95% ci, std, sem, min, p50, p90, p99, max, sum (a\n"
        "  terminal of 167 columns shows all)\n"
        "absent classes: fish\n"
        "\n"
        "quantiles: relative error at most 0.4% (total), 1.6% (groups)\n"
    )


@pytest.mark.parametrize(
    ("number", "digits", "expected"),
    [(None, 6, "-"), (0.5, 6, "0.5"), (1 / 3, 6, "0.333333"), (123456.7, 6, "123457"), (1234567.0, 6, "1.23457e+06"),
     (2 / 3, 3, "0.667"), (0.0, 6, "0")],
)  # fmt: skip
def test_numbers_have_the_digits_asked_for(number: float | None, digits: int, expected: str) -> None:
    assert significant(number, digits) == expected


@given(st.text(max_size=30), st.integers(1, 30))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_a_cut_name_fits_and_keeps_both_its_ends(name: str, width: int) -> None:
    cut = cut_middle(name, width)
    assert text_width(cut) <= width
    if cut != name:
        head, _, tail = cut.partition("…")
        assert name.startswith(head)
        assert name.endswith(tail)


@pytest.mark.parametrize("name", renderer_names())
def test_rendering_imports_neither_pandas_nor_needless_rich(name: str) -> None:
    program = (
        "import sys\n"
        "from losscli.renderers import RenderOptions, find_renderer\n"
        "from losscli.report import Report, Result, Row\n"
        "row = Row('total', {}, 3, None, 0.5, quantiles={'p50': 0.25})\n"
        "one = Report('1', [], {}, 3, 3, 0, [Result('huber', 'huber', {}, 'huber|v1', 'mean', row)])\n"
        f"find_renderer({name!r}).render(one, RenderOptions())\n"
        "print(sorted({'pandas', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
