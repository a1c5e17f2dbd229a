"""What satellites hold already: which transfers go as chunks, their packs, and their repairs.

A transfer to a satellite that holds another build of the same model is made of a package: a
manifest and packs of differences, made once for both builds. What the satellite then says it lacks
is packed for it alone. Where that gains nothing, or too much of the base is gone, the transfer goes
whole.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import google_crc32c
import numpy as np
from django.db import transaction
from django.db.models import Max, Q

from constellation.models import Satellite
from telemetry import onboard
from telemetry.packets.handlers import StoredPacket
from uplink.conduct import wake
from uplink.registry import store
from uplink.registry.models import Artefact, Version
from uplink.transfers import packing, progress, tasks
from uplink.transfers.models import (
    Deployment,
    Package,
    PackageFile,
    PackageState,
    Repair,
    Shipment,
    State,
    Transfer,
)
from uplink.transfers.packaging import building, cutting, manifests, packs, wants, wire

ARTEFACT_BYTES_MIN = 1024 * 1024
"""Shorter artefacts go whole: a contact carries them before anything could be compared."""
WORTH = 0.9
"""A package must be so much of its artefact at most."""
LACKING_MOST = 0.5
"""A satellite that lacks so much of what its base should give is sent the artefact whole."""
_COMING = [PackageState.PREPARING, PackageState.READY]
UNDER_WAY = [State.QUEUED, State.SENDING, State.VERIFYING]

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
    return package if package.state in _COMING else None


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
    return package if package.state in _COMING else None


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
        Shipment(
            transfer=transfer,
            number=-1,
            name=onboard.MANIFEST_NAME + transfer.artefact_id,
            size_bytes=len(manifest),
            sha256=transfer.artefact_id,
            crc32c=packing.crc32c(manifest),
        )
    ]
    return files + [_shipment(transfer, one) for one in package.files.filter(transfer=None)]


def _shipment(transfer: Transfer, file: PackageFile) -> Shipment:
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
    made = _plan(package)
    manifest = manifests.encode(made.manifest)
    files = _pack(made, building.expected(made.manifest, [0]), watch)
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


def _plan(package: Package) -> building.Plan:
    new, base = (cutting.cut(store.bring(one)) for one in (package.artefact_id, package.base_id))
    return building.plan(new, [base])


def _pack(made: building.Plan, wanted: wants.Wants, watch: Watch) -> list[PackageFile]:
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
    for transfer in rows.filter(package=package, state__in=UNDER_WAY, shipments=None):
        if package.state == PackageState.READY:
            transfer.package = package
        else:
            transfer.package = None
            transfer.save(update_fields=["package"])
        Shipment.objects.bulk_create(files_of(transfer))
        progress.settle(transfer, now=now)
        wake.satellite(transfer.satellite_id)


# --- what a satellite lacks ---


def take_want_list(packet: StoredPacket, *, now: datetime) -> None:
    """Handle a WANT_LIST: have packed what no file of the transfer brings, or has brought whole."""
    sha, taken, first, count, length = onboard.WANT_LIST_LAYOUT.unpack_from(packet.payload)
    body = packet.payload[onboard.WANT_LIST_LAYOUT.size :][:length]
    transfer = (
        Transfer.objects.select_for_update(of=["self"])
        .select_related("artefact", "satellite", "package")
        .filter(
            satellite_id=packet.satellite_id,
            artefact_id=sha.hex(),
            state__in=UNDER_WAY,
            package__state=PackageState.READY,
        )
        .first()
    )
    if transfer is None or transfer.created_at.timestamp() * 1e9 > packet.generated_ns:
        return
    total = transfer.package.chunks
    if first + count > total:
        raise wire.Malformed(f"{first} and {count} chunks more of {total} are wanted")
    wanted = np.zeros(total, np.uint8)
    wanted[first : first + count] = wants.decode(body, count)
    wanted[wanted > wants.FROM_BASE] = wants.LACKING  # a package has one base
    _leave_out_what_comes(wanted, transfer, taken)
    if not wanted.any():
        return
    if np.count_nonzero(wanted == wants.LACKING) > LACKING_MOST * total:
        _send_whole(transfer, now=now)
        return
    _ask_for(transfer, wanted, now=now)


def _leave_out_what_comes(wanted: wants.Wants, transfer: Transfer, taken: int) -> None:
    """Clear what files not yet delivered bring, and what delivered ones did if the satellite had
    not taken them all when it spoke."""
    rows = transfer.shipments.filter(number__gte=0)
    delivered = dict(rows.values_list("number", "delivered"))
    was_behind = taken < sum(delivered.values())
    for number, chunks in transfer.package.files.filter(
        Q(transfer=None) | Q(transfer=transfer)
    ).values_list("number", "chunks"):
        if was_behind or not delivered.get(number, True):
            wanted[chunks] = wants.HELD


def _ask_for(transfer: Transfer, wanted: wants.Wants, *, now: datetime) -> None:
    repair = Repair.objects.select_for_update().filter(transfer=transfer).first()
    if repair is not None:
        before = wants.decode(bytes(repair.wanted), len(wanted))
        wanted = np.where(wanted == wants.HELD, before, wanted)
    Repair.objects.update_or_create(
        transfer=transfer, defaults={"wanted": wants.encode(wanted), "asked_at": now}
    )
    transaction.on_commit(lambda: tasks.repair_transfer.delay(transfer_id=str(transfer.pk)))


def repair(transfer_id: str, *, now: datetime, watch: Watch) -> None:
    """Pack what a satellite asked for, for it alone. Safe to repeat."""
    asked = (
        Repair.objects.select_related("transfer__package", "transfer__artefact")
        .filter(transfer=transfer_id)
        .first()
    )
    if asked is None:
        return
    package, encoded = asked.transfer.package, bytes(asked.wanted)
    files = []
    if package is not None and asked.transfer.state in UNDER_WAY:
        made = _plan(package)
        files = _pack(made, wants.decode(encoded, len(made.manifest)), watch)
    with transaction.atomic():
        transfer = Transfer.objects.select_for_update(of=["self"]).get(pk=transfer_id)
        asked = Repair.objects.select_for_update().filter(transfer=transfer).first()
        if asked is None or bytes(asked.wanted) != encoded:
            return  # more was asked for in the meantime: the next one packs all of it
        asked.delete()
        if transfer.package_id is None or transfer.state not in UNDER_WAY:
            return
        _add(transfer, files, now=now)


def fall_back(transfer_id: str, *, now: datetime) -> None:
    """What was asked for cannot be packed: the transfer goes whole."""
    with transaction.atomic():
        rows = Transfer.objects.select_for_update(of=["self"]).select_related("artefact")
        transfer = rows.filter(pk=transfer_id, package__isnull=False, state__in=UNDER_WAY).first()
        if transfer is not None:
            _send_whole(transfer, now=now)


def _add(transfer: Transfer, files: list[PackageFile], *, now: datetime) -> None:
    """Give a transfer more files."""
    Package.objects.select_for_update().get(pk=transfer.package_id)
    last = transfer.package.files.aggregate(last=Max("number"))["last"]
    for number, one in enumerate(files, start=0 if last is None else last + 1):
        one.package, one.number, one.transfer = transfer.package, number, transfer
    PackageFile.objects.bulk_create(files)
    Shipment.objects.bulk_create(_shipment(transfer, one) for one in files)
    if transfer.state == State.VERIFYING:
        progress.move(transfer, State.SENDING, now=now)
    else:
        progress.settle(transfer, now=now)
    wake.satellite(transfer.satellite_id)


def _send_whole(transfer: Transfer, *, now: datetime) -> None:
    """Begin again without a base; what is on board is not asked for again."""
    transfer.shipments.all().delete()
    Repair.objects.filter(transfer=transfer).delete()
    transfer.package = None
    transfer.save(update_fields=["package"])
    Shipment.objects.bulk_create(files_of(transfer))
    progress.move(transfer, State.QUEUED, now=now)
    wake.satellite(transfer.satellite_id)
