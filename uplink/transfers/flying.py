"""What a contact sends next, and what the database remembers of it."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from constellation.contacts.models import Contact
from constellation.models import Satellite
from ops import errors
from telemetry import onboard
from uplink.registry import store
from uplink.releases import directing
from uplink.transfers import activation, carriages, cfdp, notices, progress
from uplink.transfers.models import ON_ITS_WAY, BulkUplink, Shipment, State, Transfer
from uplink.transfers.packing import RELEASE, crc32c, manifest_of
from uplink.transfers.uplinker import Assignment, Progress, Snapshot, Work

log = logging.getLogger(__name__)

WINDOW = 4
"""Files that leave at once, one after the other: the next is there before one has left."""
UNDER_WAY_MOST = 24
"""With those that have left and wait for repairs or their Finished. Where much is lost, some wait
for several rounds of it, and the link must not stand still meanwhile; a satellite takes 64."""
COMPARED_AFTER = timedelta(seconds=2)
"""Contacts that begin together are compared before the first of them may send files."""
FORGOTTEN_AFTER = timedelta(seconds=10)
_BULK_LOCK = 0x5A_42_55_4C  # advisory lock: who may carry files


class LeaseLost(errors.Conflict):
    """Somebody else flies this contact now: write nothing, send nothing."""

    code = "lease_lost"


def checkpoint(snapshot: Snapshot, *, now: datetime, last: bool = False) -> Work:
    """Keep what `snapshot` tells and return what to send next.

    Raises `LeaseLost` when the contact's fencing number is no longer the caller's; nothing is
    written then. With `last` (after LOS) nothing new is given out.
    """
    with transaction.atomic():
        work = _checkpoint(snapshot, now=now, last=last)
    with transaction.atomic():
        activation.nudge(snapshot.satellite_id, now=now)
    return work


def _checkpoint(snapshot: Snapshot, *, now: datetime, last: bool) -> Work:
    contact = _held_contact(snapshot)
    # A report being decoded locks a transfer and then its files; so do we, or each would wait for
    # the other.
    _lock_transfers(snapshot.satellite_id)
    touched = _keep(snapshot, contact, now=now)
    for transfer in touched:
        progress.settle(transfer, now=now)
    # The others were given up or begun anew, or the satellite reports that it has them.
    alive = (
        Shipment.objects.filter(id__in=snapshot.held, delivered=False)
        .exclude(transfer__state__in=[State.CANCELLED, State.FAILED])
        .values_list("id", flat=True)
    )
    cancelled = snapshot.held - frozenset(alive)
    suspended = _suspended(snapshot.held - cancelled)
    held = snapshot.held - cancelled - suspended
    assigned = [] if last else _notice(snapshot.satellite_id, held, contact, now=now)
    held -= notices.among(held)
    waiting = _waiting(snapshot.satellite_id).exclude(id__in=held)
    wants = bool(held) or waiting.exists()
    if last or not may_carry_files(contact, wants=wants and not last):
        return Work(tuple(assigned), cancelled, suspended)
    room = min(WINDOW + snapshot.left, UNDER_WAY_MOST) - len(held)
    failed, begun = set(), set()
    for row in waiting[: max(room, 0)]:
        if row.transfer_id in failed:
            continue
        try:
            assigned.append(_assign(row, contact, now=now))
            begun.add(row.transfer_id)
        except (directing.NotReleased, directing.Withdrawn) as refusal:
            failed.add(row.transfer_id)
            progress.fail(row.transfer, str(refusal), now=now)
    carriages.begin(contact, begun, now=now)
    return Work(tuple(assigned), cancelled, suspended)


def _suspended(held: frozenset[int]) -> frozenset[int]:
    """Return those of the files a contact holds that operators hold back."""
    rows = Shipment.objects.filter(id__in=held, transfer__state=State.SUSPENDED)
    return frozenset(rows.values_list("id", flat=True))


def _notice(
    satellite_id: int, held: frozenset[int], contact: Contact, *, now: datetime
) -> list[Assignment]:
    """Return what tells a satellite of withdrawals that it does not know of."""
    row = notices.due(satellite_id, held, contact)
    try:
        return [] if row is None else [_assign(row, contact, now=now)]
    except directing.NotReleased as refusal:
        log.error("%s cannot be told of withdrawals: %s", row.satellite.code, refusal)
        return []


def _held_contact(snapshot: Snapshot) -> Contact:
    contact = (
        Contact.objects.select_for_update(of=["self"], no_key=True)
        .filter(pk=snapshot.contact_id, fencing=snapshot.fencing)
        .first()
    )
    if contact is None:
        raise LeaseLost(f"Contact {snapshot.contact_id} is flown by somebody else.")
    return contact


def _lock_transfers(satellite_id: int) -> None:
    rows = Transfer.objects.select_for_update(no_key=True).filter(
        satellite_id=satellite_id, state__in=ON_ITS_WAY
    )
    list(rows.order_by("pk").values_list("pk"))


def _keep(snapshot: Snapshot, contact: Contact, *, now: datetime) -> list[Transfer]:
    """Write each sender's state; return the transfers whose standing may have changed."""
    transfers: dict[UUID, Transfer] = {}
    carried: defaultdict[UUID, carriages.Carried] = defaultdict(carriages.Carried)
    for one in snapshot.changed:
        row = (
            Shipment.objects.select_related("transfer")
            .filter(pk=one.shipment_id, sequence=one.sequence)
            .first()
        )
        if row is None:  # begun anew in the meantime
            continue
        counted_bytes, engine = (row.engine or {}).get("sent_bytes", 0), one.engine
        if row.delivered and counted_bytes > one.sent_bytes:
            # Reported as stored, and counted whole, before this conductor heard of it.
            engine = {**engine, "sent_bytes": counted_bytes}
        sent_bytes = engine["sent_bytes"] - counted_bytes
        if row.transfer_id is not None:
            carried[row.transfer_id].add(
                sent_bytes,
                one.acknowledged_bytes - row.acknowledged_bytes,
                one.state is cfdp.SenderState.FINISHED,
            )
            transfers.setdefault(row.transfer_id, row.transfer)
        row.sent_bytes += sent_bytes
        row.acknowledged_bytes, row.contact = one.acknowledged_bytes, contact
        row.engine = engine
        if not row.delivered:  # else reported as stored before its Finished was here
            _conclude(row, one, now=now)
        row.save()
    carriages.keep(contact, carried, now=now)
    return list(transfers.values())


