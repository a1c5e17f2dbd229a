"""The sequences that randomise a link, so that it has transitions whatever is sent.

Randomising and derandomising are the same: the sequence is added, from its start at each block.
"""

from __future__ import annotations

from enum import Enum
from functools import cache

import numpy as np

from telemetry.frames.galois import Bytes


class Sequence(Enum):
    """A shift register: the powers of its polynomial below the highest, its length, and the bits
    it starts with, the first one out in the lowest place."""

    TM = ((7, 5, 3, 0), 8, 0xFF)
    """h(x) = x^8 + x^7 + x^5 + x^3 + 1, which repeats after 255 bits (CCSDS 131.0-B-5, 10.4; until
    issue 4 the only one)."""
    TM_LONG = ((14, 0), 17, 0x18E38)
    """h(x) = x^17 + x^14 + 1, which repeats after 131,071 bits (131.0-B-5, 10.4)."""
    TC = ((6, 4, 3, 2, 1, 0), 8, 0xFF)
    """h(x) = x^8 + x^6 + x^4 + x^3 + x^2 + x + 1 (CCSDS 231.0-B-4, 5.3)."""


@cache
def sequence(which: Sequence, size: int) -> Bytes:
    """Return the first `size` bytes of the sequence."""
    powers, length, start = which.value
    period = (1 << length) - 1
    bits = np.empty(min(size * 8, period), np.uint8)
    register = start
    for place in range(len(bits)):
        bits[place] = register & 1
        following = sum(register >> power for power in powers) & 1
        register = register >> 1 | following << (length - 1)
    return np.packbits(np.resize(bits, size * 8))


def apply(which: Sequence, blocks: Bytes) -> Bytes:
    """Return the rows of an (n, size) array with the sequence added to each."""
    return blocks ^ sequence(which, blocks.shape[-1])
