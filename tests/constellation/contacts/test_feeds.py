"""Calendars of passes and contacts, read by somebody else's parser, behind a token or a session."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import icalendar
import pytest
from rest_framework.test import APIClient

from constellation import calendar_tokens, catalogue, visibility
from constellation import icalendar as ours
from constellation.contacts import feeds
from constellation.contacts.models import State
from constellation.models import Antenna, CalendarToken, ElementSet, Satellite, Station
from ops import clock
from tests.factories import NOON, make_contact, make_element_set, make_organisation, make_user

FEEDS = ["/api/v1/stations/SGS/calendar.ics", "/api/v1/satellites/SCS-01-A/calendar.ics"]


@pytest.fixture
def fleet(db, monkeypatch):
    catalogue.load_reference(NOON)
    monkeypatch.setattr(clock, "now", lambda: NOON)


@pytest.fixture
def operator(fleet):
    return make_user(organisation=make_organisation(operates_fleet=True))


@pytest.fixture
def client(operator):
    client = APIClient()
    client.force_authenticate(operator)
    return client


def read(client, address, **headers):
    answer = client.get(address, **headers)
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    return icalendar.Calendar.from_ical(answer.content)


def events(calendar, category=None):
    found = calendar.walk("VEVENT")
    if category:
        found = [each for each in found if each["CATEGORIES"].cats == [category]]
    return found


@pytest.mark.parametrize("address", [*FEEDS, "/api/v1/calendar-tokens"])
def test_strangers_and_customers_get_no_calendar(fleet, address):
    customer = APIClient()
    customer.force_authenticate(make_user(role="customer"))
    assert APIClient().get(address).status_code == 401
    assert customer.get(address).status_code == 403


def test_a_stations_calendar_has_its_passes_to_the_second(client):
    station = Station.objects.get(code="SGS")
    start_at, end_at = NOON - timedelta(days=1), NOON + timedelta(days=1)
    passes = visibility.passes_between(start_at, end_at, stations=[station]).passes
    told = events(read(client, f"{FEEDS[0]}?days=1"), "PASS")

    assert len(told) == len(passes) > 100
    for event, each in zip(told, passes, strict=True):
        assert event.decoded("DTSTART") == each.aos_at.replace(microsecond=0)
        assert event.decoded("DTEND") == each.los_at.replace(microsecond=0)
        assert each.satellite.name in event["SUMMARY"]
        assert event["TRANSP"] == "TRANSPARENT"
        assert event.decoded("DTSTAMP") == each.element_set.loaded_at.replace(microsecond=0)
    assert len({str(event["UID"]) for event in told}) == len(told)


def test_contacts_are_told_apart_from_passes_with_how_they_stand(client):
    satellite = Satellite.objects.get(code="SCS-01-A")
    antenna = Antenna.objects.get(code="SGS-1")
    booked = make_contact(satellite=satellite, antenna=antenna, aos_at=NOON + timedelta(hours=1))
    cancelled = make_contact(
        satellite=satellite,
        antenna=antenna,
        aos_at=NOON + timedelta(hours=3),
        state=State.CANCELLED,
        version=3,
    )
    for address in FEEDS:
        told = {str(event["UID"]): event for event in events(read(client, address), "CONTACT")}

        assert set(told) == {f"contact-{booked.pk}@zenith", f"contact-{cancelled.pk}@zenith"}
        one, other = told[f"contact-{booked.pk}@zenith"], told[f"contact-{cancelled.pk}@zenith"]
        assert (one["STATUS"], one["TRANSP"]) == ("CONFIRMED", "OPAQUE")
        assert one["SUMMARY"].startswith("CONTACT SCS-01 A on SGS-1: scheduled")
        assert one.decoded("DTSTART") == booked.aos_at
        assert (other["STATUS"], other["TRANSP"]) == ("CANCELLED", "TRANSPARENT")
        assert other["SEQUENCE"] == 2


def test_contacts_of_others_are_not_told(fleet):
    make_contact(antenna=Antenna.objects.get(code="SGS-1"), aos_at=NOON + timedelta(hours=1))
    viewer = APIClient()
    viewer.force_authenticate(make_user(role="viewer", organisation=make_organisation()))

    calendar = read(viewer, FEEDS[0])

    assert events(calendar, "PASS")
    assert not events(calendar, "CONTACT")


def test_a_pass_keeps_its_name_when_a_new_element_set_moves_it(client):
    before = {str(e["UID"]): e.decoded("DTSTART") for e in events(read(client, FEEDS[1]))}
    held = ElementSet.objects.get(satellite__code="SCS-01-A")
    mean = catalogue.mean_elements(held)
    moved = replace(mean, mean_anomaly_deg=mean.mean_anomaly_deg + 0.05)
    held.delete()
    make_element_set(elements=moved, satellite=held.satellite)

    after = {str(e["UID"]): e.decoded("DTSTART") for e in events(read(client, FEEDS[1]))}

    shared = before.keys() & after.keys()
    # Half an hour to the next name, less than a second moved: next to none changes.
    assert len(shared) >= 0.98 * len(before)
    moves = [abs((after[uid] - before[uid]).total_seconds()) for uid in shared]
    assert 0 < max(moves) <= 3


def test_an_unchanged_calendar_is_not_sent_again(client, monkeypatch):
    first = client.get(FEEDS[0])
    monkeypatch.setattr(clock, "now", lambda: NOON + timedelta(minutes=5))
    again = client.get(FEEDS[0], HTTP_IF_NONE_MATCH=first["ETag"])
    assert (again.status_code, again.content) == (304, b"")

    make_contact(antenna=Antenna.objects.get(code="SGS-1"), aos_at=NOON + timedelta(hours=1))
    changed = client.get(FEEDS[0], HTTP_IF_NONE_MATCH=first["ETag"])
    assert changed.status_code == 200
    assert changed["ETag"] != first["ETag"]


def test_a_token_opens_feeds_and_nothing_else_until_it_is_revoked(client, operator):
    token_id = uuid4()
    address = f"/api/v1/calendar-tokens/{token_id}"
    made = client.put(address, {"name": "phone"}, format="json")
    again = client.put(address, {"name": "phone"}, format="json")
    token = made.json()["token"]

    assert (made.status_code, again.status_code) == (201, 200)
    assert "token" not in again.json()
    assert client.put(address, {"name": "other"}, format="json").status_code == 422
    assert token not in str(CalendarToken.objects.values().get())
    assert client.get("/api/v1/calendar-tokens").json()["results"][0]["prefix"] == token[:8]

    nobody = APIClient()
    for kind, code in (("stations", "SGS"), ("satellites", "SCS-01-A")):
        url = f"/api/v1/calendars/{token}/{kind}/{code}.ics"
        by_token = nobody.get(url)
        assert by_token.status_code == 200
        assert by_token.content == client.get(f"/api/v1/{kind}/{code}/calendar.ics").content
        assert nobody.post(url).status_code == 405
    bearer = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
    assert nobody.get("/api/v1/stations", **bearer).status_code == 401
    assert nobody.get(f"/api/v1/calendars/{token}x/stations/SGS.ics").status_code == 401

    stranger = APIClient()
    stranger.force_authenticate(make_user(role="viewer"))
    assert stranger.delete(address).status_code == 404
    assert stranger.get("/api/v1/calendar-tokens").json()["results"] == []
    assert client.delete(address).status_code == 204
    assert client.delete(address).status_code == 204
    assert nobody.get(f"/api/v1/calendars/{token}/stations/SGS.ics").status_code == 401


def test_a_token_has_no_more_rights_than_its_user_has_now(fleet):
    user = make_user(role="viewer")
    _, token = calendar_tokens.issue(token_id=uuid4(), user=user, name="phone")
    url = f"/api/v1/calendars/{token}/stations/SGS.ics"
    assert APIClient().get(url).status_code == 200

    user.role = "customer"
    user.save()
    assert APIClient().get(url).status_code == 403
    user.is_active = False
    user.save()
    assert APIClient().get(url).status_code == 401


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("day=1", "There is no parameter day; those known are days, min_elevation_deg."),
        ("days=8", "less than or equal to 7"),
        ("min_elevation_deg=x", "A valid number is required."),
    ],
)
def test_what_is_asked_wrongly_is_refused(client, query, says):
    answer = client.get(f"{FEEDS[0]}?{query}")
    assert answer.status_code == 400
    assert says in answer.content.decode()


def test_more_events_than_calendars_bear_are_refused(client, monkeypatch):
    monkeypatch.setattr(feeds, "EVENTS_MAX", 20)
    answer = client.get(FEEDS[0])
    assert answer.status_code == 400
    assert "more than 20 events" in answer.json()["detail"]
    assert client.get("/api/v1/stations/NOWHERE/calendar.ics").status_code == 404


def test_lines_are_folded_between_characters_and_text_comes_back_as_it_was():
    text = "Übergänge; Größe, \\Süd\\\nzweite Zeile: " + "ä€𝄞" * 60
    event = ours.Event(
        uid="1@zenith", stamp_at=NOON, start_at=NOON, end_at=NOON, summary=text,
        description=text, location=text, latitude_deg=-1.5, longitude_deg=2.25,
        category="PASS", status="CONFIRMED", is_busy=False,
    )  # fmt: skip
    data = ours.calendar("A; name", [event])

    assert max(len(line) for line in data.split(b"\r\n")) <= 75
    assert b"\n" not in data.replace(b"\r\n", b"")
    (read_back,) = icalendar.Calendar.from_ical(data).walk("VEVENT")
    assert str(read_back["SUMMARY"]) == text
    assert str(read_back["DESCRIPTION"]) == text
    assert read_back.decoded("DTEND") - read_back.decoded("DTSTART") == timedelta(seconds=1)
    assert read_back["GEO"].latitude == -1.5
