"""Laser terminals and when each is taken: a copy takes one at both of its ends."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping
from math import inf

_Span = tuple[float, float]


class Terminals:
    """Who has how many, and the spans in which they are taken. Who is not told of has as many as
    it takes.

    A `branch` sees all that was taken here and keeps to itself what it takes.
    """

    def __init__(self, counts: Mapping[int, int], *, before: Terminals | None = None) -> None:
        self._counts = counts
        self._before = before
        self._taken: dict[int, list[_Span]] = {}
        self._longest_s = 0.0 if before is None else before._longest_s

    def branch(self) -> Terminals:
        return Terminals(self._counts, before=self)

    def free_for(self, first: int, second: int, from_s: float, takes_s: float) -> float:
        """Return from when on both satellites have a terminal free for so long."""
        at_s, before_s = from_s, -inf
        while before_s < at_s < inf:
            before_s = at_s
            at_s = self._free_from(second, self._free_from(first, at_s, takes_s), takes_s)
        return at_s

    def take(self, satellite: int, from_s: float, until_s: float) -> None:
        """Take a terminal that is free in that span."""
        if satellite not in self._counts:
            return
        if satellite not in self._taken:
            self._taken[satellite] = list(self._known(satellite))
        insort(self._taken[satellite], (from_s, until_s))
        self._longest_s = max(self._longest_s, until_s - from_s)

    def _free_from(self, satellite: int, at_s: float, takes_s: float) -> float:
        count = self._counts.get(satellite, inf)
        if count == inf or at_s == inf:
            return at_s
        if not count:
            return inf
        known = self._known(satellite)
        while True:
            low = bisect_left(known, (at_s - self._longest_s,))
            high = bisect_left(known, (at_s + takes_s,))
            over = [span for span in known[low:high] if span[1] > at_s]
            if len(over) < count or _most_at_once(over, at_s) < count:
                return at_s
            at_s = min(end_s for _, end_s in over)

    def _known(self, satellite: int) -> list[_Span]:
        if satellite in self._taken:
            return self._taken[satellite]
        return [] if self._before is None else self._before._known(satellite)


def _most_at_once(spans: list[_Span], from_s: float) -> int:
    """Return how many of the spans, in order of their beginnings, hold at one instant at most."""
    instants = {max(begin_s, from_s) for begin_s, _ in spans}
    return max(sum(begin_s <= at_s < end_s for begin_s, end_s in spans) for at_s in instants)
