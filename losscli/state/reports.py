"""The statistics in a state, for a comparison with numbers of another run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from losscli.assembly import QUANTILES
from losscli.measures import ExpressionMeasure
from losscli.outcome import Outcome
from losscli.records import dataclass
from losscli.report import Result
from losscli.state.saving import read_state
from losscli.summary import Statistics

# The columns of a slice and their values, in the order of ``--by``.
SliceKey = tuple[tuple[str, str | None], ...]


@dataclass(frozen=True)
class SavedResult:
    """One loss of a state: its reported numbers, and the statistics of its rows behind them.

    `total`, `classes` by name and `slices` by columns and values have count,
    mean, std, sem and skewness among others; they are None and empty for a
    set-level loss, which has no value per row.
    """

    signature: str
    result: Result
    total: Statistics | None
    classes: Mapping[str, Statistics]
    slices: Mapping[SliceKey, Statistics]


def load_state(path: str) -> list[SavedResult]:
    """What the state at `path` says of each of its losses; raises as `losscli.state.read_state` does."""
    outcome, _ = read_state(path)
    return results_of(outcome)


def results_of(outcome: Outcome) -> list[SavedResult]:
    """The same of an outcome at hand."""
    results = zip(outcome.partial.measures, outcome.report().results, strict=True)
    return [_saved(outcome, measure, result) for measure, result in results]


def _saved(outcome: Outcome, measure: ExpressionMeasure, result: Result) -> SavedResult:
    if measure.rows is None:
        return SavedResult(result.signature, result, None, {}, {})
    source, keys, parts = outcome.provenance, outcome.partial.keys, measure.rows.values.parts
    shares: Sequence[float] = tuple(QUANTILES.values())
    classes = {}
    if source.by_class:
        classes = {
            name: parts[0].statistics(code, shares) for code, name in enumerate(keys.classes) if name is not None
        }
    slices = {
        tuple(zip(cross, name, strict=True)): parts[axis + source.by_class].statistics(code, shares)
        for axis, (cross, names) in enumerate(zip(source.by, keys.slices, strict=True))
        for code, name in enumerate(names)
    }
    return SavedResult(result.signature, result, parts[0].statistics(None, shares), classes, slices)
