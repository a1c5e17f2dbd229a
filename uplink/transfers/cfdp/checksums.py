"""The checksums of files (727.0-B-5, 4.2): modular, CRC-32C, CRC-32 and none, piece by piece."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import google_crc32c
import numpy as np

from uplink.transfers.cfdp.directives import Checksum

PIECE_BYTES = 1 << 20
KNOWN = frozenset(Checksum)


def checksum_of(kind: int, read: Callable[[int, int], bytes], size: int) -> int:
    """Return the checksum of the first `size` bytes that `read(offset, count)` gives.

    No more than 1 MiB is held at a time. `ValueError` names a kind that is not known, `OSError`
    tells that the file is shorter.
    """
    extend = _EXTEND[Checksum(kind)]
    if extend is None:
        return 0
    value = 0
    for at in range(0, size, PIECE_BYTES):
        count = min(PIECE_BYTES, size - at)
        piece = read(at, count)
        if len(piece) != count:
            raise OSError(f"{len(piece)} bytes are there at {at} where {count} should be")
        value = extend(value, piece)
    return value


def _extend_modular(value: int, piece: bytes) -> int:
    """Add the piece as words of 4 bytes, the last one filled up with zeros (annex F)."""
    words = np.frombuffer(piece + bytes(-len(piece) % 4), ">u4")
    return (value + int(words.sum(dtype=np.uint64))) & 0xFFFFFFFF


_EXTEND: dict[Checksum, Callable[[int, bytes], int] | None] = {
    Checksum.MODULAR: _extend_modular,
    Checksum.CRC32C: google_crc32c.extend,
    Checksum.CRC32: lambda value, piece: zlib.crc32(piece, value),
    Checksum.NULL: None,
}
