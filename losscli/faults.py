"""Bad values met while reading, counted to the end and then reported as one error.

Shards are read in any order and by several workers.  What is wrong is
collected here, merged like any other statistic, and the error names the first
bad row of the first file whatever the order of work was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, replace

from losscli.errors import InputError, one_line
from losscli.records import dataclass


@dataclass(frozen=True)
class Fault:
    """One kind of bad value in one column: where it was first seen and how often.

    `problem` completes a sentence that starts with the value, such as
    "is not a probability"; `row` is the number that its shard gives the row.
    Where `any_column`, faults of other columns count with it as one.
    """

    file: int
    column: str
    problem: str
    row: int
    value: str
    count: int
    expected: str
    fix: str | None = None
    any_column: bool = False

    @property
    def key(self) -> tuple[int, str, str]:
        return self.file, "" if self.any_column else self.column, self.problem


@dataclass
class Faults:
    """The faults of a part of the data; merges two at a time."""

    by_key: dict[tuple[int, str, str], Fault] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.by_key)

    def add(self, fault: Fault) -> None:
        """Count `fault`, keeping the earlier row of two of its kind."""
        known = self.by_key.get(fault.key)
        if known is not None:
            first = min(known, fault, key=lambda one: one.row)
            fault = replace(first, count=known.count + fault.count)
        self.by_key[fault.key] = fault

    def merge(self, other: Faults) -> None:
        """Take over the faults of `other`."""
        for fault in other.by_key.values():
            self.add(fault)

    def first(self) -> Fault:
        """The fault that stands first in the data."""
        return min(self.by_key.values(), key=lambda fault: (fault.file, fault.row, fault.column, fault.problem))

    def error(
        self,
        path_of: Callable[[int], str],
        rows_of: Callable[[int], int],
        line_of: Callable[[int, int], int | None],
        row_of: Callable[[int, int], int] = lambda _, row: row,
        details: Callable[[Fault], str] = lambda _: "",
    ) -> InputError:
        """The error for the first fault.

        The functions tell a file's path, its rows, the line of a row of a file,
        the 0-based row of the file for the number that a shard gave it, and what
        else is known of a fault, to follow the number of rows.
        """
        fault = self.first()
        row = row_of(fault.file, fault.row)
        line = line_of(fault.file, row)
        where = f"row {row + 1:,}" + (f" (line {line:,})" if line else "")
        total = rows_of(fault.file)
        how_many = f"{fault.count:,} of {total:,} rows" if total != 1 else "the only row"
        return InputError(
            f'{path_of(fault.file)}: column "{one_line(fault.column)}", {where}: {one_line(fault.value)} '
            f"{fault.problem}; "
            f"{how_many} {'is' if fault.count == 1 else 'are'} affected{details(fault)}",
            fault.expected,
            fault.fix,
        )
