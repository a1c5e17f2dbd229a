"""Append-only records on disk that outlive a kill at any byte.

A record is `u32 length | u32 CRC-32 | bytes`. A record that the writer was killed in is cut off
when the file is opened again. What was appended is in the kernel's hands when `append` returns,
which a SIGKILL of the process cannot undo (a power cut could; satellites here have none).
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

_HEAD = struct.Struct(">II")
HEAD_BYTES = _HEAD.size


def encode(record: bytes) -> bytes:
    return _HEAD.pack(len(record), zlib.crc32(record)) + record


def scan(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (offset of the bytes, record) until the content ends or stops making sense."""
    at = 0
    while at + HEAD_BYTES <= len(content):
        length, checksum = _HEAD.unpack_from(content, at)
        start, end = at + HEAD_BYTES, at + HEAD_BYTES + length
        record = content[start:end]
        if len(record) < length or zlib.crc32(record) != checksum:
            return
        yield start, record
        at = end


def load(path: Path) -> list[bytes]:
    """Return the records of a journal; none when there is no file."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    return [record for _, record in scan(content)]


class Journal:
    """One file of records. It is opened for each writing and closed again: a fleet has thousands
    of journals, and a process may hold only so many files."""

    def __init__(self, path: Path) -> None:
        """Read what the file holds into `records`, and cut a torn end off."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        content = path.read_bytes() if path.exists() else b""
        self.records: list[bytes] = []
        self.size = 0
        for start, record in scan(content):
            self.records.append(record)
            self.size = start + len(record)
        if self.size < len(content):
            os.truncate(path, self.size)

    def append(self, *records: bytes) -> None:
        """Write records in one go, or none of them; `records` of the opening is not touched.

        OSError when the disk takes no more: what it took of them is cut off again, so that what is
        appended later can be read.
        """
        joined = b"".join(map(encode, records))
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            write_whole(file, joined)
        except OSError:
            os.ftruncate(file, self.size)
            raise
        finally:
            os.close(file)
        self.size += len(joined)

    def rewrite(self, records: Iterable[bytes]) -> None:
        """Replace the whole content: a kill leaves the old or the new one."""
        content = b"".join(map(encode, records))
        fresh = self.path.with_name(self.path.name + ".new")
        fresh.write_bytes(content)
        os.replace(fresh, self.path)
        self.size = len(content)


def write_at(path: Path, content: bytes, offset: int) -> None:
    """Write into a file at an offset; the file is made if need be."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.pwrite(file, content, offset)
    finally:
        os.close(file)


def write_whole(file: int, content: bytes) -> None:
    """Write everything, in one call unless the kernel takes less."""
    view = memoryview(content)
    while view:
        view = view[os.write(file, view) :]
