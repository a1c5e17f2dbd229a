"""The station protocol on the wire: messages to bytes and back, nothing else.

A message is `u32 length of the rest | u8 type | body`, everything big-endian. Client and station
share this page. Pure: no sockets, no clock.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass

FRAME_BYTES = 1115
"""Length of every AOS frame, as the on-board interface has it (`telemetry.onboard`)."""

OPEN = b"O"
"""client: JSON `OpenRequest`, the first message of a connection."""
UPLINK = b"A"
"""client: AOS frames one behind the other."""
COMMAND = b"T"
"""client: one TC frame."""
ACKNOWLEDGE = b"K"
"""client: u64, every downlink batch up to this number is committed on the ground."""
CLOSE = b"C"
"""client: JSON {}, the contact is over for us."""
OPENED = b"P"
"""station: JSON {uplink_bit_per_s, downlink_bit_per_s, clock_generation, resumed,
radiated_frames, coding}; `radiated_frames` is where the counter of this contact stands, `coding`
how the bits of the downlink are coded, or null where the station hands over frames."""
REFUSED = b"R"
"""station: JSON {code, detail}."""
DOWNLINK = b"D"
"""station: one `Batch` of received frames."""
BITS = b"B"
"""station: one `Batch` of the downlink's bits as they were demodulated, first bit first; without
any it is the last word: no more bits come after it."""
STATUS = b"S"
"""station: JSON counters and geometry."""
END = b"E"
"""station: JSON counters and the reason: the contact is over."""

REFUSALS = (
    "unknown_station",
    "unknown_antenna",
    "unknown_satellite",
    "stale_fencing",
    "antenna_busy",
    "malformed",
)

MESSAGE_BYTES_MAX = 8 * 1024 * 1024
"""A longer announcement is not our protocol."""

_HEAD = struct.Struct(">I1s")
_BATCH = struct.Struct(">QqH")
_BITS = struct.Struct(">Qq")
_NUMBER = struct.Struct(">Q")


class Malformed(ValueError):
    """The bytes are not a message of this protocol."""


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """Who wants which antenna for which satellite, and until when (unix seconds, mission time)."""

    station: str
    antenna: str
    satellite: str
    contact_id: str
    fencing: int
    until: float


@dataclass(frozen=True, slots=True)
class Batch:
    """What a station received, numbered from 1 in its contact.

    `received_at_ns` is mission time in unix nanoseconds; `frames` holds whole frames, or with
    `is_bits` the bits in which they are.
    """

    number: int
    received_at_ns: int
    frames: bytes
    is_bits: bool = False


def encode(kind: bytes, body: bytes = b"") -> bytes:
    return _HEAD.pack(len(body) + 1, kind) + body


def encode_json(kind: bytes, fields: dict) -> bytes:
    return encode(kind, json.dumps(fields, separators=(",", ":")).encode())


def decode_json(body: bytes) -> dict:
    """Return the object in `body`; Malformed when it is not one."""
    try:
        fields = json.loads(body)
    except ValueError as error:
        raise Malformed(f"not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise Malformed("not a JSON object")
    return fields


def encode_open(request: OpenRequest) -> bytes:
    return encode_json(
        OPEN,
        {
            "station": request.station,
            "antenna": request.antenna,
            "satellite": request.satellite,
            "contact_id": request.contact_id,
            "fencing": request.fencing,
            "until": request.until,
        },
    )


def decode_open(body: bytes) -> OpenRequest:
    """Read an OPEN body; Malformed names the field that is missing or of the wrong type."""
    fields = decode_json(body)
    try:
        return OpenRequest(
            station=_text(fields, "station"),
            antenna=_text(fields, "antenna"),
            satellite=_text(fields, "satellite"),
            contact_id=_text(fields, "contact_id"),
            fencing=int(fields["fencing"]),
            until=float(fields["until"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed(f"open request: {error!r}") from error


def _text(fields: dict, name: str) -> str:
    value = fields[name]
    if not isinstance(value, str) or not value:
        raise Malformed(f"open request: {name} is not a text")
    return value


def encode_uplink(frames: list[bytes]) -> bytes:
    """Return one message with all frames; ValueError when one has the wrong length."""
    body = b"".join(frames)
    if len(body) != len(frames) * FRAME_BYTES or any(len(f) != FRAME_BYTES for f in frames):
        raise ValueError(f"every uplink frame has {FRAME_BYTES} bytes")
    return encode(UPLINK, body)


def encode_acknowledge(number: int) -> bytes:
    return encode(ACKNOWLEDGE, _NUMBER.pack(number))


def decode_acknowledge(body: bytes) -> int:
    try:
        return _NUMBER.unpack(body)[0]
    except struct.error as error:
        raise Malformed(f"acknowledgement: {error}") from error


def encode_batch(batch: Batch) -> bytes:
    if batch.is_bits:
        return encode(BITS, _BITS.pack(batch.number, batch.received_at_ns) + batch.frames)
    count, rest = divmod(len(batch.frames), FRAME_BYTES)
    if rest:
        raise ValueError(f"a batch holds whole frames, {rest} bytes are over")
    return encode(DOWNLINK, _BATCH.pack(batch.number, batch.received_at_ns, count) + batch.frames)


def decode_batch(body: bytes) -> Batch:
    try:
        number, received_at_ns, count = _BATCH.unpack_from(body)
    except struct.error as error:
        raise Malformed(f"batch: {error}") from error
    frames = bytes(body[_BATCH.size :])
    if len(frames) != count * FRAME_BYTES:
        raise Malformed(f"batch {number} announces {count} frames and has {len(frames)} bytes")
    return Batch(number, received_at_ns, frames)


def decode_bits(body: bytes) -> Batch:
    """Read the body of a BITS message."""
    try:
        number, received_at_ns = _BITS.unpack_from(body)
    except struct.error as error:
        raise Malformed(f"batch: {error}") from error
    return Batch(number, received_at_ns, bytes(body[_BITS.size :]), is_bits=True)


class Splitter:
    """Cuts a byte stream into messages, whatever pieces it arrives in."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, piece: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Take in a piece and yield every (type, body) that is now whole."""
        self._pending += piece
        start = 0
        try:
            while len(self._pending) - start >= _HEAD.size:
                length, kind = _HEAD.unpack_from(self._pending, start)
                if not 1 <= length <= MESSAGE_BYTES_MAX:
                    raise Malformed(f"a message of {length} bytes")
                end = start + 4 + length
                if end > len(self._pending):
                    break
                body = bytes(self._pending[start + _HEAD.size : end])
                start = end
                yield kind, body
        finally:
            del self._pending[:start]
