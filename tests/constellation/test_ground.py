"""Ground tracks and footprints as GeoJSON: true on the ground, and legal at its edges."""

import itertools
from datetime import datetime, timedelta
from math import radians

import numpy as np
import pytest
from rest_framework.test import APIClient
from skyfield.api import EarthSatellite, wgs84

from constellation import catalogue, geojson
from constellation.models import ElementSet, Satellite
from constellation.orbits import footprint, frames, look
from ops import clock
from tests.factories import NOON, make_satellite, make_user

URL = "/api/v1/satellites/SCS-01-A"


@pytest.fixture
def fleet(db, monkeypatch):
    catalogue.load_reference(NOON)
    monkeypatch.setattr(clock, "now", lambda: NOON)


@pytest.fixture
def client(fleet):
    client = APIClient()
    client.force_authenticate(make_user(role="viewer"))
    return client


def get(client, address):
    answer = client.get(address)
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == "application/geo+json"
    return answer.json()


def parts_of(geometry):
    return (
        geometry["coordinates"]
        if geometry["type"].startswith("Multi")
        else [geometry["coordinates"]]
    )


def area_of(ring):
    """Twice the signed area in the plane: positive when counter-clockwise."""
    (x0, y0), (x1, y1) = np.array(ring)[:-1].T, np.array(ring)[1:].T
    return float(np.sum(x0 * y1 - x1 * y0))


def is_inside(rings, longitude, latitude):
    """Whether a point is in any of the rings (crossing number)."""
    for ring in rings:
        crossings = 0
        for (x0, y0), (x1, y1) in itertools.pairwise(ring):
            if (y0 > latitude) != (y1 > latitude):
                crossings += longitude < x0 + (latitude - y0) / (y1 - y0) * (x1 - x0)
        if crossings % 2:
            return True
    return False


def test_a_track_is_where_skyfield_sees_the_subpoint(client):
    body = get(client, f"{URL}/ground-track?step_s=30")
    parts = parts_of(body["geometry"])
    times = body["properties"]["times"]
    row = ElementSet.objects.get(satellite__code="SCS-01-A")
    satellite = EarthSatellite.from_satrec(catalogue.orbits([row])._records[0], frames.timescale())

    assert len(parts) > 1
    for part, at in zip(parts, times, strict=True):
        inner = slice(1, -1)
        instants = [datetime.fromisoformat(each) for each in at[inner]]
        seen = satellite.at(frames.timescale().from_datetimes(instants))
        below = wgs84.geographic_position_of(seen)
        longitude, latitude, altitude = np.array(part[inner]).T
        # Six decimals of a degree are a decimetre.
        turn = (longitude - below.longitude.degrees + 180) % 360 - 180
        np.testing.assert_allclose(turn * np.cos(np.radians(latitude)), 0, atol=2e-6)
        np.testing.assert_allclose(latitude, below.latitude.degrees, atol=2e-6)
        np.testing.assert_allclose(altitude, below.elevation.m, atol=0.5)


def test_a_track_never_jumps_across_the_antimeridian(client):
    body = get(client, f"{URL}/ground-track?end=2026-08-23T12:00:00Z")
    parts = parts_of(body["geometry"])

    # 15.2 revolutions a day, and one turn of the Earth below them the other way.
    assert 15 <= len(parts) - 1 <= 17
    for before, after in itertools.pairwise(parts):
        assert abs(before[-1][0]) == 180
        assert after[0][0] == -before[-1][0]
        assert after[0][1:] == before[-1][1:]
    for part in parts:
        longitude, latitude, _ = np.array(part).T
        assert np.abs(np.diff(longitude)).max() < 180
        assert np.abs(longitude).max() <= 180
        assert np.abs(latitude).max() <= 90


