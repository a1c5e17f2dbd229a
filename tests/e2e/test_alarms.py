"""Alarms in a real browser: by keyboard, as they come, and readable to everybody."""

from datetime import timedelta

import pytest

from constellation.models import Satellite
from telemetry import times
from telemetry.alarms import keeping, reference_limits
from telemetry.alarms.levels import Level
from telemetry.alarms.models import Alarm
from tests.e2e.browsing import violations
from tests.factories import NOON

pytestmark = [
    # whitenoise serves its files to an asynchronous server through a thread, and Django remarks it.
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:websockets"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:uvicorn"),
]
LIVE = "zen-link .status-normal"


def silence(satellite):
    """A satellite is expected and not heard."""
    keeping.keep(
        [
            keeping.Finding(
                satellite.pk,
                "link",
                "Expected and not heard",
                Level.DISTRESS,
                times.to_ns(NOON + timedelta(seconds=30)),
                detail="Nothing heard over SGS-1 since 12:00:00Z",
            )
        ],
        now=NOON + timedelta(seconds=30),
    )


def test_alarms_are_read_and_acknowledged_at_night(console, server):
    reference_limits.load(NOON)
    console.goto(f"{server.url}/alarms")
    console.wait_for_selector(LIVE)
    console.get_by_text("5 of 5 alarms not acknowledged").wait_for()
    assert violations(console) == []

    # Keys alone: to the second line, the batteries of four satellites, and acknowledge them all.
    console.locator("[data-row]").first.focus()
    console.keyboard.press("j")
    console.keyboard.press("a")
    console.get_by_text("1 of 5 alarms not acknowledged").wait_for()
    assert Alarm.objects.filter(rule="battery", state="acknowledged").count() == 4
    assert console.locator("#alarm-count strong").inner_text() == "1"

    # What is raised now comes by itself, on the page and in the header.
    console.wait_for_selector(LIVE)
    silence(Satellite.objects.get(code="SCS-01-F"))
    console.get_by_text("2 of 6 alarms not acknowledged").wait_for()
    console.locator("#alarm-count strong", has_text="2").wait_for()

    console.goto(f"{server.url}/contacts")
    console.keyboard.press("g")
    console.keyboard.press("l")
    console.wait_for_url("**/alarms")

    alarm = Alarm.objects.get(rule="heat")
    for address in (
        *(f"/alarms/{alarm.pk}", "/alarms/silenced", "/alarms/subscriptions"),
        *("/limits", "/limits/new"),
    ):
        console.goto(f"{server.url}{address}")
        console.wait_for_selector(LIVE)
        assert violations(console) == [], address
