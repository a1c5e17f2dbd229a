"""Reed-Solomon (255,223) and (255,239) of CCSDS 131.0-B-5, section 4, for many codewords at once.

The parity of every codeword is computed again and compared, which is one table and one XOR a byte;
only codewords that differ are corrected, all of them together (`correction`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from telemetry.frames import correction, galois
from telemetry.frames.galois import Bytes

CODEWORD_BYTES = 255
UNCORRECTABLE = -1
_STEP = 11
"""The generator's roots are powers of alpha to the 11 (131.0-B-5, 4.3.3)."""
_TOGETHER = 2048
"""Codewords taken at once: their parities and the table of a byte stay in the nearest caches."""


class BadCode(ValueError):
    """No code of the standard is described so, or the blocks have another length."""


@dataclass(frozen=True, slots=True)
class Code:
    """Which code a link uses.

    Attributes
    ----------
    parity_bytes
        32 for (255,223), which corrects 16 symbols; 16 for (255,239), which corrects 8.
    interleave
        Codewords in a block, byte by byte in turn: 1 to 8 (4.3.5).
    is_dual
        Whether symbols travel in the dual basis, as the standard has it (4.3.9), or conventionally.
    fill_bytes
        Symbols of virtual fill in front of each codeword, which are zero and not sent (4.3.7).
    """

    parity_bytes: int = 32
    interleave: int = 1
    is_dual: bool = True
    fill_bytes: int = 0

    def __post_init__(self) -> None:
        if self.parity_bytes not in (16, 32):
            raise BadCode(f"parity is 32 or 16 bytes a codeword, not {self.parity_bytes}")
        if not 1 <= self.interleave <= 8:
            raise BadCode(f"the interleaving depth is 1 to 8, not {self.interleave}")
        if not 0 <= self.fill_bytes < CODEWORD_BYTES - self.parity_bytes:
            raise BadCode(f"{self.fill_bytes} bytes of virtual fill leave no room for data")

    @property
    def data_bytes(self) -> int:
        """Bytes of a block that are data: the frame."""
        return self.interleave * (CODEWORD_BYTES - self.parity_bytes - self.fill_bytes)

    @property
    def block_bytes(self) -> int:
        """Bytes of a block, parity and all."""
        return self.interleave * (CODEWORD_BYTES - self.fill_bytes)


@dataclass(frozen=True, slots=True)
class Corrected:
    """Blocks after correction.

    Attributes
    ----------
    data : (n, data_bytes) array of uint8
        As sent, or as received where a codeword could not be corrected.
    symbols : (n, interleave) array of int64
        Symbols corrected in each codeword; UNCORRECTABLE where there were too many.
    """

    data: Bytes
    symbols: NDArray[np.int64]

    @property
    def is_whole(self) -> NDArray[np.bool_]:
        """Return which blocks have no codeword that could not be corrected: (n,) array of bool."""
        return (self.symbols >= 0).all(axis=1)


def encode(code: Code, data: Bytes) -> Bytes:
    """Return (n, block_bytes) blocks around (n, data_bytes) data."""
    words = _codewords(code, _checked(data, code.data_bytes))
    parities = _parities(code, words)
    return np.concatenate([data, _blocks(code, parities.T, len(data))], axis=1)


def decode(code: Code, blocks: Bytes) -> Corrected:
    """Check (n, block_bytes) blocks and correct those that are dirty; never raises for errors."""
    words = _codewords(code, _checked(blocks, code.block_bytes))
    parity_from = CODEWORD_BYTES - code.fill_bytes - code.parity_bytes
    differences = _parities(code, words[:parity_from])
    differences ^= words[parity_from:].T
    dirty = np.flatnonzero(differences.any(axis=1))
    symbols = np.zeros(words.shape[1], np.int64)
    data = blocks[:, : code.data_bytes]
    if len(dirty):
        symbols[dirty], mended = _corrected(code, words[:, dirty], differences[dirty])
        words[:, dirty] = mended
        data = _blocks(code, words[:parity_from], len(blocks))
    return Corrected(data, symbols.reshape(len(blocks), code.interleave))


