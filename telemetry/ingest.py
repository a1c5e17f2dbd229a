"""From a station's frames to packets, samples and gaps, every one of them accounted for.

Two steps that do not wait for each other. `store_batch` commits the frames as they came; only then
is the station told that it may forget them. `decode_reception` takes the stored batches of a
contact in order, one transaction a batch: what a batch gives, what its handlers write and that it
is decoded become true together, so that whoever is killed in between leaves nothing half done.
"""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import QuerySet

from telemetry import decoding, times
from telemetry.models import RawBatch, Reception

log = logging.getLogger(__name__)
_FAILURE_LONGEST = 200
_INSERT = """
    INSERT INTO telemetry_rawbatch
        (contact_id, station_id, number, digest, satellite_id, received_ns, frames, decoded,
         failure)
    VALUES (%s, %s, %s, %s, %s, %s, %s, false, '') ON CONFLICT DO NOTHING RETURNING id
"""
_SELECT = """
    SELECT id FROM telemetry_rawbatch
    WHERE contact_id = %s AND station_id = %s AND number = %s AND digest = %s
"""


def store_batch(
    *,
    contact_id: UUID,
    station_id: int,
    satellite_id: int,
    number: int,
    received_at: datetime,
    frames: bytes,
    now: datetime,
) -> tuple[int, bool]:
    """Commit a batch of frames as the station delivered it; return its id and whether it is new.

    Safe to repeat: the same batch again changes nothing. `now` is taken for batches whose station
    stamped no time on them and is otherwise unused.
    """
    received_ns = times.to_ns(received_at or now)
    stamp = received_ns.to_bytes(8, "big", signed=True)
    digest = hashlib.blake2b(stamp + frames, digest_size=16).digest()
    named = [contact_id, station_id, number, digest]
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(_INSERT, [*named, satellite_id, received_ns, frames])
        row = cursor.fetchone()
        is_new = row is not None
        if row is None:
            cursor.execute(_SELECT, named)
            row = cursor.fetchone()
    return row[0], is_new


def decode_reception(contact_id: UUID, *, now: datetime, most: int | None = None) -> int:
    """Decode what is stored and not decoded of a contact, in order; return how many batches.

    A caller that wants each batch to be read at the time it came asks for few at once (`most`).

    When another worker is at it, it will do ours too: it looks again after it has let go.
    """
    decoded = 0
    while (most is None or decoded < most) and _undecoded(contact_id).exists():
        is_ours, batches = _decode_next(contact_id, now=now)
        if not is_ours:
            break
        decoded += batches
    return decoded


def undecoded_contacts() -> list[UUID]:
    """Return the contacts that have batches nobody decoded yet."""
    rows = RawBatch.objects.filter(decoded=False, failure="").order_by("contact_id")
    return list(rows.values_list("contact_id", flat=True).distinct())


def _decode_next(contact_id: UUID, *, now: datetime) -> tuple[bool, int]:
    """Decode the contact's next batch, unless another worker holds its reception; return whether
    it was ours to decode, and how many batches were."""
    batch = None
    try:
        with transaction.atomic():
            held = _locked(contact_id)
            batch = _undecoded(contact_id).first()
            reception = batch and (held.get(batch.station_id) or _made(batch))
            if not reception:
                batch = None
                return False, 0
            decoding.decode_batch(reception, batch, now=now)
            return True, 1
    except (OperationalError, InterfaceError):
        raise  # the database is away, or two waited for each other: another time
    except Exception as error:
        if batch is None:
            raise
        _set_aside(batch, error)
        return True, 0


def _set_aside(batch: RawBatch, error: Exception) -> None:
    """Let the batches behind go on without one that no decoder here can take; loudly.

    Its frames are kept as they came. `take_up_again` gives it back to a decoder that can.
    """
    log.error("batch %d of %s is set aside", batch.pk, batch.contact_id, exc_info=error)
    failure = f"{type(error).__name__}: {error}"[:_FAILURE_LONGEST]
    RawBatch.objects.filter(pk=batch.pk, decoded=False).update(failure=failure)


def take_up_again() -> int:
    """Queue batches that were set aside to be decoded anew; return how many."""
    return RawBatch.objects.exclude(failure="").update(failure="")


def _undecoded(contact_id: UUID) -> QuerySet[RawBatch]:
    rows = RawBatch.objects.filter(contact_id=contact_id, decoded=False, failure="")
    return rows.order_by("number", "id")


def _locked(contact_id: UUID) -> dict[int, Reception]:
    """Return the contact's receptions by station, locked, without those that somebody holds."""
    rows = Reception.objects.select_for_update(skip_locked=True, of=("self",))
    chosen = rows.select_related("satellite").filter(contact_id=contact_id)
    return {row.station_id: row for row in chosen}


def _made(batch: RawBatch) -> Reception | None:
    """Make the reception of a first batch, and lock it; None when there is one, held by others."""
    made, is_new = Reception.objects.get_or_create(
        contact_id=batch.contact_id,
        station_id=batch.station_id,
        defaults={"satellite_id": batch.satellite_id},
    )
    return _locked(batch.contact_id).get(made.station_id) if is_new else None
