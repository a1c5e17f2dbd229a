"""The on-board interface: every number that ground and satellites must agree on, once.

Pure tables and layouts, no Django and no clock, so that the simulated satellites are held
to the very same page. All integers are big-endian.

Sources: space packets CCSDS 133.0-B-2, AOS frames 732.0-B-4, TC frames 232.0-B-4,
CDS time code 301.0-B-4 section 3.3, CFDP 727.0-B-5, AES-CMAC NIST SP 800-38B.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum, IntFlag
from uuid import UUID

# --- Frames ---------------------------------------------------------------------------------

FRAME_BYTES = 1115
"""Length of every AOS frame: what Reed-Solomon (255,223) at interleave 5 carries."""
AOS_HEADER_BYTES = 6
MPDU_HEADER_BYTES = 2
OCF_BYTES = 4
FECF_BYTES = 2
UPLINK_ZONE_BYTES = FRAME_BYTES - AOS_HEADER_BYTES - MPDU_HEADER_BYTES - FECF_BYTES
"""Packet zone of an uplink frame (no operational control field): 1,105 bytes."""
DOWNLINK_ZONE_BYTES = UPLINK_ZONE_BYTES - OCF_BYTES
"""Packet zone of a downlink frame, which ends with a CLCW: 1,101 bytes."""
FIRST_HEADER_NONE = 0x7FF
FIRST_HEADER_IDLE = 0x7FE
TC_FRAME_MAX_BYTES = 1024


class UplinkChannel(IntEnum):
    """Virtual channels of the uplink, the most urgent first."""

    PROTOCOL = 1
    FILES = 2


class DownlinkChannel(IntEnum):
    """Virtual channels of the downlink, the most urgent first."""

    LIVE = 0
    TOKENS = 1
    FILES = 2
    PLAYBACK = 3
    IDLE = 63


TELECOMMAND_CHANNEL = 0
"""Virtual channel of the TC frames."""

# --- Packets --------------------------------------------------------------------------------

PACKET_HEADER_BYTES = 6
PACKET_MAX_BYTES = 65_542
IDLE_APID = 0x7FF


class Apid(IntEnum):
    """Application process identifiers; below 0x100 they come down, above they go up."""

    HK_PLATFORM = 0x010
    HK_COMPUTE = 0x011
    HK_LINK = 0x012
    COMMAND_REPORT = 0x020
    STORE_REPORT = 0x021
    EVENT_REPORT = 0x022
    RECORDER_STATUS = 0x023
    WANT_LIST = 0x024
    INVENTORY = 0x025
    HOLDINGS = 0x026
    TOKENS = 0x030
    CFDP_DOWN = 0x040
    RELAYED = 0x050

    TELECOMMAND = 0x100
    RELAYED_COMMAND = 0x101
    RELAYED_RELEASE = 0x102
    PROMPT = 0x110
    TOKEN_ACK = 0x111
    GAP_REQUEST = 0x120
    RECORDER_RELEASE = 0x121
    CFDP_UP = 0x140


# --- Time and the secondary header of everything that comes down -----------------------------

CDS_P_FIELD = 0x40
"""CDS, epoch 1958-01-01, 16-bit day, milliseconds only (301.0-B-4, 3.3.2)."""
CDS_EPOCH = datetime(1958, 1, 1, tzinfo=UTC)
_CDS = struct.Struct(">BHI")
_SECONDARY = struct.Struct(">BHIIHI")
SECONDARY_BYTES = _SECONDARY.size
UNIX_EPOCH_CDS_DAY = 4383
"""CDS day number of 1970-01-01."""
_DAY_MS = 86_400_000


def text_of(field: bytes) -> str:
    """Return what a satellite says in words, whatever its bytes are: NUL, which no text on the
    ground may hold, is left out."""
    return field.decode(errors="replace").replace("\0", "")


def encode_time(instant: datetime) -> bytes:
    """Return the 7 bytes of the CDS short time code of an aware instant, rounded down to 1 ms."""
    elapsed = instant - CDS_EPOCH
    milliseconds = elapsed.seconds * 1000 + elapsed.microseconds // 1000
    return _CDS.pack(CDS_P_FIELD, elapsed.days, milliseconds)


def decode_time(code: bytes) -> datetime:
    """Return the instant of a CDS short time code; ValueError names what is off."""
    p_field, day, milliseconds = _CDS.unpack_from(code)
    _check_time(p_field, milliseconds)
    return CDS_EPOCH + timedelta(days=day, milliseconds=milliseconds)


def _check_time(p_field: int, milliseconds: int) -> None:
    if p_field != CDS_P_FIELD:
        raise ValueError(f"time code P-field is 0x{p_field:02x}, expected 0x{CDS_P_FIELD:02x}")
    if milliseconds > _DAY_MS + 999:  # a leap second lasts to 86,400,999 ms
        raise ValueError(f"time code has {milliseconds} ms of day")


@dataclass(frozen=True, slots=True)
class Secondary:
    """What every downlink packet says of itself.

    `volume` names the recorder's formatting, `boot` counts restarts, and `serial` counts all
    packets of the volume from 0, over restarts: the set of serials is the proof of completeness.
    """

    generated_ns: int
    volume: int
    boot: int
    serial: int

    def encode(self) -> bytes:
        day, milliseconds = divmod(self.generated_ns // 1_000_000, _DAY_MS)
        return _SECONDARY.pack(
            CDS_P_FIELD,
            day + UNIX_EPOCH_CDS_DAY,
            milliseconds,
            self.volume,
            self.boot,
            self.serial,
        )

    @classmethod
    def decode(cls, field: bytes) -> Secondary:
        """Read the 17 bytes behind the primary header; ValueError or struct.error when they lie."""
        p_field, day, milliseconds, volume, boot, serial = _SECONDARY.unpack_from(field)
        _check_time(p_field, milliseconds)
        generated_ns = ((day - UNIX_EPOCH_CDS_DAY) * _DAY_MS + milliseconds) * 1_000_000
        return cls(generated_ns, volume, boot, serial)


# --- CFDP -----------------------------------------------------------------------------------

GROUND_ENTITY_ID = 1
CFDP_ENTITY_ID_BYTES = 2
CFDP_SEQUENCE_BYTES = 4
CFDP_CHECKSUM_CRC32C = 2
CFDP_FILE_DATA_HEADER_BYTES = 4 + 2 * CFDP_ENTITY_ID_BYTES + CFDP_SEQUENCE_BYTES + 4
FILE_SEGMENT_BYTES = UPLINK_ZONE_BYTES - PACKET_HEADER_BYTES - CFDP_FILE_DATA_HEADER_BYTES
"""File bytes in one File Data PDU, so that packet and frame end together: 1,083."""
PACK_BYTES = 4 * 1024 * 1024
PACK_NAME = "pack/"
CHUNKS_NAME = "chunks/"
"""A pack of encoded chunks (uplink/transfers/packaging/packs.py), named by its SHA-256 too."""
MANIFEST_NAME = "manifest/"
RELEASE_NAME = "release/"
"""Signed metadata of one assignment (uplink/registry/trust), named by its SHA-256."""

# --- Housekeeping ---------------------------------------------------------------------------


class Mode(IntEnum):
    SAFE = 0
    IDLE = 1
    CONTACT = 2
    INFERENCE = 3


class SlotState(IntEnum):
    EMPTY = 0
    LOADING = 1
    LOADED = 2
    ACTIVE = 3
    REFUSED = 4


NO_DIGEST = bytes(32)

HK_PLATFORM_LAYOUT = struct.Struct(">B B H h H h h h h H I")
"""mode, sunlit (0 umbra, 1 penumbra, 2 sun), battery charge (1e-4), battery current (mA, signed),
bus voltage (mV), temperatures of battery, panel, radiator and structure (0.01 degC, signed),
solar power (0.1 W), seconds since boot."""

HK_COMPUTE_LAYOUT = struct.Struct(">H h H I I H H B B 32s 32s 32s H H I")
"""accelerator load (1e-4), accelerator temperature (0.01 degC), accelerator power (0.1 W),
corrected ECC errors, uncorrected ECC errors, memory used (MiB), tokens per second (0.01),
state of slot A, state of slot B, SHA-256 in slot A, in slot B, of the active model (zeros: none),
queries queued, queries running, queries answered since boot."""

HK_LINK_LAYOUT = struct.Struct(">I I I I B I I B")
"""uplink frames good, uplink frames bad, uplink packets, telecommands refused, laser links up,
packs held, storage used (MiB), number n of neighbours; then n entity ids (u16) of the satellites
at the other ends, and nothing else."""

# --- Reports --------------------------------------------------------------------------------


class CommandStage(IntEnum):
    ACCEPTED = 0
    STARTED = 1
    COMPLETED = 2
    FAILED = 3
    REFUSED = 4
    RELAY_REFUSED = 5
    """What came by laser was refused: it tells nothing of a telecommand that bears the same id."""


class CommandCode(IntEnum):
    """Why a telecommand was refused or failed; 0 when it was not."""

    NONE = 0
    BAD_AUTHENTICATION = 1
    REPLAYED = 2
    UNKNOWN_OPCODE = 3
    BAD_ARGUMENTS = 4
    NOT_ON_BOARD = 5
    WRONG_DIGEST = 6
    NO_MODEL_IN_SLOT = 7
    RUNTIME_FAILED = 8
    BUSY = 9
    NOT_RELEASED = 10
    EXPIRED = 11


COMMAND_REPORT_LAYOUT = struct.Struct(">16s B H B")
"""command id, stage, code, length n of the text; then n bytes of UTF-8."""


class StoreEvent(IntEnum):
    PACK_STORED = 0
    PACK_REFUSED = 1
    MANIFEST_STORED = 2
    ARTEFACT_VERIFIED = 3
    ARTEFACT_REFUSED = 4
    SLOT_LOADED = 5
    SLOT_ACTIVATED = 6
    SLOT_REFUSED = 7
    SLOT_CLEARED = 8
    ARTEFACT_DROPPED = 9
    RELEASE_ACCEPTED = 10
    RELEASE_REFUSED = 11
    PEER_REFUSED = 12
    ACTIVATION_HELD = 13


STORE_REPORT_LAYOUT = struct.Struct(">B B 32s I I B")
"""event, slot (0 none, 1 A, 2 B), SHA-256 it is about, packs held of that artefact, packs it has
(chunks, when it comes as chunks), length n of the text; then n bytes of UTF-8 (the reason of a
refusal). RELEASE_ACCEPTED and RELEASE_REFUSED are about the file of metadata. PEER_REFUSED is about
the artefact that another satellite served wrong bytes of; its text names that one.
ACTIVATION_HELD is about what was to be activated at an instant and was not: the text says why."""

INVENTORY_LAYOUT = struct.Struct(">I q Q B I I I I B 32s I B 32s I")
"""number of the report (greater than any before), mission time (ns since 1970), nonce of the last
assignment that was accepted, attack seen since the last accepted one (uplink/registry/trust/
attacks.py, 0 none), versions of root, snapshot and assignment that are trusted, highest release
counter known; state, SHA-256 and release counter of slot A, then of slot B. Then a signature:
Ed25519 over `INVENTORY_DOMAIN`, the satellite's code in UTF-8, and the above."""
INVENTORY_SIGNATURE_BYTES = 64
INVENTORY_DOMAIN = b"zenith inventory\0"

