"""The verdicts of gates: limits, tests of paired differences, corrections, refusals."""

from __future__ import annotations

import itertools
import json
import math
import re
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.stats

import losscli
from losscli.errors import Exit, InputError, NothingToEvaluate, UsageError
from losscli.gates.corrections import CORRECTIONS, benjamini_hochberg
from losscli.gates.verdicts import Verdict, capped, of_run
from losscli.renderers import RenderOptions
from losscli.reports import find_report

SCHEMA = json.loads((Path(__file__).parent / "schema" / "losscli-gate-1.schema.json").read_text())
PASS, WARN, INCONCLUSIVE, FAIL = Verdict.PASS, Verdict.WARN, Verdict.INCONCLUSIVE, Verdict.FAIL


def table(errors: np.ndarray, **more: Any) -> pa.Table:
    """Predictions of 0 whose absolute errors are `errors`, so that the mean absolute error is their mean."""
    ids = np.arange(len(errors))
    return pa.table({"id": ids, "y_true": np.zeros(len(errors)), "y_pred": np.asarray(errors, float), **more})


def checks(report: losscli.GateReport) -> dict[str, Any]:
    """The checks of the only rule by the values of their slices."""
    (result,) = report.rules
    return {"/".join(str(value) for value in check.key.values()): check for check in result.checks}


def gate(rules: str | list[str], errors: Any, base: Any = None, **options: Any) -> losscli.GateReport:
    """The gate of the mean absolute error on two tables."""
    data = errors if isinstance(errors, pa.Table) else table(np.array(errors))
    baseline = None if base is None else base if isinstance(base, pa.Table) else table(np.array(base))
    return losscli.gate(data, rules=rules, baseline=baseline, **{"loss": "mae", **options})


@pytest.mark.parametrize(
    ("rule", "loss", "verdict"),
    [
        ("max=2", 2.0, PASS),
        ("max=2", np.nextafter(2.0, 3.0), FAIL),
        ("max=2,warn=1", 1.0, PASS),
        ("max=2,warn=1", 1.5, WARN),
        ("max=2,warn=1", 2.5, FAIL),
        ("warn=1", 9.0, WARN),
        ("min=2", 2.0, PASS),
        ("min=2", np.nextafter(2.0, 1.0), FAIL),
        ("min=1,warn=2", 1.5, WARN),
        ("max=2,severity=warn", 3.0, WARN),
        ("max=2,severity=info", 3.0, PASS),
        ("max=2,warn=1,severity=info", 1.5, PASS),
    ],
)
def test_limits_of_the_loss_are_inclusive(rule: str, loss: float, verdict: Verdict) -> None:
    report = gate(rule, [loss, loss])
    assert report.verdict is verdict
    assert report.exit_code == (Exit.GATE_FAILED if verdict is FAIL else Exit.DONE)


def test_what_was_found_is_told_whatever_the_severity() -> None:
    (check,) = checks(gate("max=2,severity=info", [3.0])).values()
    assert (check.verdict, check.finding, check.reason) == (PASS, FAIL, "mae 3 is above the limit of 2")


def test_slices_classes_and_crosses_are_checked_each() -> None:
    data = table(np.array([1.0, 3.0, 5.0, 7.0]), region=["n", "n", "s", None], sex=["1", "2", "1", "2"])
    found = checks(gate("max=4,by=region", data))
    assert {key: (one.verdict, one.cand, one.count) for key, one in found.items()} == {
        "n": (PASS, 2.0, 2),
        "s": (FAIL, 5.0, 1),
        "None": (FAIL, 7.0, 1),
    }
    assert list(checks(gate("max=4,by=region,sex", data))) == ["n/1", "n/2", "s/1", "None/2"]
    two = losscli.gate(data, loss="mae", rules=["max=4,by=region", "max=8,by=sex"])
    assert [[check.verdict for check in rule.checks] for rule in two.rules] == [[PASS, FAIL, FAIL], [PASS, PASS]]
    wine = losscli.gate("sample_data/wine.csv", loss="cce", rules="max=0.06,by=@class")
    assert {key: one.verdict for key, one in checks(wine).items()} == {
        "class_0": PASS,
        "class_1": FAIL,
        "class_2": PASS,
    }