def _checked(rows: Bytes, size: int) -> Bytes:
    if rows.ndim != 2 or rows.shape[1] != size:
        raise BadCode(f"blocks of {size} bytes are expected, not an array of {rows.shape}")
    return rows


def _codewords(code: Code, rows: Bytes) -> Bytes:
    """Return copies of the codewords, one a column: they take turns byte by byte."""
    n, size = rows.shape
    depth = code.interleave
    words = np.empty((size // depth, n, depth), np.uint8)
    words[:] = rows.reshape(n, size // depth, depth).transpose(1, 0, 2)
    return words.reshape(size // depth, n * depth)


def _blocks(code: Code, words: Bytes, n: int) -> Bytes:
    """Undo `_codewords`: (bytes, codewords) to (n, bytes * interleave)."""
    depth = code.interleave
    return words.reshape(len(words), n, depth).transpose(1, 0, 2).reshape(n, len(words) * depth)


def _parities(code: Code, words: Bytes) -> Bytes:
    """Return the parity of each column of data: (codewords, parity_bytes)."""
    table = _table(code.parity_bytes, code.is_dual)[code.fill_bytes :]
    count = words.shape[1]
    parities = np.zeros((count, table.shape[2]), np.uint64)
    for start in range(0, count, _TOGETHER):
        # The entries of a byte are added up for many codewords in one go.
        places = words[:, start : start + _TOGETHER].astype(np.intp)
        total = parities[start : start + _TOGETHER]
        part = np.empty_like(total)
        for entries, place in zip(table, places, strict=True):
            entries.take(place, axis=0, out=part, mode="clip")
            total ^= part
    return parities.view(np.uint8)


@cache
def generator(parity_bytes: int) -> Bytes:
    """Return the parity_bytes + 1 coefficients of g(x), the highest power first (4.3.3)."""
    half = parity_bytes // 2
    polynomial = np.ones(1, np.uint8)
    for j in range(128 - half, 128 + half):
        longer = np.append(polynomial, np.uint8(0))
        longer[1:] ^= galois.times(polynomial, galois.power(_STEP * j))
        polynomial = longer
    return polynomial


@cache
def _table(parity_bytes: int, is_dual: bool) -> NDArray[np.uint64]:
    """Return what each value of each byte of data adds to the parity.

    That is `value * x^n mod g(x)`, in the representation that is sent: (data bytes, 256, parity
    bytes / 8) words. The parity is linear in the data, in either representation.
    """
    data_bytes = CODEWORD_BYTES - parity_bytes
    low = generator(parity_bytes)[1:]
    remainders = np.empty((data_bytes, parity_bytes), np.uint8)
    remainder = low  # x^parity_bytes mod g(x)
    for place in range(data_bytes - 1, -1, -1):
        remainders[place] = remainder
        remainder = np.append(remainder[1:], np.uint8(0)) ^ galois.times(low, remainder[0])
    values = galois.FROM_DUAL if is_dual else np.arange(256, dtype=np.uint8)
    entries = galois.times(values[None, :, None], remainders[:, None, :])
    if is_dual:
        entries = galois.TO_DUAL[entries]
    return np.ascontiguousarray(entries).view(np.uint64)


def _corrected(code: Code, words: Bytes, differences: Bytes) -> tuple[NDArray[np.int64], Bytes]:
    """Return how many symbols of each dirty column were corrected, and the columns."""
    if code.is_dual:
        differences = galois.FROM_DUAL[differences]
    found = correction.find(
        differences,
        step=_STEP,
        first_root=128 - code.parity_bytes // 2,
        symbols=CODEWORD_BYTES - code.fill_bytes,
    )
    magnitudes = galois.TO_DUAL[found.magnitudes] if code.is_dual else found.magnitudes
    mended = words.copy()
    mended[len(words) - 1 - found.powers, found.words] ^= magnitudes
    counts = np.where(found.is_correctable, found.counts, UNCORRECTABLE)
    return counts, mended
