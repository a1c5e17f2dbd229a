"""Batches of a station that delivers bits: the frames in them, found, corrected and accounted for.

Where the stream stands is kept with the reception, in the transaction that marks the batches
decoded, so that it goes on over batches, workers and links. A unit that is cut at the end of a
batch comes out with the one that has the rest of it. The empty batch with which a station ends the
stream lets go of what is left; when it never comes, no more than that stays behind.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from telemetry.frames import bitstream, links
from telemetry.joining import Joined
from telemetry.models import Reception


@dataclass(frozen=True, slots=True)
class Received:
    """Batches with their frames. Of a coded link also which could not be corrected, and how many
    symbols of each were."""

    batch: Joined
    not_corrected: tuple[int, ...] = ()
    symbols: NDArray[np.int64] | None = None


def receive(reception: Reception, batch: Joined) -> Received:
    """Return the frames of joined batches; of bits, those that are certain by now.

    The reception's account of bits goes on with it; the caller saves it.
    """
    coding = batch.last.coding
    if coding is None:
        return Received(batch)
    stands = reception.synchroniser
    is_same = stands.get("coding") == coding
    decoder = bitstream.Decoder(links.read_coding(coding), stands["state"] if is_same else None)
    ends = [
        decoder.bits + 8 * size for size in accumulate(len(each.frames) for each in batch.batches)
    ]
    taken = decoder.feed(batch.frames)
    if not len(batch.last.frames):
        taken = bitstream.joined(taken, decoder.finish())
    reception.synchroniser = {"coding": coding, "state": decoder.to_json()}
    reception.skipped_bits += taken.skipped_bits
    reception.relocks += taken.relocks
    reception.corrected_symbols += int(taken.symbols.sum())
    frames_by = np.searchsorted(taken.end_bit, ends, side="right").tolist()
    return Received(
        replace(batch, ends=tuple(frames_by), taken=taken.data.tobytes()),
        tuple(np.flatnonzero(~taken.is_whole).tolist()),
        taken.symbols,
    )