def test_bins_are_slices_and_two_ways_to_bin_a_column_are_two_passes() -> None:
    data = table(np.arange(10.0), age=np.arange(10.0))
    report = losscli.gate(data, loss="mae", rules=["max=9,by=age:5", "max=9,by=age:2,8"])
    counts = [[check.count for check in rule.checks] for rule in report.rules]
    assert counts == [[5, 5], [2, 6, 2]]


def test_rules_name_the_loss_where_there_are_several() -> None:
    both = {"loss": ["mae", "risk=2*mse"]}
    report = gate(["max=2,metric=mae", "max=8,metric=risk"], [2.0, 2.0], **both)
    assert [rule.verdict for rule in report.rules] == [PASS, PASS]
    assert gate("max=2,metric=MeanAbsoluteError", [2.0], **both).rules[0].metric == "mae"
    with pytest.raises(UsageError, match='rule "at most 2" could mean any of 2 losses'):
        gate("max=2", [2.0], **both)
    two = {"loss": ["a=huber:delta=1", "b=huber:delta=2", "mse=mae"]}
    with pytest.raises(UsageError, match="metric huber could mean any of a, b"):
        gate("max=2,metric=huber", [2.0], **two)
    assert gate("max=2,metric=mse", [2.0], **two).rules[0].metric == "mse"
    with pytest.raises(UsageError, match="metric risc is not one of the selected losses"):
        gate("max=2,metric=risc", [2.0], **both)


def test_a_loss_that_does_not_exist_cannot_pass() -> None:
    with pytest.raises(InputError, match="the mae of all rows does not exist"):
        gate("max=2", [1.0, np.nan], nan="propagate")


def test_a_rule_that_matches_nothing_is_an_error_unless_it_is_optional() -> None:
    data = table(np.array([1.0, 2.0]), split=["train", "test"])
    assert gate("max=1.5,where=split == 'train'", data).rules[0].checks[0].count == 1
    with pytest.raises(NothingToEvaluate, match=r'rule ".*" matches nothing: .*val'):
        gate(["max=3", "max=3,where=split == 'val'"], data)
    report = gate(["max=3", "max=3,where=split == 'val',optional=true"], data)
    assert report.verdict is PASS
    assert report.rules[1].checks == []
    assert any("matches nothing" in warning for warning in report.warnings)
    with pytest.raises(NothingToEvaluate, match="has no classes"):
        gate("max=3,by=@class", data)
    with pytest.raises(NothingToEvaluate, match="no rows"):
        gate("max=3,optional=true", table(np.zeros(0)))


def test_the_filter_of_a_rule_and_that_of_the_input_hold_both() -> None:
    data = table(np.array([1.0, 2.0, 4.0, 8.0]), a=[1, 1, 2, 2], b=[1, 2, 1, 2])
    report = losscli.gate(data, loss="mae", rules=["max=9,where=a == 1 or b == 1", "max=9"], where="b == 1 or a == 2")
    assert [rule.checks[0].cand for rule in report.rules] == [2.5, 13.0 / 3.0]


