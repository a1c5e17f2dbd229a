"""One contact at its station: an antenna follows a satellite and carries frames both ways."""

from __future__ import annotations

import asyncio
import errno
import logging
import time
from collections import deque
from typing import Protocol

from constellation.simulator import space
from constellation.simulator.clock import Clock
from constellation.simulator.fleet import StationSpec
from constellation.simulator.ground import modem
from constellation.simulator.ground.channel import Budget, Faults, Path, flip, spoil
from constellation.simulator.ground.spool import Spool
from constellation.stations import wire
from telemetry.onboard import FRAME_BYTES

log = logging.getLogger(__name__)

TICK_S = 0.02
TICK_BELOW_HORIZON_S = 0.1
STATUS_EVERY_S = 0.25
STEP_MOST_S = 0.5
"""Longest stretch of wall time that counts as link time in one step. A jump of the clock carries
nothing: nobody was there to send or to hear."""
BATCH_FRAMES = 512
BUFFER_BYTES = 4 * 1024 * 1024
"""What may wait in the socket of a holder that does not read."""


class Board(Protocol):
    """What a station needs of a satellite. It talks with one contact at a time, the newest."""

    contact_id: str
    """The contact it talks with; empty when there is none."""

    def link_up(self, contact_id: str, now_s: float) -> None: ...
    def link_down(self, contact_id: str, now_s: float) -> None: ...
    def receive(self, burst: bytes, now_s: float) -> None: ...
    def receive_command(self, frame: bytes, now_s: float) -> None: ...
    def advance(self, now_s: float) -> None: ...
    def transmit(self, frames_most: int, now_s: float) -> bytes: ...


