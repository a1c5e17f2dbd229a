"""Telling a satellite of what was withdrawn: signed metadata that comes alone, in its next contact.

A transfer brings its own metadata; who gets none would learn of a withdrawal late or never. So
every satellite that has not said, signed, that it knows is sent one small file, before everything
else and whether or not its contact may carry files: five or six frames. It is sent once a contact,
and in each until the satellite says so.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from constellation.contacts.models import Contact
from telemetry import onboard
from uplink.releases import directing
from uplink.transfers import progress
from uplink.transfers.models import Shipment
from uplink.transfers.packing import RELEASE, crc32c


def due(satellite_id: int, held: Collection[int], contact: Contact) -> Shipment | None:
    """Return the notice that a contact should begin or go on with now, if any.

    What a satellite refuses is made anew (it may know a higher number than we), three times in a
    contact.
    """
    row = _open(satellite_id)
    if row is not None and row.pk in held:
        return None
    if not directing.uninformed([satellite_id]):
        if row is not None:  # a transfer told it meanwhile
            row.delete()
        return None
    if row is None:
        flown = Shipment.objects.filter(satellite_id=satellite_id, contact=contact)
        if any(directing.is_newest(sha) for sha in flown.values_list("sha256", flat=True)):
            return None
        Shipment.objects.filter(satellite_id=satellite_id).delete()
        row = Shipment.objects.create(
            satellite_id=satellite_id,
            number=RELEASE,
            name=onboard.RELEASE_NAME,
            size_bytes=0,
            sha256="",
            crc32c=0,
        )
        return _open(satellite_id)
    if row.sequence is not None and not directing.is_newest(row.sha256):
        row.sequence, row.engine, row.acknowledged_bytes = None, None, 0
        row.save(update_fields=["sequence", "engine", "acknowledged_bytes"])
    if row.attempts >= progress.ATTEMPTS_MAX:
        if row.contact_id == contact.pk:
            return None
        row.attempts = 0
        row.save(update_fields=["attempts"])
    return row


def _open(satellite_id: int) -> Shipment | None:
    rows = Shipment.objects.select_related("satellite")
    return rows.filter(satellite_id=satellite_id, delivered=False).first()


def among(held: Collection[int]) -> frozenset[int]:
    """Return those of the files a contact holds that are notices."""
    rows = Shipment.objects.filter(pk__in=held, transfer=None)
    return frozenset(rows.values_list("pk", flat=True))


def write(row: Shipment, *, now: datetime) -> None:
    """Have the director sign what is to be told, and make a file of it."""
    given = directing.notify(row.satellite, now=now)
    content = bytes(given.bundle)
    row.name, row.sha256 = onboard.RELEASE_NAME + given.sha256, given.sha256
    row.size_bytes, row.crc32c = len(content), crc32c(content)


def taken(satellite_id: int, sha256: str, *, now: datetime) -> None:
    """The satellite says that it took a file of metadata: no notice of that name need go up."""
    Shipment.objects.filter(satellite_id=satellite_id, sha256=sha256, delivered=False).update(
        delivered=True, delivered_at=now, fault=""
    )
