"""Frame error control fields: the CRC of 16 bits of all protocols, and that of 32 bits of USLP."""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

_POLYNOMIAL_32 = 0x00A00805
"""x^32 + x^23 + x^21 + x^11 + x^2 + 1 (CCSDS 732.1-B-2, annex B; as in Proximity-1, 211.2-B-3)."""


def crc16(data: bytes | memoryview) -> int:
    """Return CRC-16 0x1021 that begins with all ones (CCSDS 732.0-B-4, 4.1.6.2). Over a frame that
    ends with its own it is zero."""
    return binascii.crc_hqx(data, 0xFFFF)


def crc32(data: bytes) -> int:
    """Return the CRC of 32 bits, which begins with zeros."""
    return int(crc32_of([data])[0])


def crc32_of(frames: Sequence[bytes]) -> NDArray[np.uint32]:
    """Return the CRC of 32 bits of each frame; over a frame that ends with its own it is zero.

    It begins with zeros, so that zeros in front change nothing: frames of all lengths are lined up
    at their ends and go through the register together.
    """
    size = max(map(len, frames), default=0)
    rows = np.frombuffer(b"".join(frame.rjust(size, b"\0") for frame in frames), np.uint8)
    table, register = _table(), np.zeros(len(frames), np.uint32)
    for column in rows.reshape(len(frames), size).T:
        register = register << np.uint32(8) ^ table[register >> np.uint32(24) ^ column]
    return register


@cache
def _table() -> NDArray[np.uint32]:
    entries = np.arange(256, dtype=np.uint32) << np.uint32(24)
    for _ in range(8):
        feedback = np.where(entries >> np.uint32(31), _POLYNOMIAL_32, 0).astype(np.uint32)
        entries = entries << np.uint32(1) ^ feedback
    return entries


def agree_16(octets: bytes, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray:
    """Return which of the frames agree with the CRC-16 that they end with."""
    view = memoryview(octets)
    spans = zip(starts.tolist(), ends.tolist(), strict=True)
    return np.fromiter((crc16(view[start:end]) == 0 for start, end in spans), bool, len(starts))
