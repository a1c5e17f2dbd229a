"""Telecommands over one link: in sequence by COP-1, so that a lost frame goes again by itself.

The numbers are the satellite's: who opens a link reads from a fresh CLCW which one it expects, so
that a takeover needs nothing of whoever flew before. Pure: mission time is an argument. One
instance a link.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Hashable

from telemetry import onboard
from telemetry.frames import clcw, tc
from telemetry.frames.fop import Fop
from telemetry.frames.fopoutput import Alert, Answer, Output, Told, Transmit
from telemetry.frames.foptable import State

log = logging.getLogger(__name__)

WINDOW = 8
"""Frames under way without an acknowledgement; satellites take 9 ahead of the one they expect."""
TIMER_S = 4.0
"""How long an acknowledgement may take: a frame comes down every second (wall time, as below)."""
LIMIT = 5
FRESH_S = 0.5
"""A CLCW counts as fresh when it came so long after the link was opened. Frames that an earlier
holder radiated have arrived by then, and those that its station still held were dropped."""
PATIENCE_S = 6.0
"""Without a fresh CLCW for so long, telecommands go as they did before COP-1: once, and nobody
hears whether they arrived but by their report."""
_BEGIN = object()


class Commander:
    """Queues telecommands, and tells which frames are to be handed to the station now."""

    def __init__(self, spacecraft: int, *, opened_s: float, rate: float) -> None:
        self._fop = Fop(
            spacecraft=spacecraft,
            channel=onboard.TELECOMMAND_CHANNEL,
            window=WINDOW,
            timer_s=TIMER_S * max(1.0, rate),
            limit=LIMIT,
        )
        self._rate = max(1.0, rate)
        self._fresh_from_s = opened_s + FRESH_S * self._rate
        self._silent_since_s: float | None = None
        self._waiting: deque[tuple[Hashable, bytes]] = deque()
        self._packets: dict[Hashable, bytes] = {}
        self._told: set[Hashable] = set()
        self._under_way = 0
        self._frames: list[tuple[bytes, Hashable | None]] = []

    def claims(self, now_s: float) -> int:
        """Return how many telecommands could leave now: claim no more."""
        if self._is_active:
            return max(0, WINDOW - self._under_way - len(self._waiting))
        return WINDOW if self._is_out_of_patience(now_s) else 0

    @property
    def is_heard(self) -> bool:
        """Say whether the satellite acknowledges what it is sent."""
        return self._is_active

    def add(self, command_id: Hashable, packet: bytes, *, now_s: float) -> None:
        """Send a telecommand that was claimed. It leaves once, or again by its number until the
        satellite says that it has it."""
        self._waiting.append((command_id, packet))
        self._offer(now_s)

    def heard(self, word: int, *, received_s: float, now_s: float) -> None:
        """Take the operational control field of the newest frame."""
        report = clcw.read(word)
        if not isinstance(report, clcw.Clcw) or report.channel != self._fop.channel:
            return
        if received_s < self._fresh_from_s:
            return
        if self._fop.state != State.INITIAL:
            self._do(self._fop.report(report, now_s=now_s), now_s)
        elif report.cop == clcw.COP_1:
            self._begin(report, now_s)
        self._offer(now_s)

    def tick(self, now_s: float, *, rate: float) -> None:
        """Let time pass while the satellite is in view."""
        self._rate = max(1.0, rate)
        self._fop.timer_s = TIMER_S * self._rate
        if self._silent_since_s is None:
            self._silent_since_s = now_s
        self._do(self._fop.tick(now_s=now_s), now_s)
        self._offer(now_s)

    def frames(self) -> list[tuple[bytes, Hashable | None]]:
        """Return, once each, the frames to hand over, in order, each with the id of the telecommand
        that leaves in it for the first time."""
        frames, self._frames = self._frames, []
        return frames

    # --- COP-1 ---

    @property
    def _is_active(self) -> bool:
        return self._fop.state in (State.ACTIVE, State.AGAIN, State.AGAIN_WAITING)

    def _is_out_of_patience(self, now_s: float) -> bool:
        since_s = self._silent_since_s
        return since_s is not None and now_s - since_s > PATIENCE_S * self._rate

    def _begin(self, report: clcw.Clcw, now_s: float) -> None:
        """Go on where the satellite is; one that is locked, or misses frames that nobody has any
        more, is unlocked first."""
        is_clean = not (report.is_locked_out or report.is_waiting or report.wants_retransmission)
        self._do(self._fop.set_v_s(_BEGIN, report.following, now_s=now_s), now_s)
        begun = self._fop.initiate(_BEGIN, now_s=now_s, checks=False, unlocks=not is_clean)
        self._do(begun, now_s)
        log.info("telecommands go on from number %d", report.following)

    def _offer(self, now_s: float) -> None:
        """Hand what waits to the sender, or, when nobody answers, to the link at once."""
        while self._waiting and self._fop.takes_more and self._under_way < WINDOW:
            command_id, packet = self._waiting.popleft()
            self._packets[command_id] = packet
            self._do(self._fop.send(command_id, packet, now_s=now_s), now_s)
        if not self._is_active and self._is_out_of_patience(now_s):
            while self._waiting:
                command_id, packet = self._waiting.popleft()
                self._do(self._fop.send_expedited(command_id, packet, now_s=now_s), now_s)

    def _do(self, outputs: list[Output], now_s: float) -> None:
        for output in outputs:
            match output:
                case Transmit():
                    self._transmit(output)
                    # The pump takes everything; it goes to the station before anything else.
                    self._do(self._fop.handed_over(output.kind, now_s=now_s), now_s)
                case Told():
                    self._hear(output)
                case Alert():
                    log.warning("the sequence of telecommands is broken off: %s", output.reason)
                    self._fresh_from_s = now_s + FRESH_S * self._rate
                    self._silent_since_s = now_s

    def _transmit(self, output: Transmit) -> None:
        is_new = output.tag is not _BEGIN and output.tag not in self._told
        if is_new:
            self._told.add(output.tag)
            self._under_way += not output.frame.is_bypass
        self._frames.append((tc.encode(output.frame), output.tag if is_new else None))

    def _hear(self, told: Told) -> None:
        """Count what is under way, and keep what never left."""
        if told.tag is _BEGIN or told.answer == Answer.ACCEPTED:
            return
        packet = self._packets.pop(told.tag, None)
        if packet is None:
            return  # outside the sequence: nobody acknowledges it
        if told.answer == Answer.REJECTED:
            self._waiting.appendleft((told.tag, packet))
            return
        self._under_way -= 1
        if told.answer == Answer.UNKNOWN:
            log.warning("nobody knows whether telecommand %s arrived", told.tag)