class Holder:
    """The connection that has the contact at the moment."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.sent_number = 0

    @property
    def takes_more(self) -> bool:
        return self._writer.transport.get_write_buffer_size() < BUFFER_BYTES

    def send(self, message: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(message)

    def close(self) -> None:
        self._writer.close()


class Contact:
    """An antenna's time with a satellite. It goes on without a holder until it is over."""

    def __init__(
        self,
        spool: Spool,
        *,
        station: StationSpec,
        board: Board,
        track: space.Track,
        faults: Faults,
        seed: int,
    ) -> None:
        self.spool = spool
        self.holder: Holder | None = None
        self._station = station
        self._board = board
        self._track = track
        self._faults = faults
        self._random = space.generator(seed, "contact", spool.request.contact_id)
        self._uplink = bytearray()
        self._commands: deque[bytes] = deque()
        self._upward, self._upward_commands, self._downward = Path(), Path(), Path()
        self._up_budget = Budget(station.uplink_bit_per_s)
        coding = spool.coding
        self._modem = (
            modem.Bits(coding, faults, self._random)
            if coding
            else modem.Frames(faults, self._random)
        )
        self._down_budget = Budget(station.downlink_bit_per_s, self._modem.unit_bytes)
        self._linked = self._was_visible = self._is_heard = False
        self._closing = ""
        self._view: space.View | None = None
        self._last_s: float | None = None
        self._status_at = 0.0

    @property
    def id(self) -> str:
        return self.spool.request.contact_id

    @property
    def over(self) -> bool:
        return bool(self.spool.end_reason)

    @property
    def queued_bytes(self) -> int:
        return len(self._uplink)

    # --- what a holder asks for ---

    def take_over(self, holder: Holder, request: wire.OpenRequest) -> None:
        """Give the contact to a new holder; what the old one left unsent is dropped."""
        if self.holder is not None:
            self.holder.send(self._ending("fenced"))
            self.holder.close()
        self.spool.open(request)
        self._uplink.clear()
        self._commands.clear()
        self.holder = holder

    def send_frames(self, burst: bytes) -> None:
        if not self.over:
            self._uplink += burst

    def send_command(self, frame: bytes) -> None:
        if not self.over:
            self._commands.append(frame)

    def close(self, reason: str) -> None:
        """End the contact before its time."""
        self._closing = self._closing or reason

    def leave(self, holder: Holder) -> None:
        if self.holder is holder:
            self.holder = None

    # --- flying ---

    async def fly(self, clock: Clock) -> None:
        """Carry frames until the contact is over."""
        last_wall = time.monotonic()
        while not self.over:
            wall = time.monotonic()
            passed_s = min(wall - last_wall, STEP_MOST_S) * clock.reading.rate
            last_wall = wall
            self.step(clock.now_s(), wall_s=wall, passed_most_s=passed_s)
            busy = self._linked or self._closing
            await asyncio.sleep(TICK_S if busy else TICK_BELOW_HORIZON_S)

    def step(self, now_s: float, *, wall_s: float, passed_most_s: float) -> None:
        """Let the contact go on to `now_s`; no more link time than `passed_most_s` has passed."""
        elapsed_s = 0.0 if self._last_s is None else now_s - self._last_s
        elapsed_s = min(max(0.0, elapsed_s), passed_most_s)
        self._last_s = now_s
        self._look(now_s)
        radiated = self._linked and self._radiate(now_s, elapsed_s)
        self._arrive(now_s)
        self._board.advance(now_s)  # before AOS too: there may be days to catch up with
        if self._linked:
            self._listen(now_s, elapsed_s)
        self._hear(now_s)
        self._push()
        if radiated or wall_s - self._status_at >= STATUS_EVERY_S:
            self._status_at = wall_s
            self._tell(wire.encode_json(wire.STATUS, self._status()))
        self._end_if_over(now_s)

    def _look(self, now_s: float) -> None:
        self._view = self._track.view(now_s)
        in_time = now_s < self.spool.request.until and not self._closing
        linked = self._view.visible and in_time
        if linked and (not self._linked or not self._board.contact_id):
            self._board.link_up(self.id, now_s)
        elif self._linked and not linked:
            self._board.link_down(self.id, now_s)
        self._linked = linked
        self._was_visible = self._was_visible or self._view.visible

    def _radiate(self, now_s: float, elapsed_s: float) -> bool:
        allowed = self._up_budget.frames(elapsed_s)
        arrives_at_s = now_s + self._view.light_time_s
        commands = command_bytes = 0
        while self._commands and allowed > 0:
            frame = self._commands.popleft()
            commands, command_bytes, allowed = commands + 1, command_bytes + len(frame), allowed - 1
            if self._random.random() >= self._faults.frame_loss:
                spoilt = flip(frame, self._faults, self._random)
                self._upward_commands.send(spoilt, arrives_at_s)
        burst = bytes(self._uplink[: allowed * FRAME_BYTES])
        if not burst and not commands:
            return False
        del self._uplink[: len(burst)]
        self._up_budget.spend(len(burst) + command_bytes)
        self.spool.radiated(len(burst) // FRAME_BYTES, commands, command_bytes)
        self._upward.send(spoil(burst, self._faults, self._random), arrives_at_s)
        return True

    def _arrive(self, now_s: float) -> None:
        for _, frame in self._upward_commands.arrived(now_s):
            self._board.receive_command(frame, now_s)
        for _, burst in self._upward.arrived(now_s):
            self._board.receive(burst, now_s)

    def _listen(self, now_s: float, elapsed_s: float) -> None:
        allowed = self._down_budget.frames(elapsed_s)
        burst = b""
        if self._board.contact_id == self.id:
            burst = self._board.transmit(allowed, now_s)
        self._down_budget.spend(len(burst) // FRAME_BYTES * self._modem.unit_bytes)
        arrives_at_s = now_s + self._view.light_time_s
        self._downward.send(self._modem.carry(burst), arrives_at_s)

    def _hear(self, now_s: float) -> None:
        there = self._downward.arrived(now_s)
        if not there:
            return
        received_at_ns = round(there[-1][0] * 1e9)
        heard = b"".join(burst for _, burst in there)
        size = BATCH_FRAMES * self._modem.unit_bytes
        for start in range(0, len(heard), size):
            self._keep(received_at_ns, heard[start : start + size])

    def _hear_the_end(self, now_s: float) -> None:
        """Hand over the last bits, and say that they were."""
        rest, self._is_heard = self._modem.rest(), True
        if rest is None:
            return
        if rest:
            self._keep(round(now_s * 1e9), rest)
        self._keep(round(now_s * 1e9), b"")

    def _keep(self, received_at_ns: int, frames: bytes) -> None:
        """Spool what was heard. What the disk does not take was not received: it is missing in the
        counts of frames and packets, and is asked for again."""
        try:
            if self._faults.spool_full and self._random.random() < self._faults.spool_full:
                raise OSError(errno.ENOSPC, "no space left on the station's disk")
            self.spool.receive(received_at_ns, frames)
        except OSError as error:
            counters = self.spool.counters
            if self.spool.coding:
                counters.unspooled_bytes += len(frames)
            else:
                counters.unspooled_frames += len(frames) // FRAME_BYTES
            log.warning("contact %s: %d bytes are not kept: %s", self.id, len(frames), error)

    def _push(self) -> None:
        """Send what the holder has not been sent yet, as far as it reads."""
        holder = self.holder
        if holder is None:
            return
        waiting = self.spool.unacknowledged
        if not waiting or waiting[-1].number <= holder.sent_number:
            return
        for batch in waiting:
            if batch.number > holder.sent_number:
                if not holder.takes_more:
                    return
                holder.send(wire.encode_batch(batch))
                holder.sent_number = batch.number

    def resend(self) -> None:
        """Send everything that is not acknowledged, and the end when the contact is over."""
        self._push()
        if self.over:
            self._tell(self._ending(self.spool.end_reason))

    def _end_if_over(self, now_s: float) -> None:
        reason = self._closing
        if not reason and now_s >= self.spool.request.until:
            reason = "until"
        if not reason and self._was_visible and not self._view.visible:
            reason = "los"
        drained = not (self._downward or self._upward or self._upward_commands)
        if not reason or not drained:
            return
        if not self._is_heard:
            self._hear_the_end(now_s)
            self._push()
        if not self._pushed:
            return
        self.spool.end(reason)
        self._tell(self._ending(reason))
        log.info("contact %s ended: %s", self.id, reason)

    @property
    def _pushed(self) -> bool:
        waiting = self.spool.unacknowledged
        return self.holder is None or not waiting or (waiting[-1].number <= self.holder.sent_number)

    def _tell(self, message: bytes) -> None:
        if self.holder is not None and self.holder.takes_more:
            self.holder.send(message)

    def _status(self) -> dict:
        view = self._view
        return self.spool.counters.as_dict() | {
            "visible": bool(view.visible),
            "elevation_deg": round(view.elevation_deg, 3),
            "range_m": round(view.range_m),
            "queued_bytes": len(self._uplink) + sum(map(len, self._commands)),
        }

    def _ending(self, reason: str) -> bytes:
        return wire.encode_json(wire.END, {"reason": reason} | self.report())

    def report(self) -> dict:
        """Return the station's own account of the contact."""
        return self.spool.counters.as_dict() | {
            "contact_id": self.id,
            "ended": self.spool.end_reason,
            "unacknowledged": len(self.spool.unacknowledged),
        }
