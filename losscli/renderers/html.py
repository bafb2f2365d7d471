"""One page of HTML with everything in it: no script, no style sheet or font from elsewhere.

Tables have captions and headed rows and columns for screen readers; colours
have contrast in light and dark, and say nothing that words do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from losscli.renderers.layout import blocks, columns, endnotes, footnotes, interval_text, printable, row_name, subtitle
from losscli.renderers.renderer import Renderer, RenderOptions
from losscli.report import Report, Result, Row

STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #8882; --pass: #1a7f37; --warn: #9a6700; --fail: #cf222e; }
@media (prefers-color-scheme: dark) { :root { --pass: #3fb950; --warn: #d29922; --fail: #f85149; } }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; padding: 0 1rem; max-width: 75rem; }
.wide { overflow-x: auto; margin: 1.5rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .4rem; }
caption small { display: block; opacity: .8; }
th, td { padding: .25rem .75rem; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap; }
.number { text-align: right; }
thead th, .section { background: var(--soft); }
.PASS { color: var(--pass); } .WARN, .INCONCLUSIVE { color: var(--warn); } .FAIL { color: var(--fail); }
.FAIL, .WARN, .INCONCLUSIVE { font-weight: 600; }
""".strip()


def render(report: Report, options: RenderOptions) -> str:
    """A table for each loss with its notes, and the files that were read."""
    titles = ", ".join(result.title for result in report.results)
    body = [f"<h1>{text(titles)}</h1>"]
    for result in report.results:
        body += [_table(report, result, options), *notes(footnotes(report, result))]
    body += notes(endnotes(report))
    files = ", ".join(f"{text(one.path)} ({one.rows:,} rows)" for one in report.inputs)
    return page(f"losscli: {titles}", [*body, f"<p><small>{files}; losscli {text(report.version)}</small></p>"])


def page(title: str, body: Sequence[str]) -> str:
    """A whole document around the elements of its body."""
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{text(title)}</title>",
            f"<style>\n{STYLE}\n</style>",
            "</head>",
            "<body>",
            "<main>",
            *body,
            "</main>",
            "</body>",
            "</html>\n",
        ]
    )


def table(caption: str, head: Sequence[str], numbers: Sequence[bool], rows: Sequence[str]) -> str:
    """A table of finished rows; `caption` is markup, the titles in `head` are text."""
    titles = "".join(
        f'<th scope="col"{_number(number)}>{text(title)}</th>' for title, number in zip(head, numbers, strict=True)
    )
    return "\n".join(
        [
            '<div class="wide" tabindex="0">',
            f"<table>\n<caption>{caption}</caption>",
            f"<thead><tr>{titles}</tr></thead>",
            "<tbody>",
            *rows,
            "</tbody>\n</table>\n</div>",
        ]
    )


def row(name: str, cells: Sequence[str], numbers: Sequence[bool]) -> str:
    """A row with its heading; both are text."""
    others = "".join(f"<td{_number(number)}>{text(cell)}</td>" for cell, number in zip(cells, numbers, strict=True))
    return f'<tr><th scope="row">{text(name)}</th>{others}</tr>'


def notes(found: Iterable[tuple[str, str]]) -> list[str]:
    """Notes as a list, nothing where there is none."""
    items = [f"<li>{text(kind)}: {text(words)}</li>" for kind, words in found]
    return ["<ul>", *items, "</ul>"] if items else []


def text(words: str) -> str:
    """`words` as they are, control characters spelt out."""
    return escape(printable(words))


def _table(report: Report, result: Result, options: RenderOptions) -> str:
    groups = blocks(result, options.top)
    shown = columns(report, result, options.digits)
    head = groups[0].label if len(groups) == 1 else "rows"
    numbers = [True] * len(shown)

    def line(one: Row) -> str:
        return row(row_name(result, one), [interval_text(column.read(one)) for column in shown], numbers)

    rows: list[str] = []
    for group in groups:
        if len(groups) > 1:
            rows.append(
                f'<tr><th class="section" scope="rowgroup" colspan="{len(shown) + 1}">by {text(group.label)}</th></tr>'
            )
        rows += map(line, group.rows)
        if group.omitted:
            rows.append(f'<tr><td colspan="{len(shown) + 1}">{group.omitted:,} more; the worst are shown</td></tr>')
    rows += [line(one) for one in (result.macro, result.total) if one]
    caption = f"<strong>{text(result.title)}</strong><small>{text(subtitle(result))}</small>"
    return table(caption, [head, *(column.title for column in shown)], [False, *numbers], rows)


def _number(number: bool) -> str:
    return ' class="number"' if number else ""


RENDERER = Renderer(
    name="html", summary="one page for a browser, with everything in it", render=render, suffixes=(".html",)
)
