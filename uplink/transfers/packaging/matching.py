"""Where a base may have the bytes of a new file, or nearly those: chunk by chunk.

The same digest first, wherever it lies. Then tensors: by name; those whose name is new, by how
alike they look to tensors of the same type and shape that nobody else claims. Then what lies
outside of tensors, by its neighbours.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from uplink.registry import formats
from uplink.transfers.packaging import content
from uplink.transfers.packaging.codec import BASE_BYTES_MAX
from uplink.transfers.packaging.cutting import Chunk, Cut

_SAMPLE_BYTES = 1024
_ALIKE_MAX = 1024
"""Tensors of one type and shape that are compared; further ones are taken in their order."""
_AROUND_BYTES = 256 * 1024
"""How far on both sides of its likely place an opaque chunk is looked for."""
_ANCHORS_MOST = 1 << 20
_ANCHOR_BITS = 10
"""An anchor each KiB, fewer where the base is so long that they would be more than that."""


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes of a base; `exact` when they have the digest of the chunk itself.

    `likely` is where in the range the chunk's own bytes probably begin.
    """

    offset: int
    length: int
    exact: bool
    likely: int = 0


def match(new: Cut, base: Cut) -> list[Range | None]:
    """Return for each chunk of `new` the range of `base` to take it from or to compare it with."""
    by_digest: dict[bytes, list[Chunk]] = defaultdict(list)
    for chunk in base.chunks:
        by_digest[chunk.digest].append(chunk)
    partners = _partners(new, base)
    found: list[Range | None] = []
    follows = 0
    for chunk in new.chunks:
        same = by_digest.get(chunk.digest)
        if same is not None:
            # Of several, the one that goes on where the last range ended: it is told in one byte.
            best = min(same, key=lambda one: abs(one.offset - follows))
            found.append(Range(best.offset, best.length, True))
        else:
            found.append(_in_partner(chunk, new, partners))
        if found[-1] is not None:
            follows = found[-1].offset + found[-1].length
    return _with_neighbours(new, base, found)


def _in_partner(chunk: Chunk, new: Cut, partners: dict[int, formats.Extent]) -> Range | None:
    """Return the same place in the tensor that the chunk's tensor was before."""
    partner = partners.get(chunk.tensor)
    if partner is None:
        return None
    at = chunk.offset - new.tensors[chunk.tensor].offset
    if at + chunk.length > partner.length:
        return None
    return Range(partner.offset + at, chunk.length, False)


def _partners(new: Cut, base: Cut) -> dict[int, formats.Extent]:
    """Return for the numbers of new tensors the tensors of the base that they may come from."""
    named = {one.name: one for one in base.tensors}
    partners: dict[int, formats.Extent] = {}
    unnamed: dict[tuple[str, tuple[int, ...]], list[int]] = defaultdict(list)
    for number, one in enumerate(new.tensors):
        other = named.get(one.name)
        if other is not None and other.kind == one.kind and _same_rows(other, one):
            partners[number] = other
        else:
            unnamed[one.kind, one.shape].append(number)
    claimed = {one.name for one in partners.values()}
    free: dict[tuple[str, tuple[int, ...]], list[formats.Extent]] = defaultdict(list)
    for one in base.tensors:
        if one.name not in claimed:
            free[one.kind, one.shape].append(one)
    with new.path.open("rb") as ours, base.path.open("rb") as theirs:
        for kind, numbers in unnamed.items():
            ourselves = [new.tensors[number] for number in numbers]
            for place, other in _alike(ours, ourselves, theirs, free.get(kind, [])).items():
                partners[numbers[place]] = other
    return partners


def _same_rows(one: formats.Extent, other: formats.Extent) -> bool:
    """Say whether the tensors differ at most in how many rows they have: a vocabulary may grow.

    GGUF names the length of a row first, safetensors last.
    """
    if one.shape == other.shape:
        return True
    if len(one.shape) != len(other.shape) or len(one.shape) < 2:
        return False
    return one.shape[1:] == other.shape[1:] or one.shape[:-1] == other.shape[:-1]


