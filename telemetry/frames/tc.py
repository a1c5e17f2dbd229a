"""TC transfer frames (CCSDS 232.0-B-4): telecommands, and the control of their way up."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

from telemetry import onboard
from telemetry.frames import aos

HEADER_BYTES = 5
_HEADER = struct.Struct(">HHB")
_FECF = struct.Struct(">H")
COUNT_MODULUS = 1 << 8


class BadFrame(ValueError):
    """The bytes are no TC frame that may be obeyed."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One TC frame (4.1.2). `is_bypass`: type B, outside the sequence control of COP-1;
    `is_control`: type C, a control command of COP-1 and nothing for who is commanded."""

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
    return _decode(data, has_fecf)[0]


def decode_all(data: bytes, *, has_fecf: bool = True) -> list[Frame]:
    """Read the frames that lie one behind the other in a transmission unit, and the fill behind
    them. BadFrame when the first is none; what is none behind a good one ends the list."""
    frames, start = [], 0
    while start < len(data):
        try:
            frame, length = _decode(data[start : start + onboard.TC_FRAME_MAX_BYTES], has_fecf)
        except BadFrame:
            if not frames:
                raise
            break
        frames.append(frame)
        start += length
    return frames


def _decode(data: bytes, has_fecf: bool) -> tuple[Frame, int]:
    """Return the frame that begins with `data`, and its length."""
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
    frame = Frame(
        spacecraft=first & 0x3FF,
        channel=second >> 10,
        number=number,
        data=data[HEADER_BYTES : length - trailer],
        is_bypass=bool(first >> 13 & 1),
        is_control=bool(first >> 12 & 1),
    )
    return frame, length


# --- Segments -------------------------------------------------------------------------------


class Part(IntEnum):
    """Sequence flags of a segment header (4.1.3.2.2.2)."""

    GOES_ON = 0
    FIRST = 1
    LAST = 2
    WHOLE = 3


SEGMENT_BYTES_MOST = onboard.TC_FRAME_MAX_BYTES - HEADER_BYTES - onboard.FECF_BYTES
"""Data of a frame, segment header and all."""


def segments(unit: bytes, map_id: int, *, most: int = SEGMENT_BYTES_MOST) -> list[bytes]:
    """Return the data of the frames that carry a unit on a multiplexer access point, each with its
    segment header. ValueError when a part does not fit."""
    if not unit or not 0 <= map_id < 64 or most < 2:
        raise ValueError(f"{len(unit)} bytes on MAP {map_id}, at most {most} in a frame")
    pieces = [unit[start : start + most - 1] for start in range(0, len(unit), most - 1)]
    parts = [Part.FIRST, *[Part.GOES_ON] * (len(pieces) - 2), Part.LAST]
    if len(pieces) == 1:
        parts = [Part.WHOLE]
    return [bytes([part << 6 | map_id]) + piece for part, piece in zip(parts, pieces, strict=True)]


@dataclass(slots=True)
class Joiner:
    """Joins segments to units. `dropped`: by reason, what could not be joined."""

    longest_bytes: int = onboard.PACKET_MAX_BYTES
    dropped: Counter[str] = field(default_factory=Counter)
    _begun: dict[int, bytearray] = field(default_factory=dict)

    def feed(self, data: Iterable[bytes]) -> list[tuple[int, bytes]]:
        """Return the units that segments complete, each with its MAP."""
        return [unit for segment in data if (unit := self._take(segment)) is not None]

    def _take(self, segment: bytes) -> tuple[int, bytes] | None:
        if len(segment) < 2:
            self.dropped["segment without data"] += 1
            return None
        part, map_id = Part(segment[0] >> 6), segment[0] & 0x3F
        if part in (Part.FIRST, Part.WHOLE):
            if self._begun.pop(map_id, None) is not None:
                self.dropped["cut by the next unit"] += 1
            self._begun[map_id] = bytearray()
        begun = self._begun.get(map_id)
        if begun is None:
            self.dropped["continues no unit"] += 1
            return None
        begun += segment[1:]
        if len(begun) > self.longest_bytes:
            del self._begun[map_id]
            self.dropped["longer than allowed"] += 1
        elif part in (Part.LAST, Part.WHOLE):
            return map_id, bytes(self._begun.pop(map_id))
        return None


# --- Control commands -----------------------------------------------------------------------

UNLOCK = b"\x00"
"""Control command Unlock (4.1.3.3.2)."""
_SET_V_R = b"\x82\x00"


def set_v_r(number: int) -> bytes:
    """Return the control command Set V(R) (4.1.3.3.3)."""
    return _SET_V_R + bytes([number])


def set_v_r_of(data: bytes) -> int | None:
    """Return the number that a control command sets V(R) to, or None when it is another one."""
    return data[2] if len(data) == 3 and data.startswith(_SET_V_R) else None
