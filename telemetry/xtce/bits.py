"""Columns of numbers out of many packets of one length, wherever their bits lie."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PADDING_BYTES = 8
"""Bytes to lie behind the last packet, so that a wide window may read past a field."""


def read(
    buffer: bytes, n: int, stride_bytes: int, offset_bits: int, size_bits: int
) -> NDArray[np.uint64]:
    """Return (n,) unsigned integers of `size_bits` (1-64), most significant byte first.

    `buffer` holds n rows of `stride_bytes`, then PADDING_BYTES.
    """
    first, shift = divmod(offset_bits, 8)
    span = shift + size_bits
    for width in (8, 16, 32, 64):
        if span <= width:
            window = np.ndarray(
                (n,), f">u{width // 8}", buffer, offset=first, strides=(stride_bytes,)
            ).astype(f"u{width // 8}")
            if span < width:
                window >>= window.dtype.type(width - span)
            if size_bits < width:
                window &= window.dtype.type((1 << size_bits) - 1)
            return window.astype(np.uint64)
    # 65 to 71 bits: eight whole bytes and a part of the ninth.
    high = read(buffer, n, stride_bytes, offset_bits, 64 - shift)
    low_bits = span - 64
    low = read(buffer, n, stride_bytes, offset_bits + 64 - shift, low_bits)
    return high << np.uint64(low_bits) | low


def swap(value: NDArray[np.uint64], size_bits: int) -> NDArray[np.uint64]:
    """Return the values of whole bytes with their bytes in the other order."""
    return value.byteswap() >> np.uint64(64 - size_bits)


def signed(value: NDArray[np.uint64], form: str, size_bits: int) -> NDArray:
    """Return what the bits mean in the given form of integer: int64, or uint64 as they came."""
    if form == "unsigned":
        return value if size_bits == 64 else value.astype(np.int64)
    sign = np.uint64(1) << np.uint64(size_bits - 1)
    is_negative = (value & sign) != 0
    if form == "twosComplement":
        unused = np.uint64(64 - size_bits)
        return (value << unused).view(np.int64) >> np.int64(64 - size_bits)
    if form == "signMagnitude":
        magnitude = (value & ~sign).astype(np.int64)
    else:
        ones = np.uint64((1 << size_bits) - 1)
        magnitude = np.where(is_negative, ~value & ones, value).astype(np.int64)
    return np.where(is_negative, -magnitude, magnitude)


def floating(value: NDArray[np.uint64], size_bits: int) -> NDArray[np.float64]:
    """Return IEEE 754 numbers of 16, 32 or 64 bits."""
    whole = value.astype(f"u{size_bits // 8}").view(f"f{size_bits // 8}")
    with np.errstate(invalid="ignore"):  # a signalling NaN is telemetry like any other
        return whole.astype(np.float64)
