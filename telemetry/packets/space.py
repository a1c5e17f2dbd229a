"""Space packets (CCSDS 133.0-B-2): the primary header, sequence counts, and our downlink packet."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from telemetry import onboard

HEADER_BYTES = onboard.PACKET_HEADER_BYTES
SHORTEST_BYTES = HEADER_BYTES + 1
"""A packet has at least one byte of data (4.1.4.1)."""
LONGEST_BYTES = onboard.PACKET_MAX_BYTES
COUNT_MODULUS = 1 << 14
UNSEGMENTED = 0b11
_HEADER = struct.Struct(">HHH")
_LENGTH, _LENGTH_AT = struct.Struct(">H"), 4


BROKEN = frozenset({"version", "length", "cut short"})
"""Codes of `BadPacket` by which the bytes are no space packet of anybody's."""


class BadPacket(ValueError):
    """The bytes are not the packet that they should be. `code` is one of a few, for counting."""

    def __init__(self, reason: str, code: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, slots=True)
class Header:
    """The primary header (4.1.3). `packet_bytes` is the whole packet, headers and all."""

    version: int
    is_command: bool
    has_secondary: bool
    apid: int
    sequence_flags: int
    sequence_count: int
    packet_bytes: int


def encode(
    apid: int,
    sequence_count: int,
    data: bytes,
    *,
    is_command: bool = False,
    has_secondary: bool = False,
) -> bytes:
    """Return an unsegmented packet around `data`, which includes a secondary header if there is
    one. ValueError when `data` is empty or too long."""
    if not 1 <= len(data) <= LONGEST_BYTES - HEADER_BYTES:
        raise ValueError(f"a space packet cannot carry {len(data)} bytes")
    if not 0 <= apid <= onboard.IDLE_APID:
        raise ValueError(f"APID {apid} does not fit in 11 bits")
    identifier = is_command << 12 | has_secondary << 11 | apid
    sequence = UNSEGMENTED << 14 | sequence_count % COUNT_MODULUS
    return _HEADER.pack(identifier, sequence, len(data) - 1) + data


def decode_header(packet: bytes | bytearray | memoryview, offset: int = 0) -> Header:
    """Read the primary header that begins at `offset`; struct.error when it is cut."""
    identifier, sequence, length = _HEADER.unpack_from(packet, offset)
    return Header(
        version=identifier >> 13,
        is_command=bool(identifier >> 12 & 1),
        has_secondary=bool(identifier >> 11 & 1),
        apid=identifier & 0x7FF,
        sequence_flags=sequence >> 14,
        sequence_count=sequence & 0x3FFF,
        packet_bytes=length + HEADER_BYTES + 1,
    )


def apid_of(packet: bytes | bytearray | memoryview, offset: int = 0) -> int:
    """Return the APID of the packet that begins at `offset`."""
    return (packet[offset] << 8 | packet[offset + 1]) & 0x7FF


class Alike(Sequence[bytes]):
    """Packets of one length, one behind the other in `stream`, and taken out when asked for."""

    def __init__(self, stream: bytes, size: int) -> None:
        self.stream = stream
        self.size = size

    def __len__(self) -> int:
        return len(self.stream) // self.size

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        at = index % len(self) * self.size
        return self.stream[at : at + self.size]


def split(stream: bytes) -> Sequence[bytes]:
    """Return the packets of a file of them, one behind the other. BadPacket when the last is cut
    short."""
    if pieces := _alike(stream):
        return pieces
    packets, at, end = [], 0, len(stream)
    unpack = _LENGTH.unpack_from
    while at < end:
        if end - at < HEADER_BYTES:
            raise BadPacket(f"{end - at} bytes are left over", "cut short")
        following = at + SHORTEST_BYTES + unpack(stream, at + _LENGTH_AT)[0]
        if following > end:
            raise BadPacket(f"the last packet lacks {following - end} bytes", "cut short")
        packets.append(stream[at:following])
        at = following
    return packets


def _alike(stream: bytes) -> Alike | None:
    """Return the packets of a file whose packets all have one length; None if they have not."""
    if len(stream) < HEADER_BYTES:
        return None
    size = SHORTEST_BYTES + _LENGTH.unpack_from(stream, _LENGTH_AT)[0]
    count, rest = divmod(len(stream), size)
    if rest:
        return None
    lengths = np.ndarray((count,), ">u2", stream, _LENGTH_AT, (size,))
    return Alike(stream, size) if (lengths == lengths[0]).all() else None


@cache
def idle(packet_bytes: int) -> bytes:
    """Return an idle packet of that length, 7 bytes or more (4.1.3.3.4.4)."""
    return encode(onboard.IDLE_APID, 0, bytes(packet_bytes - HEADER_BYTES))


class SequenceCounts:
    """The 14-bit packet count of each APID; `counts` may be kept and given back."""

    def __init__(self, counts: dict[int, int] | None = None) -> None:
        self.counts = dict(counts or {})

    def take(self, apid: int) -> int:
        """Return the count of the next packet of `apid`, and move on."""
        count = self.counts.get(apid, 0)
        self.counts[apid] = (count + 1) % COUNT_MODULUS
        return count


@dataclass(frozen=True, slots=True)
class Downlink:
    """A packet that came down: headers read, payload behind both of them."""

    header: Header
    secondary: onboard.Secondary
    payload: bytes


def encode_downlink(
    apid: int, sequence_count: int, secondary: onboard.Secondary, payload: bytes
) -> bytes:
    """Return a telemetry packet with our secondary header."""
    return encode(apid, sequence_count, secondary.encode() + payload, has_secondary=True)


def decode_downlink(packet: bytes) -> Downlink:
    """Read a telemetry packet; BadPacket says what is wrong with it."""
    try:
        header = decode_header(packet)
        if header.version:
            raise BadPacket(f"packet version {header.version}", "version")
        if header.packet_bytes != len(packet):
            raise BadPacket(f"announces {header.packet_bytes} bytes, has {len(packet)}", "length")
        if header.is_command or not header.has_secondary:
            raise BadPacket("no telemetry packet with a secondary header", "header")
        if len(packet) < HEADER_BYTES + onboard.SECONDARY_BYTES:
            raise BadPacket(f"{len(packet)} bytes are too few for its headers", "header")
        secondary = onboard.Secondary.decode(packet[HEADER_BYTES:])
    except (struct.error, OverflowError) as error:
        raise BadPacket(f"cut short: {error}", "cut short") from error
    except BadPacket:
        raise
    except ValueError as error:
        raise BadPacket(str(error), "time") from error
    return Downlink(header, secondary, packet[HEADER_BYTES + onboard.SECONDARY_BYTES :])
