"""Which transfers go as chunks, and the packs of these.

A transfer to a satellite that holds another build of the same model is made of a package: a
manifest and packs of differences, made once for both builds. Where that gains nothing the transfer
goes whole. What a satellite then lacks is told in `repairs`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import google_crc32c
from django.db import transaction

from constellation.models import Satellite
from telemetry import onboard
from uplink.conduct import wake
from uplink.registry import store
from uplink.registry.models import Artefact, Version
from uplink.transfers import packing, progress, tasks
from uplink.transfers.models import (
    ON_ITS_WAY,
    Deployment,
    Package,
    PackageFile,
    PackageState,
    Shipment,
    Transfer,
)
from uplink.transfers.packaging import building, cutting, manifests, packs, wants

ARTEFACT_BYTES_MIN = 1024 * 1024
"""Shorter artefacts go whole: a contact carries them before anything could be compared."""
WORTH = 0.9
"""A package must be so much of its artefact at most."""
COMING = [PackageState.PREPARING, PackageState.READY]

Watch = Callable[[], None]


# --- choosing ---


def package_for(
    satellite: Satellite, artefact: Artefact, version: Version | None
) -> Package | None:
    """Return the package by which this transfer should go, made or not; None: send it whole."""
    if artefact.size_bytes < ARTEFACT_BYTES_MIN:
        return None
    base = _base(satellite, artefact, version)
    if base is None:
        return None
    package, _ = Package.objects.get_or_create(artefact=artefact, base=base)
    return package if package.state in COMING else None


def _base(satellite: Satellite, artefact: Artefact, version: Version | None) -> Artefact | None:
    """Return what the satellite is known to hold that is most like the artefact.

    Of the same model when one is named: what is active first, then what is in a slot, then what
    was verified last. Else of the same format.
    """
    known = Deployment.objects.filter(satellite=satellite).first()
    digests = [known.active_sha256, known.slot_a_sha256, known.slot_b_sha256] if known else []
    digests += (
        Transfer.objects.filter(satellite=satellite, verified_at__isnull=False)
        .order_by("-verified_at")
        .values_list("artefact_id", flat=True)[:8]
    )
    rows = Artefact.objects.filter(pk__in=digests, format=artefact.format, kind=artefact.kind)
    if version is not None:
        rows = rows.filter(versions__model=version.model_id)
    held = {one.pk: one for one in rows.exclude(pk=artefact.pk) if store.holds(one.pk)}
    return next((held[digest] for digest in digests if digest in held), None)


def standing(package: Package | None) -> Package | None:
    """Return a package as it stands, locked against being finished until this transaction ends.

    None when by now it is known that it will not be.
    """
    if package is None:
        return None
    package = Package.objects.select_for_update(no_key=True).get(pk=package.pk)
    return package if package.state in COMING else None


def have_made(package: Package | None) -> None:
    """See to it that a package is made, once this transaction commits."""
    if package is not None and package.state == PackageState.PREPARING:
        transaction.on_commit(lambda: tasks.prepare_package.delay(package_id=package.pk))


def files_of(transfer: Transfer) -> list[Shipment]:
    """Return the files of a transfer, unsaved, the manifest first; none while they are made."""
    package = transfer.package
    if package is None:
        return packing.files_of(transfer)
    if package.state != PackageState.READY:
        return []
    manifest = bytes(package.manifest)
    files = [
        *packing.release_of(transfer),
        Shipment(
            transfer=transfer,
            number=-1,
            name=onboard.MANIFEST_NAME + transfer.artefact_id,
            size_bytes=len(manifest),
            sha256=transfer.artefact_id,
            crc32c=packing.crc32c(manifest),
        ),
    ]
    return files + [shipment_of(transfer, one) for one in package.files.filter(transfer=None)]


def shipment_of(transfer: Transfer, file: PackageFile) -> Shipment:
    return Shipment(
        transfer=transfer,
        number=file.number,
        name=onboard.CHUNKS_NAME + file.sha256,
        size_bytes=file.size_bytes,
        sha256=file.sha256,
        crc32c=file.crc32c,
    )


# --- making ---


def prepare(package_id: int, *, now: datetime, watch: Watch) -> None:
    """Make a package and give its files to the transfers that wait for it. Safe to repeat.

    Reads both artefacts, one chunk at a time; `watch` is called after each chunk.
    """
    package = Package.objects.filter(pk=package_id, state=PackageState.PREPARING).first()
    if package is None:
        return
    made = plan_of(package)
    manifest = manifests.encode(made.manifest)
    files = pack_files(made, building.expected(made.manifest, [0]), watch)
    size_bytes = len(manifest) + sum(one.size_bytes for one in files)
    is_worth_it = size_bytes <= WORTH * package.artefact.size_bytes
    with transaction.atomic():
        package = Package.objects.select_for_update().get(pk=package.pk)
        if package.state != PackageState.PREPARING:
            return
        package.state = PackageState.READY if is_worth_it else PackageState.NOT_WORTH_IT
        if is_worth_it:
            package.manifest, package.chunks = manifest, len(made.manifest)
            for number, one in enumerate(files):
                one.package, one.number = package, number
            PackageFile.objects.bulk_create(files)
        package.save()
        _give_out(package, now=now)


def give_up(package_id: int, reason: str, *, now: datetime) -> None:
    """A package cannot be made: what waits for it goes whole."""
    with transaction.atomic():
        package = Package.objects.select_for_update().get(pk=package_id)
        if package.state == PackageState.PREPARING:
            package.state, package.reason = PackageState.FAILED, reason[:300]
            package.save()
            _give_out(package, now=now)


def plan_of(package: Package) -> building.Plan:
    new, base = (cutting.cut(store.bring(one)) for one in (package.artefact_id, package.base_id))
    return building.plan(new, [base])


def pack_files(made: building.Plan, wanted: wants.Wants, watch: Watch) -> list[PackageFile]:
    """Return unsaved files; their bytes are in the content store."""
    files = []
    with tempfile.TemporaryDirectory(dir=store.incoming(), prefix="package-") as folder:
        for one in building.pack(made, [wanted], Path(folder), watch=watch):
            crc32c = _keep(one.pack)
            files.append(
                PackageFile(
                    size_bytes=one.pack.size,
                    sha256=one.pack.sha256.hex(),
                    crc32c=crc32c,
                    chunks=list(one.pack.numbers),
                )
            )
    return files


def _keep(pack: packs.Pack) -> int:
    """Put a pack into the content store and return its CRC-32C."""
    content = pack.path.read_bytes()
    store.receive([content], sha256=pack.sha256.hex()).keep()
    return google_crc32c.value(content)


def _give_out(package: Package, *, now: datetime) -> None:
    """Give files to the transfers that wait for this package."""
    rows = Transfer.objects.select_for_update(of=["self"]).select_related("artefact", "satellite")
    for transfer in rows.filter(package=package, state__in=ON_ITS_WAY, shipments=None):
        if package.state == PackageState.READY:
            transfer.package = package
        else:
            transfer.package = None
            transfer.save(update_fields=["package"])
        Shipment.objects.bulk_create(files_of(transfer))
        progress.settle(transfer, now=now)
        wake.satellite(transfer.satellite_id)
