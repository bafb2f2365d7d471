"""Columns inside of columns: fields of structs, vectors of Spark, scores with their classes.

- A field of a struct is a column of its own, ``parent.field``.
- Spark's vectors, structs of type, size, indices and values, are lists of numbers, sparse ones too.
- Scores that name their classes are "labelled": lists of structs (BigQuery ML,
  pipelines of Hugging Face), a struct of two lists (Vertex AI), or a map.  All
  are read as ``list<struct<label: text, score: float64>>``, whatever the order
  of the classes in a row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from losscli.readers.arrays import FLOAT, TEXT, column_of, convert, kind_of, nulls, view
from losscli.readers.number_text import NUMBER
from losscli.readers.source import Column, ColumnType
from losscli.roles import BoolArray, IntArray

LABEL_FIELDS = ("label", "class", "classes", "name", "key", "category", "displayname", "displaynames")
SCORE_FIELDS = ("prob", "probability", "score", "scores", "value", "confidence", "confidences")

# org.apache.spark.ml.linalg.VectorUDT.sqlType; type 0 is sparse, 1 dense.
SPARK_VECTOR = {"type", "size", "indices", "values"}
SPARSE = 0

LABELLED = pa.list_(pa.struct([("label", TEXT), ("score", FLOAT)]))


def columns_of(schema: pa.Schema) -> tuple[Column, ...]:
    """The columns that a schema describes, with the fields of structs in place of these."""
    stored = set(schema.names)
    labels, categorical = _class_labels(schema.metadata or {}), _categorical(schema.metadata or {})
    found = []
    for field in schema:
        for column in _columns(field):
            if column.name in labels:
                column = replace(column, names=labels[column.name], named_by="ClassLabel")
            elif column.name in categorical:
                column = replace(column, named_by="categories")
            # A field whose path is the name of a stored column cannot be asked for.
            if column.name == field.name or column.name not in stored:
                found.append(column)
    return tuple(found)


def _class_labels(metadata: Mapping[bytes, bytes]) -> dict[str, tuple[str, ...]]:
    """The names of the integer labels, by column, that the datasets library writes into a schema."""
    if b"huggingface" not in metadata:
        return {}
    import json

    try:
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        return {
            column: tuple(map(str, feature["names"]))
            for column, feature in features.items()
            if isinstance(feature, dict) and feature.get("_type") == "ClassLabel"
        }
    except (KeyError, ValueError, TypeError, AttributeError):
        # Whatever another program has written there names no classes.
        return {}


def _categorical(metadata: Mapping[bytes, bytes]) -> set[str]:
    """The columns that pandas has written as categories."""
    if b'"categorical"' not in metadata.get(b"pandas", b""):
        return set()
    import json

    try:
        columns = json.loads(metadata[b"pandas"])["columns"]
        return {column["field_name"] for column in columns if column["pandas_type"] == "categorical"}
    except (KeyError, ValueError, TypeError):
        return set()


def parent_of(name: str, stored: Iterable[str]) -> str:
    """The stored column that holds `name`, which is one itself or a path into one."""
    known = set(stored)
    parts = name.split(".")
    paths = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
    return next(path for path in paths if path in known)


def column_at(batch: pa.RecordBatch, name: str) -> pa.Array:
    """The column or field `name` of a batch."""
    parent = parent_of(name, batch.schema.names)
    array = batch.column(parent)
    rest = name[len(parent) + 1 :]
    while rest:
        fields = [field.name for field in array.type]
        field = parent_of(rest, fields)
        array = array.flatten()[fields.index(field)]
        rest = rest[len(field) + 1 :]
    return array


def converted(array: pa.Array, wanted: ColumnType) -> pa.Array:
    """`array` as the type wanted; raises TypeError when its type does not hold that."""
    if wanted == "labelled":
        if not is_labelled(array.type):
            raise TypeError(str(array.type))
        return _labelled(array)
    if wanted == "vector" and is_spark_vector(array.type):
        return _spark_vectors(array)
    return convert(array, wanted)


def is_spark_vector(stored: pa.DataType) -> bool:
    """Whether a type is that of Spark's vectors."""
    return pa.types.is_struct(stored) and {field.name for field in stored} == SPARK_VECTOR


