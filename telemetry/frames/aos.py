"""AOS transfer frames of fixed length (CCSDS 732.0-B-4), one to encode and many to decode."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from telemetry import onboard
from telemetry.frames import batch, checksums, headercheck
from telemetry.frames.batch import BadLayout, Batch, NotWholeFrames, Service

__all__ = ["Batch", "Layout", "NotWholeFrames", "crc", "decode", "encode"]

VERSION = 0b01
"""Transfer frame version number of AOS (4.1.2.2.2)."""
COUNT_MODULUS = 1 << 24
_CYCLED_MODULUS = 1 << 28
_PRIMARY = struct.Struct(">H I")
_HALF = struct.Struct(">H")
_CHECK_BYTES = 2
_POINTER_BYTES = 2
_ALL_BITS, _NO_BITS = 0x3FFF, 0x3FFE
"""Pointers of a B_PDU that is full, and of one with idle data alone (4.1.4.3.3)."""
FRAME_BYTES_MOST = 65_535


@dataclass(frozen=True, slots=True)
class Layout:
    """What the two ends agreed on beforehand; nothing in a frame says it.

    Attributes
    ----------
    has_ocf, has_fecf
        Whether frames end with an operational control field, and with a CRC-16.
    has_header_check
        Whether the primary header has a frame header error control field (4.1.2.6).
    insert_bytes
        Length of the insert zone behind the header, 0 for none (4.1.3).
    services
        By virtual channel, what is not packets. Channel 63 is idle in any case (4.1.2.3.2).
    """

    frame_bytes: int
    has_ocf: bool
    has_fecf: bool
    has_header_check: bool = False
    insert_bytes: int = 0
    services: Mapping[int, Service] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 <= self.insert_bytes <= FRAME_BYTES_MOST:
            raise BadLayout(f"an insert zone of {self.insert_bytes} bytes")
        if not self.frame_bytes <= FRAME_BYTES_MOST or self.zone_bytes < 1:
            raise BadLayout(f"frames of {self.frame_bytes} bytes leave no room for data")
        for channel, service in self.services.items():
            if not 0 <= channel < 64 or service == Service.OTHER:
                raise BadLayout(f"virtual channel {channel} cannot carry {service!r}")

    @property
    def header_bytes(self) -> int:
        return onboard.AOS_HEADER_BYTES + _CHECK_BYTES * self.has_header_check

    @property
    def trailer_bytes(self) -> int:
        return onboard.OCF_BYTES * self.has_ocf + onboard.FECF_BYTES * self.has_fecf

    @property
    def field_bytes(self) -> int:
        """Bytes of the data field: pointer and zone."""
        return self.frame_bytes - self.header_bytes - self.insert_bytes - self.trailer_bytes

    @property
    def zone_bytes(self) -> int:
        """Bytes left for packets."""
        return self.field_bytes - _POINTER_BYTES

    def service_of(self, channel: int) -> Service:
        if channel == onboard.DownlinkChannel.IDLE:
            return Service.IDLE
        return self.services.get(channel, Service.PACKETS)


UPLINK = Layout(onboard.FRAME_BYTES, has_ocf=False, has_fecf=True)
DOWNLINK = Layout(onboard.FRAME_BYTES, has_ocf=True, has_fecf=True)


def crc(data: bytes | memoryview) -> int:
    """Return the frame error control field of `data`: CRC-16 0x1021, all ones first (4.1.6.2)."""
    return checksums.crc16(data)


def encode(
    layout: Layout,
    *,
    spacecraft: int,
    channel: int,
    count: int,
    first_header: int,
    zone: bytes,
    ocf: bytes = b"",
    is_replay: bool = False,
    insert: bytes = b"",
    cycle: int | None = None,
) -> bytes:
    """Return one frame.

    `zone` fills the packet zone exactly (the whole data field of a channel of units), `insert` the
    insert zone; `ocf` is 4 bytes where the layout has one, else empty. `first_header` is the
    pointer of M_PDU and B_PDU alike. With `cycle`, the count's wraps are counted in the frame.
    ValueError when a part does not fit.
    """
    has_pointer = layout.service_of(channel) != Service.UNITS
    size = layout.zone_bytes if has_pointer else layout.field_bytes
    if len(zone) != size:
        raise ValueError(f"a packet zone is {size} bytes, got {len(zone)}")
    if len(ocf) != onboard.OCF_BYTES * layout.has_ocf:
        raise ValueError(f"the operational control field has {len(ocf)} bytes")
    if len(insert) != layout.insert_bytes:
        raise ValueError(f"the insert zone is {layout.insert_bytes} bytes, got {len(insert)}")
    if not (0 <= spacecraft < 256 and 0 <= channel < 64 and 0 <= first_header < 1 << 14):
        raise ValueError(f"spacecraft {spacecraft}, channel {channel} or {first_header} too large")
    if cycle is not None and not 0 <= cycle < 16:
        raise ValueError(f"a cycle of the count is 0 to 15, not {cycle}")
    identifier = VERSION << 14 | spacecraft << 6 | channel
    signalling = is_replay << 7 | (0 if cycle is None else 0x40 | cycle)
    frame = _PRIMARY.pack(identifier, count % COUNT_MODULUS << 8 | signalling)
    if layout.has_header_check:
        covered = np.array([identifier << 8 | signalling])
        frame += _HALF.pack(int(headercheck.check(covered)[0]))
    frame += insert + (_HALF.pack(first_header) if has_pointer else b"") + zone + ocf
    return frame + _HALF.pack(crc(frame)) if layout.has_fecf else frame


def decode(layout: Layout, data: bytes) -> Batch:
    """Read n frames that lie one behind the other; NotWholeFrames when a part is left over."""
    rows = batch.rows_of(data, layout.frame_bytes)
    n = len(rows)
    starts = layout.frame_bytes * np.arange(n)
    ends = starts + layout.frame_bytes
    header, troubles = _header(layout, rows)
    identifier, signalling = header >> 8, header & 0xFF
    octets = rows[:, 2:5].astype(np.int64)
    count = octets[:, 0] << 16 | octets[:, 1] << 8 | octets[:, 2]
    is_cycled = signalling >> 6 & 1 == 1
    channel = identifier & 0x3F
    service = np.array([layout.service_of(each) for each in range(64)])[channel]
    extra_starts = starts + layout.header_bytes
    field_starts = extra_starts + layout.insert_bytes
    place = layout.header_bytes + layout.insert_bytes
    word = rows[:, place].astype(np.int64) << 8 | rows[:, place + 1]
    zone_starts = field_starts + np.where(service == Service.UNITS, 0, _POINTER_BYTES)
    has_ocf = np.full(n, layout.has_ocf)
    ocf_ends = ends - onboard.FECF_BYTES * layout.has_fecf
    first_header = word & 0x7FF
    service[(service == Service.PACKETS) & (first_header == onboard.FIRST_HEADER_IDLE)] = (
        Service.IDLE
    )
    everything = np.ones(n, bool)
    return Batch(
        layout=layout,
        octets=bytes(data),
        starts=starts,
        ends=ends,
        zone_starts=zone_starts,
        zone_ends=ends - layout.trailer_bytes,
        version=identifier >> 14,
        spacecraft=identifier >> 6 & 0xFF,
        channel=channel,
        map_id=np.zeros(n, np.int64),
        count=np.where(is_cycled, count | (signalling & 0xF) << 24, count),
        modulus=np.where(is_cycled, _CYCLED_MODULUS, COUNT_MODULUS),
        series=np.zeros(n, np.int64),
        service=service,
        first_header=first_header,
        pointer=np.where(first_header == onboard.FIRST_HEADER_NONE, batch.NO_HEADER, first_header),
        begins=everything,
        completes=service == Service.UNITS,
        bits=_bits(layout, word & 0x3FFF),
        has_ocf=has_ocf,
        ocf=batch.fields_at(data, ocf_ends, has_ocf),
        is_replay=signalling >> 7 == 1,
        is_intact=checksums.agree_16(data, starts, ends) if layout.has_fecf else everything,
        extra_starts=extra_starts,
        extra_ends=field_starts,
        expected_version=VERSION,
        troubles=troubles,
    )


def _header(layout: Layout, rows: NDArray[np.uint8]) -> tuple[batch.Integers, dict[int, str]]:
    """Return identifiers and signalling field of each frame as 24 bits, corrected where the layout
    has a check, and the frames whose header is lost."""
    octets = rows[:, : layout.header_bytes].astype(np.int64)
    header = octets[:, 0] << 16 | octets[:, 1] << 8 | octets[:, 5]
    if not layout.has_header_check:
        return header, {}
    header, is_lost = headercheck.correct(header, octets[:, 6] << 8 | octets[:, 7])
    return header, dict.fromkeys(np.flatnonzero(is_lost).tolist(), "bad header check")


def _bits(layout: Layout, pointer: batch.Integers) -> batch.Integers:
    """Return how many bits of a B_PDU count: the pointer names the last one (4.1.4.3.3)."""
    whole = 8 * layout.zone_bytes
    bits = np.where(pointer == _NO_BITS, 0, np.minimum(pointer + 1, whole))
    return np.where(pointer == _ALL_BITS, whole, bits)
