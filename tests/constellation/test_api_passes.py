"""Passes over HTTP: every column, filters, pages that hold still, CSV, and nothing ignored."""

import csv
import io
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from asgiref.sync import async_to_sync
from rest_framework.test import APIClient
from skyfield.api import EarthSatellite, wgs84

from constellation import catalogue, fleet_plan, pass_waiting, tasks
from constellation.models import Antenna, ElementSet, Station
from constellation.orbits import frames
from ops import clock
from tests.factories import NOON, make_element_set, make_user

SPAN = "start=2026-08-22T12:00:00Z&end=2026-08-22T18:00:00Z"


@pytest.fixture
def fleet(db, monkeypatch):
    catalogue.load_reference(NOON)
    monkeypatch.setattr(clock, "now", lambda: NOON)


@pytest.fixture
def client(fleet):
    client = APIClient()
    client.force_authenticate(make_user(role="viewer"))
    return client


def results(client, query, **headers):
    answer = client.get(f"/api/v1/passes?{query}", **headers)
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


def text_of(answer):
    async def collect():
        return b"".join([part async for part in answer.streaming_content])

    return async_to_sync(collect)().decode()


def test_a_pass_has_the_ranges_rates_and_doppler_that_skyfield_sees(client):
    a_pass = max(
        results(client, f"satellite=SCS-01-A&station=SGS&{SPAN}"),
        key=lambda each: each["max_elevation_deg"],
    )
    row = ElementSet.objects.get(satellite__code="SCS-01-A")
    satellite = EarthSatellite.from_satrec(catalogue.orbits([row])._records[0], frames.timescale())
    station = Station.objects.get(code="SGS")
    place = wgs84.latlon(station.latitude_deg, station.longitude_deg, station.altitude_m)
    for event in ("aos", "tca", "los"):
        at = frames.timescale().from_datetime(datetime.fromisoformat(a_pass[f"{event}_at"]))
        seen = (satellite - place).at(at).frame_latlon_and_rates(place)
        _, azimuth, distance, _, _, rate = seen
        assert a_pass[f"{event}_azimuth_deg"] == pytest.approx(azimuth.degrees, abs=2e-3)
        assert a_pass[f"{event}_range_m"] == pytest.approx(distance.m, abs=10)
        # The range rate changes by up to 60 m/s a second, and instants are told to 1 µs.
        assert a_pass[f"{event}_range_rate_m_s"] == pytest.approx(rate.km_per_s * 1000, abs=0.1)
        shifts = {each["carrier"]: each for each in a_pass["doppler"]}
        assert list(shifts) == ["s-up", "s-down", "x-up", "x-down"]
        expected_hz = -8_212_500_000 * rate.km_per_s / 299_792.458
        assert shifts["x-down"][f"{event}_hz"] == pytest.approx(expected_hz, abs=3)
    assert shifts["s-up"]["direction"] == "up"
    assert a_pass["aos_light"] in ("sunlit", "penumbra", "umbra")


def test_antennas_that_cannot_follow_or_look_near_the_sun_are_named(client):
    Antenna.objects.filter(code="SGS-1").update(azimuth_rate_max_deg_per_s=0.05)
    Antenna.objects.filter(code="SGS-2").update(keyhole_deg=45.0, azimuth_rate_max_deg_per_s=360)
    Antenna.objects.filter(code="SGS-3").update(
        sun_limit_deg=90.0, moon_limit_deg=90.0, azimuth_rate_max_deg_per_s=360
    )
    Antenna.objects.filter(code="SGS-4").update(is_active=False, azimuth_rate_max_deg_per_s=0.01)

    found = results(client, f"station=SGS&{SPAN}")

    high = [each for each in found if each["max_elevation_deg"] > 45]
    low = [each for each in found if each["max_elevation_deg"] < 45]
    assert high
    assert low
    assert all(each["keyhole_antennas"] == ["SGS-1", "SGS-2"] for each in high)
    assert all("SGS-2" not in each["keyhole_antennas"] for each in low)
    near_the_sun = [each for each in found if each["sun_separation_deg"] < 90]
    assert near_the_sun
    assert all(each["sun_conjunction_antennas"] == ["SGS-3"] for each in near_the_sun)
    plain = results(client, f"station=SGS&{SPAN}&details=false")
    assert "keyhole_antennas" not in plain[0]


def test_clusters_are_planes_and_shells(client):
    everything = results(client, f"{SPAN}&limit=2000")
    of_plane = results(client, f"{SPAN}&plane=SCS-01&limit=2000")
    of_cluster = results(client, f"{SPAN}&cluster=SCS-01&limit=2000")
    both = results(client, f"{SPAN}&shell=SCS-01&satellite=SCS-01-A,STARCLOUD-1&limit=2000")

    assert {each["satellite"] for each in everything} - {
        each["satellite"] for each in of_plane
    } == {"STARCLOUD-1"}
    assert of_plane == of_cluster
    assert {each["satellite"] for each in both} == {"SCS-01-A"}


