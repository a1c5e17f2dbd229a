"""What a message says: JSON for programs, a few lines for people."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from constellation.questions import rfc3339
from telemetry.alarms import levels, notices
from telemetry.alarms.models import Delivery, Transition

LISTED_MOST = 1_000
"""Transitions named in the body of a webhook; `count` has all."""
NAMED_MOST = 10
"""Satellites named in a line of an e-mail."""


def told_of(delivery: Delivery) -> list[Transition]:
    """Return what a message tells of, in order."""
    rows = Transition.objects.filter(pk__in=delivery.items.values("transition")).select_related(
        "alarm__satellite"
    )
    return list(rows.order_by("id"))


def body(delivery: Delivery, told: list[Transition]) -> dict[str, Any]:
    """Return the JSON of a webhook. A message without transitions is a test."""
    return {
        "id": str(delivery.pk),
        "subscription": str(delivery.subscription_id),
        "kind": "alarms" if told else "test",
        "count": len(told),
        "alarms": [_listed(each) for each in told[:LISTED_MOST]],
    }


def _listed(told: Transition) -> dict[str, Any]:
    alarm = told.alarm
    return {
        "alarm": str(alarm.pk),
        "satellite": alarm.satellite.code,
        "name": alarm.name,
        "parameter": alarm.parameter or None,
        "event": told.event,
        "state": told.after,
        "level": levels.shown(notices.level_of(told)),
        "occurrence": told.occurrence,
        "value": told.value,
        "reason": told.reason,
        "at": rfc3339(told.at),
        "generated_at": rfc3339(told.generated_at) if told.generated_at else None,
    }


def subject(told: list[Transition]) -> str:
    """Return the line by which people decide whether to get up."""
    if not told:
        return "[Zenith] Test message"
    worst = max(notices.level_of(each) for each in told)
    satellites = {each.alarm.satellite_id for each in told}
    where = (
        told[0].alarm.satellite.code if len(satellites) == 1 else f"{len(satellites)} satellites"
    )
    first = next(each for each in told if notices.level_of(each) == worst)
    names = {each.alarm.name for each in told}
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    line = f"[Zenith] {levels.shown(worst)}: {first.alarm.name}{more}, {where}"
    return " ".join(line.split())


def text(told: list[Transition]) -> str:
    """Return the message in words: a line a cause, with the satellites it is about."""
    if not told:
        return "This is a test: messages about alarms come to this address.\n"
    groups: dict[tuple[int, str, str], list[Transition]] = defaultdict(list)
    for each in told:
        groups[-notices.level_of(each), each.alarm.name, each.event].append(each)
    lines = []
    for (level, name, event), members in sorted(groups.items()):
        codes = sorted({each.alarm.satellite.code for each in members})
        more = f" and {len(codes) - NAMED_MOST} more" if len(codes) > NAMED_MOST else ""
        lines.append(f"{levels.shown(-level)}  {name}: {event}, {len(codes)} satellite(s)")
        lines.append(f"    {', '.join(codes[:NAMED_MOST])}{more}")
        first = members[0]
        lines.append(f"    first at {first.at:%Y-%m-%dT%H:%M:%SZ}  {first.reason}".rstrip())
    return "\n".join(lines) + "\n"