WANT_LIST_LAYOUT = struct.Struct(">32s I I I H")
"""SHA-256 of an artefact that comes as chunks, packs of it taken so far, number of the first chunk
that this is about, how many chunks it is about, length n; then n bytes: what is wanted of them
(uplink/transfers/packaging/wants.py)."""
WANT_LIST_BYTES_MAX = 900

HOLDINGS_LAYOUT = struct.Struct(">H q 32s I I I Q 64s H")
"""Entity id of the satellite whose packs these are (a neighbour may hand it on), its mission time
(ns since 1970), SHA-256 of the artefact, packs of it in all (0: no manifest yet), number of the
first pack that this is about, how many packs it is about, file bytes that came by laser links; an
Ed25519 signature (key of inventories) over `HOLDINGS_DOMAIN`, the satellite's code in UTF-8, and
the payload with zeros for the signature; number n of ranges, then n times `HOLDINGS_RANGE`."""
HOLDINGS_RANGE = struct.Struct(">H I I")
"""Where packs came from (an entity id; the ground's for a contact), first and last pack held. A
first behind the last: that satellite served wrong bytes and is not asked any more."""
HOLDINGS_RANGES_MAX = 4_000
"""Of one packet; a satellite whose packs are more scattered sends several."""
HOLDINGS_DOMAIN = b"zenith holdings\0"


