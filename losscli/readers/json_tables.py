"""JSON texts that hold a whole table in one object, which are no rows."""

from __future__ import annotations

from losscli.errors import InputError
from losscli.readers.ndjson_rows import Members
from losscli.readers.streams import Place

WRITE_ROWS = 'DataFrame.to_json(path, orient="records", lines=True) writes an object for each row'

# The keys of the orients "split" and "table" of pandas.
_WRAPPED = ({"columns", "data"}, {"columns", "index", "data"}, {"schema", "data"})


def refuse_table(place: Place, row: Members) -> None:
    """Raise an InputError when the only `row` of a file is a table as pandas.DataFrame.to_json writes it unasked.

    That is an object for each column with the index of pandas as keys, or for
    each row: read as one row, it would be a row of very many columns.
    """
    keys = [key for key, _ in row]
    inner = [[key for key, _ in value] if isinstance(value, Members) else None for _, value in row]
    by_column = bool(inner) and all(one is not None and _counts(one) for one in inner)
    by_row = _counts(keys) and all(inner)
    if by_column or by_row or set(keys) in _WRAPPED:
        raise InputError(
            f"{place}: one JSON object holds the whole table",
            "an object on each line, or an array of objects",
            WRITE_ROWS,
        )


def _counts(keys: list[str]) -> bool:
    """Whether these are the numbers from 0, as texts."""
    return bool(keys) and keys == [str(place) for place in range(len(keys))]
