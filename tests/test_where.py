"""Row filters: SQLite, asked with the same text, keeps the same rows; and every refusal shows where it is."""

from __future__ import annotations

import csv
import pickle
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from losscli.errors import InputError, NothingToEvaluate, UsageError
from losscli.faults import Faults
from losscli.readers import open_sources
from losscli.where import Where, parse_where
from losscli.where.conditions import And, Comparison, Condition, Like, Membership, Not, NullTest, Or

# Columns by what they hold; some have names that need quotes.
NUMBERS = ("age", "the score")
TEXTS = ("split", 'so "called"', "in")
BOOLEANS = ("done",)
COLUMNS = (*NUMBERS, *TEXTS, *BOOLEANS)

WORDS = ("test", "train", "val", "it's", "50%", "a_b", "é", "\U0001f600", "T", " test", "true")

NUMERIC_VALUES = (-1.0, 0.0, 0.1, 2.0, 1e-300, 2.0**40)
PATTERNS = ("t%", "%t", "t_st", "_", "%_a%", "%", "a_b", "50%", "%t%s%", "te%st%t", "'%", "")

numbers = st.one_of(st.sampled_from(NUMERIC_VALUES), st.floats(-1e9, 1e9))
texts = st.one_of(st.sampled_from(WORDS), st.text("abT%_'\"`\n", min_size=1, max_size=4))
patterns = st.one_of(st.sampled_from(PATTERNS), texts)
orders = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])


