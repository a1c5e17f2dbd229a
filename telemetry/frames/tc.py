"""TC transfer frames (CCSDS 232.0-B-4), which carry telecommands: one frame, one packet."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from telemetry import onboard
from telemetry.frames import aos

HEADER_BYTES = 5
_HEADER = struct.Struct(">HHB")
_FECF = struct.Struct(">H")


class BadFrame(ValueError):
    """The bytes are no TC frame that may be obeyed."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One TC frame (4.1.2). `is_bypass`: type B, outside the sequence control of COP-1."""

    spacecraft: int
    channel: int
    number: int
    data: bytes
    is_bypass: bool = True
    is_control: bool = False


def encode(frame: Frame, *, has_fecf: bool = True) -> bytes:
    """Return the frame's bytes; ValueError when it would be longer than a TC frame may be."""
    length = HEADER_BYTES + len(frame.data) + onboard.FECF_BYTES * has_fecf
    if length > onboard.TC_FRAME_MAX_BYTES or not frame.data:
        raise ValueError(f"a TC frame cannot carry {len(frame.data)} bytes")
    if not (0 <= frame.spacecraft < 1024 and 0 <= frame.channel < 64 and 0 <= frame.number < 256):
        raise ValueError(f"a field does not fit: {frame}")
    first = frame.is_bypass << 13 | frame.is_control << 12 | frame.spacecraft
    head = _HEADER.pack(first, frame.channel << 10 | (length - 1), frame.number)
    body = head + frame.data
    return body + _FECF.pack(aos.crc(body)) if has_fecf else body


def decode(data: bytes, *, has_fecf: bool = True) -> Frame:
    """Read a frame and check it (4.4.8.2); BadFrame says why it is not valid.

    What follows the announced length is fill and is not looked at.
    """
    trailer = onboard.FECF_BYTES * has_fecf
    if len(data) <= HEADER_BYTES + trailer:
        raise BadFrame(f"{len(data)} bytes are no frame")
    first, second, number = _HEADER.unpack_from(data)
    length = (second & 0x3FF) + 1
    if first >> 14:
        raise BadFrame(f"version {first >> 14}")
    if not HEADER_BYTES + trailer < length <= len(data):
        raise BadFrame(f"announces {length} bytes, has {len(data)}")
    if has_fecf and aos.crc(data[:length]):
        raise BadFrame("bad FECF")
    return Frame(
        spacecraft=first & 0x3FF,
        channel=second >> 10,
        number=number,
        data=data[HEADER_BYTES : length - trailer],
        is_bypass=bool(first >> 13 & 1),
        is_control=bool(first >> 12 & 1),
    )
