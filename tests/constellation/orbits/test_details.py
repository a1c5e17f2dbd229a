"""Details of passes against Skyfield with JPL's ephemeris, and against dense steps."""

from dataclasses import replace

import numpy as np
import pytest
from skyfield.api import EarthSatellite, wgs84

from constellation.orbits import details, eclipse, frames, look, passes, propagation
from constellation.orbits.details import Mount
from tests.constellation.orbits import ephemeris, fleet

MOUNT = Mount(
    keyhole_elevation_rad=np.radians(85.0),
    azimuth_rate_limit_rad_s=np.radians(5.0),
    sun_limit_rad=np.radians(8.0),
    moon_limit_rad=np.radians(8.0),
)


SAMPLED_EVERY = 120
"""Passes that are looked at on Skyfield's own fine grid, which takes a second for each."""


@pytest.fixture(scope="module")
def sites():
    return [fleet.site(station) for station in fleet.stations()]


@pytest.fixture(scope="module")
def found(sites):
    return passes.find_passes(fleet.orbits(), sites, fleet.NOON_S, fleet.NOON_S + 43_200.0).passes


@pytest.fixture(scope="module")
def told(found, sites):
    return details.details(fleet.orbits(), sites, found, mounts=MOUNT)


def track(found, k):
    """Return Skyfield's satellite and place of a pass, and a fine grid over it."""
    lines = fleet.TLE.read_text().splitlines()
    first = 3 * int(found.satellite[k])
    satellite = EarthSatellite(lines[first + 1], lines[first + 2], ts=frames.timescale())
    station = fleet.stations()[found.station[k]]
    place = wgs84.latlon(
        station["latitude_deg"], station["longitude_deg"], elevation_m=station["altitude_m"]
    )
    return satellite, place, np.linspace(found.aos_s[k], found.los_s[k], 4_001)


def test_the_nearest_sun_and_moon_agree_with_skyfield(found, told):
    planets = ephemeris.planets()
    for k in range(0, len(found), SAMPLED_EVERY):
        satellite, place, grid_s = track(found, k)
        time = frames.skyfield_time(grid_s)
        to_satellite = (satellite - place).at(time).altaz()[:2]
        for body, separation_rad, when_s, within_deg in (
            ("sun", told.sun_separation_rad[k], told.sun_separation_s[k], 0.015),
            ("moon", told.moon_separation_rad[k], told.moon_separation_s[k], 0.1),
        ):
            seen = (planets["earth"] + place).at(time).observe(planets[body]).apparent()
            apart_deg = np.degrees(between(to_satellite, seen.altaz()[:2]))
            assert np.degrees(separation_rad) == pytest.approx(apart_deg.min(), abs=within_deg)
            assert np.interp(when_s, grid_s, apart_deg) == pytest.approx(
                apart_deg.min(), abs=2 * within_deg
            )


def between(first, second):
    """Return the angles between two directions given as altitude and azimuth."""
    one, other = (
        np.stack(
            [
                np.cos(altitude.radians) * np.cos(azimuth.radians),
                np.cos(altitude.radians) * np.sin(azimuth.radians),
                np.sin(altitude.radians),
            ],
            axis=-1,
        )
        for altitude, azimuth in (first, second)
    )
    return ephemeris.apart_rad(one, other)


def test_the_azimuth_turns_as_fast_as_skyfields(found, told):
    for k in range(0, len(found), SAMPLED_EVERY):
        satellite, place, grid_s = track(found, k)
        azimuth_rad = (satellite - place).at(frames.skyfield_time(grid_s)).altaz()[1].radians
        turned_rad = np.abs((np.diff(azimuth_rad) + np.pi) % (2 * np.pi) - np.pi)
        rates = turned_rad / np.diff(grid_s)
        # Means over a sixth of a second, where the rate changes by a few hundredths of it.
        assert told.max_azimuth_rate_rad_s[k] == pytest.approx(rates.max(), rel=0.05, abs=1e-5)
        assert told.max_azimuth_rate_rad_s[k] > rates.max() * (1 - 1e-3)


