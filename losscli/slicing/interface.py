"""Finding slices from Python, as one function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from losscli.declaration import DEFAULT_DIALECT
from losscli.preparation import read_keywords
from losscli.records import dataclass
from losscli.slicing.report import FoundSlice, SliceReport
from losscli.slicing.search import Search, find_slices, prepare_search
from losscli.work import NanPolicy

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Slices:
    """The result of `slices`."""

    report: SliceReport

    @property
    def slices(self) -> Sequence[FoundSlice]:
        """The slices found for the first loss, the best score first."""
        return self.report.results[0].slices

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of schema losscli/1."""
        return self.report.to_dict()

    def table(self) -> pd.DataFrame:
        """One line for each slice and loss."""
        import pandas as pd

        from losscli.slicing.rendering import FlatSlices

        table = FlatSlices(self.report)
        return pd.DataFrame([dict(zip(table.columns, row, strict=True)) for row in table.rows()], columns=table.columns)


def slices(
    data: Any,
    loss: str | Sequence[str],
    *,
    among: str | Sequence[str] | None = None,
    max_order: int = 2,
    bins: int = 5,
    min_slice: int = 30,
    level: float = 0.95,
    score_alpha: float = 0.95,
    top: int = 20,
    label: str | Sequence[str] | None = None,
    pred: str | Sequence[str] | None = None,
    weight: str | None = None,
    columns: Mapping[str, str | Sequence[str]] | None = None,
    classes: Sequence[str] | None = None,
    pos_label: str | None = None,
    pred_kind: str = "auto",
    id: str | None = None,
    dialect: str = DEFAULT_DIALECT,
    plugin: str | Sequence[str] | None = None,
    nan: NanPolicy = "error",
    chunk_rows: int | None = None,
    threads: int | None = None,
    engine: str = "threads",
    scheduler: str | None = None,
    strict: bool = False,
    where: str | None = None,
    labels: Any = None,
    on: str | None = None,
    format: str = "auto",
    delimiter: str | None = None,
    quote: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    header: bool = True,
    **parameters: Any,
) -> Slices:
    """Find the slices of the rows on which a loss is significantly higher than on the rest.

    A slice is a value or a bin of a column, or a cross of two of them: of the
    columns `among`, which is ``--columns``, or of all that play no other part.
    Slices of at least `min_slice` rows are tested one-sided by Welch's test, with
    Holm's correction for all of them, at `level`; the `top` ones with the best
    SliceLine score come back.  data and the other keywords are those of
    `losscli.evaluate`, but no iterator, for rows are read more than once, and no
    `weight`: every row counts once.

    Raises a `LosscliError`: UsageError, InputError or NothingToEvaluate.
    """
    asked = read_keywords(locals())
    search = Search(
        columns=tuple(among.split(",")) if isinstance(among, str) else None if among is None else tuple(among),
        max_order=max_order,
        bins=bins,
        min_slice=min_slice,
        level=level,
        weight=score_alpha,
        top=top,
    )
    return Slices(find_slices(prepare_search(data, *asked), search))
