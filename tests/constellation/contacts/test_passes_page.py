"""The passes page: filters, pages, the sky of one pass, progress, calendar addresses."""

import html
import re
from dataclasses import replace
from datetime import datetime, timedelta
from math import degrees
from urllib.parse import urlencode

import pytest
from django.urls import reverse

from constellation import calendar_tokens, catalogue, fleet_plan, pass_waiting, tasks, visibility
from constellation.contacts import pages, passes_page
from constellation.contacts.models import Contact, State
from constellation.models import CalendarToken, ElementSet, Satellite, Station
from ops.accounts.models import User
from tests.e2e import sample
from tests.factories import NOON, make_element_set, make_user, standing


@pytest.fixture(scope="module")
def fleet(django_db_setup, django_db_blocker):
    with standing(django_db_blocker):
        sample.fill(ahead=timedelta(hours=1))
        yield


@pytest.fixture
def operator(client, fleet, db):
    client.force_login(User.objects.get(username="operator"))
    return client


def page(client, address, status=200):
    answer = client.get(address)
    assert answer.status_code == status, answer.content
    return html.unescape(answer.content.decode())


def test_the_page_lists_the_next_passes_with_their_light_and_warnings(operator):
    text = page(operator, "/passes")

    assert text.count('hx-target="#sky"') == passes_page.ROWS
    assert "Keyhole" in text
    assert "☀ sunlit" in text
    assert "<svg" in text
    assert "/api/v1/passes.csv" in text


def test_filters_hold_and_pages_lead_through_all_of_it(operator):
    address, seen = "/passes?station=SGS&min_elevation_deg=20", []
    station = Station.objects.get(code="SGS")
    while address:
        text = page(operator, address)
        seen += re.findall(r"station=SGS&tca=([^\"]+)\" hx-get", text)
        following = re.search(r'href="(\?[^"]+)" rel="next"', text)
        address = following and f"/passes{following[1]}"
    start_at = datetime.fromisoformat(seen[0]) - timedelta(hours=1)

    assert len(seen) == len(set(seen)) > passes_page.ROWS
    expected = visibility.passes_between(
        start_at, start_at + timedelta(hours=26), stations=[station]
    )
    every = {each.tca_at for each in expected.passes}
    assert {datetime.fromisoformat(at) for at in seen} <= every
    assert "/api/v1/stations/SGS/calendar.ics" in text


def test_one_pass_is_drawn_on_its_sky_and_can_be_booked(operator):
    Contact.objects.update(state=State.CANCELLED)
    Station.objects.filter(code="SGS").update(horizon=[[0, 5], [90, 15]])
    station = Station.objects.get(code="SGS")
    each = visibility.passes_between(
        NOON + timedelta(minutes=20), NOON + timedelta(hours=2), stations=[station]
    ).passes[0]
    named = f"satellite={each.satellite.code}&station=SGS&tca={each.tca_at.isoformat()}"
    address = f"/passes/sky?{named}".replace("+", "%2B")

    whole, part = page(operator, address), operator.get(address, HTTP_HX_REQUEST="true")

    assert "<html" in whole
    assert b"<html" not in part.content
    assert "Doppler x-down" in whole
    assert whole.count("<polyline") >= 1
    assert "Book SGS-1" in whole
    fields = dict(re.findall(r'name="(satellite|antenna|aos_at|los_at)" value="([^"]+)"', whole))
    assert operator.post(reverse("book-contact"), fields).status_code == 302
    assert Contact.objects.get(state=State.SCHEDULED).satellite == each.satellite
    assert "in contact then" in page(operator, address)


