"""What a table of differences shows people: names, columns, notes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from losscli.comparison.difference import UNTESTED, Difference
from losscli.comparison.result import ComparedCandidate, ComparedLoss, Comparison
from losscli.renderers.layout import MISSING, Block, Column, grouped, key_name, printable, significant

# The order in which columns are given room; what is shown stands in the order of `columns`.
PRIORITY = ("diff", "verdict", "base", "cand", "relative", "ci", "p", "count", "worsened", "improved", "status")


def blocks(result: ComparedLoss, top: int) -> list[Block[Difference]]:
    """The groupings of a result, each cut to the `top` rows with the largest increase (0: all)."""
    return grouped([*result.classes, *result.slices], top, lambda row: row.diff)


def row_name(row: Difference) -> str:
    """The name of a row: its label, or the values of its slice."""
    return "total" if row.level == "total" else key_name(row.key)


def columns(comparison: Comparison, result: ComparedLoss, digits: int) -> list[Column[Difference]]:
    """The columns worth showing."""
    rows = result.rows

    def number(key: str, title: str, read: Callable[[Difference], float | None]) -> Column[Difference]:
        return Column(key, title, lambda row: (significant(read(row), digits),))

    found = [
        Column("count", "count", lambda row: (f"{row.count:,}",)),
        number("base", "base", lambda row: row.base),
        number("cand", "candidate", lambda row: row.cand),
        Column("diff", "difference", lambda row: (_signed(row.diff, digits),)),
        Column("relative", "relative", lambda row: (_percent(row.relative),)),
    ]
    if any(row.ci for row in rows):
        # The p values beside it are corrected for the number of rows, and the intervals are not.
        title = f"{100 * comparison.level:g}% ci of {'difference' if len(rows) == 1 else 'each difference'}"
        found.append(Column("ci", title, lambda row: tuple(_signed(one, digits) for one in row.ci or (None, None))))
    if any(row.p is not None for row in rows):
        # With one row, the correction for several says the same.
        title = "p" if len(rows) == 1 else "p (Holm)"
        found.append(Column("p", title, lambda row: (significant(row.p_adjusted, min(digits, 3)),)))
        found.append(Column("verdict", "verdict", lambda row: (row.verdict,), words=True))
    if any(row.improved is not None for row in rows):
        found.append(Column("improved", "improved", lambda row: (_count(row.improved),)))
        found.append(Column("worsened", "worsened", lambda row: (_count(row.worsened),)))
    if any(row.status != "ok" for row in rows):
        found.append(Column("status", "status", lambda row: (row.status,), words=True))
    return found


def headline(candidate: ComparedCandidate, result: ComparedLoss) -> str:
    """The answer in one line: ``mean_absolute_error: cand.csv is worse than the baseline by 0.0191 (+2.4%)``."""
    total = result.total
    if total.diff is None or total.verdict == UNTESTED:
        return f"{result.title}: {candidate.path} is not tested ({total.status})"
    by = f"{_signed(total.diff, 3)}" + ("" if total.relative is None else f", {_percent(total.relative)}")
    if total.verdict == "no difference":
        return f"{result.title}: no difference between {candidate.path} and the baseline is shown ({by})"
    return f"{result.title}: {candidate.path} is {total.verdict} than the baseline ({by})"


def subtitle(comparison: Comparison, candidate: ComparedCandidate, result: ComparedLoss) -> str:
    """How it was computed."""
    parts = [result.loss] if result.loss != result.title else []
    parts += [result.reduction, *(f"{name}={value}" for name, value in result.params.items())]
    test = "paired t test" if comparison.cluster is None else f"paired t test, clustered by {comparison.cluster} (CR1)"
    return printable(", ".join([*parts, test, candidate.pairing]))


def footnotes(result: ComparedLoss) -> Iterator[str]:
    """What a reader must know besides the numbers."""
    for note in result.notes:
        yield printable(note.message)


def worst_rows(result: ComparedLoss, digits: int) -> tuple[list[str], list[list[str]]]:
    """The header and the texts of the rows with the largest increase, without columns that say nothing."""
    names = ["row", "id", "label", "base", "candidate", "increase"]
    lines = [
        [
            f"{row.row:,}",
            MISSING if row.id is None else printable(row.id),
            MISSING if row.label is None else printable(row.label),
            significant(row.base, digits),
            significant(row.cand, digits),
            significant(row.diff, digits),
        ]
        for row in result.worst
    ]
    kept = [place for place in range(len(names)) if any(line[place] != MISSING for line in lines)]
    return [names[place] for place in kept], [[line[place] for place in kept] for line in lines]


def _signed(value: float | None, digits: int) -> str:
    if value is None:
        return MISSING
    return f"{value:+.{digits}g}" if value else "0"


def _percent(share: float | None) -> str:
    if share is None:
        return MISSING
    if not share:
        return "0%"
    return f"{share:+.2%}" if abs(share) < 10 else f"{100 * share:+.3g}%"


def _count(count: int | None) -> str:
    return MISSING if count is None else f"{count:,}"
