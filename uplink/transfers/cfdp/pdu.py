"""The bytes of CFDP (CCSDS 727.0-B-5, section 5): PDUs in and out, nothing remembered.

We send entity ids of 2 and sequence numbers of 4 bytes, without the CRC of the PDU (our frames
have one), and read every width that the standard allows.
"""

from __future__ import annotations

import binascii
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

HEADER_BYTES = 12
"""Length of the header of the PDUs we send: 4 fixed, two entity ids of 2, a number of 4."""
TOWARDS_RECEIVER, TOWARDS_SENDER = 0, 1


class Malformed(ValueError):
    """These bytes are not a CFDP PDU that we can read."""


class TransactionId(NamedTuple):
    """One copy of one file: who sends, who receives, and the sender's number for it."""

    source: int
    destination: int
    number: int


class Condition(IntEnum):
    """Condition codes (5.2.2, table 5-5)."""

    NO_ERROR = 0
    POSITIVE_ACK_LIMIT_REACHED = 1
    KEEP_ALIVE_LIMIT_REACHED = 2
    INVALID_TRANSMISSION_MODE = 3
    FILESTORE_REJECTION = 4
    FILE_CHECKSUM_FAILURE = 5
    FILE_SIZE_ERROR = 6
    NAK_LIMIT_REACHED = 7
    INACTIVITY_DETECTED = 8
    INVALID_FILE_STRUCTURE = 9
    CHECK_LIMIT_REACHED = 10
    UNSUPPORTED_CHECKSUM_TYPE = 11
    SUSPEND_REQUEST_RECEIVED = 14
    CANCEL_REQUEST_RECEIVED = 15


class Checksum(IntEnum):
    """SANA registry "CFDP Checksum Identifiers"."""

    MODULAR = 0
    CRC32C = 2
    CRC32 = 3
    NULL = 15


class Code(IntEnum):
    """File directive codes (5.2, table 5-4)."""

    EOF = 4
    FINISHED = 5
    ACK = 6
    METADATA = 7
    NAK = 8
    PROMPT = 9
    KEEP_ALIVE = 12


class FileStatus(IntEnum):
    DISCARDED = 0
    REJECTED = 1
    RETAINED = 2
    UNREPORTED = 3


class Status(IntEnum):
    """Transaction status in an ACK (5.2.4)."""

    UNDEFINED = 0
    ACTIVE = 1
    TERMINATED = 2
    UNRECOGNISED = 3


class Response(IntEnum):
    """What a Prompt asks for (5.2.7)."""

    NAK = 0
    KEEP_ALIVE = 1


@dataclass(frozen=True, slots=True)
class Metadata:
    size: int
    source_name: str
    destination_name: str
    checksum: int = Checksum.CRC32C


@dataclass(frozen=True, slots=True)
class Eof:
    checksum: int
    size: int
    condition: int = Condition.NO_ERROR


@dataclass(frozen=True, slots=True)
class Finished:
    condition: int = Condition.NO_ERROR
    complete: bool = True
    status: int = FileStatus.RETAINED


@dataclass(frozen=True, slots=True)
class Ack:
    """Acknowledges an EOF or a Finished, the only two that are."""

    of: Code
    condition: int
    status: int


@dataclass(frozen=True, slots=True)
class Nak:
    """Inside [start, end) all was received but `missing`; (0, 0) in it asks for the Metadata."""

    start: int
    end: int
    missing: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Prompt:
    response: Response


@dataclass(frozen=True, slots=True)
class KeepAlive:
    progress: int


@dataclass(frozen=True, slots=True)
class FileData:
    offset: int
    data: bytes


Directive = Metadata | Eof | Finished | Ack | Nak | Prompt | KeepAlive


class Head(NamedTuple):
    """What the header of a PDU says (5.1)."""

    transaction: TransactionId
    towards: int
    large: bool
    body: int
    """Where the data field starts."""


