"""What goes up next: telecommands, then protocol packets, then files. One pump a link.

The driver's window keeps what the station has not radiated short; file frames fill only a part of
it, so that a question that comes in waits behind few of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from telemetry import onboard
from telemetry.frames import aos
from telemetry.frames.packing import Packer
from telemetry.packets import space

FILES_SHARE = 0.4
"""Part of the window that file frames may fill: 0.1 s of the link of a window of 0.25 s."""
BURST_FRAMES = 64
"""At most so many frames are built before the loop may do something else."""


class Antenna(Protocol):
    """What the pump needs of a station's link."""

    window_frames: int

    @property
    def room(self) -> int: ...

    async def send_frames(self, frames: list[bytes]) -> None: ...

    async def send_command(self, frame: bytes) -> None: ...


Files = Callable[[int], list[bytes]]
"""Called with a number of packets; returns that many CFDP packets at most."""


@dataclass(slots=True)
class Counts:
    """What this pump handed to the station."""

    frames: int = 0
    file_frames: int = 0
    protocol_packets: int = 0
    commands: int = 0


@dataclass(slots=True)
class Pump:
    """Queues of one satellite's uplink over one link. Frame counts begin at 0 with each link."""

    link: Antenna
    spacecraft: int
    files: Files
    counts: Counts = field(default_factory=Counts)
    begun: set[object] = field(default_factory=set)
    """Marks of the telecommands that the station may have: to hand them over was begun at least."""
    _commands: deque[tuple[bytes, object]] = field(default_factory=deque)
    _handed_over: list[object] = field(default_factory=list)
    _sequence: space.SequenceCounts = field(default_factory=space.SequenceCounts)
    _added_bytes: int = 0
    _waiting: deque[tuple[int, object]] = field(default_factory=deque)
    _on_air: deque[tuple[int, object]] = field(default_factory=deque)
    _files_added_bytes: int = 0
    _files_waiting: deque[int] = field(default_factory=deque)
    _files_on_air: deque[int] = field(default_factory=deque)
    _protocol: Packer = field(init=False)
    _bulk: Packer = field(init=False)

    def __post_init__(self) -> None:
        self._protocol, self._bulk = (
            Packer(aos.UPLINK, spacecraft=self.spacecraft, channel=channel)
            for channel in (onboard.UplinkChannel.PROTOCOL, onboard.UplinkChannel.FILES)
        )

    def command(self, frame: bytes, mark: object = None) -> None:
        """Queue a TC frame; it overtakes everything. `mark` comes out of `handed_over`; a frame
        that goes again, or controls the sequence, has none."""
        self._commands.append((frame, mark))

    def handed_over(self) -> list[object]:
        """Return, once each, the marks of the telecommands that the station has taken."""
        marks, self._handed_over = self._handed_over, []
        return marks

    def packet(self, apid: int, payload: bytes, mark: object = None) -> None:
        """Queue a protocol packet; `mark` comes out of `radiated` when its last byte left."""
        count = self._sequence.take(apid)
        packet = space.encode(apid, count, payload, is_command=True)
        self._protocol.add(packet)
        self._added_bytes += len(packet)
        self.counts.protocol_packets += 1
        if mark is not None:
            self._waiting.append((self._added_bytes, mark))

    def radiated(self) -> list[object]:
        """Return, once each, the marks of the packets that have left the station entirely."""
        gone = []
        while self._on_air and self._on_air[0][0] <= self._radiated_frames:
            gone.append(self._on_air.popleft()[1])
        return gone

    def files_not_radiated(self) -> int:
        """Return how many file packets were handed over and have not left entirely."""
        radiated = self._radiated_frames
        while self._files_on_air and self._files_on_air[0] <= radiated:
            self._files_on_air.popleft()
        return len(self._files_on_air) + len(self._files_waiting)

    @property
    def _radiated_frames(self) -> int:
        return self.counts.frames - (self.link.window_frames - self.link.room)

    @property
    def is_idle(self) -> bool:
        """True when neither telecommands nor protocol packets wait."""
        return not self._commands and self._protocol.pending_bytes <= 0

    async def pump(self) -> int:
        """Hand over what fits now, the most urgent first; return how many frames went."""
        while self._commands:
            frame, mark = self._commands[0]
            if mark is not None:
                self.begun.add(mark)
            await self.link.send_command(frame)
            self._commands.popleft()
            if mark is not None:
                self._handed_over.append(mark)
                self.counts.commands += 1
        sent = await self._send(self._urgent_frames(min(self.link.room, BURST_FRAMES)))
        if sent == 0:
            frames = self._file_frames(min(self._file_room(), BURST_FRAMES))
            self.counts.file_frames += len(frames)
            sent = await self._send(frames)
        return sent

    def _file_room(self) -> int:
        reserved = self.link.window_frames - max(1, int(self.link.window_frames * FILES_SHARE))
        return max(0, self.link.room - reserved)

    def _urgent_frames(self, most: int) -> list[bytes]:
        frames: list[bytes] = []
        while len(frames) < most and (frame := self._protocol.pull()) is not None:
            frames.append(frame)
            framed_bytes = self._added_bytes - self._protocol.pending_bytes
            while self._waiting and self._waiting[0][0] <= framed_bytes:
                mark = self._waiting.popleft()[1]
                self._on_air.append((self.counts.frames + len(frames), mark))
        return frames

    def _file_frames(self, most: int) -> list[bytes]:
        if most <= 0:
            return []
        self.files_not_radiated()  # forget what left
        for packet in self.files(most):
            self._bulk.add(packet)
            self._files_added_bytes += len(packet)
            self._files_waiting.append(self._files_added_bytes)
        frames: list[bytes] = []
        while (frame := self._bulk.pull()) is not None:
            frames.append(frame)
            framed_bytes = self._files_added_bytes - self._bulk.pending_bytes
            while self._files_waiting and self._files_waiting[0] <= framed_bytes:
                self._files_waiting.popleft()
                self._files_on_air.append(self.counts.frames + len(frames))
        return frames

    async def _send(self, frames: list[bytes]) -> int:
        if frames:
            await self.link.send_frames(frames)
            self.counts.frames += len(frames)
        return len(frames)
