"""The coding of a link, undone and done: marker, randomiser and Reed-Solomon (CCSDS 131.0-B-5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from telemetry.frames import randomiser, reedsolomon, sync
from telemetry.frames.galois import Bytes


@dataclass(frozen=True, slots=True)
class Coding:
    """How frames of one length travel.

    Attributes
    ----------
    frame_bytes
        Length of the transfer frame inside; with a code, that of the code's data.
    code
        The Reed-Solomon code, or None where there is none.
    sequence
        The randomiser, or None.
    marker, errors_most, flywheel
        As in `sync.Search`.
    """

    frame_bytes: int
    code: reedsolomon.Code | None = None
    sequence: randomiser.Sequence | None = randomiser.Sequence.TM
    marker: int = sync.ASM
    errors_most: int = 3
    flywheel: int = 4

    def __post_init__(self) -> None:
        if self.code is not None and self.code.data_bytes != self.frame_bytes:
            raise reedsolomon.BadCode(
                f"frames of {self.frame_bytes} bytes do not fill the code, which has "
                f"{self.code.data_bytes} bytes of data: other virtual fill or interleaving"
            )
        _ = self.search  # refuses what cannot be looked for

    @property
    def block_bytes(self) -> int:
        return self.code.block_bytes if self.code else self.frame_bytes

    @property
    def search(self) -> sync.Search:
        return sync.Search(
            self.block_bytes + sync.MARKER_BYTES, self.marker, self.errors_most, self.flywheel
        )


@dataclass(frozen=True, slots=True)
class Decoded:
    """Frames out of units, by columns of n.

    Attributes
    ----------
    data : (n, frame_bytes) array of uint8
    is_whole : (n,) array of bool
        False where a codeword could not be corrected; the frame is as received.
    symbols : (n, interleave) array of int64
        Symbols corrected in each codeword (`reedsolomon.Corrected`); (n, 0) without a code.
    """

    data: Bytes
    is_whole: NDArray[np.bool_]
    symbols: NDArray[np.int64]


def decode(coding: Coding, units: Bytes) -> Decoded:
    """Take the frames out of (n, unit_bytes) units."""
    blocks = units[:, sync.MARKER_BYTES :]
    if coding.sequence is not None:
        blocks = randomiser.apply(coding.sequence, blocks)
    if coding.code is None:
        return Decoded(blocks, np.ones(len(blocks), bool), np.zeros((len(blocks), 0), np.int64))
    corrected = reedsolomon.decode(coding.code, blocks)
    return Decoded(corrected.data, corrected.is_whole, corrected.symbols)


def encode(coding: Coding, frames: Bytes) -> Bytes:
    """Return the units around (n, frame_bytes) frames, one a row."""
    blocks = reedsolomon.encode(coding.code, frames) if coding.code else frames
    if coding.sequence is not None:
        blocks = randomiser.apply(coding.sequence, blocks)
    marker = np.frombuffer(coding.marker.to_bytes(sync.MARKER_BYTES), np.uint8)
    return np.concatenate([np.broadcast_to(marker, (len(blocks), len(marker))), blocks], axis=1)