# --- Out ------------------------------------------------------------------------------------

_HEADER = struct.Struct(">BHBHIH")
_WIDTHS = (2 - 1) << 4 | (4 - 1)
_VERSION = 1 << 5
_FILE_DATA = 1 << 4


def header(
    transaction: TransactionId, length: int, *, towards: int, file_data: bool, large: bool
) -> bytes:
    """Return the header of a class 2 PDU whose data field has `length` bytes."""
    flags = _VERSION | (_FILE_DATA if file_data else 0) | towards << 3 | large
    source, destination, number = transaction
    return _HEADER.pack(flags, length, _WIDTHS, source, number, destination)


def encode_file_data(
    transaction: TransactionId, offset: int, data: bytes, *, large: bool = False
) -> bytes:
    """Return one File Data PDU (5.3) without segment metadata."""
    place = offset.to_bytes(8 if large else 4, "big")
    head = header(
        transaction, len(place) + len(data), towards=TOWARDS_RECEIVER, file_data=True, large=large
    )
    return head + place + data


def encode(transaction: TransactionId, directive: Directive, *, large: bool = False) -> bytes:
    """Return the PDU of a directive; sizes and offsets have 8 bytes when `large`, else 4."""
    code, towards, body = _body(directive, 8 if large else 4)
    head = header(transaction, 1 + len(body), towards=towards, file_data=False, large=large)
    return head + bytes((code,)) + body


def _body(directive: Directive, width: int) -> tuple[Code, int, bytes]:
    match directive:
        case Metadata(size, source, destination, checksum):
            names = _lv(source.encode()) + _lv(destination.encode())
            body = bytes((checksum,)) + size.to_bytes(width, "big") + names
            return Code.METADATA, TOWARDS_RECEIVER, body
        case Eof(checksum, size, condition):
            body = struct.pack(">BI", condition << 4, checksum) + size.to_bytes(width, "big")
            return Code.EOF, TOWARDS_RECEIVER, body
        case Finished(condition, complete, status):
            body = bytes((condition << 4 | (not complete) << 2 | status,))
            return Code.FINISHED, TOWARDS_SENDER, body
        case Ack(of, condition, status):
            # The ACK travels against what it acknowledges.
            towards = TOWARDS_SENDER if of == Code.EOF else TOWARDS_RECEIVER
            body = bytes((of << 4 | (of == Code.FINISHED), condition << 4 | status))
            return Code.ACK, towards, body
        case Nak(start, end, missing):
            numbers = [start, end, *(edge for pair in missing for edge in pair)]
            body = struct.pack(f">{len(numbers)}{'Q' if width == 8 else 'I'}", *numbers)
            return Code.NAK, TOWARDS_SENDER, body
        case Prompt(response):
            return Code.PROMPT, TOWARDS_RECEIVER, bytes((response << 7,))
        case KeepAlive(progress):
            return Code.KEEP_ALIVE, TOWARDS_SENDER, progress.to_bytes(width, "big")


def _lv(value: bytes) -> bytes:
    if len(value) > 255:
        raise ValueError(f"A file name has at most 255 bytes, this one {len(value)}.")
    return bytes((len(value),)) + value


# --- In -------------------------------------------------------------------------------------


def decode_head(pdu: bytes) -> Head:
    """Read the header; `Malformed` when it cannot be one or announces another length."""
    if len(pdu) < 4:
        raise Malformed(f"A PDU of {len(pdu)} bytes has no header.")
    flags, length, widths = pdu[0], pdu[1] << 8 | pdu[2], pdu[3]
    if flags >> 5 != 1:
        raise Malformed(f"Version {flags >> 5} of CFDP is not read here.")
    if flags & 0b100:
        raise Malformed("Unacknowledged (class 1) transfers are not taken.")
    entity, number = (widths >> 4 & 7) + 1, (widths & 7) + 1
    body = 4 + 2 * entity + number
    if len(pdu) != body + length:
        raise Malformed(f"The header announces {body + length} bytes, the PDU has {len(pdu)}.")
    if flags & 0b10 and binascii.crc_hqx(pdu, 0xFFFF):
        raise Malformed("The CRC of the PDU is wrong.")
    transaction = TransactionId(
        source=int.from_bytes(pdu[4 : 4 + entity], "big"),
        number=int.from_bytes(pdu[4 + entity : 4 + entity + number], "big"),
        destination=int.from_bytes(pdu[body - entity : body], "big"),
    )
    return Head(transaction, flags >> 3 & 1, bool(flags & 1), body)


