"""Shadow on the fleet's satellites: as decisions, over HTTP, and on the satellite's page."""

from datetime import datetime, timedelta

import pytest
from rest_framework.test import APIClient

from constellation import catalogue, eclipses
from constellation.models import Satellite
from constellation.orbits import eclipse
from ops import clock
from tests.factories import NOON, make_satellite, make_user

URL = "/api/v1/satellites/SCS-01-A/eclipses"


@pytest.fixture
def fleet(db, monkeypatch):
    catalogue.load_reference(NOON)
    monkeypatch.setattr(clock, "now", lambda: NOON)


@pytest.fixture
def client(fleet):
    client = APIClient()
    client.force_authenticate(make_user(role="viewer"))
    return client


def test_the_fleets_eclipses_are_where_the_light_goes_out(fleet):
    seen = eclipses.eclipses_between(NOON, NOON + timedelta(hours=3))
    orbits = catalogue.orbits(catalogue.elements_of_record(NOON))

    assert {each.satellite.code for each in seen.eclipses} == set(orbits.names)
    assert set(seen.lit_share) == set(seen.beta_rad) == set(orbits.names)
    whole = [each for each in seen.eclipses if not (each.begun_before or each.ends_after)]
    assert len(whole) > 13
    for each in whole[::3]:
        number = orbits.names.index(each.satellite.code)
        for at, late_s, light in (
            (each.umbra_entry_at, -0.1, eclipse.Light.PENUMBRA),
            (each.umbra_entry_at, 0.1, eclipse.Light.UMBRA),
            (each.umbra_exit_at, 0.1, eclipse.Light.PENUMBRA),
        ):
            at_s = at.timestamp() + late_s
            position_m = orbits.part(number, number + 1).states([at_s]).position_m[0, 0]
            assert eclipse.light(position_m, eclipse.sun_m(at_s)) == light
        assert each.entry_at <= each.umbra_entry_at < each.umbra_exit_at <= each.exit_at


def test_the_outlook_is_the_eclipse_under_way_or_next(fleet):
    satellite = Satellite.objects.get(code="SCS-01-A")
    first = eclipses.outlook(satellite, NOON).eclipse
    before = eclipses.outlook(satellite, first.entry_at - timedelta(minutes=5))
    during = eclipses.outlook(satellite, first.umbra_entry_at + timedelta(minutes=2))

    assert before.eclipse.entry_at == pytest.approx(first.entry_at, abs=timedelta(seconds=0.01))
    assert during.eclipse.begun_before
    assert during.eclipse.exit_at == pytest.approx(first.exit_at, abs=timedelta(seconds=0.01))
    assert 0.5 < before.lit_share < 0.8
    assert eclipses.outlook(make_satellite(), NOON) is None


def test_eclipses_over_http(client):
    body = client.get(f"{URL}?start=2026-08-22T12:00:00Z&end=2026-08-23T12:00:00Z").json()

    assert body["satellite"] == "SCS-01-A"
    assert 14 <= len(body["results"]) <= 16
    dark_s = sum(each["duration_s"] for each in body["results"])
    # The penumbra counts half, some eight seconds at both ends.
    assert 1.0 - dark_s / 86_400 == pytest.approx(body["lit_share"], abs=0.003)
    first, second = body["results"][:2]
    entries = [datetime.fromisoformat(each["entry_at"]) for each in (first, second)]
    assert (entries[1] - entries[0]).total_seconds() == pytest.approx(94.6 * 60, abs=30)
    assert first["umbra_entry_at"] > first["entry_at"]
    assert first["beta_deg"] == pytest.approx(body["beta_deg"], abs=1.0)


@pytest.mark.parametrize(
    ("url", "status", "said"),
    [
        (f"{URL}?from=now", 400, "There is no parameter from; those known are start, end."),
        (f"{URL}?start=2026-08-22T12:00:00Z&end=2026-08-22T11:00:00Z", 400, "before it starts"),
        (f"{URL}?start=2026-08-22T12:00:00Z&end=2026-08-30T12:00:00Z", 400, "longer than 7 days"),
        (f"{URL}?start=noon", 400, "Datetime has wrong format"),
        ("/api/v1/satellites/NOBODY/eclipses", 404, "No Satellite matches"),
    ],
)
def test_a_wrong_question_about_eclipses_is_told_so(client, url, status, said):
    answer = client.get(url)
    assert answer.status_code == status
    assert said in answer.content.decode()


def test_a_satellite_without_an_orbit_has_no_eclipses_to_tell(client):
    code = make_satellite().code
    answer = client.get(f"/api/v1/satellites/{code}/eclipses")

    assert answer.status_code == 409
    assert answer.json()["code"] == "no_orbit"


def test_a_stranger_and_a_customer_see_no_eclipses(fleet):
    stranger, customer = APIClient(), APIClient()
    customer.force_authenticate(make_user(role="customer"))

    assert stranger.get(URL).status_code == 401
    assert customer.get(URL).status_code == 403


def test_the_page_of_a_satellite_shows_its_light(fleet, client):
    client.force_login(make_user(role="viewer"))
    page = client.get("/satellites/SCS-01-A").content.decode()

    assert "Beta angle" in page
    assert "% of the next 24 h" in page
    assert "Next eclipse" in page or "In eclipse until" in page
