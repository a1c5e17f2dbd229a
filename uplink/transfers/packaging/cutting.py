"""Cutting a file into chunks that follow its tensors, or else its content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from uplink.registry import formats
from uplink.transfers.packaging import content, wire
from uplink.transfers.packaging.cheapest import OPAQUE, Layout

CHUNK_BYTES = 1024 * 1024
_PADDING_MAX = 4096
"""Up to so many bytes between two tensors belong to the chunk before them."""
_FLOATS = {"F32": 4, "F16": 2, "BF16": 2, "0": 4, "1": 2, "30": 2}
"""Bytes of a number by type: safetensors by name, GGUF by number (ggml.h)."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a file; `tensor` is its number in the list of tensors, -1 outside of all."""

    offset: int
    length: int
    digest: bytes
    layout: Layout
    tensor: int = -1


@dataclass(frozen=True, slots=True)
class Cut:
    """A file in chunks that cover it from end to end, and the tensors that they follow."""

    path: Path
    size: int
    sha256: bytes
    chunks: tuple[Chunk, ...]
    tensors: tuple[formats.Extent, ...]


def cut(path: Path) -> Cut:
    """Read the file once and return its chunks. The same file is always cut the same way.

    A file whose header cannot be read as GGUF or safetensors is cut by its content.
    """
    size = path.stat().st_size
    tensors = _tensors(path)
    whole, chunks = hashlib.sha256(), []
    with path.open("rb") as file:

        def read(offset: int, count: int) -> bytes:
            file.seek(offset)
            return file.read(count)

        for start, stop, number in _regions(tensors, size):
            at = start
            for length in _lengths(read, start, stop, tensors, number):
                data = read(at, length)
                whole.update(data)
                layout = OPAQUE if number < 0 else layout_of(tensors[number])
                chunks.append(Chunk(at, length, wire.digest(data), layout, number))
                at += length
    return Cut(path, size, whole.digest(), tuple(chunks), tuple(tensors))


def layout_of(tensor: formats.Extent) -> Layout:
    """Return what is known of the bytes of a tensor's chunks."""
    width = _FLOATS.get(tensor.kind)
    if width:
        return Layout((width,), width)
    return Layout((tensor.block_bytes, 1) if tensor.block_bytes > 1 else (1,), 1)


def _tensors(path: Path) -> list[formats.Extent]:
    """Return the tensors that lie apart, in the order of their offsets; none when unknown."""
    with path.open("rb") as file:
        form = "gguf" if file.read(4) == b"GGUF" else "safetensors"
    try:
        found = formats.extents(path, form)
    except formats.MalformedFile:
        return []
    apart, end = [], 0
    for one in sorted(found, key=lambda one: (one.offset, -one.length, one.name)):
        if one.length and one.block_bytes and one.offset >= end:
            apart.append(one)
            end = one.offset + one.length
    return apart


def _regions(tensors: list[formats.Extent], size: int) -> Iterator[tuple[int, int, int]]:
    """Yield start, end and number of each tensor, padding included, and -1 for what is between."""
    end = 0
    for number, one in enumerate(tensors):
        if one.offset > end:
            yield end, one.offset, -1
        following = tensors[number + 1].offset if number + 1 < len(tensors) else size
        end = one.offset + one.length
        if following - end <= _PADDING_MAX:
            end = following
        yield one.offset, end, number
    if end < size:
        yield end, size, -1


def _lengths(
    read: content.Read, start: int, stop: int, tensors: list[formats.Extent], number: int
) -> Iterator[int]:
    if number < 0:
        yield from content.lengths(read, start, stop)
        return
    tensor = tensors[number]
    pieces = -(-tensor.length // CHUNK_BYTES)
    blocks = -(-tensor.length // tensor.block_bytes)
    step = -(-blocks // pieces) * tensor.block_bytes
    at = start
    while tensor.offset + tensor.length - at > step:
        yield step
        at += step
    yield stop - at
