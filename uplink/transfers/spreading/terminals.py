"""Laser terminals and when each is free: a copy takes one at both of its ends."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf


class Terminals:
    """Who has how many, and until when they are taken. Who is not told of has as many as it takes.

    A `branch` sees all that was taken here and keeps to itself what it takes.
    """

    def __init__(self, counts: Mapping[int, int], *, before: Terminals | None = None) -> None:
        self._counts = counts
        self._before = before
        self._free_s: dict[int, list[float]] = {}

    def branch(self) -> Terminals:
        return Terminals(self._counts, before=self)

    @property
    def are_limited(self) -> bool:
        return bool(self._counts)

    def free_s(self, satellite: int) -> float:
        """Return from when on a satellite has a terminal free."""
        if satellite not in self._counts:
            return -inf
        known = self._known(satellite)
        return min(known) if known else inf

    def take(self, satellite: int, until_s: float) -> None:
        """Take the terminal that has been free longest."""
        if satellite not in self._counts:
            return
        known = list(self._known(satellite))
        known[known.index(min(known))] = until_s
        self._free_s[satellite] = known

    def _known(self, satellite: int) -> list[float]:
        if satellite in self._free_s:
            return self._free_s[satellite]
        if self._before is not None:
            return self._before._known(satellite)
        return [-inf] * self._counts[satellite]
