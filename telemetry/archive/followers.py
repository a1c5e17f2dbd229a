"""Who is told of new samples: other rooms register a function that follows them all.

Called inside the transaction that marks the batch decoded, once for every batch that gave samples:
what a follower writes is committed with them or not at all. An exception undoes what that follower
wrote alone; the samples are kept, and the reason beside them. Recorder dumps are told from live
telemetry, so that what happened long ago raises no alarm today.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from telemetry.archive import columns


@dataclass(frozen=True, slots=True)
class Arrival:
    """New samples of one satellite out of one batch, in the order in which they came.

    Attributes
    ----------
    tables : by parameter group, its samples
    playback : by parameter group, an (n,) array of bool
        Which samples a recorder dump brought; the others are live.
    """

    satellite_id: int
    contact_id: UUID | None
    batch_id: int
    received_ns: int
    tables: dict[str, columns.Samples] = field(default_factory=dict)
    playback: dict[str, NDArray[np.bool_]] = field(default_factory=dict)

    def live(self) -> dict[str, columns.Samples]:
        """Return the live samples by group, without groups that have none."""
        chosen = {}
        for group, samples in self.tables.items():
            is_old = self.playback[group]
            if not is_old.any():
                chosen[group] = samples
            elif not is_old.all():
                chosen[group] = columns.select(samples, ~is_old)
        return chosen


class Follower(Protocol):
    """What is registered: a function of the samples and of the present instant."""

    def __call__(self, arrival: Arrival, *, now: datetime) -> None: ...


_followers: list[Follower] = []


def register(follow: Follower) -> None:
    """Let `follow(arrival, *, now)` be called with the samples of every batch. Safe to repeat."""
    if follow not in _followers:
        _followers.append(follow)


def followers() -> tuple[Follower, ...]:
    """Return those that registered, in that order."""
    return tuple(_followers)
