"""The communications link control word (CCSDS 232.0-B-4, 4.2): what a satellite heard of TC."""

from __future__ import annotations

import struct
from dataclasses import dataclass

COP_1 = 1
_WORD = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Clcw:
    """The state of the receiver of telecommands on one virtual channel.

    `type_b_frames` counts modulo 4 the frames taken outside the sequence (FARM-B counter);
    `following` is the number of the type A frame expected next.
    """

    channel: int = 0
    following: int = 0
    type_b_frames: int = 0
    has_no_signal: bool = False
    has_no_bit_lock: bool = False
    is_locked_out: bool = False
    is_waiting: bool = False
    wants_retransmission: bool = False
    status: int = 0
    cop: int = COP_1

    def encode(self) -> bytes:
        """Return the 4 bytes; ValueError when a field does not fit."""
        if not (0 <= self.channel < 64 and 0 <= self.following < 256 and 0 <= self.status < 8):
            raise ValueError(f"a field does not fit: {self}")
        flags = (
            self.has_no_signal << 4
            | self.has_no_bit_lock << 3
            | self.is_locked_out << 2
            | self.is_waiting << 1
            | self.wants_retransmission
        )
        return _WORD.pack(
            self.status << 26
            | self.cop << 24
            | self.channel << 18
            | flags << 11
            | self.type_b_frames % 4 << 9
            | self.following
        )


FSR_VERSION = 0b100


@dataclass(frozen=True, slots=True)
class SecurityReport:
    """The frame security report (CCSDS 355.0-B-2, 4.2): what a satellite thinks of secured frames.

    `association` is the last security parameter index used, `number` the low bits of the last
    sequence number accepted.
    """

    is_alarm: bool
    has_bad_number: bool
    has_bad_code: bool
    has_bad_association: bool
    association: int
    number: int


@dataclass(frozen=True, slots=True)
class Other:
    """An operational control field of the mission's own, or of a version that is not known."""

    word: int


def read(field: bytes | int) -> Clcw | SecurityReport | Other:
    """Read an operational control field, whatever it is (CCSDS 132.0-B-3, 4.1.5)."""
    word = field if isinstance(field, int) else _WORD.unpack(field)[0]
    if word >> 29 == 0:
        return decode(word)
    if word >> 28 != 0b1000 | FSR_VERSION:
        return Other(word)
    return SecurityReport(
        is_alarm=bool(word >> 27 & 1),
        has_bad_number=bool(word >> 26 & 1),
        has_bad_code=bool(word >> 25 & 1),
        has_bad_association=bool(word >> 24 & 1),
        association=word >> 8 & 0xFFFF,
        number=word & 0xFF,
    )


def decode(field: bytes | int) -> Clcw:
    """Read the word from 4 bytes or its number; ValueError when it is no CLCW of version 0."""
    word = field if isinstance(field, int) else _WORD.unpack(field)[0]
    if word >> 29:
        raise ValueError(f"0x{word:08x} is no CLCW of version 0")
    return Clcw(
        channel=word >> 18 & 0x3F,
        following=word & 0xFF,
        type_b_frames=word >> 9 & 3,
        has_no_signal=bool(word >> 15 & 1),
        has_no_bit_lock=bool(word >> 14 & 1),
        is_locked_out=bool(word >> 13 & 1),
        is_waiting=bool(word >> 12 & 1),
        wants_retransmission=bool(word >> 11 & 1),
        status=word >> 26 & 7,
        cop=word >> 24 & 3,
    )
