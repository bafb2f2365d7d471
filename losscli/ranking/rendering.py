"""The worst rows in every text format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from losscli.ranking.report import WorstOfLoss, WorstReport
from losscli.ranking.table import WorstTable
from losscli.renderers import RenderOptions
from losscli.renderers.formats import formats
from losscli.renderers.layout import MISSING, cut_middle, printable, significant, text_width
from losscli.renderers.md import escaped
from losscli.renderers.table import align_decimals

# A text in a table; the machine formats have all of it.
SHOWN_CHARACTERS = 40
NUMBERS = frozenset({"row", "score", "loss"})


def _plain(report: WorstReport, options: RenderOptions) -> str:
    table = WorstTable(report)
    lines = [table.columns]
    lines += [[_word(value, options.digits) for value in row] for row in table.rows()]
    widths = [max(text_width(line[place]) for line in lines) for place in range(len(table.columns))]
    return "".join(_spaced(line, widths, table.columns) + "\n" for line in lines)


def _word(value: Any, digits: int) -> str:
    """A value without blanks."""
    return _text(value, digits).replace(" ", "_") or '""'


def _markdown(report: WorstReport, options: RenderOptions) -> str:
    parts = []
    for result in report.results:
        names, rows = _shown(report, result, options.digits)
        rule = ["---:" if name in NUMBERS else "---" for name in names]
        lines = [[escaped(name) for name in names], rule, *([escaped(cell) for cell in row] for row in rows)]
        heading = f"**{escaped(result.title)}** ({escaped(_subtitle(report, result))})"
        parts += [heading, "\n".join("| " + " | ".join(line) + " |" for line in lines)]
    parts += [f"- warning: {escaped(warning)}" for warning in report.warnings]
    return "\n\n".join(parts) + "\n"


def _table(report: WorstReport, options: RenderOptions) -> str:
    """An aligned table for each loss; kept columns that do not fit a terminal are left out whole and named."""
    parts = []
    for result in report.results:
        names, rows = _shown(report, result, options.digits)
        columns = [
            [name, *(align_decimals(cells) if name in NUMBERS else cells)]
            for name, cells in zip(names, (list(column) for column in zip(*rows, strict=True)), strict=False)
        ] or [[name] for name in names]
        columns = [[cut_middle(cell, SHOWN_CHARACTERS) for cell in column] for column in columns]
        widths = [max(map(text_width, column)) for column in columns]
        hidden: list[str] = []
        least = len(names) - len(report.columns["keep"])
        while options.terminal and options.width is not None and len(columns) > least:
            if sum(widths) + 2 * (len(widths) - 1) <= options.width:
                break
            hidden.insert(0, names[len(columns) - 1])
            columns.pop()
            widths.pop()
        lines = [printable(result.title), _subtitle(report, result)]
        lines += [_spaced(line, widths, names[: len(columns)]) for line in zip(*columns, strict=True)]
        if hidden:
            lines.append(f"not shown: {', '.join(hidden)}")
        parts.append("\n".join(lines) + "\n")
    parts += [f"warning: {printable(warning)}\n" for warning in report.warnings]
    return "\n".join(parts)


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


def _spaced(cells: Sequence[str], widths: Sequence[int], names: Sequence[str]) -> str:
    padded = []
    for cell, width, name in zip(cells, widths, names, strict=True):
        blanks = " " * (width - text_width(cell))
        padded.append(blanks + cell if name in NUMBERS else cell + blanks)
    return "  ".join(padded).rstrip()


FORMATS = formats(table=_table, plain=_plain, md=_markdown, flat=WorstTable)
