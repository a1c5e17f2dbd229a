"""What CFDP PDUs say (CCSDS 727.0-B-5, section 5), without their bytes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

TOWARDS_RECEIVER, TOWARDS_SENDER = 0, 1


class Malformed(ValueError):
    """These bytes are not a CFDP PDU that we can read."""


class TransactionId(NamedTuple):
    """One copy of one file: who sends, who receives, and the sender's number for it."""

    source: int
    destination: int
    number: int


class Form(NamedTuple):
    """What the PDUs of one transaction have in common besides its name (5.1)."""

    entity_bytes: int = 2
    """Length of an entity id, 1 to 8."""
    number_bytes: int = 4
    """Length of a sequence number, 1 to 8."""
    crc: bool = False
    """Whether each PDU ends with a CRC; our frames have one already."""
    acknowledged: bool = True
    """Class 2; otherwise class 1."""

    @property
    def header_bytes(self) -> int:
        return 4 + 2 * self.entity_bytes + self.number_bytes

    @classmethod
    def for_transaction(cls, transaction: TransactionId, **options: bool) -> Form:
        """Return our usual form, with ids and numbers as long as this transaction needs them."""
        entity = max(transaction.source, transaction.destination)
        widths = _bytes_of(entity), _bytes_of(transaction.number)
        if max(widths) > 8 or min(transaction) < 0:
            raise ValueError(f"Ids and numbers are from 0 to 2^64 - 1: {transaction}.")
        return cls(max(widths[0], 2), max(widths[1], 4), **options)


def _bytes_of(number: int) -> int:
    return (number.bit_length() + 7) // 8


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


class Tlv(IntEnum):
    """Types of the fields that have their type and length before them (5.4)."""

    FILESTORE_REQUEST = 0
    FILESTORE_RESPONSE = 1
    MESSAGE_TO_USER = 2
    FAULT_HANDLER_OVERRIDE = 4
    FLOW_LABEL = 5
    ENTITY_ID = 6


class Option(NamedTuple):
    """One such field."""

    type: Tlv
    value: bytes


@dataclass(frozen=True, slots=True)
class Metadata:
    size: int
    """0 for a file without bounds, whose size the EOF tells (class 1 too)."""
    source_name: str
    destination_name: str
    checksum: int = Checksum.CRC32C
    closure: bool = False
    """Class 1: whether the sender wants a Finished."""
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class Eof:
    checksum: int
    size: int
    condition: int = Condition.NO_ERROR
    fault_entity: int | None = None
    """Who found the fault, where there is one."""


@dataclass(frozen=True, slots=True)
class Finished:
    condition: int = Condition.NO_ERROR
    complete: bool = True
    status: int = FileStatus.RETAINED
    fault_entity: int | None = None


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
    form: Form = Form()
