"""The fleet looked at on beat, in a handful of statements: who is silent, what has gone stale.

A satellite that is silent has one alarm, that of its link, and none for each group that is stale
because of it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Max

from constellation.contacts.models import Contact
from telemetry import times
from telemetry.alarms import conditions, freshness, keeping
from telemetry.alarms.conditions import Condition, Found
from telemetry.alarms.levels import Level
from telemetry.alarms.models import Alarm, Revision, Watch
from telemetry.models import RawBatch

LINK = "link"
LOOKOUT = 0x5A4C_4F4F
"""Of the advisory lock under which the fleet is looked at."""
LATE_AFTER = timedelta(seconds=60)
"""Wall time after which the lookout itself is missed."""


def look(*, now: datetime, rate: float) -> int:
    """Look at everything; return how many transitions that made. Safe to repeat.

    `rate` is that of the mission clock.
    """
    grace = freshness.grace_at(rate)
    made = 0
    with transaction.atomic():
        _alone()
        contacts = _under_way(now)
        heard_ns, behind = _heard(contacts)
        silent = _link(contacts, heard_ns, now, grace)
        made += _settle(silent, heard_ns, now)
        unjudged = behind | {found.satellite_id for found in silent}
        for condition, found in freshness.look(contacts, now=now, grace=grace):
            told = [each for each in found if each.satellite_id not in unjudged]
            made += _apply(condition, told, now)
    for condition in conditions.registered():
        with transaction.atomic():
            _alone()
            made += _apply(condition, condition.find(now), now)
    return made


def _alone() -> None:
    """Wait until nobody else looks: two at once would raise what both find twice."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOOKOUT])


def _heard(contacts: dict[int, Contact]) -> tuple[dict[int, int], set[int]]:
    """Return when each satellite was last heard, and whose frames wait to be decoded: those are
    heard, and what they say is not known yet."""
    heard_ns = dict(Watch.objects.values_list("satellite_id", "heard_ns"))
    waiting = (
        RawBatch.objects.filter(
            contact__in=[contact.pk for contact in contacts.values()], decoded=False
        )
        .values_list("satellite_id")
        .annotate(Max("received_ns"))
    )
    behind = dict(waiting)
    for satellite_id, received_ns in behind.items():
        heard_ns[satellite_id] = max(heard_ns.get(satellite_id, 0), received_ns)
    return heard_ns, set(behind)


def note_look(wall: datetime) -> None:
    """Note that somebody looked."""
    Revision.objects.update_or_create(pk=1, defaults={"looked_at": wall})


def late_s(wall: datetime) -> float | None:
    """Return for how long nobody has looked, when that is too long; None when all is well."""
    looked_at = Revision.objects.filter(pk=1).values_list("looked_at", flat=True).first()
    if looked_at is None or wall - looked_at <= LATE_AFTER:
        return None
    return (wall - looked_at).total_seconds()


def _under_way(now: datetime) -> dict[int, Contact]:
    """Return the contacts in which satellites should be heard, by satellite."""
    rows = freshness.under_way(now).select_related("antenna")
    return {row.satellite_id: row for row in rows}


def _link(
    contacts: dict[int, Contact], heard_ns: dict[int, int], now: datetime, grace: timedelta
) -> list[Found]:
    """Find satellites that should be heard by now and are not."""
    silent = []
    for satellite_id, contact in contacts.items():
        since = max(contact.aos_at, times.from_ns(heard_ns.get(satellite_id, 0)))
        if now - since > grace:
            told = f"Nothing heard over {contact.antenna.code} since {since:%H:%M:%SZ}"
            silent.append(Found(satellite_id, since + grace, Level.DISTRESS, None, told))
    return silent


def _settle(silent: list[Found], heard_ns: dict[int, int], now: datetime) -> int:
    """Raise the link alarms; one returns when its satellite is heard, not when the pass is over."""
    condition = Condition(LINK, "Expected and not heard", lambda _: [])
    missing = {found.satellite_id for found in silent}
    rows = Alarm.objects.filter(rule=LINK, is_active=True).exclude(satellite__in=missing)
    kept = [
        Found(row.satellite_id, row.raised_at or now, Level(row.level), row.value, row.detail)
        for row in rows
        if row.raised_at and heard_ns.get(row.satellite_id, 0) <= times.to_ns(row.raised_at)
    ]
    return _apply(condition, silent + kept, now)


def _apply(condition: Condition, found: list[Found], now: datetime) -> int:
    """Move the alarms of a condition: those found hold, all others return."""
    holding = {each.satellite_id for each in found}
    over = Alarm.objects.filter(rule=condition.rule, is_active=True)
    findings = [
        keeping.Finding(
            satellite_id=each.satellite_id,
            rule=condition.rule,
            name=condition.name,
            parameter=condition.parameter,
            level=each.level,
            generated_ns=times.to_ns(each.since),
            value=each.value,
            detail=each.detail,
        )
        for each in found
    ]
    findings += [
        keeping.Finding(
            satellite_id=satellite_id,
            rule=condition.rule,
            name=condition.name,
            parameter=condition.parameter,
            level=Level.NORMAL,
            generated_ns=times.to_ns(now),
            detail="over",
        )
        for satellite_id in over.exclude(satellite__in=holding).values_list("satellite", flat=True)
    ]
    return len(keeping.keep(findings, now=now)) if findings else 0