def _alike(
    ours: BinaryIO, new: list[formats.Extent], theirs: BinaryIO, free: list[formats.Extent]
) -> dict[int, formats.Extent]:
    """Return for the places of new tensors those free ones whose bytes agree the most."""
    if not new or not free:
        return {}
    pairs = dict(enumerate(free[: len(new)]))
    if len(free) == 1 or len(new) * len(free) > _ALIKE_MAX**2:
        return pairs
    left = np.stack([_sample(theirs, one) for one in free])
    for place, one in enumerate(new):
        agreeing = np.count_nonzero(left == _sample(ours, one), axis=1)
        pairs[place] = free[int(np.argmax(agreeing))]
    return pairs


def _sample(file: BinaryIO, one: formats.Extent) -> np.ndarray:
    """Return bytes from the middle of a tensor; tensors of one shape are sampled alike."""
    file.seek(one.offset + one.length // 2 // 4 * 4)
    sample = np.zeros(_SAMPLE_BYTES, np.uint8)
    data = file.read(min(_SAMPLE_BYTES, one.length - one.length // 2 // 4 * 4))
    sample[: len(data)] = np.frombuffer(data, np.uint8)
    return sample


def _with_neighbours(new: Cut, base: Cut, found: list[Range | None]) -> list[Range | None]:
    """Give chunks outside of tensors a range around the place where they probably were.

    That is where most of their anchors are found again; without any, behind the chunk before.
    """
    complete = list(found)
    wanted = [n for n, one in enumerate(found) if one is None and new.chunks[n].tensor < 0]
    if not wanted:
        return complete
    moved = _moved(new, base, wanted)
    for number in wanted:
        chunk, before = new.chunks[number], complete[number - 1] if number else None
        at = chunk.offset + moved[number] if number in moved else 0
        if number not in moved and before is not None:
            at = before.offset + (before.length if before.exact else 0)
            if not before.exact:
                at += before.likely + new.chunks[number - 1].length
        complete[number] = _around(chunk, at, base)
    return complete


def _moved(new: Cut, base: Cut, wanted: list[int]) -> dict[int, int]:
    """Return how far chunks lie in the base from where they lie in the new file, if it is known."""
    opaque = [chunk for chunk in base.chunks if chunk.tensor < 0]
    size = sum(chunk.length for chunk in opaque)
    bits = max(_ANCHOR_BITS, (size // _ANCHORS_MOST).bit_length())
    moved = {}
    with new.path.open("rb") as ours, base.path.open("rb") as theirs:
        known = [_anchors(theirs, *span, bits) for span in _spans(opaque)]
        places = np.concatenate([one[0] for one in known] or [np.empty(0, np.int64)])
        keys = np.concatenate([one[1] for one in known] or [np.empty(0, np.uint64)])
        order = np.argsort(keys, kind="stable")
        places, keys = places[order], keys[order]
        for number in wanted if len(keys) else ():
            chunk = new.chunks[number]
            at, asked = _anchors(ours, chunk.offset, chunk.offset + chunk.length, bits)
            which = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
            shifts = (places[which] - at)[keys[which] == asked]
            if len(shifts):
                values, counts = np.unique(shifts, return_counts=True)
                moved[number] = int(values[np.argmax(counts)])
    return moved


def _spans(chunks: list[Chunk]) -> list[tuple[int, int]]:
    """Return where chunks that follow each other begin and end together."""
    spans: list[tuple[int, int]] = []
    for chunk in chunks:
        if spans and spans[-1][1] == chunk.offset:
            spans[-1] = spans[-1][0], chunk.offset + chunk.length
        else:
            spans.append((chunk.offset, chunk.offset + chunk.length))
    return spans


def _anchors(
    file: BinaryIO, start: int, stop: int, bits: int
) -> tuple[content.Places, content.Keys]:
    def read(offset: int, count: int) -> bytes:
        file.seek(offset)
        return file.read(count)

    return content.anchors(read, start, stop, bits)


def _around(chunk: Chunk, at: int, base: Cut) -> Range | None:
    at = min(max(at, 0), base.size)
    start = max(0, at - _AROUND_BYTES)
    stop = min(base.size, at + chunk.length + _AROUND_BYTES, start + BASE_BYTES_MAX)
    return Range(start, stop - start, False, at - start) if stop > start else None
