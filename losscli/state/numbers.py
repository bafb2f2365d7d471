"""Exact numbers as arrays: integers of any length times powers of two."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import numpy as np

from losscli.state.container import StateReader, StateWriter

# Sums of up to six factors of float64 range from about 2^-6444 to 2^6200.
_LARGEST_EXPONENT = 1 << 14
_MOST_BYTES = 1 << 12


class NumberColumn:
    """Numbers whose denominators are powers of two, as they are appended."""

    def __init__(self) -> None:
        self._exponents: list[int] = []
        self._sizes: list[int] = []
        self._digits = bytearray()

    def extend(self, values: Iterable[Fraction | int]) -> None:
        """Append numbers, each as an odd integer times a power of two (0 as no bytes)."""
        for value in values:
            whole, exponent = value.numerator, 1 - value.denominator.bit_length()
            if whole:
                even = (whole & -whole).bit_length() - 1
                whole, exponent = whole >> even, exponent + even
            size = (whole.bit_length() + 8) // 8 if whole else 0
            self._exponents.append(exponent if whole else 0)
            self._sizes.append(size)
            self._digits += whole.to_bytes(size, "little", signed=True)

    def write(self, writer: StateWriter) -> None:
        """Write the numbers as three arrays: exponents of two, lengths in bytes, two's complement digits."""
        writer.array("exponents", np.array(self._exponents, "<i4"))
        writer.array("sizes", np.array(self._sizes, "<i4"))
        writer.array("digits", np.frombuffer(bytes(self._digits), "|u1"))


class NumberReader:
    """The numbers of a state in the order in which they were appended."""

    def __init__(self, reader: StateReader) -> None:
        exponents, sizes = reader.array("exponents", "<i4"), reader.array("sizes", "<i4")
        self._digits = reader.array("digits", "|u1").tobytes()
        if exponents.size != sizes.size or int(sizes.astype(np.int64).sum()) != len(self._digits):
            raise ValueError("the lengths of the numbers do not fit")
        if exponents.size and (
            int(np.abs(exponents.astype(np.int64)).max()) > _LARGEST_EXPONENT
            or int(sizes.min()) < 0
            or int(sizes.max()) > _MOST_BYTES
        ):
            raise ValueError("a number is out of range")
        self._numbers = zip(exponents.tolist(), sizes.tolist(), strict=True)
        self._place = 0

    def take(self, count: int) -> tuple[Fraction, ...]:
        """The next `count` numbers."""
        found = []
        for _ in range(count):
            exponent, size = next(self._numbers, (0, -1))
            if size < 0:
                raise ValueError("a number is missing")
            whole = int.from_bytes(self._digits[self._place : self._place + size], "little", signed=True)
            self._place += size
            found.append(Fraction(whole << exponent) if exponent >= 0 else Fraction(whole, 1 << -exponent))
        return tuple(found)

    def finish(self) -> None:
        """Refuse numbers that nobody took."""
        if next(self._numbers, None) is not None:
            raise ValueError("there are more numbers than groups need")
