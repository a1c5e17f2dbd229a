"""The receiving side of a transaction (727.0-B-5, 4.6 and 4.7) as a pure state machine.

It holds no clock, no file and no socket: bytes go out through `write`, PDUs wait in
`pending_pdus`, and its state is JSON that it goes on from after a crash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from uplink.transfers.cfdp import checksums, endings, naks, records
from uplink.transfers.cfdp import pdu as pdus
from uplink.transfers.cfdp.answers import Answers
from uplink.transfers.cfdp.faults import Handler, Handlers
from uplink.transfers.cfdp.intake import Intake
from uplink.transfers.cfdp.patience import Due, Patience
from uplink.transfers.cfdp.pdu import Condition, TransactionId
from uplink.transfers.cfdp.ranges import Ranges
from uplink.transfers.cfdp.shapes import Shape
from uplink.transfers.cfdp.states import Event, ReceiverState
from uplink.transfers.cfdp.timers import Limits


class Receiver:
    """Receive one file, acknowledged (class 2) or, when its PDUs say so, not (class 1).

    `write(offset, data)` stores bytes (again, after a crash or a repair); `checksum(size, kind)`
    returns the CFDP checksum of the first `size` bytes stored (`checksums.checksum_of` does);
    `keep(metadata)` takes the finished file over and returns NO_ERROR, or a condition that refuses
    it. An `OSError` from any of them is a FILESTORE_REJECTION. Nothing beyond the declared size, or
    beyond `most_bytes`, is ever written.

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
        handlers: Mapping[Condition, Handler] | None = None,
    ) -> None:
        self.transaction = TransactionId(*transaction)
        self.state = ReceiverState.RECEIVING
        self.metadata: pdus.Metadata | None = None
        self.eof: pdus.Eof | None = None
        self.condition = Condition.NO_ERROR
        self.complete = False
        self.fault: Condition | None = None
        self.ignored: Condition | None = None
        self.shape = Shape(self.transaction)
        self._checksum, self._keep = checksum, keep
        self._intake = Intake(write, most_bytes)
        self._answers = Answers(self.shape, nak_pdu_bytes=nak_pdu_bytes)
        self._patience = Patience(limits or Limits(), immediate=immediate)
        self._handlers = Handlers(handlers)
        self._told_state: records.State = {}

    @property
    def received(self) -> Ranges:
        return self._intake.ranges

    @property
    def repeated_bytes(self) -> int:
        """File bytes that came although they were there."""
        return self._intake.repeated_bytes

    # --- what arrives ---

    def receive_many(
        self,
        batch: Iterable[bytes],
        now_s: float,
        malformed: Callable[[pdus.Malformed], object] = lambda _: None,
    ) -> list[Event]:
        """Take PDUs one after the other; those that cannot be read are told to `malformed`."""
        events: list[Event] = []
        for one in batch:
            try:
                events += self.receive(one, now_s)
            except pdus.Malformed as reason:
                malformed(reason)
        return events

    def receive(self, pdu: bytes, now_s: float) -> list[Event]:
        """Take one PDU of this transaction; `Malformed` when it cannot be read."""
        # Most PDUs are File Data that begin alike: no object is made for them.
        shape = self.shape
        first, body = shape.first, shape.body
        if (
            pdu[:1] == shape.flags
            and pdu[3:body] == shape.key
            and len(pdu) >= first
            and len(pdu) == body + (pdu[1] << 8 | pdu[2])
        ):
            return self._on_file_data(int.from_bytes(pdu[body:first], "big"), pdu[first:], now_s)
        head, content = pdus.decode(pdu)
        shape.learn(head)
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
                return self._close() if self.state is ReceiverState.FINISHING else []
        return []

    def _wake(self, now_s: float) -> None:
        self._patience.heard_s = now_s
        if self.fault not in (None, Condition.SUSPEND_REQUEST_RECEIVED):
            self._go_on(now_s)

    def _go_on(self, now_s: float) -> None:
        self.fault = None
        self._patience.renew(now_s)

    def _on_file_data(self, offset: int, data: bytes, now_s: float) -> list[Event]:
        intake, patience = self._intake, self._patience
        inquiry = patience.inquiry
        if self.state is not ReceiverState.RECEIVING:
            intake.repeated_bytes += len(data) if self.complete else 0
            return []
        if offset + len(data) > intake.bound:
            return self._fault(Condition.FILE_SIZE_ERROR, now_s)
        patience.heard_s = inquiry.quiet_s = now_s
        if self.fault is not None:
            self._wake(now_s)
        try:
            new = intake.take(offset, data)
        except OSError:
            return self._fault(Condition.FILESTORE_REJECTION, now_s)
        if new:
            inquiry.rounds = 0
        if self.eof is not None:
            return self._check(now_s) if new else []
        asks = inquiry.immediate and self.fault is None
        if asks and (seen := inquiry.fresh_gaps(intake.ranges, now_s)) is not None:
            self._answers.missing(*seen)
        return []

    def _on_metadata(self, metadata: pdus.Metadata, now_s: float) -> list[Event]:
        if self.metadata is not None or self.state is not ReceiverState.RECEIVING:
            return []
        self.metadata = metadata
        self._handlers.override(metadata.options)
        if any(kind is pdus.Tlv.FILESTORE_REQUEST for kind, _ in metadata.options):
            # Nothing is renamed or deleted at a sender's word, nor is half of what it asks done.
            return self._end(Condition.FILESTORE_REJECTION, now_s)
        faults: list[Event] = []
        if metadata.checksum not in checksums.KNOWN:
            faults += self._fault(Condition.UNSUPPORTED_CHECKSUM_TYPE, now_s)
        receiving = self.state is ReceiverState.RECEIVING
        if receiving and not self._intake.fits(metadata, self.eof):
            return [*faults, *self._end(Condition.FILE_SIZE_ERROR, now_s)]
        return [*faults, Event.METADATA, *self._check(now_s)]

    def _on_eof(self, eof: pdus.Eof, now_s: float) -> list[Event]:
        over = self.state is not ReceiverState.RECEIVING
        status = pdus.Status.TERMINATED if over else pdus.Status.ACTIVE
        self._answers.add(pdus.Ack(pdus.Code.EOF, eof.condition, status))
        if over:
            self._send_finished(now_s)
            return []
        if eof.condition != Condition.NO_ERROR:
            return self._end(endings.condition_of(eof.condition), now_s)
        if self.eof is not None:
            return self._check(now_s)
        self.eof = eof
        if not self._intake.fits(self.metadata, eof):
            return self._end(Condition.FILE_SIZE_ERROR, now_s)
        events = self._check(now_s)
        if self.state is ReceiverState.RECEIVING and self.fault is None:
            self._send_nak(now_s)
            self._patience.await_data(now_s)
        return events

    def _on_prompt(self, response: pdus.Response, now_s: float) -> list[Event]:
        if response is pdus.Response.KEEP_ALIVE:
            self._answers.add(pdus.KeepAlive(self.received.end))
        elif self.state is ReceiverState.RECEIVING:
            self._send_nak(now_s)
        else:
            self._send_finished(now_s)
        return []

    # --- the end ---

    def _check(self, now_s: float) -> list[Event]:
        """End the transaction if all is there."""
        if (
            self.state is not ReceiverState.RECEIVING
            or self.eof is None
            or self.metadata is None
            or self.received.total < self.eof.size
        ):
            return []
        events: list[Event] = []
        try:
            if not self._is_sound(self.metadata, self.eof):
                events += self._fault(Condition.FILE_CHECKSUM_FAILURE, now_s)
                if Event.IGNORED not in events:
                    return events
            refused = self._keep(replace(self.metadata, size=self.eof.size))
        except OSError:
            refused = Condition.FILESTORE_REJECTION
        if refused is Condition.NO_ERROR and Event.IGNORED in events:
            return [*events, *self._end(Condition.FILE_CHECKSUM_FAILURE, now_s, kept=True)]
        return [*events, *self._end(refused, now_s)]

    def _is_sound(self, metadata: pdus.Metadata, eof: pdus.Eof) -> bool:
        if metadata.checksum == pdus.Checksum.NULL or metadata.checksum not in checksums.KNOWN:
            return True
        return self._checksum(eof.size, metadata.checksum) == eof.checksum

    def _end(self, condition: Condition, now_s: float, *, kept: bool = False) -> list[Event]:
        self.condition, self.state, self.fault = condition, ReceiverState.FINISHING, None
        self.complete = kept or condition is Condition.NO_ERROR
        self._patience.stop()
        self._send_finished(now_s)
        events = [Event.KEPT if self.complete else Event.FAILED]
        return events if self.shape.form.acknowledged else [*events, *self._close()]

    def _close(self) -> list[Event]:
        self._patience.stop()
        self.state = ReceiverState.CLOSED
        return [Event.CLOSED]

    def cancel(self, now_s: float) -> list[Event]:
        """Give the file up by the user's wish; the sender is told."""
        if self.state is not ReceiverState.RECEIVING:
            return []
        return self._end(Condition.CANCEL_REQUEST_RECEIVED, now_s)

    def _fault(self, condition: Condition, now_s: float) -> list[Event]:
        """Do what the handler of a fault says."""
        handler = self._handlers[condition]
        if handler is Handler.IGNORE:
            self.ignored = condition
            self._go_on(now_s)
            return [Event.IGNORED]
        if handler is Handler.SUSPEND:
            self.fault = condition
            return [Event.SUSPENDED]
        if handler is Handler.CANCEL and self.state is ReceiverState.RECEIVING:
            return self._end(condition, now_s)
        if self.state is ReceiverState.RECEIVING:  # to be abandoned
            self.condition = condition
            self._answers.take()
            return [Event.FAILED, *self._close()]
        return self._close()

    # --- what leaves ---

    def pending_pdus(self) -> list[bytes]:
        """Return what is to be radiated, and forget it. Save `to_json` first."""
        return [] if self._patience.is_frozen else self._answers.take()

    def ask(self, now_s: float) -> None:
        """Tell all that is missing so far, by an event of the owner's own (4.6.4: asynchronous)."""
        if self.state is ReceiverState.RECEIVING and self.fault is None:
            self._send_nak(now_s)

    def _send_finished(self, now_s: float) -> None:
        if not self.shape.form.acknowledged and not (self.metadata and self.metadata.closure):
            return
        told = endings.finished_of(self.condition, self.transaction, complete=self.complete)
        self._answers.add(told)
        if self.state is ReceiverState.FINISHING:
            self._patience.await_ack(now_s)

    def _send_nak(self, now_s: float) -> None:
        end = self.received.end if self.eof is None else self.eof.size
        known, inquiry = self.metadata is not None, self._patience.inquiry
        told = inquiry.whole(self.received, end, knows_metadata=known, now_s=now_s)
        self._answers.missing(*told)

    # --- time ---

    def tick(self, now_s: float) -> list[Event]:
        """Let timers run out; call a few times a second while there is a link."""
        if self._patience.is_frozen or self.fault is not None:
            return []
        due: Due | Condition | None = None
        if self.state is ReceiverState.FINISHING:
            due = self._patience.finishing(now_s)
        elif self.state is ReceiverState.RECEIVING:
            known, acknowledged = self.eof is not None, self.shape.form.acknowledged
            due = self._patience.receiving(now_s, knows_end=known, acknowledged=acknowledged)
        if isinstance(due, Condition):
            return self._on_limit(due, now_s)
        if due is Due.FINISHED:
            self._send_finished(now_s)
        elif due is Due.NAK:
            self._send_nak(now_s)
        elif due is Due.KEEP_ALIVE:
            self._answers.add(pdus.KeepAlive(self.received.end))
        return []

    def _on_limit(self, limit: Condition, now_s: float) -> list[Event]:
        finishing = self.state is ReceiverState.FINISHING
        if finishing and not self.complete:  # given up: nobody has to know
            return self._close()
        events = self._fault(limit, now_s)
        if finishing and Event.IGNORED in events:
            self._send_finished(now_s)
        return events

    def suspend(self) -> list[Event]:
        """Ask for nothing by the user's wish until `resume`; what comes is still taken."""
        if self.state is not ReceiverState.RECEIVING:
            return []
        self.fault = Condition.SUSPEND_REQUEST_RECEIVED
        return [Event.SUSPENDED]

    def resume(self, now_s: float) -> list[Event]:
        """Go on after a suspension or a fault, with counters fresh, and say what is missing."""
        if self.fault is None:
            return []
        self._go_on(now_s)
        events = self._check(now_s)
        if self.eof is not None:
            self.ask(now_s)
        return events

    def freeze(self, now_s: float) -> None:
        """Loss of signal: timers and counters stand still, nothing leaves."""
        self._patience.freeze(now_s)

    def thaw(self, now_s: float) -> None:
        """Acquisition of signal: timers go on from where they stood."""
        self._patience.thaw(now_s)

    # --- what outlives the process ---

    def to_json(self) -> records.State:
        """Return the state that `from_json` goes on from."""
        return records.but_ranges(self) | {"received": self.received.to_json()}

    def changes(self) -> records.State:
        """Return what changed since the last call (all, the first time), to be appended to a
        journal; empty when nothing did. `records.merged` puts a journal together again."""
        state = records.but_ranges(self)
        changed = records.changes(self._told_state, state, self._intake.take_fresh())
        self._told_state = state
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
        receiver._restore(state, now_s)
        return receiver

    def _restore(self, state: records.State, now_s: float) -> None:
        self.state, self.condition = ReceiverState(state["state"]), Condition(state["condition"])
        self.complete = state.get("complete", False) or (
            self.state is not ReceiverState.RECEIVING and self.condition is Condition.NO_ERROR
        )
        self._intake.ranges = Ranges(state["received"])
        self._intake.repeated_bytes = state["repeated_bytes"]
        self.metadata, self.eof = records.metadata_of(state), records.eof_of(state)
        if self.metadata is not None:
            self._handlers.override(self.metadata.options)
        self._intake.fits(self.metadata, self.eof)
        form = pdus.Form(*state["form"]) if "form" in state else self.shape.form
        self.shape.set(form, large=state["large"])
        self.shape.is_known = bool(self.metadata or self.eof or self.received)
        self._go_on(now_s)
        if state.get("suspended"):
            self.suspend()
        self._told_state = records.but_ranges(self)
        if self.state is ReceiverState.FINISHING:
            self._send_finished(now_s)
        elif self.state is ReceiverState.RECEIVING:
            self._patience.await_data(now_s)
            # All may have been there already, with the process gone before it was checked.
            self._check(now_s)
