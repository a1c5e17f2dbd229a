"""Long counts out of the 14-bit counts of packets that carry no serial. Pure.

The count of an APID wraps every 16,384 packets: within 17 s at a thousand a second. Which time
round it is, the packets around it tell: those held that came last before, and first after.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from telemetry.packets import space

MODULUS = space.COUNT_MODULUS
_HALF = MODULUS // 2
NEAR_NS = 30_000_000_000
"""Within it the nearer way round is taken: packets out of order, or heard by two stations. Beyond
it time has passed, and a count only goes up."""


class Held(NamedTuple):
    """A packet already held: its long count, and when it came."""

    count: int
    at_ns: int


def follow(counts: Sequence[int]) -> NDArray[np.int64]:
    """Return where each of several packets in a row stands, counted from the first one."""
    step = (np.diff(np.asarray(counts, np.int64), prepend=counts[0]) + _HALF) % MODULUS - _HALF
    step[0] = 0
    return np.cumsum(step)


def place(count: int, at_ns: int, before: Held | None, after: Held | None) -> int:
    """Return the long count of a packet with the 14-bit `count` that came at `at_ns`.

    `before` came last of those that came at that time or earlier, `after` first of the later ones.
    Without either it is the first of its APID.
    """
    if before is not None and at_ns - before.at_ns <= NEAR_NS:
        return nearest(count, before.count)
    if after is not None and after.at_ns - at_ns <= NEAR_NS:
        return nearest(count, after.count)
    if before is not None:
        return before.count + 1 + (count - before.count - 1) % MODULUS
    if after is not None:
        return after.count - 1 - (after.count - 1 - count) % MODULUS
    return count


def nearest(count: int, to: int) -> int:
    """Return the long count nearest to `to` that ends in `count`."""
    return to + (count - to + _HALF) % MODULUS - _HALF


def restarted(count: int, following: int) -> int:
    """Return the long count of a packet after the count began anew: a round of its own, above
    everything before `following`."""
    return -(-following // MODULUS) * MODULUS + count
