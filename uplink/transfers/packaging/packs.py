"""Packs: files of encoded chunks, named by their SHA-256, each one transaction on the link.

A pack is read record by record, so that its reader holds one chunk at a time.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from uplink.transfers.packaging import codec, wire
from uplink.transfers.packaging.manifests import CHUNKS_MAX
from uplink.transfers.packaging.wire import NAME_BYTES, Malformed

MAGIC = b"ZPAK"
VERSION = 1
HEAD_BYTES = len(MAGIC) + 1 + 32
PACK_BYTES = 4 * 1024 * 1024
PACK_BYTES_MAX = 16 * 1024 * 1024
_RECORD_HEAD_MAX = 3 + 1 + 2 + 3 + NAME_BYTES + 4


@dataclass(frozen=True, slots=True)
class Record:
    """One encoded chunk: its number in the manifest, and the name of the range it is a delta to."""

    number: int
    encoded: codec.Encoded
    base_name: bytes = b""

    def encode(self) -> bytes:
        parts = [wire.number(self.number), self.encoded.head()]
        if self.encoded.needs_base:
            assert len(self.base_name) == NAME_BYTES
            parts.append(self.base_name)
        return b"".join([*parts, wire.number(len(self.encoded.payload)), self.encoded.payload])


@dataclass(frozen=True, slots=True)
class Pack:
    """A finished pack: where it lies, its name, and the chunks that it carries."""

    path: Path
    sha256: bytes
    size: int
    numbers: tuple[int, ...]


class Writer:
    """Puts records into packs of about `pack_bytes` in a folder; holds one record at a time."""

    def __init__(self, folder: Path, artefact: bytes, *, pack_bytes: int = PACK_BYTES) -> None:
        assert HEAD_BYTES + wire.CHUNK_BYTES_MAX < pack_bytes <= PACK_BYTES_MAX
        self._folder, self._head = folder, MAGIC + bytes([VERSION]) + artefact
        self._pack_bytes = pack_bytes
        self._file: BinaryIO | None = None
        self._digest, self._size, self._numbers = hashlib.sha256(), 0, []
        self.packs: list[Pack] = []

    def add(self, record: Record) -> None:
        body = record.encode()
        if self._file is not None and self._size + len(body) > self._pack_bytes:
            self.close()
        if self._file is None:
            handle, name = tempfile.mkstemp(prefix=".open-", dir=self._folder)
            self._file, self._path = os.fdopen(handle, "wb"), Path(name)
            self._digest, self._size, self._numbers = hashlib.sha256(), 0, []
            self._write(self._head)
        self._write(body)
        self._numbers.append(record.number)

    def _write(self, data: bytes) -> None:
        assert self._file is not None
        self._file.write(data)
        self._digest.update(data)
        self._size += len(data)

    def close(self) -> None:
        """Finish the pack under way; it is there whole, under its name, or not at all."""
        if self._file is None:
            return
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._file = None
        sha256 = self._digest.digest()
        path = self._folder / sha256.hex()
        os.replace(self._path, path)
        self.packs.append(Pack(path, sha256, self._size, tuple(self._numbers)))

    def abandon(self) -> None:
        """Forget the pack under way."""
        if self._file is not None:
            self._file.close()
            self._file = None
            self._path.unlink()


def artefact_of(file: BinaryIO) -> bytes | None:
    """Return the SHA-256 of the artefact that a pack says it is of, None when it is no pack."""
    head = file.read(HEAD_BYTES)
    if head[: len(MAGIC)] != MAGIC or len(head) < HEAD_BYTES:
        return None
    return head[len(MAGIC) + 1 :]


def read(file: BinaryIO, artefact: bytes) -> Iterator[Record]:
    """Yield the records of a pack one by one; `Malformed` where it stops making sense.

    The file is not trusted, and neither is what it says of itself: it may be of another artefact.
    """
    head = file.read(HEAD_BYTES)
    if head[: len(MAGIC)] != MAGIC or len(head) < HEAD_BYTES:
        raise Malformed("it does not begin as a pack does")
    if head[len(MAGIC)] != VERSION:
        raise Malformed(f"version {head[len(MAGIC)]} of a pack is not known, {VERSION} is")
    if head[len(MAGIC) + 1 :] != artefact:
        raise Malformed("the pack is of another artefact")
    while start := file.read(_RECORD_HEAD_MAX):
        reader = wire.Reader(start)
        number = reader.number(CHUNKS_MAX, "the number of a chunk")
        encoded = codec.read_head(reader)
        base_name = bytes(reader.take(NAME_BYTES)) if encoded.needs_base else b""
        length = reader.number(wire.CHUNK_BYTES_MAX, "the length of a payload")
        payload = bytes(reader.take(min(length, reader.left)))
        file.seek(-reader.left, os.SEEK_CUR)
        payload += file.read(length - len(payload))
        if len(payload) < length:
            raise Malformed(f"chunk {number} is cut short")
        yield Record(number, replace(encoded, payload=payload), base_name)
