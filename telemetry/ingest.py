"""From a station's frames to packets, samples and gaps, every one of them accounted for.

Two steps that do not wait for each other. `store_batches` commits the frames as they came; only
then is the station told that it may forget them. `decode_reception` takes the stored batches of a
contact in order, those that wait together in one transaction: what batches give, what their
handlers write and that they are decoded become true together, so that whoever is killed in between
leaves nothing half done.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from psycopg.types.json import Jsonb

from ops import db
from telemetry import decoding, joining, times
from telemetry.models import RawBatch, Reception

log = logging.getLogger(__name__)
_FAILURE_LONGEST = 200
SILENT_S = 15.0
"""A decoder that is stopped amid batches keeps no lock for longer than this: conductors and pages
wait for the same rows."""
_INSERT = """
    INSERT INTO telemetry_rawbatch
        (contact_id, station_id, number, digest, satellite_id, received_ns, frames, coding,
         decoded, failure)
    VALUES (%s, %s, %s, %b, %s, %s, %b, %s, false, '') ON CONFLICT DO NOTHING RETURNING id
"""
_SELECT = """
    SELECT id FROM telemetry_rawbatch
    WHERE contact_id = %s AND station_id = %s AND number = %s AND digest = %b
"""


@dataclass(frozen=True, slots=True)
class Delivered:
    """A batch of frames as the station delivered it, under the station's own number.

    With a `coding` they are the bits of a link that is so coded (`links.read_coding`), in whole
    bytes; without any bit, the batch says that the stream is over.
    """

    number: int
    received_at: datetime
    frames: bytes
    coding: dict[str, Any] | None = None


def store_batches(
    batches: Sequence[Delivered], *, contact_id: UUID, station_id: int, satellite_id: int
) -> list[tuple[int, bool]]:
    """Commit batches, all at once; return of each its id and whether it is new.

    Safe to repeat: the same batch again changes nothing.
    """
    with transaction.atomic(durable=True), db.bulk_cursor() as cursor:
        return [_store(cursor, each, contact_id, station_id, satellite_id) for each in batches]


def _store(
    cursor: Any, batch: Delivered, contact_id: UUID, station_id: int, satellite_id: int
) -> tuple[int, bool]:
    received_ns = times.to_ns(batch.received_at)
    stamp = received_ns.to_bytes(8, "big", signed=True)
    digest = hashlib.blake2b(stamp + batch.frames, digest_size=16).digest()
    named = [contact_id, station_id, batch.number, digest]
    coding = None if batch.coding is None else Jsonb(batch.coding)
    cursor.execute(_INSERT, [*named, satellite_id, received_ns, batch.frames, coding])
    row = cursor.fetchone()
    if row is not None:
        return row[0], True
    cursor.execute(_SELECT, named)
    return cursor.fetchone()[0], False


def decode_reception(contact_id: UUID, *, now: datetime, most: int | None = None) -> int:
    """Decode what is stored and not decoded of a contact, in order; return how many batches.

    With `most`, what waits now, so many batches at most, and nothing that comes meanwhile: `now`
    would not be true of it. The caller calls again.

    When another worker is at it, it will do ours too: it looks again after it has let go.
    """
    decoded, together = 0, joining.BATCHES_MAX
    while _undecoded(contact_id).exists():
        if most is not None and decoded and (together > 1 or decoded >= most):
            break
        wanted = together if most is None else min(together, most - decoded)
        try:
            is_ours, batches = _decode_next(contact_id, wanted, now=now)
        except _BadBatch:
            together = 1  # one by one, to find which of them it is
            continue
        if not is_ours:
            break
        decoded += batches
    return decoded


def undecoded_contacts() -> list[UUID]:
    """Return the contacts that have batches nobody decoded yet."""
    rows = RawBatch.objects.filter(decoded=False, failure="").order_by("contact_id")
    return list(rows.values_list("contact_id", flat=True).distinct())


class _BadBatch(Exception):
    """One of several batches, nobody knows yet which, cannot be decoded."""


def _decode_next(contact_id: UUID, most: int, *, now: datetime) -> tuple[bool, int]:
    """Decode the contact's next batches, unless another worker holds their reception; return
    whether they were ours to decode, and how many were."""
    taken: list[RawBatch] = []
    try:
        with transaction.atomic():
            db.end_if_silent(SILENT_S)
            held = _locked(contact_id)
            waiting = joining.together(_undecoded(contact_id)[:most])
            reception = waiting and (held.get(_key(waiting[0])) or _made(waiting[0]))
            if not reception:
                return False, 0
            taken = waiting
            decoding.decode_batch(reception, joining.Joined.of(taken), now=now)
            return True, len(taken)
    except Exception as error:
        if not taken or db.passing_trouble(error) is not None:
            raise  # the database is away, or two waited for each other: another time
        if len(taken) > 1:
            raise _BadBatch from error
        _set_aside(taken[0], error)
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


def _locked(contact_id: UUID) -> dict[tuple[int, int], Reception]:
    """Return the contact's receptions by station and satellite, locked, without those that somebody
    holds."""
    rows = Reception.objects.select_for_update(skip_locked=True, of=("self",))
    chosen = rows.select_related("satellite").filter(contact_id=contact_id)
    return {_key(row): row for row in chosen}


def _key(row: RawBatch | Reception) -> tuple[int, int]:
    return row.station_id, row.satellite_id


def _made(batch: RawBatch) -> Reception | None:
    """Make the reception of a first batch, and lock it; None when there is one, held by others."""
    made, is_new = Reception.objects.get_or_create(
        contact_id=batch.contact_id,
        station_id=batch.station_id,
        satellite_id=batch.satellite_id,
    )
    return _locked(batch.contact_id).get(_key(made)) if is_new else None
