"""What an evaluation found, with all that its numbers depend on: ready to be reported, saved or merged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from losscli.assembly import Assembler
from losscli.errors import UsageError
from losscli.expression import Expression
from losscli.records import dataclass
from losscli.reduction import Reduction
from losscli.report import InputFile, Note, Report, Result
from losscli.summary import GROUP_ERROR, TOTAL_ERROR
from losscli.summary.intervals import IntervalMethod
from losscli.summary.sample import SAMPLE_ROWS
from losscli.work import NanPolicy, Partial

CI_METHODS: tuple[IntervalMethod, ...] = get_args(IntervalMethod)


@dataclass(frozen=True)
class Shown:
    """How numbers are shown; it defines none of them but the bounds of the intervals."""

    level: float = 0.95
    ci: IntervalMethod = "hall"
    per_class: bool = True

    def __post_init__(self) -> None:
        """Raise UsageError for a method or level that there is not."""
        if self.ci not in CI_METHODS:
            raise UsageError(f"no interval method {self.ci}", "one of " + ", ".join(CI_METHODS))
        if not 0 < self.level < 1:
            raise UsageError(
                f"--level {self.level} is not a confidence level", "a number between 0 and 1, such as 0.95"
            )


@dataclass(frozen=True)
class Provenance:
    """Where numbers come from: losses, settings and columns, and the files.

    `columns` is the mapping of the JSON document.
    """

    expressions: tuple[Expression, ...]
    reduction: Reduction
    nan: NanPolicy
    weighted: bool
    by: tuple[tuple[str, ...], ...]
    by_class: bool
    classes: tuple[str, ...] | None
    columns: Mapping[str, Any]
    inputs: tuple[InputFile, ...]
    warnings: tuple[str, ...] = ()
    notes: tuple[Note, ...] = ()
    shown: Shown = Shown()

    @property
    def axes(self) -> int:
        """How many groupings there are: the classes, and each ``--by``."""
        return self.by_class + len(self.by)


@dataclass(frozen=True)
class Outcome:
    """A merged partial result and its provenance."""

    partial: Partial
    provenance: Provenance

    def report(self) -> Report:
        """The finished report."""
        from losscli import __version__

        partial, source = self.partial, self.provenance
        assembler = Assembler(
            partial,
            reduction=source.reduction,
            weighted=source.weighted,
            level=source.shown.level,
            ci_method=source.shown.ci,
            nan=source.nan,
            by=source.by,
            bins=bin_places(source.columns),
            classes=source.classes,
            show_classes=source.shown.per_class,
        )
        results = [
            assembler.result(expression, measure, source.notes)
            for expression, measure in zip(source.expressions, partial.measures, strict=True)
        ]
        return Report(
            version=__version__,
            inputs=source.inputs,
            columns=source.columns,
            rows_read=sum(partial.rows_read.values()),
            rows_used=partial.rows_used,
            rows_skipped=partial.rows_skipped,
            rows_filtered=0 if partial.census is None else partial.census.rows - partial.census.matched,
            results=results,
            warnings=source.warnings,
            level=source.shown.level,
            ci_method=source.shown.ci,
            quantile_error=_quantile_error(results),
        )


def bin_places(columns: Mapping[str, Any]) -> dict[tuple[int, str], Mapping[str, int]]:
    """For each cross and column of bins, the place of every bin among them."""
    return {
        (one["by"], one["column"]): {label: place for place, label in enumerate(one["labels"])}
        for one in columns.get("bins", ())
    }


def _quantile_error(results: Sequence[Result]) -> dict[str, float]:
    """The guaranteed relative error of the quantiles; 0 where all raw values were kept."""
    largest = max((row.count for result in results for row in (*result.classes, *result.slices)), default=0)
    total = max(result.total.count for result in results)
    return {
        "total": TOTAL_ERROR if total > SAMPLE_ROWS else 0.0,
        "groups": GROUP_ERROR if largest > SAMPLE_ROWS else 0.0,
    }