RELAYED_LAYOUT = struct.Struct(">H 16s")
"""Entity id of the satellite whose packet this is, authentication code (AES-CMAC under a key of
that satellite's own, over `RELAYED_DOMAIN`, the entity id and the packet); then one of its packets,
whole, as its own recorder keeps it. Who hands it on records and sends it like anything of its own.
"""
RELAYED_DOMAIN = b"zenith relayed\0"
RELAYED_APIDS = frozenset(
    {Apid.COMMAND_REPORT, Apid.STORE_REPORT, Apid.EVENT_REPORT, Apid.INVENTORY, Apid.HOLDINGS}
)
"""What satellites without a contact have others hand on as soon as it is there."""
ATTENDED_APIDS = frozenset({Apid.HK_PLATFORM, Apid.HK_COMPUTE})
"""And what besides, for `ATTENDED_S` after the last telecommand that they took over lasers."""
ATTENDED_S = 1_800.0
RELAY_HOPS_MAX = 8
"""Links that a packet may cross."""


class EventSeverity(IntEnum):
    INFO = 0
    WARNING = 1
    DISTRESS = 2
    CRITICAL = 3


EVENT_REPORT_LAYOUT = struct.Struct(">B H B")
"""severity, event number, length n of the text; then n bytes of UTF-8."""

