"""``losscli.toml`` and ``--rule``: read strictly, refused by file, line and key."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from losscli.errors import UsageError
from losscli.gates.configuration import Configuration, configured_losses, parse_configuration, read_configuration
from losscli.gates.keys import SECTIONS
from losscli.gates.limits import Bound, Change
from losscli.gates.lines import line_of
from losscli.gates.rules import Rule, parse_rule
from losscli.gates.template import Findings, first_limit, template

# The example of the contract, whole.
EXAMPLE = """\
schema = 1
[input]
label = "y_true"
pred = "y_pred"
id = "id"
[loss]
name = "huber"
delta = 1.0
[stats]
level = 0.95
correction = "holm"
min_slice = 30
[baseline]
path = "preds/main.parquet"
required = true
[gate]
on_inconclusive = "warn"
[[rule]]
name = "overall level"
max = 0.42
warn = 0.40
[[rule]]
name = "no region regresses"
by = ["region"]
max_increase = "2%"
test = "regression"
severity = "fail"
optional = false
"""


def test_the_example_means_what_it_says() -> None:
    found = parse_configuration(EXAMPLE, "ci/losscli.toml")
    assert found.inputs == {"label": "y_true", "pred": "y_pred", "id": "id"}
    assert (found.level, found.correction, found.min_slice, found.on_inconclusive) == (0.95, "holm", 30, "warn")
    assert (found.baseline, found.baseline_required) == ("ci/preds/main.parquet", True)
    (loss,) = configured_losses(found.losses, {})
    assert (loss.title, dict(loss.params)) == ("huber", {"delta": 1.0})
    assert found.rules == (
        Rule("overall level", bounds=(Bound("max", 0.42, 0.4),), line=18),
        Rule("no region regresses", changes=(Change("max_increase", relative=0.02),), by=("region",), line=22),
    )


@pytest.mark.parametrize(
    ("old", "new", "problem", "fix"),
    [
        ('[[rule]]\nname = "overall', '[[rules]]\nname = "overall', r'f\.toml:18: no key "rules"', "rule"),
        ("label =", "lable =", r'f\.toml:3: \[input\]: no key "lable"', "label"),
        ("delta = 1.0", "detla = 1.0", r'f\.toml:8: \[loss\]: no key "detla"', "delta"),
        ("min_slice", "minslice", r'f\.toml:12: \[stats\]: no key "minslice"', "min_slice"),
        ("required", "require", r'f\.toml:15: \[baseline\]: no key "require"', "required"),
        ("on_inconclusive", "on_inconclusiv", r"f\.toml:17: \[gate\]: no key", "on_inconclusive"),
        ("max_increase", "max_incraese", r'f\.toml:25: \[rule\]: no key "max_incraese"', "max_increase"),
        ("severity", "severtiy", r"f\.toml:27: \[rule\]: no key", "severity"),
    ],
)
def test_an_unknown_key_is_refused_with_its_line_and_the_nearest_key(
    old: str, new: str, problem: str, fix: str
) -> None:
    with pytest.raises(UsageError, match=problem) as refused:
        parse_configuration(EXAMPLE.replace(old, new), "f.toml")
    assert refused.value.fix == fix


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("level = 0.95", "level = 95", r"f\.toml:10: \[stats\]: level = 95"),
        ("level = 0.95", 'level = "high"', r'f\.toml:10: \[stats\]: level = "high"'),
        ('"holm"', '"bonferroni"', r'f\.toml:11: \[stats\]: correction = "bonferroni"'),
        ("min_slice = 30", "min_slice = 0", r"f\.toml:12: \[stats\]: min_slice = 0"),
        ("min_slice = 30", "min_slice = true", r"f\.toml:12: \[stats\]: min_slice = true"),
        ('"warn"\n[[', '"stop"\n[[', r'f\.toml:17: \[gate\]: on_inconclusive = "stop"'),
        ("max = 0.42", 'max = "0.42"', r'f\.toml:20: \[rule\]: max = "0\.42"'),
        ("max = 0.42", "max = inf", r"f\.toml:18: \[\[rule\]\] max: inf is not a limit"),
        ("max = 0.42\nwarn = 0.40", 'severity = "fail"', r"f\.toml:18: \[\[rule\]\]: no limit"),
        ("warn = 0.40", "warn = 0.50", r"warn 0\.5 is above max 0\.42"),
        ('"2%"', '"2 percent"', r'f\.toml:22: \[\[rule\]\] max_increase: "2 percent" is not a limit'),
        ('"2%"', '"2"', r'max_increase: "2" is not a limit'),
        ('"2%"', '["2%", "0.004"]', r'max_increase: "0.004" is not a limit'),
        ('"2%"', '"-2%"', r'max_increase: "-2%" is not a limit'),
        ('"2%"', '["2%", "3%"]', r"max_increase: two limits of one kind"),
        ('"2%"', "[]", r"max_increase: no limit"),
        ('"regression"', '"superior"', r'f\.toml:26: \[rule\]: test = "superior"'),
        ("optional = false", "optional = 0", r"f\.toml:28: \[rule\]: optional = 0"),
        ("schema = 1", "schema = 2", r"f\.toml:1: schema = 2"),
        ("delta = 1.0", "delta = -1.0", r"f\.toml:8: huber: delta=-1\.0 is outside its domain"),
        ('name = "huber"', 'name = "hubber"', r"f\.toml:7: no loss .*hubber"),
        ('name = "huber"\n', "", r"f\.toml:6: \[loss\] without a name"),
        ("[gate]\n", "[gate]\n[gate]\n", r"f\.toml: .*gate"),
        ("level = 0.95", "level 0.95", r"f\.toml: .*line 10"),
        ("[input]\n", "input = 3\n[other]\n", r'f\.toml:\d+: no key "other"|f\.toml:2: input is not a table'),
    ],
)
def test_a_bad_value_is_refused_with_its_line(old: str, new: str, problem: str) -> None:
    assert old in EXAMPLE
    with pytest.raises(UsageError, match=problem):
        parse_configuration(EXAMPLE.replace(old, new, 1), "f.toml")


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "losscli.toml"
    path.write_text("[[rule]]\nmax = 2\n", encoding="utf-8-sig")
    assert read_configuration(str(path)).rules[0].bounds == (Bound("max", 2.0),)


def test_a_file_that_is_not_there_is_an_error_of_the_call(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no such file") as refused:
        read_configuration(str(tmp_path / "losscli.toml"))
    assert refused.value.fix == "losscli init"
    (tmp_path / "losscli.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="not UTF-8"):
        read_configuration(str(tmp_path / "losscli.toml"))


def test_several_losses_and_every_key_of_the_input() -> None:
    text = """