def is_labelled(stored: pa.DataType) -> bool:
    """Whether a type holds several scores with their classes."""
    if pa.types.is_map(stored):
        return _is_label(stored.key_type) and _is_number(stored.item_type)
    if _is_list(stored):
        return pa.types.is_struct(stored.value_type) and _fields(stored.value_type, lists=False) is not None
    return pa.types.is_struct(stored) and _fields(stored, lists=True) is not None


def class_words(array: pa.Array) -> tuple[str, ...]:
    """The distinct classes that a labelled column names, in their order."""
    return in_class_order(word for word in _labelled(array).values.flatten()[0].dictionary.to_pylist() if word)


def in_class_order(names: Iterable[str]) -> tuple[str, ...]:
    """Distinct classes, numbers in their order, else by the alphabet."""
    distinct = set(names)
    numbers = all(re.fullmatch(NUMBER, name) and "(" not in name for name in distinct)
    return tuple(sorted(distinct, key=float if numbers else str))


def _columns(field: pa.Field) -> list[Column]:
    column, stored = column_of(field), field.type
    if is_spark_vector(stored):
        return [replace(column, kind="vector", type="vector")]
    if is_labelled(stored):
        return [replace(column, kind="labelled")]
    if pa.types.is_struct(stored):
        return [one for inner in stored for one in _columns(inner.with_name(f"{field.name}.{inner.name}"))]
    return [column]


def _is_list(stored: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_list(stored) or types.is_large_list(stored) or types.is_fixed_size_list(stored))


def _is_label(stored: pa.DataType) -> bool:
    return kind_of(stored) in ("text", "integer", "boolean")


def _is_number(stored: pa.DataType) -> bool:
    return kind_of(stored) == "number"


def _fields(stored: pa.StructType, *, lists: bool) -> tuple[int, int] | None:
    """The places of the label and the score among the two fields of a struct, which may be `lists` of them."""
    if stored.num_fields != 2:
        return None
    names = [field.name.lower() for field in stored]
    label = next((place for place, name in enumerate(names) if name in LABEL_FIELDS), None)
    if label is None or names[1 - label] not in SCORE_FIELDS:
        return None
    types = [stored.field(label).type, stored.field(1 - label).type]
    if lists:
        if not all(map(_is_list, types)):
            return None
        types = [one.value_type for one in types]
    return (label, 1 - label) if _is_label(types[0]) and _is_number(types[1]) else None


def _labelled(array: pa.Array) -> pa.Array:
    stored = array.type
    missing = nulls(array)
    if pa.types.is_struct(stored):
        label, score = _fields(stored, lists=True) or (0, 1)
        children = array.flatten()
        labels, lengths, empty = _values(children[label])
        scores, other_lengths, _ = _values(children[score])
        if not np.array_equal(lengths, other_lengths):
            raise pa.ArrowInvalid("a row has another number of classes than of scores")
        missing = _either(missing, empty)
    elif pa.types.is_map(stored):
        start, stop, lengths = _range(array)
        labels, scores = array.keys.slice(start, stop - start), array.items.slice(start, stop - start)
    else:
        pairs, lengths, _ = _values(array)
        label, score = _fields(stored.value_type, lists=False) or (0, 1)
        children = pairs.flatten()
        labels, scores = children[label], children[score]
    pairs = pa.StructArray.from_arrays([convert(labels, "text"), convert(scores, "number")], ["label", "score"])
    return _lists(LABELLED, pairs, lengths, missing)


