"""What a table for people shows of a result, before it is drawn.

Which rows stand together, what they are called, which columns there are and
in which order they give way when the terminal is narrow.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

from losscli.records import dataclass
from losscli.report import Report, Result, Row

MISSING = "-"

# The order in which columns are given room; what is shown stands in the order of `columns`.
PRIORITY = (
    *("count", "loss", "status", "share", "ci", "mean", "std", "p50", "p90"),
    *("max", "min", "sem", "p99", "weight", "sum"),
)
# A cross of two columns or of their values.
CROSS = " × "


class Keyed(Protocol):
    """A row that is a class or a slice, or sums them up."""

    @property
    def level(self) -> str: ...

    @property
    def key(self) -> Mapping[str, str | None]: ...


RowT = TypeVar("RowT", bound=Keyed)


@dataclass(frozen=True)
class Column(Generic[RowT]):
    """A column: `read` gives the texts of a row, two of them for an interval; words stand at the left."""

    key: str
    title: str
    read: Callable[[RowT], tuple[str, ...]]
    words: bool = False


@dataclass(frozen=True)
class Block(Generic[RowT]):
    """The classes, or the slices of one grouping; `omitted` of them are not shown."""

    label: str
    rows: Sequence[RowT]
    omitted: int


def blocks(result: Result, top: int) -> list[Block[Row]]:
    """The groupings of a result, each cut to its `top` worst rows (0: all)."""
    return grouped([*result.classes, *result.slices], top, lambda row: row.loss)


def grouped(rows: Iterable[RowT], top: int, badness: Callable[[RowT], float | None]) -> list[Block[RowT]]:
    """Rows by what they are grouped by, each block cut to the `top` rows of most `badness` (0: all)."""
    groupings: dict[tuple[str, ...], list[RowT]] = {}
    for row in rows:
        groupings.setdefault((row.level, *row.key), []).append(row)
    found: list[Block[RowT]] = []
    for (level, *names), members in groupings.items():
        shown = members
        if 0 < top < len(members):
            shown = sorted(members, key=lambda row: _descending(badness(row)))[:top]
        label = "class" if level == "class" else CROSS.join(map(printable, names))
        found.append(Block(label, shown, len(members) - len(shown)))
    return found


def _descending(value: float | None) -> tuple[bool, float]:
    return (value is None, 0.0 if value is None else -value)


def row_name(result: Result, row: Row) -> str:
    """The name of a row: its label, the values of its slice, or what it sums up."""
    if row.level == "macro":
        present = f"{row.count:,}"
        known = len({one.key["class"] for one in result.classes} | set(result.absent_classes))
        return f"macro over {present}" + (f" of {known:,}" if known > row.count else "")
    if row.level == "total":
        return "total"
    return key_name(row.key)


def key_name(key: Mapping[str, str | None]) -> str:
    """The name of a class, or of a slice by its values."""
    return CROSS.join("(null)" if value is None else printable(value) or '""' for value in key.values())


def printable(text: str) -> str:
    """`text` with line breaks, escape sequences and other control characters spelt out."""
    if text.isprintable():
        return text
    return "".join(mark if mark.isprintable() else mark.encode("unicode_escape").decode() for mark in text)


def columns(report: Report, result: Result, digits: int) -> list[Column[Row]]:
    """The columns worth showing: without those that are empty or repeat the loss in every row."""
    rows = result.rows
    quantiles = list(dict.fromkeys(name for row in rows for name in row.quantiles))

    def number(key: str, read: Callable[[Row], float | None]) -> Column[Row]:
        return Column(key, key, lambda row: (significant(read(row), digits),))

    def quantile(key: str) -> Column[Row]:
        return number(key, lambda row: row.quantiles.get(key))

    found: list[Column[Row]] = [
        Column("count", "count", lambda row: ("" if row.level == "macro" else f"{row.count:,}",))
    ]
    if any(row.weight is not None and row.weight != row.count for row in rows if row.level != "macro"):
        found.append(number("weight", lambda row: row.weight))
    found.append(number("loss", lambda row: row.loss))
    if any(row.ci for row in rows):
        found.append(Column("ci", f"{100 * report.level:g}% ci", lambda row: _interval(row, digits)))
    if any(row.share is not None for row in rows if row.level in ("class", "slice")):
        found.append(Column("share", "share", lambda row: (_percent(row.share),)))
    statistics: list[tuple[Column[Row], Callable[[Row], float | None]]] = [
        (number("mean", lambda row: row.mean), lambda row: row.mean),
        (number("std", lambda row: row.std), lambda row: row.std),
        (number("sem", lambda row: row.sem), lambda row: row.sem),
        (number("min", lambda row: row.minimum), lambda row: row.minimum),
        *((quantile(name), lambda row, name=name: row.quantiles.get(name)) for name in quantiles),
        (number("max", lambda row: row.maximum), lambda row: row.maximum),
        (number("sum", lambda row: row.sum), lambda row: row.sum),
    ]
    found += [column for column, read in statistics if any(read(row) not in (None, row.loss) for row in rows)]
    if any(row.status != "ok" for row in rows):
        found.append(Column("status", "status", lambda row: (row.status,)))
    return found


def significant(value: float | None, digits: int) -> str:
    """`value` to `digits` significant digits, without trailing zeros."""
    return MISSING if value is None else f"{value:.{digits}g}"


def _interval(row: Row, digits: int) -> tuple[str, ...]:
    low, high = row.ci if row.ci else (None, None)
    return significant(low, digits), significant(high, digits)


def _percent(share: float | None) -> str:
    if share is None:
        return MISSING
    return "<0.01%" if 0 < share < 0.00005 else f"{share:.2%}"


def interval_text(parts: Sequence[str]) -> str:
    """The parts of a cell as one text: ``low .. high`` for an interval."""
    return MISSING if all(part == MISSING for part in parts) else " .. ".join(parts)


def footnotes(report: Report, result: Result) -> Iterator[tuple[str, str]]:
    """What a reader must know besides the numbers, as (kind, text)."""
    shown = {row.key["class"] for row in result.classes}
    absent = [printable(name) for name in result.absent_classes if name not in shown]
    if absent:
        more = f", … {len(absent) - 10:,} more" if len(absent) > 10 else ""
        yield "absent classes", ", ".join(absent[:10]) + more
    for term in result.terms:
        yield "term", printable(_term_text(term))
    for note in result.notes:
        yield "note", printable(note.message)


def endnotes(report: Report) -> Iterator[tuple[str, str]]:
    """What holds for all results, as (kind, text)."""
    errors = [f"{100 * error:.2g}% ({name})" for name, error in report.quantile_error.items() if error > 0]
    if errors and any(row.quantiles for result in report.results for row in result.rows):
        yield "quantiles", "relative error at most " + ", ".join(errors)
    for warning in report.warnings:
        yield "warning", printable(warning)


def _term_text(term: Mapping[str, Any]) -> str:
    """One part of a sum with its value alone: ``0.7 * huber (delta=1.0): 43.7685``."""
    settings = ", ".join(f"{name}={value}" for name, value in term["params"].items())
    shown = f"{term['loss']} ({settings})" if settings else term["loss"]
    return f"{term['factor']!r} * {shown}: {significant(term['value'], 6)}"


def subtitle(result: Result) -> str:
    """How the loss was computed: its name when the title is another, the reduction, the parameters.

    Those of a sum stand beside its terms.
    """
    parts = [result.loss] if result.loss != result.title else []
    parts += [result.reduction, *(f"{name}={value}" for name, value in result.params.items() if not result.terms)]
    return printable(", ".join(parts))


def text_width(text: str) -> int:
    """The terminal columns that `text` takes; East Asian wide characters take two."""
    if text.isascii():
        return len(text)
    return sum(_mark_width(mark) for mark in text)


def _mark_width(mark: str) -> int:
    if unicodedata.combining(mark) or unicodedata.category(mark) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(mark) in "WF" else 1


def cut_middle(text: str, width: int) -> str:
    """`text` in at most `width` columns, its middle replaced by an ellipsis where it is longer."""
    if text_width(text) <= width:
        return text
    head, tail = "", ""
    for turn in range(len(text)):
        mark = text[len(tail) * -1 - 1] if turn % 2 else text[len(head)]
        if text_width(head) + text_width(tail) + _mark_width(mark) > width - 1:
            break
        head, tail = (head, mark + tail) if turn % 2 else (head + mark, tail)
    return f"{head}…{tail}"
