"""Whether what we show is of now: a fact of the server, by satellite and group of parameters.

In contact a group is stale when its newest sample is older than its cadence allows; out of contact
nothing is expected, until it is older than any satellite is left alone for.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from constellation.contacts.models import Contact
from telemetry import times
from telemetry.alarms.conditions import Condition, Found
from telemetry.alarms.levels import Level
from telemetry.alarms.models import Cadence, Freshness, FreshnessState, Watch

STALE = "stale"


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
    allowed_s = max(cadence.in_contact_s, grace.total_seconds())
    if age_s <= allowed_s:
        return FreshnessState.FRESH
    if contact is not None and (now - contact.aos_at).total_seconds() > allowed_s:
        return FreshnessState.STALE
    if age_s > cadence.out_of_contact_s:
        return FreshnessState.STALE
    return FreshnessState.RESTING