RECORDER_STATUS_LAYOUT = struct.Struct(">I I I H")
"""volume, oldest serial held, next serial to be given, number n of ranges; then n pairs of u32
(first, last): serials asked for that are not on board and never will be."""

# --- Upward: gap requests, releases, prompts, acknowledgements -------------------------------

GAP_REQUEST_LAYOUT = struct.Struct(">I H")
"""volume, number n of ranges; then n pairs of u32 (first, last serial, both included)."""
GAP_RANGE = struct.Struct(">I I")
GAP_RANGES_MAX = 100

RECORDER_RELEASE_LAYOUT = struct.Struct(">I I")
"""volume, serial: everything below it is on the ground and may go."""

PROMPT_LAYOUT = struct.Struct(">16s H H H H I I")
"""query id, part number from 0, parts in all, most tokens to answer, temperature (1e-3), seed,
seconds (mission time, from reception of the last part) after which no answer is wanted; then a
part of the UTF-8 JSON of the messages: `[{"role": ..., "content": ...}, ...]`."""
PROMPT_PART_BYTES = 900
PROMPT_MAX_BYTES = 256 * 1024

CONTEXT_TOKENS = 4096
"""Tokens that a runtime on board holds at once, question and answer together."""

CANCEL_PARTS = 0
"""A PROMPT with 0 parts and no text cancels the query it names."""


class TokenKind(IntEnum):
    ACCEPTED = 0
    TEXT = 1
    END = 2
    ERROR = 3


TOKENS_LAYOUT = struct.Struct(">16s I B H")
"""query id, segment number from 0, kind, length n; then n bytes of UTF-8: the digest of the model
in hex for ACCEPTED, text for TEXT (cut between characters), JSON for END (`prompt_tokens`,
`completion_tokens`, `finish_reason`, `accepted_at`, `started_at`, `first_token_at`, `ended_at` in
seconds since 1970) and for ERROR (`code`, `detail`)."""

TOKEN_ACK_LAYOUT = struct.Struct(">16s I Q")
"""query id, number below which all segments are on the ground, then a bitmap of the 64 segments
from that number on (most significant bit first). When END or ERROR is covered the query is over."""

# --- Telecommands ---------------------------------------------------------------------------


