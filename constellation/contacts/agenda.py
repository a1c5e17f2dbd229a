"""What the contact pages show: a day of contacts on their antennas, and who is next."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from math import degrees
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse

from constellation.contacts import booking
from constellation.contacts.models import HOLDING, Contact, State
from constellation.models import Antenna, Maintenance, Satellite, Station
from constellation.visibility import Pass
from ops.accounts.models import User

WORDS = {
    State.SCHEDULING: "Being scheduled",
    State.FAILED_TO_SCHEDULE: "Could not be scheduled",
    State.SCHEDULED: "Scheduled",
    State.PREPASS: "Preparing",
    State.PASS: "In contact",
    State.POSTPASS: "Finishing",
    State.COMPLETED: "Completed",
    State.FAILED: "Failed",
    State.CANCELLING: "Being cancelled",
    State.CANCELLED: "Cancelled",
}
STATUS = {
    State.SCHEDULING: "standby",
    State.FAILED_TO_SCHEDULE: "serious",
    State.SCHEDULED: "standby",
    State.PREPASS: "caution",
    State.PASS: "normal",
    State.POSTPASS: "normal",
    State.COMPLETED: "normal",
    State.FAILED: "critical",
    State.CANCELLING: "off",
    State.CANCELLED: "off",
}


def between(user: User, start: datetime, end: datetime, code: str = "") -> list[Contact]:
    """Return the contacts that touch a span, of one satellite if `code` names it."""
    contacts = booking.visible_to(user).filter(ends_at__gt=start, starts_at__lt=end)
    if code:
        contacts = contacts.filter(satellite__code=code)
    return told(contacts.order_by("aos_at", "id"))


def next_up(user: User, now: datetime, limit: int = 12) -> list[Contact]:
    """Return the contacts under way, then the next ones, in order of AOS."""
    coming = booking.visible_to(user).filter(state__in=HOLDING, los_at__gt=now)
    return told(coming.order_by("aos_at", "id")[:limit])


def of_satellite(user: User, satellite: Satellite, now: datetime) -> list[Contact]:
    """Return a satellite's last three contacts and its next five."""
    contacts = booking.visible_to(user).filter(satellite=satellite)
    past = contacts.filter(los_at__lte=now).order_by("-aos_at")[:3]
    coming = contacts.filter(los_at__gt=now, state__in=HOLDING).order_by("aos_at")[:5]
    return told(contacts.filter(pk__in=[c.pk for c in [*past, *coming]]).order_by("aos_at"))


def over_station(user: User, station: Station, now: datetime, limit: int = 24) -> list[Contact]:
    """Return what is under way over a station's antennas, and what is booked next."""
    coming = booking.visible_to(user).filter(
        antenna__station=station, state__in=HOLDING, los_at__gt=now
    )
    return told(coming.order_by("aos_at", "id")[:limit])


def told(contacts: QuerySet[Contact]) -> list[Contact]:
    """Return contacts with the words and the status mark of their state."""
    rows = list(contacts.select_related("satellite", "antenna__station"))
    for row in rows:
        row.words, row.status = WORDS[State(row.state)], STATUS[State(row.state)]
        row.may_be_cancelled = row.state in HOLDING
    return rows


def outages(start: datetime, end: datetime) -> list[Maintenance]:
    """Return the spans in which antennas serve nobody, as far as they touch one."""
    rows = Maintenance.objects.filter(ends_at__gt=start, starts_at__lt=end)
    return list(rows.select_related("antenna").order_by("starts_at", "antenna__code"))


def timeline(
    contacts: list[Contact], closed: list[Maintenance], start: datetime, end: datetime
) -> dict[str, Any]:
    """Return what the timeline draws; `start` and `end` are what it shows at first.

    A row for each antenna that is active, or was when one of the contacts was booked.
    """
    used = {contact.antenna_id for contact in contacts}
    antennas = Antenna.objects.filter(Q(is_active=True) | Q(pk__in=used)).order_by("code")
    return {
        "start": start.isoformat(),
        "end": end.isoformat(),
        "antennas": list(antennas.values_list("code", flat=True)),
        "closed": [
            {
                "antenna": each.antenna.code,
                "from": each.starts_at.isoformat(),
                "until": each.ends_at.isoformat(),
                "reason": each.reason,
            }
            for each in closed
        ],
        "contacts": [
            {
                "id": str(contact.pk),
                "antenna": contact.antenna.code,
                "satellite": contact.satellite.name,
                "state": contact.state,
                "state_text": WORDS[State(contact.state)],
                "from": contact.starts_at.isoformat(),
                "aos": contact.aos_at.isoformat(),
                "los": contact.los_at.isoformat(),
                "until": contact.ends_at.isoformat(),
                "max_elevation_deg": contact.max_elevation_deg,
                "url": reverse("contact", args=[contact.pk]),
            }
            for contact in contacts
        ],
    }


def for_header(user: User, now: datetime) -> list[dict[str, Any]]:
    """Return the contacts the countdown of every page counts to: the next two hours, at least six.

    Enough to count on through a while without a refresh.
    """
    soon = now + timedelta(hours=2)
    rows = next_up(user, now, limit=60)
    return [
        {
            "aos": row.aos_at.isoformat(),
            "los": row.los_at.isoformat(),
            "satellite": row.satellite.name,
            "antenna": row.antenna.code,
        }
        for i, row in enumerate(rows)
        if i < 6 or row.aos_at < soon
    ]


def bookable(passes: Iterable[Pass], now: datetime) -> list[dict[str, Any]]:
    """Return passes with the antennas of their station and what already holds each of them.

    An antenna is marked taken when a contact touches the pass; whether it is free for the padded
    span is decided by the booking itself.
    """
    passes = list(passes)
    if not passes:
        return []
    end = max(each.los_at for each in passes)
    held = Contact.objects.filter(state__in=HOLDING, ends_at__gt=now, starts_at__lt=end)
    spans: dict[int, list[Contact]] = {}
    own: list[Contact] = []
    satellite_ids = {each.satellite.pk for each in passes}
    for contact in held.select_related("satellite"):
        spans.setdefault(contact.antenna_id, []).append(contact)
        if contact.satellite_id in satellite_ids:
            own.append(contact)
    antennas: dict[int, list[Antenna]] = {}
    for antenna in Antenna.objects.filter(is_active=True).order_by("code"):
        antennas.setdefault(antenna.station_id, []).append(antenna)
    return [
        {
            "pass": each,
            "max_elevation_deg": degrees(each.max_elevation_rad),
            "length_s": (each.los_at - each.aos_at).total_seconds(),
            "booked": next((c for c in own if _touch(c, each)), None),
            "antennas": [
                (antenna, any(_touch(c, each) for c in spans.get(antenna.pk, ())))
                for antenna in antennas.get(each.station.pk, [])
            ],
        }
        for each in passes
    ]


def _touch(contact: Contact, each: Pass) -> bool:
    return contact.starts_at < each.los_at and contact.ends_at > each.aos_at
