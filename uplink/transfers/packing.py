"""Cutting an artefact into packs, each a file of its own on the link."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import google_crc32c

from telemetry import onboard
from uplink.registry import store
from uplink.registry.models import Artefact
from uplink.transfers.models import Pack, Shipment, Transfer

_READ_BYTES = 1024 * 1024
RELEASE = -2
"""Number of the shipment that carries signed metadata."""


def pack(artefact: Artefact, *, pack_bytes: int = onboard.PACK_BYTES) -> list[Pack]:
    """Return the artefact's packs in order, computing them from its bytes the first time.

    Safe to repeat and to race: packs are rows under a unique constraint. Reads the file once, one
    mebibyte at a time.
    """
    known = list(artefact.packs.all())
    if known:
        return known
    path = store.path_of(artefact.sha256)
    Pack.objects.bulk_create(cut(artefact, path, pack_bytes), ignore_conflicts=True)
    return list(artefact.packs.all())


def cut(artefact: Artefact, path: Path, pack_bytes: int) -> list[Pack]:
    """Return unsaved packs of `pack_bytes` (the last may be shorter) with their digests."""
    packs: list[Pack] = []
    with path.open("rb") as file:
        for number in range(-(-artefact.size_bytes // pack_bytes)):
            digest, crc, size = hashlib.sha256(), 0, 0
            while size < pack_bytes:
                piece = file.read(min(_READ_BYTES, pack_bytes - size))
                if not piece:
                    break
                digest.update(piece)
                crc = google_crc32c.extend(crc, piece)
                size += len(piece)
            packs.append(
                Pack(
                    artefact=artefact,
                    number=number,
                    offset_bytes=number * pack_bytes,
                    size_bytes=size,
                    sha256=digest.hexdigest(),
                    crc32c=crc,
                )
            )
    return packs


def manifest_of(artefact: Artefact) -> bytes:
    """Return the manifest that tells a satellite how the packs make the artefact.

    The same bytes every time: they are sent in several goes and have a checksum.
    """
    packs = [{"sha256": one.sha256, "size": one.size_bytes} for one in artefact.packs.all()]
    manifest = {"artefact": artefact.sha256, "size": artefact.size_bytes, "packs": packs}
    return json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()


def digest_of(manifest: bytes) -> str:
    """Return the SHA-256 by which an order to fetch names a manifest."""
    return hashlib.sha256(manifest).hexdigest()


def crc32c(data: bytes) -> int:
    """Return the CRC-32C of a few bytes held in memory."""
    return google_crc32c.value(data)


def release_of(transfer: Transfer) -> list[Shipment]:
    """Return the file of signed metadata that goes before all others, for what is to be installed.

    It is written when it is its turn (`flying`), so that it is fresh and its number the highest.
    """
    if not transfer.activate and transfer.version_id is None:
        return []
    return [
        Shipment(
            transfer=transfer,
            number=RELEASE,
            name=f"{onboard.RELEASE_NAME}{transfer.pk}",
            size_bytes=0,
            sha256="",
            crc32c=0,
        )
    ]


def files_of(transfer: Transfer) -> list[Shipment]:
    """Return the files of a transfer that goes whole, unsaved: release, manifest, then the packs.

    Bytes met twice go once.
    """
    artefact = transfer.artefact
    manifest = manifest_of(artefact)
    files = [
        *release_of(transfer),
        Shipment(
            transfer=transfer,
            number=-1,
            name=onboard.MANIFEST_NAME + artefact.sha256,
            size_bytes=len(manifest),
            sha256=artefact.sha256,
            crc32c=crc32c(manifest),
        ),
    ]
    seen: set[str] = set()
    for pack in artefact.packs.all():
        if pack.sha256 in seen:
            continue
        seen.add(pack.sha256)
        files.append(
            Shipment(
                transfer=transfer,
                number=pack.number,
                name=onboard.PACK_NAME + pack.sha256,
                size_bytes=pack.size_bytes,
                sha256=pack.sha256,
                crc32c=pack.crc32c,
            )
        )
    return files
