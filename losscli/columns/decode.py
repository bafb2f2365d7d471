"""Batches of columns become tiles of arrays, as the losses read them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from losscli.bins import FixedBins
from losscli.columns import batch as arrays
from losscli.columns.keys import Keys, MarginSeen
from losscli.columns.labels import SOFT, binary_value, canonical, class_of
from losscli.columns.need import BINARY_READINGS, Need
from losscli.columns.plan import ColumnPlan
from losscli.columns.tile import Tile
from losscli.faults import Fault, Faults
from losscli.readers.arrays import floats, stored_numbers
from losscli.roles import BoolArray, FloatArray, IntArray, Reading

# Codes of labels that have none.
MISSING, UNKNOWN = -1, -2
# Labels that some loss leaves out, though they are not among the classes, count down from here.
IGNORED = -3

SHOWN_CLASSES = 10


class Decoder:
    """Makes tiles of the batches of one file.

    The names of classes and slices grow in `keys`, which several decoders may
    share; `margin_seen` collects which labels stood for the negative class.
    """

    def __init__(self, plan: ColumnPlan, needs: Sequence[Need], file: int, keys: Keys | None = None) -> None:
        self.plan = plan
        self.needs = tuple({(need.input, need.reading): need for need in needs}.values())
        self.file = file
        self.keys = Keys(len(plan.by), plan.has_classes) if keys is None else keys
        self.margin_seen = MarginSeen(positive=plan.pos_label)
        self.places = {label: place for place, label in enumerate(plan.classes or ())}
        self.labels: dict[str, int] = {}
        # Of every use of a text column, or of a cross of several, by what it is used for.
        self.tables: dict[tuple[object, ...], arrays.CodeTable] = {}
        left_out = sorted({need.ignored for need in needs if need.ignored is not None})
        self.ignored = {str(label): IGNORED - place for place, label in enumerate(left_out)}

    @property
    def class_keys(self) -> Sequence[str | None]:
        """The classes by code."""
        return self.keys.classes

    @property
    def slice_keys(self) -> Sequence[Sequence[tuple[str | None, ...]]]:
        """For each axis the slices by code."""
        return self.keys.slices

    def tile(self, batch: pa.RecordBatch, first_row: int, excluded: BoolArray | None = None) -> Tile:
        """The rows of `batch`, the first of which is row `first_row` of the file; no fault is found in `excluded`."""
        return _Tiling(self, batch, first_row, excluded).tile()


class _Tiling:
    """One batch on its way to a tile."""

    def __init__(self, decoder: Decoder, batch: pa.RecordBatch, first_row: int, excluded: BoolArray | None) -> None:
        self.decoder = decoder
        self.excluded = excluded
        self.plan = decoder.plan
        self.batch = batch
        self.first_row = first_row
        self.rows = batch.num_rows
        self.missing: dict[str, BoolArray] = {}
        self.suspects: list[tuple[BoolArray, Callable[[int], Any], dict[str, Any]]] = []
        self.class_codes: IntArray | None = None
        self.read: dict[str, NDArray[Any]] = {}
        self.ends: dict[str, tuple[float, float]] = {}
        self.texts_read: dict[str, arrays.Texts] = {}
        self.margins: dict[tuple[str, str], BoolArray] = {}

    def tile(self) -> Tile:
        inputs = {(need.input, need.reading): self._input(need) for need in self.decoder.needs}
        weights = self._weights()
        self._check_constants()
        slice_codes = tuple(self._slice_codes(axis, cross) for axis, cross in enumerate(self.plan.by))
        missing = None
        for one in self.missing.values():
            missing = one if missing is None else missing | one
        hidden = missing
        if self.excluded is not None:
            hidden = self.excluded if missing is None else missing | self.excluded
            missing = None if missing is None else missing & ~self.excluded
        self._note_margins(hidden)
        faults, faulty = self._faults(hidden)
        return Tile(
            self.first_row,
            self.rows,
            inputs,
            weights,
            self.class_codes,
            slice_codes,
            missing,
            self.missing,
            faults,
            self.excluded,
            faulty,
            self._ends(inputs),
        )

    def _ends(self, inputs: Mapping[tuple[str, Reading], Any]) -> dict[tuple[str, Reading], tuple[float, float]]:
        """The ends of the inputs that hold columns of numbers as they are."""
        known = {}
        for key, array in inputs.items():
            columns = self.plan.input_columns[key[0]]
            ends = [self.ends[name] for name in columns if name in self.ends]
            alone = len(columns) == 1 and array is self.read.get(columns[0])
            if len(ends) == len(columns) and (alone or (len(columns) > 1 and key[1] == "number")):
                # The minimum of Python does not always tell of a nan.
                lows, highs = zip(*ends, strict=True)
                known[key] = float(np.min(lows)), float(np.max(highs))
        return known

    def _input(self, need: Need) -> Any:
        columns = self.plan.input_columns[need.input]
        if len(columns) > 1 or columns[0] in self.plan.lengths:
            return self._several(need, columns)
        if need.reading in BINARY_READINGS or (need.reading == "either" and self.plan.binary):
            return self._binary(need, columns[0])
        if need.reading == "number":
            return self._floats(columns[0])
        return self._classes(need, columns[0])

    def _several(self, need: Need, columns: Sequence[str]) -> FloatArray:
        """Several columns, or lists, of numbers or of two-class labels."""
        if columns[0] in self.plan.lengths:
            lists = [self._list(name) for name in columns]
            if columns[0] in self.plan.picks:
                return np.ascontiguousarray(lists[0][:, self.plan.picks[columns[0]]])
            if len(lists) == 1:
                return arrays.transposed(lists[0]) if lists[0].ndim == 2 else lists[0]
            return np.stack(lists, axis=1)
        if need.reading in BINARY_READINGS:
            return arrays.class_major([self._binary(need, name) for name in columns])
        return arrays.class_major([self._numbers(name) for name in columns])

    def _floats(self, name: str) -> FloatArray:
        """A column of numbers, NaN where missing."""
        values: FloatArray = self._numbers(name).astype(np.float64, copy=False)
        self.read[name] = values
        return values

    def _numbers(self, name: str) -> NDArray[Any]:
        """The same in the type in which it was read."""
        if name not in self.read:
            if self.plan.types[name] == "text":
                column = self._texts(name)
                values, bad = arrays.text_floats(column)
                self._suspect(name, bad, "is not a number", "a number such as 0.25 or 1e-3", words=column)
                self._note_missing(name, np.isnan(values) & ~bad)
                self.read[name] = values
            else:
                stored = stored_numbers(self.batch.column(name))
                if self.rows:
                    self.ends[name] = low, _ = float(stored.min()), float(stored.max())
                    if math.isnan(low):
                        self._note_missing(name, np.isnan(stored))
                self.read[name] = stored
        return self.read[name]

    def _texts(self, name: str) -> arrays.Texts:
        if name not in self.texts_read:
            self.texts_read[name] = arrays.texts(self.batch.column(name))
        return self.texts_read[name]

    def _list(self, name: str) -> FloatArray:
        """A list column as (n, k), a column of lists of lists as (n, m, k)."""
        column, lengths = self.batch.column(name), self.plan.lengths[name]
        if self.plan.types[name] == "text":
            return self._text_list(name, column, lengths)
        if self.plan.types[name] == "labelled":
            return self._labelled(name, column)
        lists = arrays.vectors(column, *lengths) if len(lengths) == 1 else arrays.matrices(column, *lengths)
        if lists.uneven is not None:
            self._suspect(name, lists.uneven, _no_list(lengths), "lists of one length", value=lambda _: "the list")
        if arrays.any_nan(lists.values):
            gaps: BoolArray = np.logical_or.reduce(np.isnan(lists.values.reshape(self.rows, -1)), axis=1)
            self._note_missing(name, gaps if lists.uneven is None else np.logical_and(gaps, ~lists.uneven))
        return lists.values

    def _labelled(self, name: str, column: pa.Array) -> FloatArray:
        """Scores with their classes as (n, k), in the order of the plan's classes."""
        scores = self.plan.scores[name]
        places = {word: place for place, word in enumerate(scores)}
        found = arrays.labelled(column, lambda word: places.get(canonical(word), UNKNOWN), len(scores))
        expected = "a score for each of " + ", ".join(scores[:SHOWN_CLASSES])
        expected += ", …" if len(scores) > SHOWN_CLASSES else ""
        fix = "--classes, with all classes of the predictions"
        if found.uneven is not None:
            problem = f"does not hold one score for each of the {len(scores)} classes"
            self._suspect(name, found.uneven, problem, expected, fix, value=lambda _: "the list")
        if arrays.any_nan(found.values):
            gaps: BoolArray = np.logical_or.reduce(np.isnan(found.values), axis=1)
            self._note_missing(name, gaps if found.uneven is None else gaps & ~found.uneven)
        return found.values

    def _text_list(self, name: str, column: pa.DictionaryArray, lengths: tuple[int, ...]) -> FloatArray:
        """The same from lists that were written as text."""
        from losscli.readers.text_lists import SHORTENED, WRITE_WHOLE_LISTS, read_lists

        texts, places = arrays.used_texts(column)
        lists = read_lists(texts, lengths)
        values = lists.values[places]
        shortened, wrong = lists.shortened[places], lists.wrong[places]

        def shown(row: int) -> str:
            return f'"{" ".join(texts[int(places[row])].as_py().split())}"'

        expected = f"all {_count(lengths)} numbers"
        self._suspect(name, shortened, f"is one of the {SHORTENED}", expected, WRITE_WHOLE_LISTS, value=shown)
        self._suspect(name, wrong, _no_list(lengths), "lists of one length, such as [0.1, 0.9]", value=shown)
        if arrays.any_nan(values):
            gaps: BoolArray = np.logical_or.reduce(np.isnan(values.reshape(self.rows, -1)), axis=1)
            self._note_missing(name, gaps & ~shortened & ~wrong)
        return values

    def _binary(self, need: Need, name: str) -> FloatArray:
        """A two-class label as 0 and 1, or -1 and 1 where the loss reads a margin."""
        if self.plan.types[name] == "text":
            values, names = self._binary_words(name)
        else:
            values, names = self._binary_numbers(name)
        if need.reading == "margin":
            hard = (values == 0) | (values == 1)
            self._suspect(name, ~(hard | np.isnan(values)), "is not 0 or 1", "0 and 1, or -1 and 1")
            values = np.where(hard, 2 * values - 1, np.nan)
        if self._gives_class(need):
            self.class_codes = names()
        return values

    def _binary_numbers(self, name: str) -> tuple[FloatArray, Callable[[], IntArray]]:
        stored = self._numbers(name)
        given = self._floats(name)
        low, high = self.ends.get(name, (math.nan, math.nan))
        if low >= 0 and high <= 1:
            index = stored.astype(np.intp, copy=False)
            if stored.dtype.kind in "iu" or np.array_equal(index, given):
                self.margins[name, "0"] = index == 0
                return given, lambda: self._zero_one_codes(index)
        values = np.where(given == -1, 0.0, given)
        bad = (values < 0) | (values > 1)
        self._suspect_label(name, bad)
        values[bad] = np.nan
        self.margins[name, "0"] = given == 0
        self.margins[name, "-1"] = given == -1
        return values, lambda: self._number_codes(given)

    def _zero_one_codes(self, index: IntArray) -> IntArray:
        table = np.array([self.decoder.keys.classes.code(label) for label in ("0", "1")], dtype=np.intp)
        return index if table[1] == 1 and table[0] == 0 else table[index]

    def _number_codes(self, given: FloatArray) -> IntArray:
        """The classes of numeric two-class labels, those between 0 and 1 being one of their own."""
        names = ("-1", "0", "1", SOFT, None)
        kinds = np.full(self.rows, 4)
        kinds[(given > 0) & (given < 1)] = 3
        for place, value in enumerate((-1, 0, 1)):
            kinds[given == value] = place
        return arrays.coded(kinds, len(names), lambda place: self.decoder.keys.classes.code(names[place]))

    def _binary_words(self, name: str) -> tuple[FloatArray, Callable[[], IntArray]]:
        column = self._texts(name)
        labels = [None if word is None else self._label(word) for word in column.words]
        found = [None if label is None else binary_value(label, self.plan.pos_label) for label in labels]
        table = np.array([np.nan if value is None else value for value in found])
        values = table[column.indices]
        bad = np.array([label is not None and value is None for label, value in zip(labels, found, strict=True)])
        if bad.any():
            self._suspect_label(name, bad[column.indices], column)
        if np.isnan(values).any():
            self._note_missing(name, np.isnan(values) & ~bad[column.indices])
        for place in np.flatnonzero(table == 0).tolist():
            rows = column.indices == place
            if rows.any():
                self.margins[name, str(labels[place])] = rows

        def codes() -> IntArray:
            def code_of(place: int) -> int:
                label, value = labels[place], found[place]
                known = label is not None and value is not None and not np.isnan(value)
                return self.decoder.keys.classes.code(class_of(str(label), float(value or 0)) if known else None)

            return self._coded(("margin", name), column.indices, [column.words], code_of)

        return values, codes

    def _label(self, word: str) -> str:
        """The class that a label stands for, among those of equal value."""
        label = canonical(word)
        return self.plan.label_names.get(label, label)

    def _classes(self, need: Need, name: str) -> Any:
        """A class label as its place among the classes, or one-hot."""
        column = self._texts(name)
        fixed = self.plan.classes is not None
        places = self.decoder.places if fixed else self.decoder.labels

        def place_of(index: int) -> int:
            word = column.words[index]
            if word is None:
                return MISSING
            label = self._label(word)
            if not fixed:
                return places.setdefault(label, len(places))
            return places.get(label, self.decoder.ignored.get(label, UNKNOWN))

        found = self._coded(("class", name), column.indices, [column.words], place_of)
        lowest = int(found.min(initial=0))
        if lowest < 0:
            self._note_missing(name, found == MISSING)
            self._suspect_class(name, found == UNKNOWN, column)
        if self._gives_class(need):
            self.class_codes = self._class_codes(found, list(places), lowest)
        index = np.maximum(found, 0) if lowest < 0 else found
        for label, code in self.decoder.ignored.items():
            # A loss that does not leave this class out refuses it, for its index is not among the classes.
            index[found == code] = int(label)
        if need.reading != "one_hot":
            return index
        hot = np.zeros((len(places), self.rows))
        hot[index, np.arange(self.rows)] = 1.0
        return hot.T

    def _class_codes(self, places: IntArray, labels: Sequence[str], lowest: int) -> IntArray:
        code = self.decoder.keys.classes.code
        table = np.array([code(label) for label in labels], dtype=np.intp)
        if lowest == 0:
            return table[places]
        return np.where(places < 0, code(None), np.append(table, 0)[np.maximum(places, 0)])

    def _gives_class(self, need: Need) -> bool:
        return self.class_codes is None and self.plan.class_input == (need.input, need.reading)

    def _weights(self) -> FloatArray | None:
        name = self.plan.weight
        if name is None:
            return None
        weights = self._floats(name)
        low, high = self.ends.get(name, (math.nan, math.nan))
        if self.rows and not (low >= 0 and high < np.inf):
            self._suspect(name, weights < 0, "is a negative weight", "finite weights >= 0")
            self._suspect(name, weights == np.inf, "is not a finite weight", "finite weights >= 0")
        return weights

    def _slice_codes(self, axis: int, cross: Sequence[str]) -> IntArray:
        columns = [self._part(axis, place, name) for place, name in enumerate(cross)]
        mixed: Any = columns[0].indices
        for column in columns[1:]:
            mixed = mixed.astype(np.int64) * len(column.words) + column.indices
        keys = self.decoder.keys.slices[axis]

        def code_of(index: int) -> int:
            key: list[str | None] = []
            for column in reversed(columns):
                index, place = divmod(index, len(column.words))
                word = column.words[place]
                # By value, as labels: pandas writes an integer as 1.0 where a part has a row without one.
                key.append(None if word is None else canonical(word))
            return keys.code(tuple(reversed(key)))

        return self._coded(("slice", axis), mixed, [column.words for column in columns], code_of)

    def _coded(
        self, use: tuple[object, ...], indices: Any, words: list[Any], code_of: Callable[[int], int]
    ) -> IntArray:
        """``code_of(index)`` for every row, by the table of this use."""
        table = self.decoder.tables.setdefault(use, arrays.CodeTable())
        return table.coded(indices, math.prod(map(len, words)), words, code_of)

    def _part(self, axis: int, place: int, name: str) -> arrays.Texts:
        """A column of a cross: its values, or the bins that these are in.

        A number that is missing is in the slice of null; as a label or prediction it would not be evaluated.
        """
        bins = self.plan.bins.get((axis, place))
        if bins is None:
            return self._texts(name)
        assert isinstance(bins, FixedBins)
        if self.plan.types[name] == "text":
            column = self._texts(name)
            values, bad = arrays.text_floats(column)
            self._suspect(name, bad, "is not a number", "numbers all through a column of bins", words=column)
        else:
            values = floats(self.batch.column(name))
        return arrays.Texts([*bins.labels, None], bins.codes(values))

    def _check_constants(self) -> None:
        """Texts by which columns were chosen must stand in every row."""
        for name, text in self.plan.constants.items():
            if name not in self.plan.types:
                continue
            column = self._texts(name)
            other = np.array([word is None or word.strip() != text for word in column.words])
            if other[column.indices].any():
                self._suspect(
                    name, other[column.indices], f'is not "{text}", as in the rows before', "the same in every row",
                    "--classes, in the order of the predictions", column,
                )  # fmt: skip

    def _note_missing(self, name: str, rows: BoolArray) -> None:
        if rows.any():
            known = self.missing.get(name)
            self.missing[name] = rows if known is None else known | rows

    def _note_margins(self, missing: BoolArray | None) -> None:
        for (name, label), rows in self.margins.items():
            used = rows if missing is None else rows & ~missing
            count = int(np.count_nonzero(used))
            if count:
                first = self.first_row + int(np.argmax(used))
                self.decoder.margin_seen.add(self.decoder.file, name, label, first, count)

    def _suspect_label(self, name: str, rows: BoolArray, words: arrays.Texts | None = None) -> None:
        fix = "--pos-label V, if there are two labels and V is the positive one"
        self._suspect(name, rows, "is not 0 or 1", "0 and 1, or -1 and 1", fix, words)

    def _suspect_class(self, name: str, rows: BoolArray, words: arrays.Texts) -> None:
        classes = self.plan.classes or ()
        listed = ", ".join(classes[:SHOWN_CLASSES]) + (", …" if len(classes) > SHOWN_CLASSES else "")
        fix = "--classes, with the classes in the order of the predictions"
        unmatched = f" ({self.plan.unmatched})" if self.plan.unmatched else ""
        self._suspect(name, rows, "is not one of the classes", f"one of {listed}{unmatched}", fix, words)

    def _suspect(
        self,
        name: str,
        rows: BoolArray,
        problem: str,
        expected: str,
        fix: str | None = None,
        words: arrays.Texts | None = None,
        value: Callable[[int], str] | None = None,
    ) -> None:
        """Remember rows that are faults unless they are missing for another reason."""
        if not rows.any():
            return

        def shown(row: int) -> str:
            if value is not None:
                return value(row)
            if words is not None:
                return f'"{words.words[words.indices[row]]}"'
            number = float(self._floats(name)[row])
            return str(int(number)) if number.is_integer() else repr(number)

        described = {"column": name, "problem": problem, "expected": expected, "fix": fix}
        self.suspects.append((rows, shown, described))

    def _faults(self, hidden: BoolArray | None) -> tuple[Faults, BoolArray | None]:
        """The faults of the rows that are not `hidden`, and which rows have one."""
        faults, faulty = Faults(), None
        for rows, shown, described in self.suspects:
            suspect = rows if hidden is None else rows & ~hidden
            bad = np.flatnonzero(suspect)
            if len(bad):
                row = int(bad[0])
                fault = Fault(
                    file=self.decoder.file, row=self.first_row + row, value=shown(row), count=len(bad), **described
                )
                if fault.key not in faults.by_key:
                    faults.add(fault)
                faulty = suspect if faulty is None else faulty | suspect
        return faults, faulty


def _no_list(lengths: tuple[int, ...]) -> str:
    return f"is not a list of {_count(lengths)} numbers"


def _count(lengths: tuple[int, ...]) -> str:
    return " x ".join(str(length) for length in lengths)
