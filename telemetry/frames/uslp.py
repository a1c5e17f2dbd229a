"""USLP transfer frames (CCSDS 732.1-B-2), of fixed or variable length, and truncated ones."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import IntEnum

import numpy as np

from telemetry import onboard
from telemetry.frames import batch, checksums
from telemetry.frames.batch import NO_HEADER, BadLayout, Batch, Service

VERSION = 0b1100
"""Transfer frame version number of USLP (4.1.2.2.2)."""
TRUNCATED_HEADER_BYTES = 4
HEADER_BYTES = 7
IDLE_CHANNEL = 63
FRAME_BYTES_MOST = 65_536
_NO_POINTER = 0xFFFF
_WORD, _HALF = struct.Struct(">I"), struct.Struct(">H")


class Rule(IntEnum):
    """How the zone of the data field is built (4.1.4.2.2.2)."""

    PACKETS_SPANNING = 0
    SDU_START = 1
    SDU_GOES_ON = 2
    OCTETS = 3
    SEGMENT_START = 4
    SEGMENT_GOES_ON = 5
    SEGMENT_LAST = 6
    UNSEGMENTED = 7


class Protocol(IntEnum):
    """What the zone holds (SANA registry of USLP protocol identifiers)."""

    PACKETS = 0
    COP_1 = 1
    COP_P = 2
    SDLS = 3
    OCTETS = 4
    SDU = 5
    PROXIMITY_1 = 7
    IDLE = 31


@dataclass(frozen=True, slots=True)
class Layout:
    """What the two ends agreed on beforehand.

    Attributes
    ----------
    frame_bytes
        Length of every frame, or None where frames say their own.
    fecf_bytes
        0, 2 (CRC-16) or 4 (CRC-32 of annex B).
    insert_bytes
        Length of the insert zone, which frames of fixed length may have (4.1.3).
    truncated_bytes
        Length of truncated frames (annex D), or None where there are none.
    """

    frame_bytes: int | None
    fecf_bytes: int = 2
    insert_bytes: int = 0
    truncated_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.fecf_bytes not in (0, 2, 4):
            raise BadLayout(f"a frame error control field has 0, 2 or 4 bytes: {self.fecf_bytes}")
        if self.insert_bytes < 0 or (self.insert_bytes and self.frame_bytes is None):
            raise BadLayout("only frames of fixed length have an insert zone")
        least = HEADER_BYTES + self.insert_bytes + 1 + self.fecf_bytes
        if self.frame_bytes is not None and not least <= self.frame_bytes <= FRAME_BYTES_MOST:
            raise BadLayout(
                f"USLP frames so laid out have {least} to {FRAME_BYTES_MOST} bytes, "
                f"not {self.frame_bytes}"
            )
        least = TRUNCATED_HEADER_BYTES + 1 + self.fecf_bytes
        if self.truncated_bytes is not None and self.truncated_bytes < least:
            raise BadLayout(f"truncated frames have {least} bytes or more: {self.truncated_bytes}")


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame to be encoded. `pointer` is that of the rules that have one: the offset of the
    first packet's header, or that of the last octet of the unit; None for all ones."""

    spacecraft: int
    channel: int
    zone: bytes
    map_id: int = 0
    rule: Rule = Rule.UNSEGMENTED
    protocol: int = Protocol.PACKETS
    pointer: int | None = None
    count: int = 0
    count_bytes: int = 0
    is_destination: bool = False
    is_expedited: bool = False
    is_protocol_control: bool = False
    is_truncated: bool = False
    insert: bytes = b""
    ocf: bytes = b""


def encode(layout: Layout, frame: Frame) -> bytes:
    """Return the frame's bytes; ValueError when a part does not fit."""
    if not (0 <= frame.spacecraft < 1 << 16 and 0 <= frame.channel < 64 and 0 <= frame.map_id < 16):
        raise ValueError("spacecraft, channel or map too large")
    if not 0 <= frame.count_bytes < 8 or frame.count >> 8 * frame.count_bytes:
        raise ValueError(f"count {frame.count} does not fit in {frame.count_bytes} bytes")
    head = _WORD.pack(
        VERSION << 28
        | frame.spacecraft << 12
        | frame.is_destination << 11
        | frame.channel << 5
        | frame.map_id << 1
        | frame.is_truncated
    )
    field = bytes([frame.rule << 5 | frame.protocol])
    if frame.rule <= Rule.SDU_GOES_ON:
        field += _HALF.pack(_NO_POINTER if frame.pointer is None else frame.pointer)
    field += frame.zone
    size = layout.truncated_bytes if frame.is_truncated else layout.frame_bytes
    if not frame.is_truncated:
        counted = frame.count.to_bytes(frame.count_bytes)
        field = counted + frame.insert + field + frame.ocf
        length = len(head) + 3 + len(field) + layout.fecf_bytes
        if length > FRAME_BYTES_MOST:
            raise ValueError(f"a USLP frame of {length} bytes")
        flags = frame.is_expedited << 7 | frame.is_protocol_control << 6
        head += _HALF.pack(length - 1) + bytes([flags | bool(frame.ocf) << 3 | frame.count_bytes])
    body = head + field
    if size is not None and len(body) + layout.fecf_bytes != size:
        raise ValueError(f"a frame of {len(body) + layout.fecf_bytes} bytes, not {size}")
    if layout.fecf_bytes == 4:
        return body + _WORD.pack(checksums.crc32(body))
    return body + _HALF.pack(checksums.crc16(body)) if layout.fecf_bytes else body


