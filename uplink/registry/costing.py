"""What carrying a version up will cost, before a byte is sent: bytes on air, contacts, time. Pure.

A file travels in packs, a pack as one CFDP transaction, a segment of it in each frame. A link's
rate counts all bytes of frames (`telemetry.onboard`).
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from telemetry import onboard

REPEATS = 1.05
"""Frames sent for one that counts: what is lost and sent again at some per cent of frame loss."""
CONTROL_FRAMES = 2
"""Of a transaction: its Metadata, and its EOF."""
MANIFEST_ENTRY_BYTES = 95
"""Of a manifest, for each pack: digest and size as JSON."""
ACQUIRING_S = 5.0
"""Of a contact, until files flow: antenna on target, transactions under way asked for."""


@dataclass(frozen=True, slots=True)
class Load:
    """What must go up: bytes of files, packs, and bytes of frames, repeats among them."""

    file_bytes: int
    packs: int
    frame_bytes: int
    on_air_bytes: int

    @property
    def overhead(self) -> float:
        """Bytes on air for one of the files."""
        return self.on_air_bytes / self.file_bytes


@dataclass(frozen=True, slots=True)
class Window:
    """A span in which files can go up. `station` tells where; a pass is not booked yet."""

    aos_at: datetime
    los_at: datetime
    uplink_bit_per_s: float
    station: str
    is_booked: bool
    contact: str = ""
    """Of what is booked: the id of the contact."""

    @property
    def carries_bytes(self) -> float:
        span_s = (self.los_at - self.aos_at).total_seconds() - ACQUIRING_S
        return max(span_s, 0.0) * self.uplink_bit_per_s / 8


@dataclass(frozen=True, slots=True)
class Price:
    """What a load costs one satellite.

    `ready_at` is None when the windows end before it is up; `contacts` then goes on counting with
    what the windows carry on average, and is None when they carry nothing.
    """

    contacts: int | None
    booked_contacts: int
    air_time_s: float
    first_aos_at: datetime | None
    ready_at: datetime | None
    stations: tuple[str, ...]
    carried_bytes: int


def load(file_sizes: Iterable[int], *, pack_bytes: int = onboard.PACK_BYTES) -> Load:
    """Return what files of these sizes come to on air, each cut into packs by itself."""
    files = packs = frames = 0
    for size in file_sizes:
        whole, rest = divmod(size, pack_bytes)
        count = whole + bool(rest)
        manifest = 120 + MANIFEST_ENTRY_BYTES * count
        frames += whole * _frames(pack_bytes) + (_frames(rest) if rest else 0) + _frames(manifest)
        files, packs = files + size, packs + count
    on_air = frames * onboard.FRAME_BYTES
    return Load(files, packs, on_air, math.ceil(on_air * REPEATS))


def _frames(size: int) -> int:
    return math.ceil(size / onboard.FILE_SEGMENT_BYTES) + CONTROL_FRAMES


def chosen(
    windows: Sequence[Window], *, apart: timedelta, after: datetime | None = None
) -> list[Window]:
    """Return the windows that carry the most together, no two of them nearer than `apart`.

    A satellite speaks with one station at a time (weighted interval scheduling, Kleinberg and
    Tardos, 6.1). `after` is when an earlier one ended.
    """
    ordered = sorted(windows, key=lambda each: each.los_at)
    if after is not None:
        ordered = [each for each in ordered if each.aos_at >= after + apart]
    ends = [each.los_at + apart for each in ordered]
    best: list[tuple[float, int | None, int]] = [(0.0, None, 0)]
    for number, each in enumerate(ordered):
        before = bisect.bisect_right(ends, each.aos_at, hi=number)
        taken = best[before][0] + each.carries_bytes
        best.append(max(best[-1], (taken, number, before), key=lambda one: one[0]))
    result, at = [], len(ordered)
    while at > 0:
        value, number, before = best[at]
        if number is None or value == best[at - 1][0]:
            at -= 1
            continue
        result.append(ordered[number])
        at = before
    return result[::-1]


def price(on_air_bytes: int, windows: Iterable[Window]) -> Price:
    """Return what it takes to send `on_air_bytes` over windows in order, each used wholly."""
    left, contacts, booked, air_s = float(on_air_bytes), 0, 0, 0.0
    carried, first, stations = 0.0, None, []
    for each in windows:
        can = each.carries_bytes
        if not can:
            continue
        first = first or each.aos_at
        sent = min(left, can)
        spent_s = sent * 8 / each.uplink_bit_per_s
        contacts, booked, air_s = contacts + 1, booked + each.is_booked, air_s + spent_s
        left, carried = left - sent, carried + sent
        if each.station not in stations:
            stations.append(each.station)
        if left < 1:
            ready_at = each.aos_at + timedelta(seconds=ACQUIRING_S + spent_s)
            return Price(contacts, booked, air_s, first, ready_at, tuple(stations), on_air_bytes)
    more = math.ceil(contacts * on_air_bytes / carried) if carried else None
    return Price(more, booked, air_s, first, None, tuple(stations), round(carried))
