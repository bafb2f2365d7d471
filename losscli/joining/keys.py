"""Keys as fingerprints: two numbers that are equal when the values of the keys are.

A whole number that fits into 64 bits is its own fingerprint.  Any other key is
hashed to 127 bits, so that among 10^10 keys two different ones share a
fingerprint with a probability of 10^-18, which is below that of a fault of
the memory; keys are therefore never compared in full.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa

from losscli.columns.batch import used_texts
from losscli.columns.labels import canonical
from losscli.distinct import distinct_values
from losscli.readers.arrays import string_array, view
from losscli.records import dataclass
from losscli.roles import BoolArray, IntArray
from losscli.summary.mixing import Bits, mixed

_WHOLE = r"^(-?[1-9][0-9]{0,17}|0)$"
_WHOLE_TEXT = re.compile(_WHOLE)
# Keys of another spelling than that of their value; all that `canonical` may change is among them.
_RESPELT = r"^\s|\s$|^[+-]?[0-9]+(\.0*)?$|^(?i:true|false)$"

# The first digits of pi and e in hexadecimal: any two numbers do.
_SEEDS = (np.uint64(0x243F6A8885A308D3), np.uint64(0xB7E151628AED2A6A))
_WORD = 8


@dataclass(frozen=True)
class Fingerprints:
    """The fingerprints of keys ``(n,)``; `high` is 0 for a whole number and odd for any other key.

    `missing` are the rows that have no key.
    """

    high: Bits
    low: Bits
    missing: BoolArray

    def __len__(self) -> int:
        return len(self.low)

    def __getitem__(self, rows: slice) -> Fingerprints:
        return Fingerprints(self.high[rows], self.low[rows], self.missing[rows])

    def same_as(self, other: Fingerprints) -> bool:
        """Whether all rows have a key, and both the same ones."""
        return bool(
            np.array_equal(self.low, other.low)
            and np.array_equal(self.high, other.high)
            and not self.missing.any()
            and not other.missing.any()
        )

    def ascending_from(self, last: int | None) -> int | None:
        """The last key, when all are whole numbers, each above the one before and the first above `last`."""
        if not len(self) or self.high.any():
            return None
        values = self.low.view(np.int64)
        if (values[1:] <= values[:-1]).any() or (last is not None and values[0] <= last):
            return None
        return int(values[-1])

    def parts(self, count: int) -> IntArray:
        """The partition, of `count` (a power of two), to which each key belongs."""
        return (mixed(self.low ^ self.high) >> np.uint64(40)).astype(np.intp) & (count - 1)


def fingerprints(column: pa.DictionaryArray) -> Fingerprints:
    """The fingerprints of a column of keys that was read as text."""
    words, places = used_texts(column)
    high, low = _of_words(words)
    missing = np.diff(_offsets(words)) == 0
    return Fingerprints(high[places], low[places], missing[places])


def _of_words(words: pa.StringArray) -> tuple[Bits, Bits]:
    import pyarrow.compute as pc

    if pc.all(pc.match_substring_regex(words, _WHOLE), min_count=0).as_py():
        whole = view(words.cast(pa.int64()), np.int64)
        return np.zeros(len(words), np.uint64), whole.view(np.uint64)
    respelt = np.flatnonzero(_flags(pc.match_substring_regex(words, _RESPELT)))
    high, low = _hashed(words)
    if len(respelt):
        spelt = [canonical(words[int(place)].as_py()) for place in respelt]
        high[respelt], low[respelt] = _hashed(string_array(spelt))
        for place, word in zip(respelt.tolist(), spelt, strict=True):
            if _WHOLE_TEXT.fullmatch(word):
                high[place], low[place] = 0, np.int64(int(word)).view(np.uint64)
    return high, low


def _hashed(words: pa.StringArray) -> tuple[Bits, Bits]:
    """Two hashes of the bytes of each word, those of one length at a time."""
    offsets = _offsets(words)
    text = np.frombuffer(words.buffers()[2] or b"", np.uint8)
    lengths = np.diff(offsets)
    high, low = np.empty(len(words), np.uint64), np.empty(len(words), np.uint64)
    for length in distinct_values(lengths).tolist():
        rows = np.flatnonzero(lengths == length)
        padded = np.zeros((len(rows), -(-length // _WORD) * _WORD), np.uint8)
        if length:
            padded[:, :length] = text[offsets[rows, None] + np.arange(length)]
        whole = padded.view("<u8")
        for hashes, seed in zip((high, low), _SEEDS, strict=True):
            state = np.full(len(rows), seed + np.uint64(length), np.uint64)
            for place in range(whole.shape[1]):
                state = mixed(state ^ whole[:, place])
            hashes[rows] = state
    return high | np.uint64(1), low


def _offsets(words: pa.StringArray) -> IntArray:
    data = words.buffers()[1]
    return np.frombuffer(data, np.int32, len(words) + 1, words.offset * 4).astype(np.intp)


def _flags(mask: pa.BooleanArray) -> BoolArray:
    from losscli.readers.arrays import bits

    return bits(mask.buffers()[1], mask.offset, len(mask)) if len(mask) else np.zeros(0, np.bool_)
