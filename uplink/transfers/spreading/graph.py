"""When bytes that some satellites have can be with others: earliest arrival over laser windows.

Dijkstra's algorithm over time: a link may be used while its window is open, a pack is passed on
when it is whole, and a copy takes a terminal at both ends. Who would be reached first is served
first, which is no best plan of terminals, but one that never promises what they cannot do.
"""

from __future__ import annotations

import heapq
import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf

from uplink.transfers.spreading.terminals import Terminals

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


_ALL_FREE = Terminals({})
_Entry = tuple[float, int, int, int | None, Window | None]
"""When it would be done, a number that orders what is alike, receiver, sender and their window."""


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
        count: int = 1,
        terminals: Terminals | None = None,
    ) -> dict[int, float]:
        """Return when each satellite holds whole copies; those that never do are not there.

        Parameters
        ----------
        sources : by satellite, from when on it holds the bytes
        size_bytes : of one pack
        ready_s : by satellite, from when on it may fetch; who is not in it fetches nothing
        refused : pairs (receiver, sender) that do not deal with each other
        count : packs that go one behind the other; each is passed on when it is whole
        terminals : those that are free; what the copies take is taken
        """
        terminals = terminals or _ALL_FREE
        at_s: dict[int, float] = {}
        first_s: dict[int, float] = {}
        number = itertools.count()
        queue: list[_Entry] = [
            (instant_s, next(number), satellite, None, None)
            for satellite, instant_s in sources.items()
        ]
        heapq.heapify(queue)
        while queue:
            done_s, _, satellite, sender, window = heapq.heappop(queue)
            if satellite in at_s:
                continue
            began_s = done_s
            if window is not None:
                wanted_s = max(first_s[sender], ready_s.get(satellite, inf), window.start_s)
                one_s = LIGHT_S + size_bytes * 8 / window.bit_per_s
                all_s = LIGHT_S + count * size_bytes * 8 / window.bit_per_s
                begins_s = terminals.free_for(sender, satellite, wanted_s, all_s)
                really_s = max(begins_s + all_s, at_s[sender] + one_s)
                if really_s > window.end_s:
                    continue
                if really_s > done_s:  # the terminals were taken meanwhile
                    heapq.heappush(queue, (really_s, next(number), satellite, sender, window))
                    continue
                began_s = begins_s + one_s
                terminals.take(sender, begins_s, really_s)
                terminals.take(satellite, begins_s, really_s)
            at_s[satellite], first_s[satellite] = done_s, began_s
            for other, each in self._from[satellite]:
                if other in at_s or (other, satellite) in refused:
                    continue
                begins_s = max(first_s[satellite], ready_s.get(other, inf), each.start_s)
                one_s = LIGHT_S + size_bytes * 8 / each.bit_per_s
                all_s = LIGHT_S + count * size_bytes * 8 / each.bit_per_s
                soonest_s = max(begins_s + all_s, done_s + one_s)
                if soonest_s <= each.end_s:
                    heapq.heappush(queue, (soonest_s, next(number), other, satellite, each))
        return at_s
