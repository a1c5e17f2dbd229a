"""TM transfer frames (CCSDS 132.0-B-3), one to encode and many to decode."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

from telemetry import onboard
from telemetry.frames import batch, checksums
from telemetry.frames.batch import BadLayout, Batch, Service

VERSION = 0b00
"""Transfer frame version number of TM (4.1.2.2.2)."""
HEADER_BYTES = 6
COUNT_MODULUS = 1 << 8
_EXTENDED_MODULUS = 1 << 32
_HEADER = struct.Struct(">H BB H")
_HALF = struct.Struct(">H")
_UNSEGMENTED = 0b11
FRAME_BYTES_MOST = 2048
SECONDARY_BYTES_MOST = 64


@dataclass(frozen=True, slots=True)
class Layout:
    """What the two ends agreed on beforehand.

    Whether a frame has an operational control field or a secondary header stands in it.

    Attributes
    ----------
    has_fecf
        Whether frames end with a CRC-16.
    has_extended_count
        Whether the secondary header holds the upper 24 bits of the virtual channel's count
        (4.1.3.2.3).
    """

    frame_bytes: int
    has_fecf: bool
    has_extended_count: bool = False

    def __post_init__(self) -> None:
        least = HEADER_BYTES + onboard.FECF_BYTES * self.has_fecf + 1
        if not least <= self.frame_bytes <= FRAME_BYTES_MOST:
            raise BadLayout(
                f"TM frames have {least} to {FRAME_BYTES_MOST} bytes, not {self.frame_bytes}"
            )


def encode(
    layout: Layout,
    *,
    spacecraft: int,
    channel: int,
    count: int,
    master_count: int,
    first_header: int,
    zone: bytes,
    ocf: bytes = b"",
    secondary: bytes = b"",
    is_units: bool = False,
) -> bytes:
    """Return one frame. `zone` fills what is left by `ocf` (4 bytes or none) and `secondary` (the
    data of the secondary header, or none). ValueError when a part does not fit."""
    if not (0 <= spacecraft < 1024 and 0 <= channel < 8 and 0 <= first_header < 2048):
        raise ValueError(f"spacecraft {spacecraft}, channel {channel} or {first_header} too large")
    if len(ocf) not in (0, onboard.OCF_BYTES) or len(secondary) >= SECONDARY_BYTES_MOST:
        raise ValueError(f"control field of {len(ocf)} bytes, secondary of {len(secondary)}")
    status = bool(secondary) << 15 | is_units << 14 | first_header
    status |= (0 if is_units else _UNSEGMENTED) << 11
    identifier = VERSION << 14 | spacecraft << 4 | channel << 1 | bool(ocf)
    frame = _HEADER.pack(identifier, master_count % 256, count % COUNT_MODULUS, status)
    if secondary:
        frame += bytes([len(secondary)]) + secondary
    frame += zone + ocf
    if len(frame) + onboard.FECF_BYTES * layout.has_fecf != layout.frame_bytes:
        raise ValueError(f"{len(zone)} bytes do not fill a frame of {layout.frame_bytes}")
    return frame + _HALF.pack(checksums.crc16(frame)) if layout.has_fecf else frame


def decode(layout: Layout, data: bytes) -> Batch:
    """Read n frames that lie one behind the other; NotWholeFrames when a part is left over."""
    rows = batch.rows_of(data, layout.frame_bytes)
    n = len(rows)
    starts = layout.frame_bytes * np.arange(n)
    ends = starts + layout.frame_bytes
    octets = rows[:, : HEADER_BYTES + 1].astype(np.int64)
    identifier, status = octets[:, 0] << 8 | octets[:, 1], octets[:, 4] << 8 | octets[:, 5]
    has_secondary, is_units = status >> 15 == 1, status >> 14 & 1 == 1
    secondary_bytes = np.where(has_secondary, (octets[:, 6] & 0x3F) + 1, 0)
    extra_starts = starts + HEADER_BYTES
    field_starts = extra_starts + secondary_bytes
    has_ocf = identifier & 1 == 1
    trailer_starts = ends - onboard.FECF_BYTES * layout.has_fecf
    zone_ends = trailer_starts - onboard.OCF_BYTES * has_ocf
    first_header = status & 0x7FF
    service = np.where(is_units, Service.UNITS, Service.PACKETS)
    service[~is_units & (first_header == onboard.FIRST_HEADER_IDLE)] = Service.IDLE
    count, modulus = _counts(layout, rows, octets[:, 3], secondary_bytes)
    troubles = dict.fromkeys(
        np.flatnonzero(field_starts > zone_ends).tolist(), "secondary header longer than the frame"
    )
    everything = np.ones(n, bool)
    return Batch(
        layout=layout,
        octets=bytes(data),
        starts=starts,
        ends=ends,
        zone_starts=field_starts,
        zone_ends=zone_ends,
        version=identifier >> 14,
        spacecraft=identifier >> 4 & 0x3FF,
        channel=identifier >> 1 & 7,
        map_id=np.zeros(n, np.int64),
        count=count,
        modulus=modulus,
        series=np.zeros(n, np.int64),
        service=service,
        first_header=first_header,
        pointer=np.where(first_header == onboard.FIRST_HEADER_NONE, batch.NO_HEADER, first_header),
        begins=everything,
        completes=is_units,
        bits=np.zeros(n, np.int64),
        has_ocf=has_ocf,
        ocf=batch.fields_at(data, trailer_starts, has_ocf),
        is_replay=np.zeros(n, bool),
        is_intact=checksums.agree_16(data, starts, ends) if layout.has_fecf else everything,
        extra_starts=extra_starts,
        extra_ends=np.minimum(field_starts, ends),
        expected_version=VERSION,
        master_count=octets[:, 2],
        troubles=troubles,
    )


def _counts(
    layout: Layout, rows: np.ndarray, low: batch.Integers, secondary_bytes: batch.Integers
) -> tuple[batch.Integers, batch.Integers]:
    """Return each frame's count and where it wraps."""
    modulus = np.full(len(rows), COUNT_MODULUS)
    if not layout.has_extended_count or layout.frame_bytes < HEADER_BYTES + 4:
        return low, modulus
    is_extended = secondary_bytes == 4
    upper = rows[:, HEADER_BYTES + 1 : HEADER_BYTES + 4].astype(np.int64) @ [1 << 16, 1 << 8, 1]
    modulus[is_extended] = _EXTENDED_MODULUS
    return np.where(is_extended, upper << 8 | low, low), modulus
