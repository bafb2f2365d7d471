"""Options that several commands share, declared once."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Container, Sequence
from typing import Annotated, Any

from losscli.class_lists import listed_classes
from losscli.cli.declared import Argument, Option
from losscli.errors import UsageError

READING = "Reading"
SELECTING = "Selecting a loss"
OUTPUT = "Output"
RUNNING = "Running"
GATE = "Gate"

Files = Annotated[
    list[str], Argument(metavar="FILE", help="Files, globs, directories of parts, or - for standard input.")
]
Losses = Annotated[
    list[str],
    Option(
        "-l",
        "--loss",
        metavar="SPEC",
        help="A loss, [TITLE=][NUMBER*]NAME[:PARAM=VALUE,...][+TERM...]; repeatable, all in one pass.",
        rich_help_panel=SELECTING,
    ),
]
Dialect = Annotated[
    str,
    Option(
        "--dialect", metavar="NAME", help="Constants of losscli, keras, torch or sklearn.", rich_help_panel=SELECTING
    ),
]
Plugins = Annotated[
    list[str] | None,
    Option(
        "--plugin", metavar="FILE.py", help="A file that declares more losses; repeatable.", rich_help_panel=SELECTING
    ),
]
PluginParameters = Annotated[
    list[str] | None,
    Option("-P", metavar="NAME=VALUE", help="A parameter of a plugin loss; repeatable.", rich_help_panel=SELECTING),
]
Label = Annotated[
    list[str] | None,
    Option(
        "-y",
        "--label",
        metavar="COL",
        help="Labels; repeatable or a comma list for several outputs.",
        rich_help_panel=READING,
    ),
]
Prediction = Annotated[
    list[str] | None,
    Option(
        "-p",
        "--pred",
        metavar="COL",
        help="Predictions: one column, several in class order, a pattern such as 'prob_*', or one list column.",
        rich_help_panel=READING,
    ),
]
Weight = Annotated[
    str | None,
    Option("-w", "--weight", metavar="COL", help="Row weights, finite and >= 0.", rich_help_panel=READING),
]
Others = Annotated[
    list[str] | None,
    Option(
        "--col", metavar="ROLE=COL", help="Columns of any other input of a loss; repeatable.", rich_help_panel=READING
    ),
]
Classes = Annotated[
    str | None,
    Option(
        "--classes",
        metavar="A,B,...|@FILE",
        help="The classes in the order of the prediction columns.",
        rich_help_panel=READING,
    ),
]
PositiveLabel = Annotated[
    str | None,
    Option("--pos-label", metavar="V", help="The label of the positive class.", rich_help_panel=READING),
]
PredictionKind = Annotated[
    str,
    Option(
        "--pred-kind",
        metavar="KIND",
        help="What the scores are: auto, prob, logit, log-prob, label or percent.",
        rich_help_panel=READING,
    ),
]
By = Annotated[
    list[str] | None,
    Option(
        "--by",
        metavar="COL[:BINS][,COL...]",
        help="Slices by a column or a cross; COL:q5 are 5 quantile bins, COL:0,18,65 bins of these edges; repeatable.",
        rich_help_panel=READING,
    ),
]
Identity = Annotated[
    str | None, Option("--id", metavar="COL", help="The column that identifies a row.", rich_help_panel=READING)
]
Keep = Annotated[
    list[str] | None,
    Option("--keep", metavar="COL,...", help="Columns carried into row outputs.", rich_help_panel=READING),
]
Filter = Annotated[
    str | None,
    Option(
        "--where",
        metavar="EXPR",
        help="Only rows for which it holds, such as split == 'test' and age >= 18.",
        rich_help_panel=READING,
    ),
]
Missing = Annotated[
    str,
    Option("--nan", metavar="POLICY", help="Missing values: error, skip or propagate.", rich_help_panel=READING),
]
Format = Annotated[
    str,
    Option("--format", metavar="NAME", help="Input format; by suffix, then first bytes.", rich_help_panel=READING),
]
LabelFile = Annotated[
    str | None,
    Option(
        "--labels",
        metavar="FILE",
        help="A file with the labels, whose rows are found by --on.",
        rich_help_panel=READING,
    ),
]
JoinKey = Annotated[
    str | None,
    Option("--on", metavar="COL", help="The column that joins the rows of two files.", rich_help_panel=READING),
]
Delimiter = Annotated[
    str | None,
    Option(
        "--delimiter",
        metavar="CHAR",
        help="Between CSV values: , ; tab or |; seen by default.",
        rich_help_panel=READING,
    ),
]
Quote = Annotated[
    str | None,
    Option("--quote", metavar="CHAR", help="Around CSV values; none for no quotes.", rich_help_panel=READING),
]
Decimal = Annotated[
    str | None,
    Option(
        "--decimal", metavar="CHAR", help="The decimal point of CSV numbers: . or a comma.", rich_help_panel=READING
    ),
]
Encoding = Annotated[
    str | None,
    Option(
        "--encoding",
        metavar="NAME",
        help="The encoding of CSV text: utf-8, utf-16, latin-1, ...",
        rich_help_panel=READING,
    ),
]
Header = Annotated[
    bool,
    Option(
        "--header/--no-header",
        help="Whether CSV text starts with the names; else they are c1, c2, ...",
        rich_help_panel=READING,
    ),
]
Strict = Annotated[
    bool,
    Option(
        "--strict",
        help="Refuse ambiguous columns instead of warning (always so when CI is set).",
        rich_help_panel=READING,
    ),
]
OutputFormat = Annotated[
    str,
    Option(
        "-f",
        "--output-format",
        metavar="NAME",
        help="table, plain, json, ndjson, csv, tsv or md.",
        rich_help_panel=OUTPUT,
    ),
]
Outputs = Annotated[
    list[str] | None,
    Option("-o", "--output", metavar="KIND=PATH", help="Also write a file; repeatable.", rich_help_panel=OUTPUT),
]
Quiet = Annotated[
    bool,
    Option("-q", "--quiet", help="Print only the reduced loss, full precision.", rich_help_panel=OUTPUT),
]
Top = Annotated[int, Option("--top", metavar="N", help="Rows of a long table; 0 shows all.", rich_help_panel=OUTPUT)]
# Commands differ in what these are when they are not given.
PER_CLASS = Option("--per-class/--no-per-class", help="Rows for the classes.", rich_help_panel=OUTPUT)
INTERVAL = Option("--ci", metavar="METHOD", help="Interval: hall, normal, bootstrap or none.", rich_help_panel=OUTPUT)
LEVEL = Option("--level", metavar="P", help="Confidence level of the interval.", rich_help_panel=OUTPUT)
Seed = Annotated[int, Option("--seed", metavar="N", help="Of the draws of --ci bootstrap.", rich_help_panel=OUTPUT)]
Replicates = Annotated[
    int, Option("--replicates", metavar="N", help="Resamples of --ci bootstrap.", rich_help_panel=OUTPUT)
]
FailAbove = Annotated[
    list[str] | None,
    Option(
        "--fail-above",
        metavar="X|LOSS=X",
        help="Exit 1 when the reduced loss is above X.",
        rich_help_panel=GATE,
    ),
]
ChunkRows = Annotated[
    int,
    Option("--chunk-rows", metavar="N", help="Rows read at a time; changes no digit.", rich_help_panel=RUNNING),
]
Threads = Annotated[
    int | None,
    Option(
        "--threads",
        metavar="N",
        help="Worker processes or threads; changes no digit.",
        rich_help_panel=RUNNING,
    ),
]
EngineName = Annotated[
    str,
    Option(
        "--engine",
        metavar="NAME",
        help="processes, threads, serial or dask; changes no digit.",
        rich_help_panel=RUNNING,
    ),
]
Scheduler = Annotated[
    str | None,
    Option(
        "--scheduler",
        metavar="ADDRESS",
        help="A running Dask scheduler for --engine dask; by default one is started here.",
        rich_help_panel=RUNNING,
    ),
]
Debug = Annotated[bool, Option("--debug", help="Show a traceback for internal errors.", rich_help_panel=RUNNING)]


def names(values: Sequence[str] | None) -> tuple[str, ...]:
    """Column names given as repeated options, comma lists, or both."""
    return tuple(part.strip() for value in values or () for part in value.split(",") if part.strip())


def role_columns(values: Sequence[str] | None) -> dict[str, tuple[str, ...]]:
    """``ROLE=COL[,COL…]`` options as a mapping."""
    roles = {}
    for value in values or ():
        role, equals, columns = value.partition("=")
        if not equals or not columns:
            raise UsageError(f'--col "{value}" is not ROLE=COL', "such as --col anchor=emb_a")
        if role.strip() in roles:
            raise UsageError(f"the columns of {role.strip()} are given twice", "--col ROLE=COL,COL for several columns")
        roles[role.strip()] = names([columns])
    return roles


def class_names(text: str | None) -> tuple[str, ...] | None:
    """The classes of ``a,b,c`` or of a file ``@FILE`` with one on each line."""
    if text is None:
        return None
    if not text.startswith("@"):
        return names([text])
    return listed_classes(text[1:])


def named_values(values: Sequence[str] | None, flags: Container[str] = ()) -> dict[str, str]:
    """``NAME=VALUE`` options as a mapping; a name that is there twice, or is one of `flags`, is refused."""
    found: dict[str, str] = {}
    for value in values or ():
        name, equals, text = value.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not name:
            raise UsageError(f'-P "{value}" is not NAME=VALUE', "such as -P cap=0.5")
        if name in found or name in flags:
            raise UsageError(f"the parameter {name} is given twice", "one value")
        found[name] = text
    return found


def with_options(body: Callable[..., int], extra: Sequence[inspect.Parameter]) -> Callable[..., int]:
    """`body`, a function with ``**options``, as a Typer command that has `extra` options too."""

    @functools.wraps(body)
    def command(*arguments: Any, **options: Any) -> int:
        return body(*arguments, **options)

    signature = inspect.signature(body, eval_str=True)
    own = [one for one in signature.parameters.values() if one.kind is not one.VAR_KEYWORD]
    command.__signature__ = signature.replace(parameters=[*own, *extra])  # type: ignore[attr-defined]
    return command
