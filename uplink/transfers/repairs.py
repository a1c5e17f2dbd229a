"""What satellites say they lack of a package, and packing it for each alone.

A satellite is sent packs for a whole base before it has said what it holds. Its want-lists correct
that: what no file of the transfer brings is packed anew. Of a base that is mostly gone nothing is
made: the transfer goes whole.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
from django.db import transaction
from django.db.models import Max, Q

from telemetry import onboard
from telemetry.packets.handlers import StoredPacket
from uplink.conduct import wake
from uplink.transfers import packages, progress, tasks
from uplink.transfers.models import (
    ON_ITS_WAY,
    Package,
    PackageFile,
    PackageState,
    Repair,
    Shipment,
    Spread,
    State,
    Transfer,
)
from uplink.transfers.packaging import manifests, wants, wire

LACKING_MOST = 0.5
"""A satellite that lacks so much of what its base should give is sent the artefact whole."""


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
            state__in=ON_ITS_WAY,
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
    if _base_is_gone(wanted, transfer.package):
        _send_whole(transfer, now=now)
        return
    _leave_out_what_comes(wanted, transfer, taken)
    if wanted.any():
        _ask_for(transfer, wanted, now=now)


def _base_is_gone(wanted: wants.Wants, package: Package) -> bool:
    """Say whether most of what the base should give is lacking."""
    lacking = wanted == wants.LACKING
    if not lacking.any():
        return False
    of_base = manifests.decode(bytes(package.manifest)).sources[0].kind != manifests.NOTHING
    return np.count_nonzero(lacking & of_base) > LACKING_MOST * np.count_nonzero(of_base)


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


def repair(transfer_id: str, *, now: datetime, watch: packages.Watch) -> None:
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
    if package is not None and asked.transfer.state in ON_ITS_WAY:
        made = packages.plan_of(package)
        files = packages.pack_files(made, wants.decode(encoded, len(made.manifest)), watch)
    with transaction.atomic():
        transfer = Transfer.objects.select_for_update(of=["self"]).get(pk=transfer_id)
        asked = Repair.objects.select_for_update().filter(transfer=transfer).first()
        if asked is None or bytes(asked.wanted) != encoded:
            return  # more was asked for in the meantime: the next one packs all of it
        asked.delete()
        if transfer.package_id is None or transfer.state not in ON_ITS_WAY:
            return
        _add(transfer, files, now=now)


def fall_back(transfer_id: str, *, now: datetime) -> None:
    """What was asked for cannot be packed: the transfer goes whole."""
    with transaction.atomic():
        rows = Transfer.objects.select_for_update(of=["self"]).select_related("artefact")
        transfer = rows.filter(pk=transfer_id, package__isnull=False, state__in=ON_ITS_WAY).first()
        if transfer is not None:
            _send_whole(transfer, now=now)


def _add(transfer: Transfer, files: list[PackageFile], *, now: datetime) -> None:
    """Give a transfer more files."""
    Package.objects.select_for_update().get(pk=transfer.package_id)
    last = transfer.package.files.aggregate(last=Max("number"))["last"]
    for number, one in enumerate(files, start=0 if last is None else last + 1):
        one.package, one.number, one.transfer = transfer.package, number, transfer
    PackageFile.objects.bulk_create(files)
    Shipment.objects.bulk_create(packages.shipment_of(transfer, one) for one in files)
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
    Spread.objects.filter(transfer=transfer).update(without_package=True)
    Shipment.objects.bulk_create(packages.files_of(transfer))
    if transfer.state == State.SUSPENDED:
        progress.settle(transfer, now=now)
        return
    progress.move(transfer, State.QUEUED, now=now)
    wake.satellite(transfer.satellite_id)
