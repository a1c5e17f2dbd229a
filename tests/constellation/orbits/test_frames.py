"""Frames, look angles and subpoints against Skyfield, which takes another road."""

import numpy as np
import pytest
from skyfield.api import EarthSatellite, wgs84
from skyfield.framelib import itrs

from constellation.orbits import frames, ground, look
from tests.constellation.orbits import fleet

AT_S = fleet.NOON_S + np.arange(0.0, 86_400.0, 421.0)


@pytest.fixture(scope="module")
def skyfield_satellite():
    lines = fleet.TLE.read_text().splitlines()
    return EarthSatellite(lines[1], lines[2], lines[0], frames.timescale())


def test_states_agree_with_skyfields_full_rotation(skyfield_satellite):
    # Skyfield multiplies precession, nutation and the Earth's turn; we turn once.
    position, velocity = skyfield_satellite.at(frames.skyfield_time(AT_S)).frame_xyz_and_velocity(
        itrs
    )

    states = fleet.orbits().states(AT_S)

    # The element set's epoch reaches SGP4 with rounding of 1e-11 days: some micrometres.
    np.testing.assert_allclose(states.position_m[0], position.m.T, atol=1e-4)
    np.testing.assert_allclose(states.velocity_m_s[0], velocity.m_per_s.T, atol=1e-7)


def test_the_velocity_is_what_the_ground_sees():
    before, after = (fleet.orbits().states(AT_S + moved).position_m for moved in (-0.5, 0.5))
    # SGP4's own velocity leaves out derivatives of short periodics, some 0.03 m/s; without
    # the Earth's rotation it would be wrong by up to 500 m/s.
    np.testing.assert_allclose(after - before, fleet.orbits().states(AT_S).velocity_m_s, atol=0.05)


def test_look_angles_agree_with_skyfield(skyfield_satellite):
    time = frames.skyfield_time(AT_S)
    svalbard = wgs84.latlon(78.2297, 15.4075, 450)
    altitude, azimuth, distance = (skyfield_satellite - svalbard).at(time).altaz()
    site = frames.Site.from_degrees(78.2297, 15.4075, 450)

    seen = look.look_angles(site, skyfield_satellite.at(time).frame_xyz(itrs).m.T)

    np.testing.assert_allclose(seen.elevation_rad, altitude.radians, atol=1e-12)
    np.testing.assert_allclose(np.cos(seen.azimuth_rad - azimuth.radians), 1.0, atol=1e-12)
    np.testing.assert_allclose(seen.range_m, distance.m, atol=1e-6)


def test_the_range_rate_is_the_change_of_the_range():
    site = fleet.site(fleet.stations()[0])
    before, here, after = (fleet.orbits().states(AT_S + moved) for moved in (-0.5, 0.0, 0.5))
    change = (
        look.look_angles(site, after.position_m).range_m
        - look.look_angles(site, before.position_m).range_m
    )
    rate = look.range_rate_m_s(site, here.position_m, here.velocity_m_s)
    np.testing.assert_allclose(rate, change, atol=0.1)  # As SGP4's velocity.


def test_subpoints_agree_with_skyfield(skyfield_satellite):
    geocentric = skyfield_satellite.at(frames.skyfield_time(AT_S))
    place = wgs84.geographic_position_of(geocentric)

    latitude, longitude, altitude = ground.subpoints_rad(geocentric.frame_xyz(itrs).m.T)

    # Skyfield stops its own iteration after three turns, at 1e-8 rad or so.
    np.testing.assert_allclose(latitude, place.latitude.radians, atol=1e-7)
    np.testing.assert_allclose(longitude, place.longitude.radians, atol=1e-12)
    np.testing.assert_allclose(altitude, place.elevation.m, atol=0.01)


@pytest.mark.parametrize("latitude_deg", [-90.0, -52.9, 0.0, 40.0, 78.2, 90.0])
def test_a_site_stands_over_its_own_subpoint(latitude_deg):
    site = frames.Site.from_degrees(latitude_deg, 116.0, 1234.0)
    latitude, longitude, altitude = ground.subpoints_rad(site.position_m)

    assert np.degrees(latitude) == pytest.approx(latitude_deg, abs=1e-9)
    assert altitude == pytest.approx(1234.0, abs=1e-6)
    if abs(latitude_deg) < 90:
        assert np.degrees(longitude) == pytest.approx(116.0, abs=1e-9)


def test_the_way_back_to_teme_is_the_way_back():
    at_s = fleet.NOON_S + np.arange(0.0, 86_400.0, 3_000.0)
    position_m, velocity_m_s = fleet.orbits().teme(at_s)
    states = fleet.orbits().states(at_s)
    back_m, back_m_s = frames.teme_from_itrs(states.position_m, states.velocity_m_s, at_s)

    np.testing.assert_allclose(back_m, position_m, atol=1e-6)
    np.testing.assert_allclose(back_m_s, velocity_m_s, atol=1e-9)
