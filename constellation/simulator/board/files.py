"""The file receiver: packs and manifests by CFDP, kept over contacts, restarts and kills."""

from __future__ import annotations

import errno
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path

import google_crc32c

from constellation.simulator.board.packs import Packs
from constellation.simulator.clock import replace
from constellation.simulator.journal import Journal
from telemetry import onboard
from uplink.transfers import cfdp

log = logging.getLogger(__name__)

FILE_BYTES_MAX = 16 * 1024 * 1024
SAVE_EVERY_S = 0.25
"""Mission time; a kill has at most the segments of this span sent again."""
INCOMING_MOST = 64
"""Transactions open at once; a further one is not heard until one of them ends."""
CLOSED_KEPT = 20_000
LIMITS = cfdp.Limits(ack_s=3.0, nak_s=2.0, immediate_s=0.5, tries=10)
"""Shorter than the engine's own: the way to the ground and back takes a tenth of a second."""


class Incoming:
    """One file on its way up: its bytes and its state on disk."""

    def __init__(
        self, folder: Path, transaction: cfdp.TransactionId, packs: Packs, now_s: float
    ) -> None:
        self.path = folder / f"{transaction.source}-{transaction.number}.part"
        self.state_path = self.path.with_suffix(".json")
        self.saved_s = now_s
        self._packs = packs
        self._room = packs.room_bytes
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        callbacks = self._write, self._checksum, self._keep
        options = {"most_bytes": FILE_BYTES_MAX, "immediate": True, "limits": LIMITS}
        if self.state_path.exists():
            state = json.loads(self.state_path.read_bytes())
            self.receiver = cfdp.Receiver.from_json(state, *callbacks, now_s=now_s, **options)
        else:
            self.receiver = cfdp.Receiver(transaction, *callbacks, **options)

    def save(self, now_s: float) -> None:
        """Bring the state to the disk; the bytes it speaks of are there already."""
        self.saved_s = now_s
        replace(self.state_path, json.dumps(self.receiver.to_json()).encode())

    def discard(self) -> None:
        os.close(self._file)
        self.path.unlink(missing_ok=True)
        self.state_path.unlink(missing_ok=True)

    def close(self) -> None:
        os.close(self._file)

    def _write(self, offset: int, data: bytes) -> None:
        if offset + len(data) > self._room:
            raise OSError(errno.ENOSPC, "the satellite's storage is full")
        os.pwrite(self._file, data, offset)

    def _checksum(self, size: int, kind: int) -> int:
        assert kind == onboard.CFDP_CHECKSUM_CRC32C
        return google_crc32c.value(os.pread(self._file, size, 0))

    def _keep(self, metadata: cfdp.Metadata) -> cfdp.Condition:
        if metadata.size > self._room:
            return cfdp.Condition.FILESTORE_REJECTION
        os.ftruncate(self._file, metadata.size)
        return self._packs.keep(metadata.destination_name, self.path)


