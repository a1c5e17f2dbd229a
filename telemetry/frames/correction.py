"""Errors of Reed-Solomon codewords found, for all dirty ones of a batch at once.

Berlekamp-Massey for the locator, a search of its roots over all places (Chien), and Forney's
formula for the magnitudes; as in R. E. Blahut, Algebraic Codes for Data Transmission (2003),
sections 7.2 and 7.4. Codewords are rows throughout.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from telemetry.frames import galois
from telemetry.frames.galois import PRODUCTS, Bytes

_PLACES = 256
"""Places that are searched: 255, and one that makes whole words of them."""
_TOGETHER = 4096


@dataclass(frozen=True, slots=True)
class Found:
    """The errors of m dirty codewords.

    Attributes
    ----------
    is_correctable : (m,) array of bool
    counts : (m,) array of int64
        Errors found; meaningless where not correctable.
    words, powers : (k,) arrays of int64
        Of each error of the correctable ones: in which codeword, and at which power of x.
    magnitudes : (k,) array of uint8
        What to add there, in the conventional representation.
    """

    is_correctable: NDArray[np.bool_]
    counts: NDArray[np.int64]
    words: NDArray[np.int64]
    powers: NDArray[np.int64]
    magnitudes: Bytes


def find(remainders: Bytes, *, step: int, first_root: int, symbols: int) -> Found:
    """Find the errors from the remainders of the received codewords by the generator.

    Parameters
    ----------
    remainders : (m, 2t) array of uint8
        Not zero, the highest power first.
    step, first_root
        The generator's roots are alpha to the step * (first_root + 0 ... 2t - 1).
    symbols
        Length of a codeword: errors at higher powers of x cannot be.
    """
    parts = [
        _find(remainders[start : start + _TOGETHER], step, first_root, symbols)
        for start in range(0, len(remainders), _TOGETHER)
    ]
    return Found(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in _COUNTED),
        words=np.concatenate([part.words + n * _TOGETHER for n, part in enumerate(parts)]),
        powers=np.concatenate([part.powers for part in parts]),
        magnitudes=np.concatenate([part.magnitudes for part in parts]),
    )


_COUNTED = ("is_correctable", "counts")


def _find(remainders: Bytes, step: int, first_root: int, symbols: int) -> Found:
    most = remainders.shape[1] // 2
    syndromes = _syndromes(remainders, step, first_root)
    locators, counts = _locators(syndromes)
    is_root = _roots(locators[:, : most + 1], step)
    is_root[counts > most] = False
    # A locator that does not have as many roots as its degree, all of them at places that were
    # sent, belongs to no pattern of so few errors.
    is_correctable = (is_root.sum(axis=1) == counts) & ~is_root[:, symbols:].any(axis=1)
    words, powers = np.nonzero(is_root & is_correctable[:, None])
    magnitudes = _magnitudes(syndromes, locators, words, powers, step, first_root)
    return Found(is_correctable, counts, words, powers, magnitudes)


def _syndromes(remainders: Bytes, step: int, first_root: int) -> Bytes:
    """Return the remainders' values at the roots: (m, 2t). The generator is zero there, so they
    are the values of the received codewords."""
    size = remainders.shape[1]
    exponents = step * np.outer(np.arange(size - 1, -1, -1), first_root + np.arange(size))
    terms = PRODUCTS[remainders[:, :, None], galois.power(exponents)[None]]
    return np.bitwise_xor.reduce(terms, axis=1)


def _locators(syndromes: Bytes) -> tuple[Bytes, NDArray[np.int64]]:
    """Return the shortest feedback registers that make the syndromes (Berlekamp-Massey), the
    lowest power first, and their lengths."""
    m, size = syndromes.shape
    locator = np.zeros((m, size + 1), np.uint8)
    locator[:, 0] = 1
    previous, length = locator.copy(), np.zeros(m, np.int64)
    for n in range(size):
        terms = PRODUCTS[locator[:, : n + 1], syndromes[:, n::-1]]
        discrepancy = np.bitwise_xor.reduce(terms, axis=1)
        previous = np.concatenate([np.zeros((m, 1), np.uint8), previous[:, :-1]], axis=1)
        grows = (discrepancy != 0) & (2 * length <= n)
        corrected = locator ^ PRODUCTS[discrepancy[:, None], previous]
        previous[grows] = PRODUCTS[galois.INVERSES[discrepancy[grows], None], locator[grows]]
        length[grows] = n + 1 - length[grows]
        locator = corrected
    return locator, length


@cache
def _values(coefficients: int, step: int) -> NDArray[np.uint64]:
    """Return what each value of each coefficient adds to a polynomial at all places: its value at
    alpha to the -step * power, for powers 0 to 254, as words of eight of them."""
    exponents = -step * np.outer(np.arange(coefficients), np.arange(_PLACES))
    everything = PRODUCTS[np.arange(256)[None, :, None], galois.power(exponents)[:, None, :]]
    return np.ascontiguousarray(everything).view(np.uint64)


def _roots(locators: Bytes, step: int) -> NDArray[np.bool_]:
    """Return at which powers of x the locators point: (m, 255)."""
    table = _values(locators.shape[1], step)
    values = np.zeros((len(locators), table.shape[2]), np.uint64)
    for entries, column in zip(table, locators.T, strict=True):
        values ^= entries[column]
    return values.view(np.uint8)[:, : galois.ORDER] == 0


def _magnitudes(
    syndromes: Bytes,
    locators: Bytes,
    words: NDArray[np.int64],
    powers: NDArray[np.int64],
    step: int,
    first_root: int,
) -> Bytes:
    """Return the magnitude of the error in each of the `words` at each of the `powers` (Forney)."""
    most = syndromes.shape[1] // 2
    evaluators = np.zeros((len(syndromes), most), np.uint8)  # syndromes times locators, cut off
    for n in range(most):
        evaluators[:, n:] ^= PRODUCTS[locators[:, n, None], syndromes[:, : most - n]]
    evaluators, slopes = evaluators[words], locators[words, 1 : most + 1 : 2]
    at = galois.power(-step * powers)
    above = _evaluated(evaluators, at)
    below = _evaluated(slopes, PRODUCTS[at, at])
    scale = galois.power(step * powers * (1 - first_root))
    return PRODUCTS[scale, PRODUCTS[above, galois.INVERSES[below]]]


def _evaluated(polynomials: Bytes, at: Bytes) -> Bytes:
    """Return the values of polynomials, the lowest power first, each at its own place (Horner)."""
    total = np.zeros(len(at), np.uint8)
    for column in polynomials.T[::-1]:
        total = PRODUCTS[total, at] ^ column
    return total
