"""FARM-1: the receiver of telecommand frames on one virtual channel (CCSDS 232.1-B-2, section 6).

It takes type A frames in their order and each once, and tells by its CLCW which it wants next.
Pure: a state and a frame give the next state, and what is to be handed on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

from telemetry.frames import tc
from telemetry.frames.clcw import Clcw

_MODULUS = tc.COUNT_MODULUS


class State(IntEnum):
    OPEN = 1
    WAIT = 2
    LOCKOUT = 3


@dataclass(frozen=True, slots=True)
class Farm:
    """What the receiver knows.

    Attributes
    ----------
    v_r
        Number of the type A frame expected next, V(R).
    window
        FARM sliding window W: an even number from 2 to 254 (6.1.9).
    farm_b
        Counts type B frames taken; the CLCW tells it modulo 4.
    """

    channel: int = 0
    window: int = 20
    state: State = State.OPEN
    v_r: int = 0
    farm_b: int = 0
    wants_retransmission: bool = False
    is_waiting: bool = False

    def __post_init__(self) -> None:
        if not 2 <= self.window <= 254 or self.window % 2:
            raise ValueError(f"the window is an even number from 2 to 254, not {self.window}")

    def clcw(self, *, has_no_signal: bool = False, has_no_bit_lock: bool = False) -> Clcw:
        """Return the report of now (event E11)."""
        return Clcw(
            channel=self.channel,
            following=self.v_r,
            type_b_frames=self.farm_b % 4,
            has_no_signal=has_no_signal,
            has_no_bit_lock=has_no_bit_lock,
            is_locked_out=self.state == State.LOCKOUT,
            is_waiting=self.is_waiting,
            wants_retransmission=self.wants_retransmission,
        )


@dataclass(frozen=True, slots=True)
class Taken:
    """The state behind a frame; whether its data goes on to who is commanded; and what was done
    with it, in a word or two, for the log."""

    farm: Farm
    is_accepted: bool
    reason: str


def receive(farm: Farm, frame: tc.Frame, *, has_room: bool = True) -> Taken:
    """Take a frame that is valid and of this channel (table 6-1, events E1 to E8).

    `has_room`: whether who is commanded can take its data now.
    """
    if frame.is_control:
        if not frame.is_bypass:
            return Taken(farm, False, "no such type")
        return _controlled(farm, frame.data)
    if frame.is_bypass:
        return Taken(_counted(farm), True, "type B")
    return _sequenced(farm, frame.number, has_room)


def release(farm: Farm) -> Farm:
    """There is room again (event E10)."""
    state = State.OPEN if farm.state == State.WAIT else farm.state
    return replace(farm, state=state, is_waiting=False)


def _counted(farm: Farm) -> Farm:
    return replace(farm, farm_b=(farm.farm_b + 1) % _MODULUS)


def _sequenced(farm: Farm, number: int, has_room: bool) -> Taken:
    """Take a type A frame, or say why not (E1 to E5)."""
    ahead, half = (number - farm.v_r) % _MODULUS, farm.window // 2
    if half <= ahead < _MODULUS - half:
        locked = replace(farm, state=State.LOCKOUT)
        return Taken(locked, False, f"number {number} outside the window")
    if farm.state == State.LOCKOUT:
        return Taken(farm, False, "locked out")
    if ahead >= _MODULUS - half:
        return Taken(farm, False, f"number {number} came before")
    if farm.state == State.WAIT:
        return Taken(farm, False, "waits")
    if ahead:
        return Taken(replace(farm, wants_retransmission=True), False, f"{ahead} missing before it")
    if not has_room:
        waiting = replace(farm, state=State.WAIT, is_waiting=True, wants_retransmission=True)
        return Taken(waiting, False, "no room")
    taken = replace(farm, v_r=(farm.v_r + 1) % _MODULUS, wants_retransmission=False)
    return Taken(taken, True, "in sequence")


def _controlled(farm: Farm, data: bytes) -> Taken:
    """Obey Unlock and Set V(R) (E7, E8)."""
    number = tc.set_v_r_of(data)
    if data == tc.UNLOCK:
        unlocked = replace(
            _counted(farm), state=State.OPEN, is_waiting=False, wants_retransmission=False
        )
        return Taken(unlocked, False, "unlocked")
    if number is None:
        return Taken(farm, False, "no such control command")
    if farm.state == State.LOCKOUT:
        return Taken(_counted(farm), False, "locked out: V(R) stays")
    moved = replace(
        _counted(farm),
        state=State.OPEN,
        is_waiting=False,
        wants_retransmission=False,
        v_r=number,
    )
    return Taken(moved, False, f"V(R) is {number}")