def _conclude(row: Shipment, one: Progress, *, now: datetime) -> None:
    if one.state is cfdp.SenderState.FINISHED:
        row.delivered, row.delivered_at, row.fault = True, now, ""
    elif one.state.is_over:
        # Refused on board, or cancelled there: another transaction, under a new number.
        row.sequence, row.engine, row.acknowledged_bytes = None, None, 0
        row.attempts, row.fault = row.attempts + 1, one.fault
    else:
        row.fault = one.fault


def _waiting(satellite_id: int):
    """The files that this satellite still has to get, in the order to send them."""
    return (
        Shipment.objects.filter(
            transfer__satellite_id=satellite_id,
            transfer__state__in=[State.QUEUED, State.SENDING],
            delivered=False,
            attempts__lt=progress.ATTEMPTS_MAX,
        )
        .select_related("transfer__satellite", "transfer__artefact", "transfer__package")
        # What has begun is ended first: a satellite keeps few half files.
        .order_by(
            "-transfer__priority",
            "transfer__created_at",
            "transfer_id",
            F("sequence").asc(nulls_last=True),
            "number",
        )
    )


def _assign(row: Shipment, contact: Contact, *, now: datetime) -> Assignment:
    """Give a transaction number, durably, before the first bit leaves; return what to send."""
    state = row.engine
    transfer = row.transfer
    satellite = row.satellite if transfer is None else transfer.satellite
    if row.sequence is None:
        row.sequence, row.contact = next_sequence(), contact
        if transfer is None:
            notices.write(row, now=now)
        elif row.number == RELEASE:
            write_release(row, now=now)
    number = cfdp.TransactionId(onboard.GROUND_ENTITY_ID, satellite.entity_id, row.sequence)
    if state is None:
        # Should we die before the first checkpoint, whoever comes next asks before it sends.
        row.engine = _begun(row, number)
        about = ["name", "size_bytes", "sha256", "crc32c"] if row.number == RELEASE else []
        row.save(update_fields=["sequence", "contact", "engine", *about])
    if transfer is not None and transfer.state == State.QUEUED:
        Transfer.objects.filter(pk=transfer.pk, state=State.QUEUED).update(
            state=State.SENDING, started_at=now
        )
    content, path, offset = None, "", 0
    if row.number == RELEASE:
        content = directing.bundle_of(row.sha256)
    elif row.number < 0:
        package = transfer.package
        content = bytes(package.manifest) if package else manifest_of(transfer.artefact)
    elif transfer.package_id is not None:
        path = str(store.bring(row.sha256))
    else:
        pack = transfer.artefact.packs.get(number=row.number)
        path, offset = str(store.path_of(transfer.artefact_id)), pack.offset_bytes
    return Assignment(
        shipment_id=row.pk,
        transaction=number,
        name=row.name,
        size_bytes=row.size_bytes,
        crc32c=row.crc32c,
        state=state,
        path=path,
        offset_bytes=offset,
        content=content,
    )


