"""Reports of gates and evaluations for CI: each read by a parser of its format."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from lxml import etree
from markdown_it import MarkdownIt
from prometheus_client.openmetrics.parser import text_string_to_metric_families

import losscli
from losscli.gates.changes import Statistics
from losscli.gates.checks import Check
from losscli.gates.result import GateReport, RuleResult
from losscli.gates.rules import parse_rule
from losscli.gates.verdicts import Verdict
from losscli.renderers import RenderOptions, find_renderer
from losscli.report import InputFile
from losscli.reports import find_report, report_names
from losscli.reports.github import MOST_ANNOTATIONS, command
from losscli.reports.md import summary
from losscli.reports.openmetrics import render as openmetrics

# Names that end lines, values, tags, cells and properties in one format or another.
ODD = "a\"b'<c>&d|e,f:g%h\\i\nj\rk\tl\x00m\x1bn`o*p_q_[r](s)é漢\ud800 ]]>"
SCHEMA = etree.XMLSchema(etree.parse(str(Path(__file__).parent / "data" / "junit.xsd")))


def a_check(verdict: Verdict, **more: Any) -> Check:
    settings: dict[str, Any] = {
        "kind": "max",
        "level": "slice",
        "key": {"region": "north"},
        "count": 1200,
        "limit": 0.42,
        "cand": 0.43,
        "reason": f"because of 100% {verdict}",
        "ci": (0.42, 0.44),
    }
    return Check(**{**settings, "finding": verdict, "verdict": verdict, **more})


def a_report(checks: list[Check], rule: str = "max=0.42,by=region", **more: Any) -> GateReport:
    settings: dict[str, Any] = {"config": "losscli.toml", "inputs": [InputFile("preds.csv", "csv", 1200, 99)]}
    return GateReport(
        version="1.0",
        rules=[RuleResult(parse_rule(rule), "mae", checks)],
        statistics=Statistics(),
        on_inconclusive="warn",
        **{**settings, **more},
    )


EACH = a_report([a_check(verdict, key={"region": f"r{place}"}) for place, verdict in enumerate(Verdict)])
STRANGE = a_report(
    [
        *(a_check(verdict, key={ODD: ODD + verdict}, reason=ODD) for verdict in Verdict),
        a_check(Verdict.PASS, key={"region": None}),
        a_check(Verdict.PASS, key={"region": ""}),
        a_check(Verdict.FAIL, level="class", key={"class": ODD}),
        a_check(Verdict.FAIL, level="total", key={}, limit=None, cand=None, ci=None),
    ],
    rule=f"max=1,name={ODD}",
    warnings=(ODD,),
)
REPORTS = [EACH, STRANGE, a_report([]), a_report([a_check(Verdict.PASS)])]


def written(kind: str, report: GateReport, **options: Any) -> str:
    return find_report(kind).render(report, RenderOptions(**{"top": 0, **options}))


@pytest.mark.parametrize("kind", report_names())
@pytest.mark.parametrize("report", REPORTS, ids=["each", "strange", "empty", "passing"])
def test_every_report_ends_in_one_newline_and_has_no_colour(kind: str, report: GateReport) -> None:
    text = written(kind, report)
    assert text == "" or (text.endswith("\n") and not text.endswith("\n\n"))
    # What carries data carries it as it is.
    assert kind in ("csv", "tsv", "openmetrics") or "\x1b" not in text
    assert text == written(kind, report)


def test_kinds_are_found_by_name_and_suggested() -> None:
    assert {"junit", "github", "openmetrics", "codequality", "metrics", "html", "json", "md"} <= set(report_names())
    with pytest.raises(losscli.LosscliError, match="no gate report junitt") as refused:
        find_report("junitt")
    assert refused.value.fix == "junit"


@pytest.mark.parametrize("report", REPORTS, ids=["each", "strange", "empty", "passing"])
def test_junit_is_valid(report: GateReport) -> None:
    document = etree.fromstring(written("junit", report).encode("utf-8", "surrogatepass"))
    SCHEMA.assertValid(document)


def test_junit_says_what_each_verdict_is() -> None:
    document = etree.fromstring(written("junit", EACH).encode())
    outcomes = {case.get("name"): [child.tag for child in case] for case in document.iter("testcase")}
    assert outcomes == {
        "mae of region=r0": [],
        "mae of region=r1": ["system-out"],
        "mae of region=r2": ["skipped"],
        "mae of region=r3": ["failure"],
    }
    (suite,) = document
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "4",
        "failures": "1",
        "errors": "0",
        "skipped": "1",
    }
    assert (document.get("tests"), document.get("failures")) == ("4", "1")
    assert document.find(".//failure").text == "because of 100% FAIL"


def unescaped(text: str, *, in_property: bool) -> str:
    """What the runner of GitHub Actions makes of a value (actions/runner, ActionCommand.cs): percent last."""
    pairs = [("%0D", "\r"), ("%0A", "\n"), *([("%3A", ":"), ("%2C", ",")] if in_property else []), ("%25", "%")]
    for escape, mark in pairs:
        text = text.replace(escape, mark)
    return text


def parsed_command(line: str) -> tuple[str, dict[str, str], str]:
    """A workflow command as the runner reads it."""
    _, head, message = line.split("::", 2)
    kind, _, settings = head.partition(" ")
    pairs = (setting.split("=", 1) for setting in settings.split(",") if setting)
    return (
        kind,
        {name: unescaped(value, in_property=True) for name, value in pairs},
        unescaped(message, in_property=False),
    )


@pytest.mark.parametrize("text", [ODD, "100% :: , %0A %25", "", "::error::x"])
def test_workflow_commands_are_read_as_they_were_meant(text: str) -> None:
    line = command("error", text, title=text, file="a,b:c")
    assert "\n" not in line
    assert "\r" not in line
    assert parsed_command(line) == ("error", {"title": text, "file": "a,b:c"}, text)


def test_annotations_are_nine_of_the_gravest_and_the_verdict() -> None:
    many = [a_check(Verdict.WARN, key={"region": f"w{place}"}) for place in range(20)]
    grave = [a_check(Verdict.FAIL, key={"region": "f"})]
    untested = [a_check(Verdict.INCONCLUSIVE, key={"region": "tiny"}, tested=False)]
    lines = written("github", a_report([*many, *untested, *grave])).splitlines()
    kinds = [parsed_command(line)[0] for line in lines]
    assert kinds == ["error", *["warning"] * (MOST_ANNOTATIONS - 1), "error"]
    assert parsed_command(lines[0])[2] == "region=f: because of 100% FAIL"
    assert lines[-1].endswith("; 12 more are not annotated")
    assert all("tiny" not in line for line in lines)


def test_annotations_point_at_the_rule_in_its_file() -> None:
    report = losscli.gate(config="sample_data/losscli.toml")
    (notice,) = written("github", report).splitlines()[-1:]
    assert parsed_command(notice)[1] == {"title": "losscli gate"}
    failing = losscli.gate("sample_data/diabetes.parquet", loss="mae", rules="max=1")
    kind, properties, message = parsed_command(written("github", failing).splitlines()[0])
    assert (kind, set(properties), message) == (
        "error",
        {"title"},
        "all rows: mae 44.2662 is above the limit of 1",
    )


@pytest.mark.parametrize("root", ["GITHUB_WORKSPACE", "CI_PROJECT_DIR"])
def test_paths_are_those_from_the_root_of_the_repository(
    root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "losscli.toml").write_text('[loss]\nname = "mae"\n[[rule]]\nmax = 1\n')
    data = pa.table({"y_true": [0.0], "y_pred": [2.0]})
    monkeypatch.chdir(folder)
    for name, place in ((str(tmp_path), "models/losscli.toml"), ("/elsewhere", "losscli.toml")):
        monkeypatch.setenv(root, name)
        report = losscli.gate(data)
        assert parsed_command(written("github", report).splitlines()[0])[1]["file"] == place
        assert json.loads(written("codequality", report))[0]["location"]["path"] == place


def test_markdown_is_rendered_as_tables_with_every_cell_as_it_is() -> None:
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(written("md", STRANGE))
    cells = [
        "".join(child.content for child in tokens[place + 1].children or [])
        for place, token in enumerate(tokens)
        if token.type in ("td_open", "th_open")
    ]
    width = cells.index("FAIL")
    assert cells[0] == "verdict"
    assert len(cells) % width == 0
    assert not [token for token in tokens if token.type.startswith("html")]
    shown = ODD.encode("unicode_escape").decode()
    assert any("|e,f:g%h" in cell for cell in cells), shown


def test_the_step_summary_is_cut_between_lines_and_says_so() -> None:
    many = a_report([a_check(Verdict.FAIL, key={"region": f"é{place}"}) for place in range(20_000)])
    whole = written("md", many)
    cut = summary(many)
    assert len(whole.encode()) > 900_000 > len(cut.encode())
    lines = cut.splitlines()
    assert "was cut" in lines[-1]
    assert set(lines[:-2]) <= set(whole.splitlines())
    assert summary(EACH) == written("md", EACH, top=20)


def test_codequality_has_the_keys_that_gitlab_reads() -> None:
    found = json.loads(written("codequality", EACH))
    assert [one["severity"] for one in found] == ["minor", "info", "major"]
    for one in found:
        assert set(one) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert one["location"] == {"path": "losscli.toml", "lines": {"begin": 1}}
    assert len({one["fingerprint"] for one in found}) == 3
    assert json.loads(written("codequality", a_report([]))) == []
    again = a_report([a_check(Verdict.FAIL, key={"region": "r3"}, cand=0.9, reason="another number")])
    assert json.loads(written("codequality", again))[0]["fingerprint"] == found[2]["fingerprint"]


def families(text: str) -> dict[str, list[Any]]:
    return {family.name: family.samples for family in text_string_to_metric_families(text)}


@pytest.mark.parametrize("report", REPORTS, ids=["each", "strange", "empty", "passing"])
def test_openmetrics_of_a_gate_is_read_by_a_parser(report: GateReport) -> None:
    found = families(openmetrics(report, RenderOptions()))
    (verdict,) = found["losscli_gate_passed"]
    assert (verdict.labels, verdict.value) == ({"verdict": report.verdict.value}, float(report.verdict != "FAIL"))
    assert len(found["losscli_gate_check_failed"]) == len(list(report.checks()))


def test_rules_of_one_name_have_samples_of_their_own() -> None:
    check = a_check(Verdict.PASS)
    one = a_report([check])
    twice = GateReport(
        **{**vars(one), "rules": [*one.rules, RuleResult(parse_rule("max=0.42,by=region"), "mae", [check])]}
    )
    names = [sample.labels["rule"] for sample in families(openmetrics(twice, RenderOptions()))["losscli_gate_limit"]]
    assert names == ["at most 0.42 by region", "at most 0.42 by region #2"]


def test_openmetrics_of_an_evaluation_is_read_by_a_parser() -> None:
    data = pa.table(
        {
            "y_true": [0.0, 0.0, 0.0],
            "y_pred": [1.0, 2.0, 3.0],
            "my col": ["a", 'b"\n\\', None],
            "my_col": ["x", "y", "z"],
        }
    )
    result = losscli.evaluate(data, "mae", by=["my col", "my_col", "my col,my_col"])
    found = families(find_renderer("openmetrics").render(result.report, RenderOptions()))  # type: ignore[arg-type]
    losses = {tuple(sorted(sample.labels.items())): sample.value for sample in found["losscli_loss"]}
    assert losses[(("level", "total"), ("loss", "mae"))] == 2.0
    assert losses[(("by_my_col", "y"), ("level", "slice"), ("loss", "mae"))] == 2.0
    assert losses[(("level", "slice"), ("loss", "mae"), ("my_col", 'b"\n\\'))] == 2.0
    assert {sample.value for sample in found["losscli_rows"]} == {1.0, 3.0}


def test_metrics_are_a_flat_object_of_finite_numbers_with_names_that_mlflow_takes() -> None:
    # mlflow.utils.validation: letters, digits, and these marks.
    allowed = re.compile(r"[/\w.\- :]*")
    for report in REPORTS:
        numbers = json.loads(written("metrics", report))
        assert all(isinstance(value, float) and np.isfinite(value) for value in numbers.values())
        assert all(allowed.fullmatch(name) for name in numbers)
    assert json.loads(written("metrics", EACH)) == {
        "gate/exit_code": 1.0,
        "gate/pass": 1.0,
        "gate/warn": 1.0,
        "gate/inconclusive": 1.0,
        "gate/fail": 1.0,
        **{f"mae/region/r{place}": 0.43 for place in range(4)},
    }
    wine = losscli.evaluate("sample_data/wine.csv", ["cce", "brier"])
    numbers = json.loads(str(find_renderer("metrics").render(wine.report, RenderOptions())))
    assert numbers["cce"] == wine.loss
    assert numbers["cce/class/class_1"] == wine.classes["class_1"]
    assert set(numbers) == {
        name + part for name in ("cce", "brier") for part in ("", "/macro", *(f"/class/class_{k}" for k in range(3)))
    }


class Page(HTMLParser):
    """The elements of a page; every tag must be closed by its own end."""

    VOID = frozenset({"meta", "br", "hr", "img", "link"})

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def pages() -> list[str]:
    wine = losscli.evaluate("sample_data/wine.csv", "cce", by=["fold"])
    return [
        *(written("html", report) for report in REPORTS),
        str(find_renderer("html").render(wine.report, RenderOptions(top=3))),
    ]


@pytest.mark.parametrize("text", pages(), ids=["each", "strange", "empty", "passing", "evaluation"])
def test_a_page_is_whole_and_needs_nothing_from_elsewhere(text: str) -> None:
    page = Page(text)
    assert page.open == []
    tags = [tag for tag, _ in page.elements]
    assert not {"script", "link", "img", "iframe", "object"} & set(tags)
    assert not [name for _, attributes in page.elements for name in attributes if name in ("src", "href", "style")]
    assert "url(" not in text
    assert "@import" not in text
    attributes = dict(page.elements)
    assert attributes["html"] == {"lang": "en"}
    assert (tags.count("h1"), tags.count("main"), tags.count("title")) == (1, 1, 1)
    assert tags.count("table") == tags.count("caption")
    heads = [attributes for tag, attributes in page.elements if tag == "th"]
    assert all(head.get("scope") in ("col", "row", "rowgroup") for head in heads)


def test_a_page_shows_what_it_was_given_and_no_markup_of_it() -> None:
    page = Page(written("html", STRANGE))
    assert any("a\"b'<c>&d|e" in words for words in page.words)
    assert "c" not in {tag for tag, _ in page.elements}


def test_flat_tables_have_a_row_for_each_check() -> None:
    rows = list(csv.DictReader(io.StringIO(written("csv", STRANGE), newline="")))
    assert len(rows) == len(list(STRANGE.checks()))
    assert {row["verdict"] for row in rows} == {verdict.value for verdict in Verdict}
    assert rows[4]["region"] == ""
    objects = [json.loads(line) for line in written("ndjson", STRANGE).splitlines()]
    assert [one["verdict"] for one in objects] == [row["verdict"] for row in rows]
    assert objects[4]["region"] is None
    assert objects[5]["region"] == ""
    assert written("tsv", EACH).splitlines()[0].split("\t") == written("csv", EACH).splitlines()[0].split(",")


def test_plain_lines_have_as_many_fields_as_the_header() -> None:
    lines = written("plain", STRANGE).splitlines()
    header = lines[0].split()
    assert [line.split(None, len(header) - 1)[0] for line in lines[1:5]] == [verdict.value for verdict in Verdict]
    assert all(len(line.split(None, len(header) - 1)) == len(header) for line in lines)
    assert lines[-1].split()[5:10] == ["-"] * 5


def test_the_table_has_the_verdict_first_and_what_fails_before_what_passes() -> None:
    lines = written("table", EACH).splitlines()
    assert lines[0] == "FAIL: of 4 checks 1 fails, 1 is inconclusive, 1 warns, 1 passes"
    verdicts = [line.split()[0] for line in lines if re.search(r"\br\d\b", line)]
    assert verdicts == ["FAIL", "INCONCLUSIVE", "WARN", "PASS"]


def test_a_narrow_terminal_drops_whole_columns_and_names_them() -> None:
    wide = written("table", EACH)
    narrow = written("table", EACH, width=50, terminal=True)
    assert max(map(len, narrow.splitlines())) <= 50
    assert "not shown: " in narrow
    assert "0.43" in narrow
    assert "not shown" not in wide
    assert "\x1b[" in written("table", EACH, width=80, terminal=True, color=True)


def test_many_slices_that_pass_are_counted_and_those_that_fail_are_shown() -> None:
    many = a_report(
        [a_check(Verdict.PASS, key={"region": f"p{place}"}) for place in range(50)]
        + [a_check(Verdict.FAIL, key={"region": f"f{place}"}) for place in range(30)]
    )
    text = written("table", many, top=20)
    assert "… 30 more that pass (--top 0 shows all)" in text
    assert all(f"f{place} " in text for place in range(30))
    assert "more that pass" not in written("table", many)


def test_the_json_document_has_no_nan() -> None:
    json.loads(written("json", STRANGE), parse_constant=lambda name: pytest.fail(name))
