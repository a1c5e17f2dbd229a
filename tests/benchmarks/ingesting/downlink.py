"""What each satellite sends, made beforehand: batches of frames as a station would receive them."""

from __future__ import annotations

import itertools

import numpy as np

from telemetry import onboard
from telemetry.frames import aos, clcw, packing
from telemetry.packets import space
from tests.benchmarks.ingesting import dictionary

NARROW_EACH = 10
"""Containers of 30 parameters for each one of 1,000: ten times a second, and once a second."""
SAMPLES_EACH = NARROW_EACH * dictionary.SIZES[dictionary.NARROW] + dictionary.SIZES[dictionary.WIDE]


class Source:
    """One satellite's transmitter. `batches` may be asked again and again; nothing repeats."""

    def __init__(self, spacecraft: int, *, started_ns: int, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._packer = packing.Packer(
            aos.DOWNLINK, spacecraft=spacecraft, channel=onboard.DownlinkChannel.LIVE
        )
        self._counts = space.SequenceCounts()
        self._volume, self._serial = 0xBE000000 + seed, 0
        self._at_ns = started_ns

    def batches(self, ticks: int, batches: int) -> list[bytes]:
        """Return frames of `ticks` seconds on board, cut into so many parts."""
        wide = dictionary.payloads(dictionary.WIDE, ticks, self._random)
        narrow = dictionary.payloads(dictionary.NARROW, ticks * NARROW_EACH, self._random)
        bounds = np.linspace(0, ticks, batches + 1).round().astype(int).tolist()
        parts = []
        for first, end in itertools.pairwise(bounds):
            for tick in range(first, end):
                for place in range(tick * NARROW_EACH, (tick + 1) * NARROW_EACH):
                    self._add(dictionary.NARROW, narrow[place].tobytes())
                    self._at_ns += 1_000_000_000 // NARROW_EACH
                self._add(dictionary.WIDE, wide[tick].tobytes())
            parts.append(self._frames())
        return parts

    def _add(self, container: str, payload: bytes) -> None:
        secondary = onboard.Secondary(self._at_ns, self._volume, 1, self._serial)
        self._serial += 1
        apid = dictionary.APIDS[container]
        packet = space.encode_downlink(apid, self._counts.take(apid), secondary, payload)
        self._packer.add(packet)

    def _frames(self) -> bytes:
        frames, ocf = [], clcw.Clcw().encode()
        while (frame := self._packer.pull(ocf=ocf)) is not None:
            frames.append(frame)
        return b"".join(frames)