def write_release(row: Shipment, *, now: datetime) -> None:
    """Have the director give the artefact to the satellite, and make a file of it."""
    transfer = row.transfer
    given = directing.assign(
        transfer.satellite, transfer.artefact, transfer.version, transfer.organisation, now=now
    )
    content = bytes(given.bundle)
    row.name, row.sha256 = onboard.RELEASE_NAME + given.sha256, given.sha256
    row.size_bytes, row.crc32c = len(content), crc32c(content)


def _begun(row: Shipment, number: cfdp.TransactionId) -> dict[str, object]:
    sender = cfdp.Sender(
        number,
        row.name,
        row.size_bytes,
        row.crc32c,
        lambda offset, count: b"",
        onboard.FILE_SEGMENT_BYTES,
    )
    return {**sender.to_json(), "started": True}


def next_sequence() -> int:
    """Return a CFDP transaction sequence number that was never given before."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('transfers_cfdp_sequence')")
        return cursor.fetchone()[0]


def may_carry_files(contact: Contact, *, wants: bool) -> bool:
    """Say whether this contact may begin files now; must run in a transaction.

    At most `ZENITH_BULK_UPLINKS` contacts of all conductors do. Who has begun goes on until it has
    nothing to send or its conductor is silent; a free place goes to the latest LOS.
    """
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_BULK_LOCK])
    rows = BulkUplink.objects
    rows.filter(renewed_at__lt=now - FORGOTTEN_AFTER).delete()
    if not wants:
        rows.filter(pk=contact.pk).delete()
        return False
    row, _ = rows.update_or_create(
        contact=contact,
        defaults={"renewed_at": now, "los_at": contact.los_at},
        create_defaults={"renewed_at": now, "entered_at": now, "los_at": contact.los_at},
    )
    if row.granted:
        return True
    if now - row.entered_at < COMPARED_AFTER:
        return False
    free = settings.ZENITH_BULK_UPLINKS - rows.filter(granted=True).count()
    ahead = rows.filter(Q(los_at__gt=row.los_at) | Q(los_at=row.los_at, pk__lt=row.pk)).filter(
        granted=False
    )
    if ahead.count() >= free:
        return False
    rows.filter(pk=contact.pk).update(granted=True)
    return True


def wanting(satellite_ids: Collection[int]) -> set[int]:
    """Return those of the satellites whose transfers may go on in a contact, and those that are to
    be told of withdrawals."""
    going_on = [State.QUEUED, State.SENDING, State.VERIFYING, State.ACTIVATING]
    rows = Transfer.objects.filter(
        Q(state__in=going_on) | activation.in_turn(), satellite_id__in=satellite_ids
    )
    found = set(rows.order_by().values_list("satellite_id", flat=True).distinct())
    return found | directing.uninformed(satellite_ids)


def has_work(satellite: Satellite) -> bool:
    """Say whether files wait for this satellite."""
    return _waiting(satellite.pk).exists() or bool(directing.uninformed([satellite.pk]))
