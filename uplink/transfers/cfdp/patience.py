"""How long a receiver waits for what, and what is due when it has waited long enough."""

from __future__ import annotations

from enum import Enum

from uplink.transfers.cfdp import naks
from uplink.transfers.cfdp.pdu import Condition
from uplink.transfers.cfdp.timers import Limits, Timer


class Due(Enum):
    """What there is to say by now."""

    FINISHED = "finished"
    NAK = "nak"
    KEEP_ALIVE = "keep alive"


class Patience:
    """A receiver's timers. They stand still while there is no link."""

    def __init__(self, limits: Limits, *, immediate: bool) -> None:
        self.inquiry = naks.Inquiry(immediate=immediate, limits=limits)
        self.is_frozen = False
        self._limits = limits
        self.heard_s = 0.0
        """When a PDU of the transaction last came."""
        self._frozen_s = self._kept_alive_s = 0.0
        self._ack, self._check = Timer(), Timer()

    def renew(self, now_s: float) -> None:
        """Begin to count anew, after a fault."""
        self.heard_s = now_s
        self._ack.count = self._check.count = self.inquiry.rounds = 0
        self.inquiry.quiet_s = now_s

    def await_data(self, now_s: float) -> None:
        """The EOF came and data lacks."""
        self._check.start(now_s, self._limits.check_s)

    def await_ack(self, now_s: float) -> None:
        """Finished was sent."""
        self._ack.start(now_s, self._limits.ack_s)

    def stop(self) -> None:
        self._ack.stop()
        self._check.stop()

    def finishing(self, now_s: float) -> Due | Condition | None:
        """Return what is due while the ACK of Finished is awaited: a word, or a fault."""
        if not self._ack.expired(now_s):
            return None
        over = self._ack.count >= self._limits.tries
        return Condition.POSITIVE_ACK_LIMIT_REACHED if over else Due.FINISHED

    def receiving(
        self, now_s: float, *, knows_end: bool, acknowledged: bool
    ) -> Due | Condition | None:
        """Return what is due while data is awaited: a word, or a fault."""
        limits = self._limits
        if knows_end and not acknowledged:
            # Class 1: nothing can be asked for, but PDUs may be late (4.6.3.3).
            if not self._check.expired(now_s):
                return None
            self._check.start(now_s, limits.check_s)
            return Condition.CHECK_LIMIT_REACHED if self._check.count >= limits.tries else None
        if knows_end and self.inquiry.is_late(now_s):
            self.inquiry.rounds += 1
            return Condition.NAK_LIMIT_REACHED if self.inquiry.rounds >= limits.tries else Due.NAK
        if now_s - self.heard_s >= limits.inactivity_s:
            return Condition.INACTIVITY_DETECTED
        every_s = limits.keep_alive_s
        if every_s and not knows_end and now_s - self._kept_alive_s >= every_s:
            self._kept_alive_s = now_s
            return Due.KEEP_ALIVE
        return None

    def freeze(self, now_s: float) -> None:
        if not self.is_frozen:
            self.is_frozen, self._frozen_s = True, now_s
            self._ack.freeze(now_s)
            self._check.freeze(now_s)

    def thaw(self, now_s: float) -> None:
        if not self.is_frozen:
            return
        away_s = now_s - self._frozen_s
        self.is_frozen = False
        self.heard_s += away_s
        self._kept_alive_s += away_s
        self.inquiry.shift(away_s)
        self._ack.thaw(now_s)
        self._check.thaw(now_s)