@pytest.mark.parametrize("minutes", range(0, 96, 8))
@pytest.mark.parametrize("min_elevation_deg", [0, 25])
def test_a_footprint_holds_just_those_who_see_the_satellite(client, minutes, min_elevation_deg):
    at = (NOON + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")
    body = get(client, f"{URL}/footprint?at={at}&min_elevation_deg={min_elevation_deg}")
    geometry = body["geometry"]
    rings = [
        ring
        for area in (
            [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
        )
        for ring in area
    ]

    assert all(ring[0] == ring[-1] for ring in rings)
    assert all(area_of(ring) > 0 for ring in rings)
    assert all(abs(x) <= 180 and abs(y) <= 90 for ring in rings for x, y in ring)
    row = ElementSet.objects.get(satellite__code="SCS-01-A")
    position_m = (
        catalogue.orbits([row])
        .states([(NOON + timedelta(minutes=minutes)).timestamp()])
        .position_m[0]
    )
    generator = np.random.default_rng(minutes)
    # Around the satellite, where both answers are to be had; and anywhere.
    x0, y0 = body["properties"]["subpoint"]
    near = np.stack([x0 + generator.uniform(-60, 60, 60), y0 + generator.uniform(-25, 25, 60)], -1)
    far = np.stack([generator.uniform(-180, 180, 30), generator.uniform(-89, 89, 30)], -1)
    checked = 0
    for x, y in np.concatenate([near, far]):
        if abs(y) > 89:
            continue
        x = (x + 180) % 360 - 180
        site = frames.Site.from_degrees(y, x, 0.0)
        elevation = np.degrees(look.look_angles(site, position_m).elevation_rad[0])
        # The ring's corners are two degrees of bearing apart; between them it is straight.
        if abs(elevation - min_elevation_deg) > 1.0:
            checked += 1
            assert is_inside(rings, x, y) == (elevation > min_elevation_deg)
    assert checked > 30


def test_the_edge_of_a_footprint_sees_the_satellite_at_that_elevation():
    for position_m in ([6.9e6, 0, 0], [0, 0, 6.9e6], [-3e6, 1e6, -6.2e6], [4.2e7, 1e6, 3e5]):
        position_m = np.array(position_m, dtype=float)
        latitude_rad, longitude_rad = footprint.edge_rad(position_m, radians(10))
        seen = [
            look.look_angles(frames.Site.from_degrees(lat, lon, 0.0), position_m).elevation_rad
            for lat, lon in zip(np.degrees(latitude_rad), np.degrees(longitude_rad), strict=True)
        ]
        np.testing.assert_allclose(np.degrees(seen), 10, atol=1e-6)


@pytest.mark.parametrize("sign", [1, -1])
def test_an_area_around_a_pole_reaches_it_and_both_edges_of_the_map(sign):
    longitude = np.arange(36) * 10.0 * sign + 123.0
    geometry = geojson.area_geometry(longitude, np.full(36, 70.0 * sign))
    (ring,) = geometry["coordinates"]

    assert geometry["type"] == "Polygon"
    assert area_of(ring) > 0
    assert is_inside([ring], 45.0, 80.0 * sign)
    assert is_inside([ring], -179.99, 89.9 * sign)
    assert not is_inside([ring], 45.0, 60.0 * sign)
    assert {abs(x) for x, y in ring if y == 90.0 * sign} == {180.0}


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("/ground-track?step=3", "There is no parameter step; those known are start, end, step_s."),
        ("/ground-track?step_s=0.5", "greater than or equal to 1"),
        ("/ground-track?end=2026-08-28T12:00:00Z&step_s=1", "at most 20000 are told"),
        ("/ground-track?end=2026-08-22T12:00:30Z", "shorter than step_s"),
        ("/footprint?min_elevation_deg=90", "less than or equal to 89"),
        ("/footprint?elevation=3", "those known are at, min_elevation_deg."),
        ("/footprint?at=noon", "Datetime has wrong format"),
    ],
)
def test_what_is_asked_wrongly_is_refused(client, address, says):
    answer = client.get(URL + address)
    assert answer.status_code == 400
    assert says in answer.content.decode()


def test_strangers_unknown_satellites_and_those_without_an_orbit(client):
    customer = APIClient()
    customer.force_authenticate(make_user(role="customer"))
    make_satellite(code="NEW")
    for name in ("ground-track", "footprint"):
        assert APIClient().get(f"{URL}/{name}").status_code == 401
        assert customer.get(f"{URL}/{name}").status_code == 403
        assert client.get(f"/api/v1/satellites/NOBODY/{name}").status_code == 404
        answer = client.get(f"/api/v1/satellites/NEW/{name}")
        assert answer.status_code == 409
        assert "NEW has no element set to be flown by" in answer.json()["detail"]
    assert Satellite.objects.filter(code="NEW").exists()