def _spark_vectors(array: pa.Array) -> pa.Array:
    """Dense and sparse vectors as lists of all their numbers."""
    fields = [field.name for field in array.type]
    children = dict(zip(fields, array.flatten(), strict=True))
    missing = nulls(array)
    kinds = _integers(children["type"])
    sizes = _integers(children["size"])
    values, stored, _ = _values(children["values"])
    indices, _, _ = _values(children["indices"])
    numbers = view(convert(values, "number"), np.float64)
    sparse = kinds == SPARSE
    if missing is not None:
        sparse &= ~missing
    if not sparse.any():
        return _lists(pa.list_(FLOAT), convert(values, "number"), stored, missing)
    lengths = np.where(sparse, sizes, stored)
    starts = np.cumsum(lengths) - lengths
    full = np.zeros(int(lengths.sum()))
    row = np.repeat(np.arange(len(array)), stored)
    place = np.arange(len(numbers)) - np.repeat(np.cumsum(stored) - stored, stored)
    given = sparse[row]
    if int(given.sum()) != len(indices):
        raise pa.ArrowInvalid("a sparse vector has another number of indices than of values")
    place[given] = _integers(indices)
    if len(place) and not ((place >= 0) & (place < lengths[row])).all():
        raise pa.ArrowInvalid("a sparse vector has an index outside of its size")
    full[starts[row] + place] = numbers
    flat = pa.Array.from_buffers(FLOAT, len(full), [None, pa.py_buffer(full)])
    return _lists(pa.list_(FLOAT), flat, lengths, missing)


def _lists(stored: pa.DataType, values: pa.Array, lengths: IntArray, missing: BoolArray | None) -> pa.Array:
    offsets = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    valid = None if missing is None else pa.py_buffer(np.packbits(~missing, bitorder="little"))
    return pa.Array.from_buffers(stored, len(lengths), [valid, pa.py_buffer(offsets)], children=[values])


def _values(array: pa.Array) -> tuple[pa.Array, IntArray, BoolArray | None]:
    """The elements of the lists one after another, how many each list has, and which lists are null."""
    missing = nulls(array)
    if pa.types.is_null(array.type):
        # Of dense vectors alone, a writer that infers its types does not know what the indices would be.
        return array.slice(0, 0), np.zeros(len(array), np.intp), missing
    if pa.types.is_fixed_size_list(array.type):
        width = array.type.list_size
        lengths = np.full(len(array), width)
        values = array.values.slice(array.offset * width, len(array) * width)
    else:
        start, stop, lengths = _range(array)
        values = array.values.slice(start, stop - start)
    if missing is None or not lengths[missing].any():
        return values, lengths, missing
    # The elements behind a null list are nobody's.
    kept = np.flatnonzero(np.repeat(~missing, lengths))
    index = pa.Array.from_buffers(pa.int64(), len(kept), [None, pa.py_buffer(kept.astype(np.int64))])
    return values.take(index), np.where(missing, 0, lengths), missing


def _range(array: pa.Array) -> tuple[int, int, IntArray]:
    """Where the elements of variable lists start and stop among all values, and how many each list has."""
    dtype: Any = np.int64 if pa.types.is_large_list(array.type) else np.int32
    size = np.dtype(dtype).itemsize
    data = array.buffers()[1]
    if data is None or not len(array):
        return 0, 0, np.zeros(len(array), np.intp)
    offsets = np.frombuffer(data, dtype, len(array) + 1, array.offset * size).astype(np.intp)
    return int(offsets[0]), int(offsets[-1]), np.diff(offsets)


def _integers(array: pa.Array) -> IntArray:
    """Integers of any width; 0 where null."""
    if pa.types.is_null(array.type):
        return np.zeros(len(array), np.intp)
    values: IntArray = view(array, array.type.to_pandas_dtype()).astype(np.intp)
    missing = nulls(array)
    if missing is not None:
        values[missing] = 0
    return values


def _either(one: BoolArray | None, other: BoolArray | None) -> BoolArray | None:
    if one is None or other is None:
        return other if one is None else one
    return one | other
