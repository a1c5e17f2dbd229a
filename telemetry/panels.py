"""What this room puts on the console: a satellite's telemetry, and when it was last heard."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.db.models import Max

from ops.console import panels
from telemetry import overview
from telemetry.models import Latest

SILENT_AFTER = timedelta(hours=6)
"""Longer than the longest time a satellite of the fleet waits for a station in view."""


def heard(satellite_ids: Iterable[int], now: datetime) -> dict[int, panels.Fact]:
    """Say when each satellite was last heard, and which have been silent for long."""
    newest = (
        Latest.objects.filter(satellite__in=satellite_ids)
        .values_list("satellite")
        .annotate(Max("received_ns"))
    )
    facts = {}
    for satellite_id, received_ns in newest:
        at = datetime.fromtimestamp(received_ns / 1e9, UTC)
        silent = now - at > SILENT_AFTER
        facts[satellite_id] = panels.Fact(
            "caution" if silent else "off",
            "Silent" if silent else "Heard, no model",
            {"heard_at": at},
        )
    return facts


panels.register_page(
    panels.Page("Completeness", "completeness", "telemetry.view_packet", key="d", order=27)
)
panels.register_satellite_facts(heard)
panels.register_panel(
    panels.Panel(
        of="satellite",
        name="telemetry",
        template="telemetry/panel.html",
        permission="telemetry.view_sample",
        context=overview.of_satellite,
        column="main",
        order=10,
    )
)
panels.register_panel(
    panels.Panel(
        of="satellite",
        name="completeness",
        template="telemetry/completeness.html",
        permission="telemetry.view_packet",
        context=overview.completeness,
        order=40,
    )
)
panels.register_panel(
    panels.Panel(
        of="contact",
        name="reception",
        template="telemetry/reception.html",
        permission="telemetry.view_packet",
        context=overview.reception,
        column="main",
        order=20,
    )
)