class Opcode(IntEnum):
    NO_OP = 0
    LOAD_SLOT = 1
    ACTIVATE_SLOT = 2
    CLEAR_SLOT = 3
    DROP_ARTEFACT = 4
    SET_MODE = 5
    FETCH = 6
    ACTIVATE_SLOT_AT = 7
    CALL_OFF_ACTIVATION = 8


class Slot(IntEnum):
    A = 1
    B = 2


TELECOMMAND_LAYOUT = struct.Struct(">16s I B")
"""command id, anti-replay counter (greater than any accepted before), opcode; then the arguments;
then the authentication code over everything from the primary header of the packet on."""
TELECOMMAND_MAC_BYTES = 16
RELAYED_COMMAND_LAYOUT = struct.Struct(">H q 16s I B")
"""Telecommand for another satellite than the one that hears it, handed on by laser: entity id of
whom it is for, instant (mission time, ns since 1970) from which on it is not obeyed; then as
TELECOMMAND: id, counter, opcode, arguments, and the authentication code, by the key of whom it is
for. The code covers the primary header too, so that neither kind can be made of the other."""
RELAYED_RELEASE_LAYOUT = struct.Struct(">H")
"""Entity id of whom it is for; then a file of signed metadata (`RELEASE_NAME`), whole."""
LOAD_SLOT_LAYOUT = struct.Struct(">B 32s")
SLOT_LAYOUT = struct.Struct(">B")
SLOT_AT_LAYOUT = struct.Struct(">B q H h B")
"""Slot, and the instant of its activation in nanoseconds since 1970-01-01 UTC, mission time; then
what must hold at that instant: battery charge at least (1e-4), accelerator temperature at most
(0.01 degrees Celsius, signed), and `WindowFlag`s. No question may be being answered. The satellite
keeps one such instant; a new one, a change of the slot, or CALL_OFF_ACTIVATION (without arguments)
ends it. It is proved at once that the model runs. What does not hold at the instant is reported
(ACTIVATION_HELD), and the slot stays as it is."""


class WindowFlag(IntFlag):
    """Besides, at the instant of an activation."""

    IN_SUNLIGHT = 1
    QUEUES_EMPTY = 2


DROP_ARTEFACT_LAYOUT = struct.Struct(">32s")
SET_MODE_LAYOUT = struct.Struct(">B")
FETCH_LAYOUT = struct.Struct(">32s 32s H")
"""SHA-256 of an artefact, SHA-256 of its manifest as it travels, number n of peers; then n entity
ids (u16): satellites that may be asked for both over laser links. It replaces an order before; with
no peers the order is over."""
FETCH_PEERS_MAX = 400
"""What fits one telecommand."""


def telecommand_key_info(satellite_code: str) -> bytes:
    """Return the HKDF-SHA256 `info` that turns the master key into one satellite's 16-byte key."""
    return b"zenith telecommand " + satellite_code.encode()


def relay_key_info(satellite_code: str) -> bytes:
    """Return the HKDF-SHA256 `info` that turns the master key into the 16-byte key by which one
    satellite proves that a packet which others hand on is its own."""
    return b"zenith relayed " + satellite_code.encode()


def inventory_key_info(satellite_code: str) -> bytes:
    """Return the HKDF-SHA256 `info` that turns the master key into the 32-byte seed of the Ed25519
    key by which one satellite signs what it reports."""
    return b"zenith inventory " + satellite_code.encode()


# --- Small codecs of the packets whose tails vary --------------------------------------------


def encode_ranges(ranges: list[tuple[int, int]]) -> bytes:
    """Return pairs (first, last) one behind the other."""
    return b"".join(GAP_RANGE.pack(first, last) for first, last in ranges)


def decode_ranges(field: bytes, count: int) -> list[tuple[int, int]]:
    """Return `count` pairs (first, last); ValueError when the bytes are too few or a pair is upside
    down."""
    if len(field) < count * GAP_RANGE.size:
        raise ValueError(f"{count} ranges need {count * GAP_RANGE.size} bytes, got {len(field)}")
    ranges = [GAP_RANGE.unpack_from(field, n * GAP_RANGE.size) for n in range(count)]
    for first, last in ranges:
        if last < first:
            raise ValueError(f"range {first}-{last} ends before it starts")
    return ranges


