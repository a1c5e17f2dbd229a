"""Batches of one reception decoded as one: what each costs is paid once.

A batch costs the same round trips whatever is in it, and a wide container the same work a column
however few packets it fills. So what waits is taken together, and everything still knows in which
batch it came: packets their time of reception, what is rejected its batch.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from uuid import UUID

from telemetry import onboard, times
from telemetry.models import RawBatch

BATCHES_MAX = 64
BYTES_MAX = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Joined:
    """Successive batches of one station in one contact, received on one day (UTC), coded alike; or
    packets that one satellite handed on for another, each a batch.

    Only the last may end in a part of a frame: frames are counted through all of them.
    """

    batches: tuple[RawBatch, ...]
    ends: tuple[int, ...]
    """For each batch, the number of the frame (or relayed packet) behind its last."""
    taken: bytes | None = None
    """The frames, where batches hold the bits of a coded link."""

    @classmethod
    def of(cls, batches: Sequence[RawBatch]) -> Joined:
        sizes = (_size(batch) for batch in batches)
        return cls(tuple(batches), tuple(accumulate(sizes)))

    @property
    def is_relayed(self) -> bool:
        """Say whether each batch is a packet that another satellite handed on."""
        return self.last.relay_id is not None

    @property
    def last(self) -> RawBatch:
        return self.batches[-1]

    @property
    def pk(self) -> int:
        """That of the first: no two decodings have it in common."""
        return self.batches[0].pk

    @property
    def contact_id(self) -> UUID:
        return self.last.contact_id

    @property
    def received_ns(self) -> int:
        """When the last came."""
        return self.last.received_ns

    @property
    def frames(self) -> bytes:
        """The frames; of a coded link, as long as they are not taken out, its bits."""
        if self.taken is not None:
            return self.taken
        return b"".join([bytes(batch.frames) for batch in self.batches])

    def holding(self, frame: int) -> RawBatch:
        """Return the batch in which the frame of that number came."""
        return self.batches[min(bisect_right(self.ends, frame), len(self.batches) - 1)]


def together(waiting: Sequence[RawBatch]) -> list[RawBatch]:
    """Return how many of the waiting batches, which are in order, are to be decoded as one."""
    taken: list[RawBatch] = []
    size = 0
    for batch in waiting:
        if taken and (size + len(batch.frames) > BYTES_MAX or not _follows(taken[-1], batch)):
            break
        taken.append(batch)
        size += len(batch.frames)
    return taken


def _follows(before: RawBatch, batch: RawBatch) -> bool:
    if before.relay_id is not None:
        goes_on = True
    elif before.coding is None:
        goes_on = len(before.frames) % onboard.FRAME_BYTES == 0
    else:
        goes_on = len(before.frames) > 0  # without bits it ended its stream
    return (
        goes_on
        and before.coding == batch.coding
        and _source(before) == _source(batch)
        and _day(before) == _day(batch)
    )


def _source(batch: RawBatch) -> tuple[int, int, int | None]:
    return batch.station_id, batch.satellite_id, batch.relay_id


def _size(batch: RawBatch) -> int:
    """Return how many frames a batch has; a relayed packet counts as one."""
    return 1 if batch.relay_id is not None else -(-len(batch.frames) // onboard.FRAME_BYTES)


def _day(batch: RawBatch) -> object:
    return times.from_ns(batch.received_ns).date()
