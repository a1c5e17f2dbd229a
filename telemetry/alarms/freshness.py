"""Whether what we show is of now: a fact of the server, by satellite and group of parameters.

In contact a group is stale when its newest sample is older than its cadence allows; out of contact
nothing is expected, until it is older than any satellite is left alone for.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import QuerySet

from constellation.contacts.models import Contact, State
from ops import clock
from telemetry import times
from telemetry.alarms.conditions import Condition, Found
from telemetry.alarms.levels import Level
from telemetry.alarms.models import Cadence, Freshness, FreshnessState, Watch

STALE = "stale"
GRACE = timedelta(seconds=30)
"""So long after AOS a satellite is waited for: light, lock, and the station's set-up."""
WALL_GRACE_S = 5.0
"""Decoding lags a little in wall time, which is much mission time when the clock runs fast."""


def grace_at(rate: float) -> timedelta:
    """Return how long a satellite in contact is waited for, on a clock of that rate."""
    return max(GRACE, timedelta(seconds=WALL_GRACE_S * rate))


def under_way(now: datetime) -> QuerySet[Contact]:
    """Return the contacts in which satellites should be heard."""
    return Contact.objects.filter(state=State.PASS, aos_at__lte=now, los_at__gt=now)


class Watcher:
    """What values are told of their age (`telemetry.ageing`)."""

    def cadences_s(self) -> dict[str, float]:
        return dict(Cadence.objects.values_list("group", "in_contact_s"))

    def stale_after_s(self, satellite_id: int, *, now: datetime) -> dict[str, float]:
        contact = under_way(now).filter(satellite=satellite_id).first()
        grace = grace_at(clock.reading().rate)
        return {
            row.group: stale_after_s(row, contact, now=now, grace=grace)
            for row in Cadence.objects.all()
        }


def look(
    contacts: dict[int, Contact], *, now: datetime, grace: timedelta
) -> list[tuple[Condition, list[Found]]]:
    """Bring the freshness of the fleet up to date; return what is stale in contact, by group.

    Only rows that changed are written.
    """
    cadences = {row.group: row for row in Cadence.objects.all()}
    known = {(row.satellite_id, row.group): row for row in Freshness.objects.all()}
    stale: dict[str, list[Found]] = {group: [] for group in cadences}
    changed: list[Freshness] = []
    for satellite_id, newest in Watch.objects.values_list("satellite_id", "newest_ns"):
        contact = contacts.get(satellite_id)
        for group, cadence in cadences.items():
            newest_ns = newest.get(group)
            if newest_ns is None:
                continue
            state = state_of(newest_ns, cadence, contact, now=now, grace=grace)
            row = known.get((satellite_id, group))
            if row is None or row.state != state:
                changed.append(
                    Freshness(satellite_id=satellite_id, group=group, state=state, since_at=now)
                )
            if state == FreshnessState.STALE and contact is not None:
                since = times.from_ns(newest_ns)
                told = f"Newest sample in contact is of {since:%Y-%m-%dT%H:%M:%SZ}"
                stale[group].append(Found(satellite_id, now, Level.WARNING, None, told))
    Freshness.objects.bulk_create(
        changed,
        update_conflicts=True,
        unique_fields=["satellite", "group"],
        update_fields=["state", "since_at"],
    )
    return [
        (Condition(f"{STALE}:{group}", f"Stale: {group}", lambda _: []), found)
        for group, found in stale.items()
    ]


def stale_after_s(
    cadence: Cadence, contact: Contact | None, *, now: datetime, grace: timedelta
) -> float:
    """Return the age from which on a group is stale: shorter in contact, once it had the time to
    be heard."""
    allowed_s = max(cadence.in_contact_s, grace.total_seconds())
    if contact is not None and (now - contact.aos_at).total_seconds() > allowed_s:
        return allowed_s
    return max(cadence.out_of_contact_s, allowed_s)


def state_of(
    newest_ns: int,
    cadence: Cadence,
    contact: Contact | None,
    *,
    now: datetime,
    grace: timedelta,
) -> FreshnessState:
    """Return how fresh a group is whose newest live sample was generated at `newest_ns`."""
    age_s = (times.to_ns(now) - newest_ns) / 1e9
    if age_s > stale_after_s(cadence, contact, now=now, grace=grace):
        return FreshnessState.STALE
    is_fresh = age_s <= max(cadence.in_contact_s, grace.total_seconds())
    return FreshnessState.FRESH if is_fresh else FreshnessState.RESTING
