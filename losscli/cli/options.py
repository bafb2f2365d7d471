"""Options that several commands share: each declared once, chosen by name, and read in one way."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args, get_origin

from losscli.class_lists import listed_classes
from losscli.cli.declared import Argument, Option
from losscli.errors import UsageError

if TYPE_CHECKING:
    from losscli.columns import ColumnRequest
    from losscli.job import Settings

BodyT = TypeVar("BodyT", bound=Callable[..., int])

READING = "Reading"
SELECTING = "Selecting a loss"
OUTPUT = "Output"
RUNNING = "Running"
GATE = "Gate"

Files = Annotated[
    list[str], Argument(metavar="FILE", help="Files, globs, directories of parts, or - for standard input.")
]


def _option(kind: Any, *flags: str, default: Any = None, **settings: Any) -> tuple[Any, Any, Option]:
    return kind, default, Option(*flags, **settings)


def _panel(panel: str, **options: tuple[Any, Any, Option]) -> dict[str, inspect.Parameter]:
    """The options of a panel as parameters of a command, by name."""
    found = {}
    for name, (kind, default, option) in options.items():
        option.settings["rich_help_panel"] = panel
        annotation = Annotated[kind, option]  # type: ignore[valid-type]  # which it is at run time
        found[name] = inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
    return found


SHARED: Mapping[str, inspect.Parameter] = {
    **_panel(
        SELECTING,
        loss=_option(
            list[str],
            "-l",
            "--loss",
            metavar="SPEC",
            help="A loss, [TITLE=][NUMBER*]NAME[:PARAM=VALUE,...][+TERM...]; repeatable, all in one pass.",
            default=inspect.Parameter.empty,
        ),
        dialect=_option(
            str, "--dialect", metavar="NAME", help="Constants of losscli, keras, torch or sklearn.", default="losscli"
        ),
        plugin=_option(
            list[str] | None, "--plugin", metavar="FILE.py", help="A file that declares more losses; repeatable."
        ),
        plugin_parameters=_option(
            list[str] | None, "-P", metavar="NAME=VALUE", help="A parameter of a plugin loss; repeatable."
        ),
        reduction=_option(
            str,
            "--reduction",
            metavar="NAME",
            help="auto, mean, sum, none, sum_over_batch_size or mean_with_sample_weight.",
            default="auto",
        ),
    ),
    **_panel(
        READING,
        label=_option(
            list[str] | None,
            "-y",
            "--label",
            metavar="COL",
            help="Labels; repeatable or a comma list for several outputs.",
        ),
        pred=_option(
            list[str] | None,
            "-p",
            "--pred",
            metavar="COL",
            help="Predictions: one column, several in class order, a pattern such as 'prob_*', or one list column.",
        ),
        weight=_option(str | None, "-w", "--weight", metavar="COL", help="Row weights, finite and >= 0."),
        columns=_option(
            list[str] | None, "--col", metavar="ROLE=COL", help="Columns of any other input of a loss; repeatable."
        ),
        classes=_option(
            str | None, "--classes", metavar="A,B,...|@FILE", help="The classes in the order of the prediction columns."
        ),
        pos_label=_option(str | None, "--pos-label", metavar="V", help="The label of the positive class."),
        pred_kind=_option(
            str,
            "--pred-kind",
            metavar="KIND",
            help="What the scores are: auto, prob, logit, log-prob, label or percent.",
            default="auto",
        ),
        by=_option(
            list[str] | None,
            "--by",
            metavar="COL[:BINS][,COL...]",
            help="Slices by a column or a cross; COL:q5 are 5 quantile bins, COL:0,18,65 bins of these edges; "
            "repeatable.",
        ),
        id=_option(str | None, "--id", metavar="COL", help="The column that identifies a row."),
        keep=_option(list[str] | None, "--keep", metavar="COL,...", help="Columns carried into row outputs."),
        where=_option(
            str | None,
            "--where",
            metavar="EXPR",
            help="Only rows for which it holds, such as split == 'test' and age >= 18.",
        ),
        nan=_option(str, "--nan", metavar="POLICY", help="Missing values: error, skip or propagate.", default="error"),
        labels=_option(
            str | None, "--labels", metavar="FILE", help="A file with the labels, whose rows are found by --on."
        ),
        on=_option(str | None, "--on", metavar="COL", help="The column that joins the rows of two files."),
        allow_missing=_option(
            bool, "--allow-missing", help="Leave out and count rows that one file lacks.", default=False
        ),
        cluster=_option(
            str | None,
            "--cluster",
            metavar="COL",
            help="Rows with equal values depend on each other: CR1 standard errors.",
        ),
        format=_option(
            str, "--format", metavar="NAME", help="Input format; by suffix, then first bytes.", default="auto"
        ),
        delimiter=_option(
            str | None, "--delimiter", metavar="CHAR", help="Between CSV values: , ; tab or |; seen by default."
        ),
        quote=_option(str | None, "--quote", metavar="CHAR", help="Around CSV values; none for no quotes."),
        decimal=_option(
            str | None, "--decimal", metavar="CHAR", help="The decimal point of CSV numbers: . or a comma."
        ),
        encoding=_option(
            str | None, "--encoding", metavar="NAME", help="The encoding of CSV text: utf-8, utf-16, latin-1, ..."
        ),
        header=_option(
            bool,
            "--header/--no-header",
            help="Whether CSV text starts with the names; else they are c1, c2, ...",
            default=True,
        ),
        strict=_option(
            bool,
            "--strict",
            help="Refuse ambiguous columns instead of warning (always so when CI is set).",
            default=False,
        ),
    ),
    **_panel(
        OUTPUT,
        output_format=_option(
            str,
            "-f",
            "--output-format",
            metavar="NAME",
            help="table, plain, json, ndjson, csv, tsv or md.",
            default="table",
        ),
        output=_option(list[str] | None, "-o", "--output", metavar="KIND=PATH", help="Also write a file; repeatable."),
        quiet=_option(bool, "-q", "--quiet", help="Print only the reduced loss, full precision.", default=False),
        top=_option(int, "--top", metavar="N", help="Rows of a long table; 0 shows all.", default=20),
        per_class=_option(bool, "--per-class/--no-per-class", help="Rows for the classes.", default=True),
        ci=_option(str, "--ci", metavar="METHOD", help="Interval: hall, normal, bootstrap or none.", default="hall"),
        level=_option(float, "--level", metavar="P", help="Confidence level of the interval.", default=0.95),
        seed=_option(int, "--seed", metavar="N", help="Of the draws of --ci bootstrap.", default=0),
        replicates=_option(int, "--replicates", metavar="N", help="Resamples of --ci bootstrap.", default=1000),
    ),
    **_panel(
        GATE,
        fail_above=_option(
            list[str] | None, "--fail-above", metavar="X|LOSS=X", help="Exit 1 when the reduced loss is above X."
        ),
    ),
    **_panel(
        RUNNING,
        chunk_rows=_option(int | None, "--chunk-rows", metavar="N", help="Rows read at a time; changes no digit."),
        threads=_option(int | None, "--threads", metavar="N", help="Worker processes or threads; changes no digit."),
        engine=_option(
            str,
            "--engine",
            metavar="NAME",
            help="processes, threads, serial or dask; changes no digit.",
            default="processes",
        ),
        scheduler=_option(
            str | None,
            "--scheduler",
            metavar="ADDRESS",
            help="A running Dask scheduler for --engine dask; by default one is started here.",
        ),
        debug=_option(bool, "--debug", help="Show a traceback for internal errors.", default=False),
    ),
}

# Names that most commands choose together, in the order of their help.
SELECTED = "dialect plugin plugin_parameters"
COLUMNS = "label pred weight columns classes pos_label pred_kind by id"
TEXT = "format delimiter quote decimal encoding header"
READ = f"{COLUMNS} keep where nan labels on {TEXT} strict"
STATISTICS = "per_class ci level seed replicates"
RUN = "chunk_rows threads engine scheduler"


def takes(names: str, *, but: str = "", unset: str = "") -> Callable[[BodyT], BodyT]:
    """A command with these options in this order: its own where its body declares one, else the shared ones.

    `names` are separated by blanks; those in `but` are left out, and those in
    `unset` are None when they are not given, whatever their default.  The body
    names the options that it uses and gets all others as ``**options``, with
    ``-P`` the flags of the loss parameters too.
    """
    chosen = [name for name in dict.fromkeys(names.split()) if name not in but.split()]

    def declare(body: BodyT) -> BodyT:
        signature = inspect.signature(body, eval_str=True)
        own = {one.name: one for one in signature.parameters.values() if get_origin(one.annotation) is Annotated}
        options = [own[name] if name in own else SHARED[name] for name in chosen]
        options = [_unset(one) if one.name in unset.split() else one for one in options]
        positional = [one for one in own.values() if one.kind is not one.KEYWORD_ONLY]
        further = [one for one in signature.parameters.values() if one.kind is one.VAR_KEYWORD]
        parameters = [*positional, *options, *(further if "plugin_parameters" in chosen else ())]
        body.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        return body

    return declare


def _unset(option: inspect.Parameter) -> inspect.Parameter:
    base, *notes = get_args(option.annotation)
    return option.replace(default=None, annotation=Annotated[(base | None, *notes)])


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


_READ: Mapping[str, Callable[[Any], Any]] = {
    "label": names,
    "pred": names,
    "columns": role_columns,
    "classes": class_names,
    "keep": names,
}


def keywords(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with the values that `losscli.evaluate` takes under the same names."""
    found = {name: read(options[name]) for name, read in _READ.items() if options.get(name) is not None}
    if "strict" in options and os.environ.get("CI"):
        found["strict"] = True
    return {**options, **found}


def request_and_settings(options: Mapping[str, Any]) -> tuple[ColumnRequest, Settings]:
    """The columns and the settings that the options ask for."""
    from losscli.preparation import request_and_settings

    return request_and_settings(keywords(options))
