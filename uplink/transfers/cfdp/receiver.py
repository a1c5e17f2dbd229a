"""The receiving side of a class 2 transaction (727.0-B-5, 4.6 and 4.7) as a pure state machine.

It holds no clock, no file and no socket: bytes go out through `write`, PDUs wait in
`pending_pdus`, and its state is JSON that it goes on from after a crash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum

from uplink.transfers.cfdp import endings, naks, records
from uplink.transfers.cfdp import pdu as pdus
from uplink.transfers.cfdp.pdu import Condition, TransactionId
from uplink.transfers.cfdp.ranges import Ranges
from uplink.transfers.cfdp.timers import Limits, Timer

_FILE_DATA_FLAGS = 0x30


class ReceiverState(StrEnum):
    RECEIVING = "receiving"
    FINISHING = "finishing"  # Finished was sent and awaits its ACK; `condition` says how it ended
    CLOSED = "closed"


class Event(StrEnum):
    """What the owner of a receiver is told."""

    METADATA = "metadata"  # size and name are known: `metadata`
    KEPT = "kept"  # all there, checksum right, and `keep` took it
    FAILED = "failed"  # given up: `condition`
    SUSPENDED = "suspended"  # a limit was reached: `fault`; the next PDU wakes it up
    CLOSED = "closed"  # the sender knows the outcome


class Receiver:
    """Receive one file.

    `write(offset, data)` stores bytes (again, after a crash or a repair); `checksum(size, kind)`
    returns the CFDP checksum of the first `size` bytes stored; `keep(metadata)` takes the finished
    file over and returns NO_ERROR, or a condition that refuses it. An `OSError` from any of them
    ends the transaction with FILESTORE_REJECTION. Nothing beyond the declared size, or beyond
    `most_bytes`, is ever written.

    What a NAK or a Finished says must outlive a crash: bring the bytes written and then `to_json`,
    or the `changes` since the last time, to the disk before radiating what `pending_pdus` returns.
    """

    def __init__(
        self,
        transaction: TransactionId,
        write: Callable[[int, bytes], object],
        checksum: Callable[[int, int], int],
        keep: Callable[[pdus.Metadata], Condition] = lambda _: Condition.NO_ERROR,
        *,
        most_bytes: int,
        immediate: bool = False,
        nak_pdu_bytes: int = naks.NAK_PDU_BYTES,
        limits: Limits | None = None,
    ) -> None:
        self.transaction = TransactionId(*transaction)
        self.state = ReceiverState.RECEIVING
        self.metadata: pdus.Metadata | None = None
        self.eof: pdus.Eof | None = None
        self.received = Ranges()
        self.condition = Condition.NO_ERROR
        self.complete = False
        self.fault: Condition | None = None
        self.repeated_bytes = 0
        """File bytes that came although they were there."""
        self._write, self._checksum, self._keep = write, checksum, keep
        self._most_bytes, self._immediate = most_bytes, immediate
        self._bound = most_bytes
        self._nak_pdu_bytes = nak_pdu_bytes
        self._limits = limits or Limits()
        self.large = False
        self._fresh: list[list[int]] = []
        self._told_state: records.State = {}
        self._pending: list[bytes] = []
        self._naks = 0
        self._told = 0  # end of the scope of the last immediate NAK
        self._heard_s = self._quiet_s = self._immediate_s = 0.0
        self._frozen_s: float | None = None
        self._ack = Timer()
        self._key = pdus.header(
            self.transaction, 0, towards=pdus.TOWARDS_RECEIVER, file_data=True, large=False
        )[3:]

    # --- what arrives ---

    def receive_many(self, batch: Iterable[bytes], now_s: float) -> list[Event]:
        """Take PDUs one after the other; `Malformed` ones are left out."""
        events: list[Event] = []
        for one in batch:
            try:
                events += self.receive(one, now_s)
            except pdus.Malformed:
                continue
        return events

    def receive(self, pdu: bytes, now_s: float) -> list[Event]:
        """Take one PDU of this transaction; `Malformed` when it cannot be read."""
        # Most PDUs are our own sender's File Data: no object is made for them.
        if (
            len(pdu) >= 16
            and pdu[0] == _FILE_DATA_FLAGS
            and pdu[3:12] == self._key
            and len(pdu) == 12 + (pdu[1] << 8 | pdu[2])
        ):
            return self._on_file_data(int.from_bytes(pdu[12:16], "big"), pdu[16:], now_s)
        head, content = pdus.decode(pdu)
        if head.transaction != self.transaction or head.towards != pdus.TOWARDS_RECEIVER:
            raise pdus.Malformed(f"This PDU belongs to {head.transaction}.")
        self.large = self.large or head.large
        if isinstance(content, pdus.FileData):
            return self._on_file_data(content.offset, content.data, now_s)
        self._wake(now_s)
        match content:
            case pdus.Metadata():
                return self._on_metadata(content, now_s)
            case pdus.Eof():
                return self._on_eof(content, now_s)
            case pdus.Prompt(response):
                return self._on_prompt(response, now_s)
            case pdus.Ack(of=pdus.Code.FINISHED):
                return self._on_finished_acked()
        return []

    def _wake(self, now_s: float) -> None:
        self._heard_s = now_s
        if self.fault is not None:
            self.fault, self._naks = None, 0
            self._quiet_s = now_s

    def _on_file_data(self, offset: int, data: bytes, now_s: float) -> list[Event]:
        if self.state is not ReceiverState.RECEIVING:
            self.repeated_bytes += len(data) if self.complete else 0
            return []
        end = offset + len(data)
        if end > self._bound:
            return self._end(Condition.FILE_SIZE_ERROR, now_s)
        if self.fault is not None:
            self._wake(now_s)
        self._heard_s = self._quiet_s = now_s
        try:
            self._write(offset, data)
        except OSError:
            return self._end(Condition.FILESTORE_REJECTION, now_s)
        new = self.received.add(offset, end)
        self.repeated_bytes += len(data) - new
        if new:
            if self._fresh and self._fresh[-1][1] == offset:
                self._fresh[-1][1] = end
            else:
                self._fresh.append([offset, end])
            self._naks = 0
            if self.eof is not None:
                return self._check(now_s)
        if self._immediate and self.eof is None and now_s >= self._immediate_s:
            self._nak_at_once(now_s)
        return []

    def _on_metadata(self, metadata: pdus.Metadata, now_s: float) -> list[Event]:
        if self.metadata is not None or self.state is not ReceiverState.RECEIVING:
            return []
        self.metadata = metadata
        if metadata.checksum not in (pdus.Checksum.CRC32C, pdus.Checksum.NULL):
            return self._end(Condition.UNSUPPORTED_CHECKSUM_TYPE, now_s)
        if metadata.size > self._most_bytes or self.received.end > metadata.size:
            return self._end(Condition.FILE_SIZE_ERROR, now_s)
        self._bound = metadata.size
        return [Event.METADATA, *self._check(now_s)]

    def _on_eof(self, eof: pdus.Eof, now_s: float) -> list[Event]:
        over = self.state is not ReceiverState.RECEIVING
        status = pdus.Status.TERMINATED if over else pdus.Status.ACTIVE
        self._send(pdus.Ack(pdus.Code.EOF, eof.condition, status))
        if over:
            self._send_finished(now_s)
            return []
        if eof.condition != Condition.NO_ERROR:
            self.condition, self.state = endings.condition_of(eof.condition), ReceiverState.CLOSED
            return [Event.FAILED, Event.CLOSED]
        if self.eof is not None:
            return []
        self.eof = eof
        if self.received.end > eof.size or (self.metadata and self.metadata.size != eof.size):
            return self._end(Condition.FILE_SIZE_ERROR, now_s)
        if eof.size > self._most_bytes:
            return self._end(Condition.FILE_SIZE_ERROR, now_s)
        self._bound = eof.size
        events = self._check(now_s)
        if self.state is ReceiverState.RECEIVING:
            self._send_nak(now_s)
        return events

    def _on_prompt(self, response: pdus.Response, now_s: float) -> list[Event]:
        if response is pdus.Response.KEEP_ALIVE:
            self._send(pdus.KeepAlive(self.received.end))
        elif self.state is ReceiverState.RECEIVING:
            self._send_nak(now_s)
        else:
            self._send_finished(now_s)
        return []

    def _on_finished_acked(self) -> list[Event]:
        if self.state is not ReceiverState.FINISHING:
            return []
        self._ack.stop()
        self.state = ReceiverState.CLOSED
        return [Event.CLOSED]

    # --- the end ---

    def _check(self, now_s: float) -> list[Event]:
        """End the transaction if all is there."""
        if self.eof is None or self.metadata is None or self.received.total < self.eof.size:
            return []
        try:
            if not self._is_sound(self.metadata, self.eof):
                return self._end(Condition.FILE_CHECKSUM_FAILURE, now_s)
            refused = self._keep(self.metadata)
        except OSError:
            refused = Condition.FILESTORE_REJECTION
        return self._end(refused, now_s)

    def _is_sound(self, metadata: pdus.Metadata, eof: pdus.Eof) -> bool:
        if metadata.checksum == pdus.Checksum.NULL:
            return True
        return self._checksum(eof.size, metadata.checksum) == eof.checksum

    def _end(self, condition: Condition, now_s: float) -> list[Event]:
        self.condition, self.state = condition, ReceiverState.FINISHING
        self.complete = condition is Condition.NO_ERROR
        self._ack.stop()
        self._send_finished(now_s)
        return [Event.KEPT if self.complete else Event.FAILED]

    def cancel(self, now_s: float) -> list[Event]:
        """Give the file up by the user's wish."""
        if self.state is not ReceiverState.RECEIVING:
            return []
        return self._end(Condition.CANCEL_REQUEST_RECEIVED, now_s)

    # --- what leaves ---

    def pending_pdus(self) -> list[bytes]:
        """Return what is to be radiated, and forget it. Save `to_json` first."""
        if self._frozen_s is not None:
            return []
        pending, self._pending = self._pending, []
        return pending

    def _send(self, directive: pdus.Directive) -> None:
        self._pending.append(pdus.encode(self.transaction, directive, large=self.large))

    def _send_finished(self, now_s: float) -> None:
        self._send(endings.finished_of(self.condition))
        if self.state is ReceiverState.FINISHING:
            self._ack.start(now_s, self._limits.ack_s)

    def _send_nak(self, now_s: float) -> None:
        """Tell everything that is missing, in as many NAKs as it takes (4.6.4.3)."""
        end = self.received.end if self.eof is None else self.eof.size
        self._quiet_s = now_s
        self._told = end
        missing = [] if self.metadata is not None else [(0, 0)]
        missing += self.received.gaps(0, end)
        self._tell(0, end, missing)

    def _nak_at_once(self, now_s: float) -> None:
        """Tell the gaps seen since the last time, before the end of the file (4.6.4.2)."""
        end = self.received.end
        missing = list(self.received.gaps(self._told, end))
        if missing:
            self._tell(self._told, end, missing)
            self._immediate_s = now_s + self._limits.immediate_s
        self._told = end

    def _tell(self, start: int, end: int, missing: list[tuple[int, int]]) -> None:
        for nak in naks.pages(
            start, end, missing, most_bytes=self._nak_pdu_bytes, large=self.large
        ):
            self._send(nak)

    # --- time ---

    def tick(self, now_s: float) -> list[Event]:
        """Let timers run out; call a few times a second while there is a link."""
        if self._frozen_s is not None or self.fault is not None:
            return []
        if self.state is ReceiverState.FINISHING and self._ack.expired(now_s):
            if self._ack.count >= self._limits.tries:
                return self._suspend(Condition.POSITIVE_ACK_LIMIT_REACHED)
            self._send_finished(now_s)
        if self.state is not ReceiverState.RECEIVING:
            return []
        if self.eof is not None and now_s - self._quiet_s >= self._limits.nak_s:
            self._naks += 1
            if self._naks >= self._limits.tries:
                return self._suspend(Condition.NAK_LIMIT_REACHED)
            self._send_nak(now_s)
        elif now_s - self._heard_s >= self._limits.inactivity_s:
            return self._suspend(Condition.INACTIVITY_DETECTED)
        return []

    def _suspend(self, fault: Condition) -> list[Event]:
        self._ack.stop()
        self.fault = fault
        return [Event.SUSPENDED]

    def freeze(self, now_s: float) -> None:
        """Loss of signal: timers and counters stand still, nothing leaves."""
        if self._frozen_s is None:
            self._frozen_s = now_s
            self._ack.freeze(now_s)

    def thaw(self, now_s: float) -> None:
        """Acquisition of signal: timers go on from where they stood."""
        if self._frozen_s is None:
            return
        away_s = now_s - self._frozen_s
        self._heard_s += away_s
        self._quiet_s += away_s
        self._immediate_s += away_s
        self._frozen_s = None
        self._ack.thaw(now_s)

    # --- what outlives the process ---

    def to_json(self) -> records.State:
        """Return the state that `from_json` goes on from."""
        return records.but_ranges(self) | {"received": self.received.to_json()}

    def changes(self) -> records.State:
        """Return what changed since the last call (all, the first time), to be appended to a
        journal; empty when nothing did. `records.merged` puts a journal together again."""
        state, fresh = records.but_ranges(self), self._fresh
        changed = records.changes(self._told_state, state, fresh)
        self._told_state, self._fresh = state, []
        return changed

    @classmethod
    def from_json(
        cls,
        state: records.State,
        write: Callable[[int, bytes], object],
        checksum: Callable[[int, int], int],
        keep: Callable[[pdus.Metadata], Condition] = lambda _: Condition.NO_ERROR,
        *,
        now_s: float,
        **options: object,
    ) -> Receiver:
        """Return the receiver that wrote `state`; what came after that is asked for again."""
        receiver = cls(TransactionId(*state["transaction"]), write, checksum, keep, **options)
        receiver.state = ReceiverState(state["state"])
        receiver.condition = Condition(state["condition"])
        receiver.received = Ranges(state["received"])
        receiver.large = state["large"]
        receiver._heard_s = receiver._quiet_s = now_s
        receiver.complete = (
            receiver.state is not ReceiverState.RECEIVING
            and receiver.condition is Condition.NO_ERROR
        )
        receiver.repeated_bytes = state["repeated_bytes"]
        receiver.metadata, receiver.eof = records.metadata_of(state), records.eof_of(state)
        for declared in (receiver.metadata, receiver.eof):
            if declared is not None:
                receiver._bound = min(receiver._bound, declared.size)
        receiver._told_state = records.but_ranges(receiver)
        if receiver.state is ReceiverState.FINISHING:
            receiver._send_finished(now_s)
        else:
            # All may have been there already, with the process gone before it was checked.
            receiver._check(now_s)
        return receiver
