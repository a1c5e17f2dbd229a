"""The pages of stations, as an operator, a viewer and a customer meet them."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse

from constellation.contacts import upkeep
from constellation.contacts.models import State
from constellation.models import Antenna, Maintenance
from ops import clock
from tests.factories import NOON, make_antenna, make_contact, make_station, make_user

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def noon(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOON)


@pytest.fixture
def operator(client):
    client.force_login(make_user())
    return client


def page(client, name, *arguments, **headers):
    answer = client.get(reverse(name, args=arguments), **headers)
    assert answer.status_code == 200
    return answer.content.decode()


def close(antenna, start, end, reason="a new <bearing>"):
    row, _ = upkeep.reserve(
        maintenance_id=uuid4(),
        antenna=antenna,
        starts_at=start,
        ends_at=end,
        reason=reason,
        by="somebody",
    )
    return row


def test_every_station_is_there_with_what_its_antennas_do(operator):
    station = make_station(name="Vardø")
    flown = make_contact(antenna=make_antenna(station=station), state=State.PASS)
    make_contact(antenna=flown.antenna, aos_at=NOON + 2 * HOUR, state=State.SCHEDULED)
    make_contact(antenna=flown.antenna, aos_at=NOON + 30 * HOUR, state=State.SCHEDULED)
    make_antenna(station=station, is_active=False)
    close(make_antenna(station=station), NOON - HOUR, NOON + HOUR)
    make_antenna(station=station)
    make_station(name="Without")

    shown = page(operator, "stations")

    assert "2 stations, 4 antennas" in shown
    for words in (": In contact", ": Out of service", ": Maintenance", ": In service"):
        assert shown.count(words) == 1, words
    assert '<td class="number">2</td>' in shown  # the third is further away than a day
    assert reverse("contact", args=[flown.pk]) in shown
    assert "a new &lt;bearing&gt;" in shown
    parts = page(operator, "stations", HTTP_HX_REQUEST="true")
    assert "2 stations" in parts
    assert "<html" not in parts


def test_nothing_known_says_what_to_do(operator):
    assert "manage.py load_reference" in page(operator, "stations")


def test_a_station_shows_its_own_only(operator):
    here, there = make_contact(state=State.SCHEDULED), make_contact(state=State.SCHEDULED)
    close(here.antenna, NOON + 3 * HOUR, NOON + 4 * HOUR, "ours")
    close(there.antenna, NOON + 3 * HOUR, NOON + 4 * HOUR, "theirs")

    shown = page(operator, "station", here.antenna.station.code)

    assert here.satellite.name in shown
    assert there.satellite.name not in shown
    assert "ours" in shown
    assert "theirs" not in shown
    some = operator.get(f"{reverse('maintenances')}?of={here.antenna.station.code}")
    assert "ours" in some.content.decode()
    assert "theirs" not in some.content.decode()
    assert operator.get(reverse("station", args=["NOWHERE"])).status_code == 404
    assert operator.get("/stations/%00").status_code == 404
    assert operator.post("/antennas/%00/service", {"action": "in"}).status_code == 404


def test_a_maintenance_is_reserved_and_given_back(operator):
    contact = make_contact(aos_at=NOON + 2 * HOUR, state=State.SCHEDULED)
    wanted = {
        "id": uuid4(),
        "antenna": contact.antenna.code,
        "starts_at": "2026-234T14:00:00Z",
        "ends_at": "2026-234T16:00Z",
        "reason": "azimuth bearing",
    }

    refused = operator.post(reverse("reserve-maintenance"), wanted, follow=True)
    assert "is promised" in refused.content.decode()
    assert not Maintenance.objects.exists()
    taken = operator.post(
        reverse("reserve-maintenance"), wanted | {"cancels_booked": "on"}, follow=True
    )

    row = Maintenance.objects.get()
    assert (row.starts_at, row.ends_at) == (NOON + 2 * HOUR, NOON + 4 * HOUR)
    assert "serves nobody from 2026-234T14:00Z to 2026-234T16:00Z" in taken.content.decode()
    contact.refresh_from_db()
    assert contact.state == State.CANCELLED
    operator.post(reverse("reserve-maintenance"), wanted)  # pressed twice
    assert Maintenance.objects.get() == row
    back = operator.post(reverse("end-maintenance", args=[row.pk]), follow=True)
    assert "may be booked again" in back.content.decode()
    assert not Maintenance.objects.exists()
    assert operator.post(reverse("end-maintenance", args=[row.pk])).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"antenna": "NOBODY-1"}, "no antenna NOBODY-1"),
        ({"starts_at": "soon"}, "starts_at: An instant is such as 2026-234T12:00:00Z or"),
        ({"reason": ""}, "reason: This field is required."),
    ],
)
def test_what_is_wrong_with_one_is_said(operator, wrong, says):
    given = {
        "id": uuid4(),
        "antenna": make_antenna().code,
        "starts_at": "2026-08-22T14:00",
        "ends_at": "2026-08-22T16:00",
        "reason": "paint",
    }

    answer = operator.post(reverse("reserve-maintenance"), given | wrong)

    assert 400 <= answer.status_code < 500
    assert says in answer.content.decode()


def test_an_antenna_is_taken_out_of_service_and_put_back(operator):
    contact = make_contact(aos_at=NOON + HOUR, state=State.SCHEDULED)
    address = reverse("set-service", args=[contact.antenna.code])

    shown = operator.post(address, {"action": "out"}, follow=True).content.decode()
    contact.refresh_from_db()
    assert (contact.state, contact.reason.split(" (")[0]) == (
        State.CANCELLED,
        f"{contact.antenna} is out of service",
    )
    assert "Put in service" in shown
    assert (
        "Take out of service"
        in operator.post(address, {"action": "in"}, follow=True).content.decode()
    )
    assert Antenna.objects.get().is_active
    assert operator.post(address, {"action": "off"}).status_code == 400
    nowhere = reverse("set-service", args=["NOBODY-1"])
    assert operator.post(nowhere, {"action": "in"}).status_code == 404


def test_a_viewer_may_look_and_not_touch(client):
    client.force_login(make_user(role="viewer"))
    antenna = make_antenna()
    row = close(antenna, NOON, NOON + HOUR)

    for shown in (page(client, "stations"), page(client, "station", antenna.station.code)):
        for button in ("Give back", "Reserve", "Take out of service"):
            assert button not in shown
    for name, arguments in (
        ("reserve-maintenance", []),
        ("end-maintenance", [row.pk]),
        ("set-service", [antenna.code]),
    ):
        assert client.post(reverse(name, args=arguments)).status_code == 403
    assert Maintenance.objects.exists()