def encode_gap_request(volume: int, ranges: list[tuple[int, int]]) -> bytes:
    """Return the payload of a GAP_REQUEST packet for at most `GAP_RANGES_MAX` ranges."""
    return GAP_REQUEST_LAYOUT.pack(volume, len(ranges)) + encode_ranges(ranges)


def decode_gap_request(payload: bytes) -> tuple[int, list[tuple[int, int]]]:
    volume, count = GAP_REQUEST_LAYOUT.unpack_from(payload)
    return volume, decode_ranges(payload[GAP_REQUEST_LAYOUT.size :], count)


def encode_recorder_status(
    volume: int, oldest: int, following: int, missing: list[tuple[int, int]]
) -> bytes:
    """Return the payload of a RECORDER_STATUS packet."""
    head = RECORDER_STATUS_LAYOUT.pack(volume, oldest, following, len(missing))
    return head + encode_ranges(missing)


def decode_recorder_status(payload: bytes) -> tuple[int, int, int, list[tuple[int, int]]]:
    """Return volume, oldest serial held, next serial, and the ranges that are gone for good."""
    volume, oldest, following, count = RECORDER_STATUS_LAYOUT.unpack_from(payload)
    ranges = decode_ranges(payload[RECORDER_STATUS_LAYOUT.size :], count)
    return volume, oldest, following, ranges


@dataclass(frozen=True, slots=True)
class Tokens:
    """One numbered piece of an answer."""

    query_id: UUID
    number: int
    kind: TokenKind
    text: str

    def encode(self) -> bytes:
        body = self.text.encode()
        return TOKENS_LAYOUT.pack(self.query_id.bytes, self.number, self.kind, len(body)) + body

    @classmethod
    def decode(cls, payload: bytes) -> Tokens:
        """Read a TOKENS payload; ValueError or struct.error when it is cut or unknown."""
        query, number, kind, length = TOKENS_LAYOUT.unpack_from(payload)
        body = payload[TOKENS_LAYOUT.size :]
        if len(body) != length:
            raise ValueError(f"segment announces {length} bytes and has {len(body)}")
        return cls(UUID(bytes=query), number, TokenKind(kind), body.decode())


@dataclass(frozen=True, slots=True)
class PromptPart:
    """One part of a question on its way up."""

    query_id: UUID
    number: int
    parts: int
    max_tokens: int
    temperature: float
    seed: int
    lifetime_s: int
    text: bytes

    def encode(self) -> bytes:
        head = PROMPT_LAYOUT.pack(
            self.query_id.bytes,
            self.number,
            self.parts,
            self.max_tokens,
            round(self.temperature * 1000),
            self.seed,
            self.lifetime_s,
        )
        return head + self.text

    @classmethod
    def decode(cls, payload: bytes) -> PromptPart:
        query, number, parts, most, temperature, seed, lifetime_s = PROMPT_LAYOUT.unpack_from(
            payload
        )
        text = bytes(payload[PROMPT_LAYOUT.size :])
        return cls(
            UUID(bytes=query), number, parts, most, temperature / 1000, seed, lifetime_s, text
        )


@dataclass(frozen=True, slots=True)
class TokenAck:
    """Which segments of an answer the ground holds: all below `following`, and those in `also`."""

    query_id: UUID
    following: int
    also: frozenset[int] = frozenset()

    def encode(self) -> bytes:
        bitmap = sum(
            1 << (63 - (number - self.following))
            for number in self.also
            if 0 <= number - self.following < 64
        )
        return TOKEN_ACK_LAYOUT.pack(self.query_id.bytes, self.following, bitmap)

    @classmethod
    def decode(cls, payload: bytes) -> TokenAck:
        query, following, bitmap = TOKEN_ACK_LAYOUT.unpack_from(payload)
        also = frozenset(following + bit for bit in range(64) if bitmap >> (63 - bit) & 1)
        return cls(UUID(bytes=query), following, also)