def test_a_pass_through_the_zenith_is_warned_of(found, told):
    overhead = found.max_elevation_rad > MOUNT.keyhole_elevation_rad
    assert overhead.any()
    assert told.keyhole[overhead].all()
    fast = told.max_azimuth_rate_rad_s > MOUNT.azimuth_rate_limit_rad_s
    np.testing.assert_array_equal(told.keyhole, overhead | fast)
    assert not told.keyhole[found.max_elevation_rad < np.radians(45.0)].any()


def test_each_site_may_have_its_own_mount(found, sites):
    mounts = [details.NO_KEYHOLE] * len(sites)
    mounts[3] = replace(MOUNT, azimuth_rate_limit_rad_s=0.0)
    told = details.details(fleet.orbits(), sites, found, mounts=mounts)

    np.testing.assert_array_equal(told.keyhole, found.station == 3)
    with pytest.raises(ValueError, match="2 mounts for 24 sites"):
        details.details(fleet.orbits(), sites, found, mounts=mounts[:2])


def test_conjunctions_are_those_under_the_limit(told):
    for apart_rad, flagged in (
        (told.sun_separation_rad, told.sun_conjunction),
        (told.moon_separation_rad, told.moon_conjunction),
    ):
        assert 0 < flagged.sum() < len(told)
        np.testing.assert_array_equal(flagged, apart_rad < np.radians(8.0))


def test_light_agrees_with_skyfields_own_test_of_sunlight(found, told):
    for number in range(3):
        satellite = track(found, int(np.flatnonzero(found.satellite == number)[0]))[0]
        mine = found.satellite == number
        for at_s, light in (
            (found.aos_s, told.aos_light),
            (found.tca_s, told.tca_light),
            (found.los_s, told.los_light),
        ):
            lit = satellite.at(frames.skyfield_time(at_s[mine])).is_sunlit(ephemeris.planets())
            full = light[mine] == eclipse.Light.SUNLIT
            dark = light[mine] == eclipse.Light.UMBRA
            # Its shadow is a cylinder with one edge, within the penumbra or a second of it.
            assert (lit != full).sum() <= 2
            assert not (lit & dark).any()


def test_some_passes_are_told_of_as_all_are(found, told, sites):
    which = [7, 3, 3]
    some = details.details(fleet.orbits(), sites, found, which, mounts=MOUNT)

    everything = list(details.rows(told))
    for mine, k in zip(details.rows(some), which, strict=True):
        assert mine == pytest.approx(everything[k])
    assert len(details.details(fleet.orbits(), sites, found, [])) == 0


def test_a_high_orbit_is_told_of(sites):
    # Twelve hours over the pole: slow, and in view for most of a day.
    molniya = replace(
        fleet.element_sets()[0],
        mean_motion_rev_per_day=2.00613,
        eccentricity=0.72,
        inclination_deg=63.4,
        perigee_argument_deg=270.0,
        bstar_per_earth_radius=0.0,
    )
    orbits = propagation.Orbits([("high", molniya)])
    found = passes.find_passes(orbits, sites, fleet.NOON_S, fleet.NOON_S + 86_400.0).passes
    told = details.details(orbits, sites, found)

    assert (found.los_s - found.aos_s).max() > 4 * 3_600.0
    assert (told.max_azimuth_rate_rad_s < 1.0).all()
    assert (told.sun_separation_s >= found.aos_s).all()
    assert (told.sun_separation_s <= found.los_s).all()


def test_range_rates_and_doppler_of_a_pass(found):
    whole = ~(found.begun_before | found.ends_after)
    assert (found.aos_range_rate_m_s[whole] < 0).all()
    assert (found.los_range_rate_m_s[whole] > 0).all()
    assert (np.abs(found.tca_range_rate_m_s[whole]) < 600.0).all()
    later_m = []
    for seconds in (-0.5, 0.5):
        position_m, _ = fleet.orbits().states_of(found.satellite, found.aos_s + seconds)
        places_m = np.array([fleet.site(station).position_m for station in fleet.stations()])
        later_m.append(np.linalg.norm(position_m - places_m[found.station], axis=1))
    np.testing.assert_allclose(found.aos_range_rate_m_s, later_m[1] - later_m[0], atol=0.1)

    # Towards us at 7 km/s, 2.2 GHz is received 51.4 kHz higher.
    assert look.doppler_hz(2.2e9, -7_000.0) == pytest.approx(51_368.9, abs=0.1)
    assert look.doppler_hz(2.2e9, np.array([0.0, 7_000.0]))[1] < 0
