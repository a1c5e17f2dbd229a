"""Antennas that serve nobody: for a span that somebody reserved, or until they are put back."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from constellation.contacts.booking import STREAM, AntennaBusy, cancel_contact
from constellation.contacts.models import HOLDING, Contact, State
from constellation.models import Antenna, Maintenance
from ops import errors
from ops.live import events


@transaction.atomic
def reserve(
    *,
    maintenance_id: UUID,
    antenna: Antenna,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    by: str,
    cancels_booked: bool = False,
) -> tuple[Maintenance, bool]:
    """Keep an antenna free of contacts for a span; return it and whether it is new.

    Safe to repeat. Contacts already booked in it refuse the reservation until somebody cancels
    them; with `cancels_booked` that is done here, and the planner may book their passes on other
    antennas. One under way refuses it always. Raises `AntennaBusy`, `IdReused`, `Invalid`.
    """
    if ends_at <= starts_at:
        raise errors.Invalid("The maintenance ends before it starts.")
    Antenna.objects.select_for_update(no_key=True).get(pk=antenna.pk)
    wanted = {"antenna": antenna, "starts_at": starts_at, "ends_at": ends_at, "reason": reason}
    existing = Maintenance.objects.filter(pk=maintenance_id).first()
    if existing is not None:
        if any(getattr(existing, name) != value for name, value in wanted.items()):
            raise errors.IdReused(f"{maintenance_id} already names another maintenance.")
        return existing, False
    within = Q(starts_at__lt=ends_at, ends_at__gt=starts_at)
    if cancels_booked:
        _cancel(antenna, within, reason=f"maintenance of {antenna}: {reason}", by=by)
    booked = Contact.objects.filter(within, state__in=HOLDING, antenna=antenna)
    if first := booked.order_by("starts_at").first():
        more = booked.count() - 1
        raise AntennaBusy(f"{antenna} is promised: {first}{f' and {more} more' if more else ''}.")
    made, is_new = Maintenance.objects.get_or_create(id=maintenance_id, defaults=wanted)
    if not is_new:  # meanwhile, of another antenna
        raise errors.IdReused(f"{maintenance_id} already names another maintenance.")
    _tell(made, "reserved")
    return made, True


@transaction.atomic
def give_back(maintenance_id: UUID) -> Maintenance:
    """End a maintenance, or what is left of it; return what it was. Raises `NotFound`."""
    rows = Maintenance.objects.select_related("antenna").select_for_update(of=("self",))
    row = rows.filter(pk=maintenance_id).first()
    if row is None:
        raise errors.NotFound(f"There is no maintenance {maintenance_id}.")
    row.delete()
    row.pk = maintenance_id  # Django forgets it
    _tell(row, "given_back")
    return row


@transaction.atomic
def set_service(antenna: Antenna, *, is_active: bool, by: str, now: datetime) -> None:
    """Put an antenna into service, or out of it: what is booked over it is cancelled then, and the
    planner may book the passes anew. What is under way goes on: the station ends it if it must."""
    locked = Antenna.objects.select_for_update(no_key=True).get(pk=antenna.pk)
    antenna.is_active = locked.is_active = is_active
    locked.save(update_fields=["is_active"])
    if not is_active:
        _cancel(antenna, Q(ends_at__gt=now), reason=f"{antenna} is out of service", by=by)
    events.publish("fleet", "antenna", {"code": antenna.code, "changed": ["is_active"]})


def _cancel(antenna: Antenna, which: Q, *, reason: str, by: str) -> None:
    """Cancel what is booked over an antenna and not begun."""
    booked = Contact.objects.select_for_update(no_key=True).filter(
        which, antenna=antenna, state__in=[State.SCHEDULING, State.SCHEDULED]
    )
    for contact in list(booked.order_by("pk")):  # locked, so that none begins meanwhile
        cancel_contact(contact_id=contact.pk, reason=reason, by=by, pass_gone=True)


def _tell(row: Maintenance, what: str) -> None:
    told: dict[str, Any] = {
        "id": str(row.pk),
        "antenna": row.antenna.code,
        "starts_at": row.starts_at.isoformat(),
        "ends_at": row.ends_at.isoformat(),
        "reason": row.reason,
        "what": what,
    }
    events.publish(STREAM, "maintenance", told)
