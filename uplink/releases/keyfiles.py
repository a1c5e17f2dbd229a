"""Private keys: files of mode 0600 in a folder, and nowhere else.

The folder of people who sign is theirs to carry away; the director's key stays with the ground.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from ops import errors
from uplink.registry.trust.documents import Public

PATTERN = "release-*.key"


class BadKeys(errors.Invalid):
    """A file or folder that does not hold what it should; the message names it."""

    code = "bad_keys"


def folder() -> Path:
    """Return where the development keys are, or would be."""
    return Path(settings.RELEASE_KEYS)


def load(folders: Iterable[Path]) -> list[Ed25519PrivateKey]:
    """Return the keys in all `folders`; `BadKeys` when a file can be read by others."""
    return [_read(path) for one in folders for path in sorted(one.glob(PATTERN))]


def make(where: Path, count: int) -> list[Ed25519PrivateKey]:
    """Make `count` new keys in `where`, and return them."""
    keys = [Ed25519PrivateKey.generate() for _ in range(count)]
    for key in keys:
        _write(where / f"release-{Public.of(key).keyid[:16]}.key", key)
    return keys


def forget(where: Iterable[Path], key: Ed25519PrivateKey) -> None:
    """Delete the file of a key that signs no more."""
    for one in where:
        (one / f"release-{Public.of(key).keyid[:16]}.key").unlink(missing_ok=True)


def director() -> Ed25519PrivateKey:
    """Return the director's key, making it the first time."""
    path = _director()
    if not path.exists():
        _write(path, Ed25519PrivateKey.generate())
    return _read(path)


def replace_director(key: Ed25519PrivateKey) -> None:
    _director().unlink(missing_ok=True)
    _write(_director(), key)


def _director() -> Path:
    return Path(settings.DIRECTOR_KEY_FILE)


def _read(path: Path) -> Ed25519PrivateKey:
    if path.stat().st_mode & 0o077:
        raise BadKeys(f"{path} can be read by others; `chmod 600` it, or take it for stolen.")
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise BadKeys(f"{path} is not a private key in PEM.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKeys(f"{path} is not an Ed25519 key.")
    return key


def _write(path: Path, key: Ed25519PrivateKey) -> None:
    """Write a key whole or not at all; who was first keeps it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    number, name = tempfile.mkstemp(dir=path.parent)  # 0600 by itself
    with os.fdopen(number, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(name, path)
    except FileExistsError:
        pass  # another process was first
    finally:
        os.unlink(name)
