"""The manifest: what the chunks of an artefact are, and where bases have them.

It travels before anything else, so it is small: some 36 bytes a chunk, and 20 more for each that
has to be compared with a base. On board it stays in columns, not in objects: 20 GB are 20,000
chunks and 1.3 MB.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from uplink.transfers.packaging import wire
from uplink.transfers.packaging.codec import BASE_BYTES_MAX
from uplink.transfers.packaging.wire import DIGEST_BYTES, NAME_BYTES, Malformed

MAGIC = b"ZMAN"
VERSION = 1
CHUNKS_MAX = 1 << 20
BASES_MAX = 16
_SHA256_BYTES = 32
NOTHING, EXACT, NEAR = 0, 1, 2
"""What a base has of a chunk: nothing, the same bytes, or bytes that a delta is made against."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the base with this SHA-256 has the chunks; columns with an entry a chunk."""

    sha256: bytes
    size: int
    kind: npt.NDArray[np.uint8]
    offset: npt.NDArray[np.int64]
    length: npt.NDArray[np.int32]
    names: npt.NDArray[np.uint8]
    """(chunks, 16): the names of the ranges that are NEAR; the others are zeros."""

    def name(self, number: int) -> bytes:
        return self.names[number].tobytes()


@dataclass(frozen=True, slots=True)
class Manifest:
    """The chunks of the artefact with this SHA-256, one behind the other."""

    sha256: bytes
    size: int
    lengths: npt.NDArray[np.int32]
    digests: npt.NDArray[np.uint8]
    """(chunks, 32)"""
    sources: tuple[Sources, ...] = ()

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def offsets(self) -> npt.NDArray[np.int64]:
        """Return where each chunk begins, and at the end the size: one entry more than chunks."""
        return np.concatenate([[0], np.cumsum(self.lengths, dtype=np.int64)])

    def digest(self, number: int) -> bytes:
        return self.digests[number].tobytes()


def twins(manifest: Manifest) -> dict[int, tuple[int, ...]]:
    """Return for chunks with the same bytes the numbers of all of them, ascending."""
    if not len(manifest):
        return {}
    # Eight bytes find them, and what is compared stays in columns: only real twins are objects.
    parts = np.ascontiguousarray(manifest.digests).view("<u8")[:, 0]
    order = np.argsort(parts, kind="stable")
    starts = np.flatnonzero(np.concatenate([[True], parts[order[1:]] != parts[order[:-1]]]))
    ends = np.append(starts[1:], len(order))
    found: dict[int, tuple[int, ...]] = {}
    for run in np.flatnonzero(ends - starts > 1).tolist():
        group = order[starts[run] : ends[run]]
        same = (manifest.digests[group] == manifest.digests[group[0]]).all(axis=1)
        numbers = tuple(group[same].tolist())
        found.update(dict.fromkeys(numbers, numbers))
    return found


def encode(manifest: Manifest) -> bytes:
    """Return the manifest's bytes; the same ones every time."""
    parts = [MAGIC, bytes([VERSION]), manifest.sha256, wire.number(manifest.size)]
    parts += [wire.number(len(manifest))]
    parts += [wire.number(length) for length in manifest.lengths.tolist()]
    parts += [manifest.digests.tobytes(), wire.number(len(manifest.sources))]
    for base in manifest.sources:
        parts += [base.sha256, wire.number(base.size), _encode_ranges(manifest, base)]
    return b"".join(parts)


def _encode_ranges(manifest: Manifest, base: Sources) -> bytes:
    """Return kinds and ranges; a range is told by how far it lies from the end of the last."""
    parts, end = [base.kind.tobytes()], 0
    columns = (base.kind, base.offset, base.length, manifest.lengths)
    for number, (kind, offset, length, chunk) in enumerate(
        zip(*(column.tolist() for column in columns), strict=True)
    ):
        if kind != NOTHING:
            parts.append(wire.signed(offset - end))
            end = offset + length
        if kind == NEAR:
            parts += [wire.signed(length - chunk), base.name(number)]
    return b"".join(parts)


def decode(data: bytes) -> Manifest:
    """Read a manifest that came from outside; `Malformed` says what is wrong with it.

    Memory follows the length of `data`: what it announces is compared with what is there.
    """
    reader = wire.Reader(data)
    if bytes(reader.take(len(MAGIC))) != MAGIC:
        raise Malformed("it does not begin as a manifest does")
    if (version := reader.byte()) != VERSION:
        raise Malformed(f"version {version} of the manifest is not known, {VERSION} is")
    sha256 = bytes(reader.take(_SHA256_BYTES))
    size = reader.number(wire.PLACE_MAX, "the size")
    count = reader.number(min(CHUNKS_MAX, reader.left // (DIGEST_BYTES + 1)), "the chunks")
    lengths = np.empty(count, np.int32)
    for number in range(count):
        lengths[number] = length = reader.number(wire.CHUNK_BYTES_MAX, "the length of a chunk")
        if not length:
            raise Malformed(f"chunk {number} is empty")
    if int(lengths.sum(dtype=np.int64)) != size:
        raise Malformed(f"the chunks are not as long as the file of {size} bytes")
    digests = _rows(reader, count, DIGEST_BYTES)
    bases = reader.number(BASES_MAX, "the bases")
    sources = tuple(_decode_base(reader, lengths) for _ in range(bases))
    reader.end()
    return Manifest(sha256, size, lengths, digests, sources)


def _rows(reader: wire.Reader, count: int, width: int) -> npt.NDArray[np.uint8]:
    return np.frombuffer(reader.take(count * width), np.uint8).reshape(count, width)


def _decode_base(reader: wire.Reader, lengths: npt.NDArray[np.int32]) -> Sources:
    sha256 = bytes(reader.take(_SHA256_BYTES))
    size = reader.number(wire.PLACE_MAX, "the size of a base")
    kind = np.frombuffer(reader.take(len(lengths)), np.uint8)
    if len(kind) and int(kind.max()) > NEAR:
        raise Malformed("a source is of a kind that is not known")
    base = empty_sources(sha256, size, len(lengths))
    base.kind[:] = kind
    end = 0
    for number in np.flatnonzero(kind).tolist():
        offset = end + reader.signed(wire.PLACE_MAX, "the way to a range")
        length = int(lengths[number])
        if kind[number] == NEAR:
            length += reader.signed(2 * BASE_BYTES_MAX, "the length of a range")
            base.names[number] = np.frombuffer(reader.take(NAME_BYTES), np.uint8)
        end = offset + length
        if offset < 0 or not 0 < length <= BASE_BYTES_MAX or end > size:
            raise Malformed(f"the range of chunk {number} lies outside of its base")
        base.offset[number], base.length[number] = offset, length
    return base


def empty_sources(sha256: bytes, size: int, count: int) -> Sources:
    """Return columns for `count` chunks of which the base has nothing so far."""
    return Sources(
        sha256,
        size,
        np.zeros(count, np.uint8),
        np.zeros(count, np.int64),
        np.zeros(count, np.int32),
        np.zeros((count, NAME_BYTES), np.uint8),
    )
