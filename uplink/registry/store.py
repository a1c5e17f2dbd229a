"""The content store: artefacts under their SHA-256, streamed in, never whole in memory.

`ARTEFACT_ROOT/sha256/ab/abcdef…`; what is being received lies in `incoming/` until it is right.
"""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from ops import errors

ARTEFACT_BYTES_MAX = 256 * 1024**3
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


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
    """There is no room for the bytes; nothing of them was kept."""

    status = 507
    code = "store_full"


@dataclass(frozen=True, slots=True)
class Received:
    """Bytes that are complete and not yet part of the store: `keep` or `discard` them."""

    path: Path
    sha256: str
    size_bytes: int

    def keep(self) -> Path:
        """Move the bytes to their place and return it; the same bytes twice are kept once."""
        place = path_of(self.sha256)
        place.parent.mkdir(parents=True, exist_ok=True)
        self.path.chmod(0o444)
        self.path.replace(place)
        _sync_folder(place.parent)
        return place

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)


def path_of(sha256: str) -> Path:
    """Return where the bytes of this digest are, or would be."""
    return Path(settings.ARTEFACT_ROOT) / "sha256" / sha256[:2] / sha256


def holds(sha256: str) -> bool:
    return path_of(sha256).is_file()


def receive(
    pieces: Iterable[bytes], *, sha256: str | None = None, most_bytes: int = ARTEFACT_BYTES_MAX
) -> Received:
    """Write a stream to the disk while hashing it; nothing stays behind when it is refused.

    Raises `HashMismatch` when `sha256` is given and another comes out, `TooBig`, `Empty`, and
    `StoreFull` when the disk is. Uses the memory of one piece.
    """
    folder = Path(settings.ARTEFACT_ROOT) / "incoming"
    folder.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=folder)
    path = Path(name)
    try:
        with os.fdopen(number, "wb") as file:
            digest, size = hashlib.sha256(), 0
            for piece in pieces:
                size += len(piece)
                if size > most_bytes:
                    raise TooBig(f"An artefact has at most {most_bytes} bytes.")
                digest.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        if size == 0:
            raise Empty("There were no bytes.")
        if sha256 is not None and digest.hexdigest() != sha256:
            raise HashMismatch(
                f"The bytes have the SHA-256 {digest.hexdigest()}, not {sha256}.",
                sha256=digest.hexdigest(),
            )
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in _FULL:
            raise StoreFull(f"There is no room for the artefact: {error.strerror}.") from error
        raise
    return Received(path, digest.hexdigest(), size)


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
