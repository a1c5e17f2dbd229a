"""Satellites, stations, passes, positions and links over HTTP."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from rest_framework.test import APIClient

from constellation import catalogue, positions
from constellation.models import Satellite
from constellation.orbits import eclipse
from ops import clock
from tests.factories import NOON, make_element_set, make_user

ADDRESSES = [
    "/api/v1/satellites",
    "/api/v1/satellites/SCS-01-A",
    "/api/v1/stations",
    "/api/v1/stations/SGS",
    "/api/v1/passes",
    "/api/v1/positions",
    "/api/v1/links",
]


@pytest.fixture
def fleet(db, monkeypatch):
    catalogue.load_reference(NOON)
    monkeypatch.setattr(clock, "now", lambda: NOON)


@pytest.fixture
def client(fleet):
    client = APIClient()
    client.force_authenticate(make_user(role="viewer"))
    return client


@pytest.mark.parametrize("url", ADDRESSES)
def test_a_stranger_and_a_customer_are_refused(fleet, url):
    stranger, customer = APIClient(), APIClient()
    customer.force_authenticate(make_user(role="customer"))

    assert stranger.get(url).status_code == 401
    assert customer.get(url).status_code == 403


@pytest.mark.parametrize("url", ADDRESSES)
def test_a_viewer_may_look(client, url):
    assert client.get(url).status_code == 200


def all_pages(client, url):
    results, pages = [], 0
    while url:
        answer = client.get(url)
        assert answer.status_code == 200, answer.content
        results += answer.json()["results"]
        url, pages = answer.json()["next"], pages + 1
    return results, pages


def test_satellites_come_in_pages_with_the_age_of_their_elements(client):
    results, pages = all_pages(client, "/api/v1/satellites?limit=5")

    assert pages == 3
    assert [each["code"] for each in results] == sorted(each["code"] for each in results)
    first = results[0]
    assert first["code"] == "SCS-01-A"
    assert first["element_set"]["epoch_at"] == "2026-08-21T19:03:38.061792Z"
    assert first["element_set"]["age_s"] == 60_982
    assert first["profile"]["tops"] == 744


def test_satellites_are_filtered(client):
    Satellite.objects.filter(code="SCS-01-B").update(role="training", planned=True)
    by_role, _ = all_pages(client, "/api/v1/satellites?role=training")
    planned, _ = all_pages(client, "/api/v1/satellites?planned=true")
    launched, _ = all_pages(client, "/api/v1/satellites?planned=false")

    assert [each["code"] for each in by_role] == ["SCS-01-B"]
    assert [each["code"] for each in planned] == ["SCS-01-B"]
    assert len(launched) == 12


def test_one_satellite_shows_its_element_set(client):
    body = client.get("/api/v1/satellites/SCS-01-A").json()
    assert body["omm"]["MEAN_MOTION"] == 15.21237263
    assert client.get("/api/v1/satellites/NOBODY").status_code == 404


def test_stations_have_their_antennas(client):
    results, _ = all_pages(client, "/api/v1/stations?limit=7")
    assert sum(len(each["antennas"]) for each in results) == 44
    assert client.get("/api/v1/stations/SGS").json()["antennas"][0]["code"] == "SGS-1"


def test_a_day_of_passes_in_pages(client):
    results, pages = all_pages(client, "/api/v1/passes?limit=500")

    assert pages == 3
    assert len(results) == 1304
    places = [(each["aos_at"], each["satellite"], each["station"]) for each in results]
    assert len(set(places)) == len(places)
    instants = [datetime.fromisoformat(each["aos_at"]) for each in results]
    assert instants == sorted(instants)
    # Whole passes, though three of them are under way when the span starts.
    assert sum(instant < NOON for instant in instants) >= 3
    assert not any(each["begun_before"] or each["ends_after"] for each in results)


def test_passes_are_filtered(client):
    results, _ = all_pages(
        client,
        "/api/v1/passes?satellite=SCS-01-A,SCS-01-B&station=SGS&min_elevation_deg=40"
        "&start=2026-08-22T12:00:00Z&end=2026-08-23T12:00:00Z",
    )
    assert 0 < len(results) < 24
    assert {each["satellite"] for each in results} <= {"SCS-01-A", "SCS-01-B"}
    assert {each["station"] for each in results} == {"SGS"}
    assert min(each["max_elevation_deg"] for each in results) >= 40


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("satellite=NOBODY", "There is no satellite NOBODY."),
        ("station=X,SGS", "There is no station X."),
        ("start=2026-08-22T12:00:00Z&end=2026-08-22T11:00:00Z", "ends before it starts"),
        ("start=2026-08-22T12:00:00Z&end=2026-09-22T12:00:00Z", "longer than 7 days"),
        ("start=1900-08-22T12:00:00Z", "outside of 1958 to 2056"),
        ("cursor=nonsense", "This cursor is not one that a page gave."),
    ],
)
def test_a_wrong_question_about_passes_is_told_so(client, query, detail):
    answer = client.get(f"/api/v1/passes?{query}")
    assert answer.status_code == 400
    assert detail in answer.content.decode()


def test_positions_interpolate_to_half_a_metre(client):
    answer = client.get("/api/v1/positions?keyframes=11")
    header, states, light = positions.read_keyframes(answer.content)

    assert answer["Content-Type"] == "application/octet-stream"
    assert (header["start_s"], header["step_s"]) == (NOON.timestamp(), 60)
    assert states.shape == (13, 11, 6)
    assert set(np.unique(light)) <= {0, 1, 2}

    orbits = catalogue.orbits(catalogue.elements_of_record(NOON))
    assert header["satellites"] == orbits.names
    middle = orbits.states(header["start_s"] + 60.0 * np.arange(10) + 30.0).position_m
    p, v = states[..., :3].astype(float), states[..., 3:].astype(float)
    cubic = 0.5 * (p[:, :-1] + p[:, 1:]) + 60.0 / 8.0 * (v[:, :-1] - v[:, 1:])
    # 0.36 m of the cubic and up to 0.35 m of float32's rounding of each coordinate.
    assert np.linalg.norm(cubic - middle, axis=-1).max() < 1.0

    exact = eclipse.light(
        orbits.states([NOON.timestamp()]).position_m, eclipse.sun_m([NOON.timestamp()])
    )
    np.testing.assert_array_equal(light[:, :1], exact)


def test_positions_of_some_satellites_from_an_instant(client):
    answer = client.get(
        "/api/v1/positions?satellites=SCS-01-C&start=2026-08-22T12:00:59Z&keyframes=2"
    )
    header, states, _ = positions.read_keyframes(answer.content)

    assert header["satellites"] == ["SCS-01-C"]
    assert header["start_s"] == NOON.timestamp()
    assert np.linalg.norm(states[0, 0, :3]) == pytest.approx(6.87e6, rel=0.01)
    assert client.get("/api/v1/positions?keyframes=100000").status_code == 400


def test_links_keep_to_the_terminals_of_each_satellite(client):
    body = client.get("/api/v1/links").json()
    pairs = [each["satellites"] for each in body["links"]]
    held = [code for pair in pairs for code in pair]

    assert pairs
    assert max(held.count(code) for code in held) <= 4
    assert "STARCLOUD-1" not in held
    assert all(each["bit_per_s"] == 100_000_000_000 for each in body["links"])
    later = (NOON + timedelta(hours=1)).astimezone(UTC).isoformat().replace("+00:00", "Z")
    assert client.get(f"/api/v1/links?at={later}").json()["at"] == later


@pytest.mark.parametrize(
    ("url", "detail"),
    [
        ("positions?satelites=A&from=now", "no parameter from, satelites; those known are satel"),
        ("links?when=now", "There is no parameter when; those known are at."),
    ],
)
def test_a_parameter_that_is_not_known_is_refused_by_name(client, url, detail):
    answer = client.get(f"/api/v1/{url}")
    assert answer.status_code == 400
    assert detail in answer.json()["detail"]


def test_positions_that_nothing_changed_are_not_sent_again(client):
    url = "/api/v1/positions?start=2026-08-22T12:00:10Z&keyframes=3"
    first = client.get(url)
    tag = first["ETag"]
    again = client.get(url, HTTP_IF_NONE_MATCH=tag)
    same_minute = client.get(url.replace("00:10Z", "00:50Z"), HTTP_IF_NONE_MATCH=tag)

    assert first["Cache-Control"] == "private, no-cache"
    assert {"Authorization", "Cookie"} <= {each.strip() for each in first["Vary"].split(",")}
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)
    assert same_minute.status_code == 304
    for other in ("keyframes=4", "keyframes=3&satellites=SCS-01-A"):
        asked = client.get(url.replace("keyframes=3", other), HTTP_IF_NONE_MATCH=tag)
        assert asked.status_code == 200
    later = client.get(url.replace("12:00:10Z", "12:01:00Z"), HTTP_IF_NONE_MATCH=tag)
    assert later.status_code == 200

    held = Satellite.objects.get(code="SCS-01-A").element_sets.get()
    mean = catalogue.mean_elements(held)
    moved = replace(mean, epoch_at=mean.epoch_at + timedelta(seconds=1))
    make_element_set(elements=moved, satellite=held.satellite, priority=held.priority)
    assert client.get(url, HTTP_IF_NONE_MATCH=tag).status_code == 200
