"""A batch summed up by virtual channel and APID, in columns. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from telemetry.packets import space

APIDS = 2048
"""An APID has 11 bits (CCSDS 133.0-B-2, 4.1.3.3.4)."""
_HALF = space.COUNT_MODULUS // 2


@dataclass(frozen=True, slots=True)
class Received:
    """The n packets of a batch that were received whole, in the order in which they came.

    Attributes
    ----------
    key : (n,) array of int64
        Virtual channel times `APIDS`, plus APID.
    sequence, size : (n,) arrays of int64
        The packet's own 14-bit count, and its bytes.
    """

    key: NDArray[np.int64]
    sequence: NDArray[np.int64]
    size: NDArray[np.int64]

    @classmethod
    def of(cls, packets: Iterable[tuple[int, bytes]]) -> Received:
        """Take packets as pairs of virtual channel and bytes."""
        table = np.array(
            [
                (
                    channel * APIDS + ((data[0] << 8 | data[1]) & 0x7FF),
                    (data[2] << 8 | data[3]) & 0x3FFF,
                    len(data),
                )
                for channel, data in packets
            ],
            np.int64,
        ).reshape(-1, 3)
        return cls(table[:, 0], table[:, 1], table[:, 2])


def per_key(keys: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how often each key of `wanted` (in order, each once) is among `keys`."""
    if not len(wanted):
        return np.zeros(0, np.int64)
    return np.bincount(np.searchsorted(wanted, keys), minlength=len(wanted))


def reasons_by_key(rejects: Iterable[tuple[int, str]]) -> dict[int, dict[str, int]]:
    """Return for pairs of key and reason how often each reason is given for each key."""
    found: dict[int, Counter[str]] = {}
    for key, reason in rejects:
        found.setdefault(key, Counter())[reason] += 1
    return {key: dict(counts) for key, counts in found.items()}


@dataclass(frozen=True, slots=True)
class Runs:
    """How the counts of each of k keys go on within a batch.

    Attributes
    ----------
    key, first, last : (k,) arrays of int64
        The keys in order; the lowest and the highest count of each, as 14 bits.
    span, heard : (k,) arrays of int64
        How many counts lie from first to last, both included, and how many of them came.
    """

    key: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    span: NDArray[np.int64]
    heard: NDArray[np.int64]


def runs(keys: NDArray[np.int64], counts: NDArray[np.int64]) -> Runs:
    """Follow the 14-bit counts of packets in the order in which they came.

    Of two neighbours of one key the nearer way round is taken: less than half the modulus forward,
    or as much back for packets out of order.
    """
    order = np.argsort(keys, kind="stable")
    key, count = keys[order], counts[order]
    starts = np.flatnonzero(np.diff(key, prepend=key[:1] - 1)) if len(key) else np.zeros(0, int)
    step = (np.diff(count, prepend=count[:1]) + _HALF) % space.COUNT_MODULUS - _HALF
    step[starts] = 0
    place = np.cumsum(step)
    sizes = np.diff(starts, append=len(key))
    place -= np.repeat(place[starts], sizes)
    if not len(key):
        none = np.zeros(0, np.int64)
        return Runs(none, none, none, none, none)
    low, high = np.minimum.reduceat(place, starts), np.maximum.reduceat(place, starts)
    base = count[starts]
    both = np.lexsort((place, key))
    is_other = np.ones(len(key), np.int64)
    is_other[1:] = (np.diff(place[both]) != 0) | (np.diff(key[both]) != 0)
    return Runs(
        key[starts],
        (base + low) % space.COUNT_MODULUS,
        (base + high) % space.COUNT_MODULUS,
        high - low + 1,
        np.add.reduceat(is_other, starts),
    )
