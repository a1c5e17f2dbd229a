"""One encoded chunk, and decoding it on its own in bounded memory.

A hostile chunk can waste the time of decompressing one chunk, no more: lengths are compared with
what the manifest says before anything is made of them, and the result counts by its digest only.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import zstandard

from uplink.transfers.packaging import transforms, wire

STRIDE_MAX = 512
"""Longer than any block of a quantisation (Q8_K has 292 bytes)."""
BASE_BYTES_MAX = 1 << 20 | 1 << 16
WINDOW_BYTES_MAX = 1 << 22
_AS_IT_IS = zstandard.DICT_TYPE_RAWCONTENT
_SPARSE_HEAD = struct.Struct("<I")


class Codec(IntEnum):
    """How a chunk is written; a delta is one that needs a base."""

    RAW = 0
    ZSTD = 1
    PLANES = 2
    XOR = 3
    INTEGER = 4
    PREFIX = 5


DELTAS = frozenset({Codec.XOR, Codec.INTEGER, Codec.PREFIX})
_EVEN = frozenset({Codec.XOR, Codec.INTEGER})
WIDTHS = (1, 2, 4)


@dataclass(frozen=True, slots=True)
class Encoded:
    """One chunk as it travels.

    `width` is the bytes of a number (INTEGER only), `stride` those of an item whose bytes are kept
    in planes; `sparse` says that zeros were left out: a bit a byte and the others, compressed
    apart. `skip` is where in the base's range the bytes lie that XOR and INTEGER compare with.
    """

    codec: Codec
    payload: bytes | memoryview
    stride: int = 1
    width: int = 1
    sparse: bool = False
    skip: int = 0

    @property
    def needs_base(self) -> bool:
        return self.codec in DELTAS

    def head(self) -> bytes:
        """Return everything but the payload as bytes, to be read by `read_head`."""
        shape = self.codec | WIDTHS.index(self.width) << 3 | self.sparse << 5
        skip = wire.number(self.skip) if self.codec in _EVEN else b""
        return bytes([shape]) + wire.number(self.stride) + skip


def read_head(reader: wire.Reader) -> Encoded:
    """Return an encoding that has no payload yet; `Malformed` when there is no such encoding."""
    shape = reader.byte()
    stride = reader.number(STRIDE_MAX, "a stride")
    kind, width, sparse = shape & 7, shape >> 3 & 3, bool(shape >> 5 & 1)
    if kind > max(Codec) or width >= len(WIDTHS) or shape >> 6 or not stride:
        raise wire.Malformed(f"an encoding of 0x{shape:02x} and stride {stride} is not known")
    skip = reader.number(BASE_BYTES_MAX, "what is skipped") if kind in _EVEN else 0
    return Encoded(Codec(kind), b"", stride, WIDTHS[width], sparse, skip)


def decode(encoded: Encoded, length: int, base: bytes | None = None) -> memoryview:
    """Return the chunk's `length` bytes; `Malformed` when the payload cannot make them.

    `base` is the range that a delta was made against, checked by the caller. Memory: the payload,
    the base and three times the chunk at most.
    """
    if not 0 <= length <= wire.CHUNK_BYTES_MAX:
        raise wire.Malformed(f"a chunk of {length} bytes is longer than any")
    if encoded.needs_base and (base is None or len(base) > BASE_BYTES_MAX):
        raise wire.Malformed(f"{encoded.codec.name} without a base it could use")
    if encoded.codec in _EVEN and encoded.skip + length > len(base or b""):
        raise wire.Malformed(f"{encoded.codec.name} against a base of {len(base or b'')} bytes")
    if encoded.codec == Codec.RAW:
        if len(encoded.payload) != length:
            raise wire.Malformed(f"{len(encoded.payload)} raw bytes, not {length}")
        return memoryview(encoded.payload)
    if encoded.codec == Codec.PREFIX:
        return memoryview(_inflate(encoded.payload, length, prefix=base))
    data = transforms.join(_residue(encoded, length), encoded.stride)
    if base is not None and encoded.codec in _EVEN:
        if not data.flags.writeable:
            data = data.copy()
        _onto(data, np.frombuffer(base, np.uint8, length, encoded.skip), encoded)
    return data.data


def _onto(data: transforms.Bytes, base: transforms.Bytes, encoded: Encoded) -> None:
    if encoded.codec == Codec.XOR:
        np.bitwise_xor(data, base, out=data)
    else:
        transforms.add(data, base, encoded.width)


def _residue(encoded: Encoded, length: int) -> transforms.Bytes:
    if not encoded.sparse:
        return np.frombuffer(_inflate(encoded.payload, length), np.uint8)
    payload = memoryview(encoded.payload)
    if len(payload) < _SPARSE_HEAD.size:
        raise wire.Malformed("a sparse chunk is cut short")
    (mask_bytes,) = _SPARSE_HEAD.unpack_from(payload)
    payload = payload[_SPARSE_HEAD.size :]
    if mask_bytes > len(payload):
        raise wire.Malformed("the mask of a sparse chunk is cut short")
    mask = np.frombuffer(_inflate(payload[:mask_bytes], -(-length // 8)), np.uint8)
    values = np.frombuffer(_inflate(payload[mask_bytes:], length, fewer=True), np.uint8)
    try:
        return transforms.scatter(mask, values, length)
    except ValueError as error:
        raise wire.Malformed(f"a sparse chunk: {error}") from error


def sparse_payload(mask: bytes, values: bytes) -> bytes:
    """Return two compressed parts as one payload."""
    return _SPARSE_HEAD.pack(len(mask)) + mask + values


def _inflate(
    frame: bytes | memoryview, length: int, *, prefix: bytes | None = None, fewer: bool = False
) -> bytes:
    """Return what a zstd frame holds, `length` bytes (or `fewer`), and refuse any other size
    before room is made for it."""
    dictionary = None
    if prefix is not None:
        dictionary = zstandard.ZstdCompressionDict(prefix, dict_type=_AS_IT_IS)
    try:
        said = zstandard.get_frame_parameters(frame)
        size = said.content_size
        if size > length or (size < length and not fewer):
            raise wire.Malformed(f"a frame of {size} bytes where {length} belong")
        if said.window_size > WINDOW_BYTES_MAX:
            raise wire.Malformed(f"a window of {said.window_size} bytes")
        data = zstandard.ZstdDecompressor(dict_data=dictionary).decompress(
            frame, max_output_size=max(length, 1), allow_extra_data=False
        )
    except zstandard.ZstdError as error:
        raise wire.Malformed(f"not a zstd frame: {error}") from error
    if len(data) != size:
        raise wire.Malformed(f"a frame of {size} bytes held {len(data)}")
    return data
