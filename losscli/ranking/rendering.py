"""The worst rows in every text format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from losscli.ranking.report import WorstOfLoss, WorstReport
from losscli.ranking.table import WorstTable
from losscli.renderers import RenderOptions
from losscli.renderers.drawing import GAP, Drawn, drawn, fitting, spaced
from losscli.renderers.formats import formats
from losscli.renderers.layout import MISSING, cut_middle, printable, significant
from losscli.renderers.md import escaped, grid

# A text in a table; the machine formats have all of it.
SHOWN_CHARACTERS = 40
NUMBERS = frozenset({"row", "score", "loss"})


def _plain(report: WorstReport, options: RenderOptions) -> str:
    table = WorstTable(report)
    lines = [table.columns]
    lines += [[_word(value, options.digits) for value in row] for row in table.rows()]
    numbers = [place for place, name in enumerate(table.columns) if name in NUMBERS]
    return "".join(line + "\n" for line in spaced(lines, right=numbers))


def _word(value: Any, digits: int) -> str:
    """A value without blanks."""
    return _text(value, digits).replace(" ", "_") or '""'


def _markdown(report: WorstReport, options: RenderOptions) -> str:
    parts = []
    for result in report.results:
        names, rows = _shown(report, result, options.digits)
        heading = f"**{escaped(result.title)}** ({escaped(_subtitle(report, result))})"
        parts += [heading, grid(names, rows, [name in NUMBERS for name in names])]
    parts += [f"- warning: {escaped(warning)}" for warning in report.warnings]
    return "\n\n".join(parts) + "\n"


def _table(report: WorstReport, options: RenderOptions) -> str:
    """An aligned table for each loss; kept columns that do not fit a terminal are left out whole and named."""
    parts = []
    for result in report.results:
        names, rows = _shown(report, result, options.digits)
        columns = [_column(place, name, [row[place] for row in rows]) for place, name in enumerate(names)]
        least = len(names) - len(report.columns["keep"])
        room = options.width + len(GAP) if options.terminal and options.width is not None else None
        keys = [one.key for one in columns]
        shown = fitting(columns, room, keys, keys[:least])
        lines = [printable(result.title), _subtitle(report, result)]
        lines += [GAP.join(cells).rstrip() for cells in zip(*(one.cells for one in shown), strict=True)]
        hidden = names[len(shown) :]
        if hidden:
            lines.append(f"not shown: {', '.join(hidden)}")
        parts.append("\n".join(lines) + "\n")
    parts += [f"warning: {printable(warning)}\n" for warning in report.warnings]
    return "\n".join(parts)


def _column(place: int, name: str, texts: Sequence[str]) -> Drawn:
    """A column of texts that are cut; two may have the same name."""
    words = name not in NUMBERS
    cut = [(cut_middle(text, SHOWN_CHARACTERS),) for text in texts]
    return drawn(f"{place}", cut_middle(name, SHOWN_CHARACTERS), cut, words=words)


def _shown(report: WorstReport, result: WorstOfLoss, digits: int) -> tuple[list[str], list[list[str]]]:
    """The names and texts of the columns that say something."""
    table = WorstTable(report)
    said = {
        "title": False,
        "file": len(report.inputs) > 1,
        "id": report.columns.get("id") is not None,
        "class": report.per_class,
        "label": any(row.label is not None for row in result.rows),
        "pred": any(row.prediction is not None for row in result.rows),
        "score": any(row.score is not None for row in result.rows),
    }
    places = [
        place
        for place, name in enumerate(table.columns)
        if name in (*table.by_columns, *table.kept_columns) or said.get(name, True)
    ]
    rows = [table.row(result, row) for row in result.rows]
    return (
        [printable(table.columns[place]) for place in places],
        [[_text(row[place], digits) for place in places] for row in rows],
    )


def _subtitle(report: WorstReport, result: WorstOfLoss) -> str:
    each = [*(["class"] if report.per_class else []), *(["slice"] if report.columns["by"] else [])]
    counted = (
        f"{report.count:,} of each {' and '.join(each)}"
        if each
        else f"{len(result.rows):,} of {report.rows['used']:,} rows"
    )
    parts = [result.loss] if result.loss != result.title else []
    return printable(
        ", ".join([*parts, *(f"{name}={value}" for name, value in result.params.items()), f"the worst {counted}"])
    )


def _text(value: Any, digits: int) -> str:
    if value is None:
        return MISSING
    if isinstance(value, float):
        return significant(value, digits)
    if isinstance(value, list):
        return "[" + ", ".join(_text(one, digits) for one in value) + "]"
    return printable(str(value))


FORMATS = formats(table=_table, plain=_plain, md=_markdown, flat=WorstTable)
