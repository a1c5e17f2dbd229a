"""The page of contacts: what the day looks like on its antennas."""

import json
import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse

from constellation.contacts import agenda, upkeep
from constellation.models import Antenna
from tests.factories import NOON, make_antenna, make_contact, make_user

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def close(antenna, start, end, reason):
    upkeep.reserve(
        maintenance_id=uuid4(),
        antenna=antenna,
        starts_at=start,
        ends_at=end,
        reason=reason,
        by="somebody",
    )


def test_antennas_out_of_service_are_on_the_timeline_and_in_words(client):
    contact = make_contact(aos_at=NOON + HOUR)
    close(contact.antenna, NOON + 3 * HOUR, NOON + 4 * HOUR, "a new <bearing>")
    close(contact.antenna, NOON + 60 * HOUR, NOON + 61 * HOUR, "paint")
    client.force_login(make_user(role="viewer"))

    page = client.get(reverse("contacts"), {"day": f"{NOON:%Y-%j}"}).content.decode()

    data = re.search(r'<script id="timeline-json"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert json.loads(data[1])["closed"] == [
        {
            "antenna": contact.antenna.code,
            "from": "2026-08-22T15:00:00+00:00",
            "until": "2026-08-22T16:00:00+00:00",
            "reason": "a new <bearing>",
        }
    ]
    assert "a new &lt;bearing&gt;" in page
    assert "paint" not in page


def test_many_outages_leave_the_timeline_its_room(client):
    antenna = make_antenna()
    for hour in range(6):
        close(antenna, NOON + hour * HOUR, NOON + (hour + 1) * HOUR, f"{hour} " + "x" * 198)
    client.force_login(make_user(role="viewer"))

    page = client.get(reverse("contacts"), {"day": f"{NOON:%Y-%j}"}).content.decode()

    assert page.count("x…</span>") == 4
    assert "and more, all on the timeline" in page


def test_an_antenna_that_is_gone_keeps_the_row_of_its_contacts():
    contact, gone = make_contact(), make_antenna(is_active=False)
    Antenna.objects.update(is_active=False)
    drawn = agenda.timeline([contact], [], NOON, NOON + HOUR)["antennas"]
    assert drawn == [contact.antenna.code]
    assert gone.code not in drawn


def test_an_outage_that_reaches_into_a_span_touches_it():
    antenna = make_contact().antenna
    close(antenna, NOON + 4 * HOUR, NOON + 6 * HOUR, "wind")
    assert len(agenda.outages(NOON + 5 * HOUR, NOON + 9 * HOUR)) == 1
    assert agenda.outages(NOON + 6 * HOUR, NOON + 9 * HOUR) == []
    assert agenda.outages(NOON, NOON + 4 * HOUR) == []
