"""An evaluation that is ready to run: its settings, its work, its result."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import field, replace
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from losscli.assembly import by_class
from losscli.columns import ColumnRequest
from losscli.columns.batch import texts
from losscli.distinct import distinct_values
from losscli.engines import find_engine
from losscli.errors import InputError, NothingToEvaluate, UsageError
from losscli.outcome import Outcome, Provenance, Shown
from losscli.readers import RowCounts, Shards, Source
from losscli.readers.text_options import PLAIN, TextOptions, said_in_words
from losscli.readers.unchanged import refuse_changes
from losscli.records import dataclass
from losscli.reduction import Reduction
from losscli.report import InputFile, Note, Report
from losscli.summary.intervals import REPLICATES, IntervalMethod
from losscli.work import BLOCK_ROWS, MISSING, NanPolicy, Partial, RowSink, Work

if TYPE_CHECKING:
    from losscli.estimand import Estimand
    from losscli.joining.labels import LabelJoin
    from losscli.roles import FloatArray, IntArray

FoldedT = TypeVar("FoldedT")


@dataclass(frozen=True)
class Settings:
    """Everything about an evaluation but the data, the losses and the columns.

    `labels` is a file or table that has the labels, which the rows find by the column `on`;
    `text` says how delimited text is written, where the files do not show it;
    `seed` and `replicates` are those of the bootstrap.
    """

    reduction: str = "auto"
    nan: NanPolicy = "error"
    level: float = 0.95
    ci: IntervalMethod = "hall"
    per_class: bool = True
    chunk_rows: int | None = None
    threads: int | None = None
    engine: str = "threads"
    strict: bool = False
    scheduler: str | None = None
    where: str | None = None
    labels: Any = None
    on: str | None = None
    text: TextOptions = PLAIN
    seed: int = 0
    replicates: int = REPLICATES

    @property
    def shown(self) -> Shown:
        """How the result is shown; UsageError for a level or a method that there is not."""
        return Shown(self.level, self.ci, self.per_class)

    @property
    def workers(self) -> int:
        """How many processes or threads may read at the same time."""
        return self.threads or os.cpu_count() or 1

    def check(self) -> None:
        """Raise UsageError for values that are none, whatever the data and the losses."""
        if any(given is not None and given < 1 for given in (self.chunk_rows, self.threads)):
            raise UsageError("--chunk-rows and --threads take a whole number above 0")
        if self.nan not in get_args(NanPolicy):
            raise UsageError(f"no policy {self.nan} for missing values", "one of " + ", ".join(get_args(NanPolicy)))
        if self.replicates < 2 or self.seed < 0:
            raise UsageError("--replicates takes a whole number above 1, and --seed one that is not negative")
        _ = self.shown


# Every worker has tables of its own, 10 kB for a group: up to so many groups they are small enough to be sent from
# one process to another, and up to so many for several workers to have them at all.
MOST_SENT_GROUPS, MOST_SHARED_GROUPS = 1_000, 5_000


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
    notes: tuple[Note, ...] = ()
    join: LabelJoin | None = None

    @property
    def mapping(self) -> str:
        """The chosen columns in one line."""
        line = self.work.plans[0].line()
        written = said_in_words(self.sources[0].written)
        return ", ".join(filter(None, [line, written, None if self.join is None else self.join.line]))

    @property
    def paths(self) -> list[str]:
        """The files that are read."""
        labels = () if self.join is None else self.join.labels
        return [source.place.path for source in (*self.sources, *labels)]

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
        estimands = self._resampled() if self.settings.ci == "bootstrap" else ()
        self.settle_bins()
        partial = self.folded(self.work.start, self.work.run, Partial.merge)
        self.check(partial)
        if estimands:
            self._resample(partial, estimands)
        return partial

    def _resampled(self) -> tuple[Estimand, ...]:
        """What a bootstrap estimates; UsageError for losses and data that it cannot take."""
        from losscli.estimand import estimand_of

        if self.reduction is Reduction.NONE:
            return ()
        for source in self.sources:
            if source.read_once:
                raise UsageError(
                    f"{source.path}: a bootstrap takes two passes, which an iterator of batches does not allow",
                    "a file or a table",
                    "another --ci",
                )
        return tuple(estimand_of(one, self.reduction, weighted=self.work.weighted) for one in self.work.expressions)

    def _resample(self, partial: Partial, estimands: tuple[Estimand, ...]) -> None:
        """Read everything once more for the intervals of a bootstrap, now that every row has its number."""
        from losscli.resampling import ResampledPartial, Resampling, ResamplingWork, resampled

        rows = partial.rows_read
        before = dict(zip(sorted(rows), accumulate((rows[file] for file in sorted(rows)), initial=0), strict=False))
        drawn = Resampling(self.settings.seed, self.settings.replicates)
        work = ResamplingWork(self.work, estimands, partial.counts, before, drawn)
        # The progress of the first pass is at its end.
        again = replace(self, progress=None)
        partial.resamples = resampled(partial, again.folded(work.start, work.run, ResampledPartial.merge))

    def check(self, partial: Partial) -> None:
        """Raise what is wrong with all rows, and take over how many each file has."""
        self._refuse_changes()
        self.work.refuse_many_groups(partial)
        self._refuse_faults(partial)
        self.counts = partial.counts
        if self.join is not None and (note := self.join.note) is not None:
            self.notes += (Note("labels", *note),)
        self._suspect(partial)

    def _suspect(self, partial: Partial) -> None:
        """Warn of what the checks found, or refuse it."""
        if self.work.watch is None or not partial.evidence:
            return
        labels = [name for name in partial.keys.classes if name is not None]
        findings = self.work.watch.findings(partial.evidence, labels)
        if findings and self.settings.strict:
            first = findings[0]
            raise InputError(f"{self.sources[0].path}: {first.problem}", first.expected, first.fix)
        self.warnings += tuple(map(str, findings))

    def folded(
        self, start: Callable[[], FoldedT], step: Callable[..., None], merge: Callable[[FoldedT, FoldedT], None]
    ) -> FoldedT:
        """What the engine makes of all shards."""
        engine = find_engine(self._engine_name(), scheduler=self.settings.scheduler)
        workers = self.settings.workers
        try:
            return engine(start, step, merge, self._shards(), workers, self.progress or _unseen)
        except InputError:
            # What is wrong with a file that somebody writes is that; but a worker elsewhere may see another file.
            if self.settings.scheduler is None:
                self._refuse_changes()
            raise

    def _engine_name(self) -> str:
        """The engine of the settings, or one that takes less memory where processes would take much."""
        name = self.settings.engine
        if name != "processes":
            return name
        if any(term.loss.whole for one in self.work.expressions for term in one.terms):
            # Such a loss keeps all rows, which threads need not send.
            return "threads"
        groups = self._groups_seen()
        if groups > MOST_SHARED_GROUPS:
            return "serial"
        return "threads" if groups > MOST_SENT_GROUPS else name

    def _groups_seen(self) -> int:
        """About how many groups the first rows alone have."""
        plan, source = self.work.plans[0], self.sources[0]
        groups = len(plan.classes or ())
        names = {name for cross in plan.by for name in cross} - {plan.by[axis][place] for axis, place in plan.bins}
        if not names or source.read_once or self.join is not None:
            return groups
        types = {name: plan.types[name] for name in names}
        batches = (batch for shard in source.shards() for _, batch in shard.batches(types, BLOCK_ROWS))
        for batch in batches:
            found = {name: distinct_values(texts(batch.column(name)).indices).size for name in names}
            return max([groups, *(math.prod(found.get(name, 1) for name in cross) for cross in plan.by)])
        return groups

    def _refuse_changes(self) -> None:
        labels = () if self.join is None else self.join.labels
        refuse_changes(source.place for source in (*self.sources, *labels))

    def settle_bins(self) -> None:
        """Find the edges of quantile bins, which takes a pass of its own."""
        from losscli.bins import QuantileBins

        if not any(isinstance(bins, QuantileBins) for bins in self.work.plans[0].bins.values()):
            return
        from losscli.bin_edges import Scouted, refuse_read_once, scout_work, settled

        refuse_read_once(self.sources, self.work.plans[0])
        scouting = scout_work(self.work.plans, self.work.where, self.work.chunk_rows)
        plans, messages = settled(self.work.plans, self.folded(scouting.start, scouting.run, Scouted.merge))
        self.work = replace(self.work, plans=plans)
        self.notes += tuple(Note("bins", message) for message in messages)

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
        self._refuse_changes()

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
                lambda fault: by_class(partial.skipped_by_class) if fault.problem == MISSING else "",
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

    def outcome(self, partial: Partial) -> Outcome:
        """The result of a run with its provenance."""
        provenance = Provenance(
            expressions=self.work.expressions,
            reduction=self.reduction,
            nan=self.settings.nan,
            weighted=self.work.weighted,
            by=self.request.by,
            by_class=self.work.by_class,
            classes=self.work.plans[0].classes,
            columns={
                **self.work.plans[0].to_dict(),
                "where": None if self.work.where is None else str(self.work.where),
                **({} if self.join is None else self.join.to_dict()),
            },
            inputs=tuple(
                InputFile(
                    source.path,
                    source.format,
                    partial.rows_read.get(source.index, 0),
                    source.bytes,
                    source.written,
                )
                for source in self.sources
            ),
            warnings=self.warnings,
            notes=self.notes,
            shown=self.settings.shown,
        )
        return Outcome(partial, provenance)

    def report(self, partial: Partial) -> Report:
        """The finished report of a run."""
        return self.outcome(partial).report()


def _unseen(rows: int) -> None:
    """Progress that nobody looks at."""
