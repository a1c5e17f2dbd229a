"""A segment as matrices: all its whole numbers in one, all its floats in another. Pure.

A thousand columns of a few samples are a thousand times the cost of one call each; the compactor
works on all of them at once. Rows are columns of the segment, in the order of its shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from telemetry.archive import columns, packing

_WHOLE = ("int", "uint")


@dataclass(frozen=True)
class Places:
    """Which blocks of a shape are whole numbers, floats and words, in order."""

    whole: tuple[int, ...]
    real: tuple[int, ...]
    words: tuple[int, ...]


@lru_cache(maxsize=256)
def places_of(shape: columns.Shape) -> Places:
    kinds = ["int"] * columns.TIMES + [described.kind for described in shape.columns]
    kinds += [described.value_kind for described in shape.columns if described.value_kind]
    return Places(
        tuple(place for place, kind in enumerate(kinds) if kind in _WHOLE),
        tuple(place for place, kind in enumerate(kinds) if kind == "float"),
        tuple(place for place, kind in enumerate(kinds) if kind in ("text", "bytes")),
    )


@dataclass(frozen=True, slots=True)
class Wide:
    """n samples: (k, n) matrices of int64 (unsigned ones by their bits) and of float64, and lists
    of words. The first two rows of `whole` are when they were generated and received."""

    shape: columns.Shape
    whole: NDArray[np.int64]
    real: NDArray[np.float64]
    words: list[list[bytes]]

    def __len__(self) -> int:
        return self.whole.shape[1]

    @property
    def generated_ns(self) -> NDArray[np.int64]:
        return self.whole[0]


def of(samples: columns.Samples) -> Wide:
    """Return samples as matrices."""
    arrays = columns.arrays_of(samples)
    shape = samples.shape
    places = places_of(shape)
    n = len(samples)
    return Wide(
        shape,
        np.stack([arrays[place].astype(np.int64, copy=False) for place in places.whole]),
        np.array([arrays[place] for place in places.real], np.float64).reshape(-1, n),
        [arrays[place] for place in places.words],
    )


def unpack(shape: columns.Shape, data: bytes, n: int) -> Wide:
    """Return the n samples of a segment's bytes."""
    try:
        blocks = packing.disassemble(data, shape.blocks)
        places = places_of(shape)
        return Wide(
            shape,
            packing.read_whole([blocks[place] for place in places.whole], n),
            packing.read_real([blocks[place] for place in places.real], n),
            packing.read_all([blocks[place] for place in places.words], n),
        )
    except packing.BadBlock as error:
        raise columns.BadSegment(str(error)) from error


def join(parts: Sequence[Wide]) -> Wide:
    """Return the samples of parts of one shape in the order of their generation."""
    whole = np.concatenate([part.whole for part in parts], axis=1)
    real = np.concatenate([part.real for part in parts], axis=1)
    words = [
        [word for part in parts for word in part.words[row]] for row in range(len(parts[0].words))
    ]
    if (np.diff(whole[0]) < 0).any():
        order = np.argsort(whole[0], kind="stable")
        whole, real = whole[:, order], real[:, order]
        words = [[row[place] for place in order.tolist()] for row in words]
    return Wide(parts[0].shape, whole, real, words)


def pack(wide: Wide, *, quickly: bool = False) -> bytes:
    """Return the segment's bytes, the same that `columns.pack` makes."""
    places = places_of(wide.shape)
    blocks: dict[int, packing.Block] = {}
    made = (
        (places.whole, packing.ints(wide.whole, quickly=quickly)),
        (places.real, packing.reals(wide.real, quickly=quickly)),
        (places.words, [packing.words(row) for row in wide.words]),
    )
    for where, found in made:
        blocks.update(zip(where, found, strict=True))
    return packing.assemble([blocks[place] for place in range(wide.shape.blocks)])
