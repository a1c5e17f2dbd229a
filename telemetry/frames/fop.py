"""FOP-1: the sender of telecommand frames on one virtual channel (CCSDS 232.1-B-2, section 5).

Type AD units arrive once and in order, or the sender is told that it does not know; it is driven by
the CLCWs that come down and by a timer. Pure: no clock and no link. Every method returns what is to
be done, in order, and `Fop.timer_at_s` says when `tick` wants to be called.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass

from telemetry.frames import foptable, tc
from telemetry.frames.clcw import COP_1, Clcw
from telemetry.frames.fopoutput import (
    Alert,
    Answer,
    Kind,
    Output,
    Suspended,
    TimeoutType,
    Told,
    Transmit,
)
from telemetry.frames.foptable import Act, Event, State

_MODULUS = tc.COUNT_MODULUS


@dataclass(slots=True)
class _Sent:
    """A frame on the sent queue."""

    frame: tc.Frame
    tag: Hashable
    is_again: bool = False
    """It is to be transmitted again."""


class Fop:
    """The sender's end of one virtual channel.

    Attributes
    ----------
    v_s
        Number of the next type AD frame, V(S).
    nn_r
        Number of the oldest one that is not acknowledged, NN(R).
    window
        Frames that may be under way without an acknowledgement, K (1 to 255).
    timer_s
        How long an acknowledgement may take, T1.
    limit
        How often the first unacknowledged frame is transmitted at most.
    """

    def __init__(
        self,
        *,
        spacecraft: int,
        channel: int,
        window: int = 10,
        timer_s: float = 10.0,
        limit: int = 5,
        timeout_type: TimeoutType = TimeoutType.ALERT,
    ) -> None:
        if not 1 <= window <= 255:
            raise ValueError(f"the window is 1 to 255, not {window}")
        if limit < 1 or timer_s <= 0:
            raise ValueError(f"{limit} transmissions within {timer_s} s each")
        self.spacecraft, self.channel = spacecraft, channel
        self.window, self.timer_s, self.limit = window, timer_s, limit
        self.timeout_type = timeout_type
        self.state = State.INITIAL
        self.v_s = self.nn_r = 0
        self.timer_at_s: float | None = None
        self._count = 1
        self._suspended: State | None = None
        self._waiting: tuple[Hashable, bytes] | None = None
        self._sent: deque[_Sent] = deque()
        self._is_out = dict.fromkeys(Kind, False)
        self._bd: Hashable = None
        self._starting: Hashable = None
        self._has_directive = False
        self._now_s = 0.0
        self._out: list[Output] = []

    # --- What the higher procedures ask for ---

    def send(self, tag: Hashable, data: bytes, *, now_s: float) -> list[Output]:
        """Send a unit in sequence (AD). It is ACCEPTED when its first frame leaves, which may be
        later; REJECTED at once when another one waits already or the service is not active."""
        self._now_s = now_s
        self._offered = tag, data
        return self._do(Event.E19 if self._waiting is None else Event.E20)

    def send_expedited(self, tag: Hashable, data: bytes, *, now_s: float) -> list[Output]:
        """Send a unit outside the sequence (BD): nobody acknowledges it."""
        self._now_s = now_s
        self._offered = tag, data
        return self._do(Event.E22 if self._is_out[Kind.BD] else Event.E21)

    def initiate(
        self,
        tag: Hashable,
        *,
        now_s: float,
        unlocks: bool = False,
        v_r: int | None = None,
        checks: bool = True,
    ) -> list[Output]:
        """Begin the AD service: after a clean CLCW (`checks`), after an Unlock, after a Set V(R),
        or at once. CONFIRMED when it has begun."""
        self._now_s = now_s
        self._directive, self._number = tag, v_r
        is_busy = self._is_out[Kind.BC]
        if v_r is not None:
            return self._do(Event.E28 if is_busy else Event.E27)
        if unlocks:
            return self._do(Event.E26 if is_busy else Event.E25)
        return self._do(Event.E24 if checks else Event.E23)

    def terminate(self, tag: Hashable, *, now_s: float) -> list[Output]:
        """End the AD service: what is under way is UNKNOWN."""
        self._now_s, self._directive = now_s, tag
        return self._do(Event.E29)

    def resume(self, tag: Hashable, *, now_s: float) -> list[Output]:
        """Go on with a service that is suspended."""
        self._now_s, self._directive = now_s, tag
        return self._do(_RESUMES[self._suspended])

    def set_v_s(self, tag: Hashable, number: int, *, now_s: float) -> list[Output]:
        """Set the number of the next frame, before the service begins; REJECTED when it rests."""
        self._now_s, self._directive, self._number = now_s, tag, number
        return self._do(Event.E35 if self._suspended is None else Event.E40)

    # --- What comes from the link ---

    def report(self, word: Clcw, *, now_s: float) -> list[Output]:
        """Take a CLCW. Those of other channels or procedures are none of ours."""
        if word.channel != self.channel or word.cop != COP_1:
            return []
        self._now_s, self._report = now_s, word
        return self._do(self._event_of(word))

    def handed_over(self, kind: Kind, *, now_s: float) -> list[Output]:
        """The link has taken the frame of the last `Transmit` of a kind."""
        self._now_s = now_s
        self._is_out[kind] = False
        if kind == Kind.BD:
            self._out.append(Told(self._bd, Answer.CONFIRMED))
        return self._do({Kind.AD: Event.E41, Kind.BC: Event.E43, Kind.BD: Event.E45}[kind])

    def refused(self, kind: Kind, *, now_s: float) -> list[Output]:
        """The link has not taken the frame of the last `Transmit` of a kind."""
        self._now_s = now_s
        self._is_out[kind] = False
        if kind == Kind.BD:
            self._out.append(Told(self._bd, Answer.UNKNOWN))
        return self._do({Kind.AD: Event.E42, Kind.BC: Event.E44, Kind.BD: Event.E46}[kind])

    def tick(self, *, now_s: float) -> list[Output]:
        """Let time pass: the timer may have run out."""
        self._now_s = now_s
        if self.timer_at_s is None or now_s < self.timer_at_s:
            return []
        self.timer_at_s = None
        suspends = self.timeout_type == TimeoutType.SUSPEND
        if self._count < self.limit:
            return self._do(Event.E104 if suspends else Event.E16)
        return self._do(Event.E18 if suspends else Event.E17)

    @property
    def is_idle(self) -> bool:
        """True when nothing waits and nothing is under way."""
        return not self._sent and self._waiting is None

    @property
    def takes_more(self) -> bool:
        """True when a unit that is sent now would not be rejected."""
        is_active = self.state in (State.ACTIVE, State.AGAIN, State.AGAIN_WAITING)
        return is_active and self._waiting is None

    # --- The machine ---

    def _do(self, event: Event) -> list[Output]:
        acts, following = foptable.cell(event, self.state)
        before, self.state = self.state, following or self.state
        for act in acts:
            _ACTS[act](self, before)
        out, self._out = self._out, []
        return out

    def _event_of(self, word: Clcw) -> Event:
        """Classify a CLCW (table 5-1, E1 to E14)."""
        if word.is_locked_out:
            return Event.E14
        acknowledged = (word.following - self.nn_r) % _MODULUS
        outstanding = (self.v_s - self.nn_r) % _MODULUS
        again, waits = word.wants_retransmission, word.is_waiting
        if acknowledged > outstanding:
            return Event.E13
        if acknowledged == outstanding:
            if again:
                return Event.E4
            return Event.E3 if waits else Event.E2 if acknowledged else Event.E1
        if not again:
            return Event.E7 if waits else Event.E6 if acknowledged else Event.E5
        if self.limit == 1:
            return Event.E101 if acknowledged else Event.E102
        if acknowledged:
            return Event.E9 if waits else Event.E8
        if self._count < self.limit:
            return Event.E11 if waits else Event.E10
        return Event.E103 if waits else Event.E12

    # --- Actions (5.2), each called with the state it was asked for in ---

    def _look_for_unit(self, _: State) -> None:
        """Transmit what is to go again, else what waits, if the window and the link allow."""
        if self._is_out[Kind.AD]:
            return
        again = next((sent for sent in self._sent if sent.is_again), None)
        if again is not None:
            again.is_again = False
            self._transmit(Kind.AD, again.frame, again.tag)
        elif self._waiting and (self.v_s - self.nn_r) % _MODULUS < self.window:
            (tag, data), self._waiting = self._waiting, None
            self._out.append(Told(tag, Answer.ACCEPTED))
            frame = tc.Frame(self.spacecraft, self.channel, self.v_s, data, is_bypass=False)
            self.v_s = (self.v_s + 1) % _MODULUS
            if not self._sent:
                self._count = 1
            self._sent.append(_Sent(frame, tag))
            self._start_timer(self.state)
            self._transmit(Kind.AD, frame, tag)

    def _look_for_directive(self, _: State) -> None:
        if self._sent and self._sent[0].is_again and not self._is_out[Kind.BC]:
            self._sent[0].is_again = False
            self._transmit(Kind.BC, self._sent[0].frame, self._sent[0].tag)

    def _transmit(self, kind: Kind, frame: tc.Frame, tag: Hashable) -> None:
        self._is_out[kind] = True
        self._out.append(Transmit(kind, frame, tag))

    def _transmit_control(self, data: bytes) -> None:
        frame = tc.Frame(self.spacecraft, self.channel, 0, data, is_control=True)
        self._sent.append(_Sent(frame, self._starting))
        self._count = 1
        self._start_timer(self.state)
        self._transmit(Kind.BC, frame, self._starting)

    def _transmit_expedited(self, _: State) -> None:
        tag, data = self._offered
        self._out.append(Told(tag, Answer.ACCEPTED))
        self._bd = tag
        self._transmit(Kind.BD, tc.Frame(self.spacecraft, self.channel, 0, data), tag)

    def _remove_acknowledged(self, _: State) -> None:
        while self.nn_r != self._report.following:
            sent = self._sent.popleft()
            self._out.append(Told(sent.tag, Answer.CONFIRMED))
            self.nn_r = (self.nn_r + 1) % _MODULUS
            self._count = 1

    def _again(self, _: State) -> None:
        self._count += 1
        self._start_timer(self.state)
        for sent in self._sent:
            sent.is_again = True

    def _queue(self, _: State) -> None:
        self._waiting = self._offered

    def _reject_unit(self, _: State) -> None:
        self._out.append(Told(self._offered[0], Answer.REJECTED))

    def _start_timer(self, _: State) -> None:
        self.timer_at_s = self._now_s + self.timer_s

    def _cancel_timer(self, _: State) -> None:
        self.timer_at_s = None

    def _accept(self, _: State) -> None:
        self._out.append(Told(self._directive, Answer.ACCEPTED))

    def _reject(self, _: State) -> None:
        self._out.append(Told(self._directive, Answer.REJECTED))

    def _confirm(self, _: State) -> None:
        self._out.append(Told(self._directive, Answer.CONFIRMED))

    def _await(self, _: State) -> None:
        self._starting, self._has_directive = self._directive, True

    def _confirm_start(self, _: State) -> None:
        self._has_directive = False
        self._out.append(Told(self._starting, Answer.CONFIRMED))

    def _release_control(self, _: State) -> None:
        self._sent.clear()

    def _initialise(self, _: State) -> None:
        self._purge()
        self._count, self._suspended, self.nn_r = 1, None, self.v_s

    def _set_numbers(self, _: State) -> None:
        if self._number is not None:
            self.v_s = self.nn_r = self._number % _MODULUS

    def _purge(self) -> None:
        """Tell of everything under way that nobody knows, and of what waits that it will not go."""
        for sent in self._sent:
            if not sent.frame.is_control:
                self._out.append(Told(sent.tag, Answer.UNKNOWN))
        self._sent.clear()
        if self._has_directive:
            self._has_directive = False
            self._out.append(Told(self._starting, Answer.UNKNOWN))
        if self._waiting is not None:
            self._out.append(Told(self._waiting[0], Answer.REJECTED))
            self._waiting = None

    def _alert(self, reason: str) -> None:
        self.timer_at_s = None
        self._purge()
        self._out.append(Alert(reason))

    def _suspend(self, before: State) -> None:
        self._suspended = before
        self._out.append(Suspended())

    def _resume(self, _: State) -> None:
        self._suspended = None
        self._start_timer(self.state)


_RESUMES = {
    None: Event.E30,
    State.ACTIVE: Event.E31,
    State.AGAIN: Event.E32,
    State.AGAIN_WAITING: Event.E33,
    State.STARTING: Event.E34,
}
_ACTS = {
    Act.REMOVE: Fop._remove_acknowledged,
    Act.LOOK: Fop._look_for_unit,
    Act.LOOK_DIRECTIVE: Fop._look_for_directive,
    Act.AGAIN: Fop._again,
    Act.CANCEL_TIMER: Fop._cancel_timer,
    Act.START_TIMER: Fop._start_timer,
    Act.QUEUE: Fop._queue,
    Act.REJECT_UNIT: Fop._reject_unit,
    Act.EXPEDITE: Fop._transmit_expedited,
    Act.ACCEPT: Fop._accept,
    Act.REJECT: Fop._reject,
    Act.CONFIRM: Fop._confirm,
    Act.AWAIT: Fop._await,
    Act.CONFIRM_START: Fop._confirm_start,
    Act.RELEASE: Fop._release_control,
    Act.INITIALISE: Fop._initialise,
    Act.SET_NUMBERS: Fop._set_numbers,
    Act.UNLOCK: lambda fop, _: fop._transmit_control(tc.UNLOCK),
    Act.SET_V_R: lambda fop, _: fop._transmit_control(tc.set_v_r(fop.v_s)),
    Act.SUSPEND: Fop._suspend,
    Act.RESUME: Fop._resume,
} | {
    act: lambda fop, _, reason=act.value: fop._alert(reason)
    for act in (
        *(Act.ALERT_SYNCH, Act.ALERT_CLCW, Act.ALERT_LIMIT, Act.ALERT_NN_R),
        *(Act.ALERT_LOCKOUT, Act.ALERT_T1, Act.ALERT_LLIF, Act.ALERT_TERM),
    )
}