@pytest.mark.parametrize(
    ("address", "status", "says"),
    [
        ("/passes?min_elevation_deg=high", 400, "min_elevation_deg: A valid number is required."),
        ("/passes?light=dim", 400, "light:"),
        ("/passes?planet=mars", 400, "There is no filter planet."),
        ("/passes?satellite=NOBODY", 400, "There is no satellite NOBODY."),
        ("/passes?cursor=x", 400, "This cursor is not one that a page gave."),
        ("/passes/sky?satellite=SCS-01-A&station=SGS&tca=noon", 400, "in RFC 3339"),
        (
            "/passes/sky?satellite=SCS-01-A&station=SGS&tca=1900-01-01T00:00:00Z",
            400,
            "outside of 1958 to 2056",
        ),
        (
            "/passes/sky?satellite=SCS-01-A&station=SGS&tca=9999-12-31T23:59:59-12:00",
            400,
            "in RFC 3339",
        ),
        ("/passes/sky?satellite=%00&station=SGS&tca=2026-08-22T12:00:00Z", 404, "no such page"),
        ("/passes/sky?satellite=X&station=SGS&tca=2026-08-22T12:00:00Z", 404, "no such satellite"),
        (
            "/passes/sky?satellite=SCS-01-A&station=SGS&tca=2026-08-22T13:25:00Z",
            404,
            "There is no such pass any more",
        ),
        ("/passes?min_elevation_deg=90", 200, "No pass is like that."),
        ("/contacts?page=0", 400, "A page is a number from 1 on, not 0."),
        ("/contacts?page=x", 400, "A page is a number from 1 on, not x."),
    ],
)
def test_what_is_asked_wrongly_is_said_in_words(operator, address, status, says):
    assert says in page(operator, address, status)


def test_the_sky_of_a_pass_is_told_of_one_orbit_only(operator):
    # A pass that began before the set it is of was on record: a set before it has passes too.
    satellite, station = Satellite.objects.get(code="SCS-01-A"), Station.objects.get(code="SGS")
    eccentric = replace(
        catalogue.mean_elements(ElementSet.objects.get(satellite=satellite)),
        epoch_at=NOON + timedelta(hours=1),
        mean_motion_rev_per_day=2.006,
        eccentricity=0.7,
        perigee_argument_deg=270.0,
        mean_anomaly_deg=100.0,
        bstar_per_earth_radius=0.0,
    )
    make_element_set(elements=eccentric, satellite=satellite)
    long = max(
        visibility.passes_between(
            NOON + timedelta(hours=2),
            NOON + timedelta(hours=3),
            satellites=[satellite],
            stations=[station],
        ).passes,
        key=lambda each: each.los_at - each.aos_at,
    )
    named = urlencode(
        {"satellite": satellite.code, "station": station.code, "tca": long.tca_at.isoformat()}
    )

    text = page(operator, f"/passes/sky?{named}")

    assert long.aos_at < eccentric.epoch_at < long.tca_at - passes_page.NEAR
    assert f"{degrees(long.max_elevation_rad):.1f}° high" in text
    assert f"{long.tca_range_m / 1000:,.0f} km" in text


def test_a_long_computation_shows_how_far_it_is(operator, monkeypatch):
    queued = []
    monkeypatch.setattr(tasks.compute_passes, "apply_async", lambda **call: queued.append(call))
    fleet_plan.plan_fleet(NOON)

    text = page(operator, "/passes")

    assert queued
    assert "Passes are being computed: 0 of" in text
    assert 'hx-trigger="every 3s"' in text
    assert "<progress" in text
    assert 'placeholder="Satellite code"' in text
    monkeypatch.setattr(pass_waiting, "PATIENCE", 10**6)
    assert "being computed" not in page(operator, "/passes?cluster=SCS-01")


def test_a_calendar_address_is_shown_once_and_taken_back(operator):
    text = operator.post(reverse("add-calendar"), {"name": "phone"}).content.decode()
    address = re.search(r"/api/v1/calendars/([^/]+)/", text)
    row = CalendarToken.objects.get()

    assert calendar_tokens.recognise(address[1]) == row
    assert address[1] not in page(operator, "/passes/calendars")
    assert operator.post(reverse("add-calendar"), {"name": ""}).status_code == 400
    assert operator.post(reverse("revoke-calendar", args=[row.pk])).status_code == 302
    assert calendar_tokens.recognise(address[1]) is None
    operator.force_login(make_user(role="viewer"))
    assert operator.post(reverse("revoke-calendar", args=[row.pk])).status_code == 404


def test_the_table_of_contacts_comes_in_pages_and_opens_at_what_goes_on(operator, monkeypatch):
    monkeypatch.setattr(pages, "ROWS", 5)
    count = Contact.objects.count()
    last = -(-count // 5)
    seen = []
    for number in range(1, last + 1):
        text = page(operator, f"/contacts?page={number}")
        seen += re.findall(r'<tr id="contact-([^"]+)"', text)
        assert f"Page {number} of {last}; the timeline shows all {count}." in text

    assert len(seen) == len(set(seen)) == count
    assert "data-current" in page(operator, "/contacts")
    assert f"Page {last} of {last};" in page(operator, f"/contacts?page={last + 9}")
