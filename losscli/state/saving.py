"""Writing an outcome as a state, and reading one back."""

from __future__ import annotations

from typing import BinaryIO

from losscli.errors import UsageError
from losscli.expression import Expression
from losscli.outcome import Outcome
from losscli.reduction import Reduction
from losscli.state.container import StateWriter, reading
from losscli.state.manifest import check_schema, partial_of, provenance_of, written
from losscli.state.measures import MeasureReader, MeasureWriter, used_codes


def refuse_unsaved(expressions: tuple[Expression, ...], reduction: Reduction) -> None:
    """Raise a UsageError for losses that cannot be put together from parts, and for rows."""
    for expression in expressions:
        if any(term.loss.whole for term in expression.terms):
            raise UsageError(
                f"{expression.title} needs all rows at once, so it has no state to merge", "evaluate all files together"
            )
    if reduction is Reduction.NONE:
        raise UsageError("--reduction none gives rows, so it has no state to merge", "another --reduction")


def write_state(stream: BinaryIO, outcome: Outcome) -> None:
    """Write the state of an outcome to a stream that can seek; the same rows give the same bytes.

    Raises UsageError for a loss that needs all rows at once.
    """
    source = outcome.provenance
    refuse_unsaved(source.expressions, source.reduction)
    codes = used_codes(outcome.partial)
    measures = MeasureWriter(outcome.partial, codes, weighted=source.weighted)
    with StateWriter(stream, written(outcome, codes, measures.manifest)) as writer:
        measures.write(writer)


def read_state(path: str) -> tuple[Outcome, bytes]:
    """The outcome that was saved at `path`, and a digest of what is in the file.

    Raises InputError for a file that is no state, is damaged or comes from a
    later version, and UsageError for a loss that is not known here.
    """
    with reading(path) as reader:
        manifest = reader.manifest()
        check_schema(manifest, path)
        source = provenance_of(manifest, path)
        partial = partial_of(manifest, source)
        groups = [*([len(partial.keys.classes)] if source.by_class else []), *map(len, partial.keys.slices)]
        measures = MeasureReader(reader, groups, weighted=source.weighted)
        partial.measures = measures.measures(source.expressions, manifest["measures"])
        content = reader.digest()
    return Outcome(partial, source), content
