"""The sending side of a class 2 transaction (727.0-B-5, 4.6 and 4.7) as a pure state machine.

It holds no clock, no file and no socket: PDUs are pulled from it while the link has room, what
comes back is given to it, and its state is JSON that another process can go on from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from uplink.transfers.cfdp import endings, naks, records
from uplink.transfers.cfdp import pdu as pdus
from uplink.transfers.cfdp.faults import Handler, Handlers
from uplink.transfers.cfdp.outgoing import Outgoing
from uplink.transfers.cfdp.pdu import Condition, TransactionId
from uplink.transfers.cfdp.ranges import Ranges
from uplink.transfers.cfdp.states import SenderState
from uplink.transfers.cfdp.telling import Teller
from uplink.transfers.cfdp.timers import Limits, Timer


class Sender:
    """Send one file of `size` bytes; `read(offset, n)` gives its bytes.

    `checksum` is its CRC-32C, or of the kind that `checksum_type` names. Pull PDUs with `next_pdu`
    or `next_pdus`: urgent directives first, then repairs, then new data. A limit reached suspends
    (`state` SUSPENDED, `fault` its name; `handlers` may say otherwise) and loses nothing. At loss
    of signal call `freeze`, at the next acquisition `resume`: a `Prompt` asks for what is there,
    and no byte of the file leaves before the answer, so that what was received is not sent again.
    `acked` holds the ranges that the receiver confirmed: inside the scope of a NAK and not listed,
    or all of it once Finished.
    """

    def __init__(
        self,
        transaction: TransactionId,
        destination: str,
        size: int,
        checksum: int,
        read: Callable[[int, int], bytes],
        segment_size: int,
        acked: Ranges | None = None,
        *,
        source_name: str = "",
        limits: Limits | None = None,
        checksum_type: int = pdus.Checksum.CRC32C,
        options: tuple[pdus.Option, ...] = (),
        form: pdus.Form | None = None,
        handlers: Mapping[Condition, Handler] | None = None,
    ) -> None:
        self.transaction = TransactionId(*transaction)
        self.destination, self.source_name = destination, source_name
        self.size, self.segment_size = size, segment_size
        self.checksum, self.checksum_type = checksum, checksum_type
        self.options = options
        """What the Metadata asks besides: messages to the user, overrides of fault handlers."""
        self.state = SenderState.SENDING
        self.fault: Condition | None = None
        self.keep_alive = 0
        """The progress that the receiver last told in a Keep Alive."""
        self.started = self.eof_acked = False
        self.unsure = 0
        """Bytes from the file's beginning that left before a cut: lost or not, the receiver will
        say."""
        self._limits, self._handlers = limits or Limits(), Handlers(handlers)
        form = pdus.Form.for_transaction(self.transaction) if form is None else form
        self._out = Outgoing(
            self.transaction,
            size,
            read,
            segment_size,
            Ranges() if acked is None else acked,
            repair_s=self._limits.repair_s,
            form=form,
        )
        self._teller = Teller(self.transaction, self._limits, large=self._out.large, form=form)
        self._frozen = False
        self._ack, self._idle = Timer(), Timer()

    @property
    def form(self) -> pdus.Form:
        """The form of all PDUs of this transaction."""
        return self._teller.form

    @property
    def acked(self) -> Ranges:
        """What the receiver confirmed."""
        return self._out.acked

    @property
    def high_water(self) -> int:
        """Bytes from the file's beginning that have left at least once."""
        return self._out.high_water

    @property
    def sent_bytes(self) -> int:
        """File bytes that left in File Data PDUs, repeats included."""
        return self._out.sent_bytes

    @property
    def given_bytes(self) -> int:
        """File bytes that the receiver held before the first one left."""
        return self._out.given_bytes

    @property
    def arrived_bytes(self) -> int:
        """File bytes that the receiver confirmed and that left here."""
        return self._out.arrived_bytes

    @property
    def lost_bytes(self) -> int:
        """File bytes that left, were told as missing and had to leave again."""
        return self._out.lost_bytes

    def take_back(self, file_bytes: int) -> None:
        """So many of the bytes pulled never left after all: the link broke before."""
        self._out.sent_bytes -= file_bytes

    # --- what leaves ---

    def next_pdu(self, now_s: float) -> bytes | None:
        """Return the next PDU to radiate, or nothing for now."""
        batch = self.next_pdus(1, now_s)
        return batch[0] if batch else None

    def next_pdus(self, count: int, now_s: float) -> list[bytes]:
        """Return up to `count` PDUs to radiate, in order; fewer mean that there are no more now."""
        batch: list[bytes] = []
        if self._frozen:
            return batch
        if not self.started and self.state is SenderState.SENDING:
            self.started = True
            self._send_metadata()
        if self.state is SenderState.SENDING:
            self._teller.prompt_after_silence(now_s)
        self._teller.move_to(batch, count)
        if self.state not in (SenderState.SENDING, SenderState.WAITING):
            return batch
        self._out.add_repairs(batch, count, now_s)
        if self.state is SenderState.SENDING:
            if len(batch) < count:
                self._out.add_new(batch, count)
            if len(batch) < count:
                batch.append(self._end(now_s))
        return batch

    def _send_metadata(self) -> None:
        names, kind = (self.source_name, self.destination), self.checksum_type
        self._teller.add(pdus.Metadata(self.size, *names, checksum=kind, options=self.options))

    def _end(self, now_s: float) -> bytes:
        self.state = SenderState.WAITING
        self._out.everything_left()
        self._ack.start(now_s, self._limits.ack_s)
        return self._teller.encode(pdus.Eof(self.checksum, self.size))

    # --- what comes back ---

    def receive(self, pdu: bytes, now_s: float) -> None:
        """Take a PDU from the receiver; `Malformed` when it cannot be read."""
        head, directive = pdus.decode(pdu)
        if head.transaction != self.transaction or head.towards != pdus.TOWARDS_SENDER:
            raise pdus.Malformed(f"This PDU belongs to {head.transaction}.")
        if self.form.crc and not head.form.crc:
            raise pdus.Malformed("Our PDUs of this transaction have a CRC, this one has none.")
        if self._idle.runs:
            self._idle.count = 0
            self._idle.start(now_s, self._limits.inactivity_s)
        self._teller.heard(now_s)
        match directive:
            case pdus.Nak():
                self._on_nak(directive, now_s)
            case pdus.Finished():
                self._on_finished(directive)
            case pdus.Ack(of=pdus.Code.EOF):
                self._on_eof_acked(now_s)
            case pdus.KeepAlive(progress):
                self._on_keep_alive(progress, now_s)

    def _on_keep_alive(self, progress: int, now_s: float) -> None:
        self.keep_alive = max(self.keep_alive, progress)
        most = self._limits.keep_alive_bytes
        under_way = self.state in (SenderState.SENDING, SenderState.WAITING)
        behind = self.high_water - progress - self._out.wanted_bytes
        if under_way and most is not None and behind > most:
            self._fault(Condition.KEEP_ALIVE_LIMIT_REACHED, now_s)

    def _on_nak(self, nak: pdus.Nak, now_s: float) -> None:
        if self.state.is_over or self.state is SenderState.CANCELLING:
            return
        missing, knows_nothing = naks.requests_of(nak, self.size)
        if knows_nothing:
            self._send_metadata()
        if waited_s := self._teller.answered_after(now_s):
            self._out.answered_after(waited_s)
        self._out.take_nak((nak.start, nak.end), missing, now_s)
        if self.state is SenderState.ASKING and nak.start == 0:
            self._go_on(nak, now_s)
        if self.eof_acked and (knows_nothing or nak.end < self.size):
            # It acknowledged the EOF and no longer knows of it: it lost its memory.
            self.eof_acked = False
            if self.state is SenderState.WAITING:
                self._idle.stop()
                self.state = SenderState.SENDING

    def _go_on(self, nak: pdus.Nak, now_s: float) -> None:
        """The answer to the Prompt: what left before the cut and lies beyond its scope is lost."""
        self._ack.stop()
        self._out.want_again(nak.end, self.unsure)
        self._out.heard()
        self.unsure = 0
        self.state = SenderState.SENDING
        if self.eof_acked:
            self.state = SenderState.WAITING
            self._idle.start(now_s, self._limits.inactivity_s)

    def _on_finished(self, finished: pdus.Finished) -> None:
        self._teller.add(endings.ack_of(finished))
        if self.state.is_over:
            return
        self._ack.stop()
        self._idle.stop()
        self._out.ask_for_nothing()
        if finished.condition == Condition.NO_ERROR and finished.complete:
            self._out.confirm_all()
            self.state, self.fault = SenderState.FINISHED, None
        elif self.state is SenderState.CANCELLING:
            self.state = SenderState.CANCELLED
        else:
            self.state, self.fault = SenderState.FAILED, endings.condition_of(finished.condition)

    def _on_eof_acked(self, now_s: float) -> None:
        if self.state is SenderState.CANCELLING:
            self._ack.stop()
            self.state = SenderState.CANCELLED
        elif self.state in (SenderState.WAITING, SenderState.ASKING) and not self.eof_acked:
            self.eof_acked = True
            if self.state is SenderState.WAITING:
                self._ack.stop()
                self._idle.start(now_s, self._limits.inactivity_s)

    # --- time ---

    def tick(self, now_s: float) -> None:
        """Let timers run out; call a few times a second while there is a link."""
        if self._frozen:
            return
        if self._ack.expired(now_s):
            self._on_ack_expiry(now_s)
        if self._idle.expired(now_s):
            self._on_idle_expiry(now_s)

    def _on_ack_expiry(self, now_s: float) -> None:
        asking = self.state is SenderState.ASKING
        if self._ack.count >= self._limits.tries:
            if self.state is SenderState.CANCELLING:
                self.state = SenderState.CANCELLED
                return
            silent, unheard = Condition.INACTIVITY_DETECTED, Condition.POSITIVE_ACK_LIMIT_REACHED
            if self._fault(silent if asking else unheard, now_s):
                return
            self._ack.count = 0
        if asking:
            self._teller.prompt(now_s=now_s)
        elif self.state is SenderState.CANCELLING:
            self._send_cancel()
        else:
            self._teller.add(pdus.Eof(self.checksum, self.size))
        self._ack.start(now_s, self._limits.ack_s)

    def _on_idle_expiry(self, now_s: float) -> None:
        # Finished may have been lost, and the receiver's patience with it: ask.
        if self._idle.count >= self._limits.tries:
            if self._fault(Condition.INACTIVITY_DETECTED, now_s):
                return
            self._idle.count = 0
        self._teller.prompt(now_s=now_s)
        self._idle.start(now_s, self._limits.inactivity_s)

    def _fault(self, condition: Condition, now_s: float) -> bool:
        """Do what the handler of a fault says; False where that is to go on."""
        match self._handlers[condition]:
            case Handler.IGNORE:
                return False
            case Handler.SUSPEND:
                self._suspend(condition)
            case Handler.CANCEL:
                self.cancel(now_s, condition)
            case Handler.ABANDON:
                self._suspend(condition)
                self._teller.forget()
                self.state = SenderState.ABANDONED
        return True

    def _suspend(self, fault: Condition) -> None:
        self._ack.stop()
        self._idle.stop()
        self.state, self.fault = SenderState.SUSPENDED, fault

    def freeze(self, now_s: float) -> None:
        """Loss of signal: timers and counters stand still, nothing leaves."""
        self._frozen = True
        self._ack.freeze(now_s)
        self._idle.freeze(now_s)

    def thaw(self, now_s: float) -> None:
        """The link is back and nothing in flight was lost: go on where it stood."""
        self._frozen = False
        self._ack.thaw(now_s)
        self._idle.thaw(now_s)

    def suspend(self) -> None:
        """Stop by the user's wish; `resume` goes on."""
        if not self.state.is_over and self.state is not SenderState.CANCELLING:
            self._suspend(Condition.SUSPEND_REQUEST_RECEIVED)

    def resume(self, now_s: float) -> None:
        """Go on after a cut, a fault, a suspension or a restart: counters fresh, ask first."""
        self._frozen = False
        self._ack.stop()
        self._idle.stop()
        if self.state.is_over:
            return
        if self.state is SenderState.CANCELLING:
            self._send_cancel()
        elif not self.started:
            self.state, self.fault = SenderState.SENDING, None
            return
        else:
            self.state, self.fault = SenderState.ASKING, None
            self.unsure = max(self.unsure, self.high_water)
            self._out.ask_for_nothing()
            self._teller.forget()
            self._teller.prompt(now_s=now_s)
        self._ack.start(now_s, self._limits.ack_s)

    def prompt(self, response: pdus.Response = pdus.Response.NAK) -> None:
        """Ask the receiver for a NAK (what is missing so far) or a Keep Alive."""
        if self.started and not self.state.is_over:
            self._teller.prompt(response)

    def cancel(
        self, now_s: float, condition: Condition = Condition.CANCEL_REQUEST_RECEIVED
    ) -> None:
        """Give the transaction up; the receiver is told with EOF (cancel)."""
        if self.state.is_over or self.state is SenderState.CANCELLING:
            return
        self._idle.stop()
        self._ack.stop()
        self._teller.forget()
        self.state, self.fault = SenderState.CANCELLING, condition
        if not self.started:
            self.state = SenderState.CANCELLED
            return
        self._send_cancel()
        self._ack.start(now_s, self._limits.ack_s)

    def _send_cancel(self) -> None:
        condition = self.fault or Condition.CANCEL_REQUEST_RECEIVED
        source = self.transaction.source
        self._teller.add(pdus.Eof(self.checksum, self.high_water, condition, source))

    # --- what outlives the process ---

    def to_json(self) -> records.State:
        """Return the state that another process goes on from with `from_json` and `resume`."""
        return records.of_sender(self)

    @classmethod
    def from_json(
        cls,
        state: records.State,
        read: Callable[[int, int], bytes],
        *,
        limits: Limits | None = None,
        handlers: Mapping[Condition, Handler] | None = None,
    ) -> Sender:
        """Return the sender that wrote `state`, standing still until `resume`."""
        sender = cls(
            TransactionId(*state["transaction"]),
            state["destination"],
            state["size"],
            state["checksum"],
            read,
            state["segment_size"],
            Ranges(state["acked"]),
            source_name=state["source_name"],
            limits=limits,
            handlers=handlers,
            **records.sender_options(state),
        )
        sender.state = SenderState(state["state"])
        sender.fault = None if state["fault"] is None else Condition(state["fault"])
        sender._out.high_water = state["high_water"]
        sender._out.sent_bytes = state["sent_bytes"]
        sender._out.given_bytes = state.get("given_bytes", 0)
        sender.started, sender.eof_acked = state["started"], state["eof_acked"]
        sender._frozen = True
        return sender
