"""Promising antenna time to satellites, and taking the promise back."""

from datetime import UTC, datetime, timedelta
from math import degrees
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from constellation import visibility
from constellation.contacts.models import FLYING, Contact, ContactVersion, State
from constellation.models import Antenna, Satellite
from constellation.visibility import Pass
from ops import errors
from ops.accounts.models import Organisation, User
from ops.db import broken_rule
from ops.live import events

STREAM = "contacts"
MINIMUM_VIABLE_S = 30.0
"""A contact shorter than this carries too little to be worth the antenna."""
TOLERANCE = timedelta(seconds=1)
"""Callers may have rounded AOS and LOS to whole seconds."""


_MOVED = [
    "aos_at",
    "los_at",
    "starts_at",
    "ends_at",
    "tca_at",
    "max_elevation_deg",
    "version",
]
_ALONE = ("contact_has_its_antenna_alone", "contact_has_its_satellite_alone")
LONGEST_S = 86_400.0
FARTHEST = timedelta(days=30)
"""Two weeks of drag already move a pass in low orbit by minutes; beyond this a promise is none."""


class AntennaBusy(errors.Conflict):
    code = "antenna_busy"


class SatelliteBusy(errors.Conflict):
    code = "satellite_busy"


class AntennaOut(errors.Conflict):
    code = "antenna_out"


class TooLate(errors.Conflict):
    code = "too_late"


class TooShort(errors.Invalid):
    code = "too_short"


class TooLong(errors.Invalid):
    code = "too_long"


class TooFar(errors.Conflict):
    code = "too_far"


class NoPass(errors.Conflict):
    code = "no_pass"


class NotCancellable(errors.Conflict):
    code = "not_cancellable"


@transaction.atomic
def book_contact(
    *,
    contact_id: UUID,
    organisation: Organisation,
    satellite: Satellite,
    antenna: Antenna,
    aos_at: datetime,
    los_at: datetime,
    now: datetime,
    minimum_viable_s: float = MINIMUM_VIABLE_S,
    booked_by: str = "planner",
) -> tuple[Contact, bool]:
    """Promise `antenna` to `satellite`; return the contact and whether it is new.

    Safe to repeat: the same call again changes nothing and returns the same contact, so a
    caller that lost our answer may simply ask once more. A pass already under way can be
    booked with its own AOS, and is joined; the antenna must have been idle for its set-up
    before AOS, which is when it was made ready.
    """
    wanted = {
        "organisation": organisation,
        "satellite": satellite,
        "antenna": antenna,
        "aos_at": aos_at,
        "los_at": los_at,
    }
    existing = Contact.objects.filter(pk=contact_id).first()
    if existing is not None:
        return _same(existing, wanted), False
    seen = _geometry(satellite, antenna, aos_at, los_at, now, minimum_viable_s)

    # Bookings of one antenna queue up here, then those of one satellite. Without this, two that
    # collide can each wait for the other inside the constraint, and PostgreSQL breaks the tie
    # with a deadlock error instead of naming the rule. All take them in this order.
    antenna = Antenna.objects.select_for_update(no_key=True).get(pk=antenna.pk)
    Satellite.objects.select_for_update(no_key=True).get(pk=satellite.pk)
    starts_at = aos_at - timedelta(seconds=antenna.setup_s)
    ends_at = los_at + timedelta(seconds=antenna.teardown_s)
    _check_antenna(antenna, starts_at, ends_at)
    details = wanted | {
        "starts_at": starts_at,
        "ends_at": ends_at,
        "tca_at": seen.tca_at,
        "max_elevation_deg": degrees(seen.max_elevation_rad),
        "minimum_viable_s": minimum_viable_s,
        "booked_by": booked_by[:100],
    }
    try:
        contact, is_new = Contact.objects.get_or_create(id=contact_id, defaults=details)
    except IntegrityError as error:
        raise _refusal(error, antenna, satellite, starts_at, ends_at) from error
    if not is_new:
        return _same(contact, wanted), False
    tell(contact, "booked")
    return contact, True


