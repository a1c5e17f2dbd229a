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
    """One file of records, open for appending."""

    def __init__(self, path: Path) -> None:
        """Open or make the file and read what it holds into `records`, a torn end cut off."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        content = path.read_bytes()
        self.records: list[bytes] = []
        self.size = 0
        for start, record in scan(content):
            self.records.append(record)
            self.size = start + len(record)
        if self.size < len(content):
            os.ftruncate(self._file, self.size)

    def append(self, *records: bytes) -> None:
        """Write records in one go; `records` of the opening is not touched."""
        joined = b"".join(map(encode, records))
        write_whole(self._file, joined)
        self.size += len(joined)

    def rewrite(self, records: Iterable[bytes]) -> None:
        """Replace the whole content: a kill leaves the old or the new one."""
        fresh = self.path.with_name(self.path.name + ".new")
        fresh.write_bytes(b"".join(map(encode, records)))
        os.replace(fresh, self.path)
        os.close(self._file)
        self._file = os.open(self.path, os.O_RDWR | os.O_APPEND)
        self.size = os.fstat(self._file).st_size

    def close(self) -> None:
        os.close(self._file)


def write_whole(file: int, content: bytes) -> None:
    """Write everything, in one call unless the kernel takes less."""
    view = memoryview(content)
    while view:
        view = view[os.write(file, view) :]