[input]
path = ["a.csv", "s3://b/c.csv", "-"]
label = ["y1", "y2"]
col = { lower = "lo", upper = ["hi"] }
classes = "a, b"
pos_label = 1
pred_kind = "prob"
where = "x > 1"
nan = "skip"
strict = true
chunk_rows = 10
threads = 2
plugin = "own.py"
[[loss]]
name = "huber"
title = "small"
delta = 0.5
[[loss]]
name = "0.7*huber:delta=2+0.3*mae"
title = "risk"
dialect = "keras"
"""
    found = parse_configuration(text, "ci/f.toml")
    assert found.data == ("ci/a.csv", "s3://b/c.csv", "-")
    assert found.inputs == {
        "label": ["y1", "y2"],
        "columns": {"lower": "lo", "upper": ["hi"]},
        "classes": ["a", "b"],
        "pos_label": "1",
        "pred_kind": "prob",
        "where": "x > 1",
        "nan": "skip",
        "strict": True,
        "chunk_rows": 10,
        "threads": 2,
        "plugin": ("ci/own.py",),
    }
    small, risk = configured_losses(found.losses, {})
    assert (small.title, dict(small.params)) == ("small", {"delta": 0.5})
    assert (risk.title, risk.params["huber.delta"], risk.terms[0].loss.dialect) == ("risk", 2.0, "keras")


def test_a_parameter_of_the_command_line_wins_over_the_file() -> None:
    found = parse_configuration(EXAMPLE)
    (loss,) = configured_losses(found.losses, {"delta": "3"})
    assert dict(loss.params) == {"delta": 3.0}
    with pytest.raises(UsageError, match="--gamma is not a parameter of huber"):
        configured_losses(found.losses, {"gamma": "3"})


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("max=0.42", "max = 0.42"),
        ("max=0.42,warn=4e-1", "max = 0.42\nwarn = 0.4"),
        ("min=-1.5,name=not too good", 'min = -1.5\nname = "not too good"'),
        ("max_increase=2%,by=region,severity=warn", 'max_increase = "2%"\nby = "region"\nseverity = "warn"'),
        ("max-increase=2%,0.004, test = point", 'max_increase = ["2%", 0.004]\ntest = "point"'),
        ("max_decrease=0.1,by=region,sex", 'max_decrease = 0.1\nby = ["region,sex"]'),
        (
            "max=1,where=a == 'x,y' and b <= 3,optional=true",
            "max = 1\nwhere = \"a == 'x,y' and b <= 3\"\noptional = true",
        ),
        ("max=1,by=@class,metric=mae", 'max = 1\nby = ["@class"]\nmetric = "mae"'),
    ],
)
def test_a_rule_on_the_command_line_is_a_table_on_one_line(text: str, table: str) -> None:
    (expected,) = parse_configuration(f"[[rule]]\n{table}\n").rules
    found = parse_rule(text)
    assert (found, found.line) == (Rule(**{**vars(expected), "line": None}), None)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("0.42", "is not KEY=VALUE"),
        ("max=", "is not KEY=VALUE"),
        ("max=0.42,max=0.5", "max is given twice"),
        ("maximum=0.42", 'no key "maximum"'),
        ("max=high", 'max = "high"'),
        ("by=region", "no limit"),
        ("max=1,test=point", "test without max_increase"),
        ("max=1,severity=grave", "severity"),
    ],
)
def test_a_bad_rule_on_the_command_line_is_refused(text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=re.escape(problem)):
        parse_rule(text)


def test_of_two_limits_the_larger_one_decides_and_is_called_so() -> None:
    assert parse_rule("max_increase=2%,0.004").limits == "increase at most the larger of 2% and 0.004"
    assert parse_rule("max_decrease=0.004").limits == "decrease at most 0.004"


def test_a_warning_belongs_to_the_limit_that_it_is_before() -> None:
    assert parse_rule("max=2,warn=1").bounds == (Bound("max", 2.0, 1.0),)
    assert parse_rule("min=1,warn=2").bounds == (Bound("min", 1.0, 2.0),)
    assert parse_rule("warn=1").bounds == (Bound("max", None, 1.0),)
    assert parse_rule("max=3,min=1,warn=2").bounds == (Bound("max", 3.0, 2.0), Bound("min", 1.0))
    with pytest.raises(UsageError, match="warn 1 is below min 2"):
        parse_rule("min=2,warn=1")


def test_lines_are_those_of_the_key_in_its_own_table() -> None:
    text = '[[rule]]\nname = "a"\nmax = 1\n\n[[rule]]\n# max = 3\n"name" = "b"\nmax = 2\n[stats]\nmax = 4\n'
    assert [line_of(text, "rule", 0, "max"), line_of(text, "rule", 1, "max")] == [3, 8]
    assert [line_of(text, "rule", 1), line_of(text, "rule", 1, "name"), line_of(text, "stats")] == [5, 7, 9]
    # A key that is not found, as in an inline table, is told by the line of its table.
    assert line_of(text, "rule", 1, "by") == 5
    assert line_of(text, "loss", 0, "name") is None


def uncommented(text: str) -> str:
    """The template with every example in force."""
    return re.sub(r"(?m)^# (\[.*\]|\w+ = .*)$", r"\1", text)


def test_the_template_parses_as_it_is_and_with_every_example_in_force() -> None:
    plain = parse_configuration(template(Findings()))
    assert [rule.limits for rule in plain.rules] == ["at most 0.42"]
    assert plain.losses[0].spec == "huber"
    assert plain == Configuration(path="losscli.toml", losses=plain.losses, rules=plain.rules)
    full = parse_configuration(uncommented(template(Findings(slices="sex"))))
    assert [rule.by for rule in full.rules] == [(), ("sex",), ("sex",)]
    assert full.baseline == "main.parquet"


def test_the_template_quotes_what_it_fills_in() -> None:
    odd = 'a "b"\\c\n\x7fé'
    found = parse_configuration(
        template(Findings(inputs={"label": odd, "pred": [odd, "p"], "path": "x.csv"}, value=0.0))
    )
    assert found.inputs == {"label": odd, "pred": [odd, "p"]}
    assert found.data == ("x.csv",)


@pytest.mark.parametrize(
    ("value", "limit"), [(0.397, 0.44), (43.7685, 49.0), (1.0, 1.1), (0.0, 0.1), (-2.0, -1.8), (9.95e7, 1.1e8)]
)
def test_the_first_limit_is_two_digits_a_tenth_above(value: float, limit: float) -> None:
    np.testing.assert_allclose(first_limit(value), limit, rtol=1e-12)
    assert value <= first_limit(value)


def test_the_example_of_the_readme_is_a_configuration() -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    block = readme.partition("### Gates")[2].partition("```toml\n")[2].partition("```")[0]
    found = parse_configuration(block)
    assert [rule.name for rule in found.rules] == ["overall level", "no region regresses"]
    assert found.rules[1].by == ("region", "age:q5")


def test_every_key_is_explained() -> None:
    for keys in SECTIONS.values():
        names = [key.name for key in keys]
        assert len(set(names)) == len(names)
        assert all(key.help and key.expected and not key.help.endswith(".") for key in keys)
