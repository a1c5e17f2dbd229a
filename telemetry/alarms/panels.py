"""What this room puts on the console: the alarms page, the count on every page, facts, a panel."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from constellation.models import Satellite
from ops.console import panels
from telemetry.alarms import console, levels, lifecycle, looking, summary
from telemetry.alarms.models import Alarm, Freshness, FreshnessState

SHOWN_MOST = 8


def in_header(user: Any, now: datetime) -> dict[str, Any]:
    """Return the counts that every page shows."""
    return summary.counts()


def facts(satellite_ids: Iterable[int], now: datetime) -> dict[int, panels.Fact]:
    """Say which satellites have open alarms, and which can be trusted to be as they are shown."""
    worst: dict[int, int] = defaultdict(int)
    count: dict[int, int] = defaultdict(int)
    rows = Alarm.objects.filter(satellite__in=satellite_ids, is_active=True)
    for satellite_id, level in rows.filter(state__in=lifecycle.OPEN).values_list(
        "satellite_id", "level"
    ):
        worst[satellite_id] = max(worst[satellite_id], level)
        count[satellite_id] += 1
    return {
        satellite_id: panels.Fact(
            levels.status(level),
            f"{levels.shown(level)}, {count[satellite_id]} alarm{'s' * (count[satellite_id] > 1)}",
            {"alarms": count[satellite_id]},
        )
        for satellite_id, level in worst.items()
    }


def of_satellite(satellite: Satellite, now: datetime) -> dict[str, Any]:
    """Return a satellite's open alarms and its stale groups."""
    rows = Alarm.objects.filter(satellite=satellite, state__in=lifecycle.OPEN)
    rows = rows.order_by("is_acknowledged", "-worst", "-raised_at")
    return {
        "satellite": satellite,
        "alarms": console.told(list(rows[:SHOWN_MOST])),
        "more": max(0, rows.count() - SHOWN_MOST),
        "stale": list(
            Freshness.objects.filter(satellite=satellite, state=FreshnessState.STALE).order_by(
                "group"
            )
        ),
        "link": any(row.rule == looking.LINK for row in rows),
    }


panels.register_page(panels.Page("Alarms", "alarms", "alarms.view_alarm", key="l", order=12))
panels.register_header(
    panels.HeaderPart("alarms/count_link.html", "alarms.view_alarm", in_header, streams="alarms")
)
panels.register_satellite_facts(facts)
panels.register_panel(
    panels.Panel(
        of="satellite",
        name="alarms",
        template="alarms/panel.html",
        permission="alarms.view_alarm",
        context=of_satellite,
        order=5,
    )
)