def decode(pdu: bytes) -> tuple[Head, Directive | FileData]:
    """Read a PDU whole; raise `Malformed` and say what is wrong with it."""
    head = decode_head(pdu)
    body = memoryview(pdu)[head.body : len(pdu) - (2 if pdu[0] & 0b10 else 0)]
    width = 8 if head.large else 4
    try:
        if pdu[0] & _FILE_DATA:
            return head, _read_file_data(body, width, segment_metadata=bool(pdu[3] & 0b1000))
        return head, _read(Code(body[0]), body[1:], width)
    except Malformed:
        raise
    except (ValueError, IndexError, struct.error) as error:
        raise Malformed(f"The data field cannot be read: {error}.") from error


def _read_file_data(body: memoryview, width: int, *, segment_metadata: bool) -> FileData:
    start = 1 + (body[0] & 0x3F) if segment_metadata else 0
    offset = int.from_bytes(_take(body, start, width), "big")
    return FileData(offset, bytes(body[start + width :]))


def _read(code: Code, body: memoryview, width: int) -> Directive:
    match code:
        case Code.METADATA:
            size = int.from_bytes(_take(body, 1, width), "big")
            source, at = _read_lv(body, 1 + width)
            destination, _ = _read_lv(body, at)
            return Metadata(size, source, destination, body[0] & 0xF)
        case Code.EOF:
            condition, checksum = body[0] >> 4, int.from_bytes(_take(body, 1, 4), "big")
            return Eof(checksum, int.from_bytes(_take(body, 5, width), "big"), condition)
        case Code.FINISHED:
            return Finished(body[0] >> 4, not body[0] >> 2 & 1, body[0] & 3)
        case Code.ACK:
            of = Code(body[0] >> 4)
            if of not in (Code.EOF, Code.FINISHED):
                raise Malformed(f"{of.name} is never acknowledged.")
            return Ack(of, body[1] >> 4, body[1] & 3)
        case Code.NAK:
            count, rest = divmod(len(body), width)
            if rest or count < 2 or count % 2:
                raise Malformed(f"A NAK of {len(body)} bytes does not hold whole ranges.")
            numbers = struct.unpack(f">{count}{'Q' if width == 8 else 'I'}", body)
            return Nak(
                numbers[0], numbers[1], tuple(zip(numbers[2::2], numbers[3::2], strict=True))
            )
        case Code.PROMPT:
            return Prompt(Response(body[0] >> 7))
        case Code.KEEP_ALIVE:
            return KeepAlive(int.from_bytes(_take(body, 0, width), "big"))


def _take(body: memoryview, start: int, length: int) -> memoryview:
    piece = body[start : start + length]
    if len(piece) != length:
        raise Malformed(f"{length} bytes were expected at {start}, {len(piece)} are there.")
    return piece


def _read_lv(body: memoryview, at: int) -> tuple[str, int]:
    following = at + 1 + body[at]
    return bytes(_take(body, at + 1, body[at])).decode(), following


def file_bytes_of(pdu: bytes) -> int:
    """Return how many bytes of a file one of our own PDUs carries; 0 for a directive."""
    flags = pdu[0]
    if not flags & 0x10:
        return 0
    return len(pdu) - HEADER_BYTES - (8 if flags & 0x01 else 4)