class Files:
    """All files on their way to one satellite."""

    def __init__(
        self,
        folder: Path,
        packs: Packs,
        send: Callable[[bytes], None],
        *,
        entity_id: int,
        now_s: float,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._packs, self._send = folder, packs, send
        self._entity_id = entity_id
        self._journal = Journal(folder / "closed.journal")
        self._closed: dict[cfdp.TransactionId, cfdp.Condition] = {}
        for record in self._journal.records[-CLOSED_KEPT:]:
            source, destination, number, condition = json.loads(record)
            transaction = cfdp.TransactionId(source, destination, number)
            self._closed[transaction] = cfdp.Condition(condition)
        self._journal.records.clear()
        self._incoming: dict[cfdp.TransactionId, Incoming] = {}
        for path in folder.glob("*.json"):
            transaction = cfdp.TransactionId(*json.loads(path.read_bytes())["transaction"])
            self._incoming[transaction] = incoming = Incoming(folder, transaction, packs, now_s)
            incoming.receiver.freeze(now_s)

    def receive(self, pdus: list[bytes], now_s: float) -> None:
        """Take the PDUs that arrived together."""
        by_transaction: dict[cfdp.TransactionId, list[bytes]] = {}
        for pdu in pdus:
            # File Data of our ground's sender: the transaction lies at a fixed place.
            key = pdu[:1] + pdu[3:12]
            transaction = _TRANSACTIONS.get(key) or _transaction_of(pdu, key)
            if transaction is not None and transaction.destination == self._entity_id:
                by_transaction.setdefault(transaction, []).append(pdu)
        for transaction, part in by_transaction.items():
            self._receive_of(transaction, part, now_s)

    def _receive_of(self, transaction: cfdp.TransactionId, pdus: list[bytes], now_s: float) -> None:
        condition = self._closed.get(transaction)
        if condition is not None:
            for pdu in pdus:
                self._answer_closed(pdu, condition)
            return
        incoming = self._incoming.get(transaction)
        if incoming is None:
            if len(self._incoming) >= INCOMING_MOST and not self._make_room():
                return
            incoming = Incoming(self._folder, transaction, self._packs, now_s)
            incoming.save(now_s)
            self._incoming[transaction] = incoming
        incoming.receiver.receive_many(pdus, now_s)
        self._after(incoming, now_s)

    def _answer_closed(self, pdu: bytes, condition: cfdp.Condition) -> None:
        try:
            answers = cfdp.answer_closed(pdu, condition)
        except cfdp.Malformed:
            return
        for answer in answers:
            self._send(answer)

    def _after(self, incoming: Incoming, now_s: float) -> None:
        """Save, then let out what the receiver has to say; forget it when it is over."""
        receiver = incoming.receiver
        pending = receiver.pending_pdus()
        over = receiver.state is cfdp.ReceiverState.CLOSED
        if over:
            self._close(incoming)
        elif pending or now_s - incoming.saved_s >= SAVE_EVERY_S:
            incoming.save(now_s)
        for pdu in pending:
            self._send(pdu)

    def _close(self, incoming: Incoming) -> None:
        receiver = incoming.receiver
        record = json.dumps([*receiver.transaction, int(receiver.condition)])
        self._journal.append(record.encode())
        self._closed[receiver.transaction] = receiver.condition
        incoming.discard()
        del self._incoming[receiver.transaction]

    def _make_room(self) -> bool:
        """Forget the transaction that its sender left behind first; False when all are alive."""
        left = [
            one
            for one in self._incoming.values()
            if one.receiver.state is cfdp.ReceiverState.FINISHING or one.receiver.fault is not None
        ]
        if not left:
            return False
        oldest = min(left, key=lambda one: one.saved_s)
        if oldest.receiver.state is cfdp.ReceiverState.RECEIVING:
            oldest.receiver.condition = cfdp.Condition.INACTIVITY_DETECTED
        self._close(oldest)
        return True

    def tick(self, now_s: float) -> None:
        """Let the protocol's timers run; for the time of a contact."""
        for incoming in list(self._incoming.values()):
            incoming.receiver.tick(now_s)
            self._after(incoming, now_s)

    def thaw(self, now_s: float) -> None:
        for incoming in self._incoming.values():
            incoming.receiver.thaw(now_s)

    def freeze(self, now_s: float) -> None:
        for incoming in self._incoming.values():
            incoming.save(now_s)
            incoming.receiver.freeze(now_s)

    def close(self) -> None:
        for incoming in self._incoming.values():
            incoming.close()


_TRANSACTIONS: dict[bytes, cfdp.TransactionId] = {}
_TRANSACTIONS_MOST = 4_096


def _transaction_of(pdu: bytes, key: bytes) -> cfdp.TransactionId | None:
    """Return whose PDU this is, and remember it for PDUs that begin alike."""
    try:
        transaction = cfdp.decode_head(pdu).transaction
    except cfdp.Malformed as error:
        log.info("a CFDP packet cannot be read: %s", error)
        return None
    if len(_TRANSACTIONS) >= _TRANSACTIONS_MOST:
        _TRANSACTIONS.clear()
    # Only headers with ids of our lengths lie wholly inside of the key.
    if len(key) == 10 and key[1] == 0x13:
        _TRANSACTIONS[key] = transaction
    return transaction
