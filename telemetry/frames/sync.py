"""Channel access data units out of a stream of bits: the hunt for sync markers (131.0-B-5, 9).

The stream may begin at any bit, in either polarity, with errors in the markers; bits may be lost
or doubled on the way. Every unit that stands behind a marker comes out once, the others are
counted as bits skipped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from telemetry.frames.galois import Bytes

ASM = 0x1ACFFC1D
"""The attached sync marker of links without turbo and LDPC codes (131.0-B-5, 9.3.1)."""
MARKER_BYTES = 4
_MARKER_BITS = 8 * MARKER_BYTES
_NEAR_BITS = 64
"""How far from its place a marker is looked for first, before and behind: bits slip singly."""
_LOOK_BYTES = (64, 8192)
_RUN_UNITS = (4, 4096)
"""What is looked at in one go grows from the first to the second, so that a stream in which locks
are lost all the time costs no more than its length."""


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for, and how strictly.

    Attributes
    ----------
    unit_bytes
        Length of a unit, marker and all.
    marker
        The 32 bits that begin every unit.
    errors_most
        Bits that may differ in a marker, 0 to 8.
    flywheel
        Bad markers in a row that are passed over when a good one stands behind them, in its place.
    """

    unit_bytes: int
    marker: int = ASM
    errors_most: int = 3
    flywheel: int = 4

    def __post_init__(self) -> None:
        if self.unit_bytes <= MARKER_BYTES:
            raise ValueError(f"a unit of {self.unit_bytes} bytes has nothing behind its marker")
        if not 0 <= self.marker < 1 << _MARKER_BITS:
            raise ValueError(f"a marker has 32 bits, not those of 0x{self.marker:x}")
        if not 0 <= self.errors_most <= 8:
            raise ValueError(
                f"0 to 8 errors may be passed over in a marker, not {self.errors_most}"
            )
        if self.flywheel < 0:
            raise ValueError(f"{self.flywheel} bad markers cannot be passed over")

    @property
    def unit_bits(self) -> int:
        return 8 * self.unit_bytes


@dataclass(frozen=True, slots=True)
class Units:
    """Units found, by columns of n, upright and from their first byte.

    Attributes
    ----------
    data : (n, unit_bytes) array of uint8
    at_bit : (n,) array of int64
        Where each begins in the stream.
    marker_errors : (n,) array of int64
        Bits that differ in its marker; more than `errors_most` where it was passed over.
    is_inverted : (n,) array of bool
    skipped_bits : int
        Bits before and between these units that belong to none.
    relocks : int
        How often the units did not follow one another.
    """

    data: Bytes
    at_bit: NDArray[np.int64]
    marker_errors: NDArray[np.int64]
    is_inverted: NDArray[np.bool_]
    skipped_bits: int = 0
    relocks: int = 0

    def __len__(self) -> int:
        return len(self.data)


class Standing(NamedTuple):
    """Where a search stands between two pieces: bytes that it has not done with, and where in the
    stream they begin; the places in them up to which it looked and counted; the lock."""

    left: Bytes
    first_bit: int
    at: int
    end: int
    is_locked: bool
    is_inverted: bool
    locks: int


