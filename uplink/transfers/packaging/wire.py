"""Numbers and bytes of the compact encodings, read with bounds."""

from __future__ import annotations

import blake3

DIGEST_BYTES = 32
NAME_BYTES = 16
"""The first half of a digest: enough to name a range among those of a manifest."""
CHUNK_BYTES_MAX = (1 << 20) + (1 << 16)
"""A chunk is about 1 MiB; a satellite makes room for no longer one."""
PLACE_MAX = 1 << 48
"""Sizes and offsets of files stay below."""


class Malformed(ValueError):
    """Bytes that are not what they should be; the message says which and why."""


def digest(data: bytes | memoryview) -> bytes:
    """Return the BLAKE3 of a chunk."""
    return blake3.blake3(data).digest()


def number(value: int) -> bytes:
    """Return a number from 0 in seven bits a byte, the low ones first (LEB128)."""
    assert value >= 0
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def signed(value: int) -> bytes:
    """Return a number of either sign, small ones short (zig-zag)."""
    return number(value << 1 if value >= 0 else (-value << 1) - 1)


class Reader:
    """Reads forward through `data` and never beyond; `Malformed` instead."""

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = memoryview(data)
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._data) - self._at

    def take(self, count: int) -> memoryview:
        if not 0 <= count <= self.left:
            raise Malformed(f"{count} bytes more are wanted at byte {self._at}, {self.left} left")
        piece = self._data[self._at : self._at + count]
        self._at += count
        return piece

    def byte(self) -> int:
        return self.take(1)[0]

    def number(self, most: int, what: str) -> int:
        """Return a number that is at most `most`; `what` names it in the refusal."""
        value = 0
        for shift in range(0, 64, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if value > most:
                    raise Malformed(f"{what} is {value}, more than {most}")
                return value
        raise Malformed(f"{what} has no end")

    def signed(self, most: int, what: str) -> int:
        """Return a number of either sign whose size is at most `most`."""
        value = self.number(2 * most, what)
        return value >> 1 if not value & 1 else -((value + 1) >> 1)

    def end(self) -> None:
        if self.left:
            raise Malformed(f"{self.left} bytes too many")