def test_passes_are_filtered_by_height_length_and_light(client):
    everything = results(client, f"{SPAN}&limit=2000")
    for query, fits in (
        ("min_elevation_deg=30", lambda each: each["max_elevation_deg"] >= 30),
        ("min_duration_s=300", lambda each: each["duration_s"] >= 300),
        ("light=sunlit", lambda each: each["tca_light"] == "sunlit"),
        ("light=umbra", lambda each: each["tca_light"] == "umbra"),
    ):
        expected = [each for each in everything if fits(each)]
        assert 0 < len(expected) < len(everything)
        assert results(client, f"{SPAN}&limit=2000&{query}") == expected


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("elevation=3", "There is no parameter elevation; those known are satellite, plane, shell"),
        ("plane=NONE", "There is no plane NONE with active satellites."),
        ("cluster=SCS-01,X", "There is no cluster X with active satellites."),
        ("light=dim", "is not a valid choice"),
        ("min_elevation_deg=nan", "number is required"),
        ("min_duration_s=-1", "greater than or equal to 0"),
        ("limit=0", "greater than or equal to 1"),
        ("cursor=e30", "This cursor is not one that a page gave."),
        ("format=xml", "is not a valid choice"),
    ],
)
def test_what_is_asked_wrongly_is_refused_and_not_ignored(client, query, says):
    answer = client.get(f"/api/v1/passes?{query}")
    assert answer.status_code in (400, 404)
    if query != "format=xml":
        assert answer.status_code == 400
        assert says in answer.content.decode()


def test_pages_hold_still_while_time_moves(client, monkeypatch):
    whole = results(client, f"{SPAN}&limit=2000")
    url, paged = "/api/v1/passes?limit=40&end=2026-08-22T18:00:00Z", []
    while url:
        body = client.get(url).json()
        paged += body["results"]
        assert not body["changed"]
        url = body["next"]
        later = clock.now() + timedelta(minutes=10)
        monkeypatch.setattr(clock, "now", lambda later=later: later)

    assert len(paged) > 200
    assert paged == whole


def test_a_page_says_when_orbits_have_changed_since_the_first(client):
    following = client.get(f"/api/v1/passes?limit=40&{SPAN}").json()["next"]
    held = ElementSet.objects.get(satellite__code="SCS-01-A")
    moved = replace(catalogue.mean_elements(held), epoch_at=held.epoch_at + timedelta(minutes=10))
    make_element_set(elements=moved, satellite=held.satellite)

    second = client.get(following).json()
    third = client.get(second["next"]).json()

    assert second["changed"]
    assert third["changed"]


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("/api/v1/passes?format=csv&", {}),
        ("/api/v1/passes.csv?", {}),
        ("/api/v1/passes?", {"HTTP_ACCEPT": "text/csv"}),
    ],
)
def test_csv_has_the_same_passes_with_units_in_its_header(client, address, headers):
    whole = results(client, f"{SPAN}&limit=2000")
    answer = client.get(f"{address}{SPAN}", **headers)

    assert answer["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(text_of(answer))))
    assert len(rows) == len(whole)
    for row, body in zip(rows, whole, strict=True):
        assert row["satellite"] == body["satellite"]
        assert row["aos_at"] == body["aos_at"]
        assert float(row["los_range_rate_m_s"]) == body["los_range_rate_m_s"]
        assert row["tca_light"] == body["tca_light"]
        assert row["ends_after"] == str(body["ends_after"]).lower()
        assert row["keyhole_antennas"].split() == body["keyhole_antennas"]
        shifts = {each["carrier"]: each for each in body["doppler"]}
        assert float(row["aos_doppler_x-down_hz"]) == shifts["x-down"]["aos_hz"]
    names = set(rows[0])
    assert {"duration_s", "max_elevation_deg", "tca_range_m", "max_azimuth_rate_deg_per_s"} <= names


def test_csv_in_pages_leads_on_by_a_link(client):
    first = client.get(f"/api/v1/passes.csv?limit=3&{SPAN}&details=false")
    rows = list(csv.DictReader(io.StringIO(first.content.decode())))
    url = first["Link"].partition(">")[0].removeprefix("<")
    more = list(csv.DictReader(io.StringIO(client.get(url).content.decode())))

    expected = [each["aos_at"] for each in results(client, f"{SPAN}&limit=6")]
    assert [row["aos_at"] for row in rows + more] == expected


def test_a_refusal_is_a_problem_even_to_who_wants_csv(client):
    answer = client.get("/api/v1/passes.csv?station=X")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert b"There is no station X." in answer.content
    assert APIClient().get("/api/v1/passes.csv").status_code == 401


def test_who_asks_for_what_takes_long_is_told_how_far_it_is(client, monkeypatch):
    queued = []
    monkeypatch.setattr(tasks.compute_passes, "apply_async", lambda **call: queued.append(call))
    fleet_plan.plan_fleet(NOON)
    answer = client.get(f"/api/v1/passes?{SPAN}")

    assert answer.status_code == 503
    assert answer["Retry-After"] == "3"
    body = answer.json()
    assert (body["code"], body["done"], body["wanted"]) == ("still_computing", 0, 3 * 2_813)
    assert queued[0]["kwargs"] == {
        "start": "2026-08-22T12:00:00Z",
        "end": "2026-08-22T18:00:00Z",
    }
    # What is small is answered at once.
    assert results(client, f"{SPAN}&plane=SCS-01")


def test_a_worker_computes_what_is_waited_for(transactional_db, monkeypatch):
    catalogue.load_reference(NOON)
    monkeypatch.setattr(pass_waiting, "PATIENCE", 5)
    monkeypatch.setattr(tasks.compute_passes, "apply_async", lambda **call: None)
    client = APIClient()
    client.force_authenticate(make_user(role="viewer"))
    assert client.get(f"/api/v1/passes?{SPAN}").status_code == 503

    tasks.compute_passes(start="2026-08-22T12:00:00Z", end="2026-08-22T18:00:00Z")

    assert client.get(f"/api/v1/passes?{SPAN}").status_code == 200
