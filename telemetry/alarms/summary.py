"""What is wrong in the fleet, a line a cause: alarms grouped by rule and level."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min, Q, QuerySet

from constellation.models import Satellite
from telemetry import definitions
from telemetry.alarms import grouping, levels, lifecycle
from telemetry.alarms.models import Alarm
from telemetry.models import Newest

DIGEST = "active_digest"
NAMED_MOST = 12


@dataclass
class Group:
    """All open alarms of one rule at one level."""

    rule: str
    level: int
    name: str
    parameter: str
    count: int
    calling: int
    """Of them wait for somebody to acknowledge."""
    active: int
    first_at: datetime | None
    newest_at: datetime | None
    causes: list[grouping.Cause] = field(default_factory=list)
    members: list[str] = field(default_factory=list)
    """Codes of satellites, the first few."""
    alarm: Any = None
    """The id of the only alarm, when there is one alone."""

    @property
    def word(self) -> str:
        return levels.shown(self.level)

    @property
    def status(self) -> str:
        return levels.status(self.level)

    @property
    def more(self) -> int:
        return self.count - len(self.members)


def groups(alarms: QuerySet[Alarm] | None = None) -> list[Group]:
    """Return the groups of open alarms: those that call first, then the worst, then the newest."""
    rows = alarms if alarms is not None else Alarm.objects.filter(state__in=lifecycle.OPEN)
    counted = (
        rows.order_by()
        .values("rule", "worst")
        .annotate(
            title=Max("name"),
            of=Max("parameter"),
            count=Count("pk"),
            calling=Count("pk", filter=Q(state__in=lifecycle.CALLING)),
            active=Count("pk", filter=Q(is_active=True)),
            first_at=Min("raised_at"),
            newest_at=Max("raised_at"),
        )
    )
    found = [
        Group(
            row["rule"], row["worst"], row["title"], row["of"], row["count"], row["calling"],
            row["active"], row["first_at"], row["newest_at"],
        )
        for row in counted
    ]  # fmt: skip
    found.sort(key=lambda g: (not g.calling, -g.level, -_seconds(g.newest_at), g.name))
    _add_members(found, rows)
    return found


def counts() -> dict[str, Any]:
    """Return how many alarms are open and call, and the worst level: what every page shows."""
    row = Alarm.objects.filter(state__in=lifecycle.OPEN).aggregate(
        open=Count("pk"),
        calling=Count("pk", filter=Q(state__in=lifecycle.CALLING)),
        top=Max("worst"),
        top_calling=Max("worst", filter=Q(state__in=lifecycle.CALLING)),
    )
    worst = row["top_calling"] or row["top"] or 0
    return {
        "open": row["open"],
        "calling": row["calling"],
        "level": worst,
        "word": levels.shown(worst),
        "status": levels.status(worst),
    }


def _seconds(at: datetime | None) -> float:
    return at.timestamp() if at else 0.0


def _add_members(found: list[Group], rows: QuerySet[Alarm]) -> None:
    """Name the first members of each group, and what all of them have in common."""
    members: dict[tuple[str, int], list[tuple[str, int, Any]]] = defaultdict(list)
    listed = rows.order_by("satellite__code").values_list(
        "rule", "worst", "satellite__code", "satellite_id", "pk"
    )
    for rule, worst, code, satellite_id, alarm_id in listed:
        members[rule, worst].append((code, satellite_id, alarm_id))
    large = [g for g in found if g.count >= grouping.MEMBERS_LEAST]
    attributes, fleet = _attributes() if large else ({}, {})
    for group in found:
        own = members[group.rule, group.level]
        group.members = [code for code, _, _ in own[:NAMED_MOST]]
        if len(own) == 1:
            group.alarm = own[0][2]
        if group.count >= grouping.MEMBERS_LEAST:
            chosen = [attributes.get(satellite_id, {}) for _, satellite_id, _ in own]
            group.causes = grouping.explain(chosen, fleet, len(attributes))


def _attributes() -> tuple[dict[int, dict[str, str]], dict[str, Counter[str]]]:
    """Return what may explain a fault, by satellite, and how the fleet is made up."""
    found: dict[int, dict[str, str]] = {}
    rows = Satellite.objects.filter(is_active=True, planned=False) | Satellite.objects.filter(
        alarms__state__in=lifecycle.OPEN
    )
    for pk, plane, profile, role in rows.distinct().values_list(
        "pk", "plane__code", "profile__code", "role"
    ):
        found[pk] = {"plane": plane or "", "profile": profile, "role": role, "model": ""}
    newest = Newest.objects.filter(group__in=_groups_of(DIGEST)).order_by("generated_ns")
    for pk, digest in newest.values_list("satellite_id", f"value__{DIGEST}"):
        if pk in found and digest:
            found[pk]["model"] = str(digest)[:12]
    names = ("plane", "profile", "role", "model")
    return found, {name: Counter(each[name] for each in found.values()) for name in names}


def _groups_of(parameter: str) -> set[str]:
    """Return the groups that hold a parameter by any definition in use."""
    found = set()
    for edition in definitions.in_use():
        if (group := edition.groups.get(parameter)) is not None:
            found |= {group, edition.own(group)}
    return found


def members(rule: str, level: int) -> QuerySet[Alarm]:
    """Return the open alarms of a group, those that call first."""
    return Alarm.objects.filter(state__in=lifecycle.OPEN, rule=rule, worst=level)