def several(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(values, min_size=1, max_size=3).map(tuple)


tests = st.one_of(
    st.builds(Comparison, st.sampled_from(NUMBERS), orders, numbers),
    st.builds(Comparison, st.sampled_from(TEXTS), orders, texts),
    st.builds(Comparison, st.sampled_from(BOOLEANS), st.sampled_from(["==", "!="]), st.booleans()),
    st.builds(Membership, st.sampled_from(NUMBERS), several(numbers)),
    st.builds(Membership, st.sampled_from(TEXTS), several(texts)),
    st.builds(Membership, st.sampled_from(BOOLEANS), several(st.booleans())),
    st.builds(Like, st.sampled_from(TEXTS), patterns),
    st.builds(NullTest, st.sampled_from(COLUMNS)),
)


def joined(conditions: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    lists = st.lists(conditions, min_size=2, max_size=3).map(tuple)
    return st.one_of(st.builds(Not, conditions), st.builds(And, lists), st.builds(Or, lists))


filters = st.recursive(tests, joined, max_leaves=8).map(Where)

CHOICES: Mapping[str, tuple[Any, ...]] = {
    **dict.fromkeys(NUMBERS, (None, *NUMERIC_VALUES)),
    **dict.fromkeys(TEXTS, (None, "", *WORDS)),
    **dict.fromkeys(BOOLEANS, (None, False, True)),
}
SEEDED = np.random.default_rng(11)
TABLE = [{name: choices[SEEDED.integers(len(choices))] for name, choices in CHOICES.items()} for _ in range(300)]


def batch_of(rows: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
    """The rows as readers yield them: float64 and dictionaries, here with a word that no row has."""
    columns = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        if name in NUMBERS:
            columns[name] = pa.array(values, pa.float64())
            continue
        words = [None if value is None else str(value).lower() if name in BOOLEANS else value for value in values]
        distinct = [*dict.fromkeys(word for word in words if word is not None), "nobody"]
        places = pa.array([None if word is None else distinct.index(word) for word in words], pa.int32())
        columns[name] = pa.DictionaryArray.from_arrays(places, pa.array(distinct, pa.string()))
    return pa.RecordBatch.from_pydict(columns)


BATCH = batch_of(TABLE)


@pytest.fixture(scope="module")
def database() -> Iterator[sqlite3.Connection]:
    """The same rows in SQLite; an empty text is null, as it is to us."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("pragma case_sensitive_like = on")
        names = ['"' + name.replace('"', '""') + '"' for name in CHOICES]
        database.execute(f"create table data ({', '.join(names)})")
        stored = [[None if value == "" else value for value in row.values()] for row in TABLE]
        database.executemany(f"insert into data values ({', '.join('?' * len(names))})", stored)
        yield database


def kept_by_sqlite(database: sqlite3.Connection, where: str) -> list[bool]:
    found = {row for (row,) in database.execute(f"select rowid from data where {where}")}
    return [row in found for row in range(1, len(TABLE) + 1)]


@settings(max_examples=250)
@given(where=filters)
def test_sqlite_keeps_the_same_rows(database, where):
    mask = where.mask(BATCH)
    assert mask.dtype == np.bool_
    assert mask.tolist() == kept_by_sqlite(database, str(where))


@pytest.mark.parametrize(
    "text",
    [
        f"{negation}(age {first} 0 {word} done {second} true)"
        for negation in ("", "not ", "not not ")
        for word in ("and", "or")
        for first in ("==", "!=", "<", "<=", ">", ">=")
        for second in ("==", "!=")
    ],
)
def test_logic_has_the_three_values_of_sql(database, text):
    assert parse_where(text).mask(BATCH).tolist() == kept_by_sqlite(database, text)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_match_as_in_sql(database, pattern):
    where = Where(Like("split", pattern))
    assert where.mask(BATCH).tolist() == kept_by_sqlite(database, str(where))


@given(where=filters, cut=st.integers(0, len(TABLE)))
def test_a_filter_does_not_see_how_rows_are_cut(where, cut):
    parts = [where.mask(BATCH.slice(0, cut)), where.mask(BATCH.slice(cut))]
    np.testing.assert_array_equal(np.concatenate(parts), where.mask(BATCH))


@given(where=filters)
def test_a_filter_is_written_as_it_is_read(where):
    assert parse_where(str(where)) == where
    assert pickle.loads(pickle.dumps(where)) == where


@pytest.mark.parametrize(
    "text, canonical",
    [
        (
            "split == 'test' and age >= 18 and not (region in ('north', \"south\")) and score is not null",
            "split == 'test' and age >= 18 and region not in ('north', 'south') and score is not null",
        ),
        ("SPLIT='a' AND x<>-1.50", "SPLIT == 'a' and x != -1.5"),
        ('`a b` = 1 or "a b" = 2', '"a b" == 1 or "a b" == 2'),
        ("a == 'it''s'", "a == 'it''s'"),
        ("`Null` IS NOT NULL", '"Null" is not null'),
        ("meta.split_1 NOT LIKE 'te%'", "meta.split_1 not like 'te%'"),
        ("année>1e3", "année > 1000"),
        ("not not x=1", "not not x == 1"),
        ("not (x=1 or y=2) and z=3", "not (x == 1 or y == 2) and z == 3"),
        ("x=1 or y=2 and z=3", "x == 1 or y == 2 and z == 3"),
        ("(x=1 or y=2) and z=3", "(x == 1 or y == 2) and z == 3"),
        ("done == TRUE", "done == true"),
        ("((x=+5))", "x == 5"),
    ],
)
def test_texts_have_a_canonical_form(text, canonical):
    where = parse_where(text)
    assert str(where) == canonical
    assert parse_where(canonical) == where


def test_columns_are_told_in_the_order_of_the_filter():
    assert parse_where("b == 1 and (a == 2 or b == 3) and c is null").columns == ("b", "a", "c")


def test_a_long_chain_is_not_deep():
    where = parse_where(" or ".join(f"x == {number}" for number in range(3000)))
    assert where.mask(pa.RecordBatch.from_pydict({"x": pa.array([2999.0, 3000.0])})).tolist() == [True, False]


# The carets of each error stand under the given part of the filter.
@pytest.mark.parametrize(
    "text, marked, expected, fix",
    [
        ("split == tset", "tset", "a number, a text in quotes, true or false", "'tset'"),
        ("split == `a`", "`a`", "a number, a text in quotes, true or false", "'a'"),
        ("a == 1 & b == 2", "&", "columns, values, and, or, not", "and"),
        ("a == “x”", "“", "columns, values", '"'),
        ("a == 'x", "'x", "' after the text", None),
        ("(a == 1", "", '")", "and" or "or"', None),
        ("a == 1)", ")", '"and", "or", or the end', None),
        ("a == 1 b == 2", "b", '"and", "or", or the end', None),
        ("0 < a", "0", 'a column, "not" or "("', "`0`, if this is a column; a value stands on the right"),
        ("'a' == 1", "'a'", 'a column, "not" or "("', "`a`, if this is a column; a value stands on the right"),
        ("like == 1", "like", 'a column, "not" or "("', "`like`, if this is a column"),
        ("a", "", "a comparison", "a == true"),
        ("a or b == 1", "or", "a comparison", "a == true"),
        ("a == 18abc", "18abc", "a number such as", "'18abc'"),
        ("a == 1e400", "1e400", "a finite number", None),
        ("a == 9007199254740993", "9007199254740993", "a whole number below", None),
        ("a in (1, -9007199254740992)", "-9007199254740992", "a whole number below", None),
        ("a == null", "null", "a number, a text", "a is null"),
        ("a != null", "null", "a number, a text", "a is not null"),
        ("a in ('x', null)", "null", "a number, a text", "a is null"),
        ("a == ''", "''", "a number, a text", "a is null"),
        ("a in 1", "1", '"(" and the values', None),
        ("a in ()", ")", "a number, a text", None),
        ("a in (1 2)", "2", '"," or ")"', None),
        ("a not 1", "1", "in or like", None),
        ("a is 5", "5", "null or not null", None),
        ("a is not 5", "5", "null", None),
        ("a like 5", "5", "a text in quotes", None),
        ("a < true", "<", "== or !=", "a == true"),
        ("a == 1 or a == 'x'", "'x'", "numbers only, or texts only", None),
        ("a in (1, true)", "true", "numbers only, or true or false only", None),
        ("a == 1 or a like 'x'", "'x'", "numbers only, or texts only", None),
        ("(" * 51 + "a == 1", "(", "at most 50 levels", None),
    ],
)
def test_a_mistake_is_shown_where_it_is(text, marked, expected, fix):
    with pytest.raises(UsageError) as refused:
        parse_where(text)
    _, shown, carets = refused.value.problem.split("\n")
    start, end = carets.index("^"), len(carets)
    assert shown[start:end] == marked or (not marked and start == len(shown))
    assert refused.value.expected.startswith(expected)
    assert refused.value.fix == fix


def test_of_a_long_filter_the_surroundings_of_the_mistake_are_shown():
    text = "x == 1 and " * 50 + "?" + " and x == 1" * 50
    with pytest.raises(UsageError) as refused:
        parse_where(text)
    _, shown, carets = refused.value.problem.split("\n")
    assert len(shown) < 120 and shown[carets.index("^")] == "?"


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_filter_is_refused(text):
    with pytest.raises(UsageError, match="the row filter is empty"):
        parse_where(text)


@pytest.mark.parametrize("text", ["x >= 9007199254740993", "x < -1e300", "x == 9007199254740991", "x == 1e-300"])
def test_numbers_may_be_large_where_nothing_must_equal_them(text):
    assert parse_where(text).columns == ("x",)


@given(text=st.text("abin01 ()'\"`=<>!,.-+enotrlks\n%_", max_size=30))
def test_any_text_is_a_filter_or_a_usage_error(text):
    try:
        where = parse_where(text)
    except UsageError:
        return
    assert parse_where(str(where)) == where


def test_the_value_decides_how_a_column_is_read():
    kinds = {"age": "integer", "p": "number", "split": "text", "done": "boolean", "day": "moment", "v": "vector"}
    where = parse_where("age > 1 and p < 1 and split == 'a' and done == true and day > '2024-05-01' and v is null")
    assert where.types(kinds) == {
        "age": "number",
        "p": "number",
        "split": "text",
        "done": "text",
        "day": "text",
        "v": "vector",
    }
    assert parse_where("age is null and split is null").types(kinds) == {"age": "number", "split": "text"}
    assert parse_where("age is null or age == 1").types(kinds) == {"age": "number"}


@pytest.mark.parametrize(
    "text, kind, fix",
    [
        ("c == 'x'", "integer", None),
        ("c == '18'", "integer", "c == 18"),
        ("c >= '0.5'", "number", "c >= 0.5"),
        ("c in ('x')", "number", None),
        ("c like 'x%'", "number", None),
        ("c == 5", "text", "c == '5'"),
        ("c > 5", "text", None),
        ("c == true", "text", "c == 'true'"),
        ("c == true", "integer", "c == 1"),
        ("c != 0", "boolean", "c != false"),
        ("c == 'true'", "boolean", "c == true"),
        ("c == 5", "vector", None),
        ("c > 5", "moment", None),
    ],
)
def test_a_column_compared_with_what_it_does_not_hold_is_refused(text, kind, fix):
    with pytest.raises(UsageError, match=rf'column "c" holds .*\(kind {kind}\)') as refused:
        parse_where(text).types({"c": kind})
    assert refused.value.fix == fix


def test_where_a_kind_is_a_guess_the_filter_decides():
    kinds = {"zip": "integer", "score": "text"}
    assert parse_where("zip == '02139' and score > 0.5").types(kinds, hints=kinds) == {"zip": "text", "score": "number"}
    with pytest.raises(UsageError, match="holds integers"):
        parse_where("zip > '02139'").types(kinds, hints=kinds)


def test_a_column_that_is_not_there_is_an_input_error():
    with pytest.raises(InputError, match=r'no column "splt".*closest: "split"'):
        parse_where("splt == 'test'").types({"split": "text"})


def dictionary(words: list[str | None]) -> pa.Array:
    return pa.array(words, pa.string()).dictionary_encode()


def test_numbers_that_were_read_as_text_are_compared_as_numbers():
    batch = pa.RecordBatch.from_pydict({"age": dictionary(["18", "18.0", "9", None, "NA", " 1.8e1", "070"])})
    assert parse_where("age == 18").mask(batch).tolist() == [True, True, False, False, False, True, False]
    assert parse_where("not age < 18").mask(batch).tolist() == [True, True, False, False, False, True, True]


@pytest.mark.parametrize(
    "text, words, value",
    [
        ("c >= 18", ["18", None, "old", "19", "old"], '"old"'),
        ("not c == true", ["True", None, "yes", "FALSE", "yes"], '"yes"'),
    ],
)
def test_values_that_cannot_be_compared_are_faults_of_their_rows(text, words, value):
    where = parse_where(text)
    batch = pa.RecordBatch.from_pydict({"c": dictionary(words)})
    faults = Faults()
    passed = where.mask(batch, faults, file=3, first_row=100)
    fault = faults.first()
    assert (fault.file, fault.column, fault.row, fault.value, fault.count) == (3, "c", 102, value, 2)
    assert not passed[[1, 2, 4]].any()
    assert passed.sum() == 1 + text.startswith("c")
    with pytest.raises(InputError, match=f'column "c", row 3: {value} is not .*; 2 of 5 rows are affected'):
        where.mask(batch)


def test_bad_words_of_a_dictionary_that_no_row_has_are_no_faults():
    column = pa.DictionaryArray.from_arrays(pa.array([0, None], pa.int32()), pa.array(["18", "old"]))
    batch = pa.RecordBatch.from_pydict({"age": column})
    assert parse_where("age == 18").mask(batch).tolist() == [True, False]


def test_null_tests_take_lists():
    batch = pa.RecordBatch.from_pydict({"v": pa.array([[1.0], None], pa.list_(pa.float64()))})
    assert parse_where("v is null").mask(batch).tolist() == [False, True]
    assert parse_where("v is not null").mask(batch.slice(0, 1)).tolist() == [True]


def test_no_pattern_makes_the_search_go_back():
    batch = pa.RecordBatch.from_pydict({"c": dictionary(["a" * 5000])})
    assert parse_where(f"c like '{'%a' * 40}%b'").mask(batch).tolist() == [False]
    assert parse_where(f"c like '{'%a' * 40}'").mask(batch).tolist() == [True]


ROWS: list[dict[str, Any]] = [
    {"split": split, "age": age, "done": done}
    for split, age, done in [("test", 18.0, True), ("train", 17.5, False), (None, None, None), ("val", 70.0, True)]
]


def batches(path: Path, rows: Sequence[Mapping[str, Any]], where: Where) -> Iterator[pa.RecordBatch]:
    """The batches of a file of these rows, read as the filter wants."""
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerows(
                [list(rows[0]), *(["" if cell is None else cell for cell in row.values()] for row in rows)]
            )
    else:
        pq.write_table(pa.Table.from_pylist(list(rows)), path, row_group_size=3)
    source = open_sources([str(path)])[0]
    kinds = {column.name: column.kind for column in source.columns}
    types = where.types(kinds, hints=kinds if source.format == "csv" else ())
    for shard in source.shards():
        for _, batch in shard.batches(types, 2):
            yield batch


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize(
    "text, expected",
    [
        ("split == 'test'", [True, False, False, False]),
        ("split != 'test'", [False, True, False, True]),
        ("age < 18 or split == 'val'", [False, True, False, True]),
        ("age is null", [False, False, True, False]),
        ("done == true and age > 17", [True, False, False, True]),
    ],
)
def test_files_are_filtered_alike(tmp_path, suffix, text, expected):
    where = parse_where(text)
    masks = [where.mask(batch) for batch in batches(tmp_path / f"preds{suffix}", ROWS, where)]
    assert np.concatenate(masks).tolist() == expected


def census_of(where: Where, *batches: pa.RecordBatch) -> Any:
    census = where.census()
    for batch in batches:
        census.note(batch, where.mask(batch))
    return census


def test_an_empty_result_is_explained_by_what_the_columns_hold():
    batch = batch_of([{"split": split, "age": age} for split, age in [("val", 5.0), ("test", None), ("train", 17.5)]])
    census = census_of(parse_where("split == 'tset' and age >= 0"), *[batch] * 400)
    assert census.explain() == (
        "0 of 1,200 rows match split == 'tset' and age >= 0; values of split: test, train, val; age is 5 to 17.5"
    )
    error = census.error()
    assert isinstance(error, NothingToEvaluate)
    assert (error.problem, error.fix) == (census.explain(), "split == 'test'")


def test_a_census_says_when_there_is_nothing_to_see():
    batch = batch_of([{"split": None, "age": None}] * 2)
    assert (
        census_of(parse_where("split == 'a' or age == 1"), batch)
        .explain()
        .endswith("; split is always null; age is always null")
    )
    assert census_of(parse_where("split == 'a'")).explain() == "0 of 0 rows match split == 'a'"
    assert census_of(parse_where("split is not null"), batch).error().fix is None


def test_a_census_counts_the_rows_that_pass():
    batch = batch_of([{"split": "test"}, {"split": "val"}])
    census = census_of(parse_where("split == 'val'"), batch, batch)
    assert (census.rows, census.matched, census.explain()) == (4, 2, "2 of 4 rows match split == 'val'")


@given(count=st.sampled_from([0, 1, 8, 9, 63, 64, 65, 100]), data=st.data())
def test_a_census_is_the_same_in_any_order(count, data):
    words = data.draw(st.permutations(range(count)))
    where = parse_where("split == 'w' and age == -1")
    pieces = [
        batch_of([{"split": f"w{word}", "age": float(word)} for word in part])
        for part in np.array_split(words, 5)
        if len(part)
    ]
    expected = census_of(where, *pieces).explain()
    merged = where.census()
    for piece in data.draw(st.permutations(pieces)):
        merged.merge(pickle.loads(pickle.dumps(census_of(where, piece))))
    assert merged.explain() == expected
    distinct = sorted({f"w{word}" for word in words})
    assert count == 0 or "values of split: " + ", ".join(distinct[:8]) in expected
    assert (", …" in expected) == (len(distinct) > 8)
