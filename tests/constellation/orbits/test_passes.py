"""Passes against Skyfield's `find_events`, and what it does not tell."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skyfield.api import EarthSatellite, wgs84

from constellation.orbits import elements, frames, look, passes, propagation
from tests.constellation.orbits import fleet

DAY_S = 86_400.0
MARGIN_S = 1_800.0


@pytest.fixture(scope="module")
def found():
    sites = [fleet.site(station) for station in fleet.stations()]
    return passes.find_passes(fleet.orbits(), sites, fleet.NOON_S, fleet.NOON_S + DAY_S)


def skyfield_passes(satellite, station):
    """Yield (AOS, LOS, highest elevation in radians) of each pass, by Skyfield alone."""
    # Skyfield misses a pass whose maximum lies outside of the span (its issue 996), so it
    # is asked for more than the day.
    start, end = (
        frames.skyfield_time(at_s)
        for at_s in (fleet.NOON_S - MARGIN_S, fleet.NOON_S + DAY_S + MARGIN_S)
    )
    place = wgs84.latlon(
        station["latitude_deg"], station["longitude_deg"], elevation_m=station["altitude_m"]
    )
    times, events = satellite.find_events(place, start, end, station["mask_deg"])
    at_s = np.array([when.timestamp() for when in times.utc_datetime()])

    def elevation_deg(moment_s):
        return (satellite - place).at(frames.skyfield_time(moment_s)).altaz()[0].degrees

    sharp_s = sharpened(lambda moment_s: elevation_deg(moment_s) - station["mask_deg"], at_s)
    peaks_rad = np.radians(elevation_deg(at_s))
    crossings = np.flatnonzero(events != 1)
    for rise, fall in itertools.pairwise(crossings):
        if events[rise] == 0:
            yield sharp_s[rise], sharp_s[fall], peaks_rad[rise + 1 : fall].max()


def sharpened(height, at_s):
    """Return crossings to the millisecond from those of `find_events`, by its own angles.

    `find_events` gives the end of the last interval in which it saw the sign change, up to
    half a second wide, and so is late by up to 0.2 s here.
    """
    low_s, high_s = at_s - 0.5, at_s + 0.01
    for _ in range(10):
        middle_s = 0.5 * (low_s + high_s)
        same = np.sign(height(middle_s)) == np.sign(height(low_s))
        low_s, high_s = np.where(same, middle_s, low_s), np.where(same, high_s, middle_s)
    return 0.5 * (low_s + high_s)


def test_a_day_of_passes_agrees_with_skyfield_on_every_pass(found):
    lines = fleet.TLE.read_text().splitlines()
    end_s = fleet.NOON_S + DAY_S
    worst_s, worst_rad, counted = 0.0, 0.0, 0
    for number in range(12):
        satellite = EarthSatellite(*lines[3 * number + 1 : 3 * number + 3], ts=frames.timescale())
        for place, station in enumerate(fleet.stations()):
            expected = [
                each
                for each in skyfield_passes(satellite, station)
                if each[1] > fleet.NOON_S and each[0] < end_s
            ]
            mine = (found.passes.satellite == number) & (found.passes.station == place)
            assert mine.sum() == len(expected), (lines[3 * number], station["code"])
            for k, (aos_s, los_s, peak_rad) in zip(np.flatnonzero(mine), expected, strict=True):
                assert found.passes.begun_before[k] == (aos_s < fleet.NOON_S)
                assert found.passes.ends_after[k] == (los_s > end_s)
                worst_s = max(
                    worst_s,
                    abs(found.passes.aos_s[k] - max(aos_s, fleet.NOON_S)),
                    abs(found.passes.los_s[k] - min(los_s, end_s)),
                )
                if not (found.passes.begun_before[k] or found.passes.ends_after[k]):
                    higher_rad = found.passes.max_elevation_rad[k] - peak_rad
                    assert higher_rad > -1e-9
                    worst_rad = max(worst_rad, higher_rad)
                counted += 1
    assert counted > 1_000
    # Ten halvings of half a second leave 0.5 ms.
    assert worst_s < 0.002
    # find_events stops within half a second of the top, where it may lie 0.05 degrees lower.
    assert worst_rad < 1e-3


def test_the_elevation_at_aos_and_los_is_the_mask(found):
    whole = ~(found.passes.begun_before | found.passes.ends_after)
    for at_s in (found.passes.aos_s, found.passes.los_s):
        position_m, _ = fleet.orbits().states_of(found.passes.satellite, at_s)
        for number, station in enumerate(fleet.stations()):
            here = whole & (found.passes.station == number)
            seen = look.look_angles(fleet.site(station), position_m[here])
            # A ten-thousandth of a second at a hundredth of a degree a second.
            np.testing.assert_allclose(np.degrees(seen.elevation_rad), 10.0, atol=1e-5)


def test_passes_come_by_aos_and_each_has_its_highest_point_inside(found):
    columns = found.passes
    assert (np.diff(columns.aos_s) >= 0).all()
    assert (columns.aos_s <= columns.tca_s).all()
    assert (columns.tca_s <= columns.los_s).all()
    assert (columns.max_elevation_rad >= np.radians(10.0) - 1e-6).all()
    assert next(passes.rows(columns))["begun_before"] is True


def test_a_span_cut_in_two_has_the_same_passes(found):
    sites = [fleet.site(station) for station in fleet.stations()]
    half_s = fleet.NOON_S + DAY_S / 3  # At midnight nobody is in view.
    halves = [
        passes.find_passes(fleet.orbits(), sites, start_s, end_s).passes
        for start_s, end_s in ((fleet.NOON_S, half_s), (half_s, fleet.NOON_S + DAY_S))
    ]
    assert halves[0].ends_after.sum() == halves[1].begun_before.sum() > 0
    shared = halves[0].ends_after.sum()
    assert len(halves[0]) + len(halves[1]) - shared == len(found.passes)
    in_view = sum((half.los_s - half.aos_s).sum() for half in halves)
    assert in_view == pytest.approx((found.passes.los_s - found.passes.aos_s).sum(), abs=0.1)


def circular(altitude_m, *, inclination_deg=0.0, node_deg=0.0, anomaly_deg=0.0, eccentricity=1e-4):
    radius_m = 6_378_135.0 + altitude_m
    per_day = np.sqrt(3.986008e14 / radius_m**3) * DAY_S / (2 * np.pi)
    return elements.ElementSet(
        name="test",
        object_id="",
        catalogue_number="",
        epoch_at=fleet.element_sets()[0].epoch_at,
        mean_motion_rev_per_day=per_day,
        eccentricity=eccentricity,
        inclination_deg=inclination_deg,
        node_deg=node_deg,
        perigee_argument_deg=0.0,
        mean_anomaly_deg=anomaly_deg,
    )


def test_a_satellite_that_never_sets_is_one_pass():
    geostationary = propagation.Orbits([("high", circular(35_786_000.0))])
    position_m = geostationary.states(fleet.NOON_S).position_m[0, 0]
    longitude_deg = np.degrees(np.arctan2(position_m[1], position_m[0]))
    site = frames.Site.from_degrees(10.0, longitude_deg, 0.0, 10.0)

    found = passes.find_passes(geostationary, [site], fleet.NOON_S, fleet.NOON_S + DAY_S).passes

    assert len(found) == 1
    assert found.begun_before[0]
    assert found.ends_after[0]
    assert (found.aos_s[0], found.los_s[0]) == (fleet.NOON_S, fleet.NOON_S + DAY_S)


def test_a_satellite_that_sgp4_refuses_is_named_and_spares_the_rest():
    falling = circular(-20_000.0)
    healthy = fleet.element_sets()[0]
    orbits = propagation.Orbits([("falling", falling), ("healthy", healthy)])
    sites = [fleet.site(station) for station in fleet.stations()]

    found = passes.find_passes(orbits, sites, fleet.NOON_S, fleet.NOON_S + DAY_S)

    assert list(found.refused) == ["falling"]
    assert "SGP4 refuses it at 2026-08-22T12:00:00Z" in found.refused["falling"]
    assert set(found.passes.satellite.tolist()) == {1}
    alone = passes.find_passes(
        propagation.Orbits([("healthy", healthy)]), sites, fleet.NOON_S, fleet.NOON_S + DAY_S
    )
    np.testing.assert_array_equal(found.passes.aos_s, alone.passes.aos_s)


def test_a_satellite_that_has_decayed_does_not_come_back():
    # SGP4 reports no error once its drag has taken more than the whole orbit: this one would
    # be 4,000 km up again after eight hours, and as far as the moon after two days.
    gone = replace(circular(-20_000.0), mean_motion_rev_per_day=16.6, bstar_per_earth_radius=0.05)
    orbits = propagation.Orbits([("gone", gone)])
    sites = [fleet.site(station) for station in fleet.stations()]
    instants_s = fleet.NOON_S + np.arange(0.0, 5 * DAY_S, 600.0)

    for start_s in fleet.NOON_S + DAY_S * np.arange(0.25, 5.0):
        found = passes.find_passes(orbits, sites, start_s, start_s + DAY_S / 4)
        assert len(found.passes) == 0
        assert "SGP4 refuses it" in found.refused["gone"]
    many, _ = orbits.teme(instants_s)
    few, _ = orbits.states_of(np.zeros(len(instants_s), dtype=int), instants_s)
    assert np.isfinite(many).sum() == np.isfinite(few).sum() < 30


def test_nobody_has_no_passes():
    assert len(passes.find_passes(propagation.Orbits([]), [], 0.0, 60.0).passes) == 0
    assert len(passes.find_passes(fleet.orbits(), [], 0.0, 600.0).passes) == 0
    with pytest.raises(ValueError, match="span"):
        passes.find_passes(fleet.orbits(), [], 60.0, 60.0)


@settings(max_examples=40, deadline=None)
@given(
    altitude_m=st.floats(350_000.0, 2_000_000.0),
    inclination_deg=st.floats(0.0, 179.0),
    node_deg=st.floats(0.0, 359.0),
    anomaly_deg=st.floats(0.0, 359.0),
    latitude_deg=st.floats(-90.0, 90.0),
    mask_deg=st.floats(0.0, 60.0),
)
def test_any_orbit_over_any_site_agrees_with_a_fine_grid(
    altitude_m, inclination_deg, node_deg, anomaly_deg, latitude_deg, mask_deg
):
    orbit = circular(
        altitude_m, inclination_deg=inclination_deg, node_deg=node_deg, anomaly_deg=anomaly_deg
    )
    orbits = propagation.Orbits([("any", orbit)])
    site = frames.Site.from_degrees(latitude_deg, 20.0, 0.0, mask_deg)
    start_s, end_s = fleet.NOON_S, fleet.NOON_S + 21_600.0
    found = passes.find_passes(orbits, [site], start_s, end_s).passes

    grid_s = np.arange(start_s, end_s, 1.0)
    seen = look.look_angles(site, orbits.states(grid_s).position_m[0]).elevation_rad
    inside = np.zeros(len(grid_s), dtype=bool)
    for aos_s, los_s in zip(found.aos_s, found.los_s, strict=True):
        inside |= (grid_s >= aos_s) & (grid_s < los_s)
    # A hundred-millionth of a radian is what a microsecond moves the satellite.
    clear = np.abs(seen - site.mask_rad) > 1e-6
    np.testing.assert_array_equal(inside[clear], (seen > site.mask_rad)[clear])
