"""The content store: artefacts under their SHA-256, streamed in, never whole in memory.

`ARTEFACT_ROOT/sha256/ab/abcdef…`; what is being received lies in `incoming/` until it is right.
Django's storage `artefacts` keeps them for good: by default that very folder, and with another one
(S3, by django-storages) the folder is the working copy of what this machine has met.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import blake3
from django.conf import settings
from django.core.files import File
from django.core.files.storage import Storage, storages

from ops import errors
from uplink.registry.storage import Folder

ARTEFACT_BYTES_MAX = 256 * 1024**3
RESERVE_BYTES = 256 * 1024**2
"""Left free on the disk for everybody else."""
PIECE_BYTES = 1024 * 1024
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class HashMismatch(errors.Invalid):
    """The bytes are not those that the digest names."""

    status = 422
    code = "hash_mismatch"


class TooBig(errors.Invalid):
    status = 413
    code = "too_big"


class Empty(errors.Invalid):
    code = "empty"


class StoreFull(errors.Unavailable):
    """There is no room for the bytes."""

    status = 507
    code = "store_full"


class Digests:
    """The SHA-256 and the BLAKE3 of a stream, side by side."""

    def __init__(self) -> None:
        self._sha256, self._blake3, self.size_bytes = hashlib.sha256(), blake3.blake3(), 0

    def update(self, piece: bytes) -> None:
        self._sha256.update(piece)
        self._blake3.update(piece)
        self.size_bytes += len(piece)

    def copy(self) -> Digests:
        other = Digests.__new__(Digests)
        other._sha256, other._blake3 = self._sha256.copy(), self._blake3.copy()
        other.size_bytes = self.size_bytes
        return other

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()

    @property
    def blake3(self) -> str:
        return self._blake3.hexdigest()


@dataclass(frozen=True, slots=True)
class Received:
    """Bytes that are complete and not yet part of the store: `keep` or `discard` them."""

    path: Path
    sha256: str
    blake3: str
    size_bytes: int

    def keep(self) -> Path:
        """Move the bytes to their place and return it; the same bytes twice are kept once.

        Where the storage is elsewhere they are there before they are here.
        """
        if not isinstance(_storage(), Folder) and not _storage().exists(_name(self.sha256)):
            with self.path.open("rb") as file:
                _storage().save(_name(self.sha256), File(file))
        return self._place()

    def _place(self) -> Path:
        place = path_of(self.sha256)
        place.parent.mkdir(parents=True, exist_ok=True)
        self.path.chmod(0o444)
        self.path.replace(place)
        _sync_folder(place.parent)
        return place

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)


def path_of(sha256: str) -> Path:
    """Return where the bytes of this digest are on this machine, or would be."""
    return Path(settings.ARTEFACT_ROOT) / _name(sha256)


def holds(sha256: str) -> bool:
    """Say whether the bytes are here, or can be brought."""
    return path_of(sha256).is_file() or (
        not isinstance(_storage(), Folder) and _storage().exists(_name(sha256))
    )


def bring(sha256: str) -> Path:
    """Return the path of the bytes on this machine, fetching them from the storage if need be.

    Raises `NotFound` when nobody has them, `HashMismatch` when the storage gives others.
    """
    place = path_of(sha256)
    if place.is_file():
        return place
    if not holds(sha256):
        raise errors.NotFound(f"The bytes of {sha256} are not in the store.")
    with _storage().open(_name(sha256), "rb") as file:
        return receive(file.chunks(PIECE_BYTES), sha256=sha256)._place()


def incoming() -> Path:
    """Return the folder of what is being received; it is there."""
    folder = Path(settings.ARTEFACT_ROOT) / "incoming"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def free_bytes() -> int:
    """Return the bytes that the disk of the store has left for artefacts."""
    return max(shutil.disk_usage(incoming()).free - RESERVE_BYTES, 0)


def check_room(size_bytes: int, *, promised_bytes: int = 0) -> None:
    """Refuse a size that is over the limit (`TooBig`) or that the disk cannot take (`StoreFull`).

    `promised_bytes` are those that others still have to bring.
    """
    if size_bytes > ARTEFACT_BYTES_MAX:
        raise TooBig(f"An artefact has at most {ARTEFACT_BYTES_MAX} bytes, not {size_bytes}.")
    free = max(free_bytes() - promised_bytes, 0)
    if size_bytes > free:
        raise StoreFull(
            f"The store has room for {free} bytes, not for {size_bytes}; "
            f"{promised_bytes} more are promised to uploads under way.",
            free_bytes=free,
        )


def receive(
    pieces: Iterable[bytes], *, sha256: str | None = None, most_bytes: int = ARTEFACT_BYTES_MAX
) -> Received:
    """Write a stream to the disk while hashing it; nothing stays behind when it is refused.

    Raises `HashMismatch` when `sha256` is given and another comes out, `TooBig`, `Empty`, and
    `StoreFull` when the disk is. Uses the memory of one piece.
    """
    number, name = tempfile.mkstemp(dir=incoming())
    path, digests = Path(name), Digests()
    try:
        with os.fdopen(number, "wb") as file:
            for piece in pieces:
                if digests.size_bytes + len(piece) > most_bytes:
                    raise TooBig(f"An artefact has at most {most_bytes} bytes.")
                digests.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        return received(path, digests, sha256=sha256)
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in FULL:
            raise StoreFull(f"There is no room for the artefact: {error.strerror}.") from error
        raise


def received(path: Path, digests: Digests, *, sha256: str | None = None) -> Received:
    """Return the complete bytes at `path`; raises `Empty`, and `HashMismatch` as `receive`."""
    if digests.size_bytes == 0:
        raise Empty("There were no bytes.")
    if sha256 and digests.sha256 != sha256:
        raise HashMismatch(
            f"The bytes have the SHA-256 {digests.sha256}, not {sha256}.", sha256=digests.sha256
        )
    return Received(path, digests.sha256, digests.blake3, digests.size_bytes)


def _storage() -> Storage:
    return storages["artefacts"]


def _name(sha256: str) -> str:
    return f"sha256/{sha256[:2]}/{sha256}"


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