def _same(contact: Contact, wanted: dict) -> Contact:
    if any(getattr(contact, name) != value for name, value in wanted.items()):
        raise errors.IdReused(f"{contact.pk} already names another contact.")
    return contact


def _geometry(
    satellite: Satellite,
    antenna: Antenna,
    aos_at: datetime,
    los_at: datetime,
    now: datetime,
    minimum_viable_s: float,
) -> Pass:
    """Return the pass that a booking lies in, or refuse the booking."""
    duration_s = (los_at - aos_at).total_seconds()
    if duration_s < minimum_viable_s:
        raise TooShort(
            f"{duration_s:.0f} s from AOS to LOS is below the minimum viable "
            f"{minimum_viable_s:.0f} s."
        )
    if (los_at - now).total_seconds() < minimum_viable_s:
        raise TooLate(
            f"LOS is at {_when(los_at)} and it is {_when(now)}: "
            f"less than the minimum viable {minimum_viable_s:.0f} s is left."
        )
    if duration_s > LONGEST_S:
        raise TooLong(f"{duration_s:.0f} s is longer than a contact may be, {LONGEST_S:.0f} s.")
    if los_at - now > FARTHEST:
        raise TooFar(
            f"LOS is at {_when(los_at)}: element sets say nothing of what is more than "
            f"{FARTHEST.days} days ahead."
        )
    seen = visibility.pass_over(satellite, antenna.station, aos_at, los_at)
    if seen is None:
        raise NoPass(
            f"{satellite} does not rise above {antenna.station.mask_deg:g} degrees at "
            f"{antenna.station} between {_when(aos_at)} and {_when(los_at)}."
        )
    if aos_at < seen.aos_at - TOLERANCE or los_at > seen.los_at + TOLERANCE:
        raise NoPass(
            f"The pass of {satellite} over {antenna.station} is only from {_when(seen.aos_at)} "
            f"to {_when(seen.los_at)}.",
            aos_at=seen.aos_at.isoformat(),
            los_at=seen.los_at.isoformat(),
        )
    return seen


def _check_antenna(antenna: Antenna, starts_at: datetime, ends_at: datetime) -> None:
    if not antenna.is_active:
        raise AntennaOut(f"{antenna} is out of service.")
    out = antenna.maintenances.filter(starts_at__lt=ends_at, ends_at__gt=starts_at).first()
    if out is not None:
        raise AntennaOut(
            f"{antenna} is in maintenance from {_when(out.starts_at)} to {_when(out.ends_at)}: "
            f"{out.reason}"
        )


def _refusal(
    error: IntegrityError,
    antenna: Antenna,
    satellite: Satellite,
    starts_at: datetime,
    ends_at: datetime,
) -> Exception:
    span = f"between {_when(starts_at)} and {_when(ends_at)}, set-up and tear-down included"
    match broken_rule(error):
        case "contact_has_its_antenna_alone":
            return AntennaBusy(f"{antenna} is taken {span}.")
        case "contact_has_its_satellite_alone":
            return SatelliteBusy(f"{satellite} has another contact {span}.")
    return error


@transaction.atomic
def cancel_contact(*, contact_id: UUID, reason: str, by: str, pass_gone: bool = False) -> Contact:
    """Take a promise back; safe to repeat.

    What somebody takes back the planner leaves alone; what only lost its pass or its
    antenna (`pass_gone`) it books again when it can. A contact under way becomes
    CANCELLING, and whoever flies it ends it within seconds.
    """
    contact = (
        Contact.objects.select_for_update(no_key=True, of=("self",))
        .select_related("satellite", "antenna__station")
        .filter(pk=contact_id)
        .first()
    )
    if contact is None:
        raise errors.NotFound(f"There is no contact {contact_id}.")
    if contact.state in (State.CANCELLED, State.CANCELLING):
        return contact
    if contact.state in FLYING:
        contact.state = State.CANCELLING
    elif contact.state in (State.SCHEDULING, State.SCHEDULED):
        contact.state = State.CANCELLED
    else:
        raise NotCancellable(f"{contact} is {contact.state} and cannot be cancelled.")
    contact.reason = f"{reason or 'cancelled'} ({by})"[:300]
    contact.pass_gone = pass_gone
    contact.save(update_fields=["state", "reason", "pass_gone"])
    tell(contact, str(contact.state).lower())
    return contact