@dataclass(slots=True)
class _Read:
    """The columns of one frame (`batch.Batch`), and what is wrong with it."""

    starts: int
    ends: int
    zone_starts: int = 0
    zone_ends: int = 0
    version: int = 0
    spacecraft: int = 0
    channel: int = 0
    map_id: int = 0
    count: int = 0
    modulus: int = 0
    series: int = 0
    service: int = Service.OTHER
    first_header: int = 0
    pointer: int = NO_HEADER
    begins: bool = True
    completes: bool = False
    bits: int = 0
    has_ocf: bool = False
    extra_starts: int = 0
    extra_ends: int = 0


_FLAGS = {"begins", "completes", "has_ocf"}


class _Bad(ValueError):
    """The frame cannot be read on."""


def decode(layout: Layout, data: bytes) -> Batch:
    """Read the frames that lie one behind the other in `data`.

    Frames of fixed length: NotWholeFrames when a part is left over. Of variable length: each says
    where the next begins; what cannot be a frame ends the batch, as a frame with a trouble.
    """
    reads, troubles = [], {}
    for start, end, trouble in _split(layout, data):
        read = _Read(start, end, zone_starts=end, zone_ends=end)
        read.extra_starts = read.extra_ends = end
        try:
            if trouble:
                raise _Bad(trouble)
            _read(layout, data, read)
        except _Bad as error:
            troubles[len(reads)] = str(error)
        reads.append(read)
    columns = {
        each.name: np.array(
            [getattr(read, each.name) for read in reads], bool if each.name in _FLAGS else np.int64
        )
        for each in fields(_Read)
    }
    return Batch(
        layout=layout,
        octets=bytes(data),
        ocf=batch.fields_at(data, columns["ends"] - layout.fecf_bytes, columns["has_ocf"]),
        is_replay=np.zeros(len(reads), bool),
        is_intact=_intact(layout, data, columns["starts"], columns["ends"]),
        expected_version=VERSION,
        troubles=troubles,
        **columns,
    )


def _split(layout: Layout, data: bytes) -> Iterator[tuple[int, int, str]]:
    """Yield where each frame begins and ends, and why nothing can be read from there on."""
    if layout.frame_bytes is not None:
        count = len(batch.rows_of(data, layout.frame_bytes))
        for start in range(0, count * layout.frame_bytes, layout.frame_bytes):
            yield start, start + layout.frame_bytes, ""
        return
    start = 0
    while start < len(data):
        size = _announced(layout, data, start)
        if size is None or start + size > len(data):
            yield start, len(data), "cut short" if size else "not where a frame begins"
            return
        yield start, start + size, ""
        start += size


def _announced(layout: Layout, data: bytes, start: int) -> int | None:
    """Return the length of the frame that begins at `start`, as far as it can be known."""
    if data[start] >> 4 != VERSION:
        return None
    if len(data) - start < HEADER_BYTES:
        return HEADER_BYTES
    if data[start + 3] & 1:
        return layout.truncated_bytes
    size = _HALF.unpack_from(data, start + 4)[0] + 1
    return size if size >= HEADER_BYTES + 1 + layout.fecf_bytes else None


def _read(layout: Layout, data: bytes, read: _Read) -> None:
    """Read one frame's headers; _Bad says why its data cannot be used."""
    start, end = read.starts, read.ends - layout.fecf_bytes
    if read.ends - start < TRUNCATED_HEADER_BYTES + 1:
        raise _Bad("cut short")
    word = _WORD.unpack_from(data, start)[0]
    read.version = word >> 28
    read.spacecraft, read.channel, read.map_id = word >> 12 & 0xFFFF, word >> 5 & 63, word >> 1 & 15
    if read.version != VERSION:
        return
    at = start + TRUNCATED_HEADER_BYTES
    if word & 1:
        if layout.truncated_bytes != read.ends - start:
            raise _Bad("truncated frame where none is expected")
    else:
        at, end = _primary(layout, data, read, end)
    _data_field(data, read, at, end)


