"""Arithmetic in the field of 256 elements of CCSDS Reed-Solomon codes, for whole arrays at once.

The field is that of F(x) = x^8 + x^7 + x^2 + x + 1 (CCSDS 131.0-B-5, 4.3.2); alpha is a root of F.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
FIELD = 0x187
ORDER = 255
"""How many elements are not zero: the powers of alpha come round after as many."""


def _powers() -> Bytes:
    powers, value = np.empty(ORDER, np.uint8), 1
    for exponent in range(ORDER):
        powers[exponent] = value
        value <<= 1
        if value > 0xFF:
            value ^= FIELD
    return powers


ALPHA: Bytes = _powers()
"""ALPHA[n] is alpha to the n, for n below 255."""
_LOG = np.zeros(256, np.int64)
_LOG[ALPHA] = np.arange(ORDER)


def _products() -> Bytes:
    products = ALPHA[(_LOG[:, None] + _LOG[None, :]) % ORDER]
    products[0, :] = products[:, 0] = 0
    return products


PRODUCTS: Bytes = _products()
"""PRODUCTS[a, b] is a times b."""
INVERSES: Bytes = ALPHA[-_LOG % ORDER]
"""INVERSES[a] is one over a; the entry of 0 means nothing."""


def power(exponent: int | NDArray[np.int64]) -> Bytes:
    """Return alpha to `exponent`, which may be negative."""
    return ALPHA[exponent % ORDER]


def times(a: Bytes, b: Bytes) -> Bytes:
    """Return the products, element by element."""
    return PRODUCTS[a, b]


def _traces() -> Bytes:
    """Return the trace of every element: z + z^2 + z^4 + ... + z^128, which is 0 or 1."""
    total, term = np.zeros(256, np.uint8), np.arange(256, dtype=np.uint8)
    for _ in range(8):
        total ^= term
        term = PRODUCTS[term, term]
    return total


def _to_dual() -> Bytes:
    """Return for each element its coordinates in Berlekamp's dual basis.

    Coordinate i is the trace of the element times beta^i, with beta = alpha^117; the first
    coordinate is transmitted first and so is the most significant bit (131.0-B-5, 4.3.9 and
    annex F).
    """
    traces, elements = _traces(), np.arange(256, dtype=np.uint8)
    coordinates = np.zeros(256, np.uint8)
    for i in range(8):
        coordinates |= traces[PRODUCTS[elements, power(117 * i)]] << (7 - i)
    return coordinates


TO_DUAL: Bytes = _to_dual()
"""From the conventional representation (alpha^7 ... alpha^0) to the dual basis."""
FROM_DUAL: Bytes = np.argsort(TO_DUAL).astype(np.uint8)
"""From the dual basis to the conventional representation."""
