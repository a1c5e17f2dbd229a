"""From which age on a newest value is stale: told by the room that watches over freshness.

That room stands on this one, so it registers; before it does nothing is stale.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol


class Watcher(Protocol):
    """Who knows how often groups of parameters are expected. A group not named is never stale."""

    def cadences_s(self) -> Mapping[str, float]:
        """Return for each group the age that its newest sample has at most in contact."""
        ...

    def stale_after_s(self, satellite_id: int, *, now: datetime) -> Mapping[str, float]:
        """Return for each group the age from which on a satellite's newest sample is stale now."""
        ...


_watcher: Watcher | None = None


def register(watcher: Watcher) -> None:
    global _watcher
    _watcher = watcher


def cadences_s() -> Mapping[str, float]:
    return _watcher.cadences_s() if _watcher else {}


def stale_after_s(satellite_id: int, *, now: datetime) -> Mapping[str, float]:
    return _watcher.stale_after_s(satellite_id, now=now) if _watcher else {}
