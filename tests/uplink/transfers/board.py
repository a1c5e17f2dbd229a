"""A satellite's end of the file service, enough of it for the ground to be tested against."""

import hashlib
import json
from datetime import datetime

import google_crc32c

from constellation.models import Satellite
from telemetry import onboard
from telemetry.packets import space
from telemetry.packets.handlers import StoredPacket, handler_of
from uplink.transfers import cfdp


def stored(
    satellite: Satellite,
    apid: int,
    payload: bytes,
    *,
    now: datetime,
    generated_ns: int | None = None,
) -> StoredPacket:
    """A downlink packet as ingest would hand it to a handler."""
    at_ns = int(now.timestamp() * 1e9) if generated_ns is None else generated_ns
    # Serials in the order of generation, as a recorder gives them.
    serial = at_ns // 1_000_000 % (1 << 32)
    secondary = onboard.Secondary(at_ns, volume=1, boot=1, serial=serial)
    return StoredPacket(
        id=1,
        satellite_id=satellite.pk,
        contact_id=None,
        apid=apid,
        sequence_count=0,
        volume=1,
        boot=1,
        serial=serial,
        channel=onboard.DownlinkChannel.LIVE,
        generated_ns=at_ns,
        received_at=now,
        data=space.encode_downlink(apid, 0, secondary, payload),
    )


def hear(satellite, apid, payload, *, now, generated_ns=None):
    """Let the registered handler take a packet."""
    packet = stored(satellite, apid, payload, now=now, generated_ns=generated_ns)
    handler_of(apid)(packet, now=now)


def store_report(event, sha256, *, slot=0, text=""):
    body = text.encode()
    head = onboard.STORE_REPORT_LAYOUT.pack(event, slot, bytes.fromhex(sha256), 0, 0, len(body))
    return head + body


def command_report(command_id, stage, code=0, text=""):
    body = text.encode()
    return onboard.COMMAND_REPORT_LAYOUT.pack(command_id.bytes, stage, code, len(body)) + body


class Board:
    """Receives files by CFDP and keeps what hashes to its name; counts every file byte heard."""

    def __init__(self, entity_id: int) -> None:
        self.entity_id = entity_id
        self.receivers: dict[cfdp.TransactionId, cfdp.Receiver] = {}
        self.files: dict[str, bytes] = {}
        self.refuse: set[str] = set()
        self.heard_bytes = 0
        self.repeated_bytes = 0

    def receive(self, packet: bytes, now_s: float) -> list[bytes]:
        """Take an uplink packet; return the CFDP PDUs that answer it."""
        assert space.apid_of(packet) == onboard.Apid.CFDP_UP
        assert len(packet) <= onboard.UPLINK_ZONE_BYTES
        pdu = packet[space.HEADER_BYTES :]
        transaction = cfdp.decode_head(pdu).transaction
        assert transaction.destination == self.entity_id
        receiver = self.receivers.get(transaction)
        if receiver is None:
            receiver = self.receivers[transaction] = self._open(transaction)
        receiver.receive(pdu, now_s)
        return receiver.pending_pdus()

    def _open(self, transaction: cfdp.TransactionId) -> cfdp.Receiver:
        content = bytearray()

        def write(offset, data):
            self.heard_bytes += len(data)
            if len(content) < offset + len(data):
                content.extend(bytes(offset + len(data) - len(content)))
            content[offset : offset + len(data)] = data

        def keep(metadata):
            name, data = metadata.destination_name, bytes(content[: metadata.size])
            if name in self.refuse:
                return cfdp.Condition.FILESTORE_REJECTION
            if name.startswith(onboard.PACK_NAME):
                assert hashlib.sha256(data).hexdigest() == name.removeprefix(onboard.PACK_NAME)
            self.files[name] = data
            return cfdp.Condition.NO_ERROR

        return cfdp.Receiver(
            transaction,
            write,
            lambda size, kind: google_crc32c.value(bytes(content[:size])),
            keep,
            most_bytes=1 << 24,
        )

    def assemble(self, sha256: str) -> bytes:
        """Put the artefact together as the manifest says."""
        manifest = json.loads(self.files[onboard.MANIFEST_NAME + sha256])
        packs = [self.files[onboard.PACK_NAME + one["sha256"]] for one in manifest["packs"]]
        assert [len(pack) for pack in packs] == [one["size"] for one in manifest["packs"]]
        whole = b"".join(packs)
        assert (hashlib.sha256(whole).hexdigest(), len(whole)) == (sha256, manifest["size"])
        return whole