def _primary(layout: Layout, data: bytes, read: _Read, end: int) -> tuple[int, int]:
    """Read the rest of a whole primary header; return where the data field begins and ends."""
    at = read.starts + HEADER_BYTES
    if read.ends < at:
        raise _Bad("cut short")
    length, flags = _HALF.unpack_from(data, at - 3)[0] + 1, data[at - 1]
    if length != read.ends - read.starts:
        raise _Bad(f"announces {length} bytes, has {read.ends - read.starts}")
    count_bytes, read.series, read.has_ocf = flags & 7, flags >> 7, bool(flags >> 3 & 1)
    read.count = int.from_bytes(data[at : at + count_bytes])
    read.modulus = 1 << 8 * count_bytes if count_bytes else 0
    read.extra_starts = at + count_bytes
    read.extra_ends = read.extra_starts + layout.insert_bytes
    end -= onboard.OCF_BYTES * read.has_ocf
    if read.extra_ends > end:
        read.extra_starts = read.extra_ends = read.ends
        read.has_ocf = False
        raise _Bad("headers longer than the frame")
    return read.extra_ends, end


def _data_field(data: bytes, read: _Read, at: int, end: int) -> None:
    """Read the header of the data field (4.1.4.2), and tell what the zone is."""
    if at >= end:
        raise _Bad("no data field")
    rule, protocol = Rule(data[at] >> 5), data[at] & 0x1F
    at += 1
    pointer = _NO_POINTER
    if rule <= Rule.SDU_GOES_ON:
        if at + 2 > end:
            raise _Bad("no data field")
        read.first_header = pointer = _HALF.unpack_from(data, at)[0]
        at += 2
    read.zone_starts, read.zone_ends = at, end
    if protocol == Protocol.IDLE or read.channel == IDLE_CHANNEL:
        read.service = Service.IDLE
    elif rule == Rule.OCTETS:
        read.service, read.bits = Service.BITS, 8 * (end - at)
    elif protocol == Protocol.PACKETS:
        _packets(read, rule, pointer)
    elif protocol in (Protocol.COP_1, Protocol.COP_P, Protocol.SDLS, Protocol.PROXIMITY_1):
        read.service = Service.OTHER
    else:
        _unit(read, rule, pointer)


def _packets(read: _Read, rule: Rule, pointer: int) -> None:
    """Tell where packets begin. A segment is a part of one packet (4.1.4.2.2.2.5 to 7)."""
    if rule in (Rule.SDU_START, Rule.SDU_GOES_ON):
        raise _Bad(f"packets by construction rule {rule:03b}")
    read.service = Service.PACKETS
    if rule == Rule.PACKETS_SPANNING:
        read.pointer = NO_HEADER if pointer == _NO_POINTER else pointer
    elif rule in (Rule.UNSEGMENTED, Rule.SEGMENT_START):
        read.pointer = 0
    read.completes = rule in (Rule.UNSEGMENTED, Rule.SEGMENT_LAST)


def _unit(read: _Read, rule: Rule, pointer: int) -> None:
    """Tell which part of a unit the zone is; behind its last octet there may be fill."""
    if rule == Rule.PACKETS_SPANNING:
        raise _Bad("a unit that is no packet, by construction rule 000")
    read.service = Service.UNITS
    read.begins = rule in (Rule.SDU_START, Rule.SEGMENT_START, Rule.UNSEGMENTED)
    read.completes = rule in (Rule.SEGMENT_LAST, Rule.UNSEGMENTED)
    if rule in (Rule.SDU_START, Rule.SDU_GOES_ON) and pointer != _NO_POINTER:
        read.completes = True
        if read.zone_starts + pointer >= read.zone_ends:
            raise _Bad("last octet outside the frame")
        read.zone_ends = read.zone_starts + pointer + 1


def _intact(
    layout: Layout, data: bytes, starts: batch.Integers, ends: batch.Integers
) -> batch.Flags:
    if layout.fecf_bytes == 2:
        return checksums.agree_16(data, starts, ends)
    if layout.fecf_bytes == 4 and len(starts):
        spans = zip(starts.tolist(), ends.tolist(), strict=True)
        return checksums.crc32_of([data[start:end] for start, end in spans]) == 0
    return np.ones(len(starts), bool)
