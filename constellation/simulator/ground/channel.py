"""What happens to frames on their way: light time, loss, bit errors. Whole bursts at a time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from telemetry.onboard import FRAME_BYTES


@dataclass
class Faults:
    """What the links of the simulation do wrong, in both directions, and its stations."""

    frame_loss: float = 0.0
    """Probability that a frame never arrives."""
    bit_error_rate: float = 0.0
    """Probability of each bit to arrive flipped."""
    frame_swap: float = 0.0
    """Probability that a frame changes places with the one behind it."""
    bit_slip: float = 0.0
    """Probability of a coded unit that the station, in it, misses a bit or takes one twice."""
    spool_full: float = 0.0
    """Probability that a station finds its disk full when it would keep what it received."""


def spoil(burst: bytes, faults: Faults, random: np.random.Generator) -> bytes:
    """Return what arrives of a burst of whole frames."""
    return flip(lose(burst, faults, random), faults, random)


def lose(burst: bytes, faults: Faults, random: np.random.Generator) -> bytes:
    """Return a burst without the frames that never arrive, and those swapped that overtake."""
    if faults.frame_loss and burst:
        frames = np.frombuffer(burst, np.uint8).reshape(-1, FRAME_BYTES)
        burst = frames[random.random(len(frames)) >= faults.frame_loss].tobytes()
    if faults.frame_swap and burst:
        burst = _swap(np.frombuffer(burst, np.uint8).reshape(-1, FRAME_BYTES), faults, random)
    return burst


def _swap(frames: np.ndarray, faults: Faults, random: np.random.Generator) -> bytes:
    order = list(range(len(frames)))
    for place in np.flatnonzero(random.random(len(frames) - 1) < faults.frame_swap).tolist():
        order[place], order[place + 1] = order[place + 1], order[place]
    return frames[order].tobytes()


def flip(content: bytes, faults: Faults, random: np.random.Generator) -> bytes:
    """Return bytes with the bit errors of the link in them."""
    if not (faults.bit_error_rate and content):
        return content
    bits = len(content) * 8
    flips = random.integers(0, bits, random.binomial(bits, faults.bit_error_rate))
    spoilt = np.frombuffer(content, np.uint8).copy()
    np.bitwise_xor.at(spoilt, flips >> 3, (1 << (flips & 7)).astype(np.uint8))
    return spoilt.tobytes()


class Path:
    """Bursts under way at the speed of light, in order."""

    def __init__(self) -> None:
        self._under_way: deque[tuple[float, bytes]] = deque()

    def __bool__(self) -> bool:
        return bool(self._under_way)

    def send(self, burst: bytes, arrives_at_s: float) -> None:
        if burst:
            self._under_way.append((arrives_at_s, burst))

    def arrived(self, now_s: float) -> list[tuple[float, bytes]]:
        """Take out what is there by now, with its time of arrival."""
        there = []
        while self._under_way and self._under_way[0][0] <= now_s:
            there.append(self._under_way.popleft())
        return there


class Budget:
    """How many bytes a rate allows, counted as time passes; idle time is not saved up.

    A frame takes `frame_bytes`: more than its own where it travels coded.
    """

    def __init__(self, bit_per_s: int, frame_bytes: int = FRAME_BYTES) -> None:
        self._byte_per_s = bit_per_s / 8
        self._frame_bytes = frame_bytes
        self._bytes = 0.0

    def frames(self, elapsed_s: float) -> int:
        """Let time pass and return how many frames may go now."""
        allowance = self._byte_per_s * elapsed_s
        self._bytes = min(self._bytes, 2 * self._frame_bytes) + allowance
        return int(self._bytes // self._frame_bytes)

    def spend(self, byte_count: int) -> None:
        self._bytes -= byte_count
