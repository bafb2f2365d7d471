"""How many numbers a row has in the chosen columns, and whether the losses can read so many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from losscli.columns.find import LISTS
from losscli.columns.need import BINARY_READINGS, CLASS_READINGS, Need
from losscli.columns.plan import shown
from losscli.errors import InputError
from losscli.readers import Column
from losscli.roles import SHAPES


class Shapes:
    """The shapes of the `columns` of one file; `picks` has the lists of which one number is read, and its place."""

    def __init__(self, columns: Mapping[str, Column], path: str) -> None:
        self.columns = columns
        self.path = path
        self.picks: dict[str, int] = {}

    def kind(self, name: str) -> str:
        """What a column can be read as."""
        return self.columns[name].kind

    def length(self, name: str) -> tuple[int, ...]:
        """The lengths of the lists of a column, (k,) or (m, k); InputError when they are not known."""
        column = self.columns[name]
        lengths = (column.width, column.inner_width) if column.kind == "matrix" else (column.width,)
        known = tuple(length for length in lengths if length is not None)
        if len(known) < len(lengths) and column.as_text:
            from losscli.readers.text_lists import SHORTENED, WRITE_WHOLE_LISTS

            raise InputError(
                f'{self.path}: column "{name}" holds {SHORTENED}', "every number of each list", WRITE_WHOLE_LISTS
            )
        if 0 in known:
            raise InputError(f'{self.path}: column "{name}" starts with an empty list', "lists of one length above 0")
        if len(known) < len(lengths):
            raise InputError(f'{self.path}: column "{name}" holds no list in its first rows', "lists of one length")
        return known

    def count(self, columns: Sequence[str]) -> int | None:
        """How many numbers a row has in these columns; None for one plain column."""
        if len(columns) > 1:
            return len(columns)
        if columns[0] in self.picks or self.kind(columns[0]) not in LISTS:
            return None
        return self.length(columns[0])[-1]

    def check(self, needs: Sequence[Need], inputs: Mapping[str, tuple[str, ...]]) -> None:
        """Raise InputError for a loss that cannot read the columns of one of its inputs."""
        for need in needs:
            columns = inputs[need.input]
            count, kind = self.count(columns), self.kind(columns[0])
            sets = kind == "matrix" or (kind == "vector" and len(columns) > 1)
            fits = {
                "row": count is None,
                "element": not sets,
                "vector": need.reading in ("one_hot",) or (count is not None and not sets),
                "embedding": not sets,
                "vectors": sets,
                "any": True,
            }[need.shape]
            if not fits:
                raise self._misfit(need, columns, classes=any(one.reading in CLASS_READINGS for one in needs))
        for need in needs:
            if need.role == "label" and need.reading in ("number", *BINARY_READINGS) and need.shape == "element":
                for other in [one for one in needs if one.role == "pred"]:
                    if other.loss == need.loss and other.shape == "element":
                        self._check_counts(need.loss, inputs[need.input], inputs[other.input])

    def _check_counts(self, loss: str, labels: tuple[str, ...], predictions: tuple[str, ...]) -> None:
        ours, theirs = self.count(labels), self.count(predictions)
        if ours != theirs:
            raise InputError(
                f"{self.path}: {loss} compares each label with one prediction, "
                f"but label={shown(labels)} and pred={shown(predictions)}",
                "as many predictions as labels",
                "-y and -p with one column each, or as many in each",
            )

    def _misfit(self, need: Need, columns: tuple[str, ...], *, classes: bool) -> InputError:
        expected = {
            "row": "one column of single values",
            "vector": "one column for each class or component, or a list column",
            "vectors": "a column of lists of lists, or several list columns",
        }.get(need.shape, f"values of shape {SHAPES[need.shape]}")
        fix = None
        if need.role == "pred" and need.shape == "vector" and classes:
            fix = "-p 'prob_*', or a loss for one score, such as binary_crossentropy"
        return InputError(f"{self.path}: {need.loss} cannot read {need.input} from {shown(columns)}", expected, fix)
