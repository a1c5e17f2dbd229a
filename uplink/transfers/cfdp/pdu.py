"""The bytes of CFDP (CCSDS 727.0-B-5, section 5): PDUs in and out, nothing remembered.

We send entity ids of 2 and sequence numbers of 4 bytes, longer where they are greater, without the
CRC of the PDU (our frames have one), and read every width that the standard allows. An answer has
the form of what it answers.
"""

from __future__ import annotations

import binascii
import struct

from uplink.transfers.cfdp.directives import (
    TOWARDS_RECEIVER,
    TOWARDS_SENDER,
    Ack,
    Checksum,
    Code,
    Condition,
    Directive,
    Eof,
    FileData,
    FileStatus,
    Finished,
    Form,
    Head,
    KeepAlive,
    Malformed,
    Metadata,
    Nak,
    Option,
    Prompt,
    Response,
    Status,
    Tlv,
    TransactionId,
)
from uplink.transfers.cfdp.parsing import decode, decode_head

__all__ = [
    "HEADER_BYTES",
    "OURS",
    "TOWARDS_RECEIVER",
    "TOWARDS_SENDER",
    "Ack",
    "Checksum",
    "Code",
    "Condition",
    "Directive",
    "Eof",
    "FileData",
    "FileStatus",
    "Finished",
    "Form",
    "Head",
    "KeepAlive",
    "Malformed",
    "Metadata",
    "Nak",
    "Option",
    "Prompt",
    "Response",
    "Status",
    "Tlv",
    "TransactionId",
    "decode",
    "decode_head",
    "encode",
    "encode_file_data",
    "file_bytes_of",
    "header",
    "seal",
]

OURS = Form()
HEADER_BYTES = OURS.header_bytes
"""Length of the header of the PDUs we send: 4 fixed, two entity ids of 2, a number of 4."""
BODY_BYTES_MOST = 0xFFFF
_HEADER = struct.Struct(">BHBHIH")
_WIDTHS = (2 - 1) << 4 | (4 - 1)
_VERSION = 1 << 5
_FILE_DATA = 1 << 4


def header(
    transaction: TransactionId,
    length: int,
    *,
    towards: int,
    file_data: bool,
    large: bool,
    form: Form = OURS,
) -> bytes:
    """Return the header of a PDU whose data field has `length` bytes, its CRC not counted."""
    flags = _VERSION | (_FILE_DATA if file_data else 0) | towards << 3 | large
    source, destination, number = transaction
    if form == OURS:
        return _HEADER.pack(flags, length, _WIDTHS, source, number, destination)
    flags |= (not form.acknowledged) << 2 | form.crc << 1
    widths = (form.entity_bytes - 1) << 4 | (form.number_bytes - 1)
    return b"".join(
        (
            struct.pack(">BHB", flags, length + 2 * form.crc, widths),
            source.to_bytes(form.entity_bytes, "big"),
            number.to_bytes(form.number_bytes, "big"),
            destination.to_bytes(form.entity_bytes, "big"),
        )
    )


def seal(pdu: bytes) -> bytes:
    """Return a PDU whose form says so with its CRC behind it (4.1.3)."""
    return pdu + binascii.crc_hqx(pdu, 0xFFFF).to_bytes(2, "big")


def encode_file_data(
    transaction: TransactionId,
    offset: int,
    data: bytes,
    *,
    large: bool = False,
    form: Form = OURS,
) -> bytes:
    """Return one File Data PDU (5.3) without segment metadata."""
    place = offset.to_bytes(8 if large else 4, "big")
    head = header(
        transaction,
        len(place) + len(data),
        towards=TOWARDS_RECEIVER,
        file_data=True,
        large=large,
        form=form,
    )
    pdu = head + place + data
    return seal(pdu) if form.crc else pdu


def encode(
    transaction: TransactionId, directive: Directive, *, large: bool = False, form: Form = OURS
) -> bytes:
    """Return the PDU of a directive; sizes and offsets have 8 bytes when `large`, else 4."""
    code, towards, body = _body(directive, 8 if large else 4, form)
    if len(body) >= BODY_BYTES_MOST - 2:
        raise ValueError(f"A {code.name} of {len(body)} bytes is too long for a PDU.")
    head = header(
        transaction, 1 + len(body), towards=towards, file_data=False, large=large, form=form
    )
    pdu = head + bytes((code,)) + body
    return seal(pdu) if form.crc else pdu


def _body(directive: Directive, width: int, form: Form) -> tuple[Code, int, bytes]:
    match directive:
        case Metadata(size, source, destination, checksum, closure, options):
            names = _lv(source.encode()) + _lv(destination.encode())
            fields = b"".join(bytes((kind,)) + _lv(value) for kind, value in options)
            body = bytes((closure << 6 | checksum,)) + size.to_bytes(width, "big") + names + fields
            return Code.METADATA, TOWARDS_RECEIVER, body
        case Eof(checksum, size, condition, fault_entity):
            body = struct.pack(">BI", condition << 4, checksum) + size.to_bytes(width, "big")
            return Code.EOF, TOWARDS_RECEIVER, body + _location(fault_entity, form)
        case Finished(condition, complete, status, fault_entity):
            body = bytes((condition << 4 | (not complete) << 2 | status,))
            return Code.FINISHED, TOWARDS_SENDER, body + _location(fault_entity, form)
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


def _location(fault_entity: int | None, form: Form) -> bytes:
    """Return the field that names where a fault was found (5.4.6); nothing without one."""
    if fault_entity is None:
        return b""
    return bytes((Tlv.ENTITY_ID,)) + _lv(fault_entity.to_bytes(form.entity_bytes, "big"))


def _lv(value: bytes) -> bytes:
    if len(value) > 255:
        raise ValueError(f"A name or a field has at most 255 bytes, this one {len(value)}.")
    return bytes((len(value),)) + value


def file_bytes_of(pdu: bytes) -> int:
    """Return how many bytes of a file a PDU without segment metadata carries; 0 for a directive."""
    flags, widths = pdu[0], pdu[3]
    if not flags & _FILE_DATA:
        return 0
    header_bytes = 7 + 2 * (widths >> 4 & 7) + (widths & 7)
    return len(pdu) - header_bytes - (8 if flags & 1 else 4) - (flags & 0b10)
