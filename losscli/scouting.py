"""A look at the first rows, which decides what the predictions are before anything is computed.

The rows are the first of the first file whatever the engine, the number of
workers and the chunks are, so all of them decide the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from losscli.arguments import call_with
from losscli.columns import ColumnPlan, ColumnRequest, Decoder, Need, Tile
from losscli.columns.kinds import (
    DECIDING_ROWS,
    UNDECIDED,
    Decision,
    Doubt,
    Form,
    Look,
    Sample,
    deciding_rows,
    kind_by_name,
    look_of,
)
from losscli.columns.need import CLASS_READINGS
from losscli.columns.scores import needs_soft_predictions, prediction_of, reads_logits, reads_probabilities
from losscli.declaration import Loss
from losscli.errors import InputError, LosscliError
from losscli.faults import Faults
from losscli.readers import Source
from losscli.roles import IntArray

if TYPE_CHECKING:
    from losscli.where import Where

# Rows read at a time; the same for all users, whatever --chunk-rows says.
CHUNK_ROWS = 1 << 14


def decide_kind(
    losses: Sequence[Loss],
    request: ColumnRequest,
    needs: Sequence[Need],
    sources: Sequence[Source],
    plans: Sequence[ColumnPlan],
    where: Where | None,
) -> Decision:
    """What the predictions of all files are: by flag, by name, or by the values of the first rows.

    Raises InputError where the predictions are not what the losses read, or
    might be several things that the user has to tell apart.
    """
    plan = plans[0]
    if request.pred_kind == "label":
        _refuse_hard(losses, f"--pred-kind label: {', '.join(plan.roles.get('pred', ()))}")
    if request.pred_kind != "auto":
        return Decision(request.pred_kind, "flag")
    if any(map(reads_logits, losses)):
        return Decision("logit", "flag")
    concerned = [loss for loss in losses if reads_probabilities(loss)]
    if not concerned:
        return UNDECIDED
    named = kind_by_name(plan.roles["pred"])
    if named in ("logit", "log-prob"):
        return Decision(named, "name")
    sample = _sample(concerned, needs, sources, plans, where)
    if sample is None:
        return UNDECIDED
    return _decision(sample, concerned, sources, plan, named == "prob")


def _decision(
    sample: Sample, losses: Sequence[Loss], sources: Sequence[Source], plan: ColumnPlan, named: bool
) -> Decision:
    form = _form(losses, plan, sample)
    look = look_of(sample.values, form)
    where = f"{sources[0].path}: the predictions in {_shown(plan)}"
    if look == "label":
        _refuse_hard(losses, f"{where} are all {'0 or 1' if sample.values.min() == 0 else '-1 or 1'}")
        return Decision("label", "values")
    if look == "percent":
        raise InputError(
            f"{where} look like percents: {_percents(sample, form)}",
            "probabilities",
            "--pred-kind percent, or --pred-kind logit if these are logits",
        )
    if look == "unclear":
        raise InputError(
            f"{where} lie in [0, 1] but do not sum to 1 in a row: {_sums(sample)}",
            "the probabilities of one class of several, or a loss for several labels at once",
            "--pred-kind prob to normalise them, or a loss of independent labels, such as binary_crossentropy",
        )
    if look == "weight":
        return Decision("prob", "values", _weights_doubt(sample, sources, plan))
    if look == "prob" or (named and look == "logit"):
        # What is called a probability and is none is a fault, not something else.
        return Decision("prob", "name" if named else "values", bounded=True)
    return Decision(look, "values", _doubt(look, sample, sources, plan))


def _form(losses: Sequence[Loss], plan: ColumnPlan, sample: Sample) -> Form:
    if sample.values.ndim == 1:
        return "single"
    readings = {loss.label_reading for loss in losses}
    one_label = len(plan.roles.get("label", ())) == 1 and plan.roles["label"][0] not in plan.lengths
    if readings & set(CLASS_READINGS) or ("either" in readings and one_label):
        return "classes"
    return "independent"


def _refuse_hard(losses: Sequence[Loss], where: str) -> None:
    """Raise an InputError when a loss takes the logarithm of what is either 0 or 1."""
    unfit = next((loss for loss in losses if needs_soft_predictions(loss)), None)
    if unfit is not None:
        raise InputError(
            f"{where}: hard labels, and {unfit.name} takes the logarithm of probabilities",
            "probabilities",
            "-l zero_one, or --pred-kind prob if these are probabilities all the same",
        )


def _doubt(look: Look, sample: Sample, sources: Sequence[Source], plan: ColumnPlan) -> Doubt:
    words = {"logit": "logits", "log-prob": "log-probabilities"}
    return Doubt(
        _outside(sample, sources, plan),
        f"reading as {words[look]}",
        f"--pred-kind {look} settles this, --pred-kind prob makes it an error",
    )


def _weights_doubt(sample: Sample, sources: Sequence[Source], plan: ColumnPlan) -> Doubt:
    return Doubt(
        f"{_outside(sample, sources, plan)} and none is negative",
        "normalising each row to a sum of 1",
        "--pred-kind prob settles this, --pred-kind logit says that these are logits",
    )


def _outside(sample: Sample, sources: Sequence[Source], plan: ColumnPlan) -> str:
    """How many values are no probabilities, and the first of them."""
    outside = sample.outside
    row = int(np.flatnonzero(outside if outside.ndim == 1 else outside.any(axis=1))[0])
    column = 0 if outside.ndim == 1 else int(np.argmax(outside[row]))
    value = float(np.atleast_1d(sample.values[row])[column])
    names = plan.roles["pred"]
    path = next(source.path for source in sources if source.index == sample.files[row])
    scope = "of values" if sample.whole else f"of the values of the first {len(sample.rows):,} rows"
    share = 100.0 * float(outside.mean())
    shown = f"{share:.1f}" if share >= 0.05 else f"{share:.1g}"
    place = f'{path}, row {sample.rows[row] + 1:,}, column "{names[column if len(names) > 1 else 0]}", {value:g}'
    return f"{shown} % {scope} lie outside [0, 1] (first: {place})"


def _percents(sample: Sample, form: Form) -> str:
    if form == "classes":
        return "they sum to 100 in a row"
    return f"they reach from {sample.values.min():g} to {sample.values.max():g}"


def _sums(sample: Sample) -> str:
    from losscli.arrays import sum_last

    sums = sum_last(sample.values)
    return f"the sums reach from {sums.min():.4g} to {sums.max():.4g}"


def _shown(plan: ColumnPlan) -> str:
    names = plan.roles["pred"]
    return f'"{names[0]}"' if len(names) == 1 else f'"{names[0]}" to "{names[-1]}"'


def _sample(
    losses: Sequence[Loss],
    needs: Sequence[Need],
    sources: Sequence[Source],
    plans: Sequence[ColumnPlan],
    where: Where | None,
) -> Sample | None:
    """The predictions of the first rows; None when there are none, or when they cannot be read."""
    # A loss that omits rows, such as padding, needs its label to know them.
    loss = next((loss for loss in losses if loss.omit is not None), losses[0])
    prediction = prediction_of(loss)
    assert prediction is not None
    inputs = loss.inputs if loss.omit is not None else (prediction,)
    read_as = {(one.name, one.role.reading) for one in inputs}
    needs = [need for need in needs if (need.input, need.reading) in read_as]
    parts, files, rows = [], [], []
    read, whole = 0, True
    try:
        for file, first_row, tile in _tiles(sources, plans, needs, where):
            values = tile.inputs[prediction.name, prediction.role.reading]
            width = 1 if values.ndim == 1 else values.shape[1]
            wanted = deciding_rows(width) - read
            usable = _usable(tile, loss)
            usable = usable[usable < wanted]
            parts.append(values[: len(usable)] if len(usable) in (tile.rows, wanted) else values[usable])
            files.append(np.full(len(usable), file))
            rows.append(first_row + usable)
            read += min(tile.rows, wanted)
            if tile.rows >= wanted:
                whole = False
                break
    except LosscliError:
        # The run will meet it again, and other faults that may stand before it.
        return None
    if not sum(map(len, parts)):
        return None
    # Each column stays contiguous, as it is in the parts.
    values = np.concatenate([part.T for part in parts], axis=-1).T
    return Sample(values, np.concatenate(files), np.concatenate(rows), whole)


def _usable(tile: Tile, loss: Loss) -> IntArray:
    """The rows of a tile that count for a loss."""
    hidden = np.zeros(tile.rows, np.bool_)
    if loss.omit is not None:
        inputs = {name: values for (name, _), values in tile.inputs.items()}
        hidden |= call_with(loss.omit, {**inputs, **loss.values})
    for one in (tile.missing, tile.excluded, tile.faulty):
        if one is not None:
            hidden |= one
    return np.flatnonzero(~hidden)


def _tiles(
    sources: Sequence[Source], plans: Sequence[ColumnPlan], needs: Sequence[Need], where: Where | None
) -> Iterator[tuple[int, int, Tile]]:
    """What the needs read of the files in their order: index of the file, first row, tile."""
    for source, plan in zip(sources, plans, strict=True):
        wanted = {name for need in needs for name in plan.input_columns[need.input]}
        wanted.update(where.columns if where is not None else ())
        types = {name: type for name, type in plan.types.items() if name in wanted}
        decoder = Decoder(replace(plan, types=types, by=(), weight=None), needs, file=source.index)
        row = 0
        for shard in source.head(DECIDING_ROWS).shards():
            for _, batch in shard.batches(types, CHUNK_ROWS):
                excluded = None if where is None else ~where.mask(batch, Faults())
                yield source.index, row, decoder.tile(batch, row, excluded)
                row += batch.num_rows
