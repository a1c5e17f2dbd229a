"""Frames out of coded bits that come in pieces, and where the work stands between two pieces."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from telemetry.frames import cadu, sync
from telemetry.frames.galois import Bytes

NOT_CORRECTED = "uncorrectable codeword"
"""The fault of a frame with a codeword in which there are more errors than the code corrects."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Frames that became certain, by columns of n.

    Attributes
    ----------
    data : (n, frame_bytes) array of uint8
    is_whole : (n,) array of bool
        False where a codeword could not be corrected; the frame is as received.
    symbols : (n,) array of int64
        Symbols that were corrected in it.
    end_bit : (n,) array of int64
        Where in the stream, counted from its first bit, the frame's unit ends.
    skipped_bits, relocks
        As in `sync.Units`.
    """

    data: Bytes
    is_whole: NDArray[np.bool_]
    symbols: NDArray[np.int64]
    end_bit: NDArray[np.int64]
    skipped_bits: int
    relocks: int

    def __len__(self) -> int:
        return len(self.data)


class Decoder:
    """Takes the frames out of one stream of bits."""

    def __init__(self, coding: cadu.Coding, state: dict[str, Any] | None = None) -> None:
        """Begin a stream, or go on from what `to_json` said."""
        self.coding = coding
        self._synchroniser = sync.Synchroniser(coding.search)
        if state:
            left = np.frombuffer(b64decode(state["left"]), np.uint8)
            self._synchroniser.take_up(sync.Standing(left, *state["standing"]))

    @property
    def bits(self) -> int:
        """How many bits of the stream have come."""
        return self._synchroniser.bits

    def feed(self, piece: bytes) -> Taken:
        """Take in whole bytes of the stream and return the frames that are certain by now."""
        return self._taken(self._synchroniser.feed(piece))

    def finish(self) -> Taken:
        """Return what is left when nothing more comes."""
        return self._taken(self._synchroniser.finish())

    def to_json(self) -> dict[str, Any]:
        """Return where the stream stands: plain values."""
        left, *standing = self._synchroniser.standing()
        return {"left": b64encode(left.tobytes()).decode(), "standing": standing}

    def _taken(self, units: sync.Units) -> Taken:
        decoded = cadu.decode(self.coding, units.data)
        return Taken(
            decoded.data,
            decoded.is_whole,
            decoded.symbols.clip(min=0).sum(axis=1),
            units.at_bit + self.coding.search.unit_bits,
            units.skipped_bits,
            units.relocks,
        )


def joined(first: Taken, second: Taken) -> Taken:
    """Return what two successive steps of one stream gave."""
    names = ("data", "is_whole", "symbols", "end_bit")
    return Taken(
        *(np.concatenate([getattr(first, name), getattr(second, name)]) for name in names),
        skipped_bits=first.skipped_bits + second.skipped_bits,
        relocks=first.relocks + second.relocks,
    )
