"""Spans in which several conditions hold at once, from the instants at which each begins and ends.

A condition that does not hold blocks. Events say when a number of blocks begins (+1) or ends (-1);
what lies between events with no block left is a span. Millions of pairs go through at once.
"""

from dataclasses import dataclass

import numpy as np

from constellation.orbits.frames import FloatArray

IntArray = np.ndarray


@dataclass(frozen=True)
class Events:
    """Blocks that begin (+1) and end (-1): of which pair, when. In any order."""

    pair: IntArray
    at_s: FloatArray
    change: IntArray

    @classmethod
    def joined(cls, parts: list["Events"]) -> "Events":
        """Return the events of all parts as one."""
        names = ("pair", "at_s", "change")
        return cls(*(np.concatenate([getattr(each, name) for each in parts]) for name in names))

    def where(self, wanted: np.ndarray) -> "Events":
        """Return the events that are wanted."""
        return Events(self.pair[wanted], self.at_s[wanted], self.change[wanted])


def free(events: Events, start_s: float, end_s: float) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return pair, start and end of every span within `[start_s, end_s]` that nothing blocks.

    Pairs with no event at all are not told; one that is never blocked has an event of +0. Ordered
    by pair and start. Spans without length are left out.
    """
    pairs = np.unique(events.pair)
    ends = np.ones(len(pairs), dtype=np.int8)
    # Before the span, and after it, everything is blocked.
    all_ = Events.joined(
        [
            events,
            Events(pairs, np.full(len(pairs), end_s), ends),
        ]
    )
    at_s = np.clip(all_.at_s, start_s, end_s)
    # Of events at one instant those that block go first, so that no gap opens between them.
    order = np.lexsort((-all_.change, at_s, all_.pair))
    pair, at_s, change = all_.pair[order], at_s[order], all_.change[order]
    depth = np.cumsum(change, dtype=np.int64)
    first = np.searchsorted(pair, pairs)
    before = np.concatenate([[0], depth])[first]
    depth -= np.repeat(before, np.diff(np.append(first, len(pair))))
    opens = np.flatnonzero(depth[:-1] == 0) if len(depth) else np.empty(0, dtype=np.int64)
    opens = opens[(pair[opens] == pair[opens + 1]) & (at_s[opens + 1] > at_s[opens])]
    return pair[opens], at_s[opens], at_s[opens + 1]
