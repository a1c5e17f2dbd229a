"""Timers that stand still while there is no link (727.0-B-5, 4.12: freeze and thaw)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait, in seconds of the caller's clock, and how often, before it is a fault."""

    ack_s: float = 5.0
    """For the ACK of an EOF or of a Finished, and for the answer to a Prompt."""
    nak_s: float = 5.0
    """For repairs to arrive before what is missing is asked for again."""
    immediate_s: float = 1.0
    """Shortest time between two NAKs sent as gaps are seen."""
    repair_s: float = 0.5
    """A repair that left so short ago is still on its way: asked for again, it is not sent again.
    More than a round trip, less than the receiver's `nak_s`."""
    check_s: float = 5.0
    """Class 1: for PDUs that come after the EOF."""
    prompt_s: float = 0.0
    """While file data leaves and nothing is heard: between two Prompts for what is missing so far;
    0: none."""
    keep_alive_s: float = 0.0
    """Between two Keep Alives that a receiver sends of itself; 0: only when prompted."""
    keep_alive_bytes: int | None = None
    """How far a receiver may be behind what left before that is a fault; None: no matter."""
    inactivity_s: float = 60.0
    """Without any PDU of the transaction."""
    tries: int = 5
    """Expiries in a row, without progress, that make a fault."""


class Timer:
    """One deadline that can be frozen: nothing runs out while there is no contact."""

    __slots__ = ("_due_s", "_left_s", "count")

    def __init__(self) -> None:
        self._due_s: float | None = None
        self._left_s: float | None = None
        self.count = 0

    def start(self, now_s: float, span_s: float) -> None:
        self._due_s = now_s + span_s

    def stop(self) -> None:
        """Stop, and forget the expiries counted."""
        self._due_s = self._left_s = None
        self.count = 0

    @property
    def runs(self) -> bool:
        return self._due_s is not None

    def expired(self, now_s: float) -> bool:
        """Say whether it has run out; then it stands still and one more expiry is counted."""
        if self._due_s is None or now_s < self._due_s:
            return False
        self._due_s = None
        self.count += 1
        return True

    def freeze(self, now_s: float) -> None:
        if self._due_s is not None:
            self._left_s, self._due_s = max(self._due_s - now_s, 0.0), None

    def thaw(self, now_s: float) -> None:
        if self._left_s is not None:
            self._due_s, self._left_s = now_s + self._left_s, None
