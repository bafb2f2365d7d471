"""A report as one flat table: the rows of CSV, TSV, NDJSON and Parquet.

One row per class, slice, macro average and total of every loss, in the order
of the report.  ``loss`` is the name of the loss and ``value`` its reduced
value; ``by`` names the columns of a slice, each of which has a column of its
own, so that a slice of nulls differs from a row that is no slice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from losscli.report import Report, Result, Row

Value = str | int | float | None

IDENTITY = ("loss", "title", "reduction", "level", "by", "class")
MEASURES = ("count", "weight", "value", "mean", "std", "sem", "ci_low", "ci_high", "min", "max")
ENDING = ("sum", "share", "status", "signature")
TEXT = frozenset({*IDENTITY, "status", "signature"})
WHOLE = frozenset({"count"})


class Flat(Protocol):
    """A flat table: the names of its columns, and its rows as tuples in their order."""

    columns: list[str]

    def rows(self) -> Iterable[tuple[Any, ...]]: ...


class FlatTable:
    """The columns of a report and its rows as tuples in their order.

    A slice column that bears the name of another column is called ``by_NAME``.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        rows = [row for result in report.results for row in result.rows]
        self._by = list(dict.fromkeys(name for row in rows if row.level == "slice" for name in row.key))
        self._quantiles = list(dict.fromkeys(name for row in rows for name in row.quantiles))
        measures = [*MEASURES, *self._quantiles, *ENDING]
        self.by_columns = distinct(self._by, {*IDENTITY, *measures})
        self.columns = [*IDENTITY, *self.by_columns, *measures]

    @property
    def text_columns(self) -> frozenset[str]:
        return TEXT | frozenset(self.by_columns)

    def rows(self) -> Iterator[tuple[Value, ...]]:
        """The rows; a value that does not exist is None, every number a plain int or float."""
        for result in self._report.results:
            for row in result.rows:
                yield self._row(result, row)

    def _row(self, result: Result, row: Row) -> tuple[Value, ...]:
        low, high = row.ci if row.ci else (None, None)
        numbers = (row.weight, row.loss, row.mean, row.std, row.sem, low, high, row.minimum, row.maximum)
        return (
            result.loss,
            result.title,
            result.reduction,
            *key_cells(row.level, row.key, self._by),
            int(row.count),
            *map(_plain, numbers),
            *(_plain(row.quantiles.get(name)) for name in self._quantiles),
            _plain(row.sum),
            _plain(row.share),
            row.status,
            result.signature,
        )


def key_cells(level: str, key: Mapping[str, str | None], by: Sequence[str]) -> tuple[str | None, ...]:
    """The cells that say which row it is: level, columns of the slice, class, and the value in each column of `by`."""
    is_slice = level == "slice"
    return (
        level,
        ",".join(key) if is_slice else None,
        key["class"] if level == "class" else None,
        *(key.get(name) if is_slice else None for name in by),
    )


def _plain(value: float | None) -> float | None:
    return None if value is None else float(value)


def distinct(names: Sequence[str], taken: set[str]) -> list[str]:
    """`names`, those that are among `taken` or come twice with ``by_`` before them."""
    columns: list[str] = []
    for name in names:
        while name in taken:
            name = f"by_{name}"
        taken.add(name)
        columns.append(name)
    return columns
