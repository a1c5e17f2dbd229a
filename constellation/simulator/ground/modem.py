"""A contact's downlink as its station hands it over: frames, or the bits that carry them.

The satellite codes its frames either way; a station of the first kind undoes it. What the other
kind hands over is all that was demodulated, with every error of the link in it.
"""

from __future__ import annotations

import numpy as np

from constellation.simulator.ground.channel import Faults, flip, lose
from telemetry.frames import cadu, links
from telemetry.onboard import FRAME_BYTES


class Frames:
    """The downlink as frames."""

    unit_bytes = FRAME_BYTES

    def __init__(self, faults: Faults, random: np.random.Generator) -> None:
        self._faults, self._random = faults, random

    def carry(self, burst: bytes) -> bytes:
        """Return what a burst of frames arrives as."""
        return flip(lose(burst, self._faults, self._random), self._faults, self._random)

    def rest(self) -> bytes | None:
        """Return what is still to be handed over when the signal is gone; None: not even that."""
        return None


class Bits:
    """The downlink as the bits of coded units. Where bits slip, bytes end amid the stream: what is
    no whole byte yet waits for the bits behind it."""

    def __init__(self, coding: dict, faults: Faults, random: np.random.Generator) -> None:
        self._coding = links.read_coding(coding)
        self._faults, self._random = faults, random
        self._waiting = np.zeros(0, np.uint8)

    @property
    def unit_bytes(self) -> int:
        return self._coding.search.unit_bytes

    def carry(self, burst: bytes) -> bytes:
        """Return what a burst of frames arrives as, as far as there are whole bytes of it."""
        frames = np.frombuffer(lose(burst, self._faults, self._random), np.uint8)
        if not len(frames):
            return b""
        units = cadu.encode(self._coding, frames.reshape(-1, FRAME_BYTES))
        coded = flip(units.tobytes(), self._faults, self._random)
        slipping = np.flatnonzero(self._random.random(len(units)) < self._faults.bit_slip)
        if not (len(slipping) or len(self._waiting)):
            return coded
        bits = np.unpackbits(np.frombuffer(coded, np.uint8))
        bits = np.concatenate([self._waiting, self._slip(bits, slipping)])
        whole = len(bits) // 8 * 8
        self._waiting = bits[whole:]
        return np.packbits(bits[:whole]).tobytes()

    def _slip(self, bits: np.ndarray, units: np.ndarray) -> np.ndarray:
        """Drop or double a bit somewhere in each of the units."""
        size = 8 * self.unit_bytes
        places = units * size + self._random.integers(0, size, len(units))
        counts = np.ones(len(bits), np.int64)
        counts[places] = self._random.choice((0, 2), len(places))
        return np.repeat(bits, counts)

    def rest(self) -> bytes:
        """Return the last bits, with zeros behind them to a whole byte."""
        rest, self._waiting = np.packbits(self._waiting).tobytes(), self._waiting[:0]
        return rest
