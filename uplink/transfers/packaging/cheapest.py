"""The search for the shortest encoding of one chunk; it runs on the ground.

Candidates are made and compressed quickly first; the best of them then slowly. What a quick try
misses by is far below the differences between candidates.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import zstandard

from uplink.transfers.packaging import transforms, wire
from uplink.transfers.packaging.codec import BASE_BYTES_MAX, Codec, Encoded, sparse_payload

_QUICK_LEVEL = 1
_LEVEL = 12
"""Planes of weights: levels above take ten times as long for 1 %."""
_SLOW_LEVEL = 19
"""For what is short after its transformation, or opaque."""
_WORTH_SLOW = 0.5
"""Residues that compress at least this well are worth the slow level."""
_AGREEING = 0.1
"""Opaque bytes are compared one by one where so many agree; by chance it is one in 256."""
_PREFIX_LEVEL = 3
"""The levels below hardly look into a prefix."""
_PREFIX_PAYS = 0.97
"""A prefix that saves less than 3 % at the quick level is not worth the slow one."""
_WINDOW_LOG = 22
"""Prefix and chunk lie in one window."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What is known of a chunk's bytes.

    `strides` are lengths of items whose bytes may be of different kinds, the likeliest first;
    `width` is the bytes of a number; `opaque` chunks may hold anything.
    """

    strides: tuple[int, ...] = (1,)
    width: int = 1
    opaque: bool = False


OPAQUE = Layout((1, 4, 2), 1, opaque=True)


def self_contained(new: bytes, layout: Layout) -> Encoded:
    """Return the shortest encoding that needs no base."""
    data = np.frombuffer(new, np.uint8)
    tries = []
    for stride in dict.fromkeys((*layout.strides, 1)):
        codec = Codec.ZSTD if stride == 1 else Codec.PLANES
        parts = (transforms.split(data, stride),)
        tries.append((_length(parts), Encoded(codec, b"", stride), parts))
    _, kind, parts = min(tries, key=lambda one: one[0])
    level = _SLOW_LEVEL if layout.opaque else _LEVEL
    best = replace(kind, payload=_compress(parts, level))
    return best if len(best.payload) < len(new) else Encoded(Codec.RAW, new)


def delta(new: bytes, base: bytes, layout: Layout, *, likely: int = 0) -> Encoded | None:
    """Return the shortest encoding against `base`, or None when none can be made.

    `likely` is where in the base the bytes of the chunk probably begin.
    """
    best = None
    beside = base[likely : likely + len(new)]
    if len(beside) == len(new) and (not layout.opaque or _agree(new, beside)):
        best = _even_delta(new, beside, layout, likely)
    if layout.opaque and 0 < len(base) <= BASE_BYTES_MAX:
        prefixed = Encoded(Codec.PREFIX, _with_prefix(new, base))
        if best is None or len(prefixed.payload) < len(best.payload):
            best = prefixed
    return best


def _agree(new: bytes, base: bytes) -> bool:
    same = np.count_nonzero(np.frombuffer(new, np.uint8) == np.frombuffer(base, np.uint8))
    return same > _AGREEING * len(new)


def _even_delta(new: bytes, base: bytes, layout: Layout, skip: int) -> Encoded:
    ours, theirs = np.frombuffer(new, np.uint8), np.frombuffer(base, np.uint8)
    moved = transforms.subtract(ours, theirs, layout.width)
    residues = [
        (Encoded(Codec.XOR, b"", skip=skip), ours ^ theirs),
        (Encoded(Codec.INTEGER, b"", width=layout.width, skip=skip), moved),
    ]
    tries = []
    for kind, residue in residues:
        for stride in layout.strides:
            planes = transforms.split(residue, stride)
            tries.append((replace(kind, stride=stride), (planes,)))
            tries.append((replace(kind, stride=stride, sparse=True), transforms.gather(planes)))
    sized = [(_length(parts), kind, parts) for kind, parts in tries]
    length, kind, parts = min(sized, key=lambda one: one[0])
    level = _SLOW_LEVEL if length < _WORTH_SLOW * len(new) else _LEVEL
    return replace(kind, payload=_compress(parts, level))


def _length(parts: tuple[transforms.Bytes, ...]) -> int:
    quick = zstandard.ZstdCompressor(level=_QUICK_LEVEL)
    return sum(len(quick.compress(part.data)) for part in parts)


def _compress(parts: tuple[transforms.Bytes, ...], level: int) -> bytes:
    compressor = zstandard.ZstdCompressor(level=level)
    frames = [compressor.compress(part.data) for part in parts]
    return sparse_payload(*frames) if len(frames) == 2 else frames[0]


def _with_prefix(new: bytes, base: bytes) -> bytes:
    quick = _prefixed(new, base, _PREFIX_LEVEL)
    if len(quick) > _PREFIX_PAYS * _length((np.frombuffer(new, np.uint8),)):
        return quick
    return _prefixed(new, base, _LEVEL)


def _prefixed(new: bytes, base: bytes, level: int) -> bytes:
    size = len(new) + len(base)
    parameters = zstandard.ZstdCompressionParameters.from_level(
        level, source_size=size, dict_size=len(base), window_log=_WINDOW_LOG
    )
    as_it_is = zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    compressor = zstandard.ZstdCompressor(dict_data=as_it_is, compression_params=parameters)
    return compressor.compress(new)


assert 1 << _WINDOW_LOG >= wire.CHUNK_BYTES_MAX + BASE_BYTES_MAX
