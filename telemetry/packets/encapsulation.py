"""Encapsulation packets (CCSDS 133.1-B-3): other protocols' data among space packets."""

from __future__ import annotations

from dataclasses import dataclass

VERSION = 0b111
"""Packet version number (4.1.2.2)."""
IDLE = 0
"""Protocol of packets that only fill up."""
HEADER_BYTES = (1, 2, 4, 8)
"""By the length of length field: all there is of the shortest packet is one idle byte."""
_LONGEST = (1, 0xFF, 0xFFFF, 0xFFFFFFFF)


class BadPacket(ValueError):
    """The bytes are no encapsulation packet."""


@dataclass(frozen=True, slots=True)
class Packet:
    """An encapsulation packet (4.1.2). `extension` is the extended protocol id (protocol 6),
    `defined` the field left to users and `reserved` that left to CCSDS, where there is room."""

    protocol: int
    data: bytes = b""
    defined: int = 0
    extension: int = 0
    reserved: int = 0


def packet_bytes(octets: bytes | bytearray, start: int, end: int) -> int | None:
    """Return the length of the packet that begins at `start`; None when too little of its header
    lies before `end`, 0 when it announces less than its header."""
    length_of_length = octets[start] & 3
    header = HEADER_BYTES[length_of_length]
    if end - start < header:
        return None
    if length_of_length == 0:  # only an idle packet has no length (4.1.2.4)
        return int(is_idle(octets[start]))
    at = start + header
    length = int.from_bytes(octets[at - (1, 1, 2, 4)[length_of_length] : at])
    return length if length >= header else 0


def is_idle(first: int) -> bool:
    """Say by its first byte whether a packet only fills up."""
    return first >> 2 & 7 == IDLE


def encode(packet: Packet, *, header_bytes: int | None = None) -> bytes:
    """Return the packet's bytes, with the shortest header that has room for its fields, or with one
    of `header_bytes`. ValueError when a field does not fit."""
    for length_of_length, size in enumerate(HEADER_BYTES):
        fits = _fits(packet, size) and size + len(packet.data) <= _LONGEST[length_of_length]
        if header_bytes in (None, size) and fits:
            return _header(packet, length_of_length, size + len(packet.data)) + packet.data
    raise ValueError(f"no header of {header_bytes or 'any size'} has room for {packet!r:.80}")


def _fits(packet: Packet, size: int) -> bool:
    if not 0 <= packet.protocol < 8:
        return False
    if size == 1:
        return packet == Packet(IDLE)
    extended = (packet.defined, packet.extension)
    if size == 2:
        return extended == (0, 0) and not packet.reserved
    within = all(0 <= value < 16 for value in extended)
    return within and 0 <= packet.reserved < (1 if size == 4 else 1 << 16)


def _header(packet: Packet, length_of_length: int, length: int) -> bytes:
    first = bytes([VERSION << 5 | packet.protocol << 2 | length_of_length])
    extended = bytes([packet.defined << 4 | packet.extension])
    if length_of_length == 0:
        return first
    if length_of_length == 1:
        return first + length.to_bytes(1)
    if length_of_length == 2:
        return first + extended + length.to_bytes(2)
    return first + extended + packet.reserved.to_bytes(2) + length.to_bytes(4)


def decode(data: bytes) -> Packet:
    """Read a whole packet; BadPacket says what is wrong with it."""
    if not data or data[0] >> 5 != VERSION:
        raise BadPacket(f"packet version {data[0] >> 5}" if data else "nothing")
    size = packet_bytes(data, 0, len(data))
    if size != len(data):
        raise BadPacket(f"announces {size} bytes, has {len(data)}")
    header = HEADER_BYTES[data[0] & 3]
    extended = data[1] if header >= 4 else 0
    return Packet(
        protocol=data[0] >> 2 & 7,
        data=data[header:],
        defined=extended >> 4,
        extension=extended & 0xF,
        reserved=int.from_bytes(data[2:4]) if header == 8 else 0,
    )
