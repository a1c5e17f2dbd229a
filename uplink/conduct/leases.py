"""Who flies a contact: a lease in the contact's row, with a number that only grows.

An owner that stops breathing loses its lease by the database's clock, and whoever claims the
contact next gets a higher fencing number. Every write of a conductor names its number, and so does
every link that it opens: an owner that wakes up too late can do no harm, here or at the station.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from constellation.contacts import booking
from constellation.contacts.models import FLYING, Contact, State
from ops import db, errors
from ops.clock_reading import Clock
from uplink.conduct import standing

LEASE_S = 9.0
"""Wall seconds without a heartbeat after which another may take over: with a tick of 2 s, one of
which the dead may have swallowed, that is within 15."""
HEARTBEAT_S = 3.0
GONE_S = 4.0
"""Without a heartbeat for this long, and without its connection to the database, an owner is gone:
its process was killed, and the system closed what it had open. One that only sleeps keeps that."""
EARLY_S = 30.0
"""Contacts are claimed this many wall seconds before AOS."""
SILENT_S = 5.0
"""Who is stopped amid a transaction keeps no lock for longer than this: when its leases run out
nothing of its own keeps others from them."""
REST_S = 4.0
"""A flight that crashed is not claimed again for this long."""


class LeaseLost(errors.Conflict):
    """Somebody else flies this contact now: write nothing, send nothing."""

    code = "lease_lost"


@dataclass(frozen=True, slots=True)
class Lease:
    """A contact that `owner` flies, and the number under which it may write."""

    contact_id: UUID
    satellite_id: int
    owner: str
    fencing: int


def presence(owner: str) -> str:
    """Return the name under which an owner's own connection to the database is seen by others:
    what of it PostgreSQL keeps (NAMEDATALEN is 64). Its end is what tells owners apart."""
    return owner[-63:]


def _free() -> Q:
    return Q(lease_expires_at=None) | Q(lease_expires_at__lt=Now())


def _left_behind() -> Q:
    """What owners fly that are gone, before their leases run out."""
    silent = Q(lease_expires_at__lt=_in(LEASE_S - GONE_S)) & ~Q(owner="")
    owners = set(Contact.objects.filter(silent, state__in=FLYING).values_list("owner", flat=True))
    if not owners:
        return Q(pk__in=[])
    with connection.cursor() as cursor:
        cursor.execute("SELECT application_name FROM pg_stat_activity WHERE datid IS NOT NULL")
        present = {name for (name,) in cursor.fetchall()}
    return silent & Q(owner__in=[one for one in owners if presence(one) not in present])


@transaction.atomic
def claim(*, owner: str, most: int, clock: Clock, wall: datetime) -> list[Lease]:
    """Take up to `most` contacts that are due and that nobody flies, the earliest first.

    Due is what begins within `EARLY_S` wall seconds, and what was begun and left behind.
    """
    db.end_if_silent(SILENT_S)
    now, horizon = clock.at(wall), clock.at(wall + timedelta(seconds=EARLY_S))
    due = Q(state=State.SCHEDULED, los_at__gt=now) | Q(state__in=FLYING)
    contacts = (
        Contact.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(due, _free() | _left_behind(), aos_at__lte=horizon)
        .order_by("aos_at")[:most]
    )
    leases = []
    for contact in contacts:
        was, contact.owner = contact.state, owner
        contact.fencing += 1
        Contact.objects.filter(pk=contact.pk).update(
            owner=owner, fencing=contact.fencing, lease_expires_at=_in(LEASE_S)
        )
        leases.append(Lease(contact.pk, contact.satellite_id, owner, contact.fencing))
        if was == State.SCHEDULED:
            standing.move(contact, State.PREPASS)
        else:
            booking.tell(contact, "taken_over")
    return leases


def _in(seconds: float) -> object:
    return Now() + timedelta(seconds=seconds)


def renew(leases: list[Lease]) -> dict[UUID, str]:
    """Prolong leases; return the state of each contact that is still ours, and no other."""
    if not leases:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE contacts_contact SET lease_expires_at = now() + make_interval(secs => %s)"
            " FROM unnest(%s::uuid[], %s::int[]) AS held (id, fencing)"
            " WHERE contacts_contact.id = held.id AND contacts_contact.fencing = held.fencing"
            " AND contacts_contact.owner <> ''"
            " RETURNING contacts_contact.id, contacts_contact.state",
            [LEASE_S, [each.contact_id for each in leases], [each.fencing for each in leases]],
        )
        return dict(cursor.fetchall())


def hold(lease: Lease) -> Contact:
    """Return the contact, locked to the end of this transaction; LeaseLost when it is not ours.

    While the lock is held nobody can claim the contact: what is written with it is written by its
    owner.
    """
    contact = (
        Contact.objects.select_for_update(no_key=True, of=("self",))
        .select_related("antenna__station", "satellite")
        .filter(pk=lease.contact_id, fencing=lease.fencing)
        .exclude(owner="")
        .first()
    )
    if contact is None:
        raise LeaseLost(f"Contact {lease.contact_id} is not flown under {lease.fencing} any more.")
    return contact


def release(leases: list[Lease], *, rest_s: float = 0.0) -> None:
    """Give leases back, so that others take the contacts over without waiting for the expiry.

    With `rest_s` nobody gets them for that long.
    """
    for lease in leases:
        Contact.objects.filter(pk=lease.contact_id, fencing=lease.fencing).update(
            owner="", lease_expires_at=_in(rest_s) if rest_s else None
        )


def close_missed(*, clock: Clock, wall: datetime) -> int:
    """End contacts that passed without anybody to fly them; return how many.

    Those that the clock jumped over say so: they lie before the instant it jumped to.
    """
    now, count = clock.at(wall), 0
    missed = Contact.objects.filter(_free(), state=State.SCHEDULED, los_at__lte=now)
    for contact_id in list(missed.values_list("pk", flat=True)[:500]):
        with transaction.atomic():
            db.end_if_silent(SILENT_S)
            contact = (
                missed.select_for_update(skip_locked=True, of=("self",))
                .filter(pk=contact_id)
                .first()
            )
            if contact is not None:
                jumped = clock.simulated and contact.los_at <= clock.mission_anchor
                reason = "clock jumped" if jumped else "no conductor was free to fly it"
                Contact.objects.filter(pk=contact.pk).update(fencing=F("fencing") + 1)
                standing.move(contact, State.FAILED, reason=reason)
                count += 1
    return count