class Synchroniser:
    """Finds units in a stream that comes in pieces."""

    def __init__(self, search: Search) -> None:
        self.search = search
        self._bytes = np.zeros(0, np.uint8)
        self._first_bit = 0  # where self._bytes begins in the stream
        self._at = 0  # the next bit of self._bytes to look at
        self._end = 0  # all before it belongs to a unit or is counted as skipped
        self._is_locked = self._is_inverted = False
        self._locks = 0

    @property
    def bits(self) -> int:
        """How many bits of the stream have come."""
        return self._first_bit + self._bits

    def standing(self) -> Standing:
        """Return all that the search goes on from."""
        return Standing(
            self._bytes,
            self._first_bit,
            self._at,
            self._end,
            self._is_locked,
            self._is_inverted,
            self._locks,
        )

    def take_up(self, standing: Standing) -> None:
        """Go on from where a search for the same thing stood."""
        self._bytes, self._first_bit, self._at, self._end = standing[:4]
        self._is_locked, self._is_inverted, self._locks = standing[4:]

    def feed(self, piece: bytes | Bytes) -> Units:
        """Take in a piece and return the units that are certain by now."""
        more = np.frombuffer(piece, np.uint8) if isinstance(piece, bytes) else piece
        self._bytes = np.concatenate([self._bytes, more])
        return self._found(is_last=False)

    def finish(self) -> Units:
        """Return what is left when nothing more comes."""
        return self._found(is_last=True)

    def _found(self, *, is_last: bool) -> Units:
        parts, locks, skipped_bits = [self._nothing()], self._locks, 0
        while True:
            if self._is_locked:
                run = self._run(is_last)
                if run is None:
                    break
                parts += run
            elif self._hunt(is_last):
                skipped_bits += max(0, self._at - self._end)
                self._is_locked = True
                self._locks += 1
            else:
                break
        if is_last:
            skipped_bits += max(0, self._bits - self._end)
            self._at = self._end = self._bits
        self._forget()
        relocks = self._locks - max(1, locks) if self._locks else 0
        return _joined(parts, skipped_bits, relocks)

    @property
    def _bits(self) -> int:
        return 8 * len(self._bytes)

    @property
    def _near_bits(self) -> int:
        return min(_NEAR_BITS, self.search.unit_bits - _MARKER_BITS)

    def _nothing(self) -> Units:
        none = np.zeros(0, np.int64)
        return Units(np.zeros((0, self.search.unit_bytes), np.uint8), none, none, none.astype(bool))

    def _forget(self) -> None:
        """Drop bytes that nobody will look at again."""
        done = max(0, self._at - _NEAR_BITS) // 8
        self._bytes = self._bytes[done:]
        self._first_bit += 8 * done
        self._at -= 8 * done
        self._end -= 8 * done

    # --- In lock ---

    def _run(self, is_last: bool) -> list[Units] | None:
        """Return the units that follow from here on; None when more must come first."""
        taken, most = [], _RUN_UNITS[0]
        while self._is_locked:
            room = (self._bits - self._at) // self.search.unit_bits
            starts = self._at + self.search.unit_bits * np.arange(min(room, most))
            if not len(starts):
                break
            errors, is_inverted = self._judged(starts)
            bad = errors > self.search.errors_most
            count = int(bad.argmax()) if bad.any() else len(starts)
            if count == 0:
                count = self._passed_over(bad, room, is_last)
                if not count:
                    break
                is_inverted[:count] = self._is_inverted
            taken.append(self._taken(starts[:count], errors[:count], is_inverted[:count]))
            most = min(2 * most, _RUN_UNITS[1])
        return taken if taken or not self._is_locked else None

    def _passed_over(self, bad: NDArray[np.bool_], room: int, is_last: bool) -> int:
        """Return how many bad markers are passed over, having a good one behind them; none when
        the lock is lost, or when what stands behind has not come yet."""
        slipped, is_unknown = self._slipped(is_last)
        if is_unknown:
            return 0
        if slipped is not None:
            self._at, self._is_locked = slipped, False
            return 0
        most = self.search.flywheel
        if len(bad) <= most < room:
            starts = self._at + self.search.unit_bits * np.arange(most + 1)
            bad = self._judged(starts)[0] > self.search.errors_most
        good = np.flatnonzero(~bad[: most + 1])
        if len(good):
            return min(int(good[0]), len(bad))
        if room <= most and not is_last:
            return 0
        if room <= most and self._bits - self._at - room * self.search.unit_bits < 8:
            return min(room, len(bad))  # the stream ends with a unit: it has kept its step
        self._at, self._is_locked = max(self._at - self._near_bits, 0), False
        return 0

    def _slipped(self, is_last: bool) -> tuple[int | None, bool]:
        """Return where near its place the marker is that is missing there, with another one behind
        it; and whether more must come to tell."""
        near, last = self._near_bits, self._bits - _MARKER_BITS
        places = np.arange(max(self._at - near, 0), min(self._at + near, last) + 1)
        errors = self._judged(places)[0]
        possible = errors <= self.search.errors_most
        places, errors = places[possible], errors[possible]
        confirmed, unknown = self._confirmed(places, errors, is_last)
        if confirmed.any():
            return int(places[confirmed.argmax()]), False
        return None, bool(unknown.any())

    def _taken(
        self, starts: NDArray[np.int64], errors: NDArray[np.int64], is_inverted: NDArray
    ) -> Units:
        data = self._cut(int(starts[0]), len(starts))
        data[is_inverted] ^= 0xFF
        self._at = self._end = int(starts[-1]) + self.search.unit_bits
        self._is_inverted = bool(is_inverted[-1])
        return Units(data, starts + self._first_bit, errors, is_inverted)

    def _cut(self, start: int, count: int) -> Bytes:
        """Return units one behind the other from a bit on."""
        size = count * self.search.unit_bytes
        first, shift = divmod(start, 8)
        data = self._bytes[first : first + size].copy()
        if shift:
            following = self._bytes[first + 1 : first + 1 + size]
            data = data << np.uint8(shift) | following >> np.uint8(8 - shift)
        return data.reshape(count, self.search.unit_bytes)

    def _judged(self, starts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return how many bits of the marker differ at each of the bits, and the polarity."""
        first, shift = starts >> 3, (starts & 7).astype(np.uint64)
        last = len(self._bytes) - 1
        window = np.zeros(len(starts), np.uint64)
        for place in range(MARKER_BYTES + 1):
            window = window << np.uint64(8) | self._bytes[np.minimum(first + place, last)]
        return self._compared(window >> (np.uint64(8) - shift))

    def _compared(self, window: NDArray[np.uint64]) -> tuple[NDArray, NDArray[np.bool_]]:
        different = window.astype(np.uint32) ^ np.uint32(self.search.marker)
        errors = np.bitwise_count(different).astype(np.int64)
        is_inverted = errors > _MARKER_BITS // 2
        return np.where(is_inverted, _MARKER_BITS - errors, errors), is_inverted

    # --- In search ---

    def _hunt(self, is_last: bool) -> bool:
        """Go on to the next marker that has another one unit behind it, or to where more must come
        to tell; return whether it was found."""
        look = _LOOK_BYTES[0]
        while True:
            first = self._at // 8
            count = min(look, len(self._bytes) - first - MARKER_BYTES)
            if count <= 0:
                return False
            places, errors = self._candidates(first, count)
            confirmed, unknown = self._confirmed(places, errors, is_last)
            chosen = np.flatnonzero(confirmed | unknown)
            if len(chosen):
                self._at = int(places[chosen[0]])
                return bool(confirmed[chosen[0]])
            self._at = 8 * (first + count)
            look = min(2 * look, _LOOK_BYTES[1])

    def _candidates(self, first: int, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the bits of so many bytes at which a marker may begin, with its errors."""
        window = np.zeros(count, np.uint64)
        for place in range(MARKER_BYTES + 1):
            window = window << np.uint64(8) | self._bytes[first + place : first + place + count]
        errors, _ = self._compared(
            (window[:, None] >> np.arange(8, 0, -1, dtype=np.uint64)).ravel()
        )
        errors[: self._at - 8 * first] = _MARKER_BITS
        places = np.flatnonzero(errors <= self.search.errors_most)
        return 8 * first + places, errors[places]

    def _confirmed(
        self, places: NDArray[np.int64], errors: NDArray[np.int64], is_last: bool
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which markers have another one behind them, and of which it is not known yet.

        The very last unit has none behind it: the stream must end there, or the marker be perfect.
        """
        left = self._bits - places - self.search.unit_bits
        unknown = left < _MARKER_BITS
        behind = self._judged(np.where(unknown, 0, places + self.search.unit_bits))[0]
        confirmed = ~unknown & (behind <= self.search.errors_most)
        if not is_last:
            return confirmed, unknown
        return confirmed | unknown & (left >= 0) & ((left < 8) | (errors == 0)), unknown & False


def _joined(parts: list[Units], skipped_bits: int, relocks: int) -> Units:
    names = ("data", "at_bit", "marker_errors", "is_inverted")
    columns = (np.concatenate([getattr(part, name) for part in parts]) for name in names)
    return Units(*columns, skipped_bits=skipped_bits, relocks=relocks)
