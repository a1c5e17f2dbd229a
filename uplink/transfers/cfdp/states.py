"""Where a transaction stands at either end, and what the owner of a receiver is told."""

from enum import StrEnum


class SenderState(StrEnum):
    SENDING = "sending"  # file data or the EOF still has to leave
    ASKING = "asking"  # resumed: the receiver has yet to say what it holds
    WAITING = "waiting"  # everything left; acknowledgement, repairs or Finished will come
    SUSPENDED = "suspended"  # a limit was reached; `fault` says which; `resume` goes on
    CANCELLING = "cancelling"  # EOF (cancel) sent, to be acknowledged
    FINISHED = "finished"  # the receiver holds the file, checked
    FAILED = "failed"  # the receiver gave it up; `fault` says why
    CANCELLED = "cancelled"
    ABANDONED = "abandoned"  # given up without a word; `fault` says why

    @property
    def is_over(self) -> bool:
        return self in _OVER


_OVER = frozenset(
    {SenderState.FINISHED, SenderState.FAILED, SenderState.CANCELLED, SenderState.ABANDONED}
)


class ReceiverState(StrEnum):
    RECEIVING = "receiving"
    FINISHING = "finishing"  # Finished was sent and awaits its ACK; `condition` says how it ended
    CLOSED = "closed"


class Event(StrEnum):
    METADATA = "metadata"  # size and name are known: `metadata`
    KEPT = "kept"  # all there, checksum right, and `keep` took it
    FAILED = "failed"  # given up: `condition`
    SUSPENDED = "suspended"  # a limit was reached: `fault`; the next PDU wakes it up
    IGNORED = "ignored"  # a fault whose handler says so: `ignored`
    CLOSED = "closed"  # the sender knows the outcome