@pytest.fixture
def models() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Errors of a baseline and of a candidate on 400 rows of two slices, the second with a clear regression."""
    rng = np.random.default_rng(1)
    base = rng.gamma(4.0, 0.25, 400)
    slices = np.repeat(["a", "b"], 200)
    cand = base + rng.normal(0.0, 0.1, 400) + np.where(slices == "b", 0.1, 0.0)
    return base, np.abs(cand), slices


def paired_p(cand: np.ndarray, base: np.ndarray, alternative: str) -> float:
    return float(scipy.stats.ttest_rel(cand, base, alternative=alternative).pvalue)


@pytest.mark.parametrize("rule", ["max_increase=0.02", "max_increase=2%", "max_increase=2%,0.01"])
def test_a_regression_needs_evidence_beyond_the_limit(rule: str, models: tuple[np.ndarray, ...]) -> None:
    base, cand, slices = models
    report = gate(f"{rule},by=slice", table(cand, slice=slices), table(base, slice=slices), id="id")
    limits = {"max_increase=0.02": [base + 0.02], "max_increase=2%": [1.02 * base]}
    reached = limits.get(rule, [1.02 * base, base + 0.01])
    for name, check in checks(report).items():
        rows = slices == name
        p = max(paired_p(cand[rows], limit[rows], "greater") for limit in reached)
        np.testing.assert_allclose(check.p, p, rtol=1e-9)
        np.testing.assert_allclose(check.limit, max((limit[rows] - base[rows]).mean() for limit in reached))
        np.testing.assert_allclose(check.diff, (cand[rows] - base[rows]).mean())
    assert checks(report)["b"].verdict is FAIL
    assert report.exit_code is Exit.GATE_FAILED


def test_a_decrease_is_limited_as_an_increase_is(models: tuple[np.ndarray, ...]) -> None:
    base, cand, slices = models
    up = checks(gate("max_increase=2%,by=slice", table(cand, slice=slices), table(base, slice=slices), id="id"))
    (down,) = gate("max_decrease=0.02", table(base), table(cand), id="id").rules[0].checks
    assert (up["b"].verdict, down.verdict) == (FAIL, FAIL)
    np.testing.assert_allclose(down.p, paired_p(base, cand - 0.02, "less"), rtol=1e-9)
    (kept,) = gate("max_decrease=2%", table(cand), table(base), id="id").rules[0].checks
    assert kept.verdict is PASS


def test_what_looks_too_large_by_chance_is_inconclusive_and_says_how_many_rows_decide() -> None:
    rng = np.random.default_rng(0)
    base = 5.0 + rng.gamma(4.0, 0.25, 50)
    noise = rng.normal(0.0, 0.3, 50)
    cand = base + noise - noise.mean() + 0.04
    report = gate("max_increase=0", cand, base, id="id")
    (check,) = report.rules[0].checks
    assert check.verdict is INCONCLUSIVE
    # n of a one-sided test at 5 % with power 80 %: (z_0.95 + z_0.8)² σ² / δ².
    spread = np.std(cand - base, ddof=1)
    wanted = (scipy.stats.norm.ppf(0.95) + scipy.stats.norm.ppf(0.8)) ** 2 * (spread / 0.04) ** 2
    np.testing.assert_allclose(check.rows_needed, wanted, atol=1.0)
    assert f"about {check.rows_needed:,} rows would decide" in check.reason
    assert [gate("max_increase=0", cand, base, id="id", on_inconclusive=one).verdict for one in ("pass", "warn")] == [
        PASS,
        WARN,
    ]
    strict = gate("max_increase=0", cand, base, id="id", on_inconclusive="fail")
    assert (strict.verdict, strict.exit_code) == (INCONCLUSIVE, Exit.INCONCLUSIVE)
    milder = gate("max_increase=0,severity=warn", cand, base, id="id", on_inconclusive="fail")
    assert (milder.verdict, milder.exit_code) == (WARN, Exit.DONE)


def test_non_inferiority_passes_only_on_evidence(models: tuple[np.ndarray, ...]) -> None:
    base, cand, _ = models

    def verdict(limit: float, rows: slice) -> tuple[Verdict, float]:
        report = gate(f"max_increase={limit},test=non-inferior", cand[rows], base[rows], id="id")
        (check,) = report.rules[0].checks
        return check.verdict, check.p

    clear, small = slice(None), slice(8, 12)
    assert verdict(0.5, clear)[0] is PASS
    np.testing.assert_allclose(verdict(0.07, clear)[1], paired_p(cand, base + 0.07, "less"), rtol=1e-9)
    failing, p = verdict(0.01, clear)
    assert failing is FAIL
    np.testing.assert_allclose(p, paired_p(cand, base + 0.01, "greater"), rtol=1e-9)
    assert verdict(0.05, small)[0] is INCONCLUSIVE
    # The same rows pass where only evidence of harm fails.
    assert gate("max_increase=0.05", cand[small], base[small], id="id").verdict is PASS


def test_a_point_gate_compares_the_points() -> None:
    base = np.array([1.0, 2.0, 3.0])
    assert gate("max_increase=0.5,test=point", base + 0.5, base, id="id").verdict is PASS
    report = gate("max_increase=0.5,test=point", base + 0.51, base, id="id")
    (check,) = report.rules[0].checks
    assert (report.verdict, check.p, check.p_adjusted) == (FAIL, None, None)


def test_p_values_are_corrected_over_all_rules_of_the_run() -> None:
    rng = np.random.default_rng(3)
    base = rng.gamma(4.0, 0.25, 600)
    cand = base + rng.normal(0.0, 0.2, 600)
    slices = np.repeat(list("abcdef"), 100)
    odd = np.tile(["1", "2"], 300)
    tables = [table(np.abs(errors), slice=slices, odd=odd) for errors in (cand, base)]
    rules = [
        "max_increase=0,by=slice",
        "max_increase=0,by=odd",
        "max_increase=1%",
        "max=9",
        "max_increase=0,test=point",
    ]
    for correction in ("holm", "bh", "none"):
        report = gate(rules, *tables, id="id", correction=correction)
        found = [check for _, check in report.checks() if check.p is not None]
        assert len(found) == 9
        expected = CORRECTIONS[correction]([check.p for check in found])  # type: ignore[index]
        assert [check.p_adjusted for check in found] == expected


def test_a_slice_fails_at_the_corrected_level_only() -> None:
    rng = np.random.default_rng(4)
    base = 5.0 + rng.gamma(4.0, 0.25, 600)
    slices = np.repeat(list("abcdef"), 100)
    noise = rng.normal(size=(6, 100))
    noise = 0.1 * (noise - noise.mean(axis=1, keepdims=True)) / noise.std(axis=1, ddof=1, keepdims=True)
    # Slice a lies 2.2 standard errors above the limit: p is 0.015, and six times that is not small.
    cand = base + (noise + np.array([0.022, *[-0.1] * 5])[:, None]).ravel()
    tables = [table(errors, slice=slices) for errors in (cand, base)]
    p = scipy.stats.t.sf(2.2, 99)
    for correction, adjusted, verdict in (
        ("none", p, FAIL),
        ("holm", 6 * p, INCONCLUSIVE),
        ("bh", 6 * p, INCONCLUSIVE),
    ):
        found = checks(gate("max_increase=0,by=slice", *tables, id="id", correction=correction))
        np.testing.assert_allclose(found["a"].p_adjusted, adjusted, rtol=1e-6)
        assert [check.verdict for check in found.values()] == [verdict, *[PASS] * 5]
        # Alone it would be evidence, and its interval leaves out 0: the reader is told why that does not decide.
        assert ("; that may be chance among 6 tests" in found["a"].reason) == (verdict is INCONCLUSIVE)
        needed = None
        if verdict is INCONCLUSIVE:
            # The first to be found by Holm or Benjamini-Hochberg has to be so at a sixth of 5 %.
            deviations = scipy.stats.norm.isf(0.05 / 6) + scipy.stats.norm.isf(0.2)
            needed = math.ceil(100 * (deviations / 2.2) ** 2)
        assert found["a"].rows_needed == needed
    assert gate("max_increase=0,by=slice", *tables, id="id", level=0.9).verdict is FAIL


def test_corrections_are_those_of_the_literature() -> None:
    p = np.array([0.01, 0.04, 0.03, 0.005, 0.5])
    np.testing.assert_allclose(
        np.array(benjamini_hochberg(list(p)), float), scipy.stats.false_discovery_control(p), rtol=1e-14
    )
    # Holm by hand: the smallest times 5, the next times 4, ..., never below the one before.
    np.testing.assert_allclose(
        np.array(CORRECTIONS["holm"](list(p)), float), [0.04, 0.09, 0.09, 0.025, 0.5], rtol=1e-14
    )
    assert CORRECTIONS["none"](list(p)) == list(p)
    for correct in CORRECTIONS.values():
        assert correct([None, 0.2, None]) == [None, 0.2, None]
        assert correct([]) == []


def test_corrections_do_not_depend_on_the_order_of_the_checks() -> None:
    p = [0.01, 0.04, 0.03]
    for correct in CORRECTIONS.values():
        adjusted = dict(zip(p, correct(p), strict=True))
        for order in itertools.permutations(p):
            assert correct(order) == [adjusted[one] for one in order]


def test_small_slices_are_shown_and_decide_nothing() -> None:
    rng = np.random.default_rng(0)
    base = rng.gamma(4.0, 0.25, 140)
    slices = np.repeat(["big", "tiny"], [120, 20])
    cand = base + np.where(slices == "tiny", 5.0, 0.0) + rng.normal(0, 0.01, 140)
    tables = [table(np.abs(errors), slice=slices) for errors in (cand, base)]
    report = gate("max_increase=1,by=slice", *tables, id="id", on_inconclusive="fail")
    tiny = checks(report)["tiny"]
    assert (tiny.verdict, tiny.p, tiny.rows_needed, tiny.tested) == (INCONCLUSIVE, None, 30, False)
    assert (report.rules[0].verdict, report.exit_code) == (PASS, Exit.DONE)
    assert checks(gate("max_increase=1,by=slice", *tables, id="id", min_slice=20))["tiny"].verdict is FAIL
    # Nothing but small slices is no pass; and a limit of the loss itself holds for any slice.
    assert gate("max_increase=1,by=slice", *tables, id="id", min_slice=500).rules[0].verdict is INCONCLUSIVE
    assert checks(gate("max=3,by=slice", tables[0]))["tiny"].verdict is FAIL
    # The total is no slice.
    assert gate("max_increase=0.01", *tables, id="id", min_slice=500).verdict is FAIL


def test_a_relative_rule_on_a_baseline_near_zero_is_refused() -> None:
    base, cand = np.zeros(50), np.full(50, 0.1)
    with pytest.raises(
        InputError, match=r"the baseline mae of all rows is 0, so a change of 2% of it means nothing"
    ) as no:
        gate("max_increase=2%", cand, base, id="id")
    assert no.value.fix is not None and 'max_increase = ["2%", LIMIT]' in no.value.fix
    with pytest.raises(InputError, match="means nothing"):
        gate("max_increase=2%", cand, np.full(50, 1e-13), id="id")
    assert gate("max_increase=2%,0.2", cand, base, id="id").verdict is PASS
    assert gate("max_increase=2%,0.05", cand, base, id="id").verdict is FAIL


def test_a_baseline_must_be_another_file_about_the_same_rows(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    errors = rng.gamma(4.0, 0.25, 60)
    paths = [str(tmp_path / name) for name in ("cand.parquet", "copy.parquet", "base.parquet")]
    pq.write_table(table(errors), paths[0])
    pq.write_table(table(errors), paths[1])
    rules = {"loss": "mae", "rules": "max_increase=2%", "id": "id"}
    for same in paths[:2]:
        with pytest.raises(InputError):
            losscli.gate(paths[0], baseline=same, **rules)
    other = table(errors * 1.001)
    cases = {
        "duplicate": other.set_column(0, "id", [[0, *range(59)]]),
        "missing": other.slice(1),
        "labels": other.set_column(1, "y_true", [[1.0, *[0.0] * 59]]),
    }
    for bad in cases.values():
        with pytest.raises(InputError):
            losscli.gate(paths[0], baseline=bad, **rules)
    shuffled = other.take(rng.permutation(60))
    assert losscli.gate(paths[0], baseline=shuffled, **rules).verdict is PASS


def test_a_baseline_that_is_missing_is_an_error_unless_it_need_not_be(tmp_path: Path) -> None:
    pq.write_table(table(np.ones(40)), tmp_path / "cand.parquet")
    text = """
