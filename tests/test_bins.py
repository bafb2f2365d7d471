"""Bins: what --by says is read back, every value is where its label says, and no order of rows shows in an edge."""

from __future__ import annotations

import math
import pickle
from unittest import mock

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from losscli import bins as bins_module
from losscli.bins import AxisPart, BinScout, FixedBins, QuantileBins, parse_by
from losscli.errors import UsageError

AGES = FixedBins((0.0, 18.0, 65.0))

finite = st.floats(allow_nan=False, allow_infinity=False).map(lambda value: value + 0.0)
edges = st.sets(finite, min_size=1, max_size=5).map(lambda found: FixedBins(tuple(sorted(found))))
quantiles = st.integers(2, 1000).map(QuantileBins)
names = st.one_of(
    st.sampled_from(
        ["age", "0.5", "a,b", "x:q5", "x:1", 'say "a"', "`", " padded", "Probability:Class=1", "année", "a:"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6),
)
parts = st.builds(AxisPart, names, st.one_of(st.none(), edges, quantiles))
crosses = st.lists(parts, min_size=1, max_size=4, unique_by=lambda part: part.column).map(tuple)

values = st.one_of(
    st.floats(allow_nan=False),
    st.integers(-5, 5).map(float),
    st.sampled_from([-0.0, 5e-324, -5e-324, math.inf, -math.inf, 1e-300, 1.7e308]),
)
columns = st.lists(st.one_of(values, st.just(math.nan)), max_size=60).map(lambda column: np.array(column, float))


@pytest.mark.parametrize(
    "text, expected",
    [
        ("region", (AxisPart("region"),)),
        ("age:0,18,65", (AxisPart("age", AGES),)),
        ("age:q5", (AxisPart("age", QuantileBins(5)),)),
        ("A,B", (AxisPart("A"), AxisPart("B"))),
        ("A,B:q4", (AxisPart("A"), AxisPart("B", QuantileBins(4)))),
        ("age:0,18,65,region", (AxisPart("age", AGES), AxisPart("region"))),
        ("age: 0, 18, 65 , size:1e3", (AxisPart("age", AGES), AxisPart("size", FixedBins((1000.0,))))),
        ("0.1,age:-2,.5", (AxisPart("0.1"), AxisPart("age", FixedBins((-2.0, 0.5))))),
        ("age:0,18,65,`0.1`", (AxisPart("age", AGES), AxisPart("0.1"))),
        ("Probability:Class=1:q4", (AxisPart("Probability:Class=1", QuantileBins(4)),)),
        ('"a,b":q2,`x:q5`', (AxisPart("a,b", QuantileBins(2)), AxisPart("x:q5"))),
    ],
)
def test_by_is_read_as_its_grammar_says(text, expected):
    assert parse_by(text) == expected


@given(cross=crosses)
def test_by_is_written_as_it_is_read(cross):
    assert parse_by(",".join(map(str, cross))) == cross


@pytest.mark.parametrize(
    "text, problem",
    [
        ("", "empty part"),
        (" ", "empty part"),
        ("a,,b", "empty part"),
        ("a,", "ends with a comma"),
        ('"a', "open quote"),
        ("a:q1", "asks for 1 quantile bins"),
        ("a:q1001", "asks for 1001 quantile bins"),
        ("a:3,2", "do not ascend"),
        ("a:2,2", "do not ascend"),
        ("a:1e999", "beyond float64"),
        ("a,b,a:q2", 'names the column "a" twice'),
    ],
)
def test_by_that_makes_no_sense_is_refused(text, problem):
    with pytest.raises(UsageError, match=problem):
        parse_by(text)


def test_edges_that_do_not_ascend_are_offered_in_order():
    with pytest.raises(UsageError) as refused:
        parse_by("age:65,0,18,18")
    assert refused.value.fix == ":0,18,65"


def test_labels_name_the_bins():
    assert AGES.labels == ("< 0", "[0, 18)", "[18, 65)", ">= 65")
    assert FixedBins((0.5,)).labels == ("< 0.5", ">= 0.5")
    assert FixedBins(()).labels == ("any number",)


def holds(label: str, value: float) -> bool:
    """Whether `value` is what `label` says, read as people read it."""
    if label.startswith("<"):
        return value < float(label[2:])
    if label.startswith(">="):
        return value >= float(label[3:])
    low, high = label[1:-1].split(", ")
    return float(low) <= value < float(high)


@given(bins=edges, column=columns)
@example(bins=AGES, column=np.array([-1.0, -0.0, 0.0, 17.5, 18.0, 65.0, np.inf, -np.inf, np.nan]))
def test_every_value_is_in_the_one_bin_whose_label_holds_it(bins, column):
    for code, value in zip(bins.codes(column).tolist(), column.tolist(), strict=True):
        found = [place for place, label in enumerate(bins.labels) if holds(label, value)]
        assert found == ([] if math.isnan(value) else [code])
        assert code <= len(bins.labels) and (code == len(bins.labels)) == math.isnan(value)


def scouted(*pieces: np.ndarray) -> BinScout:
    scout = BinScout()
    for piece in pieces:
        scout.update(piece)
    return scout


@given(column=columns, count=st.integers(2, 6))
@example(column=np.array([1.0, 2.0, 3.0, 4.0, 5.0]), count=5)
@example(column=np.array([0.0, 0.0, 0.0, 7.0]), count=4)
@example(column=np.array([-0.0, -0.0, -0.0, 0.0, 1.0]), count=2)
def test_edges_part_the_rows_at_the_inverted_cdf(column, count):
    ascending = np.sort(column[~np.isnan(column)])
    wanted = set()
    for share in range(1, count):
        if ascending.size:
            quantile = ascending[-(-share * ascending.size // count) - 1]
            above = ascending[ascending > quantile]
            if above.size:
                wanted.add((quantile, above[0]))
    found = scouted(column).edges(count)
    assert len(found) == len(wanted)
    for edge, (quantile, following) in zip(found, sorted(wanted), strict=True):
        assert quantile < edge <= following


@pytest.mark.parametrize("cells", [4, 1 << 16])
@given(column=columns, count=st.integers(2, 6), data=st.data())
def test_edges_depend_neither_on_order_nor_on_merges(cells, column, count, data):
    with mock.patch.object(bins_module, "_CELLS", cells), mock.patch.object(bins_module, "_PENDING_VALUES", 7):
        expected = scouted(column).edges(count)
        order = np.array(data.draw(st.permutations(range(column.size))), np.intp)
        cuts = sorted(data.draw(st.lists(st.integers(0, column.size), max_size=4)))
        scouts = [scouted(*np.array_split(column[piece], 2)) for piece in np.split(order, cuts)]
        while len(scouts) > 1:
            one = scouts.pop(data.draw(st.integers(0, len(scouts) - 1)))
            scouts[0].merge(pickle.loads(pickle.dumps(one)))
        assert scouts[0].edges(count) == expected


@pytest.mark.parametrize("cells", [4, 1 << 16])
@given(column=columns, count=st.integers(2, 6))
def test_edges_ascend_strictly(cells, column, count):
    with mock.patch.object(bins_module, "_CELLS", cells):
        found = scouted(column).edges(count)
    assert list(found) == sorted(set(found)) and len(found) < count


MANY = np.random.default_rng(7)


@pytest.mark.parametrize(
    "column",
    [
        MANY.normal(size=200_000),
        1.7e9 + MANY.uniform(0, 2.6e6, 200_000),
        np.exp(MANY.normal(0, 20, 200_000)),
        -MANY.random(200_000),
    ],
    ids=["normal", "times of a month", "many magnitudes", "negative"],
)
def test_bins_of_many_different_values_are_equal_to_a_part_in_a_hundred(column):
    settled = QuantileBins(5).settled(scouted(column))
    rows = np.bincount(settled.codes(column), minlength=5)
    np.testing.assert_allclose(rows, column.size / 5, rtol=0.01)
    assert QuantileBins(5).note("x", settled) is None


def test_edges_have_no_more_digits_than_it_takes_to_part_the_rows():
    column = np.array([0.12345, 0.2871, 0.3019, 0.91])
    assert scouted(column).edges(2) == (0.3,)
    assert scouted(np.arange(36.0, 40.0)).edges(4) == (37.0, 38.0, 39.0)


def test_equal_values_share_a_bin_and_the_user_is_told():
    column = np.array([0.0] * 7 + [1.0, 2.0, 3.0])
    bins = QuantileBins(5)
    settled = bins.settled(scouted(column))
    assert settled == FixedBins((1.0, 2.0))
    assert "3 of 5 quantile bins" in bins.note("score", settled)


@pytest.mark.parametrize("column", [[], [math.nan, math.nan], [3.0, 3.0, math.nan]], ids=["none", "null", "constant"])
def test_a_column_of_at_most_one_value_has_one_bin(column):
    settled = QuantileBins(3).settled(scouted(np.array(column, float)))
    assert settled == FixedBins(())
    assert settled.codes(np.array([3.0, math.nan])).tolist() == [0, 1]
