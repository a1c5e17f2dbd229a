"""The headers of resumable uploads: tus 1.0.0 (tus.io/protocols/resumable-upload). Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ops import errors

VERSION = "1.0.0"
EXTENSIONS = "creation,checksum,expiration,termination"
CONTENT_TYPE = "application/offset+octet-stream"
METADATA_BYTES_MAX = 4_000
_ALGORITHMS: dict[str, Callable[[], Any]] = {"sha1": hashlib.sha1, "sha256": hashlib.sha256}
ALGORITHMS = ",".join(_ALGORITHMS)


class WrongVersion(errors.Invalid):
    status = 412
    code = "tus_version"


class WrongType(errors.Invalid):
    status = 415
    code = "content_type"


@dataclass(frozen=True, slots=True)
class Checksum:
    """What the bytes of one request must hash to."""

    algorithm: str
    digest: bytes

    def start(self) -> Any:
        return _ALGORITHMS[self.algorithm]()


def check_version(headers: Mapping[str, str]) -> None:
    """Refuse a client that does not say that it speaks this version."""
    if (said := headers.get("Tus-Resumable", "")) != VERSION:
        raise WrongVersion(f"Tus-Resumable is {said!r}; version {VERSION} is spoken here.")


def length(headers: Mapping[str, str], name: str) -> int:
    """Return the bytes that a header counts."""
    said = headers.get(name, "")
    if not said.isascii() or not said.isdigit() or len(said) > 15:
        raise errors.Invalid(f"{name} must be a number of bytes, not {said!r}.")
    return int(said)


def metadata(header: str) -> dict[str, str]:
    """Return the pairs of `Upload-Metadata`: `key base64value,key base64value`."""
    if len(header) > METADATA_BYTES_MAX:
        raise errors.Invalid(f"Upload-Metadata has more than {METADATA_BYTES_MAX} bytes.")
    said: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in header.split(","))):
        key, _, value = pair.partition(" ")
        if key in said:
            raise errors.Invalid(f"Upload-Metadata gives {key!r} twice.")
        try:
            said[key] = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise errors.Invalid(f"Upload-Metadata: {key!r} is not base64 of UTF-8.") from error
    return said


def checksum(header: str) -> Checksum | None:
    """Return what `Upload-Checksum` says, `algorithm base64digest`; None when it is not there."""
    if not header:
        return None
    algorithm, _, value = header.partition(" ")
    if algorithm not in _ALGORITHMS:
        raise errors.Invalid(f"Upload-Checksum: {algorithm!r} is not one of {ALGORITHMS}.")
    try:
        digest = base64.b64decode(value.strip(), validate=True)
    except binascii.Error as error:
        raise errors.Invalid("Upload-Checksum: the digest is not base64.") from error
    if len(digest) != _ALGORITHMS[algorithm]().digest_size:
        raise errors.Invalid(f"Upload-Checksum: no {algorithm} has {len(digest)} bytes.")
    return Checksum(algorithm, digest)
