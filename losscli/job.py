"""An evaluation that is ready to run: its settings, its work, its result."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any

from losscli.assembly import Assembler
from losscli.columns import ColumnRequest
from losscli.engines import find_engine
from losscli.errors import NothingToEvaluate
from losscli.readers import RowCounts, Shards, Source
from losscli.reduction import Reduction
from losscli.report import InputFile, Report, Result
from losscli.summary import GROUP_ERROR, TOTAL_ERROR
from losscli.summary.intervals import IntervalMethod
from losscli.summary.sample import SAMPLE_ROWS
from losscli.work import BLOCK_ROWS, NanPolicy, Partial, RowSink, Work

if TYPE_CHECKING:
    from losscli.roles import FloatArray, IntArray


@dataclass(frozen=True)
class Settings:
    """Everything about an evaluation but the data, the losses and the columns."""

    reduction: str = "auto"
    nan: NanPolicy = "error"
    level: float = 0.95
    ci: IntervalMethod = "hall"
    per_class: bool = True
    chunk_rows: int = 2 * BLOCK_ROWS
    threads: int | None = None
    engine: str = "threads"
    strict: bool = False
    scheduler: str | None = None
    where: str | None = None


@dataclass
class Job:
    """An evaluation that is ready to run: sources opened, columns chosen, nothing read yet."""

    sources: Sequence[Source]
    work: Work
    settings: Settings
    reduction: Reduction
    request: ColumnRequest
    warnings: tuple[str, ...] = ()
    progress: Callable[[int], None] | None = None
    counts: RowCounts = field(default_factory=RowCounts)

    @property
    def mapping(self) -> str:
        """The chosen columns in one line."""
        return self.work.plans[0].line()

    @property
    def total_rows(self) -> int | None:
        """How many rows there are, if every file says so."""
        rows = [source.rows for source in self.sources]
        return None if any(one is None for one in rows) else sum(one or 0 for one in rows)

    def run(self) -> Partial:
        """Read everything and return the merged result.

        Raises InputError for the first bad value of the data and
        NothingToEvaluate when there are no rows.
        """
        engine = find_engine(self.settings.engine, scheduler=self.settings.scheduler)
        partial = engine(
            self.work.start,
            self.work.run,
            Partial.merge,
            self._shards(),
            self.settings.threads or os.cpu_count() or 1,
            self.progress or _unseen,
        )
        self.work.refuse_many_groups(partial)
        self._refuse_faults(partial)
        self.counts = partial.counts
        return partial

    def stream(self, sink: RowSink) -> None:
        """Read everything once more, in order, and give `sink` the loss of every row, numbered within its file."""
        partial = self.work.start()

        def numbered(file: int, rows: IntArray, losses: list[FloatArray], kept: Sequence[Any]) -> None:
            if len(rows):
                first = int(rows[0])
                sink(file, rows + (self.counts.row_of(file, first) - first), losses, kept)

        for shard in self._shards():
            self.work.run(shard, partial, sink=numbered)
            # Nothing is written past a bad row; there is one only when a file changed since `run`.
            self._refuse_faults(partial)

    def rows_of(self, file: int) -> int:
        """How many rows a file had when it was read."""
        return self.counts.by_file().get(file, 0)

    def _shards(self) -> Shards:
        of_files = [source.shards() for source in self.sources]
        return Shards(sum(map(len, of_files)), chain.from_iterable(of_files))

    def _refuse_faults(self, partial: Partial) -> None:
        partial.faults.merge(partial.margins.faults(partial.rows_read))
        paths = {source.index: source.path for source in self.sources}
        if partial.faults:
            by_index = {source.index: source for source in self.sources}
            raise partial.faults.error(
                lambda file: paths[file],
                lambda file: partial.rows_read.get(file, 0),
                lambda file, row: by_index[file].line_of(row),
                partial.counts.row_of,
            )
        if partial.census is not None and partial.census.rows and not partial.census.matched:
            raise partial.census.error()
        read = sum(partial.rows_read.values())
        names = ", ".join(list(paths.values())[:3])
        if read == 0:
            raise NothingToEvaluate(f"{names}: no rows", "at least one row of data")
        if partial.rows_used == 0 and self.settings.nan != "propagate":
            rows = (
                f"all {read:,} rows" if partial.census is None else f"all {partial.census.matched:,} rows of the filter"
            )
            raise NothingToEvaluate(f"{names}: {rows} have a missing value", "at least one complete row")

    def report(self, partial: Partial) -> Report:
        """The finished report of a run."""
        from losscli import __version__

        assembler = Assembler(
            partial,
            reduction=self.reduction,
            weighted=self.work.weighted,
            level=self.settings.level,
            ci_method=self.settings.ci,
            nan=self.settings.nan,
            by=self.request.by,
            classes=self.work.plans[0].classes,
            show_classes=self.settings.per_class,
        )
        results = [
            assembler.result(expression, measure)
            for expression, measure in zip(self.work.expressions, partial.measures, strict=True)
        ]
        return Report(
            version=__version__,
            inputs=[
                InputFile(source.path, source.format, partial.rows_read.get(source.index, 0), source.bytes)
                for source in self.sources
            ],
            columns={
                **self.work.plans[0].to_dict(),
                "where": None if self.work.where is None else str(self.work.where),
            },
            rows_read=sum(partial.rows_read.values()),
            rows_used=partial.rows_used,
            rows_skipped=partial.rows_skipped,
            rows_filtered=0 if partial.census is None else partial.census.rows - partial.census.matched,
            results=results,
            warnings=self.warnings,
            level=self.settings.level,
            ci_method=self.settings.ci,
            quantile_error=_quantile_error(results),
        )


def _quantile_error(results: Sequence[Result]) -> dict[str, float]:
    """The guaranteed relative error of the quantiles; 0 where all raw values were kept."""
    largest = max((row.count for result in results for row in (*result.classes, *result.slices)), default=0)
    total = max(result.total.count for result in results)
    return {
        "total": TOTAL_ERROR if total > SAMPLE_ROWS else 0.0,
        "groups": GROUP_ERROR if largest > SAMPLE_ROWS else 0.0,
    }


def _unseen(rows: int) -> None:
    """Progress that nobody looks at."""
