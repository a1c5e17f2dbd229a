"""The file receiver: packs and manifests by CFDP, kept over contacts, restarts and kills.

Of each file its bytes are written first, then what was received is appended to its journal, and
only then does an answer leave. All three are system calls that a SIGKILL of the process does not
undo, so that a kill loses no more than the burst that was being taken in, and nothing that was
acknowledged. (A power cut would ask for fsync before answers; satellites here have none.)
"""

from __future__ import annotations

import errno
import json
import logging
import os
from collections.abc import Callable
from pathlib import Path

from constellation.simulator.board.packs import Packs
from constellation.simulator.journal import Journal, load
from uplink.transfers import cfdp

log = logging.getLogger(__name__)

FILE_BYTES_MAX = 16 * 1024 * 1024
JOURNAL_BYTES = 64 * 1024
"""A journal this long, and four times as long as when it was last written anew, is written anew."""
INCOMING_MOST = 64
"""Transactions open at once; a further one is not heard until one of them ends."""
CLOSED_KEPT = 20_000
LIMITS = cfdp.Limits(ack_s=3.0, nak_s=2.0, immediate_s=0.5, tries=10)
"""Shorter than the engine's own: the way to the ground and back takes a tenth of a second."""


class Incoming:
    """One file on its way up: its bytes, and the journal of its state."""

    def __init__(
        self, folder: Path, transaction: cfdp.TransactionId, packs: Packs, now_s: float
    ) -> None:
        self.path = folder / f"{transaction.source}-{transaction.number}.part"
        self.heard_s = now_s
        self._journal = Journal(self.path.with_suffix(".journal"))
        self._rewritten_bytes = self._journal.size
        self._packs = packs
        self._room = packs.room_bytes
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        callbacks = self._write, self._checksum, self._keep
        options = {"most_bytes": FILE_BYTES_MAX, "immediate": True, "limits": LIMITS}
        if self._journal.records:
            state = cfdp.merged(map(json.loads, self._journal.records))
            self.receiver = cfdp.Receiver.from_json(state, *callbacks, now_s=now_s, **options)
            self._journal.records.clear()
        else:
            self.receiver = cfdp.Receiver(transaction, *callbacks, **options)

    def save(self) -> None:
        """Append what changed to the journal; the bytes it speaks of are written already."""
        changes = self.receiver.changes()
        if not changes:
            return
        self._journal.append(_encode(changes))
        if self._journal.size > max(JOURNAL_BYTES, 4 * self._rewritten_bytes):
            self._journal.rewrite([_encode(self.receiver.to_json())])
            self._rewritten_bytes = self._journal.size

    def discard(self) -> None:
        """Delete the file and, last, what is known of it."""
        os.close(self._file)
        self.path.unlink(missing_ok=True)
        self._journal.path.unlink(missing_ok=True)

    def close(self) -> None:
        os.close(self._file)

    def _write(self, offset: int, data: bytes) -> None:
        if offset + len(data) > self._room:
            raise OSError(errno.ENOSPC, "the satellite's storage is full")
        os.pwrite(self._file, data, offset)

    def _checksum(self, size: int, kind: int) -> int:
        return cfdp.checksum_of(
            kind, lambda offset, count: os.pread(self._file, count, offset), size
        )

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
        self._repeated_bytes = 0  # of all transactions that are closed
        for record in self._journal.records[-CLOSED_KEPT:]:
            source, destination, number, condition, repeated_bytes, *_ = [*json.loads(record), 0]
            transaction = cfdp.TransactionId(source, destination, number)
            self._closed[transaction] = cfdp.Condition(condition)
            self._repeated_bytes += repeated_bytes
        self._journal.records.clear()
        self._incoming: dict[cfdp.TransactionId, Incoming] = {}
        self._take_up(now_s)

    def _take_up(self, now_s: float) -> None:
        """Go on with the files that have a journal; delete those that a kill left without one, or
        closed and not deleted."""
        for path in [*self._folder.glob("*.journal"), *self._folder.glob("*.part")]:
            if path != self._journal.path and not self._take_up_one(path, now_s):
                path.unlink()

    def _take_up_one(self, path: Path, now_s: float) -> bool:
        known = load(path.with_suffix(".journal"))
        if not known:
            return False
        transaction = cfdp.TransactionId(*json.loads(known[0])["transaction"])
        if transaction in self._closed:
            return False
        if transaction not in self._incoming:
            incoming = Incoming(self._folder, transaction, self._packs, now_s)
            incoming.receiver.freeze(now_s)
            self._incoming[transaction] = incoming
        return True

    @property
    def repeated_bytes(self) -> int:
        """File bytes that came although they were there."""
        under_way = sum(one.receiver.repeated_bytes for one in self._incoming.values())
        return self._repeated_bytes + under_way

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
                if condition is cfdp.Condition.NO_ERROR:
                    self._repeated_bytes += cfdp.file_bytes_of(pdu)
                self._answer_closed(pdu, condition)
            return
        incoming = self._incoming.get(transaction)
        if incoming is None:
            if len(self._incoming) >= INCOMING_MOST and not self._make_room():
                return
            incoming = Incoming(self._folder, transaction, self._packs, now_s)
            self._incoming[transaction] = incoming
        incoming.heard_s = now_s
        incoming.receiver.receive_many(pdus, now_s, malformed=_log_malformed)
        self._after(incoming)

    def _answer_closed(self, pdu: bytes, condition: cfdp.Condition) -> None:
        try:
            answers = cfdp.answer_closed(pdu, condition)
        except cfdp.Malformed as error:
            _log_malformed(error)
            return
        for answer in answers:
            self._send(answer)

    def _after(self, incoming: Incoming) -> None:
        """Save, then let out what the receiver has to say; forget it when it is over."""
        receiver = incoming.receiver
        pending = receiver.pending_pdus()
        if receiver.state is cfdp.ReceiverState.CLOSED:
            self._close(incoming)
        else:
            incoming.save()
        for pdu in pending:
            self._send(pdu)

    def _close(self, incoming: Incoming) -> None:
        receiver = incoming.receiver
        ended = [*receiver.transaction, int(receiver.condition), receiver.repeated_bytes]
        self._journal.append(_encode(ended))
        self._repeated_bytes += receiver.repeated_bytes
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
        oldest = min(left, key=lambda one: one.heard_s)
        if oldest.receiver.state is cfdp.ReceiverState.RECEIVING:
            oldest.receiver.condition = cfdp.Condition.INACTIVITY_DETECTED
        self._close(oldest)
        return True

    def tick(self, now_s: float) -> None:
        """Let the protocol's timers run; for the time of a contact."""
        for incoming in list(self._incoming.values()):
            incoming.receiver.tick(now_s)
            self._after(incoming)

    def thaw(self, now_s: float) -> None:
        for incoming in self._incoming.values():
            incoming.receiver.thaw(now_s)

    def freeze(self, now_s: float) -> None:
        for incoming in self._incoming.values():
            incoming.save()
            incoming.receiver.freeze(now_s)

    def close(self) -> None:
        for incoming in self._incoming.values():
            incoming.close()


def _log_malformed(reason: cfdp.Malformed) -> None:
    log.info("a CFDP packet cannot be read: %s", reason)


def _encode(record: object) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode()


_TRANSACTIONS: dict[bytes, cfdp.TransactionId] = {}
_TRANSACTIONS_MOST = 4_096


def _transaction_of(pdu: bytes, key: bytes) -> cfdp.TransactionId | None:
    """Return whose PDU this is, and remember it for PDUs that begin alike."""
    try:
        transaction = cfdp.decode_head(pdu).transaction
    except cfdp.Malformed as error:
        _log_malformed(error)
        return None
    if len(_TRANSACTIONS) >= _TRANSACTIONS_MOST:
        _TRANSACTIONS.clear()
    # Only headers with ids of our lengths lie wholly inside of the key.
    if len(key) == 10 and key[1] == 0x13:
        _TRANSACTIONS[key] = transaction
    return transaction