@transaction.atomic
def move_contact(
    *,
    contact_id: UUID,
    aos_at: datetime,
    los_at: datetime,
    seen: Pass,
    reason: str,
    now: datetime,
) -> Contact | None:
    """Move a contact along with its pass; None when nothing of it can be had any more.

    Where another booking is in the way, what of the new span lies within the old one is kept,
    if that is viable. What the contact said before becomes a version of it. One that somebody
    flies, or took back meanwhile, is left as it is.
    """
    held = Contact.objects.filter(pk=contact_id).values_list("antenna_id", "satellite_id").first()
    if held is None:
        raise errors.NotFound(f"There is no contact {contact_id}.")
    # The same order as every booking has it.
    antenna = Antenna.objects.select_for_update(no_key=True).get(pk=held[0])
    Satellite.objects.select_for_update(no_key=True).get(pk=held[1])
    contact = (
        Contact.objects.select_for_update(no_key=True, of=("self",))
        .select_related("satellite", "antenna__station")
        .get(pk=contact_id)
    )
    if contact.state not in (State.SCHEDULING, State.SCHEDULED):
        return contact
    before = contact.version, contact.aos_at, contact.los_at
    within = max(aos_at, contact.aos_at), min(los_at, contact.los_at)
    if not (_put(contact, antenna, aos_at, los_at, seen) or (
        (within[1] - within[0]).total_seconds() >= contact.minimum_viable_s
        and _put(contact, antenna, *within, seen)
    )):  # fmt: skip
        return None
    ContactVersion.objects.create(
        contact=contact,
        version=before[0],
        aos_at=before[1],
        los_at=before[2],
        antenna=antenna,
        changed_at=now,
    )
    moved_s = (contact.aos_at - before[1]).total_seconds()
    tell(contact, "moved", moved_s=round(moved_s, 3), why=reason, aos_was_at=before[1].isoformat())
    return contact


def _put(
    contact: Contact, antenna: Antenna, aos_at: datetime, los_at: datetime, seen: Pass
) -> bool:
    """Give a contact another span; False, and nothing changed, when that is taken."""
    kept = {name: getattr(contact, name) for name in _MOVED}
    contact.aos_at, contact.los_at = aos_at, los_at
    contact.starts_at = aos_at - timedelta(seconds=antenna.setup_s)
    contact.ends_at = los_at + timedelta(seconds=antenna.teardown_s)
    contact.tca_at, contact.max_elevation_deg = seen.tca_at, degrees(seen.max_elevation_rad)
    contact.version += 1
    out = antenna.maintenances.filter(
        starts_at__lt=contact.ends_at, ends_at__gt=contact.starts_at
    ).exists()
    try:
        with transaction.atomic():
            if not out:
                contact.save(update_fields=_MOVED)
                return True
    except IntegrityError as error:
        if broken_rule(error) not in _ALONE:
            raise
    for name, value in kept.items():
        setattr(contact, name, value)
    return False


def visible_to(user: User) -> QuerySet[Contact]:
    """Return the contacts that a user may know of: all for the fleet's operator, else his own."""
    if user.organisation.operates_fleet:
        return Contact.objects.all()
    return Contact.objects.filter(organisation=user.organisation_id)


def tell(contact: Contact, kind: str, **more: Any) -> None:
    """Publish how a contact stands on the stream of contacts, and what more there is to say."""
    events.publish(
        STREAM,
        kind,
        {
            "id": str(contact.pk),
            "satellite": contact.satellite.code,
            "station": contact.antenna.station.code,
            "antenna": contact.antenna.code,
            "state": contact.state,
            "reason": contact.reason,
            "aos_at": contact.aos_at.isoformat(),
            "los_at": contact.los_at.isoformat(),
            "owner": contact.owner,
            "fencing": contact.fencing,
            **more,
        },
    )


def _when(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