[input]
path = "cand.parquet"
id = "id"
[loss]
name = "mae"
[baseline]
path = "base.parquet"
required = {}
[[rule]]
max_increase = "2%"
[[rule]]
max = 2
"""
    config = tmp_path / "losscli.toml"
    config.write_text(text.format("true"))
    with pytest.raises(InputError, match=r"base\.parquet"):
        losscli.gate(config=str(config))
    config.write_text(text.format("false"))
    report = losscli.gate(config=str(config))
    assert [(rule.verdict, len(rule.checks)) for rule in report.rules] == [(PASS, 0), (PASS, 1)]
    assert any("base.parquet does not exist" in warning for warning in report.warnings)
    config.write_text("[loss]\nname = 'mae'\n[[rule]]\nmax_increase = 1\n")
    with pytest.raises(UsageError, match="needs a baseline"):
        losscli.gate(str(tmp_path / "cand.parquet"), config=str(config))


def test_rows_that_are_left_out_are_told() -> None:
    report = gate("max=2", [1.0, np.nan], nan="skip")
    assert report.verdict is PASS
    assert any(re.match("1 of 2 rows skipped", warning) for warning in report.warnings)
    base = np.ones(40)
    paired = gate("max_increase=0.5", [np.nan, *np.linspace(0.9, 1.0, 39)], base, nan="skip", id="id")
    assert paired.rules[0].checks[0].count == 39
    assert any(re.match("1 .*missing value in either file", warning) for warning in paired.warnings)


def test_a_baseline_may_be_a_glob(tmp_path: Path) -> None:
    pq.write_table(table(np.linspace(1, 2, 40)), tmp_path / "base-1.parquet")
    pq.write_table(table(np.linspace(1, 1.9, 40)), tmp_path / "cand.parquet")
    config = tmp_path / "losscli.toml"
    config.write_text(
        "[input]\npath = 'cand.parquet'\nid = 'id'\n[loss]\nname = 'mae'\n"
        "[baseline]\npath = 'base-*.parquet'\nrequired = false\n[[rule]]\nmax_increase = '2%'\n"
    )
    (check,) = losscli.gate(config=str(config)).rules[0].checks
    assert (check.verdict, check.base) == (PASS, 1.5)


def test_the_verdict_of_a_run_is_the_gravest_that_counts() -> None:
    fail = ((FAIL, "fail"),)
    assert of_run([(PASS, "fail"), (WARN, "fail"), *fail], "pass") is FAIL
    assert of_run([(INCONCLUSIVE, "fail"), *fail], "fail") is FAIL
    assert of_run([(INCONCLUSIVE, "fail"), (WARN, "fail")], "pass") is WARN
    assert of_run([(INCONCLUSIVE, "info"), (INCONCLUSIVE, "warn")], "fail") is WARN
    assert of_run([], "fail") is PASS
    assert [capped(one, "warn") for one in Verdict] == [PASS, WARN, INCONCLUSIVE, WARN]
    assert [capped(one, "info") for one in Verdict] == [PASS, PASS, INCONCLUSIVE, PASS]


def test_no_digit_depends_on_how_the_rows_are_read(models: tuple[np.ndarray, ...]) -> None:
    base, cand, slices = models
    tables = [table(errors, slice=slices) for errors in (cand, base)]
    rules = ["max=2,by=slice", "max_increase=2%,by=slice", "max_increase=0.01,test=non-inferior"]

    def found(*data: pa.Table, **options: Any) -> list[Any]:
        return list(gate(rules, *data, id="id", **options).to_dict()["rules"])

    plain = found(*tables)
    assert found(*tables, chunk_rows=7) == plain
    assert found(*tables, threads=3, engine="threads") == plain
    assert found(*tables, engine="serial", chunk_rows=100) == plain
    order = np.random.default_rng(0)
    assert found(*(one.take(order.permutation(400)) for one in tables)) == plain


def test_the_document_is_that_of_the_schema(models: tuple[np.ndarray, ...]) -> None:
    base, cand, slices = models
    tables = [table(errors, slice=slices) for errors in (cand, base)]
    report = gate(["max=2,warn=1", "max_increase=2%,by=slice", "max=9,where=id < 0,optional=true"], *tables, id="id")
    document = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    jsonschema.validate(document, SCHEMA)
    assert (document["verdict"], document["exit_code"]) == ("FAIL", 1)
    assert [check["slice"] for check in document["rules"][1]["checks"]] == [{"slice": "a"}, {"slice": "b"}]
    by_class = losscli.gate("sample_data/wine.csv", loss="cce", rules="max=0.06,by=@class").to_dict()
    jsonschema.validate(by_class, SCHEMA)
    assert [check["class"] for check in by_class["rules"][0]["checks"]] == ["class_0", "class_1", "class_2"]


def test_what_intervals_are_is_said_beside_corrected_p_values(models: tuple[np.ndarray, ...]) -> None:
    slices = np.repeat(list("ab"), len(models[0]) // 2)
    tables = [table(errors, slice=slices) for errors in models[:2]]
    told = "verdicts follow p, which is one-sided{}; intervals are two-sided, of each check alone"
    for correction, corrected in (("holm", " and corrected for all 2 tests"), ("none", "")):
        report = gate("max_increase=2%,by=slice", *tables, id="id", correction=correction)
        assert told.format(corrected) in find_report("table").render(report, RenderOptions())
        assert report.to_dict()["interval"] == {"method": "hall", "level": 0.95, "simultaneous": False}
        assert report.to_dict()["stats"]["tests"] == 2
    alone = gate("max_increase=2%", *tables, id="id")
    assert "intervals are" not in find_report("table").render(alone, RenderOptions())


def test_the_report_as_a_data_frame(models: tuple[np.ndarray, ...]) -> None:
    base, cand, slices = models
    frame = gate("max_increase=2%,by=slice", table(cand, slice=slices), table(base, slice=slices), id="id").table()
    assert list(frame["slice"]) == ["a", "b"]
    np.testing.assert_array_less(frame["ci_low"].to_numpy(), frame["diff"].to_numpy())


@pytest.mark.parametrize(
    "options", [{"correction": "sidak"}, {"level": 1.5}, {"min_slice": 0}, {"on_inconclusive": "stop"}]
)
def test_options_are_held_to_the_same_domains_as_the_file(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        gate("max=1", [1.0], **options)


def test_unknown_options_and_rows_are_refused() -> None:
    with pytest.raises(UsageError, match="--delta is not a parameter of mean_absolute_error"):
        gate("max=1", [1.0], delta=2.0)
    with pytest.raises(UsageError, match="reduction none"):
        gate("max=1", [1.0], reduction="none")
    with pytest.raises(UsageError, match="no loss selected"):
        gate("max=1", [1.0], loss=None)
    with pytest.raises(UsageError, match="standard input can be read once"):
        losscli.gate(["-"], loss="mae", rules=["max=1", "max=1,where=a > 1"])
    batches = table(np.ones(3)).to_batches()
    with pytest.raises(UsageError, match="an iterator can be read once"):
        losscli.gate(iter(batches), loss="mae", rules=["max=1", "max=1,where=id > 1"])
    assert losscli.gate(iter(batches), loss="mae", rules=["max=1", "max=1,severity=warn"]).verdict is PASS
