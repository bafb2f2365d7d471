"""Bits that look random and are the same everywhere: numbers drawn by what they are for, not by when."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.uint64]


def mixed(bits: Bits) -> Bits:
    """Every bit made to depend on every other, one to one.

    The finaliser of Steele, G. L., Lea, D. and Flood, C. H. (2014). Fast
    Splittable Pseudorandom Number Generators. doi:10.1145/2660193.2660195
    """
    bits = bits + np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
