"""The satellite's radio: frames in to packets, packets out to frames by urgency."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from constellation.simulator.recorder import Recorder, serial_of
from telemetry import onboard
from telemetry.frames import aos
from telemetry.frames.clcw import Clcw
from telemetry.frames.packing import Packer
from telemetry.frames.reassembly import Reassembler
from telemetry.onboard import DownlinkChannel
from uplink.transfers.cfdp import Ranges

CHANNELS = (
    DownlinkChannel.LIVE,
    DownlinkChannel.TOKENS,
    DownlinkChannel.FILES,
    DownlinkChannel.PLAYBACK,
)
"""The most urgent first."""


class Radio:
    """One satellite's link with whichever station follows it."""

    def __init__(self, recorder: Recorder, scid: int) -> None:
        self.linked = False
        self.frames_good = self.frames_bad = self.packets_up = 0
        self.control_word = Clcw(channel=onboard.TELECOMMAND_CHANNEL).encode()
        """What the receiver of telecommands reports with every frame."""
        self._recorder = recorder
        self._scid = scid
        self._frame_counts = dict.fromkeys(CHANNELS, 0)
        self._playback = Ranges()
        self._start()

    def _start(self) -> None:
        self._reassembler = Reassembler()
        self._waiting: dict[int, deque[bytes]] = {channel: deque() for channel in CHANNELS}
        self._packers = {
            channel: Packer(
                aos.DOWNLINK,
                spacecraft=self._scid,
                channel=channel,
                count=self._frame_counts[channel],
                is_replay=channel == DownlinkChannel.PLAYBACK,
            )
            for channel in CHANNELS
        }

    def up(self) -> None:
        """A station follows: begin anew, with nothing left of the last contact."""
        self._start()
        self.linked = True

    def down(self) -> None:
        """The station is gone. What waited is in the recorder, for a gap request to fetch."""
        self.linked = False
        for channel, packer in self._packers.items():
            self._frame_counts[channel] = packer.count
        self._playback = Ranges()
        self._start()

    def receive(self, burst: bytes) -> list[bytes]:
        """Return the packets that whole frames complete."""
        frames = aos.decode(aos.UPLINK, burst)
        faults = frames.faults(spacecraft=self._scid)
        bad = sum(map(bool, faults))
        harvest = self._reassembler.feed(frames, faults if bad else None)
        self.frames_bad += bad
        self.frames_good += len(frames) - bad
        self.packets_up += len(harvest.packets)
        return [packet.data for packet in harvest.packets]

    def send(self, channel: DownlinkChannel, packet: bytes) -> None:
        """Queue a recorded packet; without a link it stays in the recorder alone."""
        if self.linked:
            self._waiting[channel].append(packet)

    def play_back(self, first: int, last: int) -> None:
        """Queue a range of serials that the recorder holds; asked twice it is sent once."""
        if self.linked:
            self._playback.add(first, last + 1)

    def transmit(self, frames_most: int) -> bytes:
        """Return up to so many frames; nothing when nothing waits (idle frames stay away)."""
        frames: list[bytes] = []
        sent: list[int] = []
        for channel in CHANNELS:
            packer, source = self._packers[channel], self._source(channel)
            while len(frames) < frames_most:
                while packer.pending_bytes < aos.DOWNLINK.zone_bytes:
                    packet = next(source, None)
                    if packet is None:
                        break
                    packer.add(packet)
                    sent.append(serial_of(packet))
                frame = packer.pull(ocf=self.control_word)
                if frame is None:
                    break
                frames.append(frame)
        if sent:
            self._recorder.mark_sent(sent)
        return b"".join(frames)

    def _source(self, channel: DownlinkChannel) -> Iterator[bytes]:
        if channel == DownlinkChannel.PLAYBACK:
            return self._played_back()
        waiting = self._waiting[channel]
        return iter(lambda: waiting.popleft() if waiting else None, None)

    def _played_back(self) -> Iterator[bytes]:
        while self._playback:
            first, _ = self._playback.first()
            self._playback.remove(first, first + 1)
            packet = self._recorder.packet(first)
            if packet is not None:
                yield packet
