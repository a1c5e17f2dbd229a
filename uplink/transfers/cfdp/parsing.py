"""From bytes to what a PDU says. Whatever the bytes are, it is read or refused by name."""

from __future__ import annotations

import binascii
import struct

from uplink.transfers.cfdp.directives import (
    Ack,
    Code,
    Directive,
    Eof,
    FileData,
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
    Tlv,
    TransactionId,
)

_FILE_DATA = 1 << 4


def decode_head(pdu: bytes) -> Head:
    """Read the header; `Malformed` when it cannot be one or announces another length."""
    if len(pdu) < 4:
        raise Malformed(f"A PDU of {len(pdu)} bytes has no header.")
    flags, length, widths = pdu[0], pdu[1] << 8 | pdu[2], pdu[3]
    if flags >> 5 != 1:
        raise Malformed(f"Version {flags >> 5} of CFDP is not read here.")
    entity, number = (widths >> 4 & 7) + 1, (widths & 7) + 1
    body = 4 + 2 * entity + number
    if len(pdu) != body + length:
        raise Malformed(f"The header announces {body + length} bytes, the PDU has {len(pdu)}.")
    if flags & 0b10 and (length < 2 or binascii.crc_hqx(pdu, 0xFFFF)):
        raise Malformed("The CRC of the PDU is wrong.")
    transaction = TransactionId(
        source=int.from_bytes(pdu[4 : 4 + entity], "big"),
        number=int.from_bytes(pdu[4 + entity : 4 + entity + number], "big"),
        destination=int.from_bytes(pdu[body - entity : body], "big"),
    )
    form = Form(entity, number, crc=bool(flags & 0b10), acknowledged=not flags & 0b100)
    return Head(transaction, flags >> 3 & 1, bool(flags & 1), body, form)


def decode(pdu: bytes) -> tuple[Head, Directive | FileData]:
    """Read a PDU whole; raise `Malformed` and say what is wrong with it."""
    head = decode_head(pdu)
    body = memoryview(pdu)[head.body : len(pdu) - 2 * head.form.crc]
    width = 8 if head.large else 4
    try:
        if pdu[0] & _FILE_DATA:
            # Boundaries of records (a flag of the header) say nothing to a store of bytes.
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
            return _read_metadata(body, width)
        case Code.EOF:
            condition, checksum = body[0] >> 4, int.from_bytes(_take(body, 1, 4), "big")
            size = int.from_bytes(_take(body, 5, width), "big")
            return Eof(checksum, size, condition, _fault_entity(body, 5 + width))
        case Code.FINISHED:
            fault_entity = _fault_entity(body, 1)
            return Finished(body[0] >> 4, not body[0] >> 2 & 1, body[0] & 3, fault_entity)
        case Code.ACK:
            of = Code(body[0] >> 4)
            if of not in (Code.EOF, Code.FINISHED):
                raise Malformed(f"{of.name} is never acknowledged.")
            return Ack(of, body[1] >> 4, body[1] & 3)
        case Code.NAK:
            return _read_nak(body, width)
        case Code.PROMPT:
            return Prompt(Response(body[0] >> 7))
        case Code.KEEP_ALIVE:
            return KeepAlive(int.from_bytes(_take(body, 0, width), "big"))


def _read_metadata(body: memoryview, width: int) -> Metadata:
    size = int.from_bytes(_take(body, 1, width), "big")
    source, at = _read_lv(body, 1 + width)
    destination, at = _read_lv(body, at)
    return Metadata(
        size,
        source.decode(),
        destination.decode(),
        body[0] & 0xF,
        bool(body[0] >> 6 & 1),
        tuple(_options(body, at)),
    )


def _read_nak(body: memoryview, width: int) -> Nak:
    count, rest = divmod(len(body), width)
    if rest or count < 2 or count % 2:
        raise Malformed(f"A NAK of {len(body)} bytes does not hold whole ranges.")
    numbers = struct.unpack(f">{count}{'Q' if width == 8 else 'I'}", body)
    starts, ends = numbers[2::2], numbers[3::2]
    for start, end in zip(numbers[::2], numbers[1::2], strict=True):
        if end < start:
            raise Malformed(f"A NAK tells of a range that ends at {end} before {start}.")
    return Nak(numbers[0], numbers[1], tuple(zip(starts, ends, strict=True)))


def _options(body: memoryview, at: int) -> list[Option]:
    """Read fields with a type and a length to the end; a type of no standard is refused."""
    options = []
    while at < len(body):
        kind = Tlv(body[at])
        value, at = _read_lv(body, at + 1)
        options.append(Option(kind, value))
    return options


def _fault_entity(body: memoryview, at: int) -> int | None:
    named = [value for kind, value in _options(body, at) if kind is Tlv.ENTITY_ID]
    return int.from_bytes(named[-1], "big") if named else None


def _take(body: memoryview, start: int, length: int) -> memoryview:
    piece = body[start : start + length]
    if len(piece) != length:
        raise Malformed(f"{length} bytes were expected at {start}, {len(piece)} are there.")
    return piece


def _read_lv(body: memoryview, at: int) -> tuple[bytes, int]:
    following = at + 1 + body[at]
    return bytes(_take(body, at + 1, body[at])), following
