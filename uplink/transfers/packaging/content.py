"""Cuts that follow the content: an insertion moves the cuts behind it along.

A gear hash (Xia et al., FastCDC, USENIX ATC 2016) over the last 32 bytes, for whole blocks at once.
A cut lies where its highest bits are zero, between a shortest and a longest chunk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

LENGTH_MIN = 16 * 1024
LENGTH_MAX = 256 * 1024
_LENGTH_BITS = 16
"""A cut every 64 KiB on average, beyond the shortest length (as Xet: target 64 KiB)."""
Read = Callable[[int, int], bytes]
"""`read(offset, count)` returns bytes of a file."""
Places = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]
_BLOCK_BYTES = 32 * 1024
"""Small enough for the sums to stay in a processor's cache."""
_REACH_BYTES = 32
_GEAR = np.frombuffer(
    b"".join(hashlib.sha256(b"zenith gear %d" % n).digest()[:4] for n in range(256)), "<u4"
)


def lengths(read: Read, start: int, stop: int) -> Iterator[int]:
    """Yield the lengths of the chunks from byte `start` to `stop`.

    The bytes before `start` have no influence.
    """
    cut_at, block_at = start, start
    while block_at < stop:
        reach = min(_REACH_BYTES - 1, block_at - start)
        count = min(_BLOCK_BYTES, stop - block_at)
        block = np.frombuffer(read(block_at - reach, reach + count), np.uint8)
        for found in _candidates(block).tolist():
            # The chunk ends behind the byte that closes the hash.
            cut_to = block_at - reach + found + 1
            if found < reach:
                continue
            while cut_to - cut_at > LENGTH_MAX:
                yield LENGTH_MAX
                cut_at += LENGTH_MAX
            if cut_to - cut_at >= LENGTH_MIN:
                yield cut_to - cut_at
                cut_at = cut_to
        block_at += count
    while stop - cut_at > LENGTH_MAX:
        yield LENGTH_MAX
        cut_at += LENGTH_MAX
    if cut_at < stop:
        yield stop - cut_at


def anchors(read: Read, start: int, stop: int, bits: int) -> tuple[Places, Keys]:
    """Return places of the content, one in `2**bits` bytes, with keys of the bytes around them.

    The same bytes have the same keys wherever they lie. A key stands for 64 bytes that end there.
    """
    places, keys = [np.empty(0, np.int64)], [np.empty(0, np.uint64)]
    for block_at in range(start, stop, _BLOCK_BYTES):
        reach = min(2 * _REACH_BYTES - 1, block_at - start)
        count = min(_BLOCK_BYTES, stop - block_at)
        total = _sums(np.frombuffer(read(block_at - reach, reach + count), np.uint8))
        found = np.flatnonzero(total >> np.uint32(32 - bits) == 0)
        found = found[found >= 2 * _REACH_BYTES - 1]
        places.append(found + (block_at - reach))
        earlier = total[found - _REACH_BYTES].astype(np.uint64)
        keys.append(earlier << np.uint64(32) | total[found])
    return np.concatenate(places), np.concatenate(keys)


def _candidates(block: npt.NDArray[np.uint8]) -> npt.NDArray[np.intp]:
    """Return the places whose hash asks for a cut."""
    return np.flatnonzero(_sums(block) >> np.uint32(32 - _LENGTH_BITS) == 0)


def _sums(block: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    """Return the gear hash at every byte.

    It is that of the byte before, shifted by one, plus the gear of the byte: a sum over 32 bytes,
    made in five doublings.
    """
    total = _GEAR.take(block)
    for step in (1, 2, 4, 8, 16):
        total[step:] += total[:-step] << np.uint32(step)
    return total
