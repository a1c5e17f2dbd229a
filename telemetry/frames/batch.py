"""Frames as received, whatever their protocol: what their headers say, by columns.

`aos`, `tm` and `uslp` make batches of bytes; `reassembly` takes out of them what they carry.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
NO_HEADER = -1
"""The pointer of a zone in which no packet begins."""


class NotWholeFrames(ValueError):
    """The bytes are no whole number of frames."""


class BadLayout(ValueError):
    """No frames can be laid out so."""


class Service(IntEnum):
    """What the data field of a virtual channel's frames carries (a managed parameter)."""

    PACKETS = 0
    """Packets one behind the other, and a pointer to the first that begins: M_PDU."""
    IDLE = 1
    """Nothing: the frame keeps the link going."""
    UNITS = 2
    """Data units of the mission's own: VCA_SDU, MAPA_SDU."""
    BITS = 3
    """A stream of bits or octets: B_PDU."""
    OTHER = 4
    """What other protocols of the link exchange (USLP: COP, SDLS and Proximity-1 directives)."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Frames as received, by columns of n.

    Nothing is judged but checksums and lengths: a column of a frame that has a fault holds what the
    bits happen to say.

    Attributes
    ----------
    octets : bytes
        The frames, one behind the other.
    starts, ends, zone_starts, zone_ends : (n,) arrays of int64
        Where each frame, and what it carries, lies in `octets`.
    version, spacecraft, channel, map_id : (n,) arrays of int64
        `map_id` is zero but in USLP.
    count, modulus : (n,) arrays of int64
        The count of the virtual channel and where it wraps; modulus 0: the frame is not counted.
    master_count : (n,) array of int64, or None
        The count of the master channel, modulo 256, where the protocol has one (TM).
    series : (n,) array of int64
        Which of its channel's counts a frame has: 1 for expedited frames of USLP, else 0.
    service : (n,) array of int64
        A `Service` each.
    first_header : (n,) array of int64
        The pointer as it stands in the frame, where there is one.
    pointer : (n,) array of int64
        Where in the zone the first packet begins, or NO_HEADER.
    begins, completes : (n,) arrays of bool
        Of units: whether one begins with this zone, and whether it ends with it. Packets do not go
        on behind a zone that completes.
    bits : (n,) array of int64
        Of streams: how many bits of the zone count.
    has_ocf : (n,) array of bool
    ocf : (n,) array of int64
        The operational control field, zero where there is none.
    is_replay, is_intact : (n,) arrays of bool
        `is_intact`: the frame agrees with its checksum; true throughout where there is none.
    extra_starts, extra_ends : (n,) arrays of int64
        Where the insert zone (AOS, USLP) or the secondary header (TM) lies; nothing: equal.
    troubles : dict
        For frames that cannot be read for another reason than their checksum: which.
    """

    layout: Any
    octets: bytes
    starts: Integers
    ends: Integers
    zone_starts: Integers
    zone_ends: Integers
    version: Integers
    spacecraft: Integers
    channel: Integers
    map_id: Integers
    count: Integers
    modulus: Integers
    series: Integers
    service: Integers
    first_header: Integers
    pointer: Integers
    begins: Flags
    completes: Flags
    bits: Integers
    has_ocf: Flags
    ocf: Integers
    is_replay: Flags
    is_intact: Flags
    extra_starts: Integers
    extra_ends: Integers
    expected_version: int
    master_count: Integers | None = None
    troubles: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def data(self) -> NDArray[np.uint8]:
        """Return frames of one length as rows: (n, frame_bytes)."""
        return np.frombuffer(self.octets, np.uint8).reshape(len(self), self.layout.frame_bytes)

    def frame(self, index: int) -> bytes:
        return self.octets[self.starts[index] : self.ends[index]]

    def zone(self, index: int) -> bytes:
        """Return what frame `index` carries: of an AOS frame, its packet zone."""
        return self.octets[self.zone_starts[index] : self.zone_ends[index]]

    def extra(self, index: int) -> bytes:
        """Return the insert zone (AOS, USLP) or secondary header (TM) of frame `index`."""
        return self.octets[self.extra_starts[index] : self.extra_ends[index]]

    def faults(self, *, spacecraft: int | None = None) -> list[str]:
        """Return for each frame why it cannot be used, or the empty string when it can.

        With `spacecraft`, frames of others cannot.
        """
        faults = np.full(len(self), "", dtype=object)
        if spacecraft is not None:
            faults[self.spacecraft != spacecraft] = "wrong spacecraft"
        faults[self.version != self.expected_version] = "wrong version"
        faults[~self.is_intact] = "bad FECF"
        for index, reason in self.troubles.items():
            faults[index] = reason
        return faults.tolist()


def rows_of(data: bytes, frame_bytes: int) -> NDArray[np.uint8]:
    """Return frames of one length as rows; NotWholeFrames when a part is left over."""
    n, rest = divmod(len(data), frame_bytes)
    if rest:
        raise NotWholeFrames(f"{len(data)} bytes are no multiple of {frame_bytes}")
    return np.frombuffer(data, np.uint8).reshape(n, frame_bytes)


def fields_at(octets: bytes, ends: Integers, is_there: Flags) -> Integers:
    """Return the 4-byte operational control fields that end at `ends`; zero where there is none."""
    if not is_there.any():
        return np.zeros(len(ends), np.int64)
    places = np.where(is_there, ends, 4)[:, None] + np.arange(-4, 0)
    words = np.frombuffer(octets, np.uint8)[places].astype(np.int64) @ [1 << 24, 1 << 16, 1 << 8, 1]
    return np.where(is_there, words, 0)
