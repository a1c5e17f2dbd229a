"""How many file frames may leave: the link's rate, less where most of them never arrive.

A radio link has no congestion to give way to: at a loss of a tenth or a third, sending slower only
delivers less. But when most frames are lost, or nothing is heard at all, the antenna points
elsewhere or the satellite is below a ridge, and what leaves is power and time wasted on repairs.
Then files fall back to a part of the rate that is enough to notice that the link is back.
"""

from __future__ import annotations

from telemetry.onboard import FRAME_BYTES

BEARABLE_LOSS = 0.5
"""Up to here files have the whole rate; from here to a loss of all of it they have less."""
SHARE_LEAST = 1 / 16
MEMORY_S = 2.0
MEMORY_BYTES_LEAST = 32 * FRAME_BYTES
"""The loss is that of the last bytes told of, as many as the link carries in this time."""
SILENT_PROMPTS = 3
"""Unanswered in a row, they are taken for a loss of everything."""
BURST_FRAMES = 16
"""Frames of the reduced rate that may leave together."""


class Pace:
    """The files of one link, in seconds of mission time.

    Tell what the satellite says with `heard` and take a number of packets with `allowance`. While
    the loss is bearable the station's window alone holds files back.
    """

    def __init__(self, *, prompt_s: float) -> None:
        self._prompt_s = prompt_s
        self._memory_bytes = float(MEMORY_BYTES_LEAST)
        self._frame_per_s = float("inf")
        self._waits_since_s: float | None = None
        self._arrived_bytes = self._lost_bytes = 0.0
        self._frames = self._at_s = self._left_s = 0.0

    def open(self, uplink_bit_per_s: float, now_s: float) -> None:
        """Begin on a new link: what was lost before says nothing of it."""
        self._frame_per_s = uplink_bit_per_s / 8 / FRAME_BYTES
        self._memory_bytes = max(MEMORY_BYTES_LEAST, uplink_bit_per_s / 8 * MEMORY_S)
        self._arrived_bytes = self._lost_bytes = self._frames = 0.0
        self._waits_since_s, self._at_s = None, now_s

    def heard(self, arrived_bytes: int, lost_bytes: int) -> None:
        """The satellite confirmed so many file bytes, and so many have to leave again."""
        self._waits_since_s = None
        kept = max(0.0, 1.0 - (arrived_bytes + lost_bytes) / self._memory_bytes)
        self._arrived_bytes = self._arrived_bytes * kept + arrived_bytes
        self._lost_bytes = self._lost_bytes * kept + lost_bytes

    @property
    def loss(self) -> float:
        """The part of the file bytes that were lost of late; 0 while nothing is known."""
        told_bytes = self._arrived_bytes + self._lost_bytes
        return self._lost_bytes / told_bytes if told_bytes else 0.0

    def share(self, now_s: float) -> float:
        """Return the part of the link's rate that files may have now."""
        waits_since_s = now_s if self._waits_since_s is None else self._waits_since_s
        if now_s - waits_since_s > SILENT_PROMPTS * self._prompt_s:
            return SHARE_LEAST
        return min(1.0, max(SHARE_LEAST, (1.0 - self.loss) / (1.0 - BEARABLE_LOSS)))

    def allowance(self, wanted: int, now_s: float) -> int:
        """Return how many of `wanted` packets, one a frame, may leave now."""
        share = self.share(now_s)
        elapsed_s, self._at_s = max(0.0, now_s - self._at_s), now_s
        if share >= 1.0 or self._frame_per_s == float("inf"):
            self._frames = 0.0
            return wanted
        earned = share * self._frame_per_s * elapsed_s
        self._frames = min(self._frames + earned, max(BURST_FRAMES, earned))
        return min(wanted, int(self._frames))

    def spend(self, packets: int, now_s: float) -> None:
        """So many left. The first after a word, or after a rest, begins the wait for a word."""
        if not packets:
            return
        rested = now_s - self._left_s > self._prompt_s
        if rested or self._waits_since_s is None:
            self._waits_since_s = now_s
        self._left_s = now_s
        self._frames = max(0.0, self._frames - packets)
