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
_RESIDUE_LEVEL = 15
"""Of residues that compress well; 19 takes three times as long and gains nothing."""
_OPAQUE_LEVEL = 19
_WORTH_MORE = 0.5
"""Residues that compress at least this well are worth their level."""
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
        tries.append(_Try(Encoded(codec, b"", stride), (transforms.split(data, stride),)))
    best = min(tries, key=lambda one: one.length)
    encoded = best.encode(_OPAQUE_LEVEL if layout.opaque else _LEVEL)
    return encoded if len(encoded.payload) < len(new) else Encoded(Codec.RAW, new)


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
            tries.append(_Try(replace(kind, stride=stride), (planes,)))
            apart = transforms.gather(planes)
            tries.append(_Try(replace(kind, stride=stride, sparse=True), apart))
    best = min(tries, key=lambda one: one.length)
    return best.encode(_RESIDUE_LEVEL if best.length < _WORTH_MORE * len(new) else _LEVEL)


class _Try:
    """One way to write a chunk, compressed quickly: one frame, or two when it is sparse."""

    def __init__(self, kind: Encoded, parts: tuple[transforms.Bytes, ...]) -> None:
        self._kind, self._parts = kind, parts
        self._frames = [_compress(part, _QUICK_LEVEL) for part in parts]

    @property
    def length(self) -> int:
        return sum(map(len, self._frames))

    def encode(self, level: int) -> Encoded:
        """Return it compressed at `level`, or quickly where that is shorter: random bits are.

        A part in which the quick try found nothing at all is not looked through slowly.
        """
        frames = [
            min(quick, _compress(part, level), key=len) if len(quick) < part.size else quick
            for quick, part in zip(self._frames, self._parts, strict=True)
        ]
        payload = sparse_payload(*frames) if self._kind.sparse else frames[0]
        return replace(self._kind, payload=payload)


def _compress(part: transforms.Bytes, level: int) -> bytes:
    return zstandard.ZstdCompressor(level=level).compress(part.data)


def _with_prefix(new: bytes, base: bytes) -> bytes:
    quick = _prefixed(new, base, _PREFIX_LEVEL)
    if len(quick) > _PREFIX_PAYS * len(_compress(np.frombuffer(new, np.uint8), _QUICK_LEVEL)):
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
