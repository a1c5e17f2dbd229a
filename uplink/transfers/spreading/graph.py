"""When bytes that some satellites have can be with others: earliest arrival over laser windows.

Dijkstra's algorithm over time: a link may be used while its window is open, a copy is passed on
when it is whole. Which terminals are busy is not asked: by laser a model takes seconds.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf

LIGHT_S = 0.034
"""There and back over the 5,000 km that terminals reach."""


@dataclass(frozen=True, slots=True)
class Window:
    """A span in which two satellites can hold a link; unix seconds."""

    first: int
    second: int
    start_s: float
    end_s: float
    bit_per_s: float


class Graph:
    """The windows of a group of satellites, by satellite."""

    def __init__(self, windows: Iterable[Window]) -> None:
        self._from: dict[int, list[tuple[int, Window]]] = defaultdict(list)
        for window in sorted(windows, key=lambda one: one.start_s):
            self._from[window.first].append((window.second, window))
            self._from[window.second].append((window.first, window))

    def neighbours(self, satellite: int) -> set[int]:
        """Return the satellites that this one has any window with."""
        return {other for other, _ in self._from[satellite]}

    def earliest(
        self,
        sources: Mapping[int, float],
        size_bytes: float,
        *,
        ready_s: Mapping[int, float],
        refused: frozenset[tuple[int, int]] = frozenset(),
    ) -> dict[int, float]:
        """Return when each satellite holds a whole copy; those that never do are not there.

        Parameters
        ----------
        sources : by satellite, from when on it holds the bytes
        ready_s : by satellite, from when on it may fetch; who is not in it fetches nothing
        refused : pairs (receiver, sender) that do not deal with each other
        """
        at_s: dict[int, float] = {}
        queue = [(instant_s, satellite) for satellite, instant_s in sources.items()]
        heapq.heapify(queue)
        while queue:
            held_s, satellite = heapq.heappop(queue)
            if satellite in at_s:
                continue
            at_s[satellite] = held_s
            for other, window in self._from[satellite]:
                if other in at_s or (other, satellite) in refused:
                    continue
                takes_s = LIGHT_S + size_bytes * 8 / window.bit_per_s
                done_s = max(held_s, ready_s.get(other, inf), window.start_s) + takes_s
                if done_s <= window.end_s:
                    heapq.heappush(queue, (done_s, other))
        return at_s
