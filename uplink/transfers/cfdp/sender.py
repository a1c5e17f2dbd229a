"""The sending side of a class 2 transaction (727.0-B-5, 4.6 and 4.7) as a pure state machine.

It holds no clock, no file and no socket: PDUs are pulled from it while the link has room, what
comes back is given to it, and its state is JSON that another process can go on from.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import StrEnum

from uplink.transfers.cfdp import endings, records
from uplink.transfers.cfdp import pdu as pdus
from uplink.transfers.cfdp.outgoing import Outgoing
from uplink.transfers.cfdp.pdu import Condition, TransactionId
from uplink.transfers.cfdp.ranges import Ranges
from uplink.transfers.cfdp.timers import Limits, Timer


class SenderState(StrEnum):
    SENDING = "sending"  # file data or the EOF still has to leave
    ASKING = "asking"  # resumed: the receiver has yet to say what it holds
    WAITING = "waiting"  # everything left; acknowledgement, repairs or Finished will come
    SUSPENDED = "suspended"  # a limit was reached; `fault` says which; `resume` goes on
    CANCELLING = "cancelling"  # EOF (cancel) sent, to be acknowledged
    FINISHED = "finished"  # the receiver holds the file, checked
    FAILED = "failed"  # the receiver gave it up; `fault` says why
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        return self in (SenderState.FINISHED, SenderState.FAILED, SenderState.CANCELLED)


class Sender:
    """Send one file of `size` bytes whose CRC-32C is `checksum`; `read(offset, n)` gives its bytes.

    Pull PDUs with `next_pdu` or `next_pdus`: urgent directives first, then repairs, then new data.
    A limit reached suspends (`state` SUSPENDED, `fault` its name) and loses nothing. At loss of
    signal call `freeze`, at the next acquisition `resume` (a `Prompt` asks for what is there, and
    no byte of the file leaves before the answer, so that what was received is not sent again).
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
    ) -> None:
        self.transaction = TransactionId(*transaction)
        self.destination, self.source_name = destination, source_name
        self.size, self.checksum, self.segment_size = size, checksum, segment_size
        self.state = SenderState.SENDING
        self.fault: Condition | None = None
        self.keep_alive = 0
        """The progress that the receiver last told in a Keep Alive."""
        self.started = self.eof_acked = False
        self.unsure = 0
        """Bytes from the file's beginning that left before a cut: lost or not, the receiver will
        say."""
        self._limits = limits or Limits()
        self._out = Outgoing(
            self.transaction,
            size,
            read,
            segment_size,
            Ranges() if acked is None else acked,
            repair_s=self._limits.repair_s,
        )
        self._urgent: deque[bytes] = deque()
        self._frozen = False
        self._ack, self._idle = Timer(), Timer()

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
        while self._urgent and len(batch) < count:
            batch.append(self._urgent.popleft())
        if self.state not in (SenderState.SENDING, SenderState.WAITING):
            return batch
        self._out.add_repairs(batch, count, now_s)
        if self.state is SenderState.SENDING:
            if len(batch) < count:
                self._out.add_new(batch, count)
            if len(batch) < count:
                batch.append(self._end(now_s))
        return batch

    def _encode(self, directive: pdus.Directive) -> bytes:
        return pdus.encode(self.transaction, directive, large=self._out.large)

    def _send_metadata(self) -> None:
        self._urgent.append(
            self._encode(pdus.Metadata(self.size, self.source_name, self.destination))
        )

    def _end(self, now_s: float) -> bytes:
        self.state = SenderState.WAITING
        self._out.everything_left()
        self._ack.start(now_s, self._limits.ack_s)
        return self._encode(pdus.Eof(self.checksum, self.size))

    # --- what comes back ---

    def receive(self, pdu: bytes, now_s: float) -> None:
        """Take a PDU from the receiver; `Malformed` when it cannot be read."""
        head, directive = pdus.decode(pdu)
        if head.transaction != self.transaction or head.towards != pdus.TOWARDS_SENDER:
            raise pdus.Malformed(f"This PDU belongs to {head.transaction}.")
        if self._idle.runs:
            self._idle.count = 0
            self._idle.start(now_s, self._limits.inactivity_s)
        match directive:
            case pdus.Nak():
                self._on_nak(directive, now_s)
            case pdus.Finished():
                self._on_finished(directive)
            case pdus.Ack(of=pdus.Code.EOF):
                self._on_eof_acked(now_s)
            case pdus.KeepAlive(progress):
                self.keep_alive = max(self.keep_alive, progress)

    def _on_nak(self, nak: pdus.Nak, now_s: float) -> None:
        if self.state.is_over or self.state is SenderState.CANCELLING:
            return
        missing, knows_nothing = Ranges(), False
        for start, end in nak.missing:
            if start == end == 0:
                knows_nothing = True
                self._send_metadata()
            elif start < min(end, self.size):
                missing.add(start, min(end, self.size))
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
        self._urgent.append(
            endings.acknowledge_finished(self.transaction, finished, large=self._out.large)
        )
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
            self._suspend(
                Condition.INACTIVITY_DETECTED if asking else Condition.POSITIVE_ACK_LIMIT_REACHED
            )
            return
        if asking:
            self._urgent.append(self._encode(pdus.Prompt(pdus.Response.NAK)))
        elif self.state is SenderState.CANCELLING:
            self._urgent.append(self._cancel_eof())
        else:
            self._urgent.append(self._encode(pdus.Eof(self.checksum, self.size)))
        self._ack.start(now_s, self._limits.ack_s)

    def _on_idle_expiry(self, now_s: float) -> None:
        # Finished may have been lost, and the receiver's patience with it: ask.
        if self._idle.count >= self._limits.tries:
            self._suspend(Condition.INACTIVITY_DETECTED)
            return
        self._urgent.append(self._encode(pdus.Prompt(pdus.Response.NAK)))
        self._idle.start(now_s, self._limits.inactivity_s)

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
            self._urgent.append(self._cancel_eof())
        elif not self.started:
            self.state, self.fault = SenderState.SENDING, None
            return
        else:
            self.state, self.fault = SenderState.ASKING, None
            self.unsure = max(self.unsure, self.high_water)
            self._out.ask_for_nothing()
            self._urgent.clear()
            self._urgent.append(self._encode(pdus.Prompt(pdus.Response.NAK)))
        self._ack.start(now_s, self._limits.ack_s)

    def prompt(self, response: pdus.Response = pdus.Response.NAK) -> None:
        """Ask the receiver for a NAK (what is missing so far) or a Keep Alive."""
        if self.started and not self.state.is_over:
            self._urgent.append(self._encode(pdus.Prompt(response)))

    def cancel(self, now_s: float) -> None:
        """Give the transaction up; the receiver is told with EOF (cancel)."""
        if self.state.is_over or self.state is SenderState.CANCELLING:
            return
        self._idle.stop()
        self._ack.stop()
        self._urgent.clear()
        if not self.started:
            self.state = SenderState.CANCELLED
            return
        self.state = SenderState.CANCELLING
        self._urgent.append(self._cancel_eof())
        self._ack.start(now_s, self._limits.ack_s)

    def _cancel_eof(self) -> bytes:
        return self._encode(
            pdus.Eof(self.checksum, self.high_water, Condition.CANCEL_REQUEST_RECEIVED)
        )

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
        )
        sender.state = SenderState(state["state"])
        sender.fault = None if state["fault"] is None else Condition(state["fault"])
        sender._out.high_water = state["high_water"]
        sender._out.sent_bytes = state["sent_bytes"]
        sender._out.given_bytes = state.get("given_bytes", 0)
        sender.started, sender.eof_acked = state["started"], state["eof_acked"]
        sender._frozen = True
        return sender
