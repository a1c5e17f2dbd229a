"""The frame header error control of AOS: Reed-Solomon (10,6) over 4 bits (732.0-B-4, 4.1.2.6).

It covers the identifiers (master and virtual channel) and the signalling field, 24 bits, by 16, and
corrects any two of the ten symbols of 4 bits.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

_FIELD = 0b10011
"""F(x) = x^4 + x + 1."""
_ROOTS = (6, 7, 8, 9)
"""g(x) is the product of x + alpha^j over these j."""
_DATA, _CHECKS = 6, 4
_LOST = 0xFFFFFFFF


def _times(a: int, b: int) -> int:
    product = 0
    while b:
        product ^= a * (b & 1)
        a, b = a << 1, b >> 1
        if a & 0x10:
            a ^= _FIELD
    return product


def _generator() -> list[int]:
    polynomial = [1]
    for j in _ROOTS:
        root = 1
        for _ in range(j):
            root = _times(root, 2)
        shifted = [*polynomial, 0]
        polynomial = [
            high ^ _times(root, low) for high, low in zip(shifted, [0, *polynomial], strict=True)
        ]
    return polynomial


def _check(data: int) -> int:
    """Return the 16 check bits of 24, symbol by symbol through the dividing register."""
    low, register = _generator()[1:], [0] * _CHECKS
    for place in range(_DATA - 1, -1, -1):
        feedback = (data >> 4 * place & 0xF) ^ register[0]
        register = [
            following ^ _times(feedback, factor)
            for following, factor in zip([*register[1:], 0], low, strict=True)
        ]
    return int("".join(f"{symbol:x}" for symbol in register), 16)


@cache
def _tables() -> NDArray[np.int64]:
    """Return the check bits of each value of each of the three bytes: (3, 256)."""
    return np.array([[_check(value << shift) for value in range(256)] for shift in (16, 8, 0)])


def check(data: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the 16 check bits of each of the 24-bit numbers."""
    first, second, third = _tables()
    return first[data >> 16] ^ second[data >> 8 & 0xFF] ^ third[data & 0xFF]


@cache
def _corrections() -> NDArray[np.uint32]:
    """Return for each syndrome what to add to the 24 bits; _LOST where nobody knows."""
    values = np.arange(1, 16)
    data = np.concatenate([values << 4 * place for place in range(_DATA)] + [0 * values] * _CHECKS)
    checks = [0 * values] * _DATA + [values << 4 * place for place in range(_CHECKS)]
    syndromes = check(data) ^ np.concatenate(checks)
    corrections = np.full(1 << 16, _LOST, np.uint32)
    corrections[syndromes[:, None] ^ syndromes[None, :]] = data[:, None] ^ data[None, :]
    corrections[syndromes] = data
    corrections[0] = 0
    return corrections


def correct(
    data: NDArray[np.int64], checks: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the 24 bits of each header as sent, and which headers are beyond correction."""
    corrections = _corrections()[check(data) ^ checks]
    is_lost = corrections == _LOST
    return data ^ np.where(is_lost, 0, corrections), is_lost
