"""Packets into frames: the M_PDU packer of one virtual channel (CCSDS 732.0-B-4, 4.1.4.2)."""

from __future__ import annotations

from collections import deque

from telemetry import onboard
from telemetry.frames import aos
from telemetry.packets import space


class Packer:
    """Queues the packets of one virtual channel and gives them out as frames, when asked.

    Pull model: `add` packets as they come, `pull` a frame when the link has room. A frame leaves
    when it is full or when it is flushed; a flushed frame is filled up with an idle packet, of
    which a few bytes may run over into the next frame (an idle packet has at least 7).
    """

    def __init__(
        self,
        layout: aos.Layout,
        *,
        spacecraft: int,
        channel: int,
        count: int = 0,
        is_replay: bool = False,
    ) -> None:
        self.layout = layout
        self.spacecraft = spacecraft
        self.channel = channel
        self.count = count
        """Number of the next frame; keep it over a restart to stay gapless."""
        self.is_replay = is_replay
        self._queued = bytearray()
        self._sent = 0  # zone bytes that have left: where _queued begins
        self._starts: deque[int] = deque()  # where packets begin, on the scale of _sent
        self._idle_bytes = 0  # leading bytes of _queued that belong to an idle packet

    @property
    def pending_bytes(self) -> int:
        """Bytes of packets that wait for a frame."""
        return len(self._queued) - self._idle_bytes

    def add(self, packet: bytes) -> None:
        """Queue one whole space packet."""
        self._starts.append(self._sent + len(self._queued))
        self._queued += packet

    def pull(self, *, ocf: bytes = b"", flush: bool = True) -> bytes | None:
        """Return the next frame, or None when there is nothing to send.

        With `flush`, whatever waits goes now (low latency); without, only a full frame does.
        """
        if self.pending_bytes <= 0:
            return None
        size = self.layout.zone_bytes
        if len(self._queued) < size:
            if not flush:
                return None
            self._fill(size - len(self._queued))
        return self._frame(size, ocf)

    def _fill(self, missing: int) -> None:
        self.add(space.idle(max(missing, space.SHORTEST_BYTES)))

    def _frame(self, size: int, ocf: bytes) -> bytes:
        first = self._starts[0] - self._sent if self._starts else size
        frame = aos.encode(
            self.layout,
            spacecraft=self.spacecraft,
            channel=self.channel,
            count=self.count,
            first_header=first if first < size else onboard.FIRST_HEADER_NONE,
            zone=bytes(self._queued[:size]),
            ocf=ocf,
            is_replay=self.is_replay,
        )
        self.count = (self.count + 1) % aos.COUNT_MODULUS
        self._drop(size)
        return frame

    def _drop(self, size: int) -> None:
        """Forget the `size` bytes that left; what stays of an idle packet is no reason to send."""
        last = None
        while self._starts and self._starts[0] - self._sent < size:
            last = self._starts.popleft() - self._sent
        self._idle_bytes = 0
        if last is not None and space.apid_of(self._queued, last) == onboard.IDLE_APID:
            end = self._starts[0] - self._sent if self._starts else len(self._queued)
            self._idle_bytes = end - size
        del self._queued[:size]
        self._sent += size
